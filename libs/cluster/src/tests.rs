use domain::{Rendered, TaskId, TaskKey, record::RenderedObject};
use serde_json::{Value, json};

use crate::{
    Refusal, Task,
    api::Error,
    desired::{Desired, desired},
    diff::diff,
    jobs::{self, Step},
    memory::{Mark, Memory},
    ownership::{Owner, owner},
    refused,
    replicas::{self, Replicas},
    task::{SPEC_HASH_ANNOTATION, TASK_LABEL},
};

fn one(manifest: Value, beside: &[Value]) -> Desired {
    let object =
        |manifest: &Value| RenderedObject { manifest: manifest.clone(), file: String::new(), document: 0, line: 0 };
    let objects = std::iter::once(&manifest).chain(beside).map(object).collect();
    desired(&Rendered { objects, ..Rendered::default() }).remove(0)
}

fn task() -> Task {
    let key = TaskKey { tenant: "local".parse().expect("a label"), id: TaskId::new() };
    Task { key, name: "shop".parse().expect("a label") }
}

#[test]
fn an_object_is_ours_by_its_label_only() {
    let task = task();
    let live = |id: &str| json!({"metadata": {"uid": "u", "labels": {TASK_LABEL: id}}});
    let ours = live(&task.key.id.to_string());
    assert_eq!(owner(None, &task), Owner::Absent);
    assert_eq!(owner(Some(&ours), &task), Owner::Ours { uid: "u".to_owned() });
    assert_eq!(owner(Some(&live("other")), &task), Owner::Task("other".to_owned()));
    assert_eq!(owner(Some(&json!({"metadata": {}})), &task), Owner::Foreign);
    let mut leaving = ours;
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(owner(Some(&leaving), &task), Owner::Leaving);
}

fn job(image: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "namespace": "n"},
        "spec": {"template": {"spec": {"containers": [{"image": image, "name": "main"}]}}}})
}

fn live_job(desired: &Desired, ended: &str) -> Value {
    json!({"metadata": {"name": "a", "uid": "u", "annotations": {SPEC_HASH_ANNOTATION: desired.spec_hash()}},
        "status": {"conditions": [{"type": ended, "status": "True"}]}})
}

#[test]
fn a_job_that_ran_is_never_applied_again() {
    let (first, second) = (one(job("a:1"), &[]), one(job("a:2"), &[]));
    assert_ne!(first.spec_hash(), second.spec_hash());
    let mut memory = Memory::default();
    memory.note_job("a", &live_job(&first, "Complete"));
    let ran = memory.job("a", &first.spec_hash());
    let replace = Step::Replace { uid: "u".to_owned() };
    let cases = [
        (&first, None, None, Step::Apply),
        (&first, None, ran, Step::Leave),
        (&first, Some(live_job(&first, "Complete")), None, Step::Leave),
        (&first, Some(live_job(&first, "Failed")), None, Step::Leave),
        (&first, Some(live_job(&first, "")), None, Step::Apply),
        (&second, Some(live_job(&first, "Complete")), None, replace.clone()),
        (&second, Some(live_job(&first, "Failed")), None, replace),
        (&second, Some(live_job(&first, "")), None, Step::Refuse),
        (&first, Some(live_job(&second, "")), ran, Step::Remove { uid: "u".to_owned() }),
    ];
    for (desired, live, remembered, step) in cases {
        assert_eq!(jobs::decide(desired, live.as_ref(), remembered), step, "{live:?}");
    }
}

#[test]
fn the_hash_of_a_spec_does_not_depend_on_the_order_of_fields() {
    let other: Value = serde_json::from_str(
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"a:1"}]}}},"kind":"Job","apiVersion":"batch/v1","metadata":{"name":"a"}}"#,
    )
    .expect("valid JSON");
    assert_eq!(one(job("a:1"), &[]).spec_hash(), one(other, &[]).spec_hash());
}

#[test]
fn replicas_are_ours_until_somebody_scales() {
    let manifest =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "namespace": "n"}, "spec": {}});
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "w", "namespace": "n"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "w"}}});
    let live = |managers: &[&str]| {
        let entry = |m: &&str| json!({"manager": m, "fieldsV1": {"f:spec": {"f:replicas": {}}}});
        let entries: Vec<_> = managers.iter().map(entry).collect();
        json!({"metadata": {"managedFields": entries}, "spec": {"replicas": 4}})
    };
    let (plain, scaled) = (one(manifest.clone(), &[]), one(manifest, &[scaler]));
    assert!(scaled.autoscaled && !plain.autoscaled);
    let decide = |desired: &Desired, live: Option<&Value>| replicas::decide(desired, live, "us");
    assert_eq!(decide(&scaled, None), Replicas::AsSent);
    assert_eq!(decide(&scaled, Some(&live(&["us"]))), Replicas::Live(4));
    assert_eq!(decide(&plain, Some(&live(&["us"]))), Replicas::AsSent);
    assert_eq!(decide(&scaled, Some(&live(&["us", "hpa"]))), Replicas::Omit("hpa".to_owned()));
    assert_eq!(decide(&scaled, Some(&live(&[]))), Replicas::AsSent);
}

fn written(version: &str, generation: u32, time: &str, others: &[(&str, &str)]) -> Value {
    let mut entries = vec![json!({"manager": "us", "operation": "Apply", "time": time})];
    entries.extend(
        others.iter().map(|(manager, part)| json!({"manager": manager, "operation": "Update", "subresource": part})),
    );
    json!({"metadata": {"uid": "u", "generation": generation, "resourceVersion": version, "managedFields": entries}})
}

#[test]
fn a_stale_write_under_our_manager_is_told_from_what_others_do() {
    let status = [("kcm", "status")];
    let scale = [("kcm", "scale")];
    let mark = |live: &Value| Mark::of(live, "us");
    let before = mark(&written("5", 2, "t1", &[]));
    assert!(!before.overwritten(&written("6", 2, "t1", &status), "us"), "a status has no generation");
    assert!(!before.overwritten(&written("6", 3, "t1", &scale), "us"), "an autoscaler made the generation");
    assert!(before.overwritten(&written("6", 3, "t2", &scale), "us"), "we wrote at another second");
    assert!(before.overwritten(&written("6", 3, "t1", &status), "us"), "nobody else can have");
    let plain = mark(&written("5", 0, "t1", &[]));
    assert!(plain.overwritten(&written("6", 0, "t1", &[]), "us"));
    assert!(!plain.overwritten(&written("6", 0, "t1", &status), "us"), "a status changes the resourceVersion");
}

#[test]
fn a_diff_names_fields_and_hides_secrets() {
    let object =
        one(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque"}), &[]).object;
    let from =
        json!({"kind": "Secret", "metadata": {"uid": "1", "labels": {"a.b/c": "1"}}, "data": {"password": "aaa"}});
    let to = json!({"kind": "Secret", "metadata": {"uid": "2", "labels": {"a.b/c": "2"}}, "data": {"password": "bbb", "more": "ccc"}});
    let changes = diff(&object, Some(&from), Some(&to));
    let fields: Vec<_> = changes.iter().map(|c| c.field.as_str()).collect();
    assert_eq!(fields, ["data.password", "data.more", "metadata.labels[\"a.b/c\"]"]);
    let shown = serde_json::to_string(&changes).expect("string keys");
    assert!(!shown.contains("aaa") && !shown.contains("bbb") && !shown.contains("ccc"), "{shown}");
}

#[test]
fn a_job_that_is_absent_may_have_run_only_once_its_ttl_can_be_over() {
    let begun: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
    let after = |seconds: i64| begun + jiff::SignedDuration::from_secs(seconds);
    assert!(jobs::may_have_run(begun, 0, begun), "it may end at once");
    assert!(!jobs::may_have_run(begun, 60, after(40)));
    assert!(jobs::may_have_run(begun, 60, after(60)));
    assert!(!jobs::may_have_run(begun, u64::MAX, after(86_400)));
}

#[test]
fn of_a_secret_only_the_api_server_s_own_words_about_rights_are_passed_on() {
    let secret = one(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "a"}}), &[]);
    let told = |code, message: &str| {
        let refusal = Refusal::read(code, &json!({"message": message}));
        refused::problems(&secret, &Error::Refused(Box::new(refusal))).remove(0).message
    };
    let rights =
        r#"secrets "x" is forbidden: User "u" cannot patch resource "secrets" in API group "" in the namespace "a""#;
    assert_eq!(told(403, rights), rights);
    for (code, text) in [
        (403, r#"admission webhook "w" denied the request: the value hunter2 is weak"#),
        (
            403,
            r#"secrets "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: hunter2 cannot be"#,
        ),
        (400, r#"secrets "x" is forbidden: User "hunter2""#),
    ] {
        assert!(!told(code, text).contains("hunter2"), "{text}");
    }
}
