//! The binary; all of it is in the library.

use std::process::ExitCode;

use bootstrap::Program;

fn main() -> ExitCode {
    let program = Program {
        name: env!("CARGO_PKG_NAME"),
        about: "Logs and counts ballots once each, and serves standings, log and audit over HTTP",
        version: env!("CARGO_PKG_VERSION"),
    };
    bootstrap::main(program, tally::run)
}
