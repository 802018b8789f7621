//! The demo of both lines, as anybody would use them: the sample task, and ballots in the sample contests.

mod casting;
mod live;
mod task;

use std::net::SocketAddr;

use client::Client;

use super::{banner, services::reachable};
use crate::{Done, ui::Ui};

/// Runs until it is dropped. What fails is told, and the rest goes on.
pub async fn run(address: SocketAddr, ui: &mut Ui) -> Done {
    let client = Client::new(&format!("http://{}", reachable(address)), std::env::var("MAREA_TOKEN").ok())?;
    let (_, told) = tokio::join!(casting::run(&client), tell(&client, address, ui));
    told
}

async fn tell(client: &Client, address: SocketAddr, ui: &mut Ui) -> Done {
    if let Err(failure) = task::run(client, ui).await {
        failure.report(&ui.program);
    }
    let program = ui.program.clone();
    let next = format!(
        "Next: {program} status {}   {program} contest standings bands --watch   README.md   Ctrl-C stops",
        task::NAME
    );
    live::show(client, &[banner::vote(address), next], ui).await
}
