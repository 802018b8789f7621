use domain::{
    Action, Outcome, Problem, Rendered, Revision, TaskKey,
    record::{Ending, Report},
};
use jiff::Timestamp;

use crate::harness::{Harness, answer, apply, command, config, key, until};

fn outcome(ending: Ending, live: Option<Revision>) -> Outcome {
    let (time, problems) = (Timestamp::now(), vec![]);
    Outcome { ending, time, problems, objects: vec![], observed: 0, kept: vec![], live, finished_jobs: [].into() }
}

/// A task that was applied, then rejected, then reverted.
async fn records(harness: &Harness) -> TaskKey {
    let (key, records) = (key(), &harness.context.records);
    for (n, action) in [(1, apply()), (2, apply()), (3, Action::Revert { to: 1 })] {
        records.create_command(&command(&key, n, action)).await.expect("stored");
    }
    let warned = Report { problems: vec![Problem::warning("w", "a warning")], rejected: false };
    records.put_rendered(&key, 1, &Rendered::default()).await.expect("stored");
    records.put_report(&key, 1, &warned).await.expect("stored");
    records.put_outcome(&key, 1, &outcome(Ending::Applied, Some(1))).await.expect("stored");
    records.put_report(&key, 2, &Report { problems: vec![], rejected: true }).await.expect("stored");
    records.put_outcome(&key, 2, &outcome(Ending::Rejected, Some(1))).await.expect("stored");
    key
}

#[tokio::test]
async fn a_state_that_was_lost_is_folded_from_the_records() {
    let harness = Harness::new().await;
    let key = records(&harness).await;
    let (status, body) = answer(harness.get(&format!("/status/{}", key.id))).await;
    assert_eq!((status, &body["state"]), (200, &"PENDING".into()), "{body}");
    assert_eq!((&body["live_revision"], &body["desired_revision"]), (&1.into(), &3.into()));
    let states: Vec<_> = body["revisions"].as_array().expect("revisions").iter().map(|r| &r["state"]).collect();
    assert_eq!(states, ["PENDING", "REJECTED", "DONE"]);
    assert_eq!(body["revisions"][2]["problems"][0]["code"], "w");
    // From now on it is in the state store, and in lists.
    let (_, page) = answer(harness.get("/status")).await;
    assert_eq!(page["tasks"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn every_ending_is_told_by_the_records() {
    let endings = [
        (Ending::Applied, "DONE"),
        (Ending::Rejected, "REJECTED"),
        (Ending::Failed, "FAILED"),
        (Ending::Reverted, "FAILED"),
        (Ending::Superseded, "PENDING"),
        (Ending::RolledBack, "ROLLED_BACK"),
    ];
    let harness = Harness::new().await;
    for (ending, state) in endings {
        let key = key();
        let action = if ending == Ending::RolledBack { Action::RollBack } else { apply() };
        harness.context.records.create_command(&command(&key, 1, action)).await.expect("stored");
        harness.context.records.put_outcome(&key, 1, &outcome(ending, Some(1))).await.expect("stored");
        let (_, body) = answer(harness.get(&format!("/status/{}", key.id))).await;
        assert_eq!(body["state"], state, "{ending:?}: {body}");
    }
}

#[tokio::test]
async fn a_look_finds_what_nobody_asks_for() {
    let harness = Harness::new().await;
    let key = records(&harness).await;
    let config = status_worker::Config { refold_seconds: 3600, ..config("http://127.0.0.1:1") };
    tokio::spawn(status_worker::run(harness.context.clone(), config, harness.stop.clone()));
    let found = async {
        while harness.context.states.get(&key).await.expect("answered").is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), found).await.expect("in time");
    until(&harness, &format!("/status/{}", key.id), "PENDING").await;
}
