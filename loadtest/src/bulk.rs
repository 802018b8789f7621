//! Many ballots a request: NDJSON of a thousand, and a gRPC stream of messages of a thousand.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, future::try_join_all, stream};
use ingest::proto::{Ballot, CastRequest, Value, ingest_client::IngestClient, value};
use tonic::transport::Channel;

use crate::{
    contest::{Cores, Servers, ballots, memory, write},
    report::{NO_GOAL, Row},
    wrk,
};

/// Ballots a request, and a message.
const BALLOTS: usize = 1_000;
/// Connections, and streams, at a time.
const ABREAST: u32 = 16;
/// What is asked of both.
const GOAL: f64 = 500_000.0;

/// Both, on one broker node.
pub async fn measure(seconds: u32) -> Result<Vec<Row>> {
    let servers = Servers::start(1).await?;
    let (process, url) = servers.ingest().await?;
    let pid = process.pid().context("ingest ended")?;
    let list = servers.folder.path().join("votes.ndjson");
    let ballots = ballots(BALLOTS);
    write(&list, &ballots)?;
    let before = Cores::now(pid);
    let run = wrk::Run { script: "lines.lua", input: ("BALLOTS", &list), connections: ABREAST, seconds };
    let load = wrk::run(&url, &run).await?;
    let accepted = (load.requests - load.failed.min(load.requests)) * BALLOTS as u64;
    let cores = Cores::now(pid).a_thousand(before, accepted);
    let lines = row("NDJSON of 1,000 votes a request", load.rate() * BALLOTS as f64, &cores, load.p99 as f64 / 1e3);
    let before = Cores::now(pid);
    let streamed = streams(&url, &ballots, seconds).await?;
    let cores = Cores::now(pid).a_thousand(before, streamed.accepted);
    let grpc = row("gRPC stream, 1,000 votes a message", streamed.rate, &cores, streamed.p99);
    let memory = memory("ingest under NDJSON and streams".into(), pid)?;
    Ok(vec![lines, grpc, memory])
}

fn row(what: &str, rate: f64, cores: &str, p99: f64) -> Row {
    Row {
        what: format!("{what}, one broker node"),
        ours: format!("{rate:.0} ballots/s, p99 {p99:.1} ms, {cores}"),
        bare: NO_GOAL.into(),
        ratio: NO_GOAL.into(),
        goal: "≥ 500,000/s",
        met: rate >= GOAL,
    }
}

struct Streamed {
    rate: f64,
    accepted: u64,
    p99: f64,
}

/// Streams side by side on one connection each; each message is acknowledged.
async fn streams(url: &str, ballots: &[String], seconds: u32) -> Result<Streamed> {
    let message = message(ballots)?;
    let (began, time) = (Instant::now(), Duration::from_secs(seconds.into()));
    let all = try_join_all((0..ABREAST / 4).map(|_| one(url, &message, began + time))).await?;
    let accepted = all.iter().map(|(accepted, _)| accepted).sum();
    let mut millis: Vec<f64> = all.into_iter().flat_map(|(_, millis)| millis).collect();
    let p99 = crate::report::percentile(&mut millis, 99.0);
    Ok(Streamed { rate: accepted as f64 / began.elapsed().as_secs_f64(), accepted, p99 })
}

/// Ballots that were acknowledged, and the milliseconds between acknowledgements.
async fn one(url: &str, message: &CastRequest, until: Instant) -> Result<(u64, Vec<f64>)> {
    let channel = Channel::from_shared(url.to_owned())?.connect().await?;
    let message = message.clone();
    let messages = stream::repeat_with(move || message.clone());
    let messages = messages.take_while(move |_| futures::future::ready(Instant::now() < until));
    let mut replies = IngestClient::new(channel).cast_stream(messages).await?.into_inner();
    let (mut accepted, mut millis, mut last) = (0, vec![], Instant::now());
    while let Some(reply) = replies.message().await? {
        ensure!(reply.rejections == 0, "{} ballots were rejected", reply.rejections);
        accepted += u64::from(reply.accepted);
        millis.push(last.elapsed().as_secs_f64() * 1e3);
        last = Instant::now();
    }
    Ok((accepted, millis))
}

fn message(ballots: &[String]) -> Result<CastRequest> {
    let definition = contests::samples::bands();
    let fields: Vec<String> = definition.fields.iter().map(|field| field.name.clone()).collect();
    let ballot = |json: &String| {
        let object: serde_json::Value = serde_json::from_str(json)?;
        let value = |field: &String| Value {
            value: match &object[field] {
                serde_json::Value::String(text) => Some(value::Value::Text(text.clone())),
                other => other.as_i64().map(value::Value::Integer),
            },
        };
        anyhow::Ok(Ballot { values: fields.iter().map(value).collect(), ..Ballot::default() })
    };
    let ballots = ballots.iter().map(ballot).collect::<Result<_>>()?;
    Ok(CastRequest { contest: definition.name, fields, voter: String::new(), ballots })
}
