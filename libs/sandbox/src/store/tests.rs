use serde_json::json;

use super::*;
use crate::resource::of_kind;

fn write(store: &mut Store, name: &str, labels: &Value) {
    let kind = of_kind("ConfigMap");
    let object = json!({"metadata": {"name": name, "namespace": "a", "uid": name, "labels": labels}});
    store.commit(Write { key: Key::of(kind, &object), object: Some(Arc::new(object)) });
}

#[test]
fn objects_are_found_by_label_until_it_goes() {
    let mut store = Store::new(10, 0);
    write(&mut store, "one", &json!({"task": "7"}));
    write(&mut store, "two", &json!({"task": "8"}));
    let kind = of_kind("ConfigMap");
    assert_eq!(store.labelled(kind, "", "task=7").len(), 1);
    assert_eq!(store.labelled(kind, "b", "task=7").len(), 0);
    write(&mut store, "one", &json!({}));
    assert_eq!(store.labelled(kind, "", "task=7").len(), 0);
    assert_eq!(store.list(kind, "a").count(), 2);
    assert_eq!(store.list(of_kind("Secret"), "").count(), 0);
}

#[test]
fn the_log_forgets_its_oldest_lines_and_says_so() {
    let mut store = Store::new(2, 0);
    for _ in 0..5 {
        write(&mut store, "one", &json!({}));
    }
    assert_eq!((store.version(), store.compacted()), (5, 3));
    assert_eq!(store.log_after(3).map(|l| l.version).collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn a_removed_object_is_logged_with_the_version_of_its_removal() {
    let mut store = Store::new(9, 0);
    write(&mut store, "one", &json!({}));
    let key = Key::new(of_kind("ConfigMap"), "a", "one");
    store.commit(Write { key: key.clone(), object: None });
    let last = store.log_after(1).next().expect("a line");
    assert!(last.removed && last.after["metadata"]["resourceVersion"] == "2");
    assert!(store.get(&key).is_none() && store.by_uid("one").is_none());
}
