//! Ingest and tally in one process, and the page in front of them.

use std::{sync::Arc, time::Duration};

use ballots::embedded::EmbeddedBallots;
use blobs::{Records, embedded::EmbeddedBlobs};
use bootstrap::{Access, Context, Secret, app, http::Server};
use domain::Tenant;
use embedded::Database;
use ingest::{Front, Ingest};
use messaging::embedded::EmbeddedBus;
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use state::{embedded::EmbeddedStates, tallies::EmbeddedTallies};
use tally::{Stores, Tally};
use testkit::until;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// More than anything takes on a loaded machine.
pub const LONG: Duration = Duration::from_secs(90);

/// What no page may ever show: it stands in hidden fields.
pub const HIDDEN: &str = "Zaphod-the-hidden";

/// A contest with everything: limits, what is hidden, what is optional, a text that must never become markup.
const CLUBS: &str = "name: clubs
title: Best <club>
kind: votes
fields:
  club:    {type: string, max_length: 12}
  level:   {type: integer, min: 1, max: 3, optional: true}
  day:     {type: string, values: [monday, friday]}
  comment: {type: string, optional: true}
tallies:
  clubs:  {by: [club]}
  levels: {by: [club], sum: level}
voters: {required: true, max_ballots: 2}
hidden: [voter, comment]
";

pub struct World {
    /// The interface.
    pub api: String,
    /// The page.
    pub page: String,
    pub http: Client,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(|records| Access::local(records, Tenant::local())).await
    }

    pub async fn with(access: impl FnOnce(Records) -> Access) -> Self {
        bootstrap::install_tls();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("clubs.yaml"), CLUBS).expect("written");
        let database = Database::ephemeral().expect("a database");
        let context = context(&database, access).await;
        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let api = format!("http://{}", listener.local_addr().expect("bound"));
        let contests = folder.path().to_string_lossy().into_owned();
        let config = ingest::Config { samples: true, draw_key: "key".into(), contests, ..ingest::Config::default() };
        let ingest = Ingest::start(&context, &config).await;
        let stores = Stores {
            ballots: Arc::new(EmbeddedBallots::open(database.clone()).await.expect("tables")),
            tallies: Arc::new(EmbeddedTallies::open(database).await.expect("tables")),
        };
        let config = tally::Config { listen: None, sweep_seconds: 1, ..tally::Config::default() };
        let tally = Tally::new(&context, stores, &config);
        let routes = ingest::routes(&ingest).merge(tally::routes(&tally));
        let front = Front::new(ingest.clone(), app(&context, routes));
        let stopped = stop.clone();
        tokio::spawn(async move {
            let serving = Server::default().serve_service(listener, front, stopped.clone());
            tokio::join!(serving, ingest.keep(&stopped), tally::count(&tally, &config, stopped.clone()));
        });
        let page = page(api.clone(), stop.clone()).await;
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        Self { api, page, http, stop, _folder: folder }
    }

    /// Casts through the interface.
    pub async fn cast(&self, contest: &str, ballots: &Value) {
        let post = self.http.post(format!("{}/contests/{contest}/ballots", self.api)).json(ballots);
        let answer = post.send().await.expect("answered");
        assert_eq!(answer.status(), 202, "{}", answer.text().await.expect("text"));
    }

    /// Votes for a band, so many times.
    pub async fn bands(&self, name: &str, times: usize) {
        let vote = json!({ "name": name, "album": "Leyenda", "year": 1989, "rank": 5 });
        self.cast("bands", &vec![vote; times].into()).await;
    }

    /// Awaits what the totals say.
    pub async fn totals(&self, contest: &str, wanted: &[(&str, u64)]) {
        let looked = until("the totals", LONG, || async {
            let answer = self.http.get(format!("{}/contests/{contest}/standings", self.api)).send().await;
            let body: Value = answer.map_err(|e| e.to_string())?.json().await.map_err(|e| e.to_string())?;
            let as_wanted = wanted.iter().all(|(name, n)| body["totals"][*name] == *n);
            if as_wanted { Ok(()) } else { Err(body.to_string()) }
        });
        looked.await.expect("counted");
    }

    pub async fn open(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.page)).send().await.expect("answered")
    }

    pub async fn read(&self, path: &str) -> (StatusCode, String) {
        let answer = self.open(path).await;
        (answer.status(), answer.text().await.expect("text"))
    }

    /// Sends a form.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body = fields.iter().map(|(name, value)| {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            format!("{name}={value}")
        });
        let post = self.http.post(format!("{}{path}", self.page)).header("origin", &self.page);
        let post = post.header("content-type", "application/x-www-form-urlencoded");
        post.body(body.collect::<Vec<_>>().join("&")).send().await.expect("answered")
    }
}

async fn context(database: &Database, access: impl FnOnce(Records) -> Access) -> Context {
    let records = Records::new(Arc::new(EmbeddedBlobs::open(database.clone()).await.expect("tables")));
    let states = Arc::new(EmbeddedStates::open(database.clone()).await.expect("tables"));
    let bus = Arc::new(EmbeddedBus::open(database.clone()).await.expect("tables"));
    let access = access(records.clone());
    Context::new("contests", bus, records, states, access)
}

async fn page(server: String, stop: CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let config = console::Config { server, secure_cookie: false, ..console::Config::default() };
    let routes = console::routes(&config, stop.clone()).expect("an address");
    tokio::spawn(bootstrap::serve(listener, routes, stop));
    address
}

/// Tokens are needed, and there are none.
pub fn tokens(records: Records) -> Access {
    Access::tokens(records, &Secret::default())
}
