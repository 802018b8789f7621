//! The commands: one module each, or one for a few that belong together.

mod apply;
mod cast;
mod check;
mod completion;
mod contest;
mod dead_letter;
mod delete;
mod diff;
mod doctor;
mod get;
mod list;
mod logs;
mod revert;
mod status;
mod tenant;
mod token;
mod version;
mod vote;
mod wait;

use std::{env, time::Duration};

pub use check::objects;
use client::Client;
use contests::Kind;
pub use wait::{Wait, run as wait};

use crate::{
    Done,
    cli::{Cli, Command, Global},
    failure::Failure,
    ui::Ui,
    up,
};

/// How long a request is sent again after a 503 or a lost connection: a rolling update of the server takes less.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a command.
pub fn run(cli: Cli, ui: &mut Ui) -> Done {
    match cli.command {
        Command::Check(options) => check::run(&options, ui),
        Command::Up(options) => up::run(*options, ui),
        Command::Version => version::run(ui),
        Command::Completion { shell } => completion::run(shell, ui),
        Command::Contest(asked) => match contest::offline(asked, ui)? {
            Some(asked) => online(Command::Contest(asked), &cli.global, ui),
            None => Ok(()),
        },
        command => online(command, &cli.global, ui),
    }
}

fn online(command: Command, global: &Global, ui: &mut Ui) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(command, global, ui))
}

/// Commands that ask a server.
async fn ask(command: Command, global: &Global, ui: &mut Ui) -> Done {
    let client = client(global)?;
    match command {
        Command::Apply(options) => apply::run(&client, options, ui).await,
        Command::Status(options) => status::run(&client, &options, ui).await,
        Command::List(options) => list::run(&client, &options, ui).await,
        Command::Get(options) => get::run(&client, &options, ui).await,
        Command::Diff(options) => diff::run(&client, options, ui).await,
        Command::Delete(options) => delete::run(&client, &options, ui).await,
        Command::Revert(options) => revert::run(&client, options, ui).await,
        Command::Logs(options) => logs::run(&client, &options, ui).await,
        Command::Contest(command) => contest::run(&client, command, ui).await,
        Command::Vote(options) => vote::run(&client, Kind::Votes, &options, ui).await,
        Command::Score(options) => vote::run(&client, Kind::Scores, &options, ui).await,
        Command::Cast(options) => cast::run(&client, &options, ui).await,
        Command::DeadLetter(command) => dead_letter::run(&client, command, ui).await,
        Command::Tenant(command) => tenant::run(&client, command, ui).await,
        Command::Token(command) => token::run(&client, command, ui).await,
        Command::Doctor => doctor::run(&client, ui).await,
        Command::Up(_) | Command::Check(_) | Command::Version | Command::Completion { .. } => Ok(()),
    }
}

fn client(global: &Global) -> Result<Client, Failure> {
    // What is not text holds what no token has, and is refused as such.
    let token = env::var_os("MAREA_TOKEN").map(|token| token.to_string_lossy().into_owned());
    let token = token.filter(|token| !token.is_empty());
    Ok(Client::new(&global.server, token)?)
}

/// Sends again for a while, once the server has answered: an absent one is said at once.
async fn patient(client: &Client, task: &str) -> Result<(Client, Option<domain::TaskStatus>), Failure> {
    let found = match client.status(task).await {
        Ok(status) => Some(status),
        Err(error) if error.status() == Some(404) => None,
        Err(error) => return Err(error.into()),
    };
    Ok((client.clone().patient(PATIENCE), found))
}
