//! A service's `main`: parses, connects, runs, flushes.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::NonEmptyStringValueParser};

use crate::{
    Context, Platform,
    config::{ConfigError, Layers, Settings},
    connect::context,
    shutdown::Signals,
    telemetry,
};

#[cfg(test)]
mod tests;

/// Exit code of a configuration that cannot be used.
const USAGE: u8 = 2;

/// What a service says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name: the package's, the binary's, the metrics'.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// The entry point of a service with settings `T`: exit code 0 after a graceful stop, 1 after a failure, 2
/// where the configuration cannot be used.
pub fn main<T, F, R>(program: Program, run: R) -> ExitCode
where
    T: Settings,
    F: Future<Output = anyhow::Result<()>>,
    R: FnOnce(Context, T, tokio_util::sync::CancellationToken) -> F,
{
    let matches = command::<T>(&program).get_matches();
    let (platform, config) = match settings::<T>(&matches) {
        Ok(settings) => settings,
        Err(error) => return refused(program.name, &error),
    };
    if matches.get_flag("print-config") {
        print!("{}{}", yaml(&platform), yaml(&config));
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime needs only threads and an event queue");
    let code = runtime.block_on(work(program, platform, config, run));
    // What still runs after the drain is abandoned.
    runtime.shutdown_timeout(Duration::ZERO);
    code
}

async fn work<T, F, R>(program: Program, platform: Platform, config: T, run: R) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>>,
    R: FnOnce(Context, T, tokio_util::sync::CancellationToken) -> F,
{
    if let Err(error) = telemetry::install(program.name, program.version, &platform) {
        return refused(program.name, &error);
    }
    let done = guided(program, &platform, config, run).await;
    telemetry::flush().await;
    match done {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the service stops");
            ExitCode::FAILURE
        }
    }
}

async fn guided<T, F, R>(program: Program, platform: &Platform, config: T, run: R) -> anyhow::Result<ExitCode>
where
    F: Future<Output = anyhow::Result<()>>,
    R: FnOnce(Context, T, tokio_util::sync::CancellationToken) -> F,
{
    let signals = Signals::listen()?;
    let connected = tokio::select! {
        connected = context(program.name, platform) => connected,
        () = signals.drain.cancelled() => return Ok(ExitCode::SUCCESS),
    };
    let mut parts = match connected {
        Ok(parts) => parts,
        Err(error) if error.is_configuration() => return Ok(refused(program.name, &error)),
        Err(error) => return Err(error.into()),
    };
    parts.stopping = signals.drain.clone();
    tracing::info!(service = program.name, version = program.version, "started");
    let deadline = async {
        signals.drain.cancelled().await;
        tracing::info!(deadline_s = platform.drain_seconds, "stopping: taking no more work, ending what runs");
        tokio::time::sleep(Duration::from_secs(platform.drain_seconds)).await;
    };
    tokio::select! {
        ended = run(parts, config, signals.drain.clone()) => ended.map(|()| ExitCode::SUCCESS),
        () = deadline => anyhow::bail!("work did not end within {} s and is abandoned", platform.drain_seconds),
        () = signals.abort.cancelled() => anyhow::bail!("aborted by a second signal"),
    }
}

fn refused(name: &str, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{name}: {error}");
    ExitCode::from(USAGE)
}

fn command<T: Settings>(program: &Program) -> Command {
    let config = Arg::new("config").long("config").value_name("FILE").env("MAREA_CONFIG");
    let config = config.value_parser(clap::value_parser!(PathBuf)).help("A YAML file of these settings");
    let print = Arg::new("print-config").long("print-config").action(ArgAction::SetTrue);
    let print = print.help("Print the settings that hold, secrets hidden, and end");
    Command::new(program.name)
        .about(program.about)
        .version(program.version)
        .after_help(
            "Each setting may stand in the file, in a variable MAREA_<SETTING>, or in a flag; the later one holds.",
        )
        .args([config, print])
        .next_help_heading("Settings of the service")
        .args(flags::<T>())
        .next_help_heading("Settings of the platform")
        .args(flags::<Platform>())
}

/// One flag a setting. Its variable is read by [`Layers`], which also knows the file.
fn flags<T: Settings>() -> impl Iterator<Item = Arg> {
    let defaults = serde_json::to_value(T::default()).expect("settings have string keys only");
    T::HELP.iter().map(move |(key, help)| {
        let flag = Arg::new(*key).long(key.replace('_', "-")).value_name("VALUE");
        let default = match defaults.get(*key) {
            Some(serde_json::Value::String(text)) if !text.is_empty() => format!(" [default: {text}]"),
            Some(value) if value.is_number() || value.is_boolean() => format!(" [default: {value}]"),
            _ => String::new(),
        };
        let flag = flag.help(format!("{}{default}", help.trim())).value_parser(NonEmptyStringValueParser::new());
        let switch = defaults.get(*key).is_some_and(serde_json::Value::is_boolean);
        if switch { flag.num_args(0..=1).default_missing_value("true").require_equals(true) } else { flag }
    })
}

fn settings<T: Settings>(matches: &ArgMatches) -> Result<(Platform, T), ConfigError> {
    let mut layers = Layers::default();
    layers.declare::<Platform>();
    layers.declare::<T>();
    if let Some(file) = matches.get_one::<PathBuf>("config") {
        layers.file(file)?;
    }
    layers.environment(std::env::vars_os().filter_map(|(k, v)| k.into_string().ok().zip(v.into_string().ok())))?;
    for (key, _) in T::HELP.iter().chain(Platform::HELP) {
        if let Some(value) = matches.get_one::<String>(key) {
            layers.text(key, value, &format!("--{}", key.replace('_', "-")))?;
        }
    }
    Ok((layers.get()?, layers.get()?))
}

fn yaml<T: Settings>(settings: &T) -> String {
    serde_saphyr::to_string(settings).expect("settings are maps of scalars")
}
