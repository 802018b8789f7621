//! What an Ingress does in a cluster: one address before several replicas, chosen by path.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// A reverse proxy on loopback; it ends with its handle.
#[derive(Debug)]
pub struct Gateway {
    /// Its address.
    pub url: String,
    forward: Forward,
    serving: JoinHandle<()>,
}

type Routes = Arc<[(String, Vec<String>)]>;

#[derive(Debug, Clone)]
struct Forward {
    routes: Arc<RwLock<Routes>>,
    turn: Arc<AtomicUsize>,
    http: reqwest::Client,
}

impl Gateway {
    /// Serves these routes: a path's prefix and the replicas behind it, which take turns; the first that fits is taken.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start(routes: &[(&str, Vec<String>)]) -> Self {
        let routes = Arc::new(RwLock::new(owned(routes)));
        let forward = Forward { routes, turn: Arc::default(), http: reqwest::Client::new() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let router = Router::new().fallback(answer).with_state(forward.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving does not end") });
        Self { url: format!("http://{address}"), forward, serving }
    }

    /// Exchanges the routes for these; what is under way goes on.
    pub fn set(&self, routes: &[(&str, Vec<String>)]) {
        *self.forward.routes.write().unwrap_or_else(PoisonError::into_inner) = owned(routes);
    }
}

fn owned(routes: &[(&str, Vec<String>)]) -> Routes {
    routes.iter().map(|(prefix, bases)| ((*prefix).to_owned(), bases.clone())).collect()
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Forward {
    async fn send(&self, request: Request) -> Result<Response, String> {
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
        let routes = Arc::clone(&self.routes.read().unwrap_or_else(PoisonError::into_inner));
        let route = routes.iter().find(|(prefix, _)| path.starts_with(prefix.as_str()));
        let (_, bases) = route.filter(|(_, bases)| !bases.is_empty()).ok_or("no route")?;
        let base = &bases[self.turn.fetch_add(1, Ordering::Relaxed) % bases.len()];
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
async fn answer(State(forward): State<Forward>, request: Request) -> Response {
    match forward.send(request).await {
        Ok(response) => response,
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], reason).into_response(),
    }
}
