//! Writing one object.

use domain::Problem;
use serde_json::{Value, json};

use super::{JOB_RUNNING, Space, one_stop};
use crate::{
    Session, Stop,
    api::{Accept, Answer, Call, Error},
    desired::Desired,
    jobs,
    ownership::{Owner, other_writer, owner},
    replicas::{self, Replicas},
    view,
};

/// One object after its write.
pub(super) struct Written {
    /// As it is now; none for a `kind: Job` that ran and is gone.
    pub live: Option<Value>,
    /// The uid of a `kind: Job` that was there and went before it was known how it ended.
    pub vanished: Option<String>,
    pub warnings: Vec<Problem>,
}

/// One object that was not written.
pub(super) struct Unwritten {
    pub stop: Stop,
    /// Whether a request may have had an effect nevertheless.
    pub doubtful: bool,
}

impl From<Stop> for Unwritten {
    fn from(stop: Stop) -> Self {
        Self { stop, doubtful: false }
    }
}

impl Written {
    fn unchanged(live: Option<Value>) -> Self {
        Self { live, vanished: None, warnings: vec![] }
    }
}

impl Session {
    /// Writes one object; reads and decides again as often as another write comes in between.
    pub(super) async fn write(&self, one: &Desired, live: Option<Value>, space: &Space) -> Result<Written, Unwritten> {
        let mut live = live;
        for attempt in 0.. {
            let (uid, refusal) = match self.step(one, live, space).await? {
                Step::Left(live) => return Ok(Written::unchanged(live)),
                Step::Sent { answer: Ok(answer), uid, warnings } => {
                    return Ok(self.accept(one, answer, uid, warnings).await?);
                }
                Step::Sent { answer: Err(Error::Refused(refusal)), uid, .. } if may_pass(one, &refusal) => {
                    (uid, refusal)
                }
                Step::Sent { answer: Err(error), .. } => {
                    let doubtful = matches!(error, Error::Unknown(_));
                    return Err(Unwritten { stop: one_stop(one, error), doubtful });
                }
            };
            tracing::debug!(object = %one.object, object.uid = uid, "another write came between; reading again");
            self.api.after_race(attempt, &refusal).await.map_err(|e| one_stop(one, e))?;
            live = self.read(one).await.map_err(|e| one_stop(one, e))?;
            if one.is_job() && live.is_none() && uid.is_some() {
                // It was there, of this very spec: it ran, and its TTL was over sooner than this write.
                return Ok(Written { vanished: uid, ..Written::unchanged(None) });
            }
        }
        unreachable!("the loop ends by return only")
    }

    async fn step(&self, one: &Desired, live: Option<Value>, space: &Space) -> Result<Step, Stop> {
        let mut uid = match owner(live.as_ref(), &self.task) {
            Owner::Absent => None,
            Owner::Ours { uid } => Some(uid),
            Owner::Leaving => {
                return Err(Stop::Later(vec![one.problem(Problem::error("terminating", "is still being deleted"))]));
            }
            other => return Err(Stop::Failed(vec![self.foreign(one, other).await])),
        };
        if one.is_job() {
            match jobs::decide(one, live.as_ref(), space.memory.job(&one.object.name, &one.spec_hash())) {
                jobs::Step::Apply => {}
                jobs::Step::Leave => return Ok(Step::Left(live)),
                jobs::Step::Replace { uid: old } => {
                    self.remove_job(one, &old).await?;
                    uid = None;
                }
                jobs::Step::Remove { uid: old } => {
                    self.remove_job(one, &old).await?;
                    return Ok(Step::Left(None));
                }
                jobs::Step::Refuse => {
                    return Err(Stop::Failed(vec![one.problem(Problem::error("job_running", JOB_RUNNING))]));
                }
            }
        }
        let replicas = replicas::decide(one, live.as_ref(), &self.task.manager());
        let warnings = left_to_others(one, &replicas).into_iter().collect();
        let mut manifest = one.prepared(Some(&Self::owner_reference(&space.parent)), uid.as_deref());
        replicas.put(&mut manifest);
        let creates = uid.is_none();
        Ok(Step::Sent { answer: self.send_apply(one, &manifest, creates).await, uid, warnings })
    }

    /// Applies; a conflict is forced only if every manager in its causes is ours. What would run a second time,
    /// because its TTL may have removed the first one, is not sent again after a try without an answer.
    async fn send_apply(&self, one: &Desired, manifest: &Value, creates: bool) -> Result<Answer, Error> {
        let manager = self.task.manager();
        let path = one.path();
        let careful = creates && one.ttl().is_some();
        match self.api.send(&Call::apply(&path, &manager, false, false, manifest).careful(careful)).await {
            Err(Error::Refused(refusal)) if refusal.only_with(&manager) => {
                self.api.send(&Call::apply(&path, &manager, true, false, manifest)).await
            }
            other => other,
        }
    }

    /// Takes the answer, unless what should have been created was already there: then our fields are
    /// given back, and the object is not ours.
    async fn accept(
        &self,
        one: &Desired,
        answer: Answer,
        uid: Option<String>,
        mut warnings: Vec<Problem>,
    ) -> Result<Written, Stop> {
        let manager = self.task.manager();
        if uid.is_none() && !answer.created && other_writer(&answer.body, &manager).is_some() {
            let nothing = json!({
                "apiVersion": one.object.api_version, "kind": one.object.kind,
                "metadata": {"name": one.object.name, "namespace": one.object.namespace, "uid": answer.body["metadata"]["uid"]},
            });
            self.send_apply(one, &nothing, false).await.map_err(|e| one_stop(one, e))?;
            return Err(Stop::Failed(vec![self.foreign(one, Owner::Foreign).await]));
        }
        if answer.repeated {
            tracing::debug!(object = %one.object, "applied after a try without an answer");
        }
        let said = answer.warnings.iter().filter(|_| !one.is_secret());
        warnings
            .extend(said.map(|text| one.problem(Problem::warning("cluster_warning", crate::refused::bounded(text)))));
        Ok(Written { live: Some(answer.body), vanished: None, warnings })
    }

    /// Deletes a Job and waits until it is gone.
    async fn remove_job(&self, one: &Desired, uid: &str) -> Result<(), Stop> {
        let stop = |e| one_stop(one, e);
        match self.api.send(&Call::delete(&one.path(), uid, "Background")).await {
            Err(e) if !e.is_not_found() => return Err(stop(e)),
            _ => {}
        }
        for attempt in 0.. {
            let live = self.get(&one.path(), Accept::Metadata).await.map_err(stop)?;
            if live.is_none_or(|l| view::text(&l, "/metadata/uid") != uid) {
                break;
            }
            self.api.wait_for(attempt, "the finished Job is still being deleted").await.map_err(stop)?;
        }
        Ok(())
    }
}

/// What became of one try.
enum Step {
    /// Nothing was to be written.
    Left(Option<Value>),
    Sent {
        answer: Result<Answer, Error>,
        uid: Option<String>,
        warnings: Vec<Problem>,
    },
}

/// Whether reading again may help: a race, or an autoscaler that took `replicas` between read and write.
fn may_pass(one: &Desired, refusal: &crate::Refusal) -> bool {
    let scaled = || refusal.is_conflict() && refusal.conflicts().all(|(_, field)| field == ".spec.replicas");
    refusal.is_race() || (one.needs_whole() && scaled())
}

fn left_to_others(one: &Desired, replicas: &Replicas) -> Option<Problem> {
    let Replicas::Omit(manager) = replicas else { return None };
    let sent = one.manifest.pointer("/spec/replicas").filter(|_| !one.autoscaled)?;
    let text = format!("`{manager}` sets the number of replicas; {sent} from the manifest is not applied");
    Some(one.problem(Problem::warning("replicas_left", text).at("spec.replicas")))
}
