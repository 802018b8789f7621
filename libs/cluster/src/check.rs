//! A check: lists the task's objects by label and says how they stand.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Health, ObjectRef, ObjectStatus, Problem, Rendered, record::FinishedJob, record::job_key};
use futures::future::try_join_all;
use schema::kinds::{self, AllowedKind};
use serde_json::Value;

use crate::{
    Session, Stop,
    api::{Accept, Call, collection},
    apply::{Pair, Space},
    desired::{Desired, desired, places},
    health::{self, Phase, Standing},
    jobs,
    memory::{Job, Memory},
    parent, view,
};

/// How a task's objects stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The cluster's version that was seen: the highest resourceVersion of the answers.
    pub observed: u64,
    /// The objects, in the order of the revision.
    pub objects: Vec<ObjectStatus>,
    /// What it means for the revision.
    pub verdict: Verdict,
    /// Finished `kind: Job`s by `domain::record::job_key`.
    pub finished_jobs: BTreeMap<String, FinishedJob>,
    /// Objects that somebody wrote under our own manager after us, or that are gone: to be applied again.
    pub overwritten: Vec<ObjectRef>,
}

/// What a check means for the revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every `kind: Job` complete, all else current.
    Healthy,
    /// On its way. At the deadline it fails with these; none: only Jobs that run are waited for.
    Pending(Vec<Problem>),
    /// It does not become healthy by itself.
    Failed(Vec<Problem>),
}

impl Seen {
    /// The health of the whole.
    pub fn health(&self) -> Health {
        self.objects.iter().map(|o| o.health).max().unwrap_or(Health::Healthy)
    }
}

/// One list's items, with the kind that lists leave out.
pub(crate) struct Listed {
    pub version: u64,
    pub items: Vec<Value>,
}

impl Session {
    /// Lists the revision's objects, and pods where one is not there yet.
    ///
    /// # Errors
    /// [`Stop::Later`] where the API server does not answer.
    pub async fn check(&self, rendered: &Rendered) -> Result<Seen, Stop> {
        let all = desired(rendered);
        let (mut live, version) = self.list_all(&all).await?;
        let mut spaces = self.spaces_of(&mut live);
        self.note_ends(&live, &mut spaces).await?;
        let pairs = pair(all, live);
        let pods = self.pods_where_needed(&pairs, &spaces).await?;
        let mut seen = see(&pairs, &spaces, &pods, &self.task.manager());
        seen.observed = seen.observed.max(version);
        Ok(seen)
    }

    /// Every object of the revision's kinds and namespaces that carries the task's label. ConfigMaps are
    /// always among them: the parent is one.
    async fn list_all(&self, all: &[Desired]) -> Result<(Vec<Value>, u64), Stop> {
        let mut lists = vec![];
        for (namespace, mut kinds) in places(all) {
            kinds.insert(parent::kind().plural, parent::kind());
            lists.extend(kinds.into_values().map(|kind| self.list(kind, namespace.clone(), Accept::Object)));
        }
        let listed = try_join_all(lists).await?;
        let version = listed.iter().map(|l| l.version).max().unwrap_or_default();
        Ok((listed.into_iter().flat_map(|l| l.items).collect(), version))
    }

    /// The task's objects of one kind and namespace.
    pub(crate) async fn list(&self, kind: &AllowedKind, namespace: String, accept: Accept) -> Result<Listed, Stop> {
        let path = collection(kind, &namespace);
        let answer = self.api.send(&Call::get(&path, &[("labelSelector", &self.task.selector())], accept)).await;
        let mut body = answer?.body;
        let mut items = body["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        for item in &mut items {
            item["apiVersion"] = kind.api_version().into();
            item["kind"] = kind.kind.into();
        }
        Ok(Listed { version: view::version(&body), items })
    }

    /// The parents among what was listed, taken out.
    fn spaces_of(&self, live: &mut Vec<Value>) -> BTreeMap<String, Space> {
        let manager = self.task.manager();
        let parents = live.extract_if(.., |o| o["kind"] == "ConfigMap" && parent::is_parent(o, &manager));
        let space = |parent: Value| {
            let memory = Memory::read(&parent);
            (
                view::text(&parent, "/metadata/namespace").to_owned(),
                Space { parent, memory, intents: Default::default() },
            )
        };
        parents.map(space).collect()
    }

    /// Notes how Jobs ended before their TTL removes them.
    async fn note_ends(&self, live: &[Value], spaces: &mut BTreeMap<String, Space>) -> Result<(), Stop> {
        for (namespace, space) in spaces {
            let here = |o: &&Value| o["kind"] == "Job" && view::text(o, "/metadata/namespace") == namespace;
            if space.memory.note_ends(live.iter().filter(here)) {
                self.remember(&space.parent, &space.memory).await?;
            }
        }
        Ok(())
    }

    async fn pods_where_needed(&self, pairs: &[Pair], spaces: &BTreeMap<String, Space>) -> Result<Vec<Value>, Stop> {
        let waits = |(one, live): &&Pair| {
            let standing = standing(one, live.as_ref(), remembered(one, spaces), &[]);
            one.kind.template.is_some_and(|t| !t.is_empty())
                && matches!(standing.phase, Phase::InProgress | Phase::Unbounded)
        };
        let namespaces: BTreeSet<_> = pairs.iter().filter(waits).map(|(one, _)| one.object.namespace.clone()).collect();
        let pod = kinds::allowed("v1", "Pod").expect("Pod is in the table of kinds");
        let lists = namespaces.into_iter().map(|namespace| self.list(pod, namespace, Accept::Object));
        Ok(try_join_all(lists).await?.into_iter().flat_map(|l| l.items).collect())
    }
}

/// Each desired object beside the live one.
fn pair(all: Vec<Desired>, live: Vec<Value>) -> Vec<Pair> {
    let mut found: BTreeMap<_, _> = live.into_iter().map(|o| (view::reference(&o), o)).collect();
    all.into_iter()
        .map(|one| {
            let live = found.remove(&one.object);
            (one, live)
        })
        .collect()
}

fn remembered<'a>(one: &Desired, spaces: &'a BTreeMap<String, Space>) -> Option<&'a Job> {
    let space = spaces.get(&one.object.namespace).filter(|_| one.is_job())?;
    space.memory.job(&one.object.name, &one.spec_hash())
}

/// The reason of a Job that vanished before its end was seen: it may have failed, so it does not count as complete.
const GONE: &str = "Gone";

const END_UNKNOWN: &str = "was removed before its end was seen, so whether it completed is not known: \
    set `ttlSecondsAfterFinished` higher, for example 60";

/// How one object stands.
fn standing(one: &Desired, live: Option<&Value>, job: Option<&Job>, pods: &[Value]) -> Standing {
    match (live, job.map(|job| job.complete)) {
        (Some(live), _) => health::assess(live, pods),
        (None, Some(Some(true))) => Standing::new(Phase::Current, "Complete", "complete"),
        (None, Some(Some(false))) => Standing::new(Phase::Failed, "Failed", "failed"),
        (None, Some(None)) => Standing::new(Phase::Failed, GONE, END_UNKNOWN),
        (None, None) => Standing::new(Phase::InProgress, "Missing", format!("{} is not in the cluster", one.object)),
    }
}

/// What was read, as one answer. Pure.
pub(crate) fn see(pairs: &[Pair], spaces: &BTreeMap<String, Space>, pods: &[Value], manager: &str) -> Seen {
    let (mut objects, mut failed, mut overdue, mut overwritten) = (vec![], vec![], vec![], vec![]);
    for (one, live) in pairs {
        let standing = standing(one, live.as_ref(), remembered(one, spaces), pods);
        objects.push(standing.report(&one.object, live.as_ref()));
        let problem =
            |code| one.problem(Problem::error(code, format!("{} {}", standing.reason, standing.message).trim()));
        match standing.phase {
            Phase::Current | Phase::Unbounded => {}
            Phase::Failed if live.is_none() && standing.reason == GONE => failed.push(problem("job_end_unknown")),
            Phase::Failed => failed.push(problem("not_healthy")),
            Phase::InProgress => overdue.push(problem("not_ready_in_time")),
        }
        let mark = spaces.get(&one.object.namespace).and_then(|s| s.memory.marks.get(&one.key()));
        let again = match live {
            Some(live) => mark.is_some_and(|mark| mark.overwritten(live, manager)),
            None => standing.phase == Phase::InProgress,
        };
        overwritten.extend(again.then(|| one.object.clone()));
    }
    let pending = objects.iter().any(|o| o.health == Health::Progressing);
    let verdict = match (failed.is_empty(), pending) {
        (false, _) => Verdict::Failed(failed),
        (true, true) => Verdict::Pending(overdue),
        (true, false) => Verdict::Healthy,
    };
    let observed = pairs.iter().filter_map(|(_, live)| live.as_ref()).map(view::version).max().unwrap_or_default();
    Seen { observed, objects, verdict, finished_jobs: finished(pairs, spaces), overwritten }
}

fn finished(pairs: &[Pair], spaces: &BTreeMap<String, Space>) -> BTreeMap<String, FinishedJob> {
    let known = |one: &Desired| jobs::finished(remembered(one, spaces)?, one.spec_hash());
    pairs.iter().filter_map(|(one, _)| Some((job_key(&one.object), known(one)?))).collect()
}
