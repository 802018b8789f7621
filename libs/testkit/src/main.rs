//! `testkit COMMAND…`: runs a command beside real servers that all its tests share.

use std::process::ExitCode;

use testkit::shared;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some((program, arguments)) = std::env::args().skip(1).collect::<Vec<_>>().split_first().map(own) else {
        eprintln!("usage: testkit COMMAND…: starts the servers of the tests, runs the command, ends the servers");
        return ExitCode::from(2);
    };
    let variables = shared::start_all().await;
    let status = tokio::process::Command::new(&program).args(arguments).envs(variables).status().await;
    match status {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("cannot run {program}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn own((first, rest): (&String, &[String])) -> (String, Vec<String>) {
    (first.clone(), rest.to_vec())
}
