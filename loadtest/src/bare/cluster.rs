//! What a warm client of the API server needs for the same objects, without Marea.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use domain::SourceFile;
use futures::{TryStreamExt, future};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, WatchEvent, WatchParams},
    core::{ApiResource, GroupVersionKind},
};
use manifests::render;
use serde_json::{Value, json};

const NAMESPACE: &str = "default";

fn api(client: &Client, object: &Value) -> Result<Api<DynamicObject>> {
    let types = serde_json::from_value(object.clone()).context("apiVersion and kind")?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(&types)?);
    Ok(Api::namespaced_with(client.clone(), NAMESPACE, &resource))
}

fn config(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"bare": name}}, "data": {"k": "v"}})
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

async fn apply(client: &Client, object: &Value) -> Result<()> {
    apply_as(client, object, "bare", false).await.map(drop)
}

async fn apply_as(client: &Client, object: &Value, manager: &str, force: bool) -> Result<DynamicObject> {
    let parameters = PatchParams { force, ..PatchParams::apply(manager).validation_strict() };
    Ok(api(client, object)?.patch(name(object), &parameters, &Patch::Apply(object)).await?)
}

/// Milliseconds that five sequential applies of new ConfigMaps take.
pub async fn five_applies(client: &Client, rounds: usize, warm: usize) -> Result<Vec<f64>> {
    let mut millis = vec![];
    for round in 0..rounds {
        let began = Instant::now();
        for part in 0..5 {
            apply(client, &config(&format!("bare-{round}-{part}"))).await?;
        }
        if round >= warm {
            millis.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(millis)
}

/// Milliseconds from the first apply of a sample's objects until a watch has seen every `kind: Job` complete and
/// every Deployment ready; the objects are deleted afterwards.
pub async fn apply_and_watch(client: &Client, files: &[SourceFile]) -> Result<f64> {
    let rendering = render(files, &domain::Tenant::local(), domain::TaskId::new(), true);
    let rendered = rendering.rendered.context("the sample is accepted")?;
    let objects: Vec<Value> = rendered.objects.into_iter().map(|o| o.manifest).collect();
    let began = Instant::now();
    future::try_join_all(objects.iter().map(|o| apply(client, o))).await?;
    future::try_join_all(objects.iter().filter(|o| is_active(o)).map(|o| settled(client, o))).await?;
    let millis = began.elapsed().as_secs_f64() * 1e3;
    future::try_join_all(objects.iter().map(|o| delete(client, o))).await?;
    Ok(millis)
}

fn is_active(object: &Value) -> bool {
    matches!(object["kind"].as_str(), Some("Job" | "Deployment"))
}

fn is_settled(object: &Value) -> bool {
    let wanted = if object["kind"] == "Job" { "Complete" } else { "Available" };
    let conditions = object["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    let replicas = object["spec"]["replicas"] == object["status"]["readyReplicas"];
    conditions.iter().any(|c| c["type"] == wanted && c["status"] == "True") && (wanted == "Complete" || replicas)
}

async fn settled(client: &Client, object: &Value) -> Result<()> {
    let api = api(client, object)?;
    let fields = format!("metadata.name={}", name(object));
    let list = api.list(&ListParams::default().fields(&fields)).await?;
    let seen = |o: &DynamicObject| {
        let mut value = o.data.clone();
        value["kind"] = object["kind"].clone();
        is_settled(&value)
    };
    if list.items.iter().any(seen) {
        return Ok(());
    }
    let version = list.metadata.resource_version.unwrap_or_default();
    let mut events = std::pin::pin!(api.watch(&WatchParams::default().fields(&fields), &version).await?);
    while let Some(event) = events.try_next().await? {
        if matches!(&event, WatchEvent::Added(o) | WatchEvent::Modified(o) if seen(o)) {
            return Ok(());
        }
    }
    anyhow::bail!("the watch of {} ended", name(object))
}

async fn delete(client: &Client, object: &Value) -> Result<()> {
    let api = api(client, object)?;
    api.delete(name(object), &DeleteParams::background()).await?;
    while api.get_opt(name(object)).await?.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Tasks of one object a second by so many workers that make the calls that Marea makes for one: read the object,
/// apply the parent, apply the object, apply what the parent is to remember.
pub async fn tasks(client: &Client, workers: usize, count: usize) -> Result<f64> {
    let one = |number: usize| async move {
        let (mut object, parent) = (config(&format!("bare-task-{number}")), config(&format!("bare-parent-{number}")));
        let api = api(client, &object)?;
        api.get_metadata_opt(name(&object)).await?;
        let made = apply_as(client, &parent, "bare", true).await?;
        let uid = made.metadata.uid.context("what was applied has a uid")?;
        object["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": name(&parent), "uid": uid}]);
        let applied = apply_as(client, &object, "bare", false).await?;
        let state = serde_json::to_string(&json!({"marks": {name(&object): applied.metadata}}))?;
        let memory = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name(&parent), "uid": uid},
            "data": {"state": state},
        });
        apply_as(client, &memory, "bare-state", true).await?;
        anyhow::Ok(())
    };
    let began = Instant::now();
    futures::stream::iter((0..count).map(Ok)).try_for_each_concurrent(workers, one).await?;
    Ok(count as f64 / began.elapsed().as_secs_f64())
}
