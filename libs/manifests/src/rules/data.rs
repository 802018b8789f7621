//! ConfigMap, Secret, PersistentVolumeClaim.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{resources, selector, syntax_at};
use crate::{field::Field, names, report::Report};

/// Bytes of all values of a ConfigMap or Secret (`MaxSecretSize`).
const DATA_BYTES: usize = 1 << 20;

pub fn config_map(root: &Field<'_>, report: &mut Report) {
    keys(root, &["data", "binaryData"], report);
    for (key, field) in root.map("binaryData") {
        if root.walk(&["data", key]).is_some() {
            report.error(&field, "duplicate", "the key stands in data and in binaryData; keep one");
        }
    }
}

pub fn secret(root: &Field<'_>, report: &mut Report) {
    keys(root, &["data", "stringData"], report);
    let kind = root.text_of("type").unwrap_or_default();
    let has =
        |key: &str| ["data", "stringData"].iter().any(|m| root.get(m).is_some_and(|m| m.node.entry(key).is_some()));
    let needed: &[&str] = match kind {
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => &["password"],
        _ => &[],
    };
    let data = root.get_or_absent("data");
    for key in needed.iter().filter(|k| !has(k)) {
        report.error(&data, "missing_field", format!("a Secret of type {kind} needs the key `{key}`"));
    }
    if kind.starts_with("kubernetes.io/dockerc") {
        needed.iter().for_each(|key| registry_json(root, key, report));
    }
}

fn registry_json(root: &Field<'_>, key: &str, report: &mut Report) {
    let encoded = root.get("data").and_then(|d| d.get(key));
    let bytes = encoded.as_ref().and_then(|f| STANDARD.decode(f.text()?.replace(['\n', '\r'], "")).ok());
    if let (Some(field), Some(bytes)) = (encoded, bytes)
        && !serde_json::from_slice::<serde_json::Value>(&bytes).is_ok_and(|v| v.is_object())
    {
        report.error(&field, "registry_json", "the decoded value is not a JSON object, as `docker login` writes it");
    }
}

fn keys(root: &Field<'_>, maps: &[&str], report: &mut Report) {
    let mut bytes = 0;
    for map in maps {
        let encoded = *map == "binaryData" || maps.contains(&"stringData") && *map == "data";
        for (key, field) in root.map(map) {
            syntax_at(&field, key, names::data_key, report);
            let written = field.text().map_or(0, str::len);
            bytes += if encoded { written / 4 * 3 } else { written };
        }
    }
    if bytes > DATA_BYTES {
        report.error(&root.get_or_absent("data"), "too_long", "all values together have at most 1 MiB");
    }
}

/// A claim, or a StatefulSet's template of one.
pub fn claim(root: &Field<'_>, report: &mut Report) {
    let Some(spec) = root.get("spec") else {
        return report.error(&root.absent("spec"), "missing_field", "a PersistentVolumeClaim needs `spec`");
    };
    if spec.list("accessModes").is_empty() {
        let message = "`accessModes` is required here; add for example ReadWriteOnce";
        report.error(&spec.get_or_absent("accessModes"), "missing_field", message);
    }
    let storage = spec.walk(&["resources", "requests", "storage"]);
    match storage.as_ref().map(|f| (f, resources::amount(f))) {
        None => report.error(
            &spec.absent("resources"),
            "missing_field",
            "resources.requests.storage is required here; add it",
        ),
        Some((field, Some(amount))) if amount.is_negative() || amount.is_zero() => {
            report.error(field, "out_of_range", "expected more than 0");
        }
        Some(_) => {}
    }
    if let Some(class) = spec.get("storageClassName").filter(|c| c.text() != Some("")) {
        syntax_at(&class, class.text().unwrap_or_default(), names::subdomain, report);
    }
    if let Some(found) = spec.get("selector") {
        selector::check(&found, report);
    }
}
