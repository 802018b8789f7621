//! Request bodies: bounded in size, in time, and all together in memory.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// Bytes of request bodies that one process holds at a time; above, 503 at once.
pub const BODIES_IN_FLIGHT_BYTES: usize = 64 << 20;
/// Bytes of a refused body that are read and dropped, so that a client that sends first and reads then
/// gets its 413 rather than a broken pipe.
const DISCARD_BYTES: usize = 64 << 20;

/// Bounds on one request's body.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Its bytes.
    pub bytes: usize,
    /// How long no byte of it may come.
    pub idle: Duration,
    /// How long all of it may take.
    pub total: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        // 8 MiB in 2 minutes is 70 kB/s: slow, and faster than an attacker who holds memory with a trickle.
        let (idle, total) = (Duration::from_secs(10), Duration::from_secs(120));
        Self { bytes: domain::limits::BODY_BYTES, idle, total }
    }
}

/// Why a request's body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BodyError {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body comes too slowly")]
    TooSlow,
    #[error("too many bodies are being read")]
    Overloaded,
}

/// Bytes of all bodies that are being read or handled now.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    /// Whether that many more would fit.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        self.0.load(Ordering::Relaxed).saturating_add(bytes) <= BODIES_IN_FLIGHT_BYTES
    }
}

/// One request's share of [`InFlight`]; given back when the request is answered.
#[derive(Debug, Clone)]
pub(crate) struct Share(Arc<Reserved>);

#[derive(Debug)]
struct Reserved {
    all: InFlight,
    bytes: AtomicUsize,
}

impl Share {
    pub(crate) fn of(all: &InFlight) -> Self {
        Self(Arc::new(Reserved { all: all.clone(), bytes: AtomicUsize::new(0) }))
    }

    fn take(&self, bytes: usize) -> Result<(), BodyError> {
        let Reserved { all, bytes: own } = &*self.0;
        own.fetch_add(bytes, Ordering::Relaxed);
        let before = all.0.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > BODIES_IN_FLIGHT_BYTES { Err(BodyError::Overloaded) } else { Ok(()) }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// A request's body within its bounds; its errors are [`BodyError`]s.
pub(crate) struct Bounded {
    inner: Body,
    limits: BodyLimits,
    share: Share,
    read: usize,
    began: Instant,
    /// Made at the first wait: most bodies are there with their head.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Bounded {
    pub(crate) fn new(inner: Body, limits: BodyLimits, share: Share) -> Self {
        Self { inner, limits, share, read: 0, began: Instant::now(), timer: None }
    }

    fn timed_out(&mut self, context: &mut Context<'_>) -> bool {
        let idle = self.limits.idle.min(self.limits.total.saturating_sub(self.began.elapsed()));
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
        timer.as_mut().poll(context).is_ready()
    }

    /// Counts a frame's bytes; `Ok(false)`: the frame is one to drop.
    fn count(&mut self, bytes: usize) -> Result<bool, BodyError> {
        self.timer = None;
        self.read += bytes;
        if self.read > self.limits.bytes {
            let stop = self.read > self.limits.bytes + DISCARD_BYTES;
            return if stop { Err(BodyError::TooLarge(self.limits.bytes)) } else { Ok(false) };
        }
        self.share.take(bytes).map(|()| true)
    }

    fn end(&self) -> Option<Result<Frame<Bytes>, axum::Error>> {
        let too_large = self.read > self.limits.bytes;
        too_large.then(|| Err(axum::Error::new(BodyError::TooLarge(self.limits.bytes))))
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            let polled = Pin::new(&mut self.inner).poll_frame(context);
            if polled.is_pending() && self.timed_out(context) {
                return Poll::Ready(Some(Err(axum::Error::new(BodyError::TooSlow))));
            }
            let Some(frame) = ready!(polled) else { return Poll::Ready(self.end()) };
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
            match self.count(frame.data_ref().map_or(0, Bytes::len)) {
                Ok(true) => return Poll::Ready(Some(Ok(frame))),
                Ok(false) => {}
                Err(error) => return Poll::Ready(Some(Err(axum::Error::new(error)))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && self.end().is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Reads and drops a body that is refused, so that its sender hears why.
pub(crate) async fn discard(body: Body, limits: BodyLimits) {
    let drop_all = async {
        let (mut body, mut read) = (body, 0);
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > DISCARD_BYTES {
                break;
            }
        }
    };
    // What it takes longer than this, the connection's end tells as well.
    let _ = tokio::time::timeout(limits.idle, drop_all).await;
}
