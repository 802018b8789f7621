//! The stages of a pod's life: one table, for the sandbox's kubelet and for kwok.

mod kwok;

use jiff::SignedDuration;
use serde_json::Value;

pub use kwok::kwok_stages;

use crate::{
    api::hash,
    json::{at, text},
    names,
};

/// Where a pod stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Deleted,
    Unscheduled,
    Scheduled,
    Running,
    /// A container ended and waits to be started again.
    BackOff,
    Over,
}

/// How a pod is told to end, by annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Well,
    ImagePullBackOff,
    CrashLoopBackOff,
    Unschedulable,
    OutOfMemory,
}

/// What a stage makes of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Gone,
    Unschedulable,
    Bound,
    PullFailed,
    Running,
    Complete,
    Crashed,
}

/// How long a pod stays before a stage.
#[derive(Debug, Clone, Copy)]
pub(super) enum Delay {
    /// Between these, in milliseconds.
    Between(u64, u64),
    /// As its annotation says, else this many milliseconds.
    RunFor(u64),
    /// As the kubelet backs off: 10 s, 20 s, up to 5 min.
    BackOff,
}

/// One stage.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    at: At,
    outcomes: &'static [Outcome],
    /// Whether it is for pods that end by themselves; none: for all.
    ends: Option<bool>,
    pub(super) delay: Delay,
    pub(super) to: To,
}

use Outcome::{CrashLoopBackOff, ImagePullBackOff, OutOfMemory, Unschedulable, Well};

const ANY: &[Outcome] = &[Well, ImagePullBackOff, CrashLoopBackOff, Unschedulable, OutOfMemory];
const STARTS: &[Outcome] = &[Well, CrashLoopBackOff, OutOfMemory];
const CRASHES: &[Outcome] = &[CrashLoopBackOff, OutOfMemory];

const fn stage(name: &'static str, at: At, outcomes: &'static [Outcome], delay: Delay, to: To) -> Stage {
    Stage { name, at, outcomes, ends: None, delay, to }
}

const fn of_ending(ends: bool, stage: Stage) -> Stage {
    Stage { ends: Some(ends), ..stage }
}

/// The table: the first stage that fits a pod is its next one.
pub(super) static STAGES: [Stage; 9] = [
    stage("pod-delete", At::Deleted, ANY, Delay::Between(20, 100), To::Gone),
    stage("pod-unschedulable", At::Unscheduled, &[Unschedulable], Delay::Between(0, 0), To::Unschedulable),
    stage("pod-schedule", At::Unscheduled, ANY, Delay::Between(0, 0), To::Bound),
    stage("pod-pull-failed", At::Scheduled, &[ImagePullBackOff], Delay::Between(100, 300), To::PullFailed),
    of_ending(true, stage("pod-start", At::Scheduled, STARTS, Delay::Between(50, 150), To::Running)),
    of_ending(false, stage("pod-ready", At::Scheduled, STARTS, Delay::Between(300, 1000), To::Running)),
    of_ending(true, stage("pod-complete", At::Running, &[Well], Delay::RunFor(1000), To::Complete)),
    stage("pod-crash", At::Running, CRASHES, Delay::Between(200, 400), To::Crashed),
    stage("pod-restart", At::BackOff, CRASHES, Delay::BackOff, To::Running),
];

/// The stage that a pod comes to next, if any.
pub(super) fn next(at: At, outcome: Outcome, ends: bool) -> Option<&'static Stage> {
    STAGES.iter().find(|s| s.at == at && s.outcomes.contains(&outcome) && s.ends.is_none_or(|e| e == ends))
}

fn annotation<'a>(pod: &'a Value, name: &str) -> &'a str {
    at(pod, "metadata.annotations").get(name).and_then(Value::as_str).unwrap_or_default()
}

/// How a pod is told to end.
pub(super) fn outcome(pod: &Value) -> Outcome {
    match annotation(pod, names::OUTCOME) {
        "ImagePullBackOff" => ImagePullBackOff,
        "CrashLoopBackOff" => CrashLoopBackOff,
        "Unschedulable" => Unschedulable,
        "OOMKilled" => OutOfMemory,
        _ => Well,
    }
}

/// Whether a pod ends by itself.
pub(super) fn ends(pod: &Value) -> bool {
    text(pod, "spec.restartPolicy") != "Always"
}

/// How long a pod stays before a stage; the same for the same pod and seed.
pub(super) fn delay(stage: &Stage, pod: &Value, restarts: i64, seed: u64) -> SignedDuration {
    let milliseconds = match stage.delay {
        Delay::Between(least, most) => {
            let dice = hash(&format!("{}{}{seed}", text(pod, "metadata.uid"), stage.name)) >> 16;
            least + dice % (most - least + 1)
        }
        Delay::RunFor(usual) => span(annotation(pod, names::RUN_FOR)).unwrap_or(usual),
        Delay::BackOff => (10_000 << restarts.clamp(1, 6).unsigned_abs() >> 1).min(300_000),
    };
    SignedDuration::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

/// `3s`, `200ms`, `5m`, in milliseconds.
fn span(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let factor = match unit {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return None,
    };
    let milliseconds = number.parse::<f64>().ok()? * factor;
    SignedDuration::try_from_secs_f64(milliseconds / 1000.0).ok().and_then(|d| u64::try_from(d.as_millis()).ok())
}
