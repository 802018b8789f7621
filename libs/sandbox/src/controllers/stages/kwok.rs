//! The table as kwok's stages (`kwok --config`): what pods come to on a real API server without nodes.

use super::{ANY, At, Delay, Outcome, STAGES, Stage, To};
use crate::names;

const HEAD: &str = "\
# Generated from the sandbox's table of stages; do not edit. After a change of the table:
#     TESTKIT_WRITE=1 cargo test -p sandbox the_test_kit_s_stages_are_the_table
";

const NODE: &str = r#"apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: node-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchExpressions:
    - {key: '.status.conditions.[] | select( .type == "Ready" ) | .status', operator: NotIn, values: ['True']}
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
      {{ range NodeConditions }}
      - lastHeartbeatTime: {{ $now | Quote }}
        lastTransitionTime: {{ $now | Quote }}
        message: {{ .message | Quote }}
        reason: {{ .reason | Quote }}
        status: {{ .status | Quote }}
        type: {{ .type | Quote }}
      {{ end }}
      addresses:
      - {address: {{ NodeIP | Quote }}, type: InternalIP}
      - {address: {{ NodeName | Quote }}, type: Hostname}
      allocatable: {cpu: "64", memory: 256Gi, pods: "1000", ephemeral-storage: 1Ti}
      capacity: {cpu: "64", memory: 256Gi, pods: "1000", ephemeral-storage: 1Ti}
      phase: Running
"#;

const STAGE: &str = "\
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: @NAME}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
@SELECTOR@DELAY  next:
@NEXT";

const GONE: &str = "    delete: true\n";

const UNSCHEDULABLE: &str = r#"    statusTemplate: |
      {{ $now := Now }}
      conditions:
      - {type: PodScheduled, status: "False", lastTransitionTime: {{ $now | Quote }}, reason: Unschedulable, message: no node fits this pod (simulated)}
      phase: Pending
"#;

const STATUS: &str = r#"    statusTemplate: |
      {{ $now := Now }}
      {{ $never := eq .spec.restartPolicy "Never" }}
      conditions:
      - {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
      - {type: Ready, status: "@READY", lastTransitionTime: {{ $now | Quote }}}
      - {type: ContainersReady, status: "@READY", lastTransitionTime: {{ $now | Quote }}}
      {{ range .spec.readinessGates }}
      - {type: {{ .conditionType | Quote }}, status: "@READY", lastTransitionTime: {{ $now | Quote }}}
      {{ end }}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        imageID: ""
        name: {{ .name | Quote }}
        ready: @BOOL
        started: @BOOL
        restartCount: @RESTARTS
@STATE      {{ end }}
@MORE      phase: @PHASE
"#;

const RUNNING: &str = "        state: {running: {startedAt: {{ $now | Quote }}}}\n";

const COMPLETE: &str = "        state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}\n";

const PULL_FAILED: &str = r#"        state: {waiting: {reason: ImagePullBackOff, message: {{ printf "Back-off pulling image %s (simulated)" .image | Quote }}}}
"#;

const CRASHED: &str = r#"        {{ if $never }}
        state: {terminated: {exitCode: @CODE, reason: @REASON, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
        {{ else }}
        state: {waiting: {reason: CrashLoopBackOff, message: {{ printf "back-off restarting failed container %s (simulated)" .name | Quote }}}}
        lastState: {terminated: {exitCode: @CODE, reason: @REASON, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
        {{ end }}
"#;

/// What the first status of a pod on its node tells, beside its containers.
const STARTED: &str = r#"      initContainerStatuses:
      {{ range .spec.initContainers }}
      - image: {{ .image | Quote }}
        imageID: ""
        name: {{ .name | Quote }}
        ready: true
        restartCount: 0
        {{ if eq .restartPolicy "Always" }}
        started: true
        state: {running: {startedAt: {{ $now | Quote }}}}
        {{ else }}
        state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
        {{ end }}
      {{ end }}
      {{ with NodeIPsWith .spec.nodeName }}
      hostIP: {{ index . 0 | Quote }}
      hostIPs:
      {{ range . }}
      - ip: {{ . | Quote }}
      {{ end }}
      {{ end }}
      {{ with PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
      podIP: {{ index . 0 | Quote }}
      podIPs:
      {{ range . }}
      - ip: {{ . | Quote }}
      {{ end }}
      {{ end }}
      startTime: {{ $now | Quote }}
"#;

/// The table as the file that kwok reads. Binding is the real scheduler's work there; a container in its back-off is
/// not started again.
pub fn kwok_stages() -> String {
    let there = STAGES.iter().filter(|s| s.to != To::Bound && s.at != At::BackOff);
    let stages = there.flat_map(|stage| match stage.to {
        // How it ended is in the status, which has no words for a choice.
        To::Crashed => stage.outcomes.iter().map(|outcome| one(stage, &[*outcome])).collect(),
        _ => vec![one(stage, stage.outcomes)],
    });
    format!("{HEAD}{NODE}{}", stages.collect::<String>())
}

fn one(stage: &Stage, outcomes: &[Outcome]) -> String {
    let name = match (stage.to, outcomes) {
        (To::Crashed, [outcome]) => format!("{}-{}", stage.name, word(*outcome).to_lowercase()),
        _ => stage.name.to_owned(),
    };
    let text = STAGE.replace("@NAME", &name).replace("@SELECTOR", &selector(stage, outcomes));
    text.replace("@DELAY", &delay(stage)).replace("@NEXT", &next(stage, outcomes))
}

/// The annotation's word for an outcome; empty: it is not set.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Well => "",
        Outcome::ImagePullBackOff => "ImagePullBackOff",
        Outcome::CrashLoopBackOff => "CrashLoopBackOff",
        Outcome::Unschedulable => "Unschedulable",
        Outcome::OutOfMemory => "OOMKilled",
    }
}

fn selector(stage: &Stage, outcomes: &[Outcome]) -> String {
    const WAITING: &str = ".status.containerStatuses.[].state.waiting.reason";
    let deleted = if stage.at == At::Deleted { "Exists" } else { "DoesNotExist" };
    let mut lines = vec![expression(".metadata.deletionTimestamp", deleted, &[])];
    lines.extend(outcome_selector(outcomes));
    match stage.at {
        // kwok sees a pod once it is bound: what should not have been is taken back.
        At::Unscheduled => {
            let scheduled = ".status.conditions.[] | select( .type == \"PodScheduled\" ) | .status";
            lines.push(expression(".status.phase", "In", &["Pending"]));
            lines.push(expression(scheduled, "In", &["True"]));
        }
        At::Scheduled => {
            lines.push(expression(".status.phase", "In", &["Pending"]));
            lines.push(expression(WAITING, "NotIn", &["ImagePullBackOff"]));
        }
        At::Running => {
            lines.push(expression(".status.phase", "In", &["Running"]));
            lines.push(expression(WAITING, "NotIn", &["CrashLoopBackOff"]));
        }
        At::Deleted | At::BackOff | At::Over => {}
    }
    let always = stage.ends.map(|ends| if ends { "NotIn" } else { "In" });
    lines.extend(always.map(|operator| expression(".spec.restartPolicy", operator, &["Always"])));
    lines.concat()
}

/// Which outcomes a pod may be told. One that is told none, or an unknown one, ends well.
fn outcome_selector(outcomes: &[Outcome]) -> Option<String> {
    if outcomes.len() == ANY.len() {
        return None;
    }
    let key = format!(".metadata.annotations[\"{}\"]", names::OUTCOME);
    let words = |all: &[Outcome], wanted: bool| -> Vec<&str> {
        all.iter().filter(|o| outcomes.contains(o) == wanted).map(|o| word(*o)).collect()
    };
    Some(match outcomes.contains(&Outcome::Well) {
        true => expression(&key, "NotIn", &words(ANY, false)),
        false => expression(&key, "In", &words(ANY, true)),
    })
}

fn expression(key: &str, operator: &str, values: &[&str]) -> String {
    let quoted: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
    let values = if values.is_empty() { String::new() } else { format!(", values: [{}]", quoted.join(", ")) };
    format!("    - {{key: '{key}', operator: {operator}{values}}}\n")
}

fn delay(stage: &Stage) -> String {
    let annotation = |name| format!("    durationFrom: {{expressionFrom: '.metadata.annotations[\"{name}\"]'}}\n");
    match stage.delay {
        Delay::Between(0, 0) | Delay::BackOff => String::new(),
        Delay::Between(least, most) => {
            format!("  delay: {{durationMilliseconds: {least}, jitterDurationMilliseconds: {most}}}\n")
        }
        Delay::RunFor(usual) => {
            format!("  delay:\n    durationMilliseconds: {usual}\n{}", annotation(names::RUN_FOR))
        }
    }
}

fn next(stage: &Stage, outcomes: &[Outcome]) -> String {
    let (code, reason) = if outcomes == [Outcome::OutOfMemory] { ("137", "OOMKilled") } else { ("1", "Error") };
    let crashed = || CRASHED.replace("@CODE", code).replace("@REASON", reason);
    match stage.to {
        To::Gone | To::Bound => GONE.to_owned(),
        To::Unschedulable => UNSCHEDULABLE.to_owned(),
        To::PullFailed => status(false, "0", PULL_FAILED, STARTED, "Pending"),
        To::Running => status(true, "0", RUNNING, STARTED, "Running"),
        To::Complete => status(false, "0", COMPLETE, "", "Succeeded"),
        To::Crashed => status(
            false,
            "{{ if $never }}0{{ else }}1{{ end }}",
            &crashed(),
            "",
            "{{ if $never }}Failed{{ else }}Running{{ end }}",
        ),
    }
}

fn status(ready: bool, restarts: &str, state: &str, more: &str, phase: &str) -> String {
    let (word, boolean) = if ready { ("True", "true") } else { ("False", "false") };
    let text = STATUS.replace("@READY", word).replace("@BOOL", boolean).replace("@RESTARTS", restarts);
    text.replace("@STATE", state).replace("@MORE", more).replace("@PHASE", phase)
}
