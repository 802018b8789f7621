//! HorizontalPodAutoscaler, PodDisruptionBudget.

use super::{filled, resources, selector, syntax_of, workload};
use crate::{field::Field, names, report::Report};

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
        syntax_of(&target, "kind", names::path_segment, report);
        syntax_of(&target, "name", names::path_segment, report);
        if target.get("apiVersion").is_none() {
            let field = target.absent("apiVersion");
            report.error(&field, "missing_field", "expected a group and version, for example apps/v1");
        }
    }
    if let Some(version) =
        spec.walk(&["scaleTargetRef", "apiVersion"]).filter(|v| !v.text().is_some_and(|t| t.contains('/')))
    {
        report.error(&version, "unknown_value", "expected a group and version, for example apps/v1");
    }
    for direction in ["scaleUp", "scaleDown"] {
        let Some(rules) = spec.walk(&["behavior", direction]) else { continue };
        if let Some(policies) = rules.get("policies").filter(|p| p.node.is_empty()) {
            report.error(&policies, "missing_field", "expected at least one policy; add it or remove the list");
        }
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
    if let Some(metric) = source.get("metric") {
        syntax_of(&metric, "name", names::path_segment, report);
    }
    syntax_of(source, "container", names::label, report);
    syntax_of(source, "name", names::qualified, report);
    if let Some(object) = source.get("describedObject") {
        filled(&object, "kind", report);
        syntax_of(&object, "name", names::path_segment, report);
    }
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
    for field in ["value", "averageValue"].iter().filter_map(|key| target.get(key)) {
        if resources::amount(&field).is_some_and(|a| a.is_negative() || a.is_zero()) {
            report.error(&field, "out_of_range", "expected more than 0");
        }
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
