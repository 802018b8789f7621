//! SIGKILL at random moments while ballots are cast, seeded: `TESTKIT_SEED` repeats a run, `TESTKIT_KILLS` makes it longer,
//! `TESTKIT_RATE` sets ballots a second, all contests together.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use client::Client;
use contests::{
    Definition,
    generate::{Generator, Line},
    samples,
    standings::Totals,
};
use futures::future::{join_all, try_join_all};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Map, Value};
use testkit::until;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{SONGS, write};
use crate::{
    killed::{READY, Up},
    plan::seeded,
};

/// How often it is killed.
const KILLS: usize = 10;
/// Clients of each contest.
const CLIENTS: u64 = 4;
/// Voters, where a contest asks for one.
const VOTERS: u64 = 500;
/// For how long a ballot is sent again.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long everything may take to be counted after the last kill.
const COUNTS: Duration = Duration::from_secs(60);
/// How long the audit may take: it must have seen the queues empty for longer than a delivery may rest.
const SETTLES: Duration = Duration::from_secs(240);
/// Between two audits.
const LOOK: Duration = Duration::from_millis(100);

/// Between two requests of a client that has a rate.
const EVERY: Duration = Duration::from_millis(100);

/// What one client had acknowledged: ballots by id.
type Taken = BTreeMap<String, Map<String, Value>>;

/// Casts until `stop`: one ballot or several a request, now and then again under the same ids.
async fn cast(
    client: &Client,
    definition: &Definition,
    seed: u64,
    rate: Option<usize>,
    stop: CancellationToken,
) -> Taken {
    let mut random = StdRng::seed_from_u64(seed);
    let lines = Generator::new(definition, seed, 0).zip(0..).map(|(line, number)| ballot(line, seed, number));
    let (mut ballots, mut taken) = (lines, Taken::new());
    let mut due = tokio::time::Instant::now();
    while !stop.is_cancelled() {
        let usual = if random.random_bool(0.7) { 1 } else { random.random_range(2..50) };
        let count = rate.unwrap_or(usual);
        let some: Vec<_> = ballots.by_ref().take(count).collect();
        let body = Value::Array(some.iter().map(|(_, ballot)| ballot.clone().into()).collect()).to_string();
        for _ in 0..=u8::from(random.random_bool(0.1)) {
            let answer = client.cast(&definition.name, body.clone().into_bytes()).await.expect("taken in the end");
            assert_eq!(answer.accepted, some.len() as u64);
        }
        taken.extend(some);
        if rate.is_some() {
            due += EVERY;
            sleep_until(due).await;
        } else {
            sleep(Duration::from_millis(random.random_range(0..20))).await;
        }
    }
    taken
}

/// A number from the environment.
fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

fn ballot(line: Line, seed: u64, number: u64) -> (String, Map<String, Value>) {
    let Line::Ballot(mut ballot) = line else { panic!("none is spoiled") };
    let id = format!("{seed}-{number}");
    ballot.insert("id".to_owned(), id.clone().into());
    // Few voters, so that many are over their limit.
    ballot.entry("voter").and_modify(|voter| *voter = format!("voter-{}", number % VOTERS).into());
    (id, ballot)
}

/// Asks for the audit again and again: its sum holds at every moment at which it is answered.
async fn watch(client: &Client, contest: &str, stop: CancellationToken) -> u64 {
    let mut answers = 0;
    while stop.run_until_cancelled(sleep(LOOK)).await.is_some() {
        // What is killed does not answer.
        let Ok(audit) = client.audit(contest).await else { continue };
        let totals = &audit.totals;
        assert_eq!(audit.received, totals.counted + totals.duplicate + totals.over_limit);
        answers += 1;
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_ballot_is_counted_once_though_the_process_is_killed_10_times() {
    let mut random = seeded();
    let dir = tempfile::tempdir().expect("a folder");
    let contests = dir.path().join("contests");
    std::fs::create_dir(&contests).expect("made");
    write(&contests, "songs.yaml", SONGS);
    write(&contests, "bands.yaml", samples::BANDS);
    write(&contests, "olympics.yaml", samples::OLYMPICS);
    let folder = contests.display().to_string();
    let up = Up::start(&dir.path().join("data"), &["--contests", &folder]);
    up.ready().await;
    let impatient = Client::new(&up.url, None).expect("a URL");
    let client = impatient.clone().patient(PATIENCE);

    let definitions = [samples::bands(), samples::olympics(), Definition::parse(SONGS).expect("a contest")];
    let (stop, cast_all) = (CancellationToken::new(), CancellationToken::new());
    // Ballots of a request, where a rate is asked for.
    let requests = definitions.len() * usize::try_from(CLIENTS).expect("few") * 10;
    let rate = setting("TESTKIT_RATE").map(|rate| (rate / requests).max(1));
    let casting = definitions.iter().map(|definition| {
        let seeds: Vec<u64> = (0..CLIENTS).map(|_| random.random_range(0..1_000_000)).collect();
        join_all(seeds.into_iter().map(|seed| cast(&client, definition, seed, rate, stop.clone())))
    });
    let casting = join_all(casting.collect::<Vec<_>>());
    let kills = async {
        up.kill_at_random(setting("TESTKIT_KILLS").unwrap_or(KILLS), StdRng::from_rng(&mut random)).await;
        stop.cancel();
    };
    let acknowledged = async {
        let (taken, ()) = tokio::join!(casting, kills);
        cast_all.cancel();
        taken.into_iter().map(|clients| clients.into_iter().flatten().collect::<Taken>()).collect::<Vec<_>>()
    };
    let watching = join_all(definitions.iter().map(|d| watch(&impatient, &d.name, cast_all.clone())));
    let began = Instant::now();
    let (acknowledged, watched) = tokio::join!(acknowledged, watching);
    let ballots: usize = acknowledged.iter().map(BTreeMap::len).sum();
    println!("{ballots} ballots acknowledged within {:?}; audits seen: {watched:?}", began.elapsed());
    assert!(watched.iter().all(|answers| *answers > 0), "no audit was answered: {watched:?}");

    let checks = definitions.iter().zip(&acknowledged).map(|(definition, taken)| check(&client, definition, taken));
    try_join_all(checks).await.unwrap_or_else(|e| panic!("{e}\n{}", up.process.tail()));
    up.process.terminate();
    assert_eq!(up.process.ended(READY).await, Ok(Some(0)));
}

/// Whether each is counted once, and everything that can be asked agrees.
async fn check(client: &Client, definition: &Definition, taken: &Taken) -> Result<(), String> {
    let name = definition.name.as_str();
    let expected = countable(definition, taken);
    until(&format!("{name}: all {expected} counted"), COUNTS, async || {
        let totals = client.standings(name, &[]).await.map_err(|e| e.to_string())?.totals;
        // Those above a limit, too: they come as late as others do.
        let right = (totals.counted, totals.over_limit) == (expected, taken.len() as u64 - expected);
        if right { Ok(()) } else { Err(format!("{totals:?}")) }
    })
    .await?;
    assert_eq!(logged(client, name).await, taken.keys().cloned().collect(), "{name}: the log");
    // A batch of nothing but repeats may still come: it is in the ledger before it is in the counters.
    until(&format!("{name}: that everything agrees"), COUNTS, async || {
        let verified = client.verify(name).await.map_err(|e| e.to_string())?;
        if verified["agrees"] == true { Ok(()) } else { Err(format!("{verified:?}")) }
    })
    .await?;
    let before = client.standings(name, &[]).await.map_err(|e| e.to_string())?;
    client.rebuild(name).await.map_err(|e| e.to_string())?;
    let after = client.standings(name, &[]).await.map_err(|e| e.to_string())?;
    // Beats may come in between, which are batches without ballots.
    let told = |standings: contests::Standings| (standings.tallies, Totals { batches: 0, ..standings.totals });
    assert_eq!(told(after), told(before), "{name}: rebuilt");
    until(&format!("{name}: the audit settles"), SETTLES, async || {
        let audit = client.audit(name).await.map_err(|e| e.to_string())?;
        let right = audit.settled && audit.accepted == audit.received && audit.lost == 0;
        if right { Ok(()) } else { Err(format!("{audit:?}")) }
    })
    .await
}

/// How many of these count: all, or of each voter as many as the contest allows.
fn countable(definition: &Definition, taken: &Taken) -> u64 {
    let Some(most) = definition.voters.max_ballots else { return taken.len() as u64 };
    let mut by_voter: BTreeMap<&str, u64> = BTreeMap::new();
    for ballot in taken.values() {
        *by_voter.entry(ballot["voter"].as_str().expect("one is required")).or_default() += 1;
    }
    by_voter.values().map(|cast| (*cast).min(most.into())).sum()
}

/// The ids of the log, each once.
async fn logged(client: &Client, contest: &str) -> BTreeSet<String> {
    let (mut ids, mut cursor) = (BTreeSet::new(), None::<String>);
    loop {
        let mut query = vec![("limit", "1000")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = client.ballots(contest, &query).await.expect("a page");
        for ballot in page.ballots {
            let id = ballot["id"].as_str().expect("an id").to_owned();
            assert!(ids.insert(id), "{contest}: twice in the log: {ballot:?}");
        }
        cursor = page.next;
        if cursor.is_none() {
            return ids;
        }
    }
}
