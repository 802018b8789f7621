//! Clients: each casts something and does not rest until it is acknowledged.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::join;
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::task::TaskTracker;

use super::{
    platform::{PLACES, Platform},
    records::Records,
};

/// Clients at a time: each has a connection or two, and what the line does not take for a while must not take all that
/// this process may have.
const CLIENTS: usize = 3_000;
/// Positions of the contests in [`Platform::contests`].
pub const BANDS: usize = 0;
const OLYMPICS: usize = 1;
const LIMITED: usize = 2;

/// All clients.
pub struct Clients {
    pub line: Arc<Platform>,
    /// By contest, in the platform's order.
    pub records: Vec<Records>,
    /// Answers that no client should get.
    pub wrong: Mutex<Vec<String>>,
    /// Ballots that fit no definition, as many as may have been published.
    pub poisoned: AtomicU64,
    /// The dead letters that they become.
    pub buried: Mutex<BTreeSet<String>>,
    /// Ballots of a request that has many.
    many: Range<usize>,
    /// Answers that the outcome is unknown, that nothing was accepted, and requests that broke.
    pub refusals: [AtomicU64; 3],
    work: TaskTracker,
}

/// A ballot to be cast.
#[derive(Debug, Clone)]
struct Cast {
    id: Option<String>,
    voter: Option<String>,
    fields: Value,
}

/// What an ingest answered.
enum Answer {
    /// All are accepted, under these ids.
    Accepted(Vec<String>),
    /// Perhaps; to be sent again under these ids.
    Unknown(Vec<String>),
    /// Certainly none.
    None,
    /// There was no answer.
    Broken,
    /// Something else.
    Wrong(String),
}

impl Clients {
    /// Clients of a line, of which some send so many ballots at a time.
    pub fn new(line: Arc<Platform>, many: Range<usize>) -> Arc<Self> {
        let records = line.contests.iter().map(|_| Records::default()).collect();
        Arc::new(Self {
            line,
            records,
            many,
            wrong: Mutex::default(),
            poisoned: AtomicU64::default(),
            buried: Mutex::default(),
            refusals: Default::default(),
            work: TaskTracker::new(),
        })
    }

    /// Casts so many ballots a second until `over`, then sees all of them acknowledged.
    pub async fn cast(self: &Arc<Self>, rate: f64, over: &AtomicBool, mut random: StdRng) {
        let (mut due, room) = (Instant::now(), Arc::new(Semaphore::new(CLIENTS)));
        while !over.load(Ordering::Relaxed) {
            let client = room.clone().acquire_owned().await.expect("nobody closes it");
            let (clients, random) = (self.clone(), StdRng::from_rng(&mut random));
            let (ballots, work) = clients.plan(random);
            self.work.spawn(async {
                work.await;
                drop(client);
            });
            due += Duration::from_secs_f64(ballots as f64 / rate);
            sleep_until(due).await;
        }
        self.work.close();
        self.work.wait().await;
    }

    /// Ballots that were acknowledged, by contest.
    pub fn sums(&self) -> Vec<u64> {
        self.records.iter().map(|records| records.acknowledged.load(Ordering::Relaxed)).collect()
    }

    /// What one client does: how many ballots, and the work.
    fn plan(self: Arc<Self>, mut random: StdRng) -> (usize, futures::future::BoxFuture<'static, ()>) {
        let id = format!("client-{:016x}", random.random::<u64>());
        let named = Some(id.clone());
        let many: usize = random.random_range(self.many.clone());
        match random.random_range(0..100) {
            0..40 => (1, Box::pin(self.one(BANDS, vec![vote(named, &mut random)], random))),
            40..55 => (1, Box::pin(self.one(BANDS, vec![vote(None, &mut random)], random))),
            55..65 => (1, Box::pin(self.one(OLYMPICS, vec![score(None, &mut random)], random))),
            65..73 => {
                let cast = Cast { fields: undrawn(&mut random), id: named, voter: None };
                (2, Box::pin(self.two(OLYMPICS, vec![cast.clone()], vec![cast], random)))
            }
            73..80 => {
                let cast = vote(named, &mut random);
                (2, Box::pin(self.two(BANDS, vec![cast.clone()], vec![cast], random)))
            }
            80..84 => {
                let (first, second) = (vote(named.clone(), &mut random), vote(named, &mut random));
                (2, Box::pin(self.two(BANDS, vec![first], vec![second], random)))
            }
            84..89 => {
                let casts = (0..many).map(|n| vote(Some(format!("{id}-{n}")), &mut random)).collect();
                (many, Box::pin(self.one(BANDS, casts, random)))
            }
            89..94 => {
                let casts = (0..many).map(|_| score(None, &mut random)).collect();
                (many, Box::pin(self.one(OLYMPICS, casts, random)))
            }
            _ => {
                // One more than counts on each of two connections, some of them twice.
                let mut ballot = |n| limited(&id, n, &mut random);
                let first: Vec<_> = (0..=PLACES).map(&mut ballot).collect();
                let second = first[..1].iter().cloned().chain((PLACES + 1..2 * PLACES).map(ballot)).collect();
                (2 * PLACES + 1, Box::pin(self.two(LIMITED, first, second, random)))
            }
        }
    }

    /// Two connections at the same time.
    async fn two(self: Arc<Self>, contest: usize, first: Vec<Cast>, second: Vec<Cast>, mut random: StdRng) {
        let other = StdRng::from_rng(&mut random);
        join(self.clone().one(contest, first, random), self.one(contest, second, other)).await;
    }

    /// One request, again and again until it is accepted.
    async fn one(self: Arc<Self>, contest: usize, mut casts: Vec<Cast>, mut random: StdRng) {
        let records = &self.records[contest];
        records.begin_all(&casts);
        loop {
            let nameless = casts.iter().filter(|cast| cast.id.is_none()).count();
            records.send(casts.len(), nameless);
            match self.send(contest, &casts, &mut random).await {
                Answer::Accepted(ids) => {
                    name(&mut casts, ids);
                    records.begin_all(&casts);
                    records.told(nameless);
                    casts.iter().filter_map(|cast| cast.id.as_deref()).for_each(|id| records.acknowledge(id));
                    return;
                }
                Answer::Unknown(ids) => {
                    self.refusals[0].fetch_add(1, Ordering::Relaxed);
                    name(&mut casts, ids);
                    records.begin_all(&casts);
                    records.told(nameless);
                }
                Answer::None => {
                    self.refusals[1].fetch_add(1, Ordering::Relaxed);
                    records.told(nameless);
                }
                Answer::Broken => drop(self.refusals[2].fetch_add(1, Ordering::Relaxed)),
                Answer::Wrong(answer) => return self.wrong.lock().push(answer),
            }
            sleep(Duration::from_millis(random.random_range(100..1_000))).await;
        }
    }

    async fn send(&self, contest: usize, casts: &[Cast], random: &mut StdRng) -> Answer {
        let url = {
            let ingests = self.line.ingests.read();
            ingests[random.random_range(0..ingests.len())].url().to_owned()
        };
        let url = format!("{url}/contests/{}/ballots", self.line.contests[contest].name);
        let body: Value = match casts {
            [one] => one.json(),
            many => many.iter().map(Cast::json).collect(),
        };
        let answer = match self.line.http.post(url).json(&body).send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Answer::None,
            Err(_) => return Answer::Broken,
        };
        let status = answer.status().as_u16();
        // One that is killed while it answers has not answered.
        let Ok(body) = answer.json::<Value>().await else { return Answer::Broken };
        let kind = body["type"].as_str().unwrap_or_default();
        match (status, kind.rsplit(':').next()) {
            (202, _) if body["accepted"] == casts.len() => Answer::Accepted(ids(&body["ids"], casts)),
            (503, Some("outcome-unknown")) => Answer::Unknown(ids(&body["ids"], casts)),
            (503, Some("not-accepted")) => Answer::None,
            _ => Answer::Wrong(format!("{status}: {body}")),
        }
    }
}

impl Records {
    fn begin_all(&self, casts: &[Cast]) {
        for Cast { id, voter, fields } in casts {
            id.iter().for_each(|id| self.begin(id, fields, voter.as_deref()));
        }
    }
}

impl Cast {
    fn json(&self) -> Value {
        let mut json = self.fields.clone();
        self.id.iter().for_each(|id| json["id"] = id.as_str().into());
        self.voter.iter().for_each(|voter| json["voter"] = voter.as_str().into());
        json
    }
}

/// The ids of an answer's ballots: a range is spelled out.
fn ids(answer: &Value, casts: &[Cast]) -> Vec<String> {
    if let Some(own) = casts.iter().map(|cast| cast.id.clone()).collect::<Option<Vec<_>>>() {
        return own;
    }
    match (&answer[0], &answer["first"]) {
        (Value::String(id), _) => vec![id.clone()],
        (_, Value::String(first)) => {
            let (request, _) = first.split_once('.').expect("a request's id and a position");
            (0..casts.len()).map(|position| format!("{request}.{position}")).collect()
        }
        _ => panic!("an answer without ids: {answer}"),
    }
}

fn name(casts: &mut [Cast], ids: Vec<String>) {
    assert_eq!(casts.len(), ids.len(), "{ids:?}");
    casts.iter_mut().zip(ids).for_each(|(cast, id)| cast.id = Some(id));
}

fn one_of<T: Copy>(all: &[T], random: &mut StdRng) -> T {
    all[random.random_range(0..all.len())]
}

fn vote(id: Option<String>, random: &mut StdRng) -> Cast {
    let (name, album) =
        one_of(&[("Bohemia Suburbana", "Mil palabras"), ("Alux Nahual", "Leyenda"), ("Malacates", "Paraíso")], random);
    let fields = json!({"name": name, "album": album, "year": random.random_range(1980..2026), "rank": random.random_range(1..6)});
    Cast { id, voter: None, fields }
}

/// A score whose outcome the platform draws.
fn undrawn(random: &mut StdRng) -> Value {
    let faculty = one_of(&["engineering", "agronomy"], random);
    let discipline = one_of(&["swimming", "athletics", "boxing"], random);
    json!({"student": format!("s{}", random.random::<u32>()), "age": random.random_range(16..99), "faculty": faculty, "discipline": discipline})
}

fn score(id: Option<String>, random: &mut StdRng) -> Cast {
    let mut fields = undrawn(random);
    if random.random_bool(0.5) {
        fields["outcome"] = one_of(&["winner", "loser"], random).into();
    }
    Cast { id, voter: None, fields }
}

fn limited(voter: &str, n: usize, random: &mut StdRng) -> Cast {
    let fields = json!({"choice": one_of(&["one", "two", "three"], random), "weight": random.random_range(1..10)});
    Cast { id: Some(format!("{voter}-{n}")), voter: Some(voter.to_owned()), fields }
}
