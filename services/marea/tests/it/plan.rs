//! What is asked of one task, at random instants, and what must come of it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use client::{Client, Upload};
use domain::{Revision, SourceFile, State};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use crate::line::manifests::{config, job, worker};

/// Chance as `TESTKIT_SEED` repeats it; it is printed.
pub fn seeded() -> StdRng {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let seed = std::env::var("TESTKIT_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(now);
    println!("TESTKIT_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// How one task's life goes.
pub struct Plan {
    name: String,
    with_job: bool,
    with_worker: bool,
    /// The pauses before its PUTs.
    puts: Vec<Duration>,
    delete_after: Option<Duration>,
}

/// What must be true of a task at the end.
pub struct Wanted {
    pub id: String,
    pub name: String,
    pub revision: Revision,
    pub state: State,
    pub objects: Objects,
}

/// Objects as `Kind/name`, each with the value in it where it is a ConfigMap of [`config`].
pub type Objects = BTreeMap<String, String>;

impl Wanted {
    /// The parent that owns its objects; none of a task that is rolled back.
    pub fn parent(&self) -> Option<String> {
        (self.state == State::Done).then(|| format!("ConfigMap/marea-{}", self.id))
    }
}

impl Plan {
    /// The plans of so many tasks. Each fourth has a `kind: Job`, and one in `worker_of` a worker.
    pub fn draw_all(tasks: usize, worker_of: usize, random: &mut StdRng) -> Vec<Self> {
        (0..tasks).map(|number| Self::draw(number, worker_of, random)).collect()
    }

    fn draw(number: usize, worker_of: usize, random: &mut StdRng) -> Self {
        // Some at once, so that they meet the command before them under way.
        let mut pause = || Duration::from_millis(random.random_range(0..1_500_u64).saturating_sub(300));
        let pauses = [pause(), pause(), pause()];
        let puts = [0, 0, 1, 2][random.random_range(0..4)];
        let delete_after = random.random_bool(0.35).then_some(pauses[2]);
        let (with_job, with_worker) = (number.is_multiple_of(4), number.is_multiple_of(worker_of));
        Self { name: format!("t{number}"), with_job, with_worker, puts: pauses[..puts].to_vec(), delete_after }
    }

    /// The files of a revision: each has another value, and only the first has a second ConfigMap.
    fn files(&self, revision: usize) -> Vec<SourceFile> {
        let name = &self.name;
        let mut files = vec![config(&format!("{name}-a"), &format!("r{revision}"))];
        files.extend((revision == 1).then(|| config(&format!("{name}-b"), "x")));
        files.extend(self.with_job.then(|| job(&format!("{name}-job"))));
        files.extend(self.with_worker.then(|| worker(&format!("{name}-w"))));
        files
    }

    fn upload(&self, revision: usize) -> Upload {
        let name = (revision == 1).then(|| self.name.parse().expect("a name"));
        Upload { files: self.files(revision), name, ..Upload::default() }
    }

    /// Sends the commands, each after its pause. Each is taken, whatever is killed meanwhile.
    pub async fn run(&self, client: &Client) -> Wanted {
        let taken = client.submit(&self.upload(1)).await.expect("the task is taken");
        let id = taken.id.to_string();
        let mut revision = taken.revision;
        for (pause, number) in self.puts.iter().zip(2..) {
            sleep(*pause).await;
            revision = client.replace(&id, &self.upload(number)).await.expect("the revision is taken").revision;
        }
        if let Some(pause) = self.delete_after {
            sleep(pause).await;
            revision = client.delete(&id).await.expect("the roll back is taken").revision;
        }
        let commands = 1 + self.puts.len() + usize::from(self.delete_after.is_some());
        assert_eq!(usize::try_from(revision), Ok(commands), "{}: a command was taken twice", self.name);
        let state = if self.delete_after.is_some() { State::RolledBack } else { State::Done };
        Wanted { objects: self.objects(), id, name: self.name.clone(), revision, state }
    }

    fn objects(&self) -> Objects {
        if self.delete_after.is_some() {
            return Objects::new();
        }
        let (name, last) = (&self.name, 1 + self.puts.len());
        let mut objects = Objects::from([(format!("ConfigMap/{name}-a"), format!("r{last}"))]);
        objects.extend((last == 1).then(|| (format!("ConfigMap/{name}-b"), "x".to_owned())));
        objects.extend(self.with_job.then(|| (format!("Job/{name}-job"), String::new())));
        if self.with_worker {
            objects.insert(format!("Deployment/{name}-w"), String::new());
            objects.insert(format!("HorizontalPodAutoscaler/{name}-w"), String::new());
        }
        objects
    }
}
