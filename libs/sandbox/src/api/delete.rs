//! Deletion: preconditions, grace, finalizers, propagation.

use serde_json::{Value, json};

use super::{Call, Moment, Reply, seconds, written};
use crate::{
    failure::Failure,
    json::{at, int, items, place, put, text},
    store::{Store, Write},
};

/// The options of a deletion.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deletion {
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) grace: Option<i64>,
    pub(crate) propagation: Option<Propagation>,
}

/// What becomes of dependents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

pub(crate) const FOREGROUND: &str = "foregroundDeletion";
pub(crate) const ORPHAN: &str = "orphan";

impl Propagation {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "Background" => Some(Self::Background),
            "Foreground" => Some(Self::Foreground),
            "Orphan" => Some(Self::Orphan),
            _ => None,
        }
    }
}

impl Deletion {
    /// A deletion of one very object.
    pub(crate) fn of(uid: &str, propagation: Propagation) -> Self {
        Self { uid: Some(uid.to_owned()), propagation: Some(propagation), ..Self::default() }
    }

    /// Reads the body of a DELETE.
    pub(crate) fn parse(body: &Value) -> Result<Self, Failure> {
        let given = |field: &str| at(body, field).as_str().map(str::to_owned);
        let propagation = match (given("propagationPolicy"), at(body, "orphanDependents").as_bool()) {
            (Some(policy), _) => Some(Propagation::parse(&policy).ok_or_else(|| {
                Failure::bad_request(format!("invalid propagationPolicy {policy:?}: Background, Foreground or Orphan"))
            })?),
            (None, Some(true)) => Some(Propagation::Orphan),
            (None, Some(false)) => Some(Propagation::Background),
            (None, None) => None,
        };
        let grace = at(body, "gracePeriodSeconds").as_i64();
        Ok(Self {
            uid: given("preconditions.uid"),
            version: given("preconditions.resourceVersion"),
            grace,
            propagation,
        })
    }
}

pub(super) fn delete(store: &Store, call: &Call, deletion: &Deletion, moment: Moment) -> Result<Reply, Failure> {
    let live = call.live(store)?;
    check(call, live, deletion)?;
    let propagation = deletion.propagation.unwrap_or(default_propagation(call.resource.kind, live));
    let mut object = Value::clone(live);
    finalizers(&mut object, propagation);
    let grace = grace(call.resource.kind, live, deletion);
    let namespace = call.resource.kind == "Namespace" && !items(live, "spec.finalizers").is_empty();
    if grace == 0 && items(&object, "metadata.finalizers").is_empty() && !namespace {
        return Ok(removed(call, live));
    }
    mark(&mut object, grace, moment);
    if namespace {
        put(&mut object, "status.phase", "Terminating");
    }
    if object == **live {
        return Ok(Reply { code: 200, body: live.clone(), write: None });
    }
    Ok(written(store, call.resource, 200, object))
}

fn check(call: &Call, live: &Value, deletion: &Deletion) -> Result<(), Failure> {
    let held = text(live, "metadata.uid");
    if let Some(uid) = deletion.uid.as_deref().filter(|uid| *uid != held) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({held}). \
             The object might have been deleted and then recreated"
        );
        return Err(Failure::conflict(call.resource, &call.name, &why));
    }
    let held = text(live, "metadata.resourceVersion");
    if let Some(version) = deletion.version.as_deref().filter(|version| *version != held) {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({held}). \
             The object might have been modified"
        );
        return Err(Failure::conflict(call.resource, &call.name, &why));
    }
    Ok(())
}

/// Jobs orphan their pods unless told otherwise; a deletion under way keeps the way that it was asked for.
fn default_propagation(kind: &str, live: &Value) -> Propagation {
    let has = |finalizer: &str| items(live, "metadata.finalizers").iter().any(|f| f == finalizer);
    match () {
        () if has(FOREGROUND) => Propagation::Foreground,
        () if has(ORPHAN) || kind == "Job" => Propagation::Orphan,
        () => Propagation::Background,
    }
}

fn finalizers(object: &mut Value, propagation: Propagation) {
    let wanted = match propagation {
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
        Propagation::Background => None,
    };
    let mut list: Vec<Value> = items(object, "metadata.finalizers").to_vec();
    list.retain(|f| f != FOREGROUND && f != ORPHAN);
    list.extend(wanted.map(Value::from));
    if list.is_empty() {
        crate::json::remove(object, "metadata.finalizers");
    } else {
        *place(object, "metadata.finalizers") = list.into();
    }
}

/// Only pods end gracefully: those that run somewhere.
fn grace(kind: &str, live: &Value, deletion: &Deletion) -> i64 {
    let over = matches!(text(live, "status.phase"), "Succeeded" | "Failed");
    if kind != "Pod" || over || text(live, "spec.nodeName").is_empty() {
        return 0;
    }
    let asked = deletion.grace.unwrap_or_else(|| int(live, "spec.terminationGracePeriodSeconds", 30));
    let held = at(live, "metadata.deletionGracePeriodSeconds").as_i64();
    held.map_or(asked, |held| if deletion.grace.is_some() { asked.min(held) } else { held })
}

fn mark(object: &mut Value, grace: i64, moment: Moment) {
    let first = text(object, "metadata.deletionTimestamp").is_empty();
    let shorter = int(object, "metadata.deletionGracePeriodSeconds", i64::MAX) > grace;
    if first || shorter {
        let end = moment.now.checked_add(jiff::SignedDuration::from_secs(grace)).unwrap_or(moment.now);
        put(object, "metadata.deletionTimestamp", seconds(end));
        put(object, "metadata.deletionGracePeriodSeconds", grace);
    }
    let generation = int(object, "metadata.generation", 0);
    if first && generation > 0 {
        put(object, "metadata.generation", generation + 1);
    }
}

fn removed(call: &Call, live: &std::sync::Arc<Value>) -> Reply {
    let write = Some(Write { key: call.key(), object: None });
    // Pods, Services, PVCs and ServiceAccounts come back whole, the rest as a Status.
    if matches!(call.resource.kind, "Pod" | "Service" | "PersistentVolumeClaim" | "ServiceAccount") {
        return Reply { code: 200, body: live.clone(), write };
    }
    let mut details = json!({"name": call.name, "kind": call.resource.plural, "uid": at(live, "metadata.uid")});
    if !call.resource.group.is_empty() {
        details["group"] = call.resource.group.into();
    }
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Reply { code: 200, body: body.into(), write }
}
