//! A store of each kind.

use std::sync::Arc;

use embedded::Database;
use state::{States, embedded::EmbeddedStates, redis::RedisStates};
use tempfile::TempDir;
use testkit::RedisCluster;

pub enum Kind {
    Embedded,
    Redis,
}

pub struct Store {
    pub states: Arc<dyn States>,
    _folder: TempDir,
}

impl Store {
    /// `None`, and said, where the server is not installed. In Redis the tests share a cluster: each has a
    /// tenant of its own.
    pub async fn open(kind: Kind) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let states: Arc<dyn States> = match kind {
            Kind::Embedded => {
                let database = Database::open(folder.path()).expect("the database opens");
                Arc::new(EmbeddedStates::open(database).await.expect("the tables are made"))
            }
            Kind::Redis => {
                let cluster = RedisCluster::shared().await?;
                Arc::new(RedisStates::connect(&cluster.url()).await.expect("the cluster answers"))
            }
        };
        Some(Self { states, _folder: folder })
    }
}
