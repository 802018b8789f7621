//! An empty store of each kind.

use std::{collections::BTreeMap, sync::Arc};

use blobs::{
    Blobs,
    embedded::EmbeddedBlobs,
    object::{ObjectBlobs, Options},
};
use embedded::Database;
use tempfile::TempDir;
use testkit::S3;

pub enum Kind {
    Embedded,
    Folder,
    S3,
}

pub struct Store {
    pub blobs: Arc<dyn Blobs>,
    _folder: Option<TempDir>,
}

impl Store {
    /// `None`, and said, where the server is not installed.
    pub async fn open(kind: Kind) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let blobs: Arc<dyn Blobs> = match kind {
            Kind::Embedded => {
                let database = Database::open(folder.path()).expect("the database opens");
                Arc::new(EmbeddedBlobs::open(database).await.expect("the table is made"))
            }
            Kind::Folder => {
                let path = folder.path().join("records");
                let url = format!("file://{}", path.display());
                Arc::new(ObjectBlobs::open(&url, &Options::default()).expect("the folder opens"))
            }
            Kind::S3 => {
                let server = S3::shared().await?;
                // A prefix in the bucket: what is listed must not carry it.
                let url = format!("{}/a/prefix", server.bucket(&uuid::Uuid::now_v7().to_string()));
                Arc::new(ObjectBlobs::open(&url, &options(server)).expect("the options are valid"))
            }
        };
        Some(Self { blobs, _folder: Some(folder) })
    }
}

pub fn options(server: &S3) -> Options {
    let settings = [
        ("aws_endpoint", server.url()),
        ("aws_region", server.region()),
        ("aws_access_key_id", server.key()),
        ("aws_secret_access_key", server.secret()),
        ("aws_allow_http", "true"),
    ];
    let settings: BTreeMap<_, _> = settings.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    Options { settings, ..Options::default() }
}
