//! Answers that may say nothing for as long as it takes: logs that go on, of a pod that is quiet.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{body::Body, extract::FromRequestParts, http::request::Parts};
use futures::StreamExt as _;

/// A connection's right to be silent, which a handler takes for its answer. The connection of one that takes none is
/// ended when nothing moves on it.
#[derive(Debug, Clone, Default)]
pub struct Silence(Arc<AtomicUsize>);

impl Silence {
    /// The body, until whose end the connection may be silent.
    pub fn until_end_of(&self, body: Body) -> Body {
        let held = Held::of(self);
        Body::from_stream(body.into_data_stream().map(move |part| {
            let _held = &held;
            part
        }))
    }

    /// Whether an answer under way may be silent.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// One answer under way.
struct Held(Silence);

impl Held {
    fn of(silence: &Silence) -> Self {
        silence.0.fetch_add(1, Ordering::Relaxed);
        Self(silence.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Silence {
    type Rejection = Infallible;

    /// The connection's own; where the server knows none, one without effect.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
