//! What pods say about why a workload is not there yet. Pure.

use serde_json::Value;

use super::{Phase, Standing};
use crate::view::{condition, controller, int, list, text};

/// What is wrong with a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The worst one is shown.
    pub weight: u8,
    pub reason: String,
    pub message: String,
    /// It never heals by itself.
    pub permanent: bool,
}

/// Reasons for which a container waits, worst last.
const WAITING: [&str; 11] = [
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "RunContainerError",
    "CreateContainerError",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "PostStartHookError",
    "InvalidImageName",
];

/// Whether a pod belongs to a workload: its controller is it, or its ReplicaSet.
pub(crate) fn belongs_to(pod: &Value, workload: &Value) -> bool {
    let Some(owner) = controller(pod) else { return pod["metadata"]["uid"] == workload["metadata"]["uid"] };
    if text(pod, "/metadata/namespace") != text(workload, "/metadata/namespace") {
        return false;
    }
    let (name, kind) = (text(workload, "/metadata/name"), text(workload, "/kind"));
    let generated =
        |parent: &str| parent.strip_prefix(name).and_then(|r| r.strip_prefix('-')).is_some_and(|r| !r.contains('-'));
    match kind {
        "Deployment" => text(owner, "/kind") == "ReplicaSet" && generated(text(owner, "/name")),
        "CronJob" => text(owner, "/kind") == "Job" && generated(text(owner, "/name")),
        _ => owner["uid"] == workload["metadata"]["uid"],
    }
}

/// Why a pod failed as a whole: `OOMKilled`, `Evicted`, `Error`.
pub(super) fn failure(pod: &Value) -> &str {
    let statuses = list(pod, "/status/containerStatuses").iter();
    let own = text(pod, "/status/reason");
    let mut ends = statuses.map(|s| text(s, "/state/terminated/reason")).filter(|r| !r.is_empty() && *r != "Completed");
    if own.is_empty() { ends.next().unwrap_or("Failed") } else { own }
}

/// The worst that a pod tells of itself.
pub(crate) fn trouble(pod: &Value) -> Option<Trouble> {
    let groups = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let statuses = groups.iter().flat_map(|pointer| list(pod, pointer));
    statuses.filter_map(container).max_by_key(|t| t.weight).or_else(|| unscheduled(pod))
}

fn container(status: &Value) -> Option<Trouble> {
    let name = text(status, "/name");
    let waiting = text(status, "/state/waiting/reason");
    let weight = WAITING.iter().position(|r| *r == waiting)?;
    let said = text(status, "/state/waiting/message");
    let root = waiting == "CreateContainerConfigError" && said.contains("runAsNonRoot");
    let killed = text(status, "/lastState/terminated/reason") == "OOMKilled";
    let reason = if waiting == "CrashLoopBackOff" && killed { "OOMKilled" } else { waiting };
    let message = match reason {
        _ if root => format!(
            "container `{name}`: its image runs as root, but `runAsNonRoot` is set: set `runAsUser`, or use an image that does not run as root"
        ),
        "OOMKilled" => format!(
            "container `{name}`: killed{} for using more memory than its limit",
            times(int(status, "/restartCount"))
        ),
        "CrashLoopBackOff" => {
            format!(
                "container `{name}`: ended{} with exit code {}",
                times(int(status, "/restartCount")),
                int(status, "/lastState/terminated/exitCode")
            )
        }
        _ => format!("container `{name}`: {}", crate::refused::bounded(said)),
    };
    let permanent = root || waiting == "InvalidImageName";
    Some(Trouble { weight: u8::try_from(weight).unwrap_or(u8::MAX), reason: reason.to_owned(), message, permanent })
}

/// How often a container was started anew, in words; the kubelet may tell of the first end before it counts it.
fn times(restarts: i64) -> String {
    match restarts {
        ..=0 => String::new(),
        1 => " once".to_owned(),
        more => format!(" {more} times"),
    }
}

fn unscheduled(pod: &Value) -> Option<Trouble> {
    let scheduled = condition(pod, "PodScheduled").filter(|c| c["status"] == "False")?;
    let message = crate::refused::bounded(text(scheduled, "/message"));
    Some(Trouble { weight: 0, reason: "Unschedulable".to_owned(), message, permanent: false })
}

impl Trouble {
    /// The workload's standing, with this said: trouble ends a Job's privilege to run without a deadline.
    pub(crate) fn over(self, standing: Standing) -> Standing {
        let phase = if self.permanent { Phase::Failed } else { Phase::InProgress };
        let message =
            if standing.message.is_empty() { self.message } else { format!("{}: {}", standing.message, self.message) };
        Standing { phase, reason: self.reason, message }
    }
}
