//! A caller of an API server in one namespace: codes and bodies as they come.

use http::{Method, Request};
use kube::{Client, client::Body};
use serde_json::{Value, json};

#[derive(Clone)]
pub struct Caller {
    pub client: Client,
    pub namespace: String,
}

/// An answer: the code and the body.
pub type Answer = (u16, Value);

/// Where a kind's objects are, in that namespace.
pub fn path(namespace: &str, kind: &str) -> String {
    let (root, plural) = match kind {
        "Namespace" => return "/api/v1/namespaces".to_owned(),
        "Deployment" => ("/apis/apps/v1", "deployments"),
        "ReplicaSet" => ("/apis/apps/v1", "replicasets"),
        "StatefulSet" => ("/apis/apps/v1", "statefulsets"),
        "Job" => ("/apis/batch/v1", "jobs"),
        "CronJob" => ("/apis/batch/v1", "cronjobs"),
        "HorizontalPodAutoscaler" => ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
        "Ingress" => ("/apis/networking.k8s.io/v1", "ingresses"),
        "ConfigMap" => ("/api/v1", "configmaps"),
        "Secret" => ("/api/v1", "secrets"),
        "Service" => ("/api/v1", "services"),
        "ServiceAccount" => ("/api/v1", "serviceaccounts"),
        "PersistentVolumeClaim" => ("/api/v1", "persistentvolumeclaims"),
        "Pod" => ("/api/v1", "pods"),
        other => panic!("no path of {other}"),
    };
    format!("{root}/namespaces/{namespace}/{plural}")
}

fn version(kind: &str) -> &'static str {
    match kind {
        "Deployment" | "ReplicaSet" | "StatefulSet" => "apps/v1",
        "Job" | "CronJob" => "batch/v1",
        "HorizontalPodAutoscaler" => "autoscaling/v2",
        "Ingress" => "networking.k8s.io/v1",
        _ => "v1",
    }
}

impl Caller {
    /// A caller in a namespace that it makes, with its default account there.
    pub async fn new(client: Client, namespace: &str) -> Self {
        let caller = Self { client, namespace: namespace.to_owned() };
        caller.send(Method::POST, "/api/v1/namespaces", "", &json!({"metadata": {"name": namespace}})).await;
        caller
    }

    pub async fn send(&self, method: Method, uri: &str, kind: &str, body: &Value) -> Answer {
        let kind = if kind.is_empty() { "application/json" } else { kind };
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", kind)
            .header("accept", "application/json")
            .body(Body::from(bytes))
            .unwrap();
        let response = self.client.send(request).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.unwrap();
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    fn uri(&self, kind: &str, name: &str) -> String {
        format!("{}/{name}", path(&self.namespace, kind))
    }

    /// A server-side apply of `body`, completed with kind, version and name.
    pub async fn apply(&self, manager: &str, kind: &str, name: &str, body: &Value) -> Answer {
        self.apply_with(manager, kind, name, body, "").await
    }

    pub async fn apply_with(&self, manager: &str, kind: &str, name: &str, body: &Value, more: &str) -> Answer {
        let mut body = body.clone();
        body["kind"] = kind.into();
        body["apiVersion"] = version(kind).into();
        body["metadata"]["name"] = name.into();
        let uri = format!("{}?fieldManager={manager}&fieldValidation=Strict{more}", self.uri(kind, name));
        self.send(Method::PATCH, &uri, "application/apply-patch+yaml", &body).await
    }

    pub async fn get(&self, kind: &str, name: &str) -> Answer {
        self.send(Method::GET, &self.uri(kind, name), "", &Value::Null).await
    }

    pub async fn list(&self, kind: &str, query: &str) -> Vec<Value> {
        let uri = format!("{}?{query}", path(&self.namespace, kind));
        let (code, body) = self.send(Method::GET, &uri, "", &Value::Null).await;
        assert_eq!(code, 200, "{body}");
        body["items"].as_array().cloned().unwrap_or_default()
    }

    pub async fn create(&self, kind: &str, body: &Value) -> Answer {
        let mut body = body.clone();
        body["kind"] = kind.into();
        body["apiVersion"] = version(kind).into();
        let uri = format!("{}?fieldManager=maker&fieldValidation=Strict", path(&self.namespace, kind));
        self.send(Method::POST, &uri, "", &body).await
    }

    pub async fn replace(&self, kind: &str, name: &str, body: &Value) -> Answer {
        let uri = format!("{}?fieldManager=editor&fieldValidation=Strict", self.uri(kind, name));
        self.send(Method::PUT, &uri, "", body).await
    }

    pub async fn merge(&self, kind: &str, name: &str, patch: &Value) -> Answer {
        let uri = format!("{}?fieldManager=merger", self.uri(kind, name));
        self.send(Method::PATCH, &uri, "application/merge-patch+json", patch).await
    }

    pub async fn delete(&self, kind: &str, name: &str, options: &Value) -> Answer {
        self.send(Method::DELETE, &self.uri(kind, name), "", options).await
    }
}

/// The causes of a refusal as sorted pairs of reason and field.
pub fn causes(body: &Value) -> Vec<(String, String)> {
    let list = body["details"]["causes"].as_array().cloned().unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let mut causes: Vec<_> = list.iter().map(|c| (text(&c["reason"]), text(&c["field"]))).collect();
    causes.sort();
    causes
}
