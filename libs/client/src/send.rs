//! One request: token, retries, and what the server's answer means.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::{Client, Error, Refusal, Rejected, error::chain};

/// The first pause between two tries; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Bytes of an error's body that are read: a page of another server's error is no use in full.
const ERROR_BYTES: usize = 1 << 20;

impl Client {
    /// Sends what `complete` makes of the request. Only for what may be sent twice. The answer's body is yet to
    /// be read, which may fail: where it is read as a whole, [`Client::whole`] covers that too.
    pub(crate) async fn send(
        &self,
        method: &Method,
        url: &Url,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Error> {
        self.patiently(|| self.once(complete(self.http.request(method.clone(), url.clone())), url)).await
    }

    /// As [`Client::send`], with the whole body: a connection that is lost inside of it counts as lost.
    async fn whole(
        &self,
        method: &Method,
        url: &Url,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Vec<u8>, Error> {
        self.patiently(|| async {
            let response = self.once(complete(self.http.request(method.clone(), url.clone())), url).await?;
            response.bytes().await.map(Vec::from).map_err(|e| self.unreachable(&e))
        })
        .await
    }

    /// Tries, and tries again after a transient failure while patience lasts.
    async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let until = Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = retry_after(&error).unwrap_or(pause).min(LONGEST_PAUSE);
            if !error.is_transient() || Instant::now() + wait > until {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn once(&self, request: RequestBuilder, url: &Url) -> Result<Response, Error> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(refused(status, url, response).await),
        }
    }

    /// Sends, and reads the answer's JSON.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, Error> {
        let body = self.whole(&method, &url, complete).await?;
        serde_json::from_slice(&body)
            .map_err(|e| Error::Unexpected { path: url.path().to_owned(), reason: e.to_string() })
    }

    /// Reads JSON.
    pub(crate) async fn get_json<T: DeserializeOwned>(&self, url: Url) -> Result<T, Error> {
        self.json(Method::GET, url, |request| request.header(header::ACCEPT, "application/json")).await
    }

    /// Reads text of that media type.
    pub(crate) async fn get_text(&self, url: Url, accept: &'static str) -> Result<String, Error> {
        let body = self.whole(&Method::GET, &url, |r| r.header(header::ACCEPT, accept)).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Not even an answer's head came in time.
    pub(crate) fn no_answer(&self) -> Error {
        Error::Unreachable { server: self.server().to_owned(), reason: "no answer in time".to_owned() }
    }

    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> Error {
        let server = self.server().to_owned();
        let mut reason = chain(error);
        // What rustls says of an answer that is no TLS.
        if server.starts_with("https://") && reason.contains("InvalidContentType") {
            reason.push_str("; does it speak plain http://?");
        }
        Error::Unreachable { server, reason }
    }
}

fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::Refused(refusal) => refusal.retry_after,
        _ => None,
    }
}

#[derive(serde::Deserialize)]
struct Ballots {
    errors: Vec<Rejected>,
}

/// What an answer other than 2xx says: problem+json, or whatever text a proxy gave.
async fn refused(status: StatusCode, url: &Url, response: Response) -> Error {
    let seconds = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
    let body = response.bytes().await.unwrap_or_default();
    let body = body.get(..body.len().min(ERROR_BYTES)).unwrap_or_default();
    let mut refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    // About ballots, each problem says which one it is about.
    if let Ok(Ballots { errors }) = serde_json::from_slice(body) {
        (refusal.errors, refusal.rejected) = (vec![], errors);
    }
    if refusal.title.is_empty() && refusal.detail.is_empty() {
        refusal.detail = format!("the server answered {status} to {}", url.path());
    }
    refusal.status = status.as_u16();
    refusal.retry_after = seconds.map(Duration::from_secs);
    Error::Refused(Box::new(refusal))
}
