//! Benchmarks of both lines, each beside a bare client that does the same work in the same run.
//!
//! Figures of one machine drift by a fifth from hour to hour; ratios to the bare client hold better, so both are
//! printed. Nothing here is a timed test: a goal that is missed is said in the table, and the exit code is 0.

mod bare;
mod bulk;
mod contest;
mod cpu;
mod done;
mod line;
mod post;
mod report;
mod scaling;
mod start;
mod status;
mod tallied;
mod up;
mod visible;
mod votes;
mod wrk;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, ValueEnum};
use report::Row;

/// Measures both lines beside bare clients. Needs release builds of all binaries, wrk and the test servers.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// What to measure; all of it where left out.
    #[arg(value_enum)]
    only: Vec<Scenario>,
    /// Seconds of load a measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Tasks a measurement that counts tasks.
    #[arg(long, default_value_t = 1_000)]
    tasks: usize,
    /// Statuses to choose from.
    #[arg(long, default_value_t = 100_000)]
    statuses: usize,
    /// Broker nodes that votes are posted over.
    #[arg(long, default_value_t = 1)]
    nodes: usize,
    /// Only these services of the scenario of scaling, and who shares their load.
    #[arg(long)]
    service: Vec<String>,
    /// Seconds of each number of users of the study.
    #[arg(long, default_value_t = 75)]
    step_seconds: u32,
    /// Least and most seconds that the study's users wait between two requests.
    #[arg(long, default_value = "1,2")]
    think: String,
    /// A folder of another version's programs, which the drill begins with: it then goes from that version to this one.
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    other: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// How fast `marea up` starts, and what it takes idle.
    Start,
    /// POST /yaml accepted, in `marea up`.
    PostUp,
    /// POST /yaml accepted, over one broker and a folder.
    PostBroker,
    /// POST to DONE of five passive objects, in `marea up`.
    DoneUp,
    /// POST to DONE on the real API server: five passive objects and the SWJ sample.
    DoneReal,
    /// Tasks of one object a second, POST to DONE, on real servers.
    Line,
    /// Reads of random statuses.
    Status,
    /// One vote a request over a broker, beside Fastify and hyper alone, in a closed and an open loop.
    Votes,
    /// NDJSON and gRPC streams of votes over a broker.
    VotesBulk,
    /// From the queue to log and counters: embedded, in Redis alone, and over MongoDB's stand-in.
    Tally,
    /// From the cast until standings show it, in `marea up`.
    Visible,
    /// Only where named: autoscalers up by load and down by its end, on everything real but the kubelet; 20 minutes.
    Scaling,
    /// Only where named: 5 to 200 users with and without autoscalers, by Locust; 15 minutes.
    Study,
    /// Only where named: every query of every board and rule on a live Prometheus, and faults until alarms fire; 15 minutes.
    Boards,
    /// Only where named: every service replaced and a node drained while 40 users work; 8 minutes.
    Drill,
}

impl Scenario {
    /// Whether it is not part of "all of it".
    fn is_long(self) -> bool {
        matches!(self, Self::Scaling | Self::Study | Self::Boards | Self::Drill)
    }
}

/// Seconds of the drill's load: seven roll-outs of two pods each, and a drain, which take half of it on a quiet machine.
const DRILL_SECONDS: u32 = 420;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // An error here only says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut rows = vec![];
    let mut failed = false;
    for scenario in Scenario::value_variants() {
        let wanted = if cli.only.is_empty() { !scenario.is_long() } else { cli.only.contains(scenario) };
        if !wanted {
            continue;
        }
        match Box::pin(measure(*scenario, &cli)).await {
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                failed = true;
                eprintln!(
                    "error: {}: {error:#}",
                    scenario.to_possible_value().map_or(String::new(), |v| v.get_name().into())
                );
            }
        }
    }
    println!("{}", report::markdown(&rows));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn measure(scenario: Scenario, cli: &Cli) -> Result<Vec<Row>> {
    match scenario {
        Scenario::Start => start::measure().await,
        Scenario::PostUp => post::in_up(cli.seconds).await,
        Scenario::PostBroker => post::over_a_broker(cli.seconds).await,
        Scenario::DoneUp => done::in_up().await,
        Scenario::DoneReal => done::on_the_api_server().await,
        Scenario::Line => line::measure(cli.tasks).await,
        Scenario::Status => status::measure(cli.statuses, cli.seconds).await,
        Scenario::Votes => votes::measure(cli.nodes, cli.seconds).await,
        Scenario::VotesBulk => bulk::measure(cli.seconds).await,
        Scenario::Tally => tallied::measure(cli.seconds).await,
        Scenario::Visible => visible::measure(cli.seconds).await,
        Scenario::Scaling => Box::pin(scaling::measure(&cli.service)).await.map(|()| vec![]),
        Scenario::Study => Box::pin(scaling::study::measure(cli.step_seconds, &cli.think)).await.map(|()| vec![]),
        Scenario::Boards => Box::pin(scaling::boards::measure(&cli.think)).await.map(|()| vec![]),
        Scenario::Drill => {
            Box::pin(scaling::drill::measure(DRILL_SECONDS, &cli.think, cli.other.as_deref())).await.map(|()| vec![])
        }
    }
}
