//! A `kind: Job` with a TTL may be made, end and be gone before anybody noted that it was made. So that it never runs
//! twice, the parent says when it was about to be made, in the write that comes before every object's.

use std::collections::BTreeMap;

use domain::Problem;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Pair;
use crate::{
    Session, Stop,
    api::{Accept, Call, item},
    desired::Desired,
    jobs,
    memory::{Intents, Job, Memory, intents, job_key},
    parent,
    task::SPEC_HASH_ANNOTATION,
    view,
};

/// What one namespace is about to get.
#[derive(Debug, Clone, Default)]
pub(crate) struct Starting {
    pub intents: Intents,
    /// Jobs that ran and are gone, known by their events only.
    pub ran: Vec<(String, Job)>,
}

/// What a parent says.
#[derive(Default)]
struct Noted {
    memory: Memory,
    intents: Intents,
}

/// What became of a Job that is not remembered.
enum Fate {
    /// It is about to be made; or it is there, since then.
    Starts(Timestamp),
    Ran(Job),
    Unknown(Problem),
}

/// Events have seconds, and another clock.
const EVENT_CLOCK: SignedDuration = SignedDuration::from_secs(10);

impl Session {
    /// The Jobs with a TTL that this apply may make, by namespace. Costs a read of the parent where there are some.
    ///
    /// # Errors
    /// [`Stop::Failed`] where one may have run already.
    pub(super) async fn starting(&self, pairs: &[Pair]) -> Result<BTreeMap<String, Starting>, Stop> {
        let (mut noted, mut all, mut unknown) = (BTreeMap::new(), BTreeMap::<String, Starting>::new(), vec![]);
        for (one, live) in pairs {
            let Some(ttl) = one.ttl() else { continue };
            let namespace = &one.object.namespace;
            if !noted.contains_key(namespace) {
                noted.insert(namespace.clone(), self.noted(namespace).await?);
            }
            let known = &noted[namespace];
            if known.memory.job(&one.object.name, &one.spec_hash()).is_some() {
                continue;
            }
            let (key, starting) =
                (job_key(&one.object.name, &one.spec_hash()), all.entry(namespace.clone()).or_default());
            match self.fate(one, live.as_ref(), ttl, known).await? {
                Fate::Starts(at) => drop(starting.intents.insert(key, at)),
                Fate::Ran(job) => starting.ran.push((key, job)),
                Fate::Unknown(problem) => unknown.push(problem),
            }
        }
        if unknown.is_empty() { Ok(all) } else { Err(Stop::Failed(unknown)) }
    }

    async fn noted(&self, namespace: &str) -> Result<Noted, Stop> {
        let path = item(parent::kind(), namespace, &self.task.manager());
        let parent = self.get(&path, Accept::Object).await?;
        Ok(parent.map(|p| Noted { memory: Memory::read(&p), intents: intents(&p) }).unwrap_or_default())
    }

    async fn fate(&self, one: &Desired, live: Option<&Value>, ttl: u64, noted: &Noted) -> Result<Fate, Stop> {
        let (key, now) = (job_key(&one.object.name, &one.spec_hash()), Timestamp::now());
        let idle = noted.memory.idle.get(&key);
        let Some(begun) = noted.intents.get(&key).filter(|at| idle != Some(at)).copied() else {
            return Ok(Fate::Starts(now));
        };
        if live.is_some_and(|live| view::annotation(live, SPEC_HASH_ANNOTATION) == one.spec_hash()) {
            return Ok(Fate::Starts(begun));
        }
        if one.may_be_replaced() || !jobs::may_have_run(begun, ttl, now) {
            return Ok(Fate::Starts(now));
        }
        Ok(match self.traces(one, begun, &noted.memory).await? {
            Some(job) => Fate::Ran(job),
            None => Fate::Unknown(unknown(one, begun, ttl)),
        })
    }

    /// A Job that is gone, as its events tell: they stay for an hour.
    async fn traces(&self, one: &Desired, begun: Timestamp, memory: &Memory) -> Result<Option<Job>, Stop> {
        let path = format!("/api/v1/namespaces/{}/events", one.object.namespace);
        let listed = match self.api.send(&Call::get(&path, &[], Accept::Object)).await {
            Ok(answer) => answer.body,
            // Without the right to read them nothing can be told.
            Err(error) if error.refusal().is_some() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let about = |event: &&Value| {
            view::text(event, "/involvedObject/kind") == "Job"
                && view::text(event, "/involvedObject/name") == one.object.name
                && since(event).is_some_and(|at| at >= begun - EVENT_CLOCK)
                && !memory.knows(view::text(event, "/involvedObject/uid"))
        };
        let events: Vec<_> = view::list(&listed, "/items").iter().filter(about).collect();
        let complete = events.iter().find_map(|e| jobs::ending_told(view::text(e, "/reason")));
        let uid = events.first().map(|e| view::text(e, "/involvedObject/uid").to_owned());
        Ok(uid.map(|uid| Job { uid, complete }))
    }
}

/// When an event was first seen.
fn since(event: &Value) -> Option<Timestamp> {
    let texts = ["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"].map(|at| view::text(event, at));
    texts.into_iter().find_map(|text| text.parse().ok())
}

fn unknown(one: &Desired, begun: Timestamp, ttl: u64) -> Problem {
    let text = format!(
        "may have run already and is not run again: it was about to be made at {begun:.0}, is not there, and a Job that \
         ended is removed after {ttl} s. To run it anyway, annotate it with `marea.dev/replace: \"true\"` or change its \
         spec; a higher `ttlSecondsAfterFinished` leaves time to see its end"
    );
    one.problem(Problem::error("job_outcome_unknown", text))
}
