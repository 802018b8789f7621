//! The program of the sample task: one image, three roles.
//!
//! `split` writes a plan and puts one message a chunk into a queue; any number of `work` take chunks and write a
//! result each; `join` waits until all results are there and writes their sum, an estimate of π. Each role may be
//! killed and started again at any moment: results are created once under their chunk's number, so a chunk that is
//! worked twice counts once.

mod chunk;
mod queue;
mod roles;
mod store;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

/// How often a role is tried, and the time between. The broker may just start; and of two who use a queue that is just
/// made one may be told of an internal error (RabbitMQ 3.10).
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Splits, works and joins a Monte Carlo estimate of π over RabbitMQ and blob storage.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    role: Role,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Role {
    /// Write the plan and queue its chunks; ends.
    Split,
    /// Take chunks and write their results, until SIGTERM.
    Work,
    /// Wait for every result and write the sum; ends.
    Join,
}

/// What all roles share; in the cluster it comes from a ConfigMap and a Secret.
#[derive(clap::Args)]
struct Settings {
    /// The broker.
    #[arg(long, env, global = true, default_value = "amqp://127.0.0.1:5672/%2f")]
    amqp_url: String,
    /// Where the plan and the results go: s3://…, gs://… or file:///…
    #[arg(long, env, global = true, default_value = "file:///tmp/swj")]
    blobs_url: String,
    /// Tells this computation from others on the same broker and store.
    #[arg(long, env, global = true, default_value = "demo")]
    run: String,
    /// Random points in all.
    #[arg(long, env, global = true, default_value_t = 10_000_000)]
    samples: u64,
    /// Pieces that the work is split into.
    #[arg(long, env, global = true, default_value_t = 100)]
    chunks: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    // An error here only says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Cli { role, settings } = Cli::parse();
    for again in (0..TRIES).rev() {
        let done = match role {
            Role::Split => roles::split(&settings).await,
            Role::Work => roles::work(&settings).await,
            Role::Join => roles::join(&settings).await.map(|_| ()),
        };
        match done {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => eprintln!("error: {error:#}"),
        }
        if again > 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    ExitCode::FAILURE
}
