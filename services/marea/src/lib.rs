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

use std::process::ExitCode;

use clap::FromArgMatches as _;

use crate::{cli::Cli, failure::Failure, ui::Ui};

/// Parses the process' arguments, runs the command, and says how it went.
pub fn main() -> ExitCode {
    let program = ui::program();
    let parsed = cli::command().try_get_matches().and_then(|m| Cli::from_arg_matches(&m));
    let cli = match parsed {
        Ok(cli) => cli,
        // Err: nobody reads any more, which is no reason for a second error.
        Err(error) => return error.print().map_or(ExitCode::SUCCESS, |()| exit_of(&error)),
    };
    let mut ui = Ui::new(program.clone(), &cli.global);
    match commands::run(cli, &mut ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&program),
    }
}

fn exit_of(error: &clap::Error) -> ExitCode {
    if error.use_stderr() { failure::Exit::Usage.into() } else { ExitCode::SUCCESS }
}

/// What every command gives back.
type Done = Result<(), Failure>;
