//! What the command line takes.

mod admin;
mod contest;
mod examples;
mod tasks;
mod up;

pub use admin::{DeadLetterCommand, TenantCommand, TenantFields, TokenCommand};
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
pub use contest::{
    Ballot, Cast, ContestCommand, Export, FileFormat, Generate, Init, KindName, Log, Standings, When, pair,
};
pub use tasks::{Apply, Check, Delete, Diff, Get, List, Logs, PolicyName, Revert, Status};
pub use up::Up;

use crate::up::settings;

/// Where a server is that nobody named.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// Above the options that every command takes.
const EVERYWHERE: &str = "Options of every command";

/// The server of who names none.
fn server() -> String {
    std::env::var("MAREA_SERVER").ok().filter(|named| !named.is_empty()).unwrap_or_else(|| DEFAULT_SERVER.to_owned())
}

/// Runs Kubernetes manifests as tasks (send them, see them become healthy, roll them back), and contests (count votes
/// and scores, each once, and show standings).
#[derive(Debug, Parser)]
#[command(name = "marea", version, arg_required_else_help = true, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// The server [env: MAREA_SERVER; its token: MAREA_TOKEN].
    // Not by clap's `env`, which shows the option as one that must be given wherever the variable is set.
    #[arg(long, default_value_t = server(), value_name = "URL", global = true, help_heading = EVERYWHERE)]
    pub server: String,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t, global = true, value_name = "FORMAT", help_heading = EVERYWHERE)]
    pub output: Format,
    /// When to use colours; NO_COLOR is honoured.
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN", help_heading = EVERYWHERE)]
    pub color: ColorWhen,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For a person.
    #[default]
    #[value(alias = "text")]
    Table,
    /// For a person with a wide screen.
    Wide,
    /// For programs.
    Json,
    /// For programs, and for reading.
    Yaml,
    /// Names only.
    Name,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal.
    #[default]
    Auto,
    /// Also into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in this one process, with nothing to install.
    Up(Box<Up>),
    /// Send manifests as a task, or as a new revision of one.
    Apply(Apply),
    /// Show a task with its objects and problems, or the list of tasks.
    Status(Status),
    /// List tasks, newest first.
    List(List),
    /// Print the manifests of a task.
    Get(Get),
    /// Show what applying files would change. Writes nothing.
    Diff(Diff),
    /// Roll tasks back: remove everything that they made.
    Delete(Delete),
    /// Go back to an earlier revision of a task.
    Revert(Revert),
    /// Print the logs of a task's pods.
    Logs(Logs),
    /// Check manifests on this computer, with the very code of the server.
    Check(Check),
    /// Contests: their files, standings, logs and audits.
    #[command(subcommand)]
    Contest(ContestCommand),
    /// Cast one vote.
    Vote(Ballot),
    /// Send one score.
    Score(Ballot),
    /// Cast a file of ballots; interrupted, it resumes where it was.
    ///
    /// A ballot without an id gets one of the file's content and its place in it: cast again, the same file is accepted again
    /// and counts nothing (`marea contest audit` tells repeats as duplicates). Change the file to count it anew.
    Cast(Cast),
    /// Messages that were given up.
    #[command(subcommand)]
    DeadLetter(DeadLetterCommand),
    /// Tenants (administrators).
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Tokens (administrators).
    #[command(subcommand)]
    Token(TokenCommand),
    /// Find out why something does not work.
    Doctor,
    /// Print the version.
    Version,
    /// Print a completion script for a shell.
    Completion {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// The parser, with examples.
pub fn command() -> clap::Command {
    let command = Cli::command().after_help(examples::of(""));
    let command = examples::NAMES
        .iter()
        .fold(command, |command, name| command.mut_subcommand(name, |sub| sub.after_help(examples::of(name))));
    let command = command.mut_subcommand("contest", |contest| {
        examples::CONTESTS.iter().fold(contest, |contest, (name, text)| {
            contest.mut_subcommand(name, |sub| sub.after_help(format!("Examples:\n{text}")))
        })
    });
    let more = format!("{}\n\n{}", examples::of("up"), settings::without_flags());
    command.mut_subcommand("up", |sub| sub.after_long_help(more))
}
