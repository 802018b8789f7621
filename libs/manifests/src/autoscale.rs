//! The worker's autoscaler: the one object that Marea adds.

use domain::{SourceFile, Tenant};
use serde_json::{Value, json};

use crate::{
    complete::{Added, Context},
    field::Field,
    files,
    object::Object,
    policy::annotations::{AUTOSCALE, CPU_PERCENT, MAX_REPLICAS, MIN_REPLICAS, ROLE},
    report::Report,
};

const COMPONENT: &str = "app.kubernetes.io/component";
/// Mean CPU use in per cent of the requests.
const PERCENT: u32 = 70;
/// The most replicas, in times of the least.
const FACTOR: u32 = 5;

/// The bounds of one autoscaler.
struct Bounds {
    least: u32,
    most: u32,
    percent: u32,
}

/// The autoscalers of a task's workers. `values` are the objects as they are applied.
pub fn autoscalers(
    files: &[SourceFile],
    objects: &[Object],
    values: &[Value],
    context: &Context<'_>,
    added: &mut Added,
    report: &mut Report,
) -> Vec<Value> {
    let mut made = Vec::new();
    for i in workers(objects) {
        let worker = &objects[i];
        report.enter_file(&files::shown(&files[worker.file].name));
        report.enter_object(worker.kind.kind, worker.name());
        if let Some(bounds) = wanted(worker, &values[i], objects, context.tenant, report) {
            let name = free_name(worker, objects, context.tenant);
            added.line(format!("HPA {name}: {} to {} pods, {} % CPU", bounds.least, bounds.most, bounds.percent));
            made.push(manifest(worker, &name, &bounds, context));
        }
    }
    report.leave_object();
    made
}

/// Which objects are workers: by label or annotation; else the only Deployment named so.
fn workers(objects: &[Object]) -> Vec<usize> {
    let scalable = |o: &Object| matches!(o.kind.kind, "Deployment" | "StatefulSet");
    let places = |is: &dyn Fn(&Object) -> bool| (0..objects.len()).filter(|i| is(&objects[*i])).collect::<Vec<_>>();
    let said = places(&|o| scalable(o) && says_worker(o));
    if !said.is_empty() {
        return said;
    }
    let named = |o: &Object| o.kind.kind == "Deployment" && (o.name() == "worker" || o.name().ends_with("-worker"));
    let named = places(&named);
    if named.len() == 1 { named } else { vec![] }
}

fn says_worker(object: &Object) -> bool {
    let text = |map: &str, key: &str| metadata(object, map, key).and_then(|f| f.text());
    text("labels", COMPONENT) == Some("worker")
        || text("labels", ROLE) == Some("worker")
        || text("annotations", ROLE) == Some("worker")
}

fn metadata<'o>(object: &'o Object, map: &str, key: &str) -> Option<Field<'o>> {
    object.root().walk(&["metadata", map, key])
}

/// A number that an annotation gives; its syntax is checked already.
fn number(object: &Object, key: &str) -> Option<u32> {
    metadata(object, "annotations", key)?.text()?.parse().ok()
}

fn wanted(worker: &Object, value: &Value, objects: &[Object], tenant: &Tenant, report: &mut Report) -> Option<Bounds> {
    let opted_out = metadata(worker, "annotations", AUTOSCALE).is_some_and(|f| f.text() == Some("false"));
    if opted_out || objects.iter().any(|o| scales(o, worker, tenant)) {
        return None;
    }
    let bounds = bounds(worker, tenant, report)?;
    if !has_cpu_requests(value) {
        let spec = worker.pod_spec()?;
        let message = "no autoscaler is added: not every container has a CPU request; add resources.requests.cpu";
        report.warn(&spec.get_or_absent("containers"), "no_autoscaler", message);
        return None;
    }
    Some(bounds)
}

fn bounds(worker: &Object, tenant: &Tenant, report: &mut Report) -> Option<Bounds> {
    let root = worker.root();
    let replicas = root.walk(&["spec", "replicas"]);
    let own = replicas.as_ref().and_then(|f| f.int()).map_or(1, |n| u32::try_from(n).unwrap_or(0));
    let least = number(worker, MIN_REPLICAS).unwrap_or(own);
    let most = number(worker, MAX_REPLICAS).unwrap_or_else(|| least.saturating_mul(FACTOR).min(tenant.max_replicas));
    let spec = root.get_or_absent("spec");
    let least_at = metadata(worker, "annotations", MIN_REPLICAS).or(replicas).unwrap_or_else(|| spec.clone());
    let most_at = metadata(worker, "annotations", MAX_REPLICAS);
    if least == 0 {
        let message = "no autoscaler is added: with replicas: 0 Kubernetes would not scale; set marea.dev/min-replicas";
        report.warn(&least_at, "no_autoscaler", message);
        return None;
    }
    if let Some(field) = most_at.as_ref().filter(|_| most > tenant.max_replicas) {
        let message = format!("the tenant's autoscalers have at most {} pods; lower it", tenant.max_replicas);
        report.error(field, "annotation_value", message);
        return None;
    }
    if most < least {
        match most_at {
            Some(field) => {
                report.error(&field, "annotation_value", format!("must be at least {least}, the least number of pods"));
            }
            None => report.warn(
                &least_at,
                "no_autoscaler",
                format!(
                    "no autoscaler is added: {least} pods are more than the tenant's autoscalers may ask for ({most})"
                ),
            ),
        }
        return None;
    }
    Some(Bounds { least, most, percent: number(worker, CPU_PERCENT).unwrap_or(PERCENT) })
}

/// Whether an object is an autoscaler of the worker's: the user's own wins.
fn scales(object: &Object, worker: &Object, tenant: &Tenant) -> bool {
    let target = object.root().walk(&["spec", "scaleTargetRef"]);
    object.kind.kind == "HorizontalPodAutoscaler"
        && object.namespace(tenant) == worker.namespace(tenant)
        && target
            .is_some_and(|t| t.text_of("kind") == Some(worker.kind.kind) && t.text_of("name") == Some(worker.name()))
}

/// The worker's name, unless an autoscaler of something else has it.
fn free_name(worker: &Object, objects: &[Object], tenant: &Tenant) -> String {
    let taken = |name: &str| {
        objects.iter().any(|o| {
            o.kind.kind == "HorizontalPodAutoscaler"
                && o.name() == name
                && o.namespace(tenant) == worker.namespace(tenant)
        })
    };
    let mut name = worker.name().to_owned();
    while taken(&name) {
        name.push_str("-auto");
    }
    name
}

/// Whether every container that keeps running has a CPU request; a limit stands for one.
fn has_cpu_requests(value: &Value) -> bool {
    let spec = &value["spec"]["template"]["spec"];
    let requests = |v: &Value| ["requests", "limits"].iter().any(|k| v["resources"][*k].get("cpu").is_some());
    let list = |key: &str| spec[key].as_array().cloned().unwrap_or_default();
    let sidecars = list("initContainers").into_iter().filter(|c| c["restartPolicy"] == "Always");
    requests(spec) || list("containers").into_iter().chain(sidecars).all(|c| requests(&c))
}

fn manifest(worker: &Object, name: &str, bounds: &Bounds, context: &Context<'_>) -> Value {
    let labels = context.labels().into_iter().map(|(k, v)| (k.to_owned(), Value::from(v)));
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": name,
            "namespace": worker.namespace(context.tenant),
            "labels": Value::Object(labels.collect()),
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": worker.kind.api_version(), "kind": worker.kind.kind, "name": worker.name()},
            "minReplicas": bounds.least,
            "maxReplicas": bounds.most,
            "metrics": [{
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": bounds.percent}},
            }],
        },
    })
}
