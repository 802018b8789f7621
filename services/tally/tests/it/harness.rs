//! One tally over stores of a kind, with a contest of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ballots::{BallotLog, embedded::EmbeddedBallots, mongo::MongoBallots};
use blobs::{Records, embedded::EmbeddedBlobs};
use bootstrap::{Access, Context};
use bytes::Bytes;
use contests::{
    Ballot, Definition, Value,
    batch::{Header, append_one},
    standings::Counts,
};
use domain::Tenant;
use embedded::Database;
use jiff::Timestamp;
use messaging::{embedded::EmbeddedBus, topology::VOTES};
use state::{
    embedded::EmbeddedStates,
    tallies::{EmbeddedTallies, RedisTallies},
};
use tally::{Config, Delivered, Round, Stores, Tally};
use testkit::{Mongo, RedisCluster};
use uuid::Uuid;

pub const LONG: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub enum Kind {
    Embedded,
    Real,
}

pub struct Harness {
    pub tally: Tally,
    pub context: Context,
    pub stores: Stores,
    pub contest: Definition,
    pub config: Config,
    number: AtomicU64,
    ballots: AtomicU64,
}

/// A ballot: id, name, voter.
pub type Cast<'a> = (&'a str, &'a str, Option<&'a str>);

impl Harness {
    pub async fn embedded(voters: &str) -> Self {
        Self::new(Kind::Embedded, voters).await.expect("embedded parts are always there")
    }

    /// `None`, and said, where the servers are not installed. With `settle_seconds` 0: what was counted is trusted
    /// at the next sweep.
    pub async fn new(kind: Kind, voters: &str) -> Option<Self> {
        let database = Database::ephemeral().expect("a database");
        let stores = match kind {
            Kind::Embedded => Stores {
                ballots: Arc::new(EmbeddedBallots::open(database.clone()).await.expect("tables")),
                tallies: Arc::new(EmbeddedTallies::open(database.clone()).await.expect("tables")),
            },
            Kind::Real => {
                let (mongo, redis) = (Mongo::shared().await?, RedisCluster::shared().await?);
                Stores {
                    ballots: Arc::new(MongoBallots::connect(&mongo.url(&random())).await.expect("it answers")),
                    tallies: Arc::new(RedisTallies::connect(&redis.url()).await.expect("it answers")),
                }
            }
        };
        Some(Self::over(stores, database, voters).await)
    }

    pub async fn over(stores: Stores, database: Database, voters: &str) -> Self {
        let records = Records::new(Arc::new(EmbeddedBlobs::open(database.clone()).await.expect("tables")));
        let states = Arc::new(EmbeddedStates::open(database.clone()).await.expect("tables"));
        let bus = Arc::new(EmbeddedBus::open(database).await.expect("tables"));
        let access = Access::local(records.clone(), Tenant::local());
        let context = Context::new("tally", bus, records, states, access);
        // Names of contests are keys in what tests share.
        let contest = definition(&format!("c{}", &random()[..20]), voters);
        context.records.put_definition(&contest).await.expect("stored");
        let config = Config { listen: None, sweep_seconds: 1, settle_seconds: 0, ..Config::default() };
        let tally = Tally::new(&context, stores.clone(), &config);
        Self { tally, context, stores, contest, config, number: AtomicU64::new(0), ballots: AtomicU64::new(0) }
    }

    /// The same over another log.
    pub fn with_log(mut self, ballots: Arc<dyn BallotLog>) -> Self {
        self.stores.ballots = ballots;
        self.tally = Tally::new(&self.context, self.stores.clone(), &self.config);
        self
    }

    /// Another replica over the same stores.
    pub fn replica(&self) -> Round {
        Round::of(&Tally::new(&self.context, self.stores.clone(), &self.config))
    }

    pub fn round(&self) -> Round {
        Round::of(&self.tally)
    }

    pub fn batch(&self, casts: &[Cast<'_>]) -> Delivered {
        self.batch_of(casts, |_| {})
    }

    /// A batch of the one producer, with its next number.
    pub fn batch_of(&self, casts: &[Cast<'_>], change: impl FnOnce(&mut Header)) -> Delivered {
        let mut segments = Vec::new();
        for (id, name, voter) in casts {
            // Where voters are limited, everybody is somebody.
            let voter = voter.or(self.contest.voters.max_ballots.and(Some(id)));
            let values = vec![Value::Text((*name).into()), Value::Integer(3)];
            let ballot = Ballot { id: Some((*id).into()), voter: voter.map(|voter| voter.to_owned().into()), values };
            append_one(&mut segments, "", Uuid::nil(), &ballot);
        }
        self.batch_with(u32::try_from(casts.len()).expect("few"), &segments, change)
    }

    /// A batch of so many ballots that are encoded already.
    pub fn batch_with(&self, ballots: u32, segments: &[u8], change: impl FnOnce(&mut Header)) -> Delivered {
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        let mut header = Header {
            batch: Uuid::now_v7(),
            contest: self.contest.name.clone(),
            kind: self.contest.kind,
            revision: self.contest.revision(),
            words: vec![],
            slot: u16::try_from(number % 3).expect("small"),
            producer: Uuid::from_u128(7),
            number,
            ballots,
            cumulative: self.ballots.fetch_add(ballots.into(), Ordering::Relaxed) + u64::from(ballots),
            confirmed: number - 1,
            last: false,
            time: Timestamp::now(),
            fields: self.contest.field_heads(),
        };
        change(&mut header);
        Delivered { group: &VOTES, body: Bytes::from(header.encode(segments)) }
    }

    /// What the counters say, all slots together, to one who has asked nothing before.
    pub async fn counts(&self) -> Counts {
        let gate = contests::Gate::default();
        let state = testkit::until("standings", LONG, || async {
            let asking = Tally::new(&self.context, self.stores.clone(), &self.config);
            asking.standing(Arc::new(self.contest.clone()), &gate).await
        });
        (*state.await.expect("standings").counts).clone()
    }

    pub async fn votes(&self, name: &str) -> i64 {
        self.counts().await.counters.get(&format!("names\u{1f}{name}")).copied().unwrap_or(0)
    }

    /// Counters agree with the ledger, and the ledger with the log.
    pub async fn agree(&self) {
        let verified = testkit::until("all agree", LONG, || async {
            let verified = self.tally.verify(&self.contest.name, false).await.map_err(|e| e.to_string())?;
            if verified.agrees { Ok(()) } else { Err(format!("{verified:?}")) }
        });
        verified.await.expect("ledger, log and counters agree");
    }
}

fn random() -> String {
    Uuid::now_v7().simple().to_string().chars().rev().collect()
}

pub fn definition(name: &str, voters: &str) -> Definition {
    let file = format!(
        "name: {name}\ntitle: C\nkind: votes\nfields:\n  name: {{type: string}}\n  rank: {{type: integer, min: 1, max: 5}}\n\
         tallies:\n  names: {{by: [name]}}\n  sums: {{by: [name], sum: rank}}\nhidden: [voter]\n{voters}"
    );
    Definition::parse(&file).expect("a contest")
}

/// Each function takes a harness; each becomes a test on embedded parts and on real servers.
#[macro_export]
macro_rules! on_both {
    ($voters:literal: $($name:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name($crate::harness::Harness::embedded($voters).await).await;
            })+
        }
        mod real {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let made = $crate::harness::Harness::new($crate::harness::Kind::Real, $voters).await;
                if let Some(harness) = made {
                    super::$name(harness).await;
                }
            })+
        }
    };
}
