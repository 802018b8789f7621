//! One layer of retries, concurrency and deadlines over `kube::Client::send`. It keeps what
//! `kube::Api` drops: whether a write created (201) or changed (200), and `Warning` headers.

mod call;
mod refusal;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

pub(crate) use call::{Accept, Call, collection, everywhere, item};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use kube::{Client, client::Body};
use parking_lot::RwLock;
pub use refusal::{Cause, Refusal};
use serde_json::Value;
use tokio::{sync::Semaphore, time::Instant};

/// Why a call has no answer that could be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The API server refused, for good.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// It passes, but did not before the deadline.
    #[error("the API server did not take the request in time: {0}")]
    Later(String),
    /// Of a call that is not sent again after that: it may have had an effect.
    #[error("whether the API server took the request is not known: {0}")]
    Unknown(String),
    /// Who the tenant's requests are sent as cannot be told: nothing is sent, least of all as the process itself.
    #[error("`{0}` is no name of a ServiceAccount: an administrator has to correct the tenant's")]
    Identity(String),
    /// The lease ends soon: nothing more may be sent.
    #[error("the lease of the task ends: nothing more is sent")]
    LeaseEnds,
}

impl Error {
    /// The refusal, where the API server answered with one.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(|r| r.code == 404)
    }
}

/// Bounds of one process towards one API server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests in flight: above 16 the API server's throughput no longer grows, its latency does.
    pub in_flight: usize,
    /// One request's time-out. A lease's holder stops sending at least this long before its end.
    pub request_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { in_flight: 32, request_timeout: Duration::from_secs(10) }
    }
}

/// Until when a lease's holder may send. Shared with whoever renews the lease.
#[derive(Debug, Clone)]
pub struct SendUntil(Arc<RwLock<Instant>>);

impl SendUntil {
    /// May send until then.
    pub fn new(until: Instant) -> Self {
        Self(Arc::new(RwLock::new(until)))
    }

    /// May send for as long as anybody asks: for reads, and where nobody else writes.
    pub fn always() -> Self {
        Self::new(Instant::now() + Duration::from_secs(86_400 * 365))
    }

    /// Prolongs, after the lease was renewed.
    pub fn prolong(&self, until: Instant) {
        *self.0.write() = until;
    }

    /// Ends it, after the lease was lost.
    pub fn end(&self) {
        self.prolong(Instant::now());
    }

    fn over(&self) -> bool {
        Instant::now() >= *self.0.read()
    }
}

/// In the text of an error of hyper's client that had no connection to send by.
const NEVER_SENT: &str = "client error (Connect)";

/// What the API server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 201: the write created the object.
    pub created: bool,
    /// A try before this one ended without an answer, so it may have had an effect.
    pub repeated: bool,
    /// Texts of `Warning` headers.
    pub warnings: Vec<String>,
    /// The body.
    pub body: Value,
}

/// Sends calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    slots: Arc<Semaphore>,
    limits: Limits,
    run_as: Identity,
    send_until: SendUntil,
    /// Retries end here.
    deadline: Instant,
}

impl Api {
    pub(crate) fn new(client: Client, limits: Limits) -> Self {
        // A counter that begins with its first event does not rise by it.
        metrics::counter!("marea_cluster_retries_total").increment(0);
        Self {
            client,
            slots: Arc::new(Semaphore::new(limits.in_flight)),
            limits,
            run_as: Identity::Process,
            send_until: SendUntil::always(),
            deadline: Instant::now(),
        }
    }

    /// The same connection and bounds, for one piece of work.
    pub(crate) fn session(&self, run_as: Option<&str>, send_until: SendUntil, patience: Duration) -> Self {
        let run_as = run_as.map_or(Identity::Process, Identity::account);
        Self { run_as, send_until, deadline: Instant::now() + patience, ..self.clone() }
    }

    /// The same session under the process's own identity; one that may send nothing sends nothing here either.
    pub(crate) fn as_itself(&self) -> Self {
        match &self.run_as {
            Identity::Invalid(_) => self.clone(),
            _ => Self { run_as: Identity::Process, ..self.clone() },
        }
    }

    /// Sends until there is an answer, a final refusal, or the deadline.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let mut repeated = false;
        for attempt in 0.. {
            match self.once(call).await? {
                Ok(mut answer) => {
                    answer.repeated = repeated;
                    return Ok(answer);
                }
                Err(failure) if failure.unknown && call.is_careful() => return Err(Error::Unknown(failure.text)),
                Err(failure) => {
                    repeated |= failure.unknown;
                    self.pause(attempt, failure).await?;
                }
            }
        }
        unreachable!("the loop ends by return only")
    }

    /// Waits before the next try, or says why there is none.
    async fn pause(&self, attempt: u32, failure: Failure) -> Result<(), Error> {
        let wait = failure.wait.unwrap_or_else(|| refusal::backoff(attempt, rand::random::<f64>()));
        if Instant::now() + wait >= self.deadline {
            return Err(Error::Later(failure.text));
        }
        metrics::counter!("marea_cluster_retries_total").increment(1);
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Waits after a write that raced with another, before everything is read again.
    pub(crate) async fn after_race(&self, attempt: u32, refusal: &Refusal) -> Result<(), Error> {
        self.pause(attempt, Failure { unknown: false, wait: None, text: refusal.to_string() }).await
    }

    /// Waits a little for something that is about to happen.
    pub(crate) async fn wait_for(&self, attempt: u32, what: &str) -> Result<(), Error> {
        self.pause(attempt, Failure { unknown: false, wait: None, text: what.to_owned() }).await
    }

    /// One try: an answer, a failure that passes, or the end.
    async fn once(&self, call: &Call) -> Result<Result<Answer, Failure>, Error> {
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        if self.send_until.over() {
            return Err(Error::LeaseEnds);
        }
        let started = Instant::now();
        let request = self.request(call)?;
        let sent = tokio::time::timeout(self.limits.request_timeout, self.exchange(request)).await;
        metrics::histogram!("marea_cluster_request_duration_seconds", "verb" => call.verb())
            .record(started.elapsed().as_secs_f64());
        match sent {
            Err(_) => Ok(Err(Failure::unknown("no answer in time".to_owned()))),
            Ok(Err(text)) => Ok(Err(Failure { unknown: !text.contains(NEVER_SENT), wait: None, text })),
            Ok(Ok((status, answer))) if status.is_success() => Ok(Ok(answer)),
            Ok(Ok((status, answer))) => {
                let refusal = Refusal::read(status.as_u16(), &answer.body);
                match refusal.passes() {
                    true => Ok(Err(Failure {
                        unknown: status.is_server_error() && !refusal.by_webhook(),
                        wait: refusal.wait(),
                        text: refusal.to_string(),
                    })),
                    false => Err(Error::Refused(Box::new(refusal))),
                }
            }
        }
    }

    async fn exchange(&self, request: Request<Body>) -> Result<(StatusCode, Answer), String> {
        let response = self.client.send(request).await.map_err(|e| e.to_string())?;
        let status = response.status();
        let warnings = response.headers().get_all(http::header::WARNING).iter();
        let warnings = warnings.filter_map(|w| w.to_str().ok()).map(call::warning_text).collect();
        let body = response.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes();
        let body = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).chars().take(500).collect()));
        Ok((status, Answer { created: status == StatusCode::CREATED, repeated: false, warnings, body }))
    }

    /// A response whose body is read bit by bit: a watch, or logs that are followed.
    pub(crate) async fn stream(&self, call: &Call) -> Result<Body, Error> {
        let request = self.request(call)?;
        let sent = tokio::time::timeout(self.limits.request_timeout, self.client.send(request)).await;
        let response = sent.map_err(|_| "no answer in time".to_owned()).and_then(|r| r.map_err(|e| e.to_string()));
        let response = response.map_err(Error::Later)?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|e| Error::Later(e.to_string()))?.to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Err(Error::Refused(Box::new(Refusal::read(status, &body))))
    }

    fn request(&self, call: &Call) -> Result<Request<Body>, Error> {
        let mut request = call.request();
        match &self.run_as {
            Identity::Process => {}
            Identity::Account(user) => drop(request.headers_mut().insert("impersonate-user", user.clone())),
            Identity::Invalid(user) => return Err(Error::Identity(user.clone())),
        }
        Ok(request)
    }
}

/// Who requests are sent as.
#[derive(Clone)]
enum Identity {
    /// The process.
    Process,
    /// The tenant's ServiceAccount, by `Impersonate-User`.
    Account(http::HeaderValue),
    /// What cannot be impersonated: nothing is sent.
    Invalid(String),
}

impl Identity {
    /// An API server takes an empty `Impersonate-User`, and one of spaces, for none at all.
    fn account(user: &str) -> Self {
        let plain = !user.is_empty() && user.bytes().all(|b| b.is_ascii_graphic());
        let value = user.parse().ok().filter(|_| plain);
        value.map_or_else(|| Self::Invalid(user.to_owned()), Self::Account)
    }
}

/// A try that may be repeated.
struct Failure {
    /// Whether it may have had an effect.
    unknown: bool,
    /// How long the API server asked to wait.
    wait: Option<Duration>,
    text: String,
}

impl Failure {
    fn unknown(text: String) -> Self {
        Self { unknown: true, wait: None, text }
    }
}
