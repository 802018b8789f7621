//! What survives: a restart of the embedded store, a pause and a kill of the server.

use std::time::Duration;

use ballots::{
    BallotLog,
    embedded::EmbeddedBallots,
    mongo::{ConnectError, MongoBallots},
};
use contests::Verdict::{Counted, Duplicate, OverLimit};
use embedded::Database;
use testkit::{Mongo, until};

use crate::batches::{Made, contest};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_log_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = Made::new(&contest("")).ballot("a", "x", None);
    for again in [false, true] {
        let database = Database::open(folder.path()).expect("the database opens");
        let log = EmbeddedBallots::open(database).await.expect("the tables are made");
        assert_eq!(made.insert(&log).await, [Counted]);
        let held = log.freeze(&[made.entry(&[Counted])]).await.expect("an answer");
        assert_eq!(held[0].fresh, !again);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_repeats_only_go_as_all_others() {
    let log = EmbeddedBallots::open(Database::ephemeral().expect("a database")).await.expect("tables");
    let contest = contest("");
    for _ in 0..20 {
        Made::new(&contest).ballot("a", "x", None).at(1_000).insert(&log).await;
    }
    let mut gone = 0;
    loop {
        let now = log.expire("c", jiff::Timestamp::now()).await.expect("an answer");
        if now == 0 {
            break;
        }
        gone += now;
    }
    assert_eq!(gone, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_too_old_go_and_their_ids_may_come_again() {
    let log = EmbeddedBallots::open(Database::ephemeral().expect("a database")).await.expect("tables");
    let contest = contest("");
    let (old, new) = (Made::new(&contest).ballot("a", "x", None).at(1_000), Made::new(&contest).ballot("b", "x", None));
    old.insert(&log).await;
    new.insert(&log).await;
    assert_eq!(log.expire("c", new.header.time).await.expect("an answer"), 1);
    assert_eq!(log.expire("c", new.header.time).await.expect("an answer"), 0);
    assert_eq!(
        Made::new(&contest).ballot("a", "x", None).ballot("b", "x", None).insert(&log).await,
        [Counted, Duplicate]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_processes_over_one_server_one_sweeps_at_a_time() {
    let Some(server) = Mongo::shared().await else { return };
    let open = async || MongoBallots::connect(&server.url("turns")).await.expect("the server answers");
    let (one, two) = (open().await, open().await);
    let made = Made::new(&contest("")).ballot("a", "x", None);
    one.freeze(&[made.entry(&[Counted])]).await.expect("an answer");
    let every = Duration::from_secs(600);
    assert!(one.take_sweep("c", every).await.expect("an answer"));
    assert!(!two.take_sweep("c", every).await.expect("an answer"));
    let soon = Duration::from_millis(50);
    assert!(!two.take_sweep("nobody's", soon).await.expect("an answer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_paused_and_killed_keeps_what_it_answered() {
    let Some(server) = Mongo::start().await else { return };
    let log = MongoBallots::connect(&server.url("outage")).await.expect("the server answers");
    let contest = contest("voters: {max_ballots: 1}\n");
    let first = Made::new(&contest).ballot("a", "x", Some("v")).ballot("b", "x", Some("w"));
    let verdicts = first.insert(&log).await;
    log.freeze(&[first.entry(&verdicts)]).await.expect("an answer");
    server.pause();
    assert!(log.ready().await.is_err());
    server.resume();
    until("it answers again", LONG, || log.ready()).await.expect("it answers again");
    server.kill();
    assert!(log.contests().await.is_err());
    server.restart().await;
    until("it answers again", LONG, || log.ready()).await.expect("it answers again");
    assert_eq!(first.insert(&log).await, verdicts);
    assert!(!log.freeze(&[first.entry(&verdicts)]).await.expect("an answer")[0].fresh);
}

/// The claim on a place outlives the ballot's row, by up to a month: the id is free again before.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_comes_again_when_its_row_is_gone_asks_for_a_place_of_its_own() {
    let Some(server) = Mongo::shared().await else { return };
    let url = server.url("retention");
    let log = MongoBallots::connect(&url).await.expect("the server answers");
    let contest = contest("voters: {max_ballots: 1}\nretention: 1d\n");
    assert_eq!(Made::new(&contest).ballot("a", "x", Some("v")).insert(&log).await, [Counted]);
    let raw = mongodb::Client::with_uri_str(&url).await.expect("the server answers");
    let rows = raw.default_database().expect("the URL names one").collection::<mongodb::bson::Document>("ballots");
    assert_eq!(rows.delete_many(mongodb::bson::doc! {}).await.expect("an answer").deleted_count, 1);
    let again = Made::new(&contest).ballot("a", "x", Some("w")).ballot("b", "x", Some("v"));
    let verdicts = tokio::time::timeout(LONG, again.insert(&log)).await.expect("it ends");
    assert_eq!(verdicts, [Counted, OverLimit]);
    assert_eq!(again.insert(&log).await, verdicts);
}

#[tokio::test]
async fn nobody_there_and_a_wrong_url_are_told_apart() {
    let port = testkit::free_port();
    let url = format!("mongodb://127.0.0.1:{port}/x?directConnection=true&serverSelectionTimeoutMS=100");
    assert!(matches!(MongoBallots::connect(&url).await, Err(ConnectError::Unreachable(_))));
    let error = MongoBallots::connect("mongo://user:s3cret@nowhere").await.expect_err("an error");
    assert!(matches!(error, ConnectError::Url) && !error.to_string().contains("s3cret"), "{error}");
}
