//! What happens to a task, a line each: the difference of two states, as a person wants to read it.

use std::collections::BTreeMap;

use domain::{Health, ObjectStatus, Revision, State, TaskStatus, status::RevisionStatus};
use jiff::Timestamp;

use crate::{
    time::elapsed,
    ui::{Tone, Ui, tame},
};

#[cfg(test)]
mod tests;

/// Kinds that become healthy by themselves at once: said only when they do not.
const PASSIVE: [&str; 11] = [
    "ConfigMap",
    "Secret",
    "Service",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "Ingress",
    "CronJob",
];

/// What every revision begins with; before any fact is there, the server answers from the record.
const FIRST: [&str; 2] = ["task.submitted", "task.rollback_requested"];

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, since the command was taken.
    pub after: String,
    /// What it happened to: a state, or an object.
    pub subject: String,
    /// What.
    pub text: String,
    /// How it is to look.
    pub tone: Tone,
}

impl Line {
    /// The line as it is printed.
    pub fn show(&self, ui: &Ui) -> String {
        let subject = ui.paint(self.tone, format_args!("{:<20}", tame(&self.subject)));
        format!("  {:<7} {subject} {}", self.after, tame(&self.text)).trim_end().to_owned()
    }
}

/// Remembers what has been said of one revision of a task.
#[derive(Debug)]
pub struct Progress {
    revision: Revision,
    objects_sent: Option<usize>,
    said: Option<State>,
    transitions: usize,
    objects: BTreeMap<String, (Health, String)>,
}

impl Progress {
    /// The progress of a revision; `objects` where it is known how many were sent.
    pub fn new(revision: Revision, objects: Option<usize>) -> Self {
        Self { revision, objects_sent: objects, said: None, transitions: 0, objects: BTreeMap::new() }
    }

    /// What is new in this status, in the order in which it happened.
    pub fn lines(&mut self, status: &TaskStatus) -> Vec<Line> {
        let Some(revision) = status.revisions.iter().find(|r| r.revision == self.revision) else {
            return vec![];
        };
        let start = revision.transitions.first().map_or(status.created, |t| t.time);
        // The ending is said last: it counts the objects that are said before it.
        let ended = revision.state.is_final() || revision.state == State::RollbackBlocked;
        // Facts come in any order: one that overtook the first is told after it.
        if !ended && !revision.transitions.iter().any(|t| FIRST.contains(&t.event.as_str())) {
            return vec![];
        }
        // What is seen before anything was done is the earlier revision's.
        let earlier = revision.state == State::Pending || (self.transitions == 0 && self.revision > 1 && !ended);
        let mut lines = self.states(status, revision, start, ended);
        if status.desired_revision == self.revision {
            let fresh: Vec<Line> = status.objects.iter().filter_map(|o| self.object(o, status, start)).collect();
            lines.extend(fresh.into_iter().filter(|_| !earlier));
        }
        if ended && self.said != Some(revision.state) {
            lines.extend(revision.transitions.last().map(|t| self.state(status, revision, t.state, start, t.time)));
        }
        lines
    }

    fn states(&mut self, status: &TaskStatus, revision: &RevisionStatus, start: Timestamp, ended: bool) -> Vec<Line> {
        let known = revision.transitions.len().saturating_sub(usize::from(ended));
        let fresh = revision.transitions.get(self.transitions..known).unwrap_or_default();
        let mut lines = Vec::new();
        for transition in fresh {
            if self.said != Some(transition.state) {
                lines.push(self.state(status, revision, transition.state, start, transition.time));
            }
        }
        self.transitions = self.transitions.max(known);
        lines
    }

    fn state(
        &mut self,
        status: &TaskStatus,
        of: &RevisionStatus,
        state: State,
        start: Timestamp,
        at: Timestamp,
    ) -> Line {
        self.said = Some(state);
        let text = match state {
            State::Pending => self.sent(of),
            State::ApplyingInCluster => of.added.join("; "),
            State::Done => healthy(&status.objects),
            State::Failed | State::Rejected | State::RollbackBlocked => count(errors(of), "problem"),
            State::RollingBack => count(status.objects.len(), "object") + " to remove",
            State::RolledBack => kept(status),
            State::Superseded => of.superseded_by.map(|by| format!("by revision {by}")).unwrap_or_default(),
        };
        let after = elapsed(at.duration_since(start));
        Line { after, subject: state.as_str().to_owned(), text, tone: state.into() }
    }

    fn sent(&self, revision: &RevisionStatus) -> String {
        let files = (revision.files > 0).then(|| count(revision.files as usize, "file"));
        let objects = self.objects_sent.map(|n| count(n, "object"));
        files.into_iter().chain(objects).collect::<Vec<_>>().join(", ")
    }

    /// An object is said when its health or its reason changes.
    fn object(&mut self, object: &ObjectStatus, status: &TaskStatus, start: Timestamp) -> Option<Line> {
        let subject = object.object.to_string();
        let now = (object.health, object.reason.clone());
        let before = self.objects.insert(subject.clone(), now.clone());
        let passive = object.health == Health::Healthy && PASSIVE.contains(&object.object.kind.as_str());
        // Progress is said where it has a reason, for example that an image cannot be pulled.
        let on_its_way = object.health == Health::Progressing && matches!(object.reason.as_str(), "" | "Running");
        if before.as_ref() == Some(&now) || on_its_way || (before.is_none() && passive) {
            return None;
        }
        let text = words(object);
        // Kubernetes' own times have whole seconds: the time of the fact that told it is nearer.
        let after = elapsed(status.updated.duration_since(start));
        Some(Line { after, subject, text, tone: object.health.into() })
    }
}

fn words(object: &ObjectStatus) -> String {
    match (object.reason.as_str(), object.message.as_str(), object.health) {
        ("", "", Health::Healthy) => "healthy".to_owned(),
        ("", "", Health::Progressing) => "progressing".to_owned(),
        ("", "", Health::Degraded) => "degraded".to_owned(),
        (reason, "", _) => reason.to_owned(),
        ("", message, _) | (_, message, Health::Healthy) => message.to_owned(),
        (reason, message, _) => format!("{reason}: {message}"),
    }
}

fn errors(revision: &RevisionStatus) -> usize {
    revision.problems.iter().filter(|p| p.is_error()).count()
}

/// `6 of 6 objects healthy`.
pub fn healthy(objects: &[ObjectStatus]) -> String {
    let well = objects.iter().filter(|o| o.health == Health::Healthy).count();
    format!("{well} of {} healthy", count(objects.len(), "object"))
}

fn kept(status: &TaskStatus) -> String {
    if status.kept.is_empty() {
        return "every object is gone".to_owned();
    }
    let names = status.kept.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("every object is gone, kept: {names}")
}

/// `1 file`, `3 files`.
pub fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
