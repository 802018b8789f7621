//! Synchronous calls to cluster-applier's internal listener: plans, reasons, logs.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use reqwest::RequestBuilder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{HttpError, Secret};

/// How long a call may take; of a stream, until its first byte.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Calls at a time: they go to the API server, which tasks need more.
const CALLS: usize = 16;
/// What is handed on of an answer's head, beside its status.
const HANDED_ON: [HeaderName; 2] = [header::CONTENT_TYPE, header::RETRY_AFTER];

/// A client of cluster-applier's internal listener, with a rate limit of its own.
#[derive(Clone)]
pub struct Internal {
    http: reqwest::Client,
    url: String,
    token: Secret,
    calls: Arc<Semaphore>,
}

impl Internal {
    /// A client of the listener at `url`, for example `http://cluster-applier:8083`.
    pub fn new(url: &str, token: &Secret) -> Self {
        crate::install_tls();
        // The services are each other's neighbours: a proxy of the environment is for elsewhere.
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(2)).build();
        let http = http.expect("a client without certificates of its own can always be built");
        let url = url.trim_end_matches('/').to_owned();
        Self { http, url, token: token.clone(), calls: Arc::new(Semaphore::new(CALLS)) }
    }

    /// A POST with a JSON body, answered within 10 s; the answer is handed on as it is.
    pub async fn post(&self, path: &str, body: &impl serde::Serialize) -> Result<Response, HttpError> {
        let slot = self.slot()?;
        let request = self.http.post(format!("{}{path}", self.url)).timeout(TIMEOUT).json(body);
        self.hand_on(request, slot).await
    }

    /// A GET whose answer may be a stream: it goes on for as long as the other side does, whose end reqwest's
    /// keep-alive of TCP tells.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, HttpError> {
        let slot = self.slot()?;
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.url)).map_err(|_| misconfigured())?;
        url.query_pairs_mut().extend_pairs(query);
        self.hand_on(self.http.get(url), slot).await
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, HttpError> {
        self.calls.clone().try_acquire_owned().map_err(|_| {
            let detail = "too many plans, reasons and logs are being asked for; try again";
            HttpError::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", detail)
        })
    }

    async fn hand_on(&self, request: RequestBuilder, slot: OwnedSemaphorePermit) -> Result<Response, HttpError> {
        let sent = tokio::time::timeout(TIMEOUT, request.bearer_auth(self.token.expose()).send()).await;
        let answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(unreachable(&error)),
            Err(_) => return Err(HttpError::unavailable("the cluster did not answer within 10 s; try again")),
        };
        if matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            tracing::error!("cluster-applier refuses the internal token; give both services the same one");
            return Err(HttpError::unavailable("the services do not know each other; an administrator must look"));
        }
        let status = answer.status();
        let headers =
            HANDED_ON.into_iter().filter_map(|name| Some((name.clone(), answer.headers().get(name)?.clone())));
        let headers: HeaderMap = headers.collect();
        let mut bytes = answer.bytes_stream();
        // The slot is kept until the last byte.
        let body = futures::stream::poll_fn(move |cx| {
            let _held = &slot;
            futures::Stream::poll_next(std::pin::Pin::new(&mut bytes), cx)
        });
        Ok((status, headers, Body::from_stream(body)).into_response())
    }
}

fn unreachable(error: &reqwest::Error) -> HttpError {
    tracing::warn!(error = %error, "cluster-applier cannot be asked");
    HttpError::unavailable("cluster-applier does not answer; try again")
}

fn misconfigured() -> HttpError {
    HttpError::unavailable("this service does not know cluster-applier's address (`applier_url`)")
}
