//! A pod's volumes, and what mounts them.

use std::collections::HashSet;

use super::{filled, syntax_of};
use crate::{field::Field, names, report::Report};

/// The volumes of a pod.
pub fn volumes(spec: &Field<'_>, report: &mut Report) {
    for volume in &spec.list("volumes") {
        syntax_of(volume, "name", names::label, report);
        source(volume, report);
    }
}

fn source(volume: &Field<'_>, report: &mut Report) {
    let needed: [(&[&str], &'static str); 6] = [
        (&["configMap"], "name"),
        (&["secret"], "secretName"),
        (&["persistentVolumeClaim"], "claimName"),
        (&["hostPath"], "path"),
        (&["nfs"], "server"),
        (&["csi"], "driver"),
    ];
    for (path, key) in needed {
        let Some(source) = volume.walk(path) else { continue };
        if source.text_of(key).unwrap_or_default().is_empty() {
            report.error(&source.get_or_absent(key), "missing_field", format!("`{key}` is required here; add it"));
        }
    }
    for source in ["configMap", "secret", "downwardAPI"] {
        let Some(source) = volume.get(source) else { continue };
        for item in source.list("items") {
            filled(&item, "key", report);
            local_path(&item, "path", report);
        }
    }
    if let Some(path) = volume.walk(&["nfs", "path"]).filter(|p| !p.text().unwrap_or_default().starts_with('/')) {
        report.error(&path, "path", "expected an absolute path");
    }
    removed(volume, report);
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
