//! A plan: what applying a revision would do, by server-side dry run. Writes nothing.

use std::collections::BTreeMap;

use domain::{ObjectRef, Options, Problem, Rendered};
use futures::future::join_all;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Session, Stop,
    api::{Accept, Call, Error},
    apply::{JOB_RUNNING, Pair, one_stop},
    desired::{Desired, desired, is_kept},
    diff::{FieldChange, diff},
    jobs,
    memory::Job,
    ownership::{Owner, owner},
    prune::superfluous,
    refused, replicas,
};

/// How often an object is compared that changes meanwhile: a status that is written all the time must not hold a plan.
const COMPARISONS: usize = 4;

/// What would happen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Plan {
    /// One an object, in the order of the revision; deletions last.
    #[serde(rename = "objects")]
    pub changes: Vec<Change>,
    /// Why it would fail, and what it would warn of.
    pub problems: Vec<Problem>,
}

/// What would happen to one object.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// What would be done.
    pub change: ChangeKind,
    /// The fields that would change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// What would be done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Made.
    Create,
    /// Changed in place.
    Update,
    /// Left as it is: nothing differs, or a `kind: Job` that ran.
    Unchanged,
    /// A finished `kind: Job` deleted and made anew.
    Replace,
    /// Deleted, after the revision is healthy.
    Delete,
    /// Left on purpose.
    Keep,
}

impl Session {
    /// Plans. `earlier` is what prune would compare with: newest first, not yet pruned.
    ///
    /// # Errors
    /// Where the API server does not answer; what it would refuse is a problem of the plan.
    pub async fn plan(&self, rendered: &Rendered, earlier: &[Rendered], options: &Options) -> Result<Plan, Stop> {
        let mut plan = Plan::default();
        plan.problems.extend(self.needs_confirmation(rendered, earlier, options).await?);
        let pairs = self.read_whole(desired(rendered)).await?;
        match self.refuse_foreign(&pairs).await {
            Err(Stop::Failed(problems) | Stop::Later(problems)) => plan.problems.extend(problems),
            other => other?,
        }
        let jobs = self.remembered_jobs(&pairs).await?;
        let make_namespaces = self.makes_namespaces || rendered.make_namespaces;
        for step in join_all(pairs.iter().map(|pair| self.plan_one(pair, &jobs, make_namespaces))).await {
            let (change, problems) = step?;
            plan.changes.extend(change);
            plan.problems.extend(problems);
        }
        plan.changes.extend(self.plan_prune(superfluous(rendered, earlier), options).await?);
        Ok(plan)
    }

    async fn read_whole(&self, all: Vec<Desired>) -> Result<Vec<Pair>, Stop> {
        let reads = all.into_iter().map(async |one| {
            let live = self.get(&one.path(), Accept::Object).await?;
            Ok::<_, Error>((one, live))
        });
        Ok(join_all(reads).await.into_iter().collect::<Result<_, _>>()?)
    }

    /// Jobs that were made of these very specs.
    async fn remembered_jobs(&self, pairs: &[Pair]) -> Result<BTreeMap<ObjectRef, Job>, Stop> {
        let mut found = BTreeMap::new();
        for (one, _) in pairs.iter().filter(|(one, _)| one.is_job()) {
            let job = self.remembered_job(one).await?;
            found.extend(job.map(|job| (one.object.clone(), job)));
        }
        Ok(found)
    }

    async fn plan_one(
        &self,
        (one, live): &Pair,
        jobs: &BTreeMap<ObjectRef, Job>,
        make_namespaces: bool,
    ) -> Result<(Option<Change>, Vec<Problem>), Stop> {
        let change = |change, fields| (Some(Change { object: one.object.clone(), change, fields }), vec![]);
        if one.is_job() {
            match jobs::decide(one, live.as_ref(), jobs.get(&one.object)) {
                jobs::Step::Apply => {}
                jobs::Step::Leave => return Ok(change(ChangeKind::Unchanged, vec![])),
                jobs::Step::Remove { .. } => return Ok(change(ChangeKind::Delete, vec![])),
                jobs::Step::Replace { .. } => {
                    let fields = diff(&one.object, live.as_ref(), Some(&one.manifest));
                    return Ok(change(ChangeKind::Replace, fields));
                }
                jobs::Step::Refuse => {
                    return Ok((None, vec![one.problem(Problem::error("job_running", JOB_RUNNING))]));
                }
            }
        }
        let uid = match owner(live.as_ref(), &self.task) {
            Owner::Absent => None,
            Owner::Ours { uid } => Some(uid),
            // Reported already.
            _ => return Ok((None, vec![])),
        };
        match self.changes(one, live.clone(), uid.as_deref()).await {
            Ok(fields) => {
                let kind = match (live.is_some(), fields.is_empty()) {
                    (false, _) => ChangeKind::Create,
                    (true, false) => ChangeKind::Update,
                    (true, true) => ChangeKind::Unchanged,
                };
                Ok(change(kind, fields))
            }
            Err(Error::Refused(refusal)) if make_namespaces && refusal.lacks_namespace() => {
                Ok(change(ChangeKind::Create, diff(&one.object, None, Some(&one.manifest))))
            }
            Err(Error::Refused(refusal)) => Ok((None, refused::problems(one, &Error::Refused(refusal)))),
            Err(other) => Err(one_stop(one, other)),
        }
    }

    /// What an apply would change. Controllers may write between the read and the dry run, and what they wrote is no
    /// change of ours: then both are made again.
    async fn changes(&self, one: &Desired, live: Option<Value>, uid: Option<&str>) -> Result<Vec<FieldChange>, Error> {
        let (mut live, mut again) = (live, COMPARISONS);
        loop {
            let then = self.dry_run(one, live.as_ref(), uid).await?;
            let fields = diff(&one.object, live.as_ref(), Some(&then));
            again -= 1;
            if live.is_none() || fields.is_empty() || again == 0 {
                return Ok(fields);
            }
            let now = self.get(&one.path(), Accept::Object).await?;
            let version = |object: &Option<Value>| object.as_ref().map(|o| o["metadata"]["resourceVersion"].clone());
            if now.is_none() || version(&now) == version(&live) {
                return Ok(fields);
            }
            live = now;
        }
    }

    async fn dry_run(&self, one: &Desired, live: Option<&Value>, uid: Option<&str>) -> Result<Value, Error> {
        let owner = live.and_then(|l| l["metadata"]["ownerReferences"].get(0)).cloned();
        let mut manifest = one.prepared(owner.as_ref(), uid);
        let manager = self.task.manager();
        replicas::decide(one, live, &manager).put(&mut manifest);
        Ok(self.api.send(&Call::apply(&one.path(), &manager, false, true, &manifest)).await?.body)
    }

    async fn plan_prune(&self, gone: Vec<Desired>, options: &Options) -> Result<Vec<Change>, Stop> {
        let pairs = self.read_all(gone).await?;
        let ours = pairs.into_iter().filter(|(_, live)| matches!(owner(live.as_ref(), &self.task), Owner::Ours { .. }));
        let change = |(one, live): Pair| {
            let claim = one.object.kind == "PersistentVolumeClaim" && !options.prune_volumes;
            let keep = claim || one.is_kept() || live.as_ref().is_some_and(is_kept);
            let change = if keep { ChangeKind::Keep } else { ChangeKind::Delete };
            Change { object: one.object, change, fields: vec![] }
        };
        Ok(ours.map(change).collect())
    }
}
