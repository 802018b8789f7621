//! What requests of one batch wait on: one place, all woken together.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

#[cfg(test)]
mod tests;

/// What became of a batch, as far as its requests are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A quorum has it.
    Confirmed,
    /// It is on its way, and will be published until it is confirmed.
    Unknown,
    /// It was never published, and will not be.
    NotAccepted,
}

/// Settled once, waited on by many: no channel and no timer a request.
#[derive(Debug, Default)]
pub struct Ticket {
    outcome: AtomicU8,
    waiting: Mutex<Vec<Waker>>,
}

/// The future of [`Ticket::wait`].
#[derive(Debug)]
pub struct Wait {
    ticket: Arc<Ticket>,
    place: Option<usize>,
}

impl Ticket {
    /// Tells all who wait. What is told first holds.
    pub fn settle(&self, outcome: Outcome) {
        let mut waiting = self.waiting.lock();
        if self.outcome().is_some() {
            return;
        }
        let code = match outcome {
            Outcome::Confirmed => 1,
            Outcome::Unknown => 2,
            Outcome::NotAccepted => 3,
        };
        self.outcome.store(code, Ordering::Release);
        let woken = std::mem::take(&mut *waiting);
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Waits for the outcome.
    pub fn wait(self: Arc<Self>) -> Wait {
        Wait { ticket: self, place: None }
    }

    fn outcome(&self) -> Option<Outcome> {
        match self.outcome.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Outcome::Confirmed),
            2 => Some(Outcome::Unknown),
            _ => Some(Outcome::NotAccepted),
        }
    }
}

impl Future for Wait {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        if let Some(outcome) = this.ticket.outcome() {
            return Poll::Ready(outcome);
        }
        let mut waiting = this.ticket.waiting.lock();
        // It may have been settled before the lock was taken.
        if let Some(outcome) = this.ticket.outcome() {
            return Poll::Ready(outcome);
        }
        match this.place.and_then(|place| waiting.get_mut(place)) {
            Some(waker) => waker.clone_from(context.waker()),
            None => {
                this.place = Some(waiting.len());
                waiting.push(context.waker().clone());
            }
        }
        Poll::Pending
    }
}
