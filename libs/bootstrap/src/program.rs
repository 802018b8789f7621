//! A service's `main`: parses, connects, runs, flushes.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::NonEmptyStringValueParser};
use tokio_util::sync::CancellationToken;

use crate::{
    ConnectError, Context, Platform, Process, Readiness,
    config::{ConfigError, Layers, Settings, yaml},
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

/// The platform's settings of a process that needs none of the shared parts.
const ALONE: [&str; 4] = ["log", "log_format", "otlp", "drain_seconds"];

/// Which of the platform's settings a program has.
type Wanted = fn(&str) -> bool;

/// The entry point of a service with settings `T`: exit code 0 after a graceful stop, 1 after a failure, 2
/// where the configuration cannot be used.
pub fn main<T, F, R>(program: Program, run: R) -> ExitCode
where
    T: Settings,
    F: Future<Output = anyhow::Result<()>>,
    R: FnOnce(Context, T, CancellationToken) -> F,
{
    start(
        program,
        |_| true,
        async |platform: Platform, config, drain: CancellationToken| {
            let connected = tokio::select! {
                connected = context(program.name, &platform) => connected?,
                () = drain.cancelled() => return Ok(()),
            };
            run(Context { stopping: drain.clone(), ..connected }, config, drain).await
        },
    )
}

/// As [`main`], for a service that needs no bus, no store and no token: it has only the platform's settings of
/// logs, traces and stopping.
pub fn main_alone<T, F, R>(program: Program, run: R) -> ExitCode
where
    T: Settings,
    F: Future<Output = anyhow::Result<()>>,
    R: FnOnce(Process, T, CancellationToken) -> F,
{
    start(
        program,
        |key| ALONE.contains(&key),
        async |_, config, drain: CancellationToken| {
            let process = Process { service: program.name, readiness: Readiness::default(), stopping: drain.clone() };
            run(process, config, drain).await
        },
    )
}

fn start<T: Settings>(
    program: Program,
    wanted: Wanted,
    work: impl AsyncFnOnce(Platform, T, CancellationToken) -> anyhow::Result<()>,
) -> ExitCode {
    let matches = command::<T>(&program, wanted).get_matches();
    let (platform, config) = match settings::<T>(&matches, wanted) {
        Ok(settings) => settings,
        Err(error) => return refused(program.name, &error),
    };
    if matches.get_flag("print-config") {
        return printed(&format!("{}{}", yaml(&platform, wanted), yaml(&config, |_| true)));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime needs only threads and an event queue");
    let code = runtime.block_on(told(program, platform, config, work));
    // What still runs after the drain is abandoned.
    runtime.shutdown_timeout(Duration::ZERO);
    code
}

/// Prints to whoever may have stopped reading, as `head` does.
fn printed(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

async fn told<T: Settings>(
    program: Program,
    platform: Platform,
    config: T,
    work: impl AsyncFnOnce(Platform, T, CancellationToken) -> anyhow::Result<()>,
) -> ExitCode {
    if let Err(error) = telemetry::install(program.name, program.version, &platform) {
        return refused(program.name, &error);
    }
    let done = guided(program, platform, config, work).await;
    telemetry::flush().await;
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<ConnectError>() {
            Some(connect) if connect.is_configuration() => refused(program.name, connect),
            _ => {
                tracing::error!(error = format!("{error:#}"), "the service stops");
                ExitCode::FAILURE
            }
        },
    }
}

async fn guided<T: Settings>(
    program: Program,
    platform: Platform,
    config: T,
    work: impl AsyncFnOnce(Platform, T, CancellationToken) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (signals, drain_seconds) = (Signals::listen()?, platform.drain_seconds);
    tracing::info!(service = program.name, version = program.version, "started");
    let deadline = async {
        signals.drain.cancelled().await;
        tracing::info!(deadline_s = drain_seconds, "stopping: taking no more work, ending what runs");
        tokio::time::sleep(Duration::from_secs(drain_seconds)).await;
    };
    tokio::select! {
        ended = work(platform, config, signals.drain.clone()) => ended,
        () = deadline => anyhow::bail!("work did not end within {drain_seconds} s and is abandoned"),
        () = signals.abort.cancelled() => anyhow::bail!("aborted by a second signal"),
    }
}

fn refused(name: &str, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{name}: {error}");
    ExitCode::from(USAGE)
}

fn command<T: Settings>(program: &Program, wanted: Wanted) -> Command {
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
        .args(flags::<T>(|_| true))
        .next_help_heading("Settings of the platform")
        .args(flags::<Platform>(wanted))
}

/// One flag a setting. Its variable is read by [`Layers`], which also knows the file.
fn flags<T: Settings>(wanted: Wanted) -> impl Iterator<Item = Arg> {
    let defaults = serde_json::to_value(T::default()).expect("settings have string keys only");
    T::HELP.iter().filter(move |(key, _)| wanted(key)).map(move |(key, help)| {
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

fn settings<T: Settings>(matches: &ArgMatches, wanted: Wanted) -> Result<(Platform, T), ConfigError> {
    let mut layers = Layers::default();
    layers.declare_some::<Platform>(wanted);
    layers.declare::<T>();
    if let Some(file) = matches.get_one::<PathBuf>("config") {
        layers.file(file)?;
    }
    layers.environment(std::env::vars_os().filter_map(|(k, v)| k.into_string().ok().zip(v.into_string().ok())))?;
    for (key, _) in T::HELP.iter().chain(Platform::HELP.iter().filter(|(key, _)| wanted(key))) {
        if let Some(value) = matches.get_one::<String>(key) {
            layers.text(key, value, &format!("--{}", key.replace('_', "-")))?;
        }
    }
    Ok((layers.get()?, layers.get()?))
}
