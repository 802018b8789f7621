use serde_json::json;

use super::*;

const PLANTED: &str = "hunter2planted";

fn shown(text: &str) -> String {
    redact_source(&SourceFile { name: "a.yaml".into(), content: text.into() })
}

/// Every way to write a Secret that anybody thought of; `VALUE` is the value.
const SPELLINGS: [&str; 32] = [
    "kind: Secret\nmetadata: {name: a}\nstringData: {password: VALUE}\n",
    "kind: Secret\ndata: {password: VALUE}\n# VALUE\n",
    "kind: Secret\ndata: VALUE\n",
    "kind: Secret\ndata: [VALUE, {a: VALUE}]\n",
    "kind: Secret\nstringdata: {password: VALUE}\n",
    "kind: Secret\nstring_data: {a: {b: [VALUE]}}\n",
    "kind: Secret\nimmutable: VALUE\n",
    "kind: Secret\npassword: VALUE\n",
    "kind: Secret\ntype: {a: VALUE}\n",
    "kind: Secret\nmetadata: VALUE\n",
    "kind: Secret\nmetadata: {name: a, annotations: {a: VALUE}, labels: {b: VALUE}, password: VALUE}\n",
    "kind: Secret\nmetadata: {name: [VALUE], namespace: {a: VALUE}}\n",
    "kind: Secret\nstringData: {password:VALUE}\n",
    "kind: Secret\nstringData: {VALUE}\n",
    "kind: Secret\npassword:VALUE:\n",
    "kind: secret\nstringData: {password: VALUE}\n",
    "kind: SECRET\nstringData: {password: VALUE}\n",
    "kind: ' Secret '\nstringData: {password: VALUE}\n",
    "Kind: Secret\nstringData: {password: VALUE}\n",
    "kind: [Secret]\nstringData: {password: VALUE}\n",
    "kind: \"\\x53ecret\"\nstringData: {password: VALUE}\n",
    "kind: \"\\u0053ecret\"\nstringData: {password: VALUE}\n",
    "kind: !!binary U2VjcmV0\nstringData: {password: VALUE}\n",
    "kind: &k Secret\nx: {kind: *k, stringData: {password: VALUE}}\n",
    "a: &a {kind: Secret}\nb: {<<: *a, stringData: {password: VALUE}}\n",
    "<<: {kind: Secret}\nstringData: {password: VALUE}\n",
    "{\"kind\":\"Secret\",\"data\":{\"password\":\"VALUE\"}}",
    "kind: SecretList\nitems: [{stringData: {password: VALUE}}, VALUE, {kind: ConfigMap, data: {a: VALUE}}]\n",
    "apiVersion: v1\nkind: secretlist\nitems: {a: {stringData: {password: VALUE}}}\n",
    "kind: List\nitems: [{kind: List, items: [{kind: Secret, stringData: {password: VALUE}}]}]\n",
    "kind: List\nitems: {a: {kind: Secret, stringData: {password: VALUE}}}\n",
    "kind: ConfigMap\ndata: {a: b}\n---\nkind: Secret\n# VALUE\nstringData: {password: VALUE}\n",
];

#[test]
fn no_spelling_of_a_secret_shows_its_value() {
    for spelling in SPELLINGS {
        let shown = shown(&spelling.replace("VALUE", PLANTED));
        assert!(!shown.contains(PLANTED), "{spelling}\n{shown}");
        let wrapped = spelling.replace("VALUE", "!!str 'hunter2planted'");
        assert!(!self::shown(&wrapped).contains(PLANTED), "{wrapped}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_not_shown() {
    for text in [
        "kind: Secret\ndata: {a: 'hunter2planted}",
        "kind: \"\\x53ecret\"\ndata: [hunter2planted",
        "a: &a {kind: Secret}\n---\n<<: *a\nstringData: {password: hunter2planted}\n",
    ] {
        assert_eq!(shown(text), HIDDEN, "{text}");
    }
}

#[test]
fn a_file_without_a_secret_is_shown_as_sent() {
    for text in [
        "# hello\nkind: ConfigMap\n",
        "# Secret things\nkind: ConfigMap # \\o/\n",
        "kind: Pod\nspec: {imagePullSecrets: []} # x\n",
        "kind: Pod\nspec: {volumes: [{secret: {secretName: a}}]}\n",
        "a: &a {b: c}\nd: {<<: *a} # Secret\n",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn what_names_a_secret_stays() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
        "metadata": {"name": "a", "namespace": "b", "creationTimestamp": null, "labels": {"x/y": "z"}},
        "data": {"tls.key": "hunter2"}});
    let expected = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": REDACTED,
        "metadata": {"name": "a", "namespace": "b", "creationTimestamp": null, "labels": {"x/y": REDACTED}},
        "data": {"tls.key": REDACTED}});
    assert_eq!(redact(&secret), expected);
    let list = json!({"kind": "SecretList", "items": [secret]});
    assert_eq!(redact(&list), json!({"kind": "SecretList", "items": [expected]}));
}
