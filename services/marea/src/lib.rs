//! The command line `marea`, and `marea up`: every service in one process.
//!
//! A command is a function from its parsed options to output; it speaks to a server only through
//! `client`. What stands here never opens a broker or a store, `up` aside, which composes the services.

mod cli;
mod commands;
mod failure;
mod progress;
mod sources;
mod table;
mod time;
mod ui;
mod up;

use std::{path::Path, process::ExitCode};

use clap::{
    FromArgMatches as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{cli::Cli, failure::Failure, ui::Ui};

/// Parses the process' arguments, runs the command, and says how it went.
pub fn main() -> ExitCode {
    let program = ui::program();
    let parsed = cli::command().try_get_matches().and_then(|m| Cli::from_arg_matches(&m));
    let cli = match parsed {
        Ok(cli) => cli,
        // Err: nobody reads any more, which is no reason for a second error.
        Err(error) => return error.print().map_or(ExitCode::SUCCESS, |()| exit_of(&error, &program)),
    };
    let mut ui = Ui::new(program.clone(), &cli.global);
    match commands::run(cli, &mut ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&program),
    }
}

fn exit_of(error: &clap::Error, program: &str) -> ExitCode {
    // Files stand behind -f, as they do for kubectl; who forgets it names a file that is there.
    if let (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
        && Path::new(word).exists()
    {
        eprintln!("\n  tip: files and folders are named by -f, as in `{program} apply -f {word}`");
    }
    if error.use_stderr() { failure::Exit::Usage.into() } else { ExitCode::SUCCESS }
}

/// What every command gives back.
type Done = Result<(), Failure>;
