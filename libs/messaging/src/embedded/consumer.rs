//! A subscription in the process.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::line::Counted;
use super::store::{self, Row};
use crate::topology::{Queue, Step};
use crate::work::{Verdict, Work};
use crate::{Handler, Hold};

/// Consumes until `shutdown`, then drains.
pub(super) async fn run(
    shared: &Arc<Shared>,
    queue: &'static Queue,
    handler: Arc<dyn Handler>,
    shutdown: CancellationToken,
) {
    let work = Arc::new(Work::new(queue, handler));
    while !shutdown.is_cancelled() {
        if subscribed(shared, queue, &work, &shutdown).await == End::Outage {
            tracing::warn!(queue = queue.name, "what the handler needs is out: unsubscribed until it answers");
            if shutdown.run_until_cancelled(work.recovered()).await.is_some() {
                tracing::info!(queue = queue.name, "what the handler needs answers again: subscribing");
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum End {
    Shutdown,
    Outage,
}

async fn subscribed(
    shared: &Arc<Shared>,
    queue: &'static Queue,
    work: &Arc<Work>,
    shutdown: &CancellationToken,
) -> End {
    let line = shared.line(queue);
    let _consumer = line.consumer();
    let (mut jobs, mut suspect) = (JoinSet::new(), JoinSet::new());
    let end = loop {
        let full = jobs.len() >= usize::from(queue.prefetch);
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break End::Shutdown,
            () = work.outage.begins() => break End::Outage,
            Some(_) = jobs.join_next() => {}
            Some(_) = suspect.join_next() => {}
            row = line.pop_suspect(), if suspect.is_empty() => {
                let hold = work.delivered(&row.message);
                suspect.spawn(attend_alone(shared.clone(), work.clone(), row, hold));
            }
            row = line.pop(), if !full => {
                let hold = work.delivered(&row.message);
                jobs.spawn(attend(shared.clone(), work.clone(), row, hold));
            }
        }
    };
    while jobs.join_next().await.is_some() || suspect.join_next().await.is_some() {}
    end
}

async fn attend(shared: Arc<Shared>, work: Arc<Work>, row: Row, hold: Option<Box<dyn Hold>>) {
    let _delivery: Counted<'_> = shared.line(row.queue).delivery();
    let verdict = work.decide(row.message.clone(), row.counters).await;
    settle(&shared, row, verdict).await;
    hold.into_iter().for_each(Hold::over);
}

/// What the process dies of between the two notes is what it handled alone; the turn is kept until the second.
async fn attend_alone(shared: Arc<Shared>, work: Arc<Work>, row: Row, hold: Option<Box<dyn Hold>>) {
    let _delivery: Counted<'_> = shared.line(row.queue).delivery();
    let (turn, seq) = (work.alone().await, row.seq);
    let verdict = match shared.database.write(move |tx| store::begin_alone(tx, seq)).await {
        Ok(()) => work.decide_alone(&turn, row.message.clone(), row.counters).await,
        Err(error) => {
            tracing::error!(%error, message.id = row.message.id, "a suspect was not noted, and is handled later");
            Verdict::Later(Step::S15, row.counters)
        }
    };
    if let Err(error) = shared.database.write(move |tx| store::end_alone(tx, seq)).await {
        tracing::error!(%error, message.id = row.message.id, "a crash from now on may count against this message");
    }
    settle(&shared, row, verdict).await;
    hold.into_iter().for_each(Hold::over);
}

async fn settle(shared: &Shared, row: Row, verdict: Verdict) {
    match verdict {
        Verdict::Done => shared.settler.gone(row.seq),
        Verdict::Later(step, counters) => shared.put_aside(row, step, counters),
        Verdict::Dead(reason) => bury(shared, row, reason).await,
    }
}

async fn bury(shared: &Shared, row: Row, reason: String) {
    let dead = row.clone();
    let buried = shared.database.write(move |tx| store::bury(tx, &dead, &reason)).await;
    if let Err(error) = buried {
        tracing::error!(%error, message.id = row.message.id, "a dead letter was not stored: the message comes again");
        let counters = row.counters;
        shared.put_aside(row, Step::S15, counters);
    }
}
