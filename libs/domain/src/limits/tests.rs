use super::*;
use crate::State;

const DOCUMENT: &str = include_str!("../../../../docs/tasks.md");

#[test]
fn the_documentation_has_each_limit() {
    for (of, most) in [
        ("a request's body", format!("{} MiB", BODY_BYTES >> 20)),
        ("files of one task", FILES.to_string()),
        ("one file", format!("{} MiB", FILE_BYTES >> 20)),
        ("a file's name", format!("{FILE_NAME_BYTES} bytes")),
        ("YAML documents of one task", DOCUMENTS.to_string()),
        ("objects of one task", OBJECTS.to_string()),
        ("depth of nesting of a document", DEPTH.to_string()),
        ("aliases of one file", ALIASES.to_string()),
        ("YAML nodes of one task, aliases expanded", NODES.to_string()),
        ("problems that an answer lists (more are counted)", PROBLEMS.to_string()),
        ("one problem's message", format!("{PROBLEM_BYTES} bytes")),
        ("an `Idempotency-Key`", format!("{IDEMPOTENCY_KEY_BYTES} bytes")),
        ("a message on the bus", format!("{} KiB", MESSAGE_BYTES >> 10)),
    ] {
        let row = format!("| {of} | {most} |");
        assert!(DOCUMENT.lines().any(|line| line == row), "docs/tasks.md lacks {row}");
    }
}

#[test]
fn the_documentation_has_each_state() {
    for state in State::OF_A_TASK.into_iter().chain([State::Superseded]) {
        assert!(DOCUMENT.contains(&format!("\n| `{}` | ", state.as_str())), "docs/tasks.md lacks {}", state.as_str());
    }
}
