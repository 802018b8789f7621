//! StatefulSets: pods with numbers and claims of their own.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{MANAGER, Plan, View, deletion, is_terminating, pods};
use crate::{
    api::{Call, Verb},
    json::{at, int, items, map, place, put, text},
    resource::of_kind,
    store::Key,
};

const REVISION: &str = "controller-revision-hash";

struct Member<'a> {
    ordinal: i64,
    key: &'a Key,
    pod: &'a Arc<Value>,
}

pub(super) fn reconcile(view: View, key: &Key, object: &Value) -> Plan {
    let mut plan = Plan::default();
    let revision = format!("{}-{}", key.name, pods::hash(at(object, "spec.template")));
    let mut members: Vec<Member> = view
        .controlled("Pod", text(object, "metadata.uid"))
        .into_iter()
        .filter_map(|(k, pod)| Some(Member { ordinal: k.name.rsplit_once('-')?.1.parse().ok()?, key: k, pod }))
        .collect();
    members.sort_by_key(|m| m.ordinal);
    if !is_terminating(object) {
        change(view, &mut plan, (key, object), &members, &revision);
    }
    status(&mut plan, key, object, &members, &revision);
    plan
}

/// One step: in order, unless pods are managed in parallel.
fn change(view: View, plan: &mut Plan, owner: (&Key, &Value), members: &[Member], revision: &str) {
    let object = owner.1;
    let parallel = text(object, "spec.podManagementPolicy") == "Parallel";
    let start = int(object, "spec.ordinals.start", 0);
    let end = start + int(object, "spec.replicas", 1);
    for ordinal in start..end {
        match members.iter().find(|m| m.ordinal == ordinal) {
            None => make(view, plan, owner, ordinal, revision),
            Some(m) if pods::is_over(m.pod) && !is_terminating(m.pod) => plan.call(deletion(m.key, m.pod)),
            Some(m) if pods::is_ready(m.pod) => continue,
            Some(_) => {}
        }
        if !parallel {
            return outdated(plan, object, members, revision);
        }
    }
    let surplus = members.iter().rev().filter(|m| m.ordinal >= end || m.ordinal < start);
    for member in surplus {
        if !is_terminating(member.pod) {
            plan.call(deletion(member.key, member.pod));
        }
        if !parallel {
            return;
        }
    }
    outdated(plan, object, members, revision);
}

/// Of the pods of an older revision the one with the highest number goes, once all above it are ready.
fn outdated(plan: &mut Plan, object: &Value, members: &[Member], revision: &str) {
    if text(object, "spec.updateStrategy.type") == "OnDelete" {
        return;
    }
    let partition = int(object, "spec.updateStrategy.rollingUpdate.partition", 0);
    for member in members.iter().rev().filter(|m| m.ordinal >= partition) {
        if is_terminating(member.pod) {
            return;
        }
        if at(member.pod, "metadata.labels")[REVISION] != revision {
            return plan.call(deletion(member.key, member.pod));
        }
        if !pods::is_ready(member.pod) {
            return;
        }
    }
}

fn make(view: View, plan: &mut Plan, owner: (&Key, &Value), ordinal: i64, revision: &str) {
    let (key, object) = owner;
    let name = format!("{}-{ordinal}", key.name);
    let mut template = at(object, "spec.template").clone();
    let labels = map(place(&mut template, "metadata.labels"));
    labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), name.clone().into());
    labels.insert("apps.kubernetes.io/pod-index".to_owned(), ordinal.to_string().into());
    labels.insert(REVISION.to_owned(), revision.into());
    put(&mut template, "spec.hostname", name.clone());
    if !text(object, "spec.serviceName").is_empty() {
        put(&mut template, "spec.subdomain", text(object, "spec.serviceName"));
    }
    let mut volumes = items(&template, "spec.volumes").to_vec();
    for claim in items(object, "spec.volumeClaimTemplates") {
        let kind = text(claim, "metadata.name");
        let claim_name = format!("{kind}-{name}");
        volumes.retain(|v| text(v, "name") != kind);
        volumes.push(json!({"name": kind, "persistentVolumeClaim": {"claimName": claim_name}}));
        let claim_key = Key::new(of_kind("PersistentVolumeClaim"), &key.namespace, &claim_name);
        if view.store.get(&claim_key).is_none() {
            plan.call(self::claim(object, claim, &claim_key));
        }
    }
    put(&mut template, "spec.volumes", volumes);
    plan.call(pods::create(view, owner, &template, &name, 0));
}

fn claim(object: &Value, template: &Value, key: &Key) -> Call {
    let mut body = json!({"metadata": at(template, "metadata"), "spec": at(template, "spec")});
    put(&mut body, "metadata.name", &*key.name);
    let labels = map(place(&mut body, "metadata.labels"));
    let selected = at(object, "spec.selector.matchLabels").as_object().into_iter().flatten();
    labels.extend(selected.map(|(k, v)| (k.clone(), v.clone())));
    Call::new(Verb::Create, key, MANAGER).body(body)
}

fn status(plan: &mut Plan, key: &Key, object: &Value, members: &[Member], revision: &str) {
    let count = |fits: &dyn Fn(&Member) -> bool| members.iter().filter(|m| fits(m)).count();
    let current = |m: &Member| at(m.pod, "metadata.labels")[REVISION] == revision;
    let (ready, updated) = (count(&|m| pods::is_ready(m.pod)), count(&current));
    let wanted = int(object, "spec.replicas", 1);
    let done = i64::try_from(updated).is_ok_and(|u| u == wanted) && updated == members.len();
    let held = text(object, "status.currentRevision");
    let current_revision = if done || held.is_empty() { revision } else { held };
    let at_current = members.iter().filter(|m| at(m.pod, "metadata.labels")[REVISION] == current_revision).count();
    let mut status = json!({
        "observedGeneration": int(object, "metadata.generation", 1), "replicas": members.len(),
        "availableReplicas": ready, "collisionCount": 0, "currentRevision": current_revision,
        "updateRevision": revision,
    });
    for (field, number) in [("readyReplicas", ready), ("currentReplicas", at_current), ("updatedReplicas", updated)] {
        if number > 0 {
            status[field] = number.into();
        }
    }
    plan.status(key, object, status);
}
