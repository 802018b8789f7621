//! The controllers: a view of the store becomes calls, which go through `api` under the real managers' names.
//! No I/O, no clock: the time is given, and what falls due later is said.

mod autoscaler;
mod claims;
pub(crate) mod cron;
mod cron_job;
mod deployment;
mod garbage;
mod job;
mod kubelet;
mod namespace;
mod pods;
mod replica_set;
mod service;
pub(crate) mod stages;
mod stateful_set;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    api::{Call, Deletion, Moment, Propagation, Verb, seconds},
    json::{at, flag, items, put, remove, text},
    resource::{RESOURCES, of_kind},
    store::{Key, Logged, Store},
};

/// The manager of everything but pods.
const MANAGER: &str = "kube-controller-manager";
/// The manager of pods' status.
const KUBELET: &str = "kubelet";
/// What every message ends with.
const SIMULATED: &str = "(simulated)";
/// When a refused call is tried again.
const RETRY: SignedDuration = SignedDuration::from_secs(1);

/// What a controller wants: calls now, and another look later.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) calls: Vec<Call>,
    pub(crate) again: Option<Timestamp>,
}

/// What a controller sees.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) store: &'a Store,
    pub(crate) moment: Moment,
}

/// What controllers remember of an object, by uid; lost at a restart, as the real ones lose it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// When something about it was first seen.
    since: HashMap<String, HashMap<&'static str, Timestamp>>,
    /// What an autoscaler recommended, and when.
    recommended: HashMap<String, Vec<(Timestamp, i64)>>,
}

/// What there is to look at, now and later.
#[derive(Debug, Default)]
pub(crate) struct Controllers {
    queue: VecDeque<Key>,
    queued: HashSet<Key>,
    timers: BTreeSet<(Timestamp, Key)>,
    memory: Memory,
}

/// What every cluster begins with.
pub(crate) fn first_objects() -> Vec<Call> {
    let names = ["default", "kube-system", "kube-public", "kube-node-lease"];
    let create = |name: &str| {
        let key = Key::new(of_kind("Namespace"), "", name);
        Call::new(Verb::Create, &key, "kube-apiserver").body(json!({"metadata": {"name": name}}))
    };
    names.into_iter().map(create).collect()
}

impl Controllers {
    /// Has an object looked at.
    pub(crate) fn mark(&mut self, key: &Key) {
        if self.queued.insert(key.clone()) {
            self.queue.push_back(key.clone());
        }
    }

    /// Has everything looked at that a change concerns.
    pub(crate) fn observe(&mut self, store: &Store, line: &Logged) {
        self.mark(&line.key);
        let namespace = &line.key.namespace;
        for object in line.before.iter().chain([&line.after]) {
            items(object, "metadata.ownerReferences")
                .iter()
                .filter_map(|o| owner(o, namespace))
                .for_each(|k| self.mark(&k));
            items(object, "spec.volumes")
                .iter()
                .filter_map(|v| claims::named(v, namespace))
                .for_each(|k| self.mark(&k));
        }
        if line.removed {
            let uid = text(&line.after, "metadata.uid");
            store.dependents(uid).for_each(|(key, _)| self.mark(key));
            self.mark(&Key::new(of_kind("Namespace"), "", namespace));
            self.memory.since.remove(uid);
            self.memory.recommended.remove(uid);
        }
    }

    /// The next object to look at now.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Key> {
        while self.timers.first().is_some_and(|(due, _)| *due <= now) {
            let (_, key) = self.timers.pop_first().expect("there is a first");
            self.mark(&key);
        }
        let key = self.queue.pop_front()?;
        self.queued.remove(&key);
        Some(key)
    }

    /// When the next look falls due.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Has an object looked at again.
    pub(crate) fn later(&mut self, key: &Key, again: Option<Timestamp>, failed: bool, now: Timestamp) {
        let retry = failed.then_some(now + RETRY);
        if let Some(due) = again.into_iter().chain(retry).min() {
            self.timers.insert((due, key.clone()));
        }
    }

    /// Looks at an object.
    pub(crate) fn reconcile(&mut self, store: &Store, key: &Key, moment: Moment) -> Plan {
        let view = View { store, moment };
        let Some(object) = store.get(key) else { return Plan::default() };
        if let Some(plan) = garbage::collect(view, key, object) {
            return plan;
        }
        match key.resource().kind {
            "Namespace" => namespace::reconcile(view, key, object),
            "Pod" => kubelet::reconcile(view, key, object, &mut self.memory),
            "PersistentVolumeClaim" => claims::reconcile(view, key, object),
            "Service" => service::reconcile(key, object),
            "Deployment" => deployment::reconcile(view, key, object),
            "ReplicaSet" => replica_set::reconcile(view, key, object),
            "StatefulSet" => stateful_set::reconcile(view, key, object),
            "Job" => job::reconcile(view, key, object),
            "CronJob" => cron_job::reconcile(view, key, object),
            "HorizontalPodAutoscaler" => autoscaler::reconcile(view, key, object, &mut self.memory),
            "PodDisruptionBudget" => namespace::budget(view, key, object),
            "Event" => garbage::event(view, key, object),
            _ => Plan::default(),
        }
    }
}

/// Where an owner is, if it is of a kind that is served.
fn owner(reference: &Value, namespace: &str) -> Option<Key> {
    let resource = RESOURCES.iter().find(|r| r.kind == reference["kind"])?;
    let namespace = if resource.namespaced { namespace } else { "" };
    Some(Key::new(resource, namespace, text(reference, "name")))
}

impl Memory {
    /// Since when something holds: from the first time that it is asked on.
    fn since(&mut self, uid: &str, what: &'static str, now: Timestamp) -> Timestamp {
        *self.since.entry(uid.to_owned()).or_default().entry(what).or_insert(now)
    }
}

impl Plan {
    fn call(&mut self, call: Call) {
        self.calls.push(call);
    }

    /// A status update, unless the status is that one already.
    fn status(&mut self, key: &Key, object: &Value, status: Value) {
        if at(object, "status") != &status {
            let mut new = object.clone();
            put(&mut new, "status", status);
            self.call(Call::new(Verb::Update, key, MANAGER).body(new).subresource("status"));
        }
    }

    fn again(&mut self, at: Timestamp) {
        self.again = Some(self.again.map_or(at, |held| held.min(at)));
    }
}

impl<'a> View<'a> {
    fn now(&self) -> Timestamp {
        self.moment.now
    }

    /// The objects of a kind that this one controls, in the order of their names.
    fn controlled(&self, kind: &str, uid: &str) -> Vec<(&'a Key, &'a Arc<Value>)> {
        let mine = |object: &Value| {
            let mut owners = items(object, "metadata.ownerReferences").iter();
            owners.any(|o| text(o, "uid") == uid && flag(o, "controller"))
        };
        let of = self.store.dependents(uid);
        of.filter(|(key, object)| key.resource().kind == kind && mine(object)).collect()
    }
}

/// The reference by which a controller owns what it makes.
fn controller_reference(key: &Key, object: &Value) -> Value {
    json!([{
        "apiVersion": key.resource().api_version(), "kind": key.resource().kind, "name": text(object, "metadata.name"),
        "uid": text(object, "metadata.uid"), "controller": true, "blockOwnerDeletion": true,
    }])
}

/// A deletion of that very object.
fn deletion(key: &Key, object: &Value) -> Call {
    let deletion = Deletion::of(text(object, "metadata.uid"), Propagation::Background);
    Call::new(Verb::Delete(deletion), key, MANAGER)
}

/// An update of the object without a finalizer, if it has it.
fn without_finalizer(key: &Key, object: &Value, finalizer: &str) -> Option<Call> {
    let mut list = items(object, "metadata.finalizers").to_vec();
    let before = list.len();
    list.retain(|f| f != finalizer);
    if list.len() == before {
        return None;
    }
    let mut new = object.clone();
    put(&mut new, "metadata.finalizers", list);
    remove(&mut new, "metadata.managedFields");
    Some(Call::new(Verb::Update, key, MANAGER).body(new))
}

/// Whether an object is being deleted.
fn is_terminating(object: &Value) -> bool {
    !text(object, "metadata.deletionTimestamp").is_empty()
}

/// A condition of an object's status.
fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "status.conditions").iter().find(|c| text(c, "type") == kind)
}

/// Whether a condition holds.
fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|c| text(c, "status") == "True")
}

/// A condition as it is now; its transition is now unless the object has it with that status already.
fn new_condition(object: &Value, kind: &str, status: &str, (reason, message): (&str, &str), now: Timestamp) -> Value {
    let held = condition(object, kind).filter(|c| text(c, "status") == status);
    let since = held.map_or_else(|| seconds(now), |c| text(c, "lastTransitionTime").to_owned());
    let mut condition = json!({"type": kind, "status": status, "lastTransitionTime": since});
    if !reason.is_empty() {
        condition["reason"] = reason.into();
    }
    condition["message"] = format!("{message} {SIMULATED}").trim().into();
    condition
}

/// A time that Kubernetes wrote.
fn time(object: &Value, path: &str) -> Option<Timestamp> {
    text(object, path).parse().ok()
}

/// An event about an object.
fn event(view: View, about: (&Key, &Value), kind: &str, (reason, message): (&str, &str), source: &str) -> Call {
    let (key, object) = about;
    let name = format!("{}.{}", key.name, crate::api::suffix(&format!("{reason}{message}")));
    let now = seconds(view.now());
    let involved = json!({
        "kind": key.resource().kind, "apiVersion": key.resource().api_version(), "namespace": &*key.namespace,
        "name": &*key.name, "uid": text(object, "metadata.uid"),
    });
    let body = json!({
        "metadata": {"name": name, "namespace": &*key.namespace}, "involvedObject": involved, "type": kind,
        "reason": reason, "message": format!("{message} {SIMULATED}"), "count": 1, "firstTimestamp": now,
        "lastTimestamp": now, "source": {"component": source}, "reportingComponent": source, "reportingInstance": "",
    });
    let key = Key::new(of_kind("Event"), &key.namespace, &name);
    Call::new(Verb::Create, &key, source).body(body)
}
