//! The binary; all of it is in the library.

use std::process::ExitCode;

use bootstrap::Program;

fn main() -> ExitCode {
    let program = Program {
        name: env!("CARGO_PKG_NAME"),
        about: "Folds facts into the states of tasks, and serves them over HTTP",
        version: env!("CARGO_PKG_VERSION"),
    };
    bootstrap::main(program, status_worker::run)
}
