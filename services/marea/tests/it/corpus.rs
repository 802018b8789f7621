//! Manifests that nobody here wrote, posted to everything in one process, over the real API server and
//! over the sandbox: each is refused in words that a person can act on, or accepted and really applied.
//! `docs/corpus.md`, which a test of `libs/manifests` writes, says beforehand which; this only obeys it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use client::{Client, Error, Upload};
use domain::{Problem, SourceFile, State, TaskId, TaskStatus, Tenant};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::program::Up;

/// Tasks at once.
const AT_ONCE: usize = 8;
/// Until a task is applied, or gone: far above the second that it takes on an idle machine.
const WITHIN: Duration = Duration::from_secs(120);
/// Between two looks at a task that has not changed its state.
const LOOK: Duration = Duration::from_secs(1);

/// One file, and what the documentation says of it.
struct File {
    path: String,
    source: SourceFile,
    /// How many objects are applied; `None`: it is refused.
    documented: Option<usize>,
    /// The objects, as they are locked: two tasks that hold the same one are sent one after the other.
    objects: BTreeSet<String>,
}

impl File {
    fn new(corpus: &Path, path: &str, verdict: &str) -> Self {
        let name = path.rsplit('/').next().expect("a path has a last part").to_owned();
        let source = SourceFile { name, content: fs::read_to_string(corpus.join(path)).expect("UTF-8") };
        let rendered = manifests::render(std::slice::from_ref(&source), &Tenant::local(), TaskId::new(), true).rendered;
        let objects = rendered.iter().flat_map(|r| &r.objects);
        let objects = objects.map(|o| named(&o.manifest)).collect();
        let documented = verdict.strip_prefix("accepted, ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        assert!(documented.is_some() || verdict.starts_with("refused, "), "{path}: {verdict}");
        Self { path: path.to_owned(), source, documented, objects }
    }

    /// Whether it holds a Pod without a controller, which another file's Deployment of the same labels would adopt.
    fn holds_a_pod(&self) -> bool {
        self.objects.iter().any(|object| object.contains("/Pod/"))
    }
}

/// `namespace/Kind/name`.
fn named(manifest: &Value) -> String {
    let part = |pointer| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    [part("/metadata/namespace"), part("/kind"), part("/metadata/name")].join("/")
}

/// Every file by the documentation's table.
fn files(corpus: &Path) -> Vec<File> {
    let table = fs::read_to_string(testkit::workspace().join("docs/corpus.md")).expect("the table is there");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let rows = rows.filter_map(|(path, rest)| Some((path, rest.split_once(" | ")?.0)));
    let files = rows.filter(|(path, _)| path.contains('/')).map(|(path, verdict)| File::new(corpus, path, verdict));
    let files = files.collect::<Vec<_>>();
    let accepted = files.iter().filter(|file| file.documented.is_some()).count();
    let counts = [format!("**{accepted} accepted**"), format!("**{} refused**", files.len() - accepted)];
    assert!(counts.iter().all(|count| table.contains(count)), "the table does not hold {counts:?}");
    files
}

#[tokio::test]
async fn on_the_real_api_server_each_file_is_refused_in_words_or_applied() {
    let Some(corpus) = testkit::corpus() else { return };
    let Some(kube) = testkit::Kubernetes::start(testkit::Options::default()).await else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::on_cluster(&kube.kubeconfig(), &dir.path().join("unused"));
    all(&up, &corpus).await;
}

#[tokio::test]
async fn in_the_sandbox_each_file_is_refused_in_words_or_applied() {
    let Some(corpus) = testkit::corpus() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let up = Up::start(&dir.path().join("unused"), &["--ephemeral"]);
    all(&up, &corpus).await;
}

async fn all(up: &Up, corpus: &Path) {
    let client = Client::new(&up.server, None).expect("an address").patient(Duration::from_secs(30));
    voting_app(&client, &corpus.join("example-voting-app/k8s-specifications")).await.expect("the voting app");
    let (pods, rest): (Vec<_>, Vec<_>) = files(corpus).into_iter().partition(File::holds_a_pod);
    let mut failures = each(&client, &pods).await;
    failures.extend(each(&client, &rest).await);
    assert!(failures.is_empty(), "{} of the files:\n{}", failures.len(), failures.join("\n"));
}

/// The voting app, as it is, is one task that becomes healthy.
async fn voting_app(client: &Client, folder: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the corpus is readable") {
        let path = entry.expect("the corpus is readable").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        files.push(SourceFile { name, content: fs::read_to_string(&path).expect("UTF-8") });
    }
    let sent = files.len();
    let accepted = client.submit(&Upload { files, ..Upload::default() }).await.map_err(|e| e.to_string())?;
    let id = accepted.id.to_string();
    let status = until(client, &id, |status| status.state.is_final()).await?;
    if (status.state, sent, status.objects.len()) != (State::Done, 9, 10) {
        return Err(shown(&status));
    }
    rolled_back(client, &id).await
}

/// Sends each file as a task of its own; what is not as it should be.
async fn each(client: &Client, files: &[File]) -> Vec<String> {
    let names = files.iter().flat_map(|file| &file.objects);
    let locks: BTreeMap<_, _> = names.map(|name| (name, Arc::new(Mutex::new(())))).collect();
    let locks = &locks;
    let answers = stream::iter(files).map(async |file| {
        // In the order of their names, as everybody takes them: nobody waits in a circle.
        let mut held = Vec::new();
        for name in &file.objects {
            held.push(locks[name].clone().lock_owned().await);
        }
        one(client, file).await.err().map(|why| format!("{}: {why}", file.path))
    });
    answers.buffer_unordered(AT_ONCE).filter_map(async |failure| failure).collect().await
}

async fn one(client: &Client, file: &File) -> Result<(), String> {
    let upload = Upload { files: vec![file.source.clone()], ..Upload::default() };
    let id = match client.submit(&upload).await {
        Ok(accepted) => accepted.id.to_string(),
        Err(Error::Refused(refusal)) if matches!(refusal.status, 400 | 422) => return refused(file, &refusal.errors),
        Err(error) => return Err(error.to_string()),
    };
    let status = until(client, &id, |status| status.state.is_final() || is_applied(status)).await?;
    match status.state {
        State::Rejected => return refused(file, &status.revisions[0].problems),
        State::ApplyingInCluster | State::Done if file.documented == Some(status.objects.len()) => {}
        _ => return Err(format!("documented: {:?} applied; {}", file.documented, shown(&status))),
    }
    rolled_back(client, &id).await
}

/// Whether every object is in the cluster. Health is another matter: nobody here has its GPU.
fn is_applied(status: &TaskStatus) -> bool {
    status.state == State::ApplyingInCluster
        && !status.objects.is_empty()
        && status.objects.iter().all(|object| object.reason != "Missing")
}

/// A refusal that was expected, and that says where and what.
fn refused(file: &File, problems: &[Problem]) -> Result<(), String> {
    let of_text = |code: &str| ["yaml_syntax", "yaml_key", "duplicate_key", "empty"].contains(&code);
    let is_clear = |p: &Problem| {
        let placed = p.file == file.source.name && p.line > 0 && (of_text(&p.code) || !p.field.is_empty());
        placed && p.message.len() > 15
    };
    let mut errors = problems.iter().filter(|problem| problem.is_error()).peekable();
    if file.documented.is_some() || errors.peek().is_none() || !errors.all(is_clear) {
        return Err(format!("documented: {:?} applied; refused: {problems:?}", file.documented));
    }
    Ok(())
}

async fn rolled_back(client: &Client, id: &str) -> Result<(), String> {
    client.delete(id).await.map_err(|error| error.to_string())?;
    let is_over = |status: &TaskStatus| matches!(status.state, State::RolledBack | State::RollbackBlocked);
    let status = until(client, id, is_over).await?;
    if status.state == State::RolledBack { Ok(()) } else { Err(shown(&status)) }
}

async fn until(client: &Client, id: &str, is_there: impl Fn(&TaskStatus) -> bool) -> Result<TaskStatus, String> {
    let (deadline, mut version) = (Instant::now() + WITHIN, 0);
    loop {
        let status = client.status_after(id, version, LOOK).await.map_err(|error| error.to_string())?;
        if is_there(&status) {
            return Ok(status);
        }
        if Instant::now() > deadline {
            return Err(format!("not within {WITHIN:?}: {}", shown(&status)));
        }
        version = status.version;
    }
}

/// A task in one line, for a failure.
fn shown(status: &TaskStatus) -> String {
    let problems = status.revisions.iter().flat_map(|revision| &revision.problems);
    let problems = problems.map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let objects = status.objects.iter().map(|o| format!("{} {:?} {} {}", o.object, o.health, o.reason, o.message));
    format!("{}: {problems} [{}]", status.state.as_str(), objects.collect::<Vec<_>>().join(", "))
}
