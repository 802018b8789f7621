//! What every store of states does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{FactBody, Health, State, TaskId, TaskStatus, fact::CommandKind};
use futures::future::join_all;
use state::States;

use crate::facts::{Task, tenant};

type Store = Arc<dyn States>;

const LONG: Duration = Duration::from_secs(20);

async fn status(store: &Store, task: &Task) -> Arc<TaskStatus> {
    store.get(&task.key).await.expect("an answer").expect("the task")
}

pub async fn an_unknown_task_is_none(store: Store) {
    let task = Task::new();
    assert_eq!(store.get(&task.key).await.expect("an answer"), None);
    assert_eq!(store.by_name(&task.key.tenant, &task.name).await.expect("an answer"), None);
    store.forget(&task.key).await.expect("an answer");
    store.ready().await.expect("the store answers");
}

pub async fn facts_fold_to_a_status(store: Store) {
    let task = Task::new();
    let facts = [task.submitted(), task.started(), task.applied()];
    store.add(&facts).await.expect("an answer");
    let expected = domain::status::fold(&facts).expect("facts");
    assert_eq!(*status(&store, &task).await, expected);
    assert_eq!((expected.state, expected.version), (State::Done, 3));
}

pub async fn another_tenant_does_not_see_a_task(store: Store) {
    let task = Task::new();
    store.add(&[task.submitted()]).await.expect("an answer");
    let other = Task::with_id(&tenant(), "demo", task.key.id);
    assert_eq!(store.get(&other.key).await.expect("an answer"), None);
    assert_eq!(store.by_name(&other.key.tenant, &other.name).await.expect("an answer"), None);
    assert!(store.by_suffix(&other.key.tenant, &task.key.id.suffix()).await.expect("an answer").is_empty());
    assert!(store.list(&other.key.tenant, None, None, 9).await.expect("an answer").tasks.is_empty());
    assert!(store.get(&task.key).await.expect("an answer").is_some());
}

pub async fn adding_again_changes_nothing(store: Store) {
    let task = Task::new();
    let mut other_text = task.submitted();
    other_text.body = FactBody::Submitted { command: CommandKind::Revert, files: 7, to: Some(1) };
    store.add(&[task.submitted(), task.started()]).await.expect("an answer");
    let before = status(&store, &task).await;
    store.add(&[task.started(), task.submitted(), other_text]).await.expect("an answer");
    assert_eq!(status(&store, &task).await, before);
}

pub async fn the_version_grows_with_every_change(store: Store) {
    let task = Task::new();
    let facts = [
        task.submitted(),
        task.progress(3, Health::Progressing),
        task.progress(4, Health::Progressing),
        task.progress(5, Health::Healthy),
        task.applied(),
    ];
    let mut last = 0;
    for fact in facts {
        store.add(&[fact]).await.expect("an answer");
        let version = status(&store, &task).await.version;
        assert!(version > last, "{version} after {last}");
        last = version;
    }
}

pub async fn of_progress_the_highest_observation_holds(store: Store) {
    let task = Task::new();
    // As numbers, not as texts; and beyond what a double holds exactly.
    let big = (1 << 60) + 1;
    for (observed, health) in [(9, Health::Progressing), (big, Health::Healthy), (big - 1, Health::Degraded)] {
        store.add(&[task.progress(observed, health)]).await.expect("an answer");
    }
    let held = status(&store, &task).await;
    assert_eq!((held.health, held.version), (Health::Healthy, 2));
    store.add(&[task.progress(10, Health::Degraded), task.progress(11, Health::Degraded)]).await.expect("an answer");
    assert_eq!(status(&store, &task).await, held);
}

pub async fn facts_of_many_tasks_are_added_at_once(store: Store) {
    let tenant = tenant();
    let tasks: Vec<_> = (0..300).map(|n| Task::of(&tenant, &format!("task-{n}"))).collect();
    let facts: Vec<_> = tasks.iter().flat_map(|t| [t.submitted(), t.started()]).collect();
    store.add(&facts).await.expect("an answer");
    for task in &tasks {
        assert_eq!(status(&store, task).await.state, State::ApplyingInCluster);
    }
}

pub async fn many_facts_of_one_task_are_added_at_once(store: Store) {
    let task = Task::new();
    let facts: Vec<_> = (1..=1_200).map(|n| task.fact(n, FactBody::RollbackRequested {})).collect();
    store.add(&facts).await.expect("an answer");
    let status = status(&store, &task).await;
    assert_eq!((status.desired_revision, status.version), (1_200, 1_200));
}

pub async fn a_waiter_is_woken_by_a_change(store: Store) {
    let task = Task::new();
    let waiting = {
        let (store, key) = (store.clone(), task.key.clone());
        tokio::spawn(async move { store.changed(&key, 0, LONG).await })
    };
    store.add(&[task.submitted()]).await.expect("an answer");
    let first = waiting.await.expect("no panic").expect("an answer").expect("the task");
    assert_eq!(first.version, 1);

    let began = Instant::now();
    let facts = [task.started()];
    let (waited, added) = tokio::join!(store.changed(&task.key, 1, LONG), store.add(&facts));
    added.expect("an answer");
    assert_eq!(waited.expect("an answer").expect("the task").version, 2);
    assert!(began.elapsed() < LONG / 2);
}

pub async fn a_waiter_gets_the_status_when_time_is_over(store: Store) {
    let task = Task::new();
    let short = Duration::from_millis(120);
    assert_eq!(store.changed(&task.key, 0, short).await.expect("an answer"), None);
    store.add(&[task.submitted()]).await.expect("an answer");
    let began = Instant::now();
    let same = store.changed(&task.key, 1, short).await.expect("an answer").expect("the task");
    assert_eq!(same.version, 1);
    assert!(began.elapsed() >= short);
    let at_once = store.changed(&task.key, 7, LONG).await.expect("an answer").expect("the task");
    assert_eq!(at_once.version, 1);
}

pub async fn many_waiters_see_the_same_change(store: Store) {
    let task = Task::new();
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (store, key) = (store.clone(), task.key.clone());
            tokio::spawn(async move { store.changed(&key, 0, LONG).await })
        })
        .collect();
    store.add(&[task.submitted()]).await.expect("an answer");
    for waiter in join_all(waiting).await {
        assert!(waiter.expect("no panic").expect("an answer").is_some());
    }
}

pub async fn the_newest_task_of_a_name_is_found(store: Store) {
    let tenant = tenant();
    let mut ids: Vec<_> = (0..3).map(|_| TaskId::new()).collect();
    ids.sort();
    // Added newest first, and beside names that begin alike.
    for (n, name) in [(2, "demo"), (0, "demo"), (1, "demo"), (1, "demo-2"), (0, "dem")] {
        let id = if name == "demo" { ids[n] } else { TaskId::new() };
        store.add(&[Task::with_id(&tenant, name, id).submitted()]).await.expect("an answer");
    }
    let name = "demo".parse().expect("a label");
    assert_eq!(store.by_name(&tenant, &name).await.expect("an answer"), Some(ids[2]));
    store.forget(&Task::with_id(&tenant, "demo", ids[2]).key).await.expect("an answer");
    assert_eq!(store.by_name(&tenant, &name).await.expect("an answer"), Some(ids[1]));
}

pub async fn tasks_are_found_by_the_end_of_their_id(store: Store) {
    let tenant = tenant();
    let id = |text: &str| text.parse::<TaskId>().expect("an id");
    // Ids are unique among all tenants: only their ends are chosen.
    let fresh = || TaskId::new().to_string()[..24].to_owned();
    let [a, b] = ["0000beefe41f", "1111beefe41f"].map(|end| id(&format!("{}{end}", fresh())));
    for id in [a, b] {
        store.add(&[Task::with_id(&tenant, "demo", id).submitted()]).await.expect("an answer");
    }
    let find = |suffix: &'static str| {
        let (store, tenant) = (store.clone(), tenant.clone());
        async move { store.by_suffix(&tenant, suffix).await.expect("an answer") }
    };
    let both = find("beefe41f").await;
    assert!(both.len() == 2 && both.contains(&a) && both.contains(&b), "{both:?}");
    assert_eq!(find("0beefe41f").await, [a]);
    assert_eq!(find("1111beefe41f").await, [b]);
    let whole = a.uuid().as_simple().to_string();
    assert_eq!(store.by_suffix(&tenant, &whole).await.expect("an answer"), [a]);
    for none in ["e41e", "41f", "", "E41F", "%", "zzzz", "ffff\u{ff}"] {
        assert_eq!(find(none).await, [], "{none}");
    }
}

pub async fn tasks_are_listed_newest_first_in_pages(store: Store) {
    let tenant = tenant();
    let mut tasks: Vec<_> = (0..25).map(|n| Task::of(&tenant, &format!("task-{n}"))).collect();
    let facts: Vec<_> = tasks.iter().map(Task::submitted).collect();
    store.add(&facts).await.expect("an answer");
    tasks.sort_by_key(|t| std::cmp::Reverse(t.key.id));
    let (mut found, mut before, mut pages) = (vec![], None, 0);
    loop {
        let page = store.list(&tenant, None, before, 10).await.expect("an answer");
        found.extend(page.tasks.iter().map(|t| t.id));
        (before, pages) = (page.next, pages + 1);
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, tasks.iter().map(|t| t.key.id).collect::<Vec<_>>());
    assert_eq!(pages, 3);
    assert_eq!(store.list(&tenant, None, None, 25).await.expect("an answer").next, None);
}

pub async fn tasks_are_listed_by_state(store: Store) {
    let tenant = tenant();
    let tasks: Vec<_> = (0..30).map(|n| Task::of(&tenant, &format!("task-{n}"))).collect();
    let done = |n: usize| n.is_multiple_of(3);
    let facts = tasks.iter().enumerate().map(|(n, t)| if done(n) { t.applied() } else { t.submitted() });
    store.add(&facts.collect::<Vec<_>>()).await.expect("an answer");
    let first = store.list(&tenant, Some(State::Done), None, 7).await.expect("an answer");
    assert_eq!(first.tasks.len(), 7);
    let second = store.list(&tenant, Some(State::Done), first.next, 7).await.expect("an answer");
    assert_eq!((second.tasks.len(), second.next), (3, None));
    assert!(first.tasks.iter().chain(&second.tasks).all(|t| t.state == State::Done));
    assert!(first.tasks.iter().chain(&second.tasks).is_sorted_by(|a, b| a.id > b.id));
}

pub async fn a_list_by_state_looks_at_a_bounded_number(store: Store) {
    let tenant = tenant();
    let mut tasks: Vec<_> = (0..2_500).map(|n| Task::of(&tenant, &format!("task-{n}"))).collect();
    tasks.sort_by_key(|t| t.key.id);
    let facts: Vec<_> =
        tasks.iter().enumerate().map(|(n, t)| if n == 0 { t.applied() } else { t.submitted() }).collect();
    store.add(&facts).await.expect("an answer");
    let first = store.list(&tenant, Some(State::Done), None, 10).await.expect("an answer");
    assert!(first.tasks.is_empty() && first.next.is_some());
    let second = store.list(&tenant, Some(State::Done), first.next, 10).await.expect("an answer");
    assert_eq!((second.tasks[0].id, second.next), (tasks[0].key.id, None));
}

pub async fn a_forgotten_task_is_gone_and_may_come_again(store: Store) {
    let task = Task::new();
    store.add(&[task.submitted(), task.applied()]).await.expect("an answer");
    assert_eq!(status(&store, &task).await.version, 2);
    store.forget(&task.key).await.expect("an answer");
    assert_eq!(store.get(&task.key).await.expect("an answer"), None);
    assert_eq!(store.by_name(&task.key.tenant, &task.name).await.expect("an answer"), None);
    assert!(store.by_suffix(&task.key.tenant, &task.key.id.suffix()).await.expect("an answer").is_empty());
    assert!(store.list(&task.key.tenant, None, None, 9).await.expect("an answer").tasks.is_empty());
    store.add(&[task.submitted()]).await.expect("an answer");
    assert_eq!(status(&store, &task).await.state, State::Pending);
}
