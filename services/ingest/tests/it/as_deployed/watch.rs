//! Looks at audits and standings while everything happens.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::Service;
use tokio::time::sleep;

use super::clients::{BANDS, Clients};

/// Between two looks at all contests.
const EVERY: Duration = Duration::from_millis(300);
/// As many times as long as a look took is waited until the next: an audit reads the contest's whole ledger, and after
/// ten minutes looks alone would keep the stand-in for MongoDB busy.
const REST: u32 = 3;

/// A number of an answer.
pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a number: {value}"))
}

impl Clients {
    /// Looks at a tally's answers until `over`; gives how many there were.
    pub async fn watch(&self, tally: &Service, over: &AtomicBool) -> u64 {
        let mut answers = 0;
        while !over.load(Ordering::Relaxed) {
            let began = Instant::now();
            for contest in 0..self.records.len() {
                let name = &self.line.contests[contest].name;
                let acknowledged = self.records[contest].acknowledged.load(Ordering::Relaxed);
                if let Ok(audit) = self.line.get(tally, &format!("{name}/audit")).await {
                    self.holds(contest, &audit);
                    // What was acknowledged before it was asked is in, wherever it was then.
                    let all = audit["settled"] != true || number(&audit["accepted"]) >= acknowledged;
                    self.claim(all, || format!("settled, and {acknowledged} were acknowledged: {audit}"));
                    answers += 1;
                }
                if let Ok(standings) = self.line.get(tally, &format!("{name}/standings")).await {
                    let (counted, possible) =
                        (number(&standings["totals"]["counted"]), self.records[contest].possible());
                    self.claim(counted <= possible, || format!("{possible} ballots at most: {standings}"));
                    answers += 1;
                }
            }
            sleep(EVERY.max(began.elapsed() * REST)).await;
        }
        answers
    }

    /// What an audit says must always hold.
    pub fn holds(&self, contest: usize, audit: &Value) {
        let of = |name: &str| number(&audit[name]);
        let (received, dead) = (of("received"), of("dead"));
        let sums = received == of("counted") + of("duplicate") + of("over_limit");
        self.claim(sums, || format!("it does not add up: {audit}"));
        // What is with a slow consumer for longer than the short run's rest of the queues looks lost meanwhile.
        let lost = audit["settled"] == true && audit["lost"] != 0;
        self.claim(!lost, || format!("something was lost: {audit}"));
        let poisoned = if contest == BANDS { self.poisoned.load(Ordering::Relaxed) } else { 0 };
        self.claim(dead <= poisoned, || format!("something does not fit: {audit}"));
        let whole = audit["settled"] != true || of("accepted") == received + dead;
        self.claim(whole, || format!("settled, and not whole: {audit}"));
        let (possible, sent) = (self.records[contest].possible(), self.records[contest].sent.load(Ordering::Relaxed));
        let once = of("counted") + of("over_limit") <= possible && received <= sent;
        self.claim(once, || format!("{possible} ballots at most, sent {sent} times: {audit}"));
    }

    fn claim(&self, holds: bool, otherwise: impl Fn() -> String) {
        if !holds {
            self.wrong.lock().push(otherwise());
        }
    }
}
