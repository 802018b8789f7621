//! One batch's way to the broker.

use std::{sync::Arc, time::Duration};

use contests::batch::{self, Header};
use futures::{StreamExt, stream::FuturesUnordered};
use jiff::Timestamp;
use messaging::{
    BrokerError, Message, PublishError, Route,
    topology::{self, Queue},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Commit, series::Numbered, silent::Choice};

/// Waits between two tries: a refusal comes at once, silence takes its own time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// How long a queue may be silent before the next one gets the batch as well: whoever waits hears of a confirm before
/// the batch is overdue.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where a lane's batches go, and what they say alike.
pub(super) struct Address {
    pub(super) key: Arc<str>,
    pub(super) group: &'static Queue,
    /// Everything that is the same in all of the lane's batches.
    pub(super) header: Header,
}

/// A batch that can be published.
pub(super) struct Parcel {
    pub(super) number: u64,
    key: Arc<str>,
    group: &'static Queue,
    message: Message,
}

impl Commit {
    /// Makes a batch of segments. Its queue and slot are the `turn`th.
    pub(super) fn parcel(
        &self,
        address: &Address,
        numbered: Numbered,
        ballots: u32,
        segments: &[u8],
        last: bool,
        turn: usize,
    ) -> Parcel {
        let now = Timestamp::now();
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        let Numbered { number, cumulative, confirmed } = numbered;
        let slot = turn % usize::from(self.sizes.slots.max(1));
        let header = Header {
            batch: Uuid::now_v7(),
            slot: u16::try_from(slot).expect("less than a u16"),
            producer: self.producer,
            number,
            ballots,
            cumulative,
            confirmed,
            last,
            time: now,
            ..address.header.clone()
        };
        let subject = format!("contests/{}", header.contest);
        let body = header.encode(segments);
        let message = Message::binary(batch::TYPE, header.batch.to_string(), &subject, now, body.into());
        Parcel { number, key: address.key.clone(), group: address.group, message }
    }

    /// Publishes a batch until it is confirmed. A queue of its group that is silent is left to itself: the next one gets
    /// the batch as well, and whichever confirms first will do, for a batch that comes twice is counted once.
    pub(super) async fn publish(&self, parcel: &Parcel, turn: usize) {
        let (group, queues) = (parcel.group, self.queues(parcel.group));
        let mut tries = FuturesUnordered::new();
        let mut pause = FIRST_PAUSE;
        for turn in turn.. {
            let Choice { index, others, probe } = self.silent.choose(group.name, queues, turn);
            if let Some(probe) = probe {
                self.probe(parcel, probe);
            }
            tries.push(self.attempt(parcel, index));
            let patience = if others { PATIENCE } else { Duration::MAX };
            let failed = match timeout(patience, confirmed(&mut tries)).await {
                Ok(Ok(index)) => return self.silent.heard(group.name, index),
                Ok(Err(error)) => Some(error),
                Err(_elapsed) => None,
            };
            self.meters.republished.increment(1);
            let Some(error) = failed else {
                self.silent.fell_silent(group.name, index);
                continue;
            };
            if pause == FIRST_PAUSE {
                let id = &parcel.message.id;
                tracing::warn!(%error, batch.id = id, "a batch is not confirmed, publishing it again");
            }
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    async fn attempt(&self, parcel: &Parcel, index: usize) -> (usize, Result<(), PublishError>) {
        let published = self.bus.publish(&parcel.route(index), parcel.message.clone()).await;
        if matches!(published, Err(PublishError::Unknown)) {
            self.silent.fell_silent(parcel.group.name, index);
        }
        (index, published)
    }

    /// Tries a silent queue by a copy that nobody waits for.
    fn probe(&self, parcel: &Parcel, index: usize) {
        let (bus, silent, group) = (self.bus.clone(), self.silent.clone(), parcel.group);
        let (route, message) = (parcel.route(index), parcel.message.clone());
        self.track(async move {
            if bus.publish(&route, message).await.is_ok() {
                silent.heard(group.name, index);
            }
        });
    }

    /// Makes the queues of all groups, so that no vote waits for that.
    pub async fn prepare(&self) -> Result<(), BrokerError> {
        for group in topology::GROUPS {
            self.bus.declare(group, self.queues(group)).await?;
        }
        Ok(())
    }

    fn queues(&self, group: &Queue) -> usize {
        let votes = *group == topology::VOTES;
        let queues = if votes { self.sizes.votes_queues } else { self.sizes.other_queues };
        queues.clamp(1, topology::GROUP_QUEUES)
    }
}

impl Parcel {
    fn route(&self, index: usize) -> Route {
        Route::Ballots { key: self.key.clone(), group: self.group, index }
    }
}

/// The first queue that confirms; why the last did not, where none does.
async fn confirmed<F>(tries: &mut FuturesUnordered<F>) -> Result<usize, PublishError>
where
    F: Future<Output = (usize, Result<(), PublishError>)>,
{
    let mut last = PublishError::Unknown;
    while let Some((index, published)) = tries.next().await {
        match published {
            Ok(()) => return Ok(index),
            Err(error) => last = error,
        }
    }
    Err(last)
}
