//! Bodies of ballots: bounded in size and in time, what has come of them counted.

use std::{sync::Arc, time::Duration};

use axum::body::{Bytes, HttpBody};
use bootstrap::HttpError;
use futures::FutureExt;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::Refusal;
use crate::{
    commit::{Arriving, Flow},
    pace::Pace,
};

/// Bytes of a body that is not streamed.
const MAX_BYTES: usize = 4 << 20;
/// How long no byte of a stream may come: a client that stops holds nothing longer than this.
const IDLE: Duration = Duration::from_secs(10);
/// How long a body that is not streamed may take altogether.
const TOTAL: Duration = Duration::from_secs(60);
/// Bytes of a refused body that are read and dropped, so that a client that sends first and reads then gets its
/// answer rather than a broken pipe.
const DISCARD_BYTES: usize = 64 << 20;

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One object, or an array.
    Json,
    /// One object a line.
    Lines,
}

impl Format {
    /// By the media type.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let value = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |v| v.as_bytes());
        if headers.get(header::CONTENT_ENCODING).is_some_and(|e| e != "identity") {
            return Err(unsupported("expected a body that is not compressed"));
        }
        if value == b"application/json" {
            return Ok(Self::Json);
        }
        let text = std::str::from_utf8(value).unwrap_or_default().to_ascii_lowercase();
        let (essence, parameters) = text.split_once(';').unwrap_or((&text, ""));
        if parameters.contains("charset") && !parameters.contains("utf-8") {
            return Err(unsupported("expected UTF-8"));
        }
        match essence.trim() {
            "application/json" => Ok(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Self::Lines),
            _ => Err(unsupported("expected `Content-Type: application/json`, or `application/x-ndjson` for a stream")),
        }
    }
}

fn unsupported(detail: &str) -> Refusal {
    HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail).into()
}

/// A body that is whole.
pub(super) struct Whole {
    json: Bytes,
    /// Of one that did not come in one piece: what it holds until it is dropped.
    arriving: Option<Arriving>,
}

impl Whole {
    fn of(json: Bytes) -> Self {
        Self { json, arriving: None }
    }

    /// Its bytes.
    pub(super) fn json(&self) -> &[u8] {
        &self.json
    }

    /// Whether it was waited for: what was true at its head may not be any more.
    pub(super) fn was_waited_for(&self) -> bool {
        self.arriving.is_some()
    }
}

/// Reads a whole body.
pub(super) async fn whole<B>(headers: &HeaderMap, mut body: B, flow: &Arc<Flow>) -> Result<Whole, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BYTES) {
        return Err(refuse(headers, body));
    }
    // Most bodies are there with their head, in one piece: they need no timer.
    let first = match body.frame().now_or_never() {
        Some(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        Some(Some(Err(_))) => return Err(incomplete()),
        Some(None) => return Ok(Whole::of(Bytes::new())),
        None => Bytes::new(),
    };
    if body.is_end_stream() {
        return Ok(Whole::of(first));
    }
    Box::pin(collected(first, body, Arriving::new(flow))).await
}

/// Holds what came, not what was promised.
async fn collected<B>(first: Bytes, mut body: B, mut arriving: Arriving) -> Result<Whole, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    let (mut pace, end) = (Pace::begin(), Instant::now() + TOTAL);
    let mut all = Vec::new();
    let mut next = Some(first);
    while let Some(data) = next {
        if all.len() + data.len() > MAX_BYTES {
            tokio::spawn(discard(body));
            return Err(too_large());
        }
        if !arriving.grow(data.len()) {
            tokio::spawn(discard(body));
            return Err(Refusal::NotAccepted);
        }
        pace.took(data.len());
        all.extend_from_slice(&data);
        next = timeout_at(pace.until().min(end), piece(&mut body)).await.map_err(|_| too_slow())??;
    }
    Ok(Whole { json: all.into(), arriving: Some(arriving) })
}

/// The next piece of a stream; `None` at its end.
pub(super) async fn next<B>(body: &mut B) -> Result<Option<Bytes>, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    match piece(body).now_or_never() {
        Some(piece) => piece,
        None => timeout(IDLE, piece(body)).await.map_err(|_| too_slow())?,
    }
}

async fn piece<B>(body: &mut B) -> Result<Option<Bytes>, Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(incomplete()),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn incomplete() -> Refusal {
    let detail = "the body ended early or is not framed as its headers say";
    HttpError::bad_request("incomplete-body", detail).into()
}

pub(super) fn too_slow() -> Refusal {
    let detail = "the body came too slowly; send it again";
    HttpError::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", detail).into()
}

fn too_large() -> Refusal {
    let detail = format!("the body is larger than {MAX_BYTES} bytes; send more as NDJSON (`application/x-ndjson`)");
    HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).into()
}

fn refuse<B>(headers: &HeaderMap, body: B) -> Refusal
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    // A client that asks first has sent nothing yet.
    if !headers.contains_key(header::EXPECT) {
        tokio::spawn(discard(body));
    }
    too_large()
}

/// Reads and drops a refused body, for a bounded time.
pub(super) async fn discard<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) {
    let drop_all = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > DISCARD_BYTES {
                break;
            }
        }
    };
    // What takes longer than this learns it by the connection's end.
    let _late = timeout(IDLE, drop_all).await;
}
