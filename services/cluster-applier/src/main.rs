//! Applies tasks to a cluster and watches their health.

use std::process::ExitCode;

fn main() -> ExitCode {
    let program = bootstrap::Program {
        name: "cluster-applier",
        about: "Applies tasks to a cluster, checks their health, prunes, reverts and rolls back",
        version: env!("CARGO_PKG_VERSION"),
    };
    bootstrap::main(program, cluster_applier::run)
}
