//! HorizontalPodAutoscaler, PodDisruptionBudget.

use super::{filled, selector, workload};
use crate::{field::Field, report::Report};

pub fn autoscaler(root: &Field<'_>, report: &mut Report) {
    let Some(spec) = root.get("spec") else {
        return report.error(&root.absent("spec"), "missing_field", "a HorizontalPodAutoscaler needs `spec`");
    };
    let (least, most) = (spec.get("minReplicas"), spec.get("maxReplicas"));
    if let (Some(least), Some(most)) = (least.and_then(|f| f.int()), most)
        && most.int().is_some_and(|m| m < least)
    {
        report.error(&most, "out_of_range", "must be at least minReplicas");
    }
    if let Some(target) = spec.get("scaleTargetRef") {
        filled(&target, "kind", report);
        filled(&target, "name", report);
    }
    for metric in spec.list("metrics") {
        let source = match metric.text_of("type") {
            Some("Resource") => "resource",
            Some("ContainerResource") => "containerResource",
            Some("Pods") => "pods",
            Some("Object") => "object",
            Some("External") => "external",
            _ => continue,
        };
        match metric.get(source) {
            None => {
                report.error(&metric.absent(source), "missing_field", format!("a metric of this type needs `{source}`"))
            }
            Some(source) => target(&source, report),
        }
    }
}

/// What a metric's value is compared with.
fn target(source: &Field<'_>, report: &mut Report) {
    let Some(target) = source.get("target") else { return };
    let needed = match target.text_of("type") {
        Some("Utilization") => "averageUtilization",
        Some("AverageValue") => "averageValue",
        Some("Value") => "value",
        _ => return,
    };
    if target.get(needed).is_none() {
        report.error(&target.absent(needed), "missing_field", format!("a target of this type needs `{needed}`"));
    }
}

pub fn budget(root: &Field<'_>, report: &mut Report) {
    let Some(spec) = root.get("spec") else { return };
    for key in ["minAvailable", "maxUnavailable"] {
        workload::share(&spec, key, report);
    }
    if let Some(found) = spec.get("selector") {
        selector::check(&found, report);
    }
}
