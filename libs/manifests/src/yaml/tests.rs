use std::time::{Duration, Instant};

use domain::SourceFile;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn read_text(content: &str) -> (Vec<Document>, Vec<Problem>) {
    let (mut budget, mut report) = (Budget::default(), Report::default());
    let file = SourceFile { name: "t.yaml".into(), content: content.into() };
    report.enter_file(&file.name);
    let documents = read(&file, &mut budget, &mut report);
    (documents, report.finish())
}

fn codes(content: &str) -> Vec<String> {
    read_text(content).1.into_iter().filter(Problem::is_error).map(|p| p.code).collect()
}

/// Where this parser and kubectl's differ on purpose: `None` where we refuse what it reads.
const DIFFERENT: [(&str, Option<&str>); 11] = [
    // Tags that mean nothing to Kubernetes are refused instead of dropped.
    ("v: !foo 3\n", None),
    ("v: !foo {a: 1}\n", None),
    ("v: !!set {a}\n", None),
    // A second key is refused, kubectl takes the last one.
    ("a: &a {x: 1}\nb: 1\nb: 2\n", None),
    // JSON's escapes, which kubectl reads by its JSON decoder in files that begin with `{`.
    ("a: \"\\/\"\n", Some(r#"{"a":"/"}"#)),
    ("a: \"\\ud83d\\ude00\"\n", Some(r#"{"a":"😀"}"#)),
    // An integer of a float's size as key.
    ("18446744073709551615: 1\n", None),
    // YAML 1.2 allows what goyaml does not.
    ("\ta: 1\n", Some(r#"{"a":1}"#)),
    ("[a, , b]\n", None),
    ("a: &a {b: *a}\n", None),
    ("v: .5_0\n", Some(r#"{"v":0.5}"#)),
];

#[test]
fn every_scalar_key_and_merge_reads_as_kubectl_reads_it() {
    let mut wrong = Vec::new();
    for line in include_str!("goyaml.jsonl").lines() {
        let row = serde_json::from_str::<Value>(line).unwrap();
        let yaml = row["yaml"].as_str().unwrap();
        let (documents, problems) = read_text(yaml);
        let refused = problems.iter().any(Problem::is_error);
        let ours = documents.first().map(|d| d.root.to_json()).filter(|_| !refused);
        let theirs = match DIFFERENT.iter().find(|(y, _)| *y == yaml) {
            Some((_, json)) => json.map(|j| serde_json::from_str(j).unwrap()),
            None => row.get("json").cloned(),
        };
        if !same(ours.as_ref(), theirs.as_ref()) {
            wrong.push(format!("{yaml:?}: ours {ours:?}, kubectl's {theirs:?}, {problems:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a == b || a.as_f64() == b.as_f64(),
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(Some(a), Some(b)))
        }
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            a.len() == b.len() && a.iter().all(|(k, v)| same(Some(v), b.get(k)))
        }
        (a, b) => a == b,
    }
}

#[test]
fn a_place_is_line_and_column_from_one_in_characters() {
    let (documents, _) = read_text("# é\n---\na:\n  é: b\n");
    let root = &documents[0].root;
    let inner = root.entry("a").unwrap().value.entry("é").unwrap();
    assert_eq!((inner.at, inner.value.at), (Mark { line: 4, column: 3 }, Mark { line: 4, column: 6 }));
}

#[test]
fn duplicate_keys_name_both_places() {
    let (_, problems) = read_text("a: 1\nb: 2\na: 3\n");
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].line, problems[0].column, problems[0].code.as_str()), (3, 1, "duplicate_key"));
    assert!(problems[0].message.contains("first at 1:1"), "{problems:?}");
}

#[test]
fn many_keys_are_compared_in_bounded_time() {
    let many = (0..200_000).map(|i| format!("k{i}: 1\n")).collect::<String>();
    let began = Instant::now();
    assert_eq!(codes(&format!("{many}k7: 1\n")), ["duplicate_key"]);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_broken_document_does_not_hide_the_next_ones() {
    let (documents, problems) = read_text("a: [1\n---\nb: 1\n---\nc: @x\n---\nd: 2\n");
    assert_eq!(
        documents.iter().map(|d| d.root.to_json().to_string()).collect::<Vec<_>>(),
        [r#"{"b":1}"#, r#"{"d":2}"#]
    );
    assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>().len(), 2, "{problems:?}");
}

#[test]
fn empty_documents_are_skipped_and_counted() {
    let (documents, problems) = read_text("---\n---\n# nothing\n---\na: 1\n...\n");
    assert_eq!((documents.len(), documents[0].index, problems.len()), (1, 2, 0));
}

#[test]
fn json_with_tabs_windows_line_ends_and_byte_order_marks_are_read() {
    for text in ["{\n\t\"a\": [\n\t\t1\n\t]\n}", "a:\r\n- 1\r\n", "\u{feff}a: [1]", "\u{feff}{\"a\":[1]}"] {
        let (documents, problems) = read_text(text);
        assert!(problems.is_empty(), "{text:?}: {problems:?}");
        assert_eq!(documents[0].root.to_json().to_string(), r#"{"a":[1]}"#);
    }
}

#[test]
fn bombs_are_refused_before_they_are_built() {
    let mut laughs = "a0: &a0 [x]\n".to_owned();
    for i in 1..30 {
        let previous = format!("*a{}, ", i - 1).repeat(9);
        laughs.push_str(&format!("a{i}: &a{i} [{}]\n", previous.trim_end_matches(", ")));
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), ["*a"; 900].join(", "));
    let merges = format!("a: &a {{{}}}\n", (0..2000).map(|i| format!("k{i}: 1")).collect::<Vec<_>>().join(", "))
        + &(0..900).map(|i| format!("m{i}: {{<<: *a}}\n")).collect::<String>();
    let began = Instant::now();
    assert_eq!(codes(&laughs), ["too_many_values"]);
    assert_eq!(codes(&long), ["too_many_values"]);
    assert_eq!(codes(&merges), ["too_many_values"]);
    assert_eq!(codes(&format!("a: &a 1\nb: [{}]", ["*a"; 1_001].join(","))), ["too_many_aliases"]);
    assert_eq!(codes(&"[".repeat(10_000)), ["too_deep"]);
    assert_eq!(codes(&"- ".repeat(10_000)), ["too_deep"]);
    assert_eq!(codes(&(0..10_000).map(|i| format!("{}a:\n", " ".repeat(i % 2_000))).collect::<String>()).len(), 1);
    assert_eq!(codes(&"---\na: 1\n".repeat(10_000)), ["too_many_documents"]);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn depth_counts_what_an_alias_stands_for() {
    let deep = "[".repeat(60) + &"]".repeat(60);
    assert_eq!(codes(&format!("a: &a {deep}\nb: {}*a{}\n", "[".repeat(60), "]".repeat(60))), ["too_deep"]);
    assert_eq!(codes(&format!("a: &a {deep}\nb: {}*a{}\n", "[".repeat(30), "]".repeat(30))), [""; 0]);
}

#[test]
fn no_message_repeats_a_value() {
    for bad in [
        "password: *hunter2",
        "password: !hunter2 x",
        "password: @hunter2",
        "password: `hunter2",
        "a: hunter2: b",
        "a: 'hunter2",
        "a: !!int hunter2",
        "? [hunter2]\n: 1",
        "a: !!binary hunter2!",
    ] {
        let (_, problems) = read_text(bad);
        assert!(!problems.is_empty(), "{bad}");
        assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_read_or_refused(text in "(?s)[ \t\r\n:?&*!|>'\"%@`{}\\[\\],#a-c0-9.<-]{0,200}|.{0,100}") {
        read_text(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_text(&String::from_utf8_lossy(&bytes));
    }
}
