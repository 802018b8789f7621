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
mod settings;
mod stop;

use std::{fs, io::Write as _, net::SocketAddr, path::Path, time::Instant};

use bootstrap::{shutdown::Signals, telemetry};
use tokio::net::TcpListener;

use self::{contests::Contests, settings::Settings};
use crate::{Done, cli::Up, failure::Failure, ui::Ui};

/// Runs until a signal.
pub fn run(options: Up, ui: &mut Ui) -> Done {
    let began = Instant::now();
    refuse_open(&options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(up(&options, began, ui));
    // What still runs after the drain is abandoned.
    runtime.shutdown_background();
    done
}

/// Without tokens nobody but this computer's user may come in, unless told.
fn refuse_open(options: &Up) -> Done {
    if options.admin_token.clone().is_some_and(|token| !bootstrap::is_token(&token.into())) {
        return Err(Failure::usage("--admin-token is not a token").hint(bootstrap::TOKEN_HINT));
    }
    if options.listen.ip().is_loopback() || options.insecure || options.admin_token.is_some() {
        return Ok(());
    }
    let message = format!("{} can be reached from elsewhere, and nobody would be asked for a token", options.listen);
    Err(Failure::usage(message).hint("ask for tokens: --admin-token mrt_…; or let everybody do everything: --insecure"))
}

async fn up(options: &Up, began: Instant, ui: &mut Ui) -> Done {
    let mut settings = Settings::of(options)?;
    telemetry::install("marea", env!("CARGO_PKG_VERSION"), &settings.platform).map_err(Failure::usage)?;
    let signals = Signals::listen()?;
    let data = data::open(options)?;
    let listener = listen(options.listen)?;
    let address = listener.local_addr()?;
    let mut context = parts::connect(options, &settings.platform, &data).await?;
    context.stopping = signals.drain.clone();
    parts::draw_key(&mut settings, &data).await?;
    let cluster = cluster::connect(options, &data).await?;
    let contests = Contests::start(&context, &settings, parts::stores(&settings, &data).await?).await;
    let readiness = context.readiness.clone();
    let running = services::start(context, &cluster, contests, listener, signals.drain.clone())?;
    running.ready().await?;
    let broken = readiness.details();
    banner::print(&banner::Facts { options, address, cluster: &cluster, broken, took: began.elapsed() }, ui)?;
    if let Some(file) = &options.ready_file {
        announce(file, address)?;
    }
    let told = tell(options, address, ui);
    tokio::select! {
        told = told => { told?; signals.drain.cancelled().await; }
        () = signals.drain.cancelled() => {}
    }
    let stopped = stop::drain(running, &signals).await;
    telemetry::flush().await;
    stopped
}

/// The demo, and what to do next. A demo that fails is told, and everything goes on.
async fn tell(options: &Up, address: SocketAddr, ui: &mut Ui) -> Done {
    if options.demo { demo::run(address, ui).await } else { banner::next(options, address, ui) }
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
