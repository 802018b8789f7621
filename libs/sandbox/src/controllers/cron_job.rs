//! CronJobs.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{MANAGER, Plan, View, controller_reference, cron::Schedule, deletion, holds, is_terminating, time};
use crate::{
    api::{Call, Verb, seconds},
    json::{at, flag, int, put, text},
    resource::of_kind,
    store::Key,
};

type Jobs<'a> = Vec<(&'a Key, &'a Arc<Value>)>;

pub(super) fn reconcile(view: View, key: &Key, object: &Value) -> Plan {
    let mut plan = Plan::default();
    if is_terminating(object) {
        return plan;
    }
    let jobs = view.controlled("Job", text(object, "metadata.uid"));
    let over = |job: &Value| holds(job, "Complete") || holds(job, "Failed");
    let active: Jobs = jobs.iter().filter(|(_, job)| !over(job)).copied().collect();
    history(&mut plan, object, &jobs);
    let mut last = time(object, "status.lastScheduleTime");
    if let Some((due, next)) = schedule(view, object, last) {
        plan.again(next);
        if let Some(due) = due {
            last = start(&mut plan, (key, object), &active, due).or(last);
        }
    }
    let refer = |(key, job): &(&Key, &Arc<Value>)| {
        json!({
            "kind": "Job", "apiVersion": "batch/v1", "namespace": &*key.namespace, "name": &*key.name,
            "uid": text(job, "metadata.uid"), "resourceVersion": text(job, "metadata.resourceVersion"),
        })
    };
    let mut status = json!({});
    if !active.is_empty() {
        status["active"] = active.iter().map(refer).collect();
    }
    if let Some(last) = last {
        status["lastScheduleTime"] = seconds(last).into();
    }
    let succeeded = jobs.iter().filter_map(|(_, job)| time(job, "status.completionTime")).max();
    if let Some(succeeded) = succeeded.or_else(|| time(object, "status.lastSuccessfulTime")) {
        status["lastSuccessfulTime"] = seconds(succeeded).into();
    }
    plan.status(key, object, status);
    plan
}

/// The time that is due now, if one is, and the next one to come.
fn schedule(view: View, object: &Value, last: Option<Timestamp>) -> Option<(Option<Timestamp>, Timestamp)> {
    if flag(object, "spec.suspend") {
        return None;
    }
    let schedule = Schedule::parse(text(object, "spec.schedule")).ok()?;
    let zone = TimeZone::get(text(object, "spec.timeZone")).unwrap_or(TimeZone::UTC);
    let from = last.or_else(|| time(object, "metadata.creationTimestamp"))?;
    let next = schedule.next(view.now(), &zone)?;
    // Of several missed times only the newest is started.
    let mut due = schedule.next(from, &zone).filter(|t| *t <= view.now());
    while let Some(later) = due.and_then(|t| schedule.next(t, &zone)).filter(|t| *t <= view.now()) {
        due = Some(later);
    }
    let grace = at(object, "spec.startingDeadlineSeconds").as_i64().map(SignedDuration::from_secs);
    let due = due.filter(|t| grace.is_none_or(|grace| *t + grace >= view.now()));
    Some((due, next))
}

fn start(plan: &mut Plan, (key, object): (&Key, &Value), active: &Jobs, due: Timestamp) -> Option<Timestamp> {
    match text(object, "spec.concurrencyPolicy") {
        "Forbid" if !active.is_empty() => return None,
        "Replace" => active.iter().for_each(|(key, job)| plan.call(deletion(key, job))),
        _ => {}
    }
    let name = format!("{}-{}", key.name, due.as_second() / 60);
    let template = at(object, "spec.jobTemplate");
    let mut job = json!({"metadata": at(template, "metadata"), "spec": at(template, "spec")});
    put(&mut job, "metadata.name", name.clone());
    put(&mut job, "metadata.ownerReferences", controller_reference(key, object));
    let annotations = crate::json::map(crate::json::place(&mut job, "metadata.annotations"));
    annotations.insert("batch.kubernetes.io/cronjob-scheduled-timestamp".to_owned(), seconds(due).into());
    plan.call(Call::new(Verb::Create, &Key::new(of_kind("Job"), &key.namespace, &name), MANAGER).body(job));
    Some(due)
}

fn history(plan: &mut Plan, object: &Value, jobs: &Jobs) {
    for (kind, field) in [("Complete", "spec.successfulJobsHistoryLimit"), ("Failed", "spec.failedJobsHistoryLimit")] {
        let mut over: Jobs = jobs.iter().filter(|(_, job)| holds(job, kind) && !is_terminating(job)).copied().collect();
        over.sort_by_key(|(_, job)| text(job, "status.startTime").to_owned());
        let keep = usize::try_from(int(object, field, 1)).unwrap_or(0);
        let surplus = over.len().saturating_sub(keep);
        over.iter().take(surplus).for_each(|(key, job)| plan.call(deletion(key, job)));
    }
}
