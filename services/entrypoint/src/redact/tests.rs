use super::*;

fn shown(text: &str) -> String {
    let file = SourceFile { name: "a.yaml".into(), content: text.into() };
    sources(vec![file]).remove(0).content
}

#[test]
fn files_without_a_secret_are_shown_as_sent() {
    for text in [
        "# hello\nkind: ConfigMap\n",
        "# Secret things\nkind: ConfigMap # \\o/\n",
        "kind: Pod\nspec: {imagePullSecrets: []} # x\n",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn no_spelling_of_a_secret_shows_its_values() {
    let spellings = [
        "kind: Secret\nmetadata: {name: a}\nstringData: {password: hunter2}\n",
        "kind: \"\\x53ecret\"\nmetadata: {name: a}\nstringData: {password: hunter2}\n",
        "kind: List\nitems:\n- kind: Secret\n  stringData: {password: hunter2}\n",
        "{\"kind\":\"Secret\",\"data\":{\"password\":\"hunter2\"}}",
        "kind: ConfigMap\na: &a {kind: Secret}\n---\n<<: *a\nstringData: {password: hunter2}\n",
        "kind: ConfigMap\n---\nkind: Secret\n# the password is hunter2\nstringData: {password: hunter2}\n",
    ];
    for text in spellings {
        assert!(!shown(text).contains("hunter2"), "{}", shown(text));
    }
}
