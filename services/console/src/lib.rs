//! The web page: tasks live, one task with its objects, history, problems and manifests, and a form to send files;
//! contests with live standings, log, audit, and a form to vote.
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
    response::Redirect,
    routing::get,
};
use client::Client;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

bootstrap::settings! {
    /// What the page needs.
    pub struct Config {
        /// Where the page listens.
        listen: String = "0.0.0.0:8086".into(),
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
    stopping: CancellationToken,
}

/// The page's routes: `/`, `/tasks/…`, `/standings/…`, `/login`, `/assets/…`. Streams end when the process is `stopping`.
pub fn routes(config: &Config, stopping: CancellationToken) -> Result<Router, client::Error> {
    let page = Page { client: Client::new(&config.server, None)?, secure_cookie: config.secure_cookie, stopping };
    Ok(Router::new()
        .route("/", get(handlers::list::page))
        .route("/changes", get(handlers::list::changes))
        .route("/upload", get(handlers::upload::form).post(handlers::upload::send))
        .route("/tasks/{id}", get(handlers::task::page))
        .route("/tasks/{id}/changes", get(handlers::task::changes))
        .route("/tasks/{id}/events", get(handlers::events::events))
        .route("/tasks/{id}/manifests", get(handlers::task::manifests))
        .route("/tasks/{id}/replace", get(handlers::upload::replace_form).post(handlers::upload::replace))
        .route("/tasks/{id}/revert", get(handlers::confirm::revert_form).post(handlers::confirm::revert))
        .route("/tasks/{id}/delete", get(handlers::confirm::delete_form).post(handlers::confirm::delete))
        .merge(contests())
        .route("/login", get(handlers::login::form).post(handlers::login::login))
        .route("/logout", axum::routing::post(handlers::login::logout))
        // Room for the parts' own headings around the files.
        .layer(DefaultBodyLimit::max(domain::limits::BODY_BYTES + (64 << 10)))
        .layer(from_fn_with_state(page.clone(), session::guard))
        .layer(from_fn(headers::secure))
        .merge(headers::assets())
        .with_state(page))
}

/// The routes of contests; `/contests` itself is the interface's.
fn contests() -> Router<Page> {
    Router::new()
        .route("/standings", get(handlers::contests::page))
        .route("/changes/standings", get(handlers::contests::changes))
        .route("/standings/{contest}", get(handlers::contest::page))
        .route("/standings/{contest}/changes", get(handlers::contest::changes))
        .route("/standings/{contest}/events", get(handlers::standings::events))
        .route("/standings/{contest}/tallies/{tally}", get(handlers::contest::tally))
        .route("/standings/{contest}/ballots", get(handlers::ballots::page))
        .route("/standings/{contest}/audit", get(handlers::audit::page))
        .route("/standings/{contest}/audit/changes", get(handlers::audit::changes))
        .route("/standings/{contest}/vote", get(handlers::vote::form).post(handlers::vote::send))
}

/// Runs the page on its own port.
pub async fn run(process: bootstrap::Process, config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let wrong = |error| bootstrap::ConnectError::Setting(format!("the setting `server`: {error}"));
    let client = Client::new(&config.server, None).map_err(wrong)?;
    let routes = routes(&config, process.stopping.clone())?;
    process.readiness.add("api", move || {
        let client = client.clone();
        async move { answers(&client).await }
    });
    // Where one address stands before all services, this path leads to the interface without the page.
    let document = format!("{}/docs", config.server.trim_end_matches('/'));
    let routes = routes.route("/docs", get(async move || Redirect::temporary(&document)));
    let listener = TcpListener::bind(&config.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    bootstrap::serve(listener, bootstrap::app_alone(&process, routes), shutdown).await;
    Ok(())
}

/// Whether the interface answers, be it that a token is needed. Its own `/readyz` may not lead there: what stands
/// before the services may send that path anywhere, even here.
async fn answers(client: &Client) -> Result<(), String> {
    match client.list(None, None, 1).await {
        Ok(_) => Ok(()),
        Err(error) if error.status().is_some_and(|status| status < 500) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
