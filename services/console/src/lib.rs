//! The web page: tasks live, one task with its objects, history, problems and manifests, and a form to send files.
//!
//! It is a client like any other: everything comes through the public HTTP interface, with the token of
//! whoever looks. Pages are rendered here, read the same without script, and carry all text escaped.

mod error;
mod handlers;
mod headers;
pub mod page;
mod session;
mod time;

use anyhow::Context as _;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use client::Client;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

bootstrap::settings! {
    /// What the page needs.
    pub struct Config {
        /// Where the page listens.
        listen: String = "0.0.0.0:8080".into(),
        /// The HTTP interface that it shows.
        server: String = "http://127.0.0.1:8080".into(),
        /// Whether the cookie is sent over HTTPS only.
        secure_cookie: bool = true,
    }
}

/// What the handlers share.
#[derive(Clone)]
struct Page {
    client: Client,
    secure_cookie: bool,
}

/// The page's routes: `/`, `/tasks/…`, `/login`, `/assets/…`.
pub fn routes(config: &Config) -> Result<Router, client::Error> {
    let page = Page { client: Client::new(&config.server, None)?, secure_cookie: config.secure_cookie };
    Ok(Router::new()
        .route("/", get(handlers::list::page))
        .route("/changes", get(handlers::list::changes))
        .route("/upload", get(handlers::upload::form).post(handlers::upload::send))
        .route("/tasks/{id}", get(handlers::task::page))
        .route("/tasks/{id}/changes", get(handlers::task::changes))
        .route("/tasks/{id}/manifests", get(handlers::task::manifests))
        .route("/tasks/{id}/replace", get(handlers::upload::replace_form).post(handlers::upload::replace))
        .route("/tasks/{id}/revert", get(handlers::confirm::revert_form).post(handlers::confirm::revert))
        .route("/tasks/{id}/delete", get(handlers::confirm::delete_form).post(handlers::confirm::delete))
        .route("/login", get(handlers::login::form).post(handlers::login::login))
        .route("/logout", axum::routing::post(handlers::login::logout))
        // Room for the parts' own headings around the files.
        .layer(DefaultBodyLimit::max(domain::limits::BODY_BYTES + (64 << 10)))
        .layer(from_fn_with_state(page.clone(), session::guard))
        .layer(from_fn(headers::secure))
        .merge(headers::assets())
        .with_state(page))
}

/// Runs the page on its own port.
pub async fn run(context: bootstrap::Context, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let listener = TcpListener::bind(&config.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
    let router = bootstrap::app(&context, OpenApiRouter::from(routes(&config)?));
    bootstrap::serve(listener, router, shutdown).await;
    Ok(())
}
