//! A namespace and a task on one of the backends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cluster::{Applied, Engine, Limits, Seen, SendUntil, Session, Stop, Task, Verdict};
use domain::{Problem, Rendered, TaskId, TaskKey, record::RenderedObject};
use http::{Method, Request};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Where a case plays.
pub struct World {
    pub client: Client,
    pub namespace: String,
    pub task: Task,
    counts: Counts,
    _running: Option<DropGuard>,
}

/// Requests by method.
#[derive(Clone, Default)]
pub struct Counts(Arc<[AtomicUsize; 2]>);

impl Counts {
    /// Reads and writes so far.
    pub fn get(&self) -> (usize, usize) {
        (self.0[0].load(Ordering::SeqCst), self.0[1].load(Ordering::SeqCst))
    }

    fn note(&self, method: &Method) {
        self.0[usize::from(method != Method::GET)].fetch_add(1, Ordering::SeqCst);
    }
}

/// How long a controller may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(60);

impl World {
    pub async fn sandbox() -> Self {
        let sandbox = sandbox::Sandbox::new(sandbox::Options::default());
        let stop = CancellationToken::new();
        let (driven, token) = (sandbox.clone(), stop.clone());
        tokio::spawn(async move { driven.run(token).await });
        let world = Self::new(sandbox.client(), Some(stop.drop_guard()));
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}});
        world.send(Method::POST, "/api/v1/namespaces", &namespace).await;
        world
    }

    pub async fn real() -> Option<Self> {
        let cluster = testkit::Kubernetes::shared().await?;
        let world = Self::new(cluster.client().await, None);
        cluster.namespace(&world.namespace).await;
        Some(world)
    }

    fn new(client: Client, running: Option<DropGuard>) -> Self {
        let task = task("shop");
        let namespace = format!("case-{}", task.key.id.suffix());
        Self { client, namespace, task, counts: Counts::default(), _running: running }
    }

    /// Requests that sessions have sent.
    pub fn counts(&self) -> (usize, usize) {
        self.counts.get()
    }

    pub fn engine(&self) -> Engine {
        let (client, counts) = (self.client.clone(), self.counts.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            counts.note(request.method());
            let client = client.clone();
            async move { client.send(request).await }
        });
        Engine::new(Client::new(service, "default"), Limits::default())
    }

    pub fn session(&self) -> Session {
        self.session_of(&self.task)
    }

    pub fn session_of(&self, task: &Task) -> Session {
        self.engine().session(task.clone(), None, SendUntil::always(), Duration::from_secs(20))
    }

    /// A session of a process that dies: right after a Job was written, or right before.
    pub fn dying(&self, after: bool) -> Session {
        let (client, dead) = (self.client.clone(), Arc::new(AtomicBool::new(false)));
        let service = tower::service_fn(move |request: Request<Body>| {
            let (client, dead) = (client.clone(), dead.clone());
            async move {
                let last = request.method() == Method::PATCH && request.uri().path().contains("/jobs/");
                if dead.fetch_or(last, Ordering::SeqCst) {
                    return Err("the process is dead".into());
                }
                let answer = if last && !after { None } else { Some(client.send(request).await?) };
                answer.filter(|_| !last).ok_or_else(|| tower::BoxError::from("the process is dead"))
            }
        });
        let engine = Engine::new(Client::new(service, "default"), Limits::default());
        engine.session(self.task.clone(), None, SendUntil::always(), Duration::from_millis(200))
    }

    /// A revision of the world's task.
    pub fn rendered(&self, objects: impl IntoIterator<Item = Value>) -> Rendered {
        self.rendered_of(&self.task, objects)
    }

    pub fn rendered_of(&self, task: &Task, objects: impl IntoIterator<Item = Value>) -> Rendered {
        let object = |mut manifest: Value| {
            manifest["metadata"]["namespace"] = json!(self.namespace);
            label(&mut manifest, task);
            if manifest["kind"] != "Pod" && manifest["spec"]["template"].is_object() {
                label(&mut manifest["spec"]["template"], task);
            }
            RenderedObject { manifest, file: "a.yaml".to_owned(), document: 0, line: 1 }
        };
        Rendered { objects: objects.into_iter().map(object).collect(), ..Rendered::default() }
    }

    pub async fn apply(&self, objects: impl IntoIterator<Item = Value>) -> Applied {
        self.session().apply(&self.rendered(objects)).await.unwrap_or_else(|stop| panic!("{stop:?}"))
    }

    /// The problems of an apply that fails.
    pub async fn refused(&self, objects: impl IntoIterator<Item = Value>) -> Vec<Problem> {
        match self.session().apply(&self.rendered(objects)).await {
            Err(Stop::Failed(problems)) => problems,
            other => panic!("expected a refusal, not {other:?}"),
        }
    }

    /// Checks until the verdict is as wanted.
    pub async fn await_verdict(&self, rendered: &Rendered, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let probe = || async {
            let seen = self.session().check(rendered).await.map_err(|stop| format!("{stop:?}"))?;
            if wanted(&seen) { Ok(seen) } else { Err(format!("{seen:#?}")) }
        };
        testkit::until("the verdict", SOON, probe).await.unwrap()
    }

    pub async fn await_healthy(&self, rendered: &Rendered) -> Seen {
        self.await_verdict(rendered, |seen| seen.verdict == Verdict::Healthy).await
    }

    /// The path of an object in the world's namespace, for example `/api/v1`, `configmaps/a`.
    pub fn path(&self, root: &str, rest: &str) -> String {
        format!("{root}/namespaces/{}/{rest}", self.namespace)
    }

    pub async fn get(&self, root: &str, rest: &str) -> Option<Value> {
        let request = Request::get(self.path(root, rest)).body(vec![]).unwrap();
        match self.client.request(request).await {
            Ok(object) => Some(object),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Awaits that an object is gone.
    pub async fn await_gone(&self, root: &str, rest: &str) {
        let probe = || async { self.get(root, rest).await.map_or(Ok(()), |o| Err(o.to_string())) };
        testkit::until("the object to go", SOON, probe).await.unwrap();
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let content = match method {
            Method::PATCH if path.contains("force=true") => "application/apply-patch+yaml",
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder().method(method).uri(path).header("content-type", content);
        let body = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
        self.client.request(request.body(body).unwrap()).await.unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// Applies as another field manager.
    pub async fn apply_as(&self, manager: &str, path: &str, object: &Value) -> Value {
        self.send(Method::PATCH, &format!("{path}?fieldManager={manager}&force=true"), object).await
    }

    /// Makes an object as somebody else.
    pub async fn create(&self, root: &str, plural: &str, mut object: Value) -> Value {
        object["metadata"]["namespace"] = json!(self.namespace);
        self.send(Method::POST, &format!("{}?fieldManager=somebody", self.path(root, plural)), &object).await
    }
}

pub fn task(name: &str) -> Task {
    let key = TaskKey { tenant: "local".parse().unwrap(), id: TaskId::new() };
    Task { key, name: name.parse().unwrap() }
}

fn label(object: &mut Value, task: &Task) {
    object["metadata"]["labels"][cluster::TASK_LABEL] = json!(task.key.id);
    object["metadata"]["labels"][cluster::TENANT_LABEL] = json!(task.key.tenant);
}

pub fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}})
}

pub fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}})
}

pub fn pod_template(app: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "main", "image": "example/main:1"}]}})
}

pub fn deployment(name: &str, replicas: Option<u32>) -> Value {
    let mut spec = json!({"selector": {"matchLabels": {"app": name}}, "template": pod_template(name)});
    if let Some(replicas) = replicas {
        spec["replicas"] = json!(replicas);
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})
}

pub fn autoscaler(name: &str) -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name},
        "spec": {"minReplicas": 1, "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}]}})
}

pub fn job(name: &str, image: &str) -> Value {
    let mut template = pod_template(name);
    template["spec"]["restartPolicy"] = json!("Never");
    template["spec"]["containers"][0]["image"] = json!(image);
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template}})
}

/// A Job that does not end: it is suspended.
pub fn waiting_job(name: &str, image: &str) -> Value {
    let mut job = job(name, image);
    job["spec"]["suspend"] = json!(true);
    job
}

pub fn secret(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"password": value}})
}

pub fn claim(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
}
