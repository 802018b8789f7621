//! `POST /votes`: one vote a request, 202 after the confirm, beside Fastify and beside hyper alone.

use std::path::Path;

use anyhow::{Context, Result};
use testkit::Process;

use crate::{
    contest::{
        Cores, Servers, ballots, memory,
        paced::{self, Pace, Paced},
        peer::{Hello, fastify},
        write,
    },
    report::{NO_GOAL, Row, percentile},
    wrk::{self, Load},
};

/// Connections, one measurement each.
const CONNECTIONS: [u32; 3] = [64, 256, 1_024];
/// Those that the goal is about.
const GOAL: u32 = 256;
/// Different votes.
const VOTES: usize = 10_000;
/// Seconds of load before anything is measured.
const WARM: u32 = 2;
/// Connections of the open loop.
const OPEN: usize = 256;
/// Rounds of the open loop.
const ROUNDS: usize = 5;

/// A server under load, and its process' id.
struct Server {
    url: String,
    pid: u32,
}

/// What a run measured.
struct Measured {
    load: Load,
    cores: String,
}

/// The whole comparison, over so many broker nodes.
pub async fn measure(nodes: usize, seconds: u32) -> Result<Vec<Row>> {
    let servers = Servers::start(nodes).await?;
    let (process, url) = servers.ingest().await?;
    let ours = Server::of(&process, url)?;
    let peer = fastify(&servers.rabbit.url(0), servers.folder.path()).await?;
    let theirs = peer.as_ref().map(|(process, url)| Server::of(process, url.clone())).transpose()?;
    let hello = Hello::start().await?;
    let bare = Server { url: hello.url.clone(), pid: std::process::id() };
    let list = servers.folder.path().join("votes.ndjson");
    let votes = ballots(VOTES);
    write(&list, &votes)?;
    for server in [Some(&ours), theirs.as_ref()].into_iter().flatten() {
        server.run(&list, GOAL, WARM).await?;
    }
    let (mut rows, mut most) = (vec![], 0.0_f64);
    for connections in CONNECTIONS {
        let peer = match &theirs {
            Some(theirs) => Some(theirs.run(&list, connections, seconds).await?),
            None => None,
        };
        most = most.max(peer.as_ref().map_or(0.0, |m| m.load.rate()));
        let own = ours.run(&list, connections, seconds).await?;
        let bare = bare.run(&list, connections, seconds).await?;
        rows.push(row(nodes, connections, &own, peer.as_ref(), &bare));
    }
    if let Some(theirs) = &theirs {
        rows.push(open(&ours, theirs, &votes, most / 2.0, seconds).await?);
    }
    rows.push(memory(format!("ingest under that load, {nodes} broker node(s)"), ours.pid)?);
    Ok(rows)
}

impl Server {
    fn of(process: &Process, url: String) -> Result<Self> {
        Ok(Self { url, pid: process.pid().context("it ended")? })
    }

    async fn run(&self, list: &Path, connections: u32, seconds: u32) -> Result<Measured> {
        let before = Cores::now(self.pid);
        let run = wrk::Run { script: "votes.lua", input: ("BALLOTS", list), connections, seconds };
        let load = wrk::run(&self.url, &run).await?;
        let cores = Cores::now(self.pid).a_thousand(before, load.requests - load.failed.min(load.requests));
        Ok(Measured { load, cores })
    }
}

impl Measured {
    fn text(&self) -> String {
        let Load { p50, p99, failed, .. } = self.load;
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let (p50, p99) = (p50 as f64 / 1e3, p99 as f64 / 1e3);
        format!("{:.0}/s, p50 {p50:.1} ms, p99 {p99:.1} ms, {}{failed}", self.load.rate(), self.cores)
    }
}

fn row(nodes: usize, connections: u32, ours: &Measured, peer: Option<&Measured>, bare: &Measured) -> Row {
    let times = peer.map(|peer| (ours.load.rate() / peer.load.rate(), ours.load.p99 as f64 / peer.load.p99 as f64));
    let fastify = peer.map_or("Fastify was not there".to_owned(), |peer| format!("Fastify: {}", peer.text()));
    let of_bare = ours.load.rate() / bare.load.rate();
    Row {
        what: format!("POST /votes of one vote, {nodes} broker node(s), {connections} connections"),
        ours: ours.text(),
        bare: format!("{fastify}; hyper alone: {}", bare.text()),
        ratio: times.map_or(String::new(), |(rate, p99)| format!("{rate:.2}, p99 {p99:.2}; "))
            + &format!("of hyper {of_bare:.2}"),
        goal: if connections == GOAL { "≥ 6 × and p99 ≤ 0.2 × Fastify's" } else { NO_GOAL },
        met: times.is_some_and(|(rate, p99)| rate >= 6.0 && p99 <= 0.2),
    }
}

/// At half of what Fastify does at most, whatever was answered meanwhile; in turns, because the broker's disk stands still
/// now and then, under whoever is measured then.
async fn open(ours: &Server, theirs: &Server, votes: &[String], rate: f64, seconds: u32) -> Result<Row> {
    let pace = Pace { rate, connections: OPEN, seconds: seconds.max(3) };
    let (mut own, mut peer) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        peer.push(paced::run(&theirs.url, votes, pace).await?);
        own.push(paced::run(&ours.url, votes, pace).await?);
    }
    let failed = own.iter().map(|round| round.failed).sum::<usize>();
    let (p99, ratio) = (median(&own, |p| p.p99), median(&own, |p| p.p99) / median(&peer, |p| p.p99));
    let text = |rounds: &[Paced]| {
        let worst = rounds.iter().map(|p| p.p99).fold(0.0, f64::max);
        let failed: usize = rounds.iter().map(|p| p.failed).sum();
        let (rate, p50, p99) = (median(rounds, |p| p.rate), median(rounds, |p| p.p50), median(rounds, |p| p.p99));
        format!("{rate:.0}/s, p50 {p50:.1} ms, p99 {p99:.1} ms (worst round {worst:.1} ms), {failed} failed")
    };
    Ok(Row {
        what: format!(
            "POST /votes, open loop at {rate:.0}/s, half of Fastify's maximum, median of {ROUNDS} rounds in turns"
        ),
        ours: text(&own),
        bare: format!("Fastify: {}", text(&peer)),
        ratio: format!("p99 {ratio:.2}"),
        goal: "p99 ≤ 5 ms",
        met: p99 <= 5.0 && failed == 0,
    })
}

fn median(rounds: &[Paced], of: impl Fn(&Paced) -> f64) -> f64 {
    percentile(&mut rounds.iter().map(of).collect::<Vec<_>>(), 50.0)
}
