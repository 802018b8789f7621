//! Applying a revision: read everything, decide, make the parents, then write tier by tier.

mod intents;
mod one;

use std::collections::{BTreeMap, BTreeSet};

use domain::{ObjectRef, Problem, Rendered};
use futures::future::{join_all, try_join_all};
use intents::Starting;
use one::{Unwritten, Written};
use schema::kinds::TIERS;
use serde_json::Value;

use crate::{
    Session, Stop,
    api::{Accept, Call, Error, item},
    check::{self, Seen},
    desired::{Desired, desired},
    jobs,
    memory::{Intents, Job, Mark, Memory, job_key},
    ownership::{Owner, owner},
    parent,
};

/// A revision that was applied.
#[derive(Debug, Clone)]
pub struct Applied {
    /// How the objects stand, as far as the answers to the writes tell: passive ones are healthy already.
    pub seen: Seen,
    /// Warnings of the API server, and fields that were left to others.
    pub warnings: Vec<Problem>,
}

/// One namespace of the task.
pub(crate) struct Space {
    pub parent: Value,
    pub memory: Memory,
    /// What this apply is about to make.
    pub intents: Intents,
}

/// What is said of a `kind: Job` that may not be changed now.
pub(crate) const JOB_RUNNING: &str = "runs with another spec: wait for its end, give the new one another name, or annotate it with `marea.dev/replace: \"true\"`";

/// A desired object beside what was read of it.
pub(crate) type Pair = (Desired, Option<Value>);

impl Session {
    /// Applies a revision. What was applied before and did not change stays as it is.
    ///
    /// # Errors
    /// [`Stop::Failed`] before anything is written where an object is somebody else's or may not change;
    /// afterwards with the problems of the first tier that has some.
    pub async fn apply(&self, rendered: &Rendered) -> Result<Applied, Stop> {
        let pairs = self.read_all(desired(rendered)).await?;
        self.refuse_foreign(&pairs).await?;
        self.refuse_running_jobs(&pairs).await?;
        let starting = self.starting(&pairs).await?;
        let mut spaces = self.spaces(&pairs, self.makes_namespaces || rendered.make_namespaces, starting).await?;
        forget_others(&mut spaces, &pairs);
        let (mut done, mut doubtful) = (Vec::with_capacity(pairs.len()), BTreeSet::new());
        let ended = self.write_tiers(pairs, &spaces, &mut done, &mut doubtful).await;
        self.note(&done, &doubtful, &mut spaces).await?;
        ended?;
        let warnings = done.iter_mut().flat_map(|(_, written)| std::mem::take(&mut written.warnings)).collect();
        let lived: Vec<Pair> = done.into_iter().map(|(desired, written)| (desired, written.live)).collect();
        Ok(Applied { seen: check::see(&lived, &spaces, &[], &self.task.manager()), warnings })
    }

    /// Reads what is there, side by side: metadata, or the whole of what needs it.
    pub(crate) async fn read_all(&self, all: Vec<Desired>) -> Result<Vec<Pair>, Stop> {
        let reads = all.into_iter().map(async |one| {
            let live = self.read(&one).await.map_err(|e| one_stop(&one, e))?;
            Ok::<_, Stop>((one, live))
        });
        try_join_all(reads).await
    }

    pub(crate) async fn read(&self, one: &Desired) -> Result<Option<Value>, Error> {
        let accept = if one.needs_whole() { Accept::Object } else { Accept::Metadata };
        self.get(&one.path(), accept).await
    }

    pub(crate) async fn get(&self, path: &str, accept: Accept) -> Result<Option<Value>, Error> {
        match self.api.send(&Call::get(path, &[], accept)).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Fails with every object that is not ours, before anything is written.
    pub(crate) async fn refuse_foreign(&self, pairs: &[Pair]) -> Result<(), Stop> {
        let mut foreign = vec![];
        let mut leaving = vec![];
        for (one, live) in pairs {
            match owner(live.as_ref(), &self.task) {
                Owner::Absent | Owner::Ours { .. } => {}
                Owner::Leaving => leaving.push(one.problem(Problem::error("terminating", "is still being deleted"))),
                other => foreign.push(self.foreign(one, other).await),
            }
        }
        match (foreign.is_empty(), leaving.is_empty()) {
            (false, _) => Err(Stop::Failed(foreign)),
            (true, false) => Err(Stop::Later(leaving)),
            (true, true) => Ok(()),
        }
    }

    async fn foreign(&self, one: &Desired, owner: Owner) -> Problem {
        let problem = match owner {
            Owner::Task(id) => {
                let name = self.name_of(&id, &one.object.namespace).await;
                Problem::error(
                    "owned_by_task",
                    format!("belongs to the task {name}: change it there, or use another name"),
                )
            }
            _ => Problem::error(
                "already_exists",
                "exists already and was not made by this task: delete it, or use another name",
            ),
        };
        one.problem(problem)
    }

    /// Fails with every `kind: Job` that runs with another spec, before anything is written.
    async fn refuse_running_jobs(&self, pairs: &[Pair]) -> Result<(), Stop> {
        let mut problems = vec![];
        for (one, live) in pairs.iter().filter(|(one, live)| one.is_job() && live.is_some()) {
            if jobs::decide(one, live.as_ref(), None) != jobs::Step::Refuse {
                continue;
            }
            // Not where this very spec ran before: then a revert takes the other Job away.
            if self.remembered_job(one).await?.is_none() {
                problems.push(one.problem(Problem::error("job_running", JOB_RUNNING)));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Stop::Failed(problems)) }
    }

    /// What is remembered of a Job, read from the parent.
    pub(crate) async fn remembered_job(&self, one: &Desired) -> Result<Option<Job>, Stop> {
        let path = item(parent::kind(), &one.object.namespace, &self.task.manager());
        let parent = self.get(&path, Accept::Object).await?;
        Ok(parent.and_then(|p| Memory::read(&p).job(&one.object.name, &one.spec_hash()).cloned()))
    }

    /// The parents, one a namespace, each with what it remembers.
    async fn spaces(
        &self,
        pairs: &[Pair],
        make_namespaces: bool,
        starting: BTreeMap<String, Starting>,
    ) -> Result<BTreeMap<String, Space>, Stop> {
        let mut firsts = BTreeMap::<&str, &Desired>::new();
        for (one, _) in pairs {
            firsts.entry(&one.object.namespace).or_insert(one);
        }
        let made = firsts.into_iter().map(async |(namespace, first)| {
            let Starting { intents, ran } = starting.get(namespace).cloned().unwrap_or_default();
            let parent = self.parent(namespace, make_namespaces, &intents).await.map_err(|e| one_stop(first, e))?;
            let mut memory = Memory::read(&parent);
            ran.into_iter().for_each(|(key, job)| memory.put_job(key, job));
            Ok::<_, Stop>((namespace.to_owned(), Space { parent, memory, intents }))
        });
        Ok(try_join_all(made).await?.into_iter().collect())
    }

    /// Writes tier after tier, side by side inside; stops after the first tier that has a problem.
    async fn write_tiers(
        &self,
        mut pairs: Vec<Pair>,
        spaces: &BTreeMap<String, Space>,
        done: &mut Vec<(Desired, Written)>,
        doubtful: &mut BTreeSet<ObjectRef>,
    ) -> Result<(), Stop> {
        for tier in 0..TIERS {
            let (now, later): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(one, _)| one.kind.tier == tier);
            pairs = later;
            let writes = now.into_iter().map(async |(one, live)| {
                let written = self.write(&one, live, &spaces[&one.object.namespace]).await;
                (one, written)
            });
            let mut stops = vec![];
            for (one, written) in join_all(writes).await {
                match written {
                    Ok(written) => done.push((one, written)),
                    Err(Unwritten { stop, doubtful: unknown }) => {
                        doubtful.extend(unknown.then_some(one.object));
                        stops.push(stop);
                    }
                }
            }
            worst(stops)?;
        }
        Ok(())
    }

    /// Notes what the writes returned, so that a later check knows whether somebody wrote after us.
    async fn note(
        &self,
        done: &[(Desired, Written)],
        doubtful: &BTreeSet<ObjectRef>,
        spaces: &mut BTreeMap<String, Space>,
    ) -> Result<(), Stop> {
        let manager = self.task.manager();
        for (one, written) in done {
            let Some(space) = spaces.get_mut(&one.object.namespace) else { continue };
            if let Some(uid) = &written.vanished {
                let job = Job { uid: uid.clone(), complete: None };
                space.memory.put_job(job_key(&one.object.name, &one.spec_hash()), job);
            }
            let Some(live) = &written.live else { continue };
            space.memory.marks.insert(one.key(), Mark::of(live, &manager));
            if one.is_job() {
                space.memory.note_job(&one.object.name, live);
            }
        }
        for (namespace, space) in spaces {
            let doubtful = |name: &str| doubtful.iter().any(|o| o.namespace == *namespace && o.name == name);
            space.note_idle(doubtful);
            self.remember(&space.parent, &space.memory).await?;
        }
        Ok(())
    }
}

/// Forgets what was written of objects that the revision has not: names that change with each would fill the parent.
fn forget_others(spaces: &mut BTreeMap<String, Space>, pairs: &[Pair]) {
    for (namespace, space) in spaces {
        let of = pairs.iter().filter(|(one, _)| one.object.namespace == *namespace);
        let wanted: BTreeSet<_> = of.map(|(one, _)| one.key()).collect();
        space.memory.marks.retain(|key, _| wanted.contains(key));
    }
}

impl Space {
    /// Notes which intents came to nothing: no Job was made, and no request may have made one.
    fn note_idle(&mut self, doubtful: impl Fn(&str) -> bool) {
        let idle = self.intents.iter().filter(|(key, _)| {
            let (name, spec_hash) = key.split_once('/').unwrap_or((key, ""));
            self.memory.job(name, spec_hash).is_none() && !doubtful(name)
        });
        self.memory.idle = idle.map(|(key, at)| (key.clone(), *at)).collect();
    }
}

/// An error about one object.
pub(crate) fn one_stop(one: &Desired, error: Error) -> Stop {
    match error {
        Error::LeaseEnds | Error::Identity(_) => error.into(),
        Error::Later(_) | Error::Unknown(_) => Stop::Later(crate::refused::problems(one, &error)),
        Error::Refused(_) => Stop::Failed(crate::refused::problems(one, &error)),
    }
}

/// Several stops as one: the final ones first, for they are to be fixed by a person.
fn worst(stops: Vec<Stop>) -> Result<(), Stop> {
    let (mut failed, mut later) = (vec![], vec![]);
    for stop in stops {
        match stop {
            Stop::Failed(problems) => failed.extend(problems),
            Stop::Later(problems) => later.extend(problems),
            Stop::LeaseEnds => return Err(Stop::LeaseEnds),
        }
    }
    match (failed.is_empty(), later.is_empty()) {
        (false, _) => Err(Stop::Failed(failed)),
        (true, false) => Err(Stop::Later(later)),
        (true, true) => Ok(()),
    }
}
