//! What the embedded store keeps over a restart.

use domain::State;
use embedded::Database;
use state::{States, embedded::EmbeddedStates};

use crate::facts::Task;

#[tokio::test(flavor = "multi_thread")]
async fn states_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // A process that another test starts has the folder's lock too, until it runs its own program.
    let open = || async {
        let opened = testkit::until("the database opens", std::time::Duration::from_secs(30), || async {
            Database::open(folder.path())
        });
        EmbeddedStates::open(opened.await.expect("the database opens")).await.expect("the tables are made")
    };
    let task = Task::new();
    let epoch = {
        let states = open().await;
        states.add(&[task.submitted(), task.started()]).await.expect("an answer");
        let hour = std::time::Duration::from_secs(3_600);
        states.acquire(&task.key, "a", hour).await.expect("an answer").expect("a lease").epoch
    };
    let states = open().await;
    let status = states.get(&task.key).await.expect("an answer").expect("the task");
    assert_eq!((status.state, status.version), (State::ApplyingInCluster, 2));
    // Its holder's process has ended, or the folder would be locked.
    let next = states.acquire(&task.key, "b", std::time::Duration::from_secs(9)).await.expect("an answer");
    assert!(next.expect("a lease").epoch > epoch);
}

/// A caller that is dropped half-way must not leave the old state in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_caller_went_away_is_seen() {
    let database = Database::ephemeral().expect("the database opens");
    let states = EmbeddedStates::open(database).await.expect("the tables are made");
    let task = Task::new();
    states.add(&[task.submitted()]).await.expect("an answer");
    let facts = [task.started()];
    let mut adding = states.add(&facts);
    assert!(futures::poll!(&mut adding).is_pending());
    states.get(&task.key).await.expect("an answer").expect("the task");
    drop(adding);
    let long = std::time::Duration::from_secs(20);
    let seen = states.changed(&task.key, 1, long).await.expect("an answer").expect("the task");
    assert_eq!(seen.version, 2);
}

/// What is kept in memory is bounded, and never older than the last fact that was added.
#[tokio::test(flavor = "multi_thread")]
async fn a_rendered_status_shows_a_new_fact_at_once_whatever_memory_holds() {
    for cache in [0, 64 << 10, 16 << 20] {
        let database = Database::ephemeral().expect("the database opens");
        let states = EmbeddedStates::open_with(database, cache).await.expect("the tables are made");
        for _ in 0..50 {
            let task = Task::new();
            assert!(states.rendered(&task.key).await.expect("an answer").is_none());
            for (n, fact) in [task.submitted(), task.started()].into_iter().enumerate() {
                states.add(&[fact]).await.expect("an answer");
                // Once from the database, once from memory where there is room.
                for _ in 0..2 {
                    let rendered = states.rendered(&task.key).await.expect("an answer").expect("the task");
                    let folded = states.get(&task.key).await.expect("an answer").expect("the task");
                    assert_eq!(rendered.version, n as u64 + 1);
                    assert_eq!(rendered.json, serde_json::to_vec(&*folded).expect("JSON"));
                }
            }
            states.forget(&task.key).await.expect("an answer");
            assert!(states.rendered(&task.key).await.expect("an answer").is_none());
        }
    }
}
