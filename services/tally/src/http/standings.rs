//! `GET /contests/{contest}/standings`: once, or as a stream of events.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bootstrap::{
    Caller, HttpError,
    http::{
        Path, ProblemDetails, Query, accepts,
        answers::{Denied, Invalid},
        events_of_bytes, knows_tag,
    },
};
use bytes::Bytes;
use contests::{Standings, standings::View};
use domain::access::Scope;
use parking_lot::Mutex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use utoipa::IntoParams;

use super::unavailable;
use crate::{Tally, board};

/// Between two looks for a change of a part that is followed.
const LOOK: Duration = Duration::from_millis(25);
/// Between two looks while something does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// Rows a tally at most, where they are asked for by number.
const MOST: usize = 10_000;
/// Standings that are kept ready.
const KEPT: usize = 256;
/// Their bytes, the last one's aside: a contest may have rows by the ten thousand, and each part of it is kept.
const KEPT_BYTES: usize = 16 << 20;

/// Different parts that are followed together at a time: each is ranked at each change. Who follows another one looks
/// for it alone, once a second, as who asks again and again would.
const FOLLOWED: usize = 256;
/// Their bytes, as JSON and as an event each.
const FOLLOWED_BYTES: usize = 32 << 20;
/// For how long a token is good that was looked at: a stream may outlive it.
const ADMITTED: Duration = Duration::from_secs(1);

/// Which part is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// Only this tally.
    #[param(value_type = Option<String>, nullable = false)]
    tally: Option<String>,
    /// Only the first rows of each tally.
    #[param(value_type = Option<usize>, nullable = false, minimum = 1, maximum = 10_000)]
    top: Option<usize>,
}

/// Show standings
///
/// Every tally, ranked: greatest first; equal values share a rank (1, 2, 2, 4) and stand by key. As server-sent events
/// where the client accepts `text/event-stream`: one event `standings` a change.
#[utoipa::path(
    get, path = "/contests/{contest}/standings", tag = "contests", operation_id = "standings",
    params(
        ("contest" = String, Path, description = "The contest's name."),
        Part,
        ("If-None-Match" = Option<String>, Header, description = "The ETag that is known.", nullable = false),
    ),
    responses(
        (status = 200, description = "The standings.", content((Standings = "application/json"), (String = "text/event-stream")), headers(("ETag" = String, description = "Changes with the standings."))),
        (status = 304, description = "The same as the client has."),
        Invalid,
        Denied,
        (status = 404, description = "There is no such contest, or it no such tally.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub async fn get(
    State(tally): State<Tally>,
    caller: Caller,
    Path(name): Path<String>,
    Query(part): Query<Part>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    caller.may(Scope::Read)?;
    part.check()?;
    let body = tally.body(&name, &part).await?;
    if accepts(&headers, "text/event-stream") {
        let token = headers.get(header::AUTHORIZATION).cloned();
        return Ok(follow(tally, name, part, body, token));
    }
    let tag = format!("\"{}\"", body.tag);
    if knows_tag(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let headers = [
        (header::ETAG, tag),
        (header::VARY, "accept".to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::CONTENT_TYPE, "application/json".to_owned()),
    ];
    Ok((headers, body.json.clone()).into_response())
}

/// Standings, ready to be sent.
pub struct Body {
    json: Bytes,
    /// The same as a server-sent event: all who follow share its bytes.
    event: Bytes,
    /// Of the content: equal standings have equal tags.
    tag: String,
}

/// Standings as they were sent last, by contest and part: however many ask, each change is ranked once.
#[derive(Default)]
pub struct Bodies(Mutex<HashMap<(String, Part), Sent>>);

/// Standings, and what they were made of.
type Sent = (board::State, Arc<Body>);

impl Part {
    fn check(&self) -> Result<(), HttpError> {
        match self.top {
            Some(top) if !(1..=MOST).contains(&top) => Err(HttpError::parameter("top", "expected 1 to 10000")),
            _ => Ok(()),
        }
    }
}

impl Tally {
    async fn body(&self, name: &str, part: &Part) -> Result<Arc<Body>, HttpError> {
        let (definition, gate) = self.existing(name).await?;
        if let Some(tally) = part.tally.as_deref().filter(|tally| definition.tally(tally).is_none()) {
            return Err(HttpError::not_found(format!("the contest has no tally `{tally}`")));
        }
        let state = self.standing(definition, &gate).await.map_err(unavailable)?;
        let (bodies, key) = (&self.0.bodies.0, (name.to_owned(), part.clone()));
        if let Some((known, body)) = bodies.lock().get(&key)
            && known.is_same(&state)
        {
            return Ok(body.clone());
        }
        let body = Arc::new(Body::of(&state, part));
        let mut bodies = bodies.lock();
        bodies.remove(&key);
        let bytes: usize = bodies.values().map(|(_, body)| body.json.len()).sum();
        if bodies.len() >= KEPT || bytes + body.json.len() > KEPT_BYTES {
            bodies.clear();
        }
        bodies.insert(key, (state, body.clone()));
        Ok(body)
    }
}

impl Body {
    fn of(state: &board::State, part: &Part) -> Self {
        let view = View { tally: part.tally.as_deref(), top: part.top };
        let ranked = Standings::rank(&state.definition, &state.counts, state.situation, view);
        let standings = Standings { r#final: ranked.r#final && state.is_final, ..ranked };
        let json = serde_json::to_vec(&standings).expect("standings have string keys only");
        let tag = hex::encode(&Sha256::digest(&json)[..12]);
        // serde_json writes UTF-8, on one line.
        let event = [b"event: standings\nid: ", tag.as_bytes(), b"\nretry: 1000\ndata: ", &json, b"\n\n"].concat();
        Self { json: json.into(), event: event.into(), tag }
    }
}

/// What is followed: of each part one looks, for all who follow it.
#[derive(Default)]
pub struct Followed(Mutex<HashMap<(String, Part), Arc<Told>>>);

type Told = watch::Sender<Arc<Body>>;

/// The stream's place.
struct Place {
    tally: Tally,
    name: String,
    part: Part,
    /// What one looks for, for all; `None`: this stream looks for itself.
    shared: Option<watch::Receiver<Arc<Body>>>,
    /// The tag of those that were sent last.
    sent: Option<String>,
    token: Option<HeaderValue>,
    /// When the token was looked at.
    admitted: Instant,
}

fn follow(tally: Tally, name: String, part: Part, first: Arc<Body>, token: Option<HeaderValue>) -> Response {
    let shared = tally.followed(&name, &part, first);
    let place = Place { tally, name, part, shared, sent: None, token, admitted: Instant::now() };
    events_of_bytes(place, |mut place| async move {
        let body = place.next().await?;
        Some((body.event.clone(), place))
    })
}

impl Place {
    /// The next standings that were not sent yet; who reads slowly is told the newest, not each. `None` ends the stream:
    /// the process stops, the contest is gone, or the token is no longer good.
    async fn next(&mut self) -> Option<Arc<Body>> {
        loop {
            let now = self.now().await?;
            if self.token.is_some() && self.admitted.elapsed() >= ADMITTED {
                let token = self.token.as_ref().and_then(|token| token.to_str().ok());
                self.tally.context().access.caller(token).await.ok()?.may(Scope::Read).ok()?;
                self.admitted = Instant::now();
            }
            if let Some(body) = now.filter(|body| self.sent.as_ref() != Some(&body.tag)) {
                self.sent = Some(body.tag.clone());
                return Some(body);
            }
            let (admitted, has_token) = (self.admitted + ADMITTED, self.token.is_some());
            let stopping = self.tally.context().stopping.clone();
            tokio::select! {
                () = stopping.cancelled() => return None,
                changed = self.changed() => changed?,
                () = sleep_until(admitted), if has_token => {}
            }
        }
    }

    /// The standings as they are now; `Some(None)`: something does not answer. `None`: there are none any more.
    async fn now(&mut self) -> Option<Option<Arc<Body>>> {
        match &mut self.shared {
            Some(standings) => Some(Some(standings.borrow_and_update().clone())),
            None => match self.tally.body(&self.name, &self.part).await {
                Ok(body) => Some(Some(body)),
                Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE => Some(None),
                Err(_) => None,
            },
        }
    }

    /// Ends when there may be others.
    async fn changed(&mut self) -> Option<()> {
        match &mut self.shared {
            Some(standings) => standings.changed().await.ok(),
            None => {
                sleep(PAUSE).await;
                Some(())
            }
        }
    }
}

impl Tally {
    /// A part's standings as they change, looked for while anybody follows; `None`: too many others are.
    fn followed(&self, name: &str, part: &Part, first: Arc<Body>) -> Option<watch::Receiver<Arc<Body>>> {
        let mut followed = self.0.followed.0.lock();
        let key = (name.to_owned(), part.clone());
        if let Some(told) = followed.get(&key) {
            return Some(told.subscribe());
        }
        let bytes = |body: &Body| body.json.len() + body.event.len();
        let held: usize = followed.values().map(|told| bytes(&told.borrow())).sum();
        if followed.len() >= FOLLOWED || held + bytes(&first) > FOLLOWED_BYTES {
            return None;
        }
        let (told, standings) = watch::channel(first);
        let told = Arc::new(told);
        followed.insert(key.clone(), told.clone());
        tokio::spawn(self.clone().look_for_all(key, told));
        Some(standings)
    }

    async fn look_for_all(self, key: (String, Part), told: Arc<Told>) {
        let (name, part) = &key;
        loop {
            tokio::select! {
                () = self.context().stopping.cancelled() => break,
                () = told.closed() => {}
                () = sleep(LOOK) => {}
            }
            // Under the lock nobody begins to follow.
            let mut followed = self.0.followed.0.lock();
            if told.is_closed() {
                followed.remove(&key);
                return;
            }
            drop(followed);
            match self.body(name, part).await {
                Ok(body) => drop(told.send_if_modified(|known| {
                    let changed = known.tag != body.tag;
                    *known = body;
                    changed
                })),
                // It is waited for: all clients would come again at once.
                Err(error) if error.status() == StatusCode::SERVICE_UNAVAILABLE => sleep(PAUSE).await,
                Err(_) => break,
            }
        }
        self.0.followed.0.lock().remove(&key);
    }
}
