//! Kills and races, seeded: `TESTKIT_SEED` repeats a run.

mod faults;
mod jobs;

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use client::Upload;
use domain::{Revision, SourceFile, State};
use futures::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use testkit::until;

use self::jobs::Jobs;
use super::{
    manifests::{config, job, worker},
    platform::Platform,
    rights::left_over,
};

/// Tasks that run while things are killed.
const TASKS: usize = 200;
/// Between two POSTs: the tasks last as long as a few faults of each kind.
const EVERY: Duration = Duration::from_millis(200);
/// How long the line may take to end what is left, after the last fault: delays of 15 s, redeliveries and a
/// refold after 60 s come one after another at worst.
const SETTLES: Duration = Duration::from_secs(240);

/// How one task's life goes.
#[derive(Clone)]
struct Plan {
    name: String,
    with_job: bool,
    with_worker: bool,
    put_after: Option<Duration>,
    delete_after: Option<Duration>,
}

/// What must be true of a task at the end.
struct Wanted {
    id: String,
    revision: Revision,
    state: State,
    objects: Vec<String>,
}

impl Wanted {
    /// Its objects and the parent that owns them; nothing of a task that is rolled back.
    fn objects(&self) -> impl Iterator<Item = String> {
        let parent = (self.state == State::Done).then(|| format!("ConfigMap/marea-{}", self.id));
        self.objects.iter().cloned().chain(parent)
    }
}

impl Plan {
    fn draw(number: usize, random: &mut StdRng) -> Self {
        let mut after = |chance: f64| {
            let millis = random.random_range(0..1_500);
            random.random_bool(chance).then(|| Duration::from_millis(millis))
        };
        let (put_after, delete_after) = (after(0.3), after(0.3));
        let name = format!("t{number}");
        Self {
            name,
            with_job: number.is_multiple_of(4),
            with_worker: number.is_multiple_of(20),
            put_after,
            delete_after,
        }
    }

    fn files(&self, second: bool) -> Vec<SourceFile> {
        let name = &self.name;
        let mut files = vec![config(&format!("{name}-a"), if second { "two" } else { "one" })];
        files.extend((!second).then(|| config(&format!("{name}-b"), "x")));
        files.extend(self.with_job.then(|| job(&format!("{name}-job"))));
        files.extend(self.with_worker.then(|| worker(&format!("{name}-w"))));
        files
    }

    /// Sends the commands, each after its pause.
    async fn run(&self, line: &Platform) -> Wanted {
        let id = line.post(&self.name, self.files(false)).await;
        if let Some(pause) = self.put_after {
            tokio::time::sleep(pause).await;
            let upload = Upload { files: self.files(true), ..Upload::default() };
            line.client.replace(&id, &upload).await.expect("the revision is taken");
        }
        if let Some(pause) = self.delete_after {
            tokio::time::sleep(pause).await;
            line.client.delete(&id).await.expect("the roll back is taken");
        }
        let state = if self.delete_after.is_some() { State::RolledBack } else { State::Done };
        let revision = 1 + Revision::from(self.put_after.is_some()) + Revision::from(self.delete_after.is_some());
        Wanted { id, revision, state, objects: self.objects() }
    }

    fn objects(&self) -> Vec<String> {
        if self.delete_after.is_some() {
            return vec![];
        }
        let name = &self.name;
        let mut objects = vec![format!("ConfigMap/{name}-a")];
        objects.extend(self.put_after.is_none().then(|| format!("ConfigMap/{name}-b")));
        objects.extend(self.with_job.then(|| format!("Job/{name}-job")));
        if self.with_worker {
            objects.push(format!("Deployment/{name}-w"));
            objects.push(format!("HorizontalPodAutoscaler/{name}-w"));
        }
        objects
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_ends_as_asked_while_services_broker_and_redis_are_killed_and_paused() {
    let Some(line) = Platform::start(3, None).await else { return };
    let seed = std::env::var("TESTKIT_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(now);
    println!("TESTKIT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let plans: Vec<_> = (0..TASKS).map(|number| Plan::draw(number, &mut random)).collect();
    let jobs = Jobs::watch(&line.servers.kube.client().await, line.namespace).await;

    let paced = |(number, plan): (usize, &'_ Plan)| {
        let (line, plan) = (&line, plan.clone());
        async move {
            tokio::time::sleep(EVERY * u32::try_from(number).expect("few tasks")).await;
            plan.run(line).await
        }
    };
    let work = join_all(plans.iter().enumerate().map(paced));
    let wanted = faults::until_done(&line, &mut random, work).await;

    for want in &wanted {
        line.reaches(&want.id, want.revision, &[want.state], SETTLES).await;
    }
    let expected: BTreeSet<String> = wanted.iter().flat_map(Wanted::objects).collect();
    let client = line.servers.kube.client().await;
    let exact = || async {
        let found = BTreeSet::from_iter(left_over(&client, line.namespace).await);
        let (extra, missing): (Vec<_>, Vec<_>) =
            (found.difference(&expected).collect(), expected.difference(&found).collect());
        (extra.is_empty() && missing.is_empty())
            .then_some(())
            .ok_or(format!("left over: {extra:?}; missing: {missing:?}"))
    };
    until("exactly the objects asked for", Duration::from_secs(30), exact).await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(jobs.ran_twice(), Vec::<String>::new());
    let empty = || async { (line.queued().await == 0).then_some(()).ok_or("messages are left queued") };
    until("empty queues", Duration::from_secs(60), empty).await.expect("nothing stays queued");
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
