//! The settings: a file, `MAREA_*` variables, flags; the later one holds, and one that no part uses is an error.

use std::{net::SocketAddr, path::Path};

use bootstrap::{
    Platform,
    config::{ConfigError, Layers, Settings as _, yaml},
};

use crate::{cli::Up, failure::Failure};

#[cfg(test)]
mod tests;

bootstrap::settings! {
    /// What is `up`'s own.
    pub struct Own {
        /// Where everything is kept.
        data: std::path::PathBuf = ".marea".into(),
        /// Where to listen; port 0 for any.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)),
        /// The context of the user's kubeconfig; empty: the simulated cluster.
        kube_context: String = String::new(),
    }
}

/// Settings of services on their own that one process has no use for, and what holds instead.
const ELSEWHERE: [(&str, &str); 7] = [
    ("access", "without --admin-token this computer's user may do everything, with it everybody needs a token"),
    ("applier_url", "all services are in this process"),
    ("internal_token", "all services are in this process"),
    ("kubeconfig", "KUBECONFIG names another file than ~/.kube/config, and --kube-context its context"),
    ("server", "the page shows this process"),
    ("sweep_seconds", "it would mean one thing to entrypoint and another to tally"),
    ("targets", "there is one cluster, the simulated one or that of --kube-context"),
];

/// Where the defaults are not those of the services on their own.
const DEFAULTS: [(&str, &str); 3] = [
    // A terminal is for what `up` prints.
    ("log", "warn"),
    // Above the longest poll that the server cuts when it stops.
    ("drain_seconds", "30"),
    // No HTTPS.
    ("secure_cookie", "false"),
];

/// What is set.
pub struct Settings {
    /// What is `up`'s own.
    pub own: Own,
    /// What every part has.
    pub platform: Platform,
    /// How states are kept.
    pub status: status_worker::Config,
    /// How tasks are applied.
    pub applier: cluster_applier::Config,
    /// How ballots are taken.
    pub ingest: ingest::Config,
    /// How they are counted.
    pub tally: tally::Config,
    /// The page.
    pub page: console::Config,
}

impl Settings {
    /// As file, variables and flags have them.
    pub fn of(options: &Up) -> Result<Self, Failure> {
        let mut settings = read(options, variables()).map_err(Failure::usage)?;
        settings.ingest.samples |= settings.ingest.contests.is_empty() || options.demo;
        folder(&settings.ingest.contests)?;
        Ok(settings)
    }

    /// As YAML, secrets masked.
    pub fn printed(&self) -> String {
        let shared = |key: &str| is_used(key) && !["listen", "kube_context"].contains(&key);
        [
            yaml(&self.own, |_| true),
            yaml(&self.platform, shared),
            yaml(&self.status, shared),
            yaml(&self.applier, shared),
            yaml(&self.ingest, shared),
            yaml(&self.tally, shared),
            yaml(&self.page, shared),
        ]
        .concat()
    }
}

/// What may be set and has no flag, for the help.
pub fn without_flags() -> String {
    let all = [status_worker::Config::HELP, cluster_applier::Config::HELP, ingest::Config::HELP, tally::Config::HELP]
        .concat();
    let more = [console::Config::HELP, Platform::HELP].concat();
    let wanted = all.into_iter().chain(more).filter(|(key, _)| is_used(key) && !FLAGS.contains(key));
    let lines = wanted.map(|(key, help)| format!("  {key:<18} {}\n", help.trim()));
    format!("Settings without a flag, for the file or as MAREA_<SETTING>:\n{}", lines.collect::<String>())
}

/// The keys that have a flag.
const FLAGS: [&str; 14] = [
    "listen",
    "contests",
    "kube_context",
    "amqp",
    "amqp_prefix",
    "redis",
    "blobs",
    "mongo",
    "blobs_options",
    "admin_token",
    "cors_origin",
    "log",
    "log_format",
    "otlp",
];

/// Key and text of each flag that is given.
fn flags(options: &Up) -> impl Iterator<Item = (&'static str, String)> {
    let list = |all: &[String]| (!all.is_empty()).then(|| all.join(","));
    let texts = [
        options.listen.map(|address| address.to_string()),
        options.contests.clone(),
        options.kube_context.clone(),
        options.amqp.clone(),
        options.amqp_prefix.clone(),
        options.redis.clone(),
        options.blobs.clone(),
        options.mongo.clone(),
        list(&options.blobs_option),
        options.admin_token.clone(),
        list(&options.cors_origin),
        options.log.clone(),
        options.log_format.clone(),
        options.otlp.clone(),
    ];
    FLAGS.into_iter().zip(texts).filter_map(|(key, text)| Some((key, text?)))
}

fn read(options: &Up, variables: impl Iterator<Item = (String, String)>) -> Result<Settings, ConfigError> {
    let mut layers = known();
    for (key, text) in DEFAULTS {
        layers.text(key, text, key)?;
    }
    if let Some(file) = &options.config {
        layers.file(file)?;
    }
    layers.environment(variables)?;
    for (key, text) in flags(options) {
        layers.text(key, &text, &format!("--{}", flag(key)))?;
    }
    let own: Own = layers.get()?;
    Ok(Settings {
        own: Own { data: options.data.clone().unwrap_or(own.data), ..own },
        platform: layers.get()?,
        status: status_worker::Config { listen: None, ..layers.get()? },
        applier: cluster_applier::Config { listen: None, ..layers.get()? },
        ingest: ingest::Config { listen: None, ..layers.get()? },
        tally: tally::Config { listen: None, ..layers.get()? },
        page: layers.get()?,
    })
}

/// Every key that something in this process uses.
fn known() -> Layers {
    let mut layers = Layers::default();
    layers.declare_some::<status_worker::Config>(is_used);
    layers.declare_some::<cluster_applier::Config>(is_used);
    layers.declare_some::<ingest::Config>(is_used);
    layers.declare_some::<tally::Config>(is_used);
    layers.declare_some::<console::Config>(is_used);
    layers.declare_some::<Platform>(is_used);
    layers.declare::<Own>();
    layers.refuse(&ELSEWHERE);
    layers
}

fn is_used(key: &str) -> bool {
    ELSEWHERE.iter().all(|(elsewhere, _)| *elsewhere != key)
}

fn flag(key: &str) -> String {
    if key == "blobs_options" { "blobs-option".to_owned() } else { key.replace('_', "-") }
}

fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(k, v)| k.into_string().ok().zip(v.into_string().ok()))
}

/// A folder that is not there is a slip of the pen; one that goes later is reported by `/readyz`.
fn folder(contests: &str) -> Result<(), Failure> {
    if contests.is_empty() || Path::new(contests).is_dir() {
        return Ok(());
    }
    let failure = Failure::usage(format!("{contests} is not a folder of contests"));
    Err(match Path::new(contests).parent().filter(|_| Path::new(contests).is_file()) {
        Some(folder) if folder == Path::new("") => failure.hint("give the folder that it is in: --contests ."),
        Some(folder) => failure.hint(format_args!("give the folder that it is in: --contests {}", folder.display())),
        None => failure.hint("make it, and write a first one there: {marea} contest init NAME"),
    })
}
