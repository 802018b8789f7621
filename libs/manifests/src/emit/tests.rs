use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read_back(text: &str) -> Value {
    let file = domain::SourceFile { name: "t.yaml".into(), content: text.into() };
    let (documents, whole) = crate::as_sent(&file);
    assert!(whole, "{text}");
    documents.into_iter().next().unwrap_or(Value::Null)
}

#[test]
fn a_manifest_is_written_as_people_write_it() {
    let value = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "labels": {}},
        "spec": {"containers": [{"image": "x:1", "name": "c", "args": ["yes", "1", "a b"], "command": []}]},
        "data": {"a.sh": "line 1\n  line 2\n", "0644": "0644"}});
    let expected = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {}\ndata:\n  \"0644\": \"0644\"\n  \
        a.sh: |\n    line 1\n      line 2\nspec:\n  containers:\n  - name: c\n    args:\n    - \"yes\"\n    - \"1\"\n    \
        - a b\n    command: []\n    image: x:1\n";
    assert_eq!(to_yaml(&value), expected);
    assert_eq!(read_back(expected), value);
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = "[ \ta-cyn0-9.:#|>'\"@*&!%~,?{}\\[\\]\n\r\u{85}\u{2028}é_<=-]{0,12}|(?s).{0,12}|0[xob]?[0-7_]{0,4}|[0-9]{4}-[0-9]{2}-[0-9]{2}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1.0e6..1.0e6f64).prop_map(|f| if f.fract() == 0.0 { json!(f as i64) } else { json!(f) }),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(text, inner, 0..5).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_is_written_reads_back_the_same(value in any_value()) {
        // What cannot be sent as a manifest: control characters are for JSON's escapes only.
        let text = to_yaml(&value);
        prop_assert_eq!(read_back(&text), value, "{}", text);
    }
}
