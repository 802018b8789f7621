//! Stored commands as messages: the first time, and again where nobody has heard of one.

use domain::{Action, Command, Revision, TaskKey};
use messaging::{
    BrokerError, Message, PublishError, Route,
    topology::{CLUSTER_APPLIER, YAML_MANAGER},
};

use crate::Context;

/// Messages in a queue from which on what nobody has heard of is taken to wait among them.
const BACKLOG: u64 = 1_000;

/// Why a command could not be published again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The records do not answer.
    #[error(transparent)]
    Records(#[from] blobs::Error),
    /// The broker does not confirm.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The broker does not answer.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Context {
    /// Publishes a stored command, and awaits the confirm. Done again, it is the same message, by its id.
    pub async fn publish_command(&self, command: &Command) -> Result<(), PublishError> {
        let fact = command.fact();
        let message = Message::fact(&fact).traced(command.traceparent.as_deref());
        self.bus.publish(&Route::Fact(fact.body.type_name()), message).await
    }

    /// Publishes stored commands of a task that nobody has heard of: whoever stored them may have died, or given up
    /// on the broker, before they were published. Below a roll back there is nothing more to be done.
    pub async fn publish_unheard(&self, key: &TaskKey, unheard: &[Revision]) -> Result<(), Error> {
        for n in unheard.iter().rev() {
            let Some(command) = self.records.command(key, *n).await? else { continue };
            tracing::info!(task.id = %key.id, task.revision = n, "a stored command was not heard of; published again");
            self.publish_command(&command).await?;
            if command.action == Action::RollBack {
                break;
            }
        }
        Ok(())
    }

    /// The same for what a look at many tasks found. Where much waits in the queues it is most likely there, and
    /// nothing is published: more messages would only make them longer.
    pub async fn publish_lost(&self, lost: &[(TaskKey, Vec<Revision>)]) -> Result<(), Error> {
        if lost.is_empty() || self.is_backlogged().await? {
            return Ok(());
        }
        for (key, unheard) in lost {
            self.publish_unheard(key, unheard).await?;
        }
        Ok(())
    }

    async fn is_backlogged(&self) -> Result<bool, BrokerError> {
        let (one, two) = tokio::try_join!(self.bus.depth(YAML_MANAGER.name), self.bus.depth(CLUSTER_APPLIER.name))?;
        Ok(one.ready.max(two.ready) >= BACKLOG)
    }
}
