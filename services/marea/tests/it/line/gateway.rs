//! What an Ingress does in a cluster: one address before the replicas, chosen by path.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use tokio::net::TcpListener;

/// The replicas' addresses.
#[derive(Clone)]
pub struct Gateway {
    pub entrypoint: Vec<String>,
    pub status: Vec<String>,
    turn: Arc<AtomicUsize>,
    http: reqwest::Client,
}

impl Gateway {
    /// Serves until the test ends; gives its address.
    pub async fn serve(entrypoint: Vec<String>, status: Vec<String>) -> String {
        let gateway = Self { entrypoint, status, turn: Arc::default(), http: reqwest::Client::new() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(forward).with_state(gateway)).await });
        format!("http://{address}")
    }

    async fn send(&self, request: Request) -> Result<Response, String> {
        let replicas = if request.uri().path().starts_with("/status") { &self.status } else { &self.entrypoint };
        let base = &replicas[self.turn.fetch_add(1, Ordering::Relaxed) % replicas.len()];
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|e| e.to_string())?;
        let mut headers = parts.headers;
        headers.remove(header::HOST);
        headers.remove(header::CONTENT_LENGTH);
        let sent = self.http.request(parts.method, format!("{base}{path}")).headers(headers).body(body);
        let answer = sent.send().await.map_err(|e| e.to_string())?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        response.headers_mut().remove(header::TRANSFER_ENCODING);
        *response.body_mut() = Body::from_stream(answer.bytes_stream());
        Ok(response)
    }
}

/// A replica that does not answer is a 503, as an Ingress says it: the client sends again.
async fn forward(State(gateway): State<Gateway>, request: Request) -> Response {
    match gateway.send(request).await {
        Ok(response) => response,
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], reason).into_response(),
    }
}
