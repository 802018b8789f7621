//! The environment of a container, read from the ConfigMaps and Secrets that its pod refers to.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar, Secret};
use kube::{Api, Client};

/// Its variables; those that name a mounted folder name one of `folder` instead.
pub async fn of(client: &Client, container: &Container, folder: &Path) -> Result<Vec<(String, String)>> {
    let mut variables = vec![];
    for source in container.env_from.iter().flatten() {
        let Some(reference) = &source.config_map_ref else { continue };
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "marea");
        let map = maps.get_opt(&reference.name).await?;
        ensure!(map.is_some() || reference.optional == Some(true), "no ConfigMap {}", reference.name);
        variables.extend(map.and_then(|map| map.data).unwrap_or_default());
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value(client, variable).await? {
            variables.push((variable.name.clone(), value));
        }
    }
    for mount in container.volume_mounts.iter().flatten() {
        let here = folder.join(mount.mount_path.trim_start_matches('/'));
        std::fs::create_dir_all(&here)?;
        for (_, value) in variables.iter_mut().filter(|(_, value)| value.starts_with(&mount.mount_path)) {
            *value = value.replacen(&mount.mount_path, &here.to_string_lossy(), 1);
        }
    }
    Ok(variables)
}

async fn value(client: &Client, variable: &EnvVar) -> Result<Option<String>> {
    let Some(reference) = variable.value_from.as_ref().and_then(|from| from.secret_key_ref.as_ref()) else {
        return Ok(variable.value.clone());
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "marea");
    let data = secrets.get_opt(&reference.name).await?.and_then(|secret| secret.data);
    let value = data.and_then(|mut data| data.remove(&reference.key));
    ensure!(value.is_some() || reference.optional == Some(true), "no {} in {}", reference.key, reference.name);
    value.map(|bytes| String::from_utf8(bytes.0).context("not text")).transpose()
}
