//! Stored commands that nobody has heard of.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Action, Command, Fact, Options, TaskId};
use jiff::Timestamp;
use messaging::{Delivery, Handler, JobError, topology::STATUS_WORKER};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::context;

struct Listener(mpsc::UnboundedSender<(String, Fact)>);

#[async_trait]
impl Handler for Listener {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let fact = delivery.message.data().map_err(JobError::fail)?;
        self.0.send((delivery.message.id, fact)).map_err(|_| JobError::retry("the test ended"))
    }
}

fn command(task: TaskId, revision: u32, action: Action) -> Command {
    Command {
        tenant: "local".parse().expect("a label"),
        task,
        name: "shop".parse().expect("a label"),
        revision,
        action,
        options: Options::default(),
        created: Timestamp::now(),
        actor: "local".into(),
        traceparent: None,
        idempotency: None,
    }
}

#[tokio::test]
async fn what_was_lost_is_published_down_to_a_roll_back() {
    let context = context().await;
    let (sender, mut heard) = mpsc::unbounded_channel();
    let (bus, stop) = (context.bus.clone(), CancellationToken::new());
    let stopped = stop.clone().drop_guard();
    tokio::spawn(async move { bus.consume(&STATUS_WORKER, Arc::new(Listener(sender)), stop).await });
    let task = TaskId::new();
    let commands = [Action::Apply { sources: vec![] }, Action::RollBack, Action::Revert { to: 1 }];
    let commands = [1, 2, 3].into_iter().zip(commands).map(|(n, action)| command(task, n, action));
    let commands = commands.collect::<Vec<_>>();
    for command in &commands {
        assert!(context.records.create_command(command).await.expect("stored"));
    }
    let key = commands[0].key();
    let unheard = blobs::records::unheard(&context.records.contents(&key).await.expect("listed"));
    assert_eq!(unheard, [1, 2, 3]);
    context.publish_lost(&[(key, unheard)]).await.expect("published");
    context.publish_command(&commands[0]).await.expect("published");
    let mut told = vec![];
    for _ in 0..3 {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), heard.recv()).await;
        told.push(next.expect("in time").expect("a fact"));
    }
    let numbers: Vec<_> = told.iter().map(|(_, fact)| fact.revision).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert!(told.iter().all(|(id, fact)| *id == fact.message_id()));
    drop(stopped);
}
