//! Horizontal pod autoscalers, by CPU: pods use what their annotation says.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{MANAGER, Memory, Plan, View, new_condition, pods, time};
use crate::{
    api::{Call, Verb, seconds},
    json::{at, int, items, put, text},
    names,
    resource::RESOURCES,
    selector,
    store::Key,
};

/// How often the real one looks.
const SYNC: SignedDuration = SignedDuration::from_secs(15);
/// Within this of the target nothing is changed.
const TOLERANCE: f64 = 0.1;
/// A lower recommendation has to hold this long.
const DOWN_WINDOW: i64 = 300;

pub(super) fn reconcile(view: View, key: &Key, object: &Value, memory: &mut Memory) -> Plan {
    let mut plan = Plan::default();
    let uid = text(object, "metadata.uid");
    let last = memory.since(uid, "synced", Timestamp::UNIX_EPOCH);
    if last + SYNC > view.now() {
        plan.again(last + SYNC);
        return plan;
    }
    memory.since.entry(uid.to_owned()).or_default().insert("synced", view.now());
    plan.again(view.now() + SYNC);
    let (kind, name) = (text(object, "spec.scaleTargetRef.kind"), text(object, "spec.scaleTargetRef.name"));
    let resource = RESOURCES.iter().find(|r| r.kind == kind && r.scale);
    let found =
        resource.map(|r| Key::new(r, &key.namespace, name)).and_then(|k| Some((view.store.get(&k)?.clone(), k)));
    let Some((target, target_key)) = found else {
        let message =
            format!("the HPA controller was unable to get the target's current scale: {kind} {name:?} not found");
        let able = new_condition(object, "AbleToScale", "False", ("FailedGetScale", &message), view.now());
        let current = int(object, "status.currentReplicas", 0);
        plan.status(key, object, json!({"currentReplicas": current, "desiredReplicas": 0, "conditions": [able]}));
        return plan;
    };
    let current = int(&target, "spec.replicas", 1);
    let used = usage(view, &target, &key.namespace);
    let goal = goal(object);
    let wanted = used.zip(goal).map_or(current, |(used, goal)| recommend(current, used, goal));
    let desired = limit(object, current, stabilise(memory, uid, object, wanted, view.now()));
    if desired != current && current > 0 {
        let mut scale = crate::api::scale_of(&target);
        put(&mut scale, "spec.replicas", desired);
        plan.call(Call::new(Verb::Update, &target_key, MANAGER).body(scale).subresource("scale"));
    }
    let status = status(view, object, (current, desired), used);
    plan.status(key, object, status);
    plan
}

/// The mean share of their CPU request that the target's ready pods use, in percent; none where no pod says so.
fn usage(view: View, target: &Value, namespace: &str) -> Option<f64> {
    let pod = RESOURCES.iter().find(|r| r.kind == "Pod").expect("pods are served");
    let chosen = view.store.list(pod, namespace).map(|(_, pod)| pod);
    let ready = chosen.filter(|pod| selector::matches(at(target, "spec.selector"), pod) && pods::is_ready(pod));
    let said = |pod: &Value| -> Option<f64> {
        at(pod, "metadata.annotations").get(names::CPU)?.as_str()?.trim_end_matches('%').parse().ok()
    };
    let shares: Vec<f64> = ready.filter_map(|pod| said(pod)).collect();
    let count = u32::try_from(shares.len()).ok().filter(|n| *n > 0)?;
    Some(shares.iter().sum::<f64>() / f64::from(count))
}

fn goal(object: &Value) -> Option<f64> {
    let cpu = items(object, "spec.metrics").iter().find(|m| text(m, "resource.name") == "cpu")?;
    at(cpu, "resource.target.averageUtilization").as_f64()
}

fn recommend(current: i64, used: f64, goal: f64) -> i64 {
    let ratio = used / goal;
    if (ratio - 1.0).abs() <= TOLERANCE {
        return current;
    }
    let replicas = f64::from(u32::try_from(current).unwrap_or(0)) * ratio;
    // A float to an integer: by its text, so that nothing is cut silently.
    format!("{:.0}", replicas.ceil()).parse().unwrap_or(current)
}

/// Down only to the highest recommendation of the window.
fn stabilise(memory: &mut Memory, uid: &str, object: &Value, wanted: i64, now: Timestamp) -> i64 {
    let window = int(object, "spec.behavior.scaleDown.stabilizationWindowSeconds", DOWN_WINDOW);
    let from = now - SignedDuration::from_secs(window);
    let all = memory.recommended.entry(uid.to_owned()).or_default();
    all.retain(|(at, _)| *at >= from);
    all.push((now, wanted));
    let first = all.first().is_some_and(|(at, _)| *at <= from + SYNC);
    let highest = all.iter().map(|(_, n)| *n).max().unwrap_or(wanted);
    if first || window == 0 { highest } else { highest.max(wanted) }
}

/// Up at most by four pods or to the double, and within the bounds.
fn limit(object: &Value, current: i64, wanted: i64) -> i64 {
    let (least, most) = (int(object, "spec.minReplicas", 1), int(object, "spec.maxReplicas", 1));
    wanted.min((current * 2).max(current + 4)).clamp(least, most.max(least))
}

fn status(view: View, object: &Value, (current, desired): (i64, i64), used: Option<f64>) -> Value {
    let now = view.now();
    let of = |kind: &str, status: &str, reason: &str, message: &str| {
        new_condition(object, kind, status, (reason, message), now)
    };
    let active = match used {
        Some(_) => of(
            "ScalingActive",
            "True",
            "ValidMetricFound",
            "the HPA was able to successfully calculate a replica count",
        ),
        None => of("ScalingActive", "False", "FailedGetResourceMetric", "no pod says how much CPU it uses"),
    };
    let bounded = desired == int(object, "spec.maxReplicas", 1) || desired == int(object, "spec.minReplicas", 1);
    let limited = if bounded {
        of("ScalingLimited", "True", "TooManyReplicas", "the desired replica count is at a bound")
    } else {
        of("ScalingLimited", "False", "DesiredWithinRange", "the desired count is within the acceptable range")
    };
    let able = of("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size");
    let mut status = json!({
        "currentReplicas": current, "desiredReplicas": desired, "conditions": [able, active, limited],
    });
    if let Some(used) = used {
        let share: i64 = format!("{used:.0}").parse().unwrap_or(0);
        status["currentMetrics"] = json!([{
            "type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": share, "averageValue": "0"}},
        }]);
    }
    let held = time(object, "status.lastScaleTime").map(seconds);
    if let Some(scaled) = if desired == current { held } else { Some(seconds(now)) } {
        status["lastScaleTime"] = scaled.into();
    }
    status
}
