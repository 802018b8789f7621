//! Which deliveries of a channel to acknowledge, in as few frames as may be.

use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// One `basic.ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) tag: u64,
    /// This tag and all before it.
    pub(crate) multiple: bool,
}

/// What has been settled. Tags count from 1 on a channel.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// All tags up to this one are acknowledged.
    floor: u64,
    /// Tags above the floor that are settled; whether they are acknowledged already.
    settled: BTreeMap<u64, bool>,
    /// Settled and not acknowledged.
    waiting: usize,
}

impl Acks {
    /// A delivery is settled: to be acknowledged.
    pub(crate) fn settle(&mut self, tag: u64) {
        self.settled.insert(tag, false);
        self.waiting += 1;
    }

    /// How many wait to be acknowledged.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The acknowledgements to send now: one for the unbroken run from the floor, one each beyond a gap.
    pub(crate) fn take(&mut self) -> Vec<Ack> {
        let mut acks = Vec::new();
        let (mut run, mut last) = (0, None);
        while let Some(acknowledged) = self.settled.remove(&(self.floor + 1)) {
            self.floor += 1;
            if !acknowledged {
                run += 1;
                last = Some(self.floor);
            }
        }
        // A multiple ack must name a tag that is not acknowledged yet.
        acks.extend(last.map(|tag| Ack { tag, multiple: run > 1 }));
        for (tag, acknowledged) in self.settled.iter_mut().filter(|(_, acknowledged)| !**acknowledged) {
            *acknowledged = true;
            acks.push(Ack { tag: *tag, multiple: false });
        }
        self.waiting = 0;
        acks
    }
}
