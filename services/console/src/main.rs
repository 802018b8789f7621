//! The web page on its own port.

use std::process::ExitCode;

use bootstrap::Program;

fn main() -> ExitCode {
    let about = "The web page of Marea";
    bootstrap::main_alone(Program { name: "console", about, version: env!("CARGO_PKG_VERSION") }, console::run)
}
