//! How a command fails: an exit code, what happened, and what to do.

use std::{fmt, io, process::ExitCode};

/// The exit codes, part of the interface; 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Failed or rejected.
    Failed = 1,
    /// Called in a way that cannot be.
    Usage = 2,
    /// Not ended in the time given; it may go on.
    TimedOut = 3,
    /// No server.
    Unreachable = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    exit: Option<Exit>,
    message: String,
    hint: String,
}

impl Failure {
    /// A failure with its exit code and what happened.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit: Some(exit), message: message.to_string(), hint: String::new() }
    }

    /// Failed or rejected.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Called in a way that cannot be.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Failed, and everything about it has been printed.
    pub fn told() -> Self {
        Self::failed("")
    }

    /// The same failure with what to do, in which `{marea}` stands for the program as it was called.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = hint.to_string();
        self
    }

    /// The failure of a call about something that is no task: where there is none, `list` shows those that are.
    pub fn of(error: client::Error, list: &str) -> Self {
        let absent = error.status() == Some(404) || matches!(error, client::Error::Name { .. });
        let failure = Self::from(error);
        if absent { failure.hint(format_args!("see them with `{{marea}} {list}`")) } else { failure }
    }

    /// Says it on stderr.
    pub fn report(&self, program: &str) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("error: {}", self.message);
        }
        if !self.hint.is_empty() {
            eprintln!("hint: {}", self.hint.replace("{marea}", program));
        }
        self.exit.map_or(ExitCode::SUCCESS, ExitCode::from)
    }
}

/// Output that nobody reads any more (`marea list | head -1`) ends the command quietly.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { exit: None, message: String::new(), hint: String::new() },
            _ => Self::failed(format!("cannot write the output: {error}")),
        }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        use client::Error;
        let exit = match &error {
            Error::Server { .. } | Error::Name { .. } | Error::Token => Exit::Usage,
            Error::Unreachable { .. } => Exit::Unreachable,
            Error::Refused(refusal) if refusal.status == 504 => Exit::TimedOut,
            Error::Refused(refusal) if refusal.status == 503 => Exit::Unreachable,
            Error::Refused(_) | Error::Unexpected { .. } => Exit::Failed,
        };
        let hint = match (&error, error.status()) {
            (Error::Name { .. }, _) => "give an id, a name, or the end of an id; see them with `{marea} list`",
            (Error::Token, _) => {
                "set MAREA_TOKEN to the token alone, mrt_<id>_<secret>, without a line break at its end"
            }
            (Error::Unreachable { .. }, _) => {
                "start a server with `{marea} up`, or name one: --server URL or MAREA_SERVER=URL"
            }
            (_, Some(401)) => "put a token into MAREA_TOKEN; an administrator makes one: `{marea} token create`",
            (_, Some(403)) => {
                "an administrator makes one that may: `{marea} token create --tenant NAME --scope read --scope write` \
                 (its tenant first: `{marea} tenant set NAME --namespace NAMESPACE`)"
            }
            (_, Some(404)) => "see your tasks with `{marea} list`",
            (_, Some(503)) => "the server is up and not ready; see why with `{marea} doctor`",
            _ => "",
        };
        let said = ABOUT_HTTP.iter().fold(error.to_string(), |said, advice| said.replace(advice, ""));
        Self::new(exit, said).hint(hint)
    }
}

/// What answers advise those who speak HTTP; the command line has its own hints.
const ABOUT_HTTP: [&str; 4] = [
    "; GET /status lists yours",
    "; GET /contests lists all",
    "; `errors` says what is wrong with each",
    "; ask an administrator for one that has it",
];
