//! One batch's way to the broker.

use std::{sync::Arc, time::Duration};

use contests::batch::{self, Header};
use jiff::Timestamp;
use messaging::{Message, Route, topology::Queue};
use uuid::Uuid;

use super::{Commit, series::Numbered};

/// Waits between two tries: a refusal comes at once, silence takes its own time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_millis(500);

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

    /// Publishes a batch until it is confirmed: to the next queue of its group at each try, for one that is silent
    /// may stay so.
    pub(super) async fn publish(&self, parcel: &Parcel, turn: usize) {
        let Parcel { key, group, message, .. } = parcel;
        let queues = self.queues(group);
        let mut pause = FIRST_PAUSE;
        for turn in turn.. {
            let route = Route::Ballots { key: key.clone(), group, index: turn % queues };
            match self.bus.publish(&route, message.clone()).await {
                Ok(()) => return,
                Err(error) => {
                    self.meters.republished.increment(1);
                    if pause == FIRST_PAUSE {
                        tracing::warn!(%error, batch.id = message.id, "a batch is not confirmed, publishing it again");
                    }
                }
            }
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    fn queues(&self, group: &Queue) -> usize {
        let votes = *group == messaging::topology::VOTES;
        let queues = if votes { self.sizes.votes_queues } else { self.sizes.other_queues };
        queues.clamp(1, messaging::topology::GROUP_QUEUES)
    }
}
