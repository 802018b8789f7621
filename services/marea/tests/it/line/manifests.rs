//! What the tests upload.

use domain::SourceFile;

/// A file.
pub fn file(name: &str, content: impl Into<String>) -> SourceFile {
    SourceFile { name: name.to_owned(), content: content.into() }
}

/// A ConfigMap.
pub fn config(name: &str, value: &str) -> SourceFile {
    let content = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: \"{value}\"\n");
    file(&format!("{name}.yaml"), content)
}

/// A Deployment of two pods, the task's worker.
pub fn worker(name: &str) -> SourceFile {
    file(
        &format!("{name}.yaml"),
        format!(
            "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels:
    app.kubernetes.io/component: worker
spec:
  replicas: 2
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      containers:
        - name: main
          image: registry.example/worker:1
          resources:
            requests: {{cpu: 10m, memory: 16Mi}}
"
        ),
    )
}

/// A `kind: Job` of one pod.
pub fn job(name: &str) -> SourceFile {
    file(
        &format!("{name}.yaml"),
        format!(
            "apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: main
          image: registry.example/job:1
          resources:
            requests: {{cpu: 10m, memory: 16Mi}}
"
        ),
    )
}
