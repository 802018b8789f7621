//! What must be true at the end: the log is read and counted here, and nothing that the line says of itself is believed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::Ordering,
    time::Duration,
};

use contests::{Definition, definition::Wanted};
use serde_json::Value;
use testkit::{Service, until};

use super::{
    clients::{BANDS, Clients},
    platform::PLACES,
    watch::number,
};

/// How long the audit may take to settle after the last fault.
const SETTLES: Duration = Duration::from_secs(300);
/// How long answers may take on a busy machine whose servers were just mended, of a whole ledger.
const ANSWERS: Duration = Duration::from_secs(300);

/// Counters by tally and key.
type Counters = BTreeMap<(String, Vec<String>), i64>;

impl Clients {
    /// Checks all of it.
    pub async fn check(&self) {
        let checked = self.try_check().await;
        let wrong = self.wrong.lock().clone();
        let shown: Vec<_> = wrong.iter().take(10).collect();
        assert!(wrong.is_empty(), "{} answers are wrong: {shown:#?}\n{}", wrong.len(), self.line.tails());
        checked.unwrap_or_else(|e| panic!("{e}\n{}", self.line.tails()));
    }

    async fn try_check(&self) -> Result<(), String> {
        for tally in &self.line.tallies {
            tally.await_ready().await;
        }
        let tally = &self.line.tallies[0];
        until("empty queues", SETTLES, || self.line.queued()).await?;
        for contest in 0..self.records.len() {
            let audit = self.settles(tally, contest).await?;
            let log = self.read_log(contest).await?;
            self.compare(contest, &log, &audit)?;
            self.counters_agree(tally, contest, &log).await?;
            if contest == BANDS {
                self.are_buried(number(&audit["dead"])).await?;
            }
        }
        self.line.queued().await
    }

    async fn settles(&self, tally: &Service, contest: usize) -> Result<Value, String> {
        let path = format!("{}/audit", self.line.contests[contest].name);
        let settled = until("a settled audit", SETTLES, || async {
            let audit = self.line.get(tally, &path).await?;
            self.holds(contest, &audit);
            if audit["settled"] == true { Ok(audit) } else { Err(audit.to_string()) }
        });
        settled.await
    }

    /// All rows by id; an error where one is there twice.
    async fn read_log(&self, contest: usize) -> Result<HashMap<String, Value>, String> {
        let rows = self.line.rows(&self.line.contests[contest].name).await?;
        let mut log = HashMap::new();
        for row in rows {
            let id = row["id"].as_str().ok_or("a row without an id")?;
            if log.insert(id.to_owned(), row.clone()).is_some() {
                return Err(format!("{id} is in the log twice"));
            }
        }
        Ok(log)
    }

    /// Whether the log has what was acknowledged, and nothing that was not cast.
    fn compare(&self, contest: usize, log: &HashMap<String, Value>, audit: &Value) -> Result<(), String> {
        let (records, definition) = (&self.records[contest], &self.line.contests[contest]);
        let ballots = records.ballots.lock();
        let acknowledged = records.acknowledged.load(Ordering::Relaxed);
        println!("{}: {} ballots, acknowledged {acknowledged} times; {audit}", definition.name, ballots.len());
        for (id, known) in &*ballots {
            match log.get(id) {
                Some(row) if !known.contents.iter().any(|sent| says(definition, row, sent)) => {
                    return Err(format!("{id} says {row}, cast was {known:?}"));
                }
                None if known.acknowledged => return Err(format!("{id} is not in the log: {known:?}")),
                _ => {}
            }
        }
        let nameless = log.keys().filter(|id| !ballots.contains_key(*id)).count() as u64;
        let broken = records.nameless.load(Ordering::Relaxed);
        if nameless > broken {
            return Err(format!("{nameless} rows that nobody cast, {broken} may be"));
        }
        let counted = log.values().filter(|row| row["verdict"] == "counted").count();
        if (number(&audit["counted"]), number(&audit["over_limit"])) != (counted as u64, (log.len() - counted) as u64) {
            return Err(format!("{counted} of {} rows count: {audit}", log.len()));
        }
        if number(&audit["accepted"]) < acknowledged {
            return Err(format!("acknowledged were {acknowledged}: {audit}"));
        }
        // Who retries a ballot without outcome draws the same.
        let disagree = ballots.values().filter(|known| known.contents.len() > 1).count();
        if disagree == 0 && audit["conflicting"] != 0 {
            return Err(format!("an outcome was drawn otherwise: {audit}"));
        }
        limits(definition, log)
    }

    /// Whether standings are what the log adds up to, also after a rebuild, and `verify` agrees.
    async fn counters_agree(
        &self,
        tally: &Service,
        contest: usize,
        log: &HashMap<String, Value>,
    ) -> Result<(), String> {
        let definition = &self.line.contests[contest];
        let name = &definition.name;
        let expected = recount(definition, log);
        let agree = async |tally: &Service, when: &str| {
            until(when, SETTLES, || async {
                let found = counters(&self.line.get(tally, &format!("{name}/standings")).await?);
                let differ: Vec<_> = expected.iter().filter(|(key, value)| found.get(key) != Some(value)).collect();
                if found == expected { Ok(()) } else { Err(format!("{name}: {found:?}; the log says {differ:?}")) }
            })
            .await?;
            let verified =
                until("verify", ANSWERS, async || self.line.post(tally, &format!("{name}/verify")).await).await?;
            if verified["agrees"] == true { Ok(()) } else { Err(verified.to_string()) }
        };
        agree(tally, "the log's counts").await?;
        until("rebuild", ANSWERS, async || self.line.post(tally, &format!("{name}/rebuild")).await).await?;
        agree(&self.line.tallies[1], "the log's counts after a rebuild").await
    }
}

/// Whether a row holds what was sent, what is hidden aside; an outcome may have been drawn.
fn says(definition: &Definition, row: &Value, sent: &Value) -> bool {
    let shown = definition.fields.iter().filter(|field| !definition.is_hidden(&field.name));
    shown.into_iter().all(|field| {
        let (logged, sent) = (&row["fields"][&field.name], &sent[&field.name]);
        logged == sent || (field.draw && sent.is_null() && logged.is_string())
    })
}

/// Whether of each voter's ballots as many count as may, and no more.
fn limits(definition: &Definition, log: &HashMap<String, Value>) -> Result<(), String> {
    if definition.voters.max_ballots.is_none() {
        return Ok(());
    }
    let mut voters = BTreeMap::<&str, (usize, usize)>::new();
    for row in log.values() {
        let (all, counted) = voters.entry(row["voter"].as_str().ok_or("a row without a voter")?).or_default();
        *all += 1;
        *counted += usize::from(row["verdict"] == "counted");
    }
    let wrong: BTreeMap<_, _> = voters.iter().filter(|(_, (all, counted))| *counted != (*all).min(PLACES)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("voters, their rows, and how many count: {wrong:?}")) }
}

/// What the rows that count add up to.
fn recount(definition: &Definition, log: &HashMap<String, Value>) -> Counters {
    let mut counters = Counters::new();
    let field = |row: &Value, at: usize| row["fields"][&definition.fields[at].name].clone();
    for row in log.values().filter(|row| row["verdict"] == "counted") {
        for tally in &definition.tallies {
            let meant = tally.conditions.iter().all(|condition| match &condition.value {
                Wanted::Text(text) => field(row, condition.field) == text.as_str(),
                Wanted::Integer(number) => field(row, condition.field) == *number,
            });
            if meant {
                let key = tally.by.iter().map(|at| text(&field(row, *at))).collect();
                let amount = tally.sum.map_or(1, |at| field(row, at).as_i64().expect("a number is summed"));
                *counters.entry((tally.name.clone(), key)).or_default() += amount;
            }
        }
    }
    counters
}

/// What standings say.
fn counters(standings: &Value) -> Counters {
    let mut counters = Counters::new();
    for (tally, ranking) in standings["tallies"].as_object().into_iter().flatten() {
        for row in ranking["rows"].as_array().into_iter().flatten() {
            let key = row["key"].as_array().into_iter().flatten().map(text).collect();
            counters.insert((tally.clone(), key), row["value"].as_i64().expect("a number"));
        }
    }
    counters
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
