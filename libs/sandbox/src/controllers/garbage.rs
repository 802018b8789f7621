//! The garbage collector: objects whose owners are gone, deletions in the foreground, orphans; and old events.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;

use super::{MANAGER, Plan, View, deletion, is_terminating, time, without_finalizer};
use crate::{
    api::{Call, Deletion, FOREGROUND, ORPHAN, Propagation, Verb},
    json::{flag, items, put, remove, text},
    store::Key,
};

/// What the garbage collector does with an object; nothing: the object's own controller may go on.
pub(super) fn collect(view: View, key: &Key, object: &Arc<Value>) -> Option<Plan> {
    let has = |finalizer: &str| items(object, "metadata.finalizers").iter().any(|f| f == finalizer);
    if is_terminating(object) && has(ORPHAN) {
        return Some(orphan(view, key, object));
    }
    if is_terminating(object) && has(FOREGROUND) {
        return foreground(view, key, object);
    }
    if is_terminating(object) {
        return None;
    }
    owners(view, key, object)
}

fn orphan(view: View, key: &Key, object: &Value) -> Plan {
    let uid = text(object, "metadata.uid");
    let freed = view.store.dependents(uid).map(|(key, object)| without_owners(key, object, &[uid]));
    let calls = freed.chain(without_finalizer(key, object, ORPHAN)).collect();
    Plan { calls, again: None }
}

fn without_owners(key: &Key, object: &Value, uids: &[&str]) -> Call {
    let mut new = object.clone();
    let mut owners = items(object, "metadata.ownerReferences").to_vec();
    owners.retain(|o| !uids.contains(&text(o, "uid")));
    put(&mut new, "metadata.ownerReferences", owners);
    Call::new(Verb::Update, key, MANAGER).body(new)
}

/// Waits for dependents that block, after it had all of them deleted.
fn foreground(view: View, key: &Key, object: &Value) -> Option<Plan> {
    let uid = text(object, "metadata.uid");
    let dependents: Vec<_> = view.store.dependents(uid).collect();
    let blocks = |o: &Value| {
        items(o, "metadata.ownerReferences").iter().any(|r| text(r, "uid") == uid && flag(r, "blockOwnerDeletion"))
    };
    if !dependents.iter().any(|(_, o)| blocks(o)) {
        return without_finalizer(key, object, FOREGROUND).map(|call| Plan { calls: vec![call], again: None });
    }
    let alive = dependents.iter().filter(|(_, o)| !is_terminating(o));
    let calls: Vec<_> = alive.map(|(key, o)| delete(key, o, Propagation::Foreground)).collect();
    // All are on their way: a Job's pods go only when the Job's controller lets them.
    (!calls.is_empty()).then_some(Plan { calls, again: None })
}

fn delete(key: &Key, object: &Value, propagation: Propagation) -> Call {
    Call::new(Verb::Delete(Deletion::of(text(object, "metadata.uid"), propagation)), key, MANAGER)
}

fn owners(view: View, key: &Key, object: &Value) -> Option<Plan> {
    let references = items(object, "metadata.ownerReferences");
    let gone: Vec<&str> =
        references.iter().map(|r| text(r, "uid")).filter(|uid| view.store.by_uid(uid).is_none()).collect();
    if references.is_empty() || gone.is_empty() {
        return None;
    }
    let call = if gone.len() == references.len() {
        delete(key, object, Propagation::Background)
    } else {
        without_owners(key, object, &gone)
    };
    Some(Plan { calls: vec![call], again: None })
}

/// Events are kept for an hour.
pub(super) fn event(view: View, key: &Key, object: &Value) -> Plan {
    let mut plan = Plan::default();
    let Some(end) = time(object, "metadata.creationTimestamp").map(|t| t + SignedDuration::from_hours(1)) else {
        return plan;
    };
    if end <= view.now() {
        plan.call(deletion(key, object))
    } else {
        plan.again(end)
    }
    plan
}

/// An object without its managers: an update by nobody changes no ownership.
pub(super) fn unmanaged(mut object: Value) -> Value {
    remove(&mut object, "metadata.managedFields");
    object
}
