//! `up`: every service in this one process, over embedded parts unless told otherwise.
//!
//! The composition only: the services are those that run on their own elsewhere.

mod banner;
mod cluster;
mod contests;
mod data;
mod demo;
mod draw_key;
mod journal;
mod parts;
mod rights;
mod services;
pub mod settings;
mod stop;

use std::{fs, io::Write as _, net::SocketAddr, path::Path, time::Instant};

use bootstrap::{shutdown::Signals, telemetry};
use embedded::Database;
use tokio::net::TcpListener;

use self::{contests::Contests, settings::Settings};
use crate::{
    Done,
    cli::{DEFAULT_SERVER, Up},
    failure::Failure,
    ui::Ui,
};

/// Runs until a signal.
pub fn run(options: Up, ui: &mut Ui) -> Done {
    let began = Instant::now();
    let settings = Settings::of(&options)?;
    if options.print_config {
        return Ok(ui.raw(&settings.printed())?);
    }
    refuse_open(&options, &settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let data = data::open(&options, &settings.own.data)?;
    let done = runtime.block_on(up(&options, settings, &data, began, ui));
    // What still runs after the drain is abandoned.
    runtime.shutdown_background();
    data.discard();
    done
}

/// Without tokens nobody but this computer's user may come in, unless told.
fn refuse_open(options: &Up, settings: &Settings) -> Done {
    let (listen, token) = (settings.own.listen, &settings.platform.admin_token);
    if !token.is_empty() && !bootstrap::is_token(token) {
        return Err(Failure::usage("--admin-token is not a token").hint(bootstrap::TOKEN_HINT));
    }
    if listen.ip().is_loopback() || options.insecure || !token.is_empty() {
        return Ok(());
    }
    let message = format!("{listen} can be reached from elsewhere, and nobody would be asked for a token");
    Err(Failure::usage(message).hint("ask for tokens: --admin-token mrt_…; or let everybody do everything: --insecure"))
}

async fn up(options: &Up, mut settings: Settings, data: &Database, began: Instant, ui: &mut Ui) -> Done {
    telemetry::install("marea", env!("CARGO_PKG_VERSION"), &settings.platform).map_err(Failure::usage)?;
    let signals = Signals::listen()?;
    let listener = listen(settings.own.listen)?;
    let address = listener.local_addr()?;
    let mut context = parts::connect(options, &settings.platform, data).await?;
    context.stopping = signals.drain.clone();
    parts::draw_key(&mut settings, data).await?;
    let cluster = cluster::connect(&settings, data).await?;
    let contests = Contests::start(&context, &settings, parts::stores(&settings, data).await?).await;
    let readiness = context.readiness.clone();
    let running = services::start(context, &settings, &cluster, contests, listener, signals.drain.clone())?;
    let told = async {
        running.ready().await?;
        let (broken, took) = (readiness.details(), began.elapsed());
        ui.program = program_for(&ui.program, address);
        banner::print(&banner::Facts { options, settings: &settings, address, cluster: &cluster, broken, took }, ui)?;
        if let Some(file) = &options.ready_file {
            announce(file, address)?;
        }
        tell(options, &settings, address, ui).await
    };
    tokio::select! {
        told = told => { told?; signals.drain.cancelled().await; }
        // Also before everything was ready.
        () = signals.drain.cancelled() => {}
    }
    let stopped = stop::drain(running, &signals, settings.platform.drain_seconds).await;
    telemetry::flush().await;
    stopped
}

/// The program as it is called of this server: commands that are printed can be copied, whichever port it has.
fn program_for(program: &str, address: SocketAddr) -> String {
    let url = format!("http://{}", services::reachable(address));
    if url == DEFAULT_SERVER { program.to_owned() } else { format!("{program} --server {url}") }
}

/// The demo, and what to do next. A demo that fails is told, and everything goes on.
async fn tell(options: &Up, settings: &Settings, address: SocketAddr, ui: &mut Ui) -> Done {
    if options.demo { demo::run(address, ui).await } else { banner::next(settings, address, ui) }
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    bootstrap::http::bind(address).map_err(|error| {
        Failure::usage(format!("cannot listen on {address}: {error}"))
            .hint("choose another address: --listen 127.0.0.1:0 takes any free port")
    })
}

/// Whole or not at all: whoever waits for the file may read it at once.
fn announce(file: &Path, address: SocketAddr) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot write {}: {error}", file.display()));
    let part = file.with_extension("part");
    let mut opened = fs::File::create(&part).map_err(failed)?;
    writeln!(opened, "http://{address}").map_err(failed)?;
    fs::rename(&part, file).map_err(failed)
}
