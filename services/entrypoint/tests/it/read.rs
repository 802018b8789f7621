use domain::{
    Problem, Rendered, TaskKey,
    record::{RenderedObject, Report},
};
use serde_json::json;

use crate::harness::{CONFIG_MAP, Harness, answer};

const PLANTED: &str = "hunter2-planted";

#[tokio::test]
async fn values_of_secrets_are_in_no_answer() {
    let harness = Harness::new().await;
    let secret =
        format!("kind: Secret\napiVersion: v1\nmetadata: {{name: a}}\nstringData: {{p: {PLANTED}}}\n# {PLANTED}\n");
    let (_, body) = answer(harness.post("", secret)).await;
    let id = body["id"].as_str().expect("id");
    let key = TaskKey { tenant: "local".parse().expect("label"), id: id.parse().expect("id") };
    let manifest = json!({"kind": "Secret", "metadata": {"name": "a"}, "stringData": {"p": PLANTED}});
    let object = RenderedObject { manifest, file: "a.yaml".into(), document: 0, line: 1 };
    let rendered = Rendered { objects: vec![object], added: vec!["a line".into()], ..Rendered::default() };
    harness.context.records.put_rendered(&key, 1, &rendered).await.expect("written");
    let report = Report { problems: vec![Problem::warning("w", "a warning")], rejected: false };
    harness.context.records.put_report(&key, 1, &report).await.expect("written");
    for form in ["source", "rendered", "report"] {
        for accept in ["application/json", "application/yaml"] {
            let path = format!("/yaml/{id}?form={form}&revision=1");
            let (status, body) = answer(harness.get(&path).header("accept", accept)).await;
            assert_eq!(status, 200, "{body}");
            assert!(!body.to_string().contains(PLANTED), "{form} {accept}: {body}");
        }
    }
    let (_, shown) = answer(harness.get(&format!("/yaml/{id}?form=rendered"))).await;
    assert_eq!(
        (&shown["added"][0], &shown["objects"][0]["manifest"]["metadata"]["name"]),
        (&"a line".into(), &"a".into())
    );
}

#[tokio::test]
async fn no_spelling_of_a_secret_shows_its_value() {
    let harness = Harness::new().await;
    for secret in [
        "kind: SecretList\napiVersion: v1\nitems: [{metadata: {name: a}, stringData: {p: hunter2-planted}}]\n",
        "kind: SecretList\napiVersion: v1\nitems: {a: {stringData: {p: hunter2-planted}}}\n",
        "kind: Secret\nstringdata: {p: hunter2-planted}\nimmutable: hunter2-planted\n",
        "kind: \"\\x73ecret\"\nstringData: {p: hunter2-planted}\n",
    ] {
        let (_, body) = answer(harness.post("", secret)).await;
        let path = format!("/yaml/{}", body["id"].as_str().expect("id"));
        for accept in ["application/json", "application/yaml"] {
            let (status, body) = answer(harness.get(&path).header("accept", accept)).await;
            assert_eq!((status, body.to_string().contains(PLANTED)), (200, false), "{secret}: {body}");
        }
    }
}

#[tokio::test]
async fn a_form_that_is_not_there_yet_is_a_404() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    for (path, said) in
        [("?form=rendered", "not"), ("?form=report", "not"), ("?revision=2", "no revision 2; the last is 1")]
    {
        let (status, body) = answer(harness.get(&format!("/yaml/{id}{path}"))).await;
        assert!(status == 404 && body["detail"].as_str().is_some_and(|d| d.contains(said)), "{path}: {body}");
    }
    let (_, source) = answer(harness.get(&format!("/yaml/{id}")).header("accept", "application/yaml")).await;
    assert_eq!(source, format!("# manifest.yaml\n---\n{CONFIG_MAP}"));
}

#[tokio::test]
async fn a_task_is_found_by_the_end_of_its_id() {
    let harness = Harness::new().await;
    let id = harness.submit("").await;
    let (status, body) = answer(harness.get(&format!("/yaml/{}", &id[28..]))).await;
    assert_eq!((status, &body["id"]), (200, &id.as_str().into()), "{body}");
    let name = body["name"].as_str().expect("a name");
    assert_eq!(answer(harness.get(&format!("/yaml/{name}"))).await.0, 200);
}
