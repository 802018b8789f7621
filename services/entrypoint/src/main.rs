//! The binary; all of it is in the library.

use std::process::ExitCode;

use bootstrap::Program;

fn main() -> ExitCode {
    let program = Program {
        name: env!("CARGO_PKG_NAME"),
        about: "Takes tasks over HTTP: stores each command, publishes it, answers 202",
        version: env!("CARGO_PKG_VERSION"),
    };
    bootstrap::main(program, entrypoint::run)
}
