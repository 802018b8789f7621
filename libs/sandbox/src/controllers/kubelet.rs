//! The scheduler and the kubelet: pods through their [`stages`](super::stages).

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    KUBELET, Memory, Plan, SIMULATED, View, claims, event, is_terminating, new_condition, pods,
    stages::{self, At, Outcome, Stage, To},
};
use crate::{
    api::{Call, Deletion, Propagation, Verb, seconds},
    json::{at, flag, int, items, put, text},
    resource::of_kind,
    store::Key,
};

const NODE: &str = "sandbox-node-0";
/// When something that a pod refers to and that is missing is looked for again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(1);

fn place(pod: &Value) -> At {
    let waits = |s: &Value| at(s, "state.waiting.reason") == "CrashLoopBackOff";
    match text(pod, "status.phase") {
        _ if is_terminating(pod) => At::Deleted,
        "Succeeded" | "Failed" => At::Over,
        _ if text(pod, "spec.nodeName").is_empty() => At::Unscheduled,
        "Running" if items(pod, "status.containerStatuses").iter().any(waits) => At::BackOff,
        "Running" => At::Running,
        _ => At::Scheduled,
    }
}

pub(super) fn reconcile(view: View, key: &Key, pod: &Value, memory: &mut Memory) -> Plan {
    let mut plan = Plan::default();
    let (place, outcome) = (place(pod), stages::outcome(pod));
    let Some(stage) = stages::next(place, outcome, stages::ends(pod)) else { return plan };
    let uid = text(pod, "metadata.uid");
    let since = memory.since(uid, stage.name, view.now());
    let due = since + stages::delay(stage, pod, restarts(pod), view.moment.seed);
    if due > view.now() {
        plan.again(due);
        return plan;
    }
    if matches!(stage.to, To::Running)
        && let Some((reason, message)) = missing(view, key, pod)
    {
        plan.again(view.now() + LOOK_AGAIN);
        wait(view, &mut plan, (key, pod), (reason, &message));
        return plan;
    }
    // A pod that crashes again goes through the same stages again.
    if matches!(place, At::BackOff | At::Running)
        && let Some(stages) = memory.since.get_mut(uid)
    {
        stages.retain(|name, _| !matches!(*name, "pod-crash" | "pod-restart"));
    }
    step(view, &mut plan, (key, pod), stage, outcome);
    plan
}

fn step(view: View, plan: &mut Plan, (key, pod): (&Key, &Value), stage: &Stage, outcome: Outcome) {
    match stage.to {
        To::Gone => {
            let deletion =
                Deletion { grace: Some(0), ..Deletion::of(text(pod, "metadata.uid"), Propagation::Background) };
            plan.call(Call::new(Verb::Delete(deletion), key, KUBELET));
        }
        To::Bound => bind(view, plan, key, pod),
        To::Unschedulable => unschedulable(view, plan, key, pod),
        To::PullFailed => {
            let image = items(pod, "spec.containers").first().map(|c| text(c, "image").to_owned()).unwrap_or_default();
            wait(view, plan, (key, pod), ("ImagePullBackOff", &format!("Back-off pulling image {image:?}")));
        }
        To::Running => running(view, plan, key, pod),
        To::Complete => ended(view, plan, (key, pod), (0, "Completed")),
        To::Crashed if outcome == Outcome::OutOfMemory => ended(view, plan, (key, pod), (137, "OOMKilled")),
        To::Crashed => ended(view, plan, (key, pod), (1, "Error")),
    }
}

fn restarts(pod: &Value) -> i64 {
    items(pod, "status.containerStatuses").iter().map(|s| int(s, "restartCount", 0)).max().unwrap_or(0)
}

/// A status update of the pod, unless nothing changes.
fn set(plan: &mut Plan, key: &Key, pod: &Value, fields: &[(&str, Value)], conditions: Vec<Value>) {
    let mut new = pod.clone();
    let mut kept: Vec<Value> = items(pod, "status.conditions").to_vec();
    kept.retain(|c| conditions.iter().all(|n| text(n, "type") != text(c, "type")));
    kept.extend(conditions);
    kept.sort_by(|a, b| text(a, "type").cmp(text(b, "type")));
    put(&mut new, "status.conditions", kept);
    fields.iter().for_each(|(field, value)| put(&mut new, &format!("status.{field}"), value.clone()));
    if &new != pod {
        plan.call(Call::new(Verb::Update, key, KUBELET).body(new).subresource("status"));
    }
}

fn bind(view: View, plan: &mut Plan, key: &Key, pod: &Value) {
    if !items(pod, "spec.schedulingGates").is_empty() {
        return;
    }
    if let Some(name) = claims::of_pod(pod).find(|name| view.store.get(&claims::key(&key.namespace, name)).is_none()) {
        let message = format!("persistentvolumeclaim {name:?} not found");
        plan.again(view.now() + LOOK_AGAIN);
        return waits_for_node(view, plan, key, pod, &message);
    }
    let mut new = pod.clone();
    put(&mut new, "spec.nodeName", NODE);
    let scheduled = new_condition(pod, "PodScheduled", "True", ("", ""), view.now());
    let mut conditions: Vec<Value> = items(pod, "status.conditions").to_vec();
    conditions.retain(|c| text(c, "type") != "PodScheduled");
    conditions.push(scheduled);
    put(&mut new, "status.conditions", conditions);
    super::remove(&mut new, "metadata.managedFields");
    let bind = Call::new(Verb::Update, key, "kube-scheduler").body(new).subresource("binding");
    plan.call(bind);
}

fn unschedulable(view: View, plan: &mut Plan, key: &Key, pod: &Value) {
    waits_for_node(view, plan, key, pod, "0/1 nodes are available: told so by annotation");
}

fn waits_for_node(view: View, plan: &mut Plan, key: &Key, pod: &Value, message: &str) {
    if super::condition(pod, "PodScheduled").is_none() {
        plan.call(event(view, (key, pod), "Warning", ("FailedScheduling", message), "default-scheduler"));
    }
    let condition = new_condition(pod, "PodScheduled", "False", ("Unschedulable", message), view.now());
    set(plan, key, pod, &[], vec![condition]);
}

/// What a pod refers to and is not there, with the container's reason to wait.
fn missing(view: View, key: &Key, pod: &Value) -> Option<(&'static str, String)> {
    let absent = |kind: &str, source: &Value| -> Option<String> {
        let name = ["name", "secretName"].iter().map(|f| text(source, f)).find(|n| !n.is_empty())?;
        let gone = view.store.get(&Key::new(of_kind(kind), &key.namespace, name)).is_none();
        (gone && !flag(source, "optional")).then(|| format!("{} {name:?} not found", kind.to_lowercase()))
    };
    let volumes = items(pod, "spec.volumes")
        .iter()
        .find_map(|v| absent("ConfigMap", at(v, "configMap")).or_else(|| absent("Secret", at(v, "secret"))));
    if let Some(message) = volumes {
        return Some(("ContainerCreating", message));
    }
    let containers = || items(pod, "spec.initContainers").iter().chain(items(pod, "spec.containers"));
    let from = containers()
        .flat_map(|c| items(c, "envFrom"))
        .find_map(|e| absent("ConfigMap", at(e, "configMapRef")).or_else(|| absent("Secret", at(e, "secretRef"))));
    let env = || {
        containers().flat_map(|c| items(c, "env")).find_map(|e| {
            let (map, secret) = (at(e, "valueFrom.configMapKeyRef"), at(e, "valueFrom.secretKeyRef"));
            absent("ConfigMap", map).or_else(|| absent("Secret", secret))
        })
    };
    from.or_else(env).map(|message| ("CreateContainerConfigError", message))
}

/// The containers' statuses, each in that state.
fn containers(pod: &Value, state: &Value, ready: bool, restarts: i64, last: &Value) -> Value {
    let of = |c: &Value| {
        json!({
            "name": text(c, "name"), "image": text(c, "image"), "imageID": "", "ready": ready, "started": ready,
            "restartCount": restarts, "state": state, "lastState": last,
        })
    };
    items(pod, "spec.containers").iter().map(of).collect()
}

fn readiness(view: View, pod: &Value, ready: bool, reason: &str) -> Vec<Value> {
    let status = if ready { "True" } else { "False" };
    let of = |kind: &str, status: &str, reason: &str| new_condition(pod, kind, status, (reason, ""), view.now());
    let mut conditions =
        vec![of("Initialized", "True", ""), of("Ready", status, reason), of("ContainersReady", status, reason)];
    if !reason.is_empty() && !matches!(reason, "PodCompleted" | "PodFailed") {
        let names: Vec<&str> = items(pod, "spec.containers").iter().map(|c| text(c, "name")).collect();
        let message = format!("containers with unready status: [{}] {SIMULATED}", names.join(" "));
        conditions[1..].iter_mut().for_each(|c| c["message"] = message.clone().into());
    }
    conditions
}

fn wait(view: View, plan: &mut Plan, (key, pod): (&Key, &Value), (reason, message): (&str, &str)) {
    let state = json!({"waiting": {"reason": reason, "message": format!("{message} {SIMULATED}")}});
    if items(pod, "status.containerStatuses").iter().all(|s| at(s, "state") != &state) {
        let kind = match reason {
            "ImagePullBackOff" | "CreateContainerConfigError" => "Failed",
            _ => "FailedMount",
        };
        plan.call(event(view, (key, pod), "Warning", (kind, message), KUBELET));
    }
    let statuses = containers(pod, &state, false, 0, &json!({}));
    set(plan, key, pod, &[("containerStatuses", statuses)], readiness(view, pod, false, "ContainersNotReady"));
}

fn running(view: View, plan: &mut Plan, key: &Key, pod: &Value) {
    let now = seconds(view.now());
    let again = place(pod) == At::BackOff;
    let restarts = restarts(pod) + i64::from(again);
    let last = items(pod, "status.containerStatuses").first().map(|s| at(s, "lastState").clone());
    let last = last.filter(|_| again).unwrap_or_else(|| json!({}));
    let statuses = containers(pod, &json!({"running": {"startedAt": now}}), true, restarts, &last);
    let mut fields = vec![("phase", "Running".into()), ("containerStatuses", statuses), ("hostIP", "192.0.2.1".into())];
    if text(pod, "status.startTime").is_empty() {
        let number = crate::api::hash(text(pod, "metadata.uid")) % 62_000;
        let ip = format!("10.244.{}.{}", number / 250, number % 250 + 2);
        fields.extend([("startTime", now.clone().into()), ("podIPs", json!([{"ip": ip}])), ("podIP", ip.into())]);
    }
    let initial = items(pod, "spec.initContainers");
    if !initial.is_empty() {
        let ended = json!({"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now});
        let of = |c: &Value| {
            json!({
                "name": text(c, "name"), "image": text(c, "image"), "imageID": "", "ready": true,
                "restartCount": 0, "state": {"terminated": ended}, "lastState": {},
            })
        };
        fields.push(("initContainerStatuses", initial.iter().map(of).collect()));
    }
    set(plan, key, pod, &fields, readiness(view, pod, true, ""));
}

/// A container ended: the pod is over, or starts it again after a while.
fn ended(view: View, plan: &mut Plan, (key, pod): (&Key, &Value), (code, reason): (i64, &str)) {
    let now = seconds(view.now());
    let started = items(pod, "status.containerStatuses").first().map(|s| text(s, "state.running.startedAt").to_owned());
    let terminated = json!({"terminated": {
        "exitCode": code, "reason": reason, "startedAt": started.unwrap_or_else(|| now.clone()), "finishedAt": now,
        "message": "simulated",
    }});
    let restarts = restarts(pod);
    if code != 0 && text(pod, "spec.restartPolicy") != "Never" {
        let message = format!("back-off restarting failed container {SIMULATED}");
        let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
        let statuses = containers(pod, &state, false, restarts, &terminated);
        let what = ("BackOff", "Back-off restarting failed container");
        plan.call(event(view, (key, pod), "Warning", what, KUBELET));
        return set(
            plan,
            key,
            pod,
            &[("containerStatuses", statuses)],
            readiness(view, pod, false, "ContainersNotReady"),
        );
    }
    let (phase, why) = if code == 0 { ("Succeeded", "PodCompleted") } else { ("Failed", "PodFailed") };
    let statuses = containers(pod, &terminated, false, restarts, &json!({}));
    let fields = [("phase", phase.into()), ("containerStatuses", statuses)];
    set(plan, key, pod, &fields, readiness(view, pod, false, why));
    debug_assert!(!pods::is_over(pod), "a pod ends once");
}
