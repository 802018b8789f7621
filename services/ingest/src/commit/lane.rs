//! The ballots of one contest on one routing key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contests::batch::Header;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use messaging::topology::Queue;
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Commit, OVERDUE, Outcome, Series, Ticket,
    gathered::{Gathered, Gathering},
    publish::Address,
};

/// Gathers ballots and cuts them into batches.
pub struct Lane {
    commit: Arc<Commit>,
    series: Arc<Series>,
    address: Address,
    gathering: Mutex<Gathering>,
    arrived: Notify,
    driven: AtomicBool,
    /// Its definition was replaced, or the process stops.
    retired: CancellationToken,
}

impl Lane {
    /// A lane of a definition's; `header` holds what all its batches say alike.
    pub fn new(
        commit: &Arc<Commit>,
        series: &Arc<Series>,
        key: &str,
        group: &'static Queue,
        header: Header,
        retired: &CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            commit: commit.clone(),
            series: series.clone(),
            address: Address { key: key.into(), group, header },
            gathering: Mutex::default(),
            arrived: Notify::new(),
            driven: AtomicBool::new(false),
            retired: retired.clone(),
        })
    }

    /// Adds ballots of at most `room` bytes to the batch in the making. `None`: the lane has ended, nothing was added.
    pub fn gather(
        self: &Arc<Self>,
        room: usize,
        ballots: u32,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Option<Arc<Ticket>> {
        let place = self.gathering.lock().add(room, ballots, write)?;
        self.commit.flow.add(place.bytes);
        if place.first {
            self.arrived.notify_one();
            if !self.driven.swap(true, Ordering::Relaxed) {
                self.commit.tasks.spawn(Driver::new(self.clone()).run());
            }
        }
        Some(place.ticket)
    }

    /// Publishes an empty batch that says what is confirmed, if that is owed; or the last one.
    pub async fn beat(&self, quiet: Duration, last: bool) {
        let owed = if last { self.series.began() } else { self.series.is_owed_a_beat(quiet) };
        if !owed {
            return;
        }
        let (numbered, turn) = (self.series.next(0), rand::random_range(0..usize::from(u16::MAX)));
        let parcel = self.commit.parcel(&self.address, numbered, 0, &[], last, turn);
        self.commit.publish(&parcel, turn).await;
        self.series.confirm(parcel.number);
    }
}

/// A batch on its way.
struct Flying {
    number: u64,
    ticket: Arc<Ticket>,
    ballots: u32,
    bytes: usize,
    since: Instant,
    overdue: bool,
}

/// Cuts a lane's batches and sees them confirmed.
struct Driver {
    lane: Arc<Lane>,
    flying: Vec<Flying>,
    publishing: FuturesUnordered<BoxFuture<'static, u64>>,
    /// Chooses queue and slot: begun at random, so that processes do not go in step.
    turn: usize,
}

impl Driver {
    fn new(lane: Arc<Lane>) -> Self {
        let turn = rand::random_range(0..usize::from(u16::MAX));
        Self { lane, flying: Vec::new(), publishing: FuturesUnordered::new(), turn }
    }

    async fn run(mut self) {
        let lane = self.lane.clone();
        let mut ending = false;
        loop {
            self.launch();
            if ending && self.flying.is_empty() && lane.gathering.lock().close() {
                return;
            }
            let deadline = self.deadline();
            tokio::select! {
                biased;
                Some(number) = self.publishing.next() => self.land(number),
                () = lane.arrived.notified() => {}
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.expire(),
                () = lane.retired.cancelled(), if !ending => ending = true,
                () = lane.commit.stop.cancelled(), if !ending => ending = true,
            }
        }
    }

    /// Cuts batches while fewer than a few are on their way; none that is overdue, because this process stood still:
    /// it is given up instead, for its contest may be closed and final by now.
    fn launch(&mut self) {
        while self.flying.len() < self.lane.commit.sizes.in_flight.max(1) {
            let mut gathering = self.lane.gathering.lock();
            if gathering.since().is_some_and(|since| since.elapsed() >= OVERDUE) {
                return;
            }
            let Some(next) = gathering.take() else { return };
            drop(gathering);
            self.cut(next);
        }
    }

    fn cut(&mut self, gathered: Gathered) {
        let Gathered { ticket, segments, ballots, since } = gathered;
        let (lane, commit) = (&self.lane, self.lane.commit.clone());
        let (turn, numbered) = (self.turn, lane.series.next(ballots));
        self.turn = self.turn.wrapping_add(1);
        let parcel = commit.parcel(&lane.address, numbered, ballots, &segments, false, turn);
        commit.meters.batch(ballots, segments.len());
        let (number, bytes) = (parcel.number, segments.len());
        self.flying.push(Flying { number, ticket, ballots, bytes, since, overdue: false });
        self.publishing.push(Box::pin(async move {
            commit.publish(&parcel, turn).await;
            number
        }));
    }

    fn land(&mut self, number: u64) {
        let at = self.flying.iter().position(|batch| batch.number == number);
        let batch = self.flying.swap_remove(at.expect("what lands was flying"));
        let commit = &self.lane.commit;
        commit.flow.release(batch.bytes);
        if batch.overdue {
            commit.flow.came_late();
        } else {
            commit.meters.accepted.increment(batch.ballots.into());
        }
        self.lane.series.confirm(number);
        batch.ticket.settle(Outcome::Confirmed);
        commit.meters.confirm_seconds.record(batch.since.elapsed());
    }

    /// When the next one is overdue.
    fn deadline(&self) -> Option<Instant> {
        let flying = self.flying.iter().filter(|batch| !batch.overdue).map(|batch| batch.since);
        let gathering = self.lane.gathering.lock().since();
        flying.chain(gathering).min().map(|since| since + OVERDUE)
    }

    /// Tells those who wait for what is overdue; what was not even published is given up.
    fn expire(&mut self) {
        let commit = &self.lane.commit;
        for batch in self.flying.iter_mut().filter(|batch| !batch.overdue && batch.since.elapsed() >= OVERDUE) {
            batch.overdue = true;
            commit.flow.fell_due();
            commit.meters.unknown.increment(batch.ballots.into());
            batch.ticket.settle(Outcome::Unknown);
        }
        let (bytes, ballots) = self.lane.gathering.lock().discard();
        commit.flow.release(bytes);
        commit.meters.not_accepted.increment(ballots);
    }
}
