//! The binary; all of it is in the library.

use std::process::ExitCode;

use bootstrap::Program;

fn main() -> ExitCode {
    let program = Program {
        name: env!("CARGO_PKG_NAME"),
        about: "Takes ballots over HTTP and gRPC, and commits them in groups to the queue",
        version: env!("CARGO_PKG_VERSION"),
    };
    bootstrap::main(program, ingest::run)
}
