//! Tasks: send, replace, revert, delete, read, wait.

use std::time::Duration;

use domain::{OnFailure, Rendered, Revision, SourceFile, TaskName, TaskStatus};
use reqwest::{
    Method, RequestBuilder,
    multipart::{Form as Multipart, Part},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::{ANSWER, Accepted, Client, Error, Form, Lines, Plan, TaskPage};

/// Files to send, and how they are to be run.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// The files.
    pub files: Vec<SourceFile>,
    /// The task's name, for a new task.
    pub name: Option<TaskName>,
    /// How it is to be run.
    pub running: Running,
    /// The revision that is to be replaced: another one there is an error.
    pub if_match: Option<Revision>,
}

/// How a revision is to be run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Running {
    /// What to do when the revision fails; `None`: the server's default.
    pub on_failure: Option<OnFailure>,
    /// How long what keeps running may take to become healthy, for example `10m`.
    pub ready_deadline: Option<String>,
    /// The cluster; `None`: the default one, or the one that the task is in.
    pub target: Option<String>,
    /// Whether prune may delete PersistentVolumeClaims.
    pub prune_volumes: bool,
    /// Whether prune may delete more than half of the objects.
    pub confirm_prune: bool,
}

/// Which lines of a task's pods are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct PodLogs<'a> {
    /// `Kind/name`, of an object or of one of its pods; `None`: every object that has pods.
    pub object: Option<&'a str>,
    /// The container; `None`: every one.
    pub container: Option<&'a str>,
    /// The last lines of each container; `None`: the server's default.
    pub tail: Option<u32>,
    /// Whether to go on as lines come.
    pub follow: bool,
}

impl Running {
    /// The query of a new task or of a new revision.
    fn common(&self) -> [(&'static str, Option<&str>); 3] {
        let on_failure = self.on_failure.map(|f| match f {
            OnFailure::Keep => "keep",
            OnFailure::Revert => "revert",
        });
        let (deadline, target) = (self.ready_deadline.as_deref(), self.target.as_deref());
        [("on_failure", on_failure), ("ready_deadline", deadline), ("target", target)]
    }

    /// The query of a new revision.
    fn of_revision(&self) -> Vec<(&'static str, &str)> {
        let flag = |set: bool| set.then_some("true");
        let prune = [("prune_volumes", flag(self.prune_volumes)), ("confirm_prune", flag(self.confirm_prune))];
        set(self.common().into_iter().chain(prune))
    }
}

impl Upload {
    /// The query of a new task: there is nothing to prune.
    fn of_new(&self) -> Vec<(&'static str, &str)> {
        let name = [("name", self.name.as_ref().map(TaskName::as_str))];
        set(self.running.common().into_iter().chain(name))
    }

    fn attach(&self, request: RequestBuilder) -> RequestBuilder {
        let part = |file: &SourceFile| Part::text(file.content.clone()).file_name(file.name.clone());
        let form = self.files.iter().fold(Multipart::new(), |form, file| form.part("files", part(file)));
        let request = match self.if_match {
            Some(revision) => request.header("if-match", format!("\"{revision}\"")),
            None => request,
        };
        request.multipart(form)
    }
}

/// The parameters that have a value.
fn set<'a>(all: impl Iterator<Item = (&'static str, Option<&'a str>)>) -> Vec<(&'static str, &'a str)> {
    all.filter_map(|(key, value)| Some((key, value?))).collect()
}

/// A key under which one command may be sent several times.
fn once() -> String {
    Uuid::now_v7().to_string()
}

impl Client {
    /// Sends a new task.
    pub async fn submit(&self, upload: &Upload) -> Result<Accepted, Error> {
        let (url, key) = (self.url(&["yaml"], &upload.of_new())?, once());
        self.json(Method::POST, url, |r| upload.attach(r).header("idempotency-key", &key)).await
    }

    /// Sends a new revision of a task.
    pub async fn replace(&self, task: &str, upload: &Upload) -> Result<Accepted, Error> {
        let (url, key) = (self.url(&["yaml", task], &upload.running.of_revision())?, once());
        self.json(Method::PUT, url, |r| upload.attach(r).header("idempotency-key", &key)).await
    }

    /// Asks what would happen, of a new task or of a task's next revision. Writes nothing.
    pub async fn plan(&self, task: Option<&str>, upload: &Upload) -> Result<Plan, Error> {
        let dry_run = ("dry_run", "true");
        let (method, url) = match task {
            Some(task) => {
                (Method::PUT, self.url(&["yaml", task], &[upload.running.of_revision(), vec![dry_run]].concat())?)
            }
            None => (Method::POST, self.url(&["yaml"], &[upload.of_new(), vec![dry_run]].concat())?),
        };
        self.json(method, url, |r| upload.attach(r)).await
    }

    /// Goes back to an earlier revision.
    pub async fn revert(&self, task: &str, to: Revision, running: &Running) -> Result<Accepted, Error> {
        let to = to.to_string();
        let query = [running.of_revision(), vec![("revision", to.as_str())]].concat();
        let (url, key) = (self.url(&["yaml", task], &query)?, once());
        self.json(Method::PUT, url, |r| r.header("idempotency-key", &key)).await
    }

    /// Rolls a task back.
    pub async fn delete(&self, task: &str) -> Result<Accepted, Error> {
        let (url, key) = (self.url(&["yaml", task], &[])?, once());
        self.json(Method::DELETE, url, |r| r.header("idempotency-key", &key)).await
    }

    /// Reads a revision, the highest one unless told, as JSON.
    pub async fn revision(&self, task: &str, revision: Option<Revision>, form: Form) -> Result<Value, Error> {
        self.get_json(self.revision_url(task, revision, form)?).await
    }

    /// The files of a revision as sent; none of a revert.
    pub async fn sources(&self, task: &str, revision: Option<Revision>) -> Result<Vec<SourceFile>, Error> {
        let value = self.revision(task, revision, Form::Source).await?;
        let files = value.get("files").cloned().unwrap_or(value);
        self.typed(task, files)
    }

    /// A revision as it is applied.
    pub async fn rendered(&self, task: &str, revision: Option<Revision>) -> Result<Rendered, Error> {
        let value = self.revision(task, revision, Form::Rendered).await?;
        self.typed(task, value)
    }

    fn typed<T: DeserializeOwned>(&self, task: &str, value: Value) -> Result<T, Error> {
        let path = self.url(&["yaml", task], &[])?.path().to_owned();
        serde_json::from_value(value).map_err(|e| Error::Unexpected { path, reason: e.to_string() })
    }

    /// Reads a revision as YAML text.
    pub async fn revision_yaml(&self, task: &str, revision: Option<Revision>, form: Form) -> Result<String, Error> {
        self.get_text(self.revision_url(task, revision, form)?, "application/yaml").await
    }

    fn revision_url(&self, task: &str, revision: Option<Revision>, form: Form) -> Result<reqwest::Url, Error> {
        let number = revision.map(|n| n.to_string());
        let mut query = vec![("form", form.as_str())];
        query.extend(number.as_deref().map(|n| ("revision", n)));
        self.url(&["yaml", task], &query)
    }

    /// A task's status, by id, name or id suffix.
    pub async fn status(&self, task: &str) -> Result<TaskStatus, Error> {
        self.get_json(self.url(&["status", task], &[])?).await
    }

    /// A task's status as soon as its version is not `after` any more, at the latest after `wait`.
    pub async fn status_after(&self, task: &str, after: u64, wait: Duration) -> Result<TaskStatus, Error> {
        let (wait, after) = (format!("{}s", wait.as_secs().max(1)), after.to_string());
        self.get_json(self.url(&["status", task], &[("wait", &wait), ("after", &after)])?).await
    }

    /// A page of the tasks, newest first.
    pub async fn list(&self, state: Option<&str>, cursor: Option<&str>, limit: usize) -> Result<TaskPage, Error> {
        let limit = limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(state.map(|s| ("state", s)));
        query.extend(cursor.map(|c| ("cursor", c)));
        self.get_json(self.url(&["status"], &query)?).await
    }

    /// Why a task's objects are not as asked.
    pub async fn why(&self, task: &str) -> Result<Value, Error> {
        self.get_json(self.url(&["status", task, "why"], &[])?).await
    }

    /// Logs of a task's pods. Where they go on, the server may be silent for as long as the pods are.
    pub async fn logs(&self, task: &str, wanted: PodLogs<'_>) -> Result<Lines, Error> {
        let tail = wanted.tail.map(|n| n.to_string());
        let follow = wanted.follow.then_some("true");
        let (object, container) = (wanted.object, wanted.container);
        let query =
            set([("object", object), ("container", container), ("tail", tail.as_deref()), ("follow", follow)]
                .into_iter());
        let url = self.url(&["status", task, "logs"], &query)?;
        let client = if wanted.follow { self.unhurried()? } else { self.clone() };
        let sent = client.send(&Method::GET, &url, |r| r.header("accept", "text/plain"));
        let response = tokio::time::timeout(ANSWER, sent).await.map_err(|_| self.no_answer())??;
        Ok(Lines::new(client, response))
    }
}
