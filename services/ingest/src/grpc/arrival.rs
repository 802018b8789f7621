//! A request's messages on their way here: what of one has come is counted, and it must come at a pace.
//!
//! tonic gathers a message before anybody sees it, with no bound but its size, and waits for ever.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;

use super::status_of;
use crate::{
    commit::{Arriving, Flow},
    http::Refusal,
    pace::Pace,
};

#[cfg(test)]
mod tests;

/// How long a stream may be silent between two messages: a client that needs it no more often opens another.
const BETWEEN: Duration = Duration::from_secs(60);
/// Bytes before each message: a flag, and its length.
const HEAD: usize = 5;

/// A body of messages.
pub(super) struct Arrival<B> {
    body: B,
    framing: Framing,
    arriving: Arriving,
    pace: Pace,
    /// When it has been silent for too long.
    until: Instant,
    /// Made at the first wait: most calls are there with their head.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> Arrival<B> {
    pub(super) fn new(body: B, flow: &Arc<Flow>) -> Self {
        let pace = Pace::begin();
        let (framing, arriving, until) = (Framing::default(), Arriving::new(flow), pace.until());
        Self { body, framing, arriving, pace, until, timer: None }
    }

    fn took(&mut self, data: &[u8]) -> Result<(), Status> {
        let between = self.framing.is_between();
        let Came { whole, begun } = self.framing.take(data);
        if whole {
            self.arriving.release();
        }
        if whole || between {
            self.pace = Pace::begin();
        }
        self.pace.took(begun);
        self.until = if begun == 0 { Instant::now() + BETWEEN } else { self.pace.until() };
        if begun == 0 || self.arriving.grow(begun) { Ok(()) } else { Err(status_of(Refusal::NotAccepted)) }
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let until = self.until;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(context).is_ready()
    }
}

impl<B> HttpBody for Arrival<B>
where
    B: HttpBody<Data = Bytes, Error = hyper::Error> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Status::from_error(error.into())))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending if self.is_late(context) => return Poll::Ready(Some(Err(too_slow()))),
            Poll::Pending => return Poll::Pending,
        };
        let counted = frame.data_ref().map_or(Ok(()), |data| self.took(data));
        Poll::Ready(Some(counted.map(|()| frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn too_slow() -> Status {
    Status::aborted("the next message came too slowly; send what is not acknowledged again")
}

/// Where messages begin and end.
#[derive(Debug, Default)]
struct Framing {
    head: [u8; HEAD],
    /// Bytes of the head that came.
    have: usize,
    /// Bytes of the message that did not come.
    left: usize,
}

/// What came with some data.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    /// Whether a message became whole.
    whole: bool,
    /// Bytes, of these, of a message that is not.
    begun: usize,
}

impl Framing {
    fn is_between(&self) -> bool {
        self.have == 0
    }

    fn take(&mut self, mut data: &[u8]) -> Came {
        let mut came = Came { whole: false, begun: 0 };
        while !data.is_empty() {
            let want = if self.have < HEAD { HEAD - self.have } else { self.left };
            let (part, rest) = data.split_at(want.min(data.len()));
            data = rest;
            came.begun += part.len();
            self.add(part);
            if self.have == HEAD && self.left == 0 {
                self.have = 0;
                came = Came { whole: true, begun: 0 };
            }
        }
        came
    }

    fn add(&mut self, part: &[u8]) {
        if self.have == HEAD {
            self.left -= part.len();
            return;
        }
        self.head[self.have..self.have + part.len()].copy_from_slice(part);
        self.have += part.len();
        if self.have == HEAD {
            let [_, length @ ..] = self.head;
            self.left = u32::from_be_bytes(length) as usize;
        }
    }
}
