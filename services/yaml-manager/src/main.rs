//! The binary; all of it is in the library.

use std::process::ExitCode;

use bootstrap::Program;

fn main() -> ExitCode {
    let program = Program {
        name: env!("CARGO_PKG_NAME"),
        about: "Validates and completes the manifests of submitted tasks",
        version: env!("CARGO_PKG_VERSION"),
    };
    bootstrap::main(program, yaml_manager::run)
}
