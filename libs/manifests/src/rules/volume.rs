//! A pod's volumes, and what mounts them.

use std::collections::HashSet;

use super::{filled, syntax_of, unique};
use crate::{field::Field, names, report::Report};

/// The volumes of a pod.
pub fn volumes(spec: &Field<'_>, report: &mut Report) {
    for volume in &spec.list("volumes") {
        syntax_of(volume, "name", names::label, report);
        source(volume, report);
    }
}

fn source(volume: &Field<'_>, report: &mut Report) {
    let named = [("configMap", "name"), ("secret", "secretName"), ("persistentVolumeClaim", "claimName")];
    for (source, key) in named {
        if let Some(source) = volume.get(source) {
            super::named(&source, key, report);
        }
    }
    for (source, key) in [("hostPath", "path"), ("nfs", "server"), ("csi", "driver")] {
        if let Some(source) = volume.get(source) {
            filled(&source, key, report);
        }
    }
    files(volume, report);
    for source in volume.get("projected").map(|p| p.list("sources")).unwrap_or_default() {
        for kind in ["configMap", "secret"] {
            if let Some(of) = source.get(kind) {
                super::named(&of, "name", report);
            }
        }
        files(&source, report);
    }
    if let Some(path) = volume.walk(&["nfs", "path"]).filter(|p| !p.text().unwrap_or_default().starts_with('/')) {
        report.error(&path, "path", "expected an absolute path");
    }
    if let Some(ephemeral) = volume.get("ephemeral") {
        let template = ephemeral.get_or_absent("volumeClaimTemplate");
        match ephemeral.get("volumeClaimTemplate") {
            Some(template) => super::data::claim(&template, report),
            None => report.error(&template, "missing_field", "`volumeClaimTemplate` is required here; add it"),
        }
    }
    removed(volume, report);
}

/// Files that a source lays out.
fn files(parent: &Field<'_>, report: &mut Report) {
    for source in ["configMap", "secret", "downwardAPI"] {
        let items = parent.get(source).map(|s| s.list("items")).unwrap_or_default();
        unique(&items, "path", report);
        for item in items {
            filled(&item, "key", report);
            filled(&item, "path", report);
            local_path(&item, "path", report);
            if let Some(resource) = item.walk(&["resourceFieldRef", "resource"]) {
                self::resource(&resource, report);
            }
            if let Some(path) = item.walk(&["fieldRef", "fieldPath"]) {
                field_path(&path, OF_FILES, report);
            }
        }
    }
}

/// Fields of a pod that a file of `downwardAPI` may hold.
const OF_FILES: &[&str] =
    &["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
/// Fields of a pod that an environment variable may hold.
pub const OF_ENVIRONMENT: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// A container's request or limit, as an environment variable or a file may hold it.
pub fn resource(field: &Field<'_>, report: &mut Report) {
    let text = field.text().unwrap_or_default();
    let name = text.strip_prefix("limits.").or_else(|| text.strip_prefix("requests.")).unwrap_or_default();
    if !matches!(name, "cpu" | "memory" | "ephemeral-storage") && !name.starts_with("hugepages-") {
        let message = "expected limits. or requests. and cpu, memory, ephemeral-storage or hugepages-…";
        report.error(field, "field_path", message);
    }
}

/// A field of the pod: one of those, or one label or annotation.
pub fn field_path(field: &Field<'_>, known: &[&str], report: &mut Report) {
    let text = field.text().unwrap_or_default();
    let one =
        ["metadata.labels['", "metadata.annotations['"].iter().any(|p| text.starts_with(p)) && text.ends_with("']");
    if !one && !known.contains(&text) {
        let message =
            format!("not a field that can be had here; expected {}, or metadata.labels['KEY']", known.join(", "));
        report.error(field, "field_path", message);
    }
}

/// `gitRepo` is disabled since 1.33; the API server refuses no other old plugin.
fn removed(volume: &Field<'_>, report: &mut Report) {
    if let Some(field) = volume.get("gitRepo") {
        let message = "gitRepo volumes are disabled in Kubernetes; clone in an init container into an emptyDir";
        report.warn(&field, "removed_volume", message);
    }
}

/// A relative path without `..`.
fn local_path(parent: &Field<'_>, key: &'static str, report: &mut Report) {
    let Some(field) = parent.get(key) else { return };
    let text = field.text().unwrap_or_default();
    if text.starts_with('/') || text.split('/').any(|part| part == "..") {
        report.error(&field, "path", "expected a relative path without `..`");
    }
}

/// What a container mounts, of the volumes that are there.
pub fn mounts(container: &Field<'_>, volumes: &HashSet<&str>, report: &mut Report) {
    for mount in &container.list("volumeMounts") {
        known(mount, volumes, report);
        filled(mount, "mountPath", report);
        local_path(mount, "subPath", report);
        local_path(mount, "subPathExpr", report);
        if mount.text_of("subPath").is_some_and(|p| !p.is_empty())
            && mount.text_of("subPathExpr").is_some_and(|p| !p.is_empty())
        {
            report.error(&mount.get_or_absent("subPathExpr"), "one_only", "subPath and subPathExpr exclude each other");
        }
    }
    for device in container.list("volumeDevices") {
        known(&device, volumes, report);
        filled(&device, "devicePath", report);
    }
}

fn known(mount: &Field<'_>, volumes: &HashSet<&str>, report: &mut Report) {
    let Some(name) = mount.get("name") else { return };
    let text = name.text().unwrap_or_default();
    if !volumes.contains(text) {
        let shown = report.show(text);
        let near = names::nearest(text, volumes.iter().copied());
        let hint = near.map_or_else(|| "add it to the pod's volumes".to_owned(), |n| format!("did you mean `{n}`?"));
        report.error(&name, "unknown_volume", format!("the pod has no volume {shown}: {hint}"));
    }
}
