//! A store of each kind.

use std::sync::Arc;

use ballots::{BallotLog, embedded::EmbeddedBallots, mongo::MongoBallots};
use embedded::Database;
use tempfile::TempDir;
use testkit::Mongo;

pub enum Kind {
    Embedded,
    Mongo,
}

pub struct Store {
    pub log: Arc<dyn BallotLog>,
    _folder: TempDir,
}

impl Store {
    /// `None`, and said, where the server is not installed. On the server each test has a database of its own.
    pub async fn open(kind: Kind, name: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log: Arc<dyn BallotLog> = match kind {
            Kind::Embedded => {
                let database = Database::open(folder.path()).expect("the database opens");
                Arc::new(EmbeddedBallots::open(database).await.expect("the tables are made"))
            }
            Kind::Mongo => {
                let server = Mongo::shared().await?;
                // MongoDB takes names of databases up to 63 bytes.
                let name = format!(
                    "{}-{}",
                    &name[..name.len().min(40)],
                    uuid::Uuid::now_v7().simple().to_string().split_off(20)
                );
                Arc::new(MongoBallots::connect(&server.url(&name)).await.expect("the server answers"))
            }
        };
        Some(Self { log, _folder: folder })
    }
}
