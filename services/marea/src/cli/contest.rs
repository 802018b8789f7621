//! What the commands about contests and ballots take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

/// `contest`.
#[derive(Debug, Subcommand)]
pub enum ContestCommand {
    /// Write a commented file to begin a contest with: NAME.yaml.
    Init(Init),
    /// Check contests' files on this computer, with the very code of the server. What a file changes of a contest that takes
    /// ballots already only the server sees: `marea doctor` tells it.
    Check {
        /// Files, folders, or `-` for stdin.
        #[arg(required = true, value_name = "FILE|DIR|-")]
        files: Vec<PathBuf>,
    },
    /// Print realistic ballots; the same seed gives the same lines.
    Generate(Generate),
    /// List contests.
    List,
    /// Show a contest with its definition.
    Show {
        /// The contest.
        contest: String,
    },
    /// Take ballots.
    Open(When),
    /// Take no more ballots.
    Close(When),
    /// Show who leads.
    Standings(Standings),
    /// Print ballots, newest first.
    Log(Log),
    /// Account for every ballot that was accepted.
    Audit {
        /// The contest.
        contest: String,
    },
    /// Compare ledger, log and counters (administrators).
    Verify {
        /// The contest.
        contest: String,
    },
    /// Count anew, from the whole ledger (administrators).
    Rebuild {
        /// The contest.
        contest: String,
    },
    /// Print every ballot of the log.
    Export(Export),
}

/// `contest init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The contest's name.
    pub name: String,
    /// What it takes.
    #[arg(long, value_enum, default_value_t)]
    pub kind: KindName,
    /// Print it instead of writing NAME.yaml.
    #[arg(long)]
    pub print: bool,
}

/// What a contest takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum KindName {
    /// Votes, of voters.
    #[default]
    Votes,
    /// Scores, of judges.
    Scores,
}

/// `contest generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// A sample (bands, olympics), or a contest's file.
    #[arg(value_name = "NAME|FILE")]
    pub contest: String,
    /// How many lines.
    #[arg(long, short = 'n', default_value_t = 1_000)]
    pub count: u64,
    /// Another seed gives other ballots.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Spoil one line in ten: broken JSON, wrong types, numbers out of range, ….
    #[arg(long)]
    pub hostile: bool,
    /// The file's format.
    #[arg(long, value_enum, default_value_t)]
    pub format: FileFormat,
}

/// The format of a file of ballots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum FileFormat {
    /// One JSON object a line.
    #[default]
    Ndjson,
    /// A table with a heading.
    Csv,
    /// One JSON array.
    Json,
}

/// `contest open` and `contest close`.
#[derive(Debug, Args)]
pub struct When {
    /// The contest.
    pub contest: String,
    /// From when on, for example 2026-12-01T00:00:00Z; else now.
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
}

/// `contest standings`.
#[derive(Debug, Args)]
pub struct Standings {
    /// The contest.
    pub contest: String,
    /// Show each change as it happens, until Ctrl-C.
    #[arg(long, short)]
    pub watch: bool,
    /// This tally; else the contest's board.
    #[arg(long)]
    pub tally: Option<String>,
    /// How many rows at most.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
}

/// `contest log`.
#[derive(Debug, Args)]
pub struct Log {
    /// The contest.
    pub contest: String,
    /// Only ballots with these values.
    #[arg(value_name = "FIELD=VALUE", value_parser = pair)]
    pub filters: Vec<(String, String)>,
    /// Only ballots since then.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Only ballots before then.
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
    /// Only ballots with this verdict: counted or over_limit.
    #[arg(long, value_parser = ["counted", "over_limit"])]
    pub verdict: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

/// `contest export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The contest.
    pub contest: String,
    /// The format: NDJSON or CSV.
    #[arg(long, value_enum, default_value_t)]
    pub format: FileFormat,
}

/// `vote` and `score`.
#[derive(Debug, Args)]
pub struct Ballot {
    /// The contest (else the sample: bands, olympics), then the ballot's fields.
    #[arg(required = true, value_name = "[CONTEST] FIELD=VALUE")]
    pub words: Vec<String>,
    /// Who votes.
    #[arg(long)]
    pub voter: Option<String>,
    /// The ballot's own id: sent again, it counts once. Else one is made.
    #[arg(long)]
    pub id: Option<String>,
}

/// `cast`.
#[derive(Debug, Args)]
pub struct Cast {
    /// A file of ballots: .ndjson, .csv (with a heading) or .json (an array).
    pub file: PathBuf,
    /// The contest; else as the file is called up to its first dot.
    #[arg(long)]
    pub contest: Option<String>,
    /// The file's format; else by its extension.
    #[arg(long, value_enum)]
    pub format: Option<FileFormat>,
}

/// `FIELD=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or_else(|| format!("`{text}`: expected FIELD=VALUE"))?;
    Ok((field.to_owned(), value.to_owned()))
}
