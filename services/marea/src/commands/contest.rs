//! `contest`: files on this computer, and contests of a server.

mod command;
mod files;
mod log;
mod show;
mod standings;

use client::Client;
pub use show::word;

use crate::{Done, cli::ContestCommand, failure::Failure, ui::Ui};

/// Runs what needs no server; gives back what does.
pub fn offline(command: ContestCommand, ui: &mut Ui) -> Result<Option<ContestCommand>, Failure> {
    match command {
        ContestCommand::Init(options) => files::init(&options, ui)?,
        ContestCommand::Check { files } => files::check(&files, ui)?,
        ContestCommand::Generate(options) => files::generate(&options, ui)?,
        command => return Ok(Some(command)),
    }
    Ok(None)
}

/// Runs what asks a server.
pub async fn run(client: &Client, asked: ContestCommand, ui: &mut Ui) -> Done {
    match asked {
        ContestCommand::List => show::list(client, ui).await,
        ContestCommand::Show { contest } => show::show(client, &contest, ui).await,
        ContestCommand::Open(when) => command::gate(client, &when, true, ui).await,
        ContestCommand::Close(when) => command::gate(client, &when, false, ui).await,
        ContestCommand::Standings(options) => standings::run(client, &options, ui).await,
        ContestCommand::Log(options) => log::log(client, &options, ui).await,
        ContestCommand::Audit { contest } => show::audit(client, &contest, ui).await,
        ContestCommand::Verify { contest } => command::verify(client, &contest, ui).await,
        ContestCommand::Rebuild { contest } => command::rebuild(client, &contest, ui).await,
        ContestCommand::Export(options) => log::export(client, &options, ui).await,
        ContestCommand::Init(_) | ContestCommand::Check { .. } | ContestCommand::Generate(_) => Ok(()),
    }
}

/// A failed call about a contest.
pub fn absent(error: client::Error) -> Failure {
    Failure::of(error, "contest list")
}
