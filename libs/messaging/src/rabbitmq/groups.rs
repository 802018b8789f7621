//! Groups of ballots' queues: declared when first used, found by looking.
//!
//! Ballots have a publisher of their own, with its own connection and window, so that neither they nor tasks starve
//! the other. It is started by the first batch: a service without ballots has no connection more.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lapin::Connection;
use lapin::types::FieldTable;
use parking_lot::Mutex;

use super::publisher::{Publisher, Target};
use super::{ANSWER, RabbitMq, answered, declare};
use crate::topology::{BALLOTS_CONFIRM_TIMEOUT, GROUP_QUEUES, Names, Queue};
use crate::{BrokerError, Depth, Message, PublishError};

/// How long a publish may wait for queues to be declared: a quorum queue elects its leader first.
const DECLARE: Duration = Duration::from_secs(10);

/// The publisher of ballots, and what it knows to be declared.
#[derive(Default)]
pub(super) struct Groups {
    publisher: OnceLock<Publisher>,
    /// How many queues of a group are declared, from 0 up.
    declared: Mutex<HashMap<&'static str, usize>>,
    declaring: tokio::sync::Mutex<()>,
}

impl Groups {
    /// Publishes to a group's queue and awaits the confirm.
    pub(super) async fn publish(
        &self,
        bus: &RabbitMq,
        group: &'static Queue,
        index: usize,
        target: Target,
        message: &Message,
        headers: FieldTable,
    ) -> Result<(), PublishError> {
        crate::message::check_member(group, index)?;
        let publisher = self.publisher(bus);
        self.ensure(bus, group, index).await?;
        let published = publisher.publish(target, message, headers).await;
        if matches!(published, Err(PublishError::Refused(_))) {
            // Its queue may have been removed: looked after before the next one.
            self.declared.lock().remove(group.name);
        }
        published
    }

    fn publisher(&self, bus: &RabbitMq) -> &Publisher {
        let start = || Publisher::start("ballots", &bus.config, bus.names.clone(), BALLOTS_CONFIRM_TIMEOUT);
        self.publisher.get_or_init(start)
    }

    /// Makes a group's queues, and connects what publishes to them.
    pub(super) async fn declare(
        &self,
        bus: &RabbitMq,
        group: &'static Queue,
        queues: usize,
    ) -> Result<(), BrokerError> {
        let failed = |e: PublishError| BrokerError(e.to_string());
        let Some(last) = queues.checked_sub(1) else { return Ok(()) };
        crate::message::check_member(group, last).map_err(failed)?;
        let publisher = self.publisher(bus);
        self.ensure(bus, group, last).await.map_err(failed)?;
        let up = tokio::time::timeout(ANSWER, publisher.up()).await;
        up.map_err(|_elapsed| BrokerError("no connection to publish ballots by".to_owned()))
    }

    fn is_declared(&self, group: &Queue, index: usize) -> bool {
        self.declared.lock().get(group.name).is_some_and(|count| index < *count)
    }

    /// Declares a group's queues up to that index, where that was not done yet.
    pub(super) async fn ensure(&self, bus: &RabbitMq, group: &'static Queue, index: usize) -> Result<(), PublishError> {
        if self.is_declared(group, index) {
            return Ok(());
        }
        let _one = self.declaring.lock().await;
        if self.is_declared(group, index) {
            return Ok(());
        }
        let unsent = |e: BrokerError| PublishError::Unreachable(e.0);
        let connection = bus.connection().await.map_err(unsent)?;
        answered(DECLARE, declare::members(&connection, &bus.names, group, index)).await.map_err(unsent)?;
        let mut declared = self.declared.lock();
        let count = declared.entry(group.name).or_default();
        *count = (*count).max(index + 1);
        Ok(())
    }

    /// Whether ballots can be published now, where any were; else why not.
    pub(super) fn ready(&self) -> Result<(), String> {
        self.publisher.get().map_or(Ok(()), Publisher::ready)
    }
}

/// As [`find`]; a group that has no queue yet is made, so that its consumer's suspects and delays are there.
pub(super) async fn find_or_make(
    connection: &Connection,
    names: &Names,
    group: &Queue,
) -> Result<Vec<(usize, Depth)>, BrokerError> {
    let found = find(connection, names, group).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    answered(DECLARE, declare::members(connection, names, group, 0)).await?;
    Ok(vec![(0, Depth::default())])
}

/// A group's queues by index, and how full each is.
pub(super) async fn find(
    connection: &Connection,
    names: &Names,
    group: &Queue,
) -> Result<Vec<(usize, Depth)>, BrokerError> {
    let mut found = Vec::new();
    for index in 0..GROUP_QUEUES {
        let name = names.on_broker(&group.member(index));
        let Some(depth) = answered(ANSWER, declare::found(connection, &name)).await? else { break };
        found.push((index, depth));
    }
    Ok(found)
}

/// How full all of a group's queues are.
pub(super) async fn depth(connection: &Arc<Connection>, names: &Names, group: &Queue) -> Result<Depth, BrokerError> {
    let found = find(connection, names, group).await?;
    Ok(found.into_iter().fold(Depth::default(), |all, (_, one)| Depth {
        ready: all.ready + one.ready,
        unacknowledged: all.unacknowledged + one.unacknowledged,
        consumers: all.consumers + one.consumers,
    }))
}
