use serde_json::{Value, json};

use super::*;

fn node(kind: &str) -> Node {
    Node::of(crate::resource::of_kind(kind).shape())
}

fn apply(kind: &str, managers: Managers, live: &Value, applied: &Value, by: &str) -> (Value, Managers) {
    let entry = Entry::new(by, true, "v1", "");
    let (new, managers) = managers.apply(node(kind), (live, applied), (entry, "now"), false).expect("no conflict");
    (new.unwrap_or_else(|| live.clone()), managers)
}

#[test]
fn a_field_no_longer_applied_goes_unless_another_owns_it() {
    let first = json!({"data": {"a": "1", "b": "2", "c": "3"}});
    let (live, m) = apply("ConfigMap", Managers::default(), &json!({}), &first, "one");
    let (live, m) = apply("ConfigMap", m, &live, &json!({"data": {"b": "2"}}), "two");
    let (live, m) = apply("ConfigMap", m, &live, &json!({"data": {"a": "1"}}), "one");
    assert_eq!(live, json!({"data": {"a": "1", "b": "2"}}));
    let (live, _) = apply("ConfigMap", m, &live, &json!({}), "two");
    assert_eq!(live, json!({"data": {"a": "1"}}));
}

#[test]
fn a_conflict_names_manager_and_path() {
    let first = json!({"spec": {"ports": [{"port": 80, "name": "web"}]}});
    let (live, m) = apply("Service", Managers::default(), &json!({}), &first, "one");
    let other = json!({"spec": {"ports": [{"port": 80, "name": "www", "protocol": "TCP"}]}});
    let entry = Entry::new("two", true, "v1", "");
    let failure = m.clone().apply(node("Service"), (&live, &other), (entry, "now"), false).expect_err("a conflict");
    assert_eq!(failure.code, 409);
    let cause = json!({
        "reason": "FieldManagerConflict",
        "message": "conflict with \"one\"",
        "field": ".spec.ports[port=80,protocol=\"TCP\"].name",
    });
    assert_eq!(failure.details["causes"], json!([cause]));
    let entry = Entry::new("two", true, "v1", "");
    let (new, m) = m.apply(node("Service"), (&live, &other), (entry, "now"), true).expect("forced");
    assert_eq!(new.expect("changed")["spec"]["ports"][0]["name"], "www");
    assert!(
        m.0.iter().find(|e| e.manager == "one").is_some_and(|e| !e.set.paths().iter().any(|p| p.ends_with("name")))
    );
}

#[test]
fn an_apply_that_changes_nothing_gives_no_object() {
    let first = json!({"data": {"a": "1"}});
    let (live, m) = apply("ConfigMap", Managers::default(), &json!({}), &first, "one");
    let entry = Entry::new("one", true, "v1", "");
    let (new, after) = m.clone().apply(node("ConfigMap"), (&live, &first), (entry, "later"), false).expect("fine");
    assert_eq!(new, None);
    assert_eq!(after, m);
}

#[test]
fn items_keep_the_applied_order_and_live_ones_their_place() {
    let env = |names: &[&str]| Value::Array(names.iter().map(|n| json!({"name": n})).collect());
    let list = match node("Pod").field("spec").field("containers").item() {
        container @ Node::Struct(_) => container.field("env"),
        other => panic!("{other:?}"),
    };
    let merged = |l: &[&str], r: &[&str]| walk::merge(list, Some(&env(l)), Some(&env(r))).expect("a list");
    assert_eq!(merged(&["a", "b", "c"], &["c", "a"]), env(&["b", "c", "a"]));
    assert_eq!(merged(&["x", "a", "y"], &["a", "b"]), env(&["x", "a", "y", "b"]));
    assert_eq!(merged(&[], &["a"]), env(&["a"]));
}

#[test]
fn sets_read_and_write_fields_v1() {
    let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"k:{\"port\":80}": {".": {}}}});
    let set = Set::parse(&fields);
    assert_eq!(set.paths(), [".metadata.labels.app", ".metadata.labels", ".spec[port=80]"]);
    assert_eq!(Set::parse(&set.fields()), set);
    assert!(set.difference(&set).is_empty());
    assert_eq!(set.intersection(&set), set);
}

#[test]
fn an_update_takes_what_it_changes() {
    let first = json!({"data": {"a": "1", "b": "2"}});
    let (live, m) = apply("ConfigMap", Managers::default(), &json!({}), &first, "one");
    let new = json!({"data": {"a": "9"}});
    let m = m.update(node("ConfigMap"), (&live, &new), (Entry::new("editor", false, "v1", ""), "now"));
    let paths = |by: &str| m.0.iter().find(|e| e.manager == by).map(|e| e.set.paths()).unwrap_or_default();
    assert_eq!(paths("editor"), [".data.a"]);
    assert_eq!(paths("one"), Vec::<String>::new());
}
