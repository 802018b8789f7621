//! Faults of an API server, as a tower layer over the sandbox or over a real client: seeded, so that a run can be
//! told again.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use kube::client::Body;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tower::BoxError;

use crate::failure::Failure;

/// How often each fault happens, as a share of all requests, from 0 to 1.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Makes the dice.
    pub seed: u64,
    /// 429 with `Retry-After: 1`; nothing was done.
    pub too_many_requests: f64,
    /// 500; nothing was done.
    pub internal_error: f64,
    /// No answer for as long as `hang` says, then a time-out; nothing was done.
    pub time_out: f64,
    /// The connection breaks before the request arrives.
    pub reset_before: f64,
    /// The connection breaks after the request was carried out.
    pub reset_after: f64,
    /// How long a request that times out hangs.
    pub hang: Duration,
    /// Every request takes up to this much longer.
    pub latency: Duration,
}

/// Puts faults around a service.
#[derive(Clone)]
pub struct Layer(Arc<Dice>);

struct Dice {
    faults: Mutex<Faults>,
    random: Mutex<SmallRng>,
}

/// What the dice say of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    TooMany,
    Internal,
    TimeOut,
    ResetBefore,
    ResetAfter,
}

impl Layer {
    /// A layer with these faults.
    pub fn new(faults: Faults) -> Self {
        let random = Mutex::new(SmallRng::seed_from_u64(faults.seed));
        Self(Arc::new(Dice { faults: Mutex::new(faults), random }))
    }

    /// Other faults from now on, for example none.
    pub fn set(&self, faults: Faults) {
        *self.0.faults.lock() = faults;
    }
}

impl<S> tower::Layer<S> for Layer {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty { inner, dice: self.0.clone() }
    }
}

/// A service with faults.
#[derive(Clone)]
pub struct Faulty<S> {
    inner: S,
    dice: Arc<Dice>,
}

impl Dice {
    fn throw(&self) -> (Fate, Faults, Duration) {
        let faults = self.faults.lock().clone();
        let mut random = self.random.lock();
        let shares = [
            (Fate::TooMany, faults.too_many_requests),
            (Fate::Internal, faults.internal_error),
            (Fate::TimeOut, faults.time_out),
            (Fate::ResetBefore, faults.reset_before),
            (Fate::ResetAfter, faults.reset_after),
        ];
        let mut left: f64 = random.random();
        let fate = shares.into_iter().find(|(_, share)| {
            left -= share;
            left < 0.0
        });
        let latency = faults.latency.mul_f64(random.random());
        (fate.map_or(Fate::Well, |(fate, _)| fate), faults, latency)
    }
}

type Answer = UnsyncBoxBody<bytes::Bytes, BoxError>;

fn refused(failure: &Failure) -> Response<Answer> {
    let body = Full::from(failure.status().to_string()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(failure.code).expect("codes are written here");
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    response
}

fn broken(kind: std::io::ErrorKind, what: &str) -> BoxError {
    Box::new(std::io::Error::new(kind, format!("{what} (simulated fault)")))
}

impl<S, B> tower::Service<Request<Body>> for Faulty<S>
where
    S: tower::Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Answer>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The service that was polled ready is the one that is called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let (fate, faults, latency) = self.dice.throw();
        Box::pin(async move {
            tokio::time::sleep(latency).await;
            let failure = |code, reason, text: &str| Failure { code, reason, ..Failure::internal(text) };
            match fate {
                Fate::TooMany => Ok(refused(&failure(429, "TooManyRequests", "too many requests (simulated fault)"))),
                Fate::Internal => Ok(refused(&failure(500, "InternalError", "internal error (simulated fault)"))),
                Fate::ResetBefore => {
                    Err(broken(std::io::ErrorKind::ConnectionReset, "connection reset before the request"))
                }
                Fate::TimeOut => {
                    tokio::time::sleep(faults.hang).await;
                    Err(broken(std::io::ErrorKind::TimedOut, "no answer in time"))
                }
                Fate::Well | Fate::ResetAfter => {
                    let response = inner.call(request).await.map_err(Into::into)?;
                    if fate == Fate::ResetAfter {
                        return Err(broken(std::io::ErrorKind::ConnectionReset, "connection reset after the request"));
                    }
                    Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
                }
            }
        })
    }
}
