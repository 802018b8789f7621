//! From a URL to a store.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    local::LocalFileSystem,
};

use crate::object::{Folder, ObjectBlobs};

/// Why a store cannot be opened: the configuration is wrong.
#[derive(Debug, thiserror::Error)]
#[error("blob storage `{url}` cannot be opened: {reason}")]
pub struct OpenError {
    url: String,
    reason: String,
}

/// How a store is reached.
#[derive(Clone)]
pub struct Options {
    /// Settings of the store by the names that object_store documents, for example `aws_endpoint`,
    /// `aws_region`, `aws_access_key_id`, `aws_secret_access_key`, `aws_allow_http`,
    /// `google_service_account_path`. The environment's `AWS_*` and `GOOGLE_*` are read first.
    pub settings: BTreeMap<String, String>,
    /// Bound on making a connection: a store in the same region answers in milliseconds.
    pub connect_timeout: Duration,
    /// Bound on one request and its answer: the largest record, 8 MiB, takes 3 s at 25 Mbit/s.
    pub request_timeout: Duration,
    /// Retries of a request that failed with 5xx, 429 or, where it may be repeated, by time-out.
    pub retries: usize,
    /// Bound on one call, its retries included: after it the store is unavailable. Below the 10 s after
    /// which a consumer gives up its subscription.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: BTreeMap::new(),
            connect_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(3),
            retries: 3,
            deadline: Duration::from_secs(6),
        }
    }
}

impl fmt::Debug for Options {
    /// Names of the settings only: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("settings", &self.settings.keys())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Options {
    fn client(&self) -> ClientOptions {
        ClientOptions::new().with_timeout(self.request_timeout).with_connect_timeout(self.connect_timeout)
    }

    fn retry(&self) -> RetryConfig {
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(1),
            ..BackoffConfig::default()
        };
        RetryConfig { backoff, max_retries: self.retries, retry_timeout: self.deadline }
    }
}

impl ObjectBlobs {
    /// Opens `s3://bucket/prefix`, `gs://bucket/prefix`, `file:///folder` or a plain path. A folder is made
    /// where it is absent; a bucket must be there, which the first call shows.
    pub fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        let opened = match url.split_once("://") {
            Some(("s3", rest)) => s3(rest, options).map(|store| bucket(store, rest, options)),
            Some(("gs", rest)) => gcs(rest, options).map(|store| bucket(store, rest, options)),
            Some(("file", path)) => folder(path.into(), options),
            None => folder(url.into(), options),
            Some(_) => Err("expected s3://bucket/prefix, gs://bucket/prefix, file:///folder or a path".to_owned()),
        };
        opened.map_err(|reason| OpenError { url: url.to_owned(), reason })
    }
}

fn bucket(store: Arc<dyn ObjectStore>, rest: &str, options: &Options) -> ObjectBlobs {
    let prefix = rest.split_once('/').map_or("", |(_, prefix)| prefix).trim_matches('/');
    let base = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    ObjectBlobs { store, folder: None, base, deadline: options.deadline }
}

fn bucket_name(rest: &str) -> &str {
    rest.split_once('/').map_or(rest, |(bucket, _)| bucket)
}

/// The store's own variables (`AWS_*`, `GOOGLE_*`), then the options' settings over them. Read here, not by
/// object_store: its builders' `from_env` would lose the client's settings beside our time-outs.
fn settings<K: FromStr>(variables: &str, options: &Options) -> Result<Vec<(K, String)>, String> {
    let from_environment = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.to_str().filter(|name| name.starts_with(variables))?.to_ascii_lowercase();
        Some((name.parse().ok()?, value.into_string().ok()?))
    });
    let from_options = options.settings.iter().map(|(name, value)| {
        let key = name.parse().map_err(|_| format!("`{name}` is not a setting of this store; see object_store's"))?;
        Ok((key, value.clone()))
    });
    from_environment.map(Ok).chain(from_options).collect()
}

fn s3(rest: &str, options: &Options) -> Result<Arc<dyn ObjectStore>, String> {
    let (mut builder, mut client) = (AmazonS3Builder::new(), options.client());
    for (key, value) in settings("AWS_", options)? {
        match key {
            AmazonS3ConfigKey::Client(key) => client = client.with_config(key, value),
            key => builder = builder.with_config(key, value),
        }
    }
    let builder = builder.with_bucket_name(bucket_name(rest)).with_retry(options.retry()).with_client_options(client);
    Ok(Arc::new(builder.build().map_err(|e| e.to_string())?))
}

fn gcs(rest: &str, options: &Options) -> Result<Arc<dyn ObjectStore>, String> {
    let (mut builder, mut client) = (GoogleCloudStorageBuilder::new(), options.client());
    for (key, value) in settings("GOOGLE_", options)? {
        match key {
            GoogleConfigKey::Client(key) => client = client.with_config(key, value),
            key => builder = builder.with_config(key, value),
        }
    }
    let builder = builder.with_bucket_name(bucket_name(rest)).with_retry(options.retry()).with_client_options(client);
    Ok(Arc::new(builder.build().map_err(|e| e.to_string())?))
}

fn folder(root: PathBuf, options: &Options) -> Result<ObjectBlobs, String> {
    std::fs::create_dir_all(&root).map_err(|e| e.to_string())?;
    let store = LocalFileSystem::new_with_prefix(&root).map_err(|e| e.to_string())?.with_fsync(true);
    Ok(ObjectBlobs {
        store: Arc::new(store),
        folder: Some(Folder::new(root, options.deadline)),
        base: String::new(),
        deadline: options.deadline,
    })
}
