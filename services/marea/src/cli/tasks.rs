//! What the commands about tasks take.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use client::Running;
use domain::{OnFailure, Revision, TaskName, access::Policy};

use crate::time::parse_duration;

/// How a revision is to be run.
#[derive(Debug, Clone, Args)]
pub struct How {
    /// When it fails: leave it, or go back to the live revision. What breaks after DONE is told, and not reverted.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_failure: Option<Failing>,
    /// How long what keeps running may take to become healthy, for example 10m.
    #[arg(long, value_name = "TIME", value_parser = checked_duration)]
    pub ready_deadline: Option<String>,
    /// The cluster, of those that the server knows; else the default one, or the one that the task is in.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Let prune delete PersistentVolumeClaims.
    #[arg(long)]
    pub prune_volumes: bool,
    /// Let prune delete more than half of the objects.
    #[arg(long)]
    pub confirm_prune: bool,
}

impl From<How> for Running {
    fn from(how: How) -> Self {
        let How { on_failure, ready_deadline, target, prune_volumes, confirm_prune } = how;
        let on_failure = on_failure.map(|failing| match failing {
            Failing::Keep => OnFailure::Keep,
            Failing::Revert => OnFailure::Revert,
        });
        Self { on_failure, ready_deadline, target, prune_volumes, confirm_prune }
    }
}

/// When a revision fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Failing {
    /// Leave what was applied.
    Keep,
    /// Go back to the live revision.
    Revert,
}

fn checked_duration(text: &str) -> Result<String, String> {
    parse_duration(text).map(|_| text.to_owned())
}

/// Whether to wait for the end.
#[derive(Debug, Args)]
pub struct Waiting {
    /// Wait until it ends, and say each step.
    #[arg(long, short)]
    pub wait: bool,
    /// How long to wait; then exit code 3, and the task goes on.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = parse_duration)]
    pub timeout: Duration,
}

/// `apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// A file, a folder, or `-` for stdin; may be given several times.
    #[arg(long = "filename", short = 'f', required = true, value_name = "DIR|FILE|-")]
    pub files: Vec<PathBuf>,
    /// Also take the folders inside.
    #[arg(long, short = 'R')]
    pub recursive: bool,
    /// The task's name; else the folder's or the file's.
    #[arg(long)]
    pub name: Option<TaskName>,
    /// Only replace this revision: another one is an error, and so is none.
    #[arg(long, value_name = "N")]
    pub if_revision: Option<Revision>,
    /// Send it unchecked; the server checks in any case.
    #[arg(long)]
    pub no_check: bool,
    /// Say what would happen, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How to run it.
    #[command(flatten)]
    pub how: How,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The task: its name, id, or the end of its id. None: every task.
    pub task: Option<String>,
    /// Say each change as it happens, until the task ends.
    #[arg(long, requires = "task")]
    pub watch: bool,
    /// Print its way, step by step.
    #[arg(long, requires = "task")]
    pub events: bool,
    /// Ask the cluster why its objects are not as asked.
    #[arg(long, requires = "task")]
    pub why: bool,
}

/// `list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only tasks in this state, for example done or failed.
    #[arg(long, value_name = "STATE", value_parser = parse_state)]
    pub state: Option<&'static str>,
    /// How many at most; 0: all.
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

fn parse_state(text: &str) -> Result<&'static str, String> {
    let wanted = text.to_ascii_uppercase().replace('-', "_");
    let found = domain::State::OF_A_TASK.into_iter().map(domain::State::as_str).find(|name| *name == wanted);
    let all = || domain::State::OF_A_TASK.map(domain::State::as_str).join(", ").to_lowercase();
    found.ok_or_else(|| format!("no such state; expected one of {}", all()))
}

/// `get`.
#[derive(Debug, Args)]
pub struct Get {
    /// The task.
    pub task: String,
    /// What is applied: checked, defaulted, labelled; Secrets redacted.
    #[arg(long, conflicts_with = "report")]
    pub rendered: bool,
    /// What validation said.
    #[arg(long)]
    pub report: bool,
    /// This revision, not the highest.
    #[arg(long, value_name = "N")]
    pub revision: Option<Revision>,
}

/// `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The files that would be applied.
    #[arg(
        long = "filename",
        short = 'f',
        value_name = "DIR|FILE|-",
        required_unless_present = "revision",
        conflicts_with = "revision"
    )]
    pub files: Vec<PathBuf>,
    /// Also take the folders inside.
    #[arg(long, short = 'R')]
    pub recursive: bool,
    /// The task; else as the folder or the file is called.
    #[arg(long)]
    pub name: Option<String>,
    /// Compare this revision with the highest instead.
    #[arg(long, value_name = "N", requires = "name", conflicts_with = "How")]
    pub revision: Option<Revision>,
    /// Exit with 1 where there is a difference.
    #[arg(long)]
    pub exit_code: bool,
    /// How it would be run.
    #[command(flatten)]
    pub how: How,
}

/// `delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// The tasks.
    #[arg(required = true, value_name = "TASK")]
    pub tasks: Vec<String>,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `revert`.
#[derive(Debug, Args)]
pub struct Revert {
    /// The task.
    pub task: String,
    /// The revision; else the one that was healthy before this one.
    #[arg(long, value_name = "N")]
    pub to: Option<Revision>,
    /// How to run it.
    #[command(flatten)]
    pub how: How,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// The task.
    pub task: String,
    /// One object, or one of its pods, as Kind/name; else every one, 20 containers at most.
    pub object: Option<String>,
    /// One container; else every one, also those that run before the others.
    #[arg(long, short, value_name = "NAME")]
    pub container: Option<String>,
    /// The last lines of each container; else 1,000.
    #[arg(long, value_name = "N")]
    pub tail: Option<u32>,
    /// Go on as lines come.
    #[arg(long, short)]
    pub follow: bool,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Files, folders, or `-` for stdin.
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub files: Vec<PathBuf>,
    /// Also take the folders inside.
    #[arg(long, short = 'R')]
    pub recursive: bool,
    /// The policy to check against.
    #[arg(long, value_enum, default_value_t)]
    pub policy: PolicyName,
    /// Add nothing that is missing.
    #[arg(long)]
    pub no_defaults: bool,
    /// Show what defaulting would add.
    #[arg(long)]
    pub diff: bool,
}

/// A policy, after the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PolicyName {
    /// As hardened pods should be.
    Restricted,
    /// No known privilege escalations.
    #[default]
    Baseline,
    /// Anything.
    Privileged,
}

impl From<PolicyName> for Policy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::Restricted => Self::Restricted,
            PolicyName::Baseline => Self::Baseline,
            PolicyName::Privileged => Self::Privileged,
        }
    }
}
