//! Why a task is not where it should be: its objects, the pods behind them, and what was said of them.

use domain::{Health, ObjectStatus, Rendered};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Session, Stop,
    api::{Accept, Call},
    check::{Seen, Verdict},
    desired::{Desired, desired},
    health, view,
};

/// An explanation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Why {
    /// One sentence.
    pub summary: String,
    /// The objects that are not healthy.
    pub objects: Vec<Explained>,
}

/// One object that is not healthy.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Explained {
    /// The object, as a check sees it.
    #[serde(flatten)]
    pub status: ObjectStatus,
    /// Its pods.
    pub pods: Vec<PodView>,
    /// The newest events about it and its pods, `reason: message`.
    pub events: Vec<String>,
}

/// One pod.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PodView {
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// The node that it runs on; empty: none yet.
    pub node: String,
    /// What is wrong with it; empty: nothing.
    pub reason: String,
    /// The same in a sentence.
    pub message: String,
}

/// Events shown of one object.
const EVENTS: usize = 10;

impl Session {
    /// Explains a revision that was applied.
    ///
    /// # Errors
    /// [`Stop::Later`] where the API server does not answer.
    pub async fn why(&self, rendered: &Rendered) -> Result<Why, Stop> {
        let seen = self.check(rendered).await?;
        let mut objects = vec![];
        for one in desired(rendered) {
            let Some(status) = seen.objects.iter().find(|s| s.object == one.object && s.health != Health::Healthy)
            else {
                continue;
            };
            objects.push(self.explain(&one, status.clone()).await?);
        }
        Ok(Why { summary: summary(&seen), objects })
    }

    async fn explain(&self, one: &Desired, status: ObjectStatus) -> Result<Explained, Stop> {
        let pods = self.pods_of(one).await?;
        let names: Vec<_> = pods.iter().map(|pod| view::text(pod, "/metadata/name")).collect();
        let events = self.events(one, &names).await;
        Ok(Explained { status, pods: pods.iter().map(PodView::of).collect(), events })
    }

    /// The pods of one object.
    pub(crate) async fn pods_of(&self, one: &Desired) -> Result<Vec<Value>, Stop> {
        if one.kind.template.is_none() {
            return Ok(vec![]);
        }
        let Some(live) = self.get(&one.path(), Accept::Object).await? else { return Ok(vec![]) };
        let pod = schema::kinds::allowed("v1", "Pod").expect("Pod is in the table of kinds");
        let listed = self.list(pod, one.object.namespace.clone(), Accept::Object).await?;
        Ok(listed.items.into_iter().filter(|pod| health::belongs_to(pod, &live)).collect())
    }

    /// Events only explain: where they cannot be read, there are none.
    async fn events(&self, one: &Desired, pods: &[&str]) -> Vec<String> {
        if one.is_secret() {
            return vec![];
        }
        let path = format!("/api/v1/namespaces/{}/events", one.object.namespace);
        let Ok(answer) = self.api.send(&Call::get(&path, &[], Accept::Object)).await else { return vec![] };
        let about = |event: &&Value| {
            let name = view::text(event, "/involvedObject/name");
            let own = view::text(event, "/involvedObject/kind") == one.object.kind && name == one.object.name;
            own || pods.contains(&name)
        };
        let mut events: Vec<_> = view::list(&answer.body, "/items").iter().filter(about).collect();
        events.sort_by_key(|e| std::cmp::Reverse(view::version(e)));
        let line =
            |e: &Value| format!("{}: {}", view::text(e, "/reason"), crate::refused::bounded(view::text(e, "/message")));
        events.into_iter().take(EVENTS).map(line).collect()
    }
}

fn summary(seen: &Seen) -> String {
    let total = seen.objects.len();
    let (objects, are, run) = if total == 1 { ("object", "is", "runs") } else { ("objects", "are", "run") };
    let waiting = seen.objects.iter().filter(|o| o.health != Health::Healthy).count();
    match &seen.verdict {
        Verdict::Healthy => format!("all {total} {objects} {are} healthy"),
        Verdict::Pending(overdue) if overdue.is_empty() => {
            format!("{waiting} of {total} {objects} still {run}: a Job has no deadline")
        }
        Verdict::Pending(overdue) => format!("{} of {total} {objects} {are} not ready yet", overdue.len()),
        Verdict::Failed(problems) => format!("{} of {total} {objects} failed", problems.len()),
    }
}

impl PodView {
    fn of(pod: &Value) -> Self {
        let trouble = health::trouble(pod);
        Self {
            name: view::text(pod, "/metadata/name").to_owned(),
            phase: view::text(pod, "/status/phase").to_owned(),
            node: view::text(pod, "/spec/nodeName").to_owned(),
            reason: trouble.as_ref().map(|t| t.reason.clone()).unwrap_or_default(),
            message: trouble.map(|t| t.message).unwrap_or_default(),
        }
    }
}
