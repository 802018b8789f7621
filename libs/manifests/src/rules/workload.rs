//! Pod, Deployment, StatefulSet, `kind: Job`, CronJob.

use super::{cron, data, names, pod as pods, selector, syntax_of};
use crate::{field::Field, object::Object, report::Report};

pub fn pod(root: &Field<'_>, report: &mut Report) {
    match root.get("spec") {
        Some(spec) => pods::check(&spec, &[], report),
        None => report.error(&root.absent("spec"), "missing_field", "a Pod needs `spec`"),
    }
}

pub fn deployment(root: &Field<'_>, report: &mut Report) {
    let Some(spec) = spec(root, "Deployment", report) else { return };
    template(&spec, &["Always"], &[], report);
    selector::of_template(&spec, report);
    let ready = spec.get("minReadySeconds").and_then(|f| f.int()).unwrap_or(0);
    let deadline = spec.get("progressDeadlineSeconds");
    if let Some(field) = deadline.filter(|f| f.int().is_some_and(|d| d <= ready)) {
        report.error(&field, "out_of_range", "must be more than minReadySeconds");
    }
    let Some(strategy) = spec.get("strategy") else { return };
    let Some(rolling) = strategy.get("rollingUpdate") else { return };
    if strategy.text_of("type") == Some("Recreate") {
        report.error(&rolling, "one_only", "the strategy Recreate takes no rollingUpdate; remove it");
    }
    let zero = |key: &str| rolling.get(key).is_some_and(|f| f.int() == Some(0) || f.text() == Some("0%"));
    if zero("maxSurge") && zero("maxUnavailable") {
        report.error(&rolling, "out_of_range", "maxSurge and maxUnavailable cannot both be 0");
    }
    for key in ["maxSurge", "maxUnavailable"] {
        share(&rolling, key, report);
    }
}

/// A number from 0, or a percentage.
pub fn share(parent: &Field<'_>, key: &'static str, report: &mut Report) {
    let Some(field) = parent.get(key) else { return };
    let percent = |t: &str| t.strip_suffix('%').is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    if field.int().is_some_and(|n| n < 0) || field.text().is_some_and(|t| !percent(t)) {
        report.error(&field, "out_of_range", "expected a number from 0, or a percentage such as 25%");
    }
}

pub fn stateful_set(root: &Field<'_>, report: &mut Report) {
    let Some(spec) = spec(root, "StatefulSet", report) else { return };
    let claims = spec.list("volumeClaimTemplates");
    let names = claims.iter().filter_map(|c| c.walk(&["metadata", "name"])?.text()).collect::<Vec<_>>();
    template(&spec, &["Always"], &names, report);
    selector::of_template(&spec, report);
    for claim in &claims {
        if claim.walk(&["metadata", "name"]).is_none() {
            report.error(&claim.get_or_absent("metadata"), "missing_field", "a claim's template needs metadata.name");
        }
        data::claim(claim, report);
    }
    if spec.text_of("serviceName") != Some("") {
        syntax_of(&spec, "serviceName", names::label, report);
    }
}

pub fn job(object: &Object, report: &mut Report) {
    let root = object.root();
    if let Some(spec) = spec(&root, "Job", report) {
        job_spec(&spec, object.name(), report);
    }
}

pub fn cron_job(object: &Object, report: &mut Report) {
    let root = object.root();
    let Some(spec) = spec(&root, "CronJob", report) else { return };
    if let Some(schedule) = spec.get("schedule")
        && let Some(why) = cron::problem(schedule.text().unwrap_or_default())
    {
        report.error(&schedule, "schedule", why);
    }
    if let Some(zone) = spec.get("timeZone").filter(|z| matches!(z.text(), Some("" | "Local"))) {
        report.error(&zone, "time_zone", "expected the name of a time zone, for example Etc/UTC");
    }
    match spec.walk(&["jobTemplate", "spec"]) {
        Some(job) => job_spec(&job, "", report),
        None => report.error(&spec.get_or_absent("jobTemplate"), "missing_field", "a CronJob needs jobTemplate.spec"),
    }
}

fn job_spec(spec: &Field<'_>, name: &str, report: &mut Report) {
    template(spec, &["OnFailure", "Never"], &[], report);
    let manual = spec.bool_of("manualSelector") == Some(true);
    if let Some(selector) = spec.get("selector").filter(|_| !manual) {
        report.error(&selector, "selector", "Kubernetes makes a Job's selector itself; remove it");
    }
    let completions = spec.get("completions").and_then(|f| f.int());
    if spec.text_of("completionMode") == Some("Indexed") {
        if completions.is_none() {
            report.error(&spec.absent("completions"), "missing_field", "completionMode Indexed needs completions");
        }
        let host = format!("{name}-{}", completions.unwrap_or(1).max(1) - 1);
        if !name.is_empty() && names::label(&host).is_some() {
            let message = "the name with an index after it must be a DNS label (at most 63 characters, no dots)";
            report.error(spec, "invalid_name", message);
        }
    }
    if let Some(field) = spec.get("backoffLimitPerIndex").filter(|_| spec.text_of("completionMode") != Some("Indexed"))
    {
        report.error(&field, "one_only", "backoffLimitPerIndex needs completionMode: Indexed");
    }
    failure_policy(spec, report);
    if spec.get("backoffLimitPerIndex").is_none() && spec.get("maxFailedIndexes").is_some() {
        report.error(
            &spec.absent("backoffLimitPerIndex"),
            "missing_field",
            "maxFailedIndexes needs backoffLimitPerIndex",
        );
    }
}

fn failure_policy(spec: &Field<'_>, report: &mut Report) {
    let Some(policy) = spec.get("podFailurePolicy") else { return };
    let Some(pod) = spec.walk(&["template", "spec"]) else { return };
    if pod.text_of("restartPolicy") != Some("Never") {
        report.error(&policy, "one_only", "podFailurePolicy needs restartPolicy: Never");
    }
    let names = ["containers", "initContainers"].iter().flat_map(|l| pod.list(l)).filter_map(|c| c.text_of("name"));
    let names = names.collect::<Vec<_>>();
    for name in policy.list("rules").iter().filter_map(|r| r.walk(&["onExitCodes", "containerName"])) {
        if !name.text().is_some_and(|t| names.contains(&t)) {
            report.error(&name, "unknown_container", "the pod has no container of this name");
        }
    }
}

fn spec<'n>(root: &Field<'n>, kind: &str, report: &mut Report) -> Option<Field<'n>> {
    let found = root.get("spec");
    if found.is_none() {
        report.error(&root.absent("spec"), "missing_field", format!("a {kind} needs `spec`"));
    }
    found
}

fn template(spec: &Field<'_>, restart: &[&str], claims: &[&str], report: &mut Report) {
    let Some(template) = spec.get("template") else { return };
    let Some(pod) = template.get("spec") else {
        return report.error(
            &template.absent("spec"),
            "missing_field",
            "the template needs `spec` with its containers",
        );
    };
    pods::check(&pod, claims, report);
    let policy = pod.text_of("restartPolicy").filter(|p| !p.is_empty());
    if !restart.contains(&policy.unwrap_or("Always")) {
        let message = match restart {
            ["Always"] => "pods of this kind are always restarted; remove it, or use a Job".to_owned(),
            _ => format!("a Job's pods need restartPolicy: {}", restart.join(" or ")),
        };
        report.error(&pod.get_or_absent("restartPolicy"), "restart_policy", message);
    }
    let deadline = pod.get("activeDeadlineSeconds").filter(|_| restart == ["Always"]);
    if let Some(field) = deadline {
        report.error(&field, "restart_policy", "pods of this kind have no deadline; remove it, or use a Job");
    }
}
