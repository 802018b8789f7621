//! Manifests that nobody here wrote: each is accepted, or refused in words that a person can
//! act on. `docs/corpus.md` lists the answers; `BLESS=1` writes it anew.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use domain::{Problem, SourceFile, TaskId, Tenant};
use manifests::{Rendering, render};
use uuid::Uuid;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The corpus stands beside the repository; `None` where it is missing, which fails in CI.
fn corpus() -> Option<PathBuf> {
    let folder = root().join("../shared/corpus");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the corpus is missing beside the repository");
    eprintln!("skipped: the corpus is missing beside the repository");
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the corpus is readable") {
        let path = entry.expect("the corpus is readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| matches!(e.to_str(), Some("yaml" | "yml" | "json"))) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn source(path: &Path) -> SourceFile {
    let name = path.file_name().and_then(|n| n.to_str()).expect("names are UTF-8").to_owned();
    SourceFile { name, content: fs::read_to_string(path).expect("the corpus is UTF-8") }
}

fn task() -> TaskId {
    TaskId::from(Uuid::nil())
}

fn answer(path: &Path) -> Rendering {
    render(&[source(path)], &Tenant::local(), task(), true)
}

#[test]
fn every_refusal_names_a_place_a_code_and_what_to_change() {
    let Some(folder) = corpus() else { return };
    for path in files(&folder) {
        let Rendering { problems, rendered } = answer(&path);
        assert_eq!(rendered.is_none(), problems.iter().any(Problem::is_error), "{path:?}");
        for problem in problems {
            let placed = problem.line > 0 && !problem.file.is_empty() && !problem.code.is_empty();
            assert!(placed && problem.message.len() > 15, "{path:?}: {problem}");
            let of_text = ["yaml_syntax", "yaml_key", "duplicate_key", "empty"].contains(&problem.code.as_str());
            assert!(of_text || !problem.field.is_empty(), "{path:?}: {problem}");
        }
    }
}

#[test]
fn what_was_rendered_may_be_gone_back_to_while_nothing_changed() {
    let Some(folder) = corpus() else { return };
    for path in files(&folder) {
        if let Some(rendered) = answer(&path).rendered {
            assert_eq!(manifests::check_rendered(&rendered, &Tenant::local()), [], "{path:?}");
        }
    }
}

#[test]
fn the_voting_app_is_one_task() {
    let Some(folder) = corpus() else { return };
    let files = files(&folder.join("example-voting-app")).iter().map(|p| source(p)).collect::<Vec<_>>();
    let Rendering { problems, rendered } = render(&files, &Tenant::local(), task(), true);
    let rendered = rendered.unwrap_or_else(|| panic!("{problems:#?}"));
    assert_eq!((files.len(), rendered.objects.len()), (9, 10));
    assert_eq!(rendered.added[0], "HPA worker: 1 to 5 pods, 70 % CPU");
    assert_eq!(rendered.objects[9].manifest["kind"], "HorizontalPodAutoscaler");
}

#[test]
fn the_table_of_answers_is_as_documented() {
    let Some(folder) = corpus() else { return };
    let table = table(&folder);
    let path = root().join("docs/corpus.md");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &table).expect("docs/ is writable");
    }
    let documented = fs::read_to_string(&path).unwrap_or_default();
    assert!(documented == table, "docs/corpus.md is out of date: run this test with BLESS=1 and read the difference");
}

fn table(folder: &Path) -> String {
    let mut rows = String::new();
    let (mut accepted, mut warned, mut codes) = (0, 0, BTreeMap::<String, usize>::new());
    let all = files(folder);
    for path in &all {
        let Rendering { problems, rendered } = answer(path);
        let name = path.strip_prefix(folder).expect("it was found there").display();
        let errors = problems.iter().filter(|p| p.is_error()).collect::<Vec<_>>();
        let shown = if errors.is_empty() { problems.iter().collect() } else { errors };
        let verdict = match &rendered {
            Some(rendered) => format!("accepted, {} applied", rendered.objects.len()),
            None => format!("refused, {} errors", shown.len()),
        };
        accepted += usize::from(rendered.is_some());
        warned += usize::from(rendered.is_some() && !shown.is_empty());
        let distinct = shown.iter().map(|p| p.code.clone()).collect::<std::collections::BTreeSet<_>>();
        distinct.into_iter().filter(|_| rendered.is_none()).for_each(|code| *codes.entry(code).or_default() += 1);
        writeln!(rows, "| {name} | {verdict} | {} |", reasons(&shown)).expect("a string takes all");
    }
    let counts = codes.iter().map(|(code, n)| format!("| `{code}` | {n} |\n")).collect::<String>();
    format!(
        "# What becomes of manifests that nobody here wrote\n\nGenerated by a test of `libs/manifests` (`BLESS=1`); do not edit. \
        The {} files are part of github.com/kubernetes/examples (279e8e4f) and of github.com/dockersamples/example-voting-app \
        (63e9150), each checked as a task of its own by the tenant of `marea up` (policy `baseline`; NodePort and LoadBalancer \
        allowed). Each is accepted, or refused with file, line, field and what to change.\n\n\
        The test `corpus` of `services/marea` obeys this table: it posts each file as a task to `marea up`, over the real \
        Kubernetes API server 1.35 (with controller-manager, scheduler and kwok's nodes) and over the sandbox. What is \
        refused here is refused there, with its place; of what is accepted every object is in the cluster, as many as the \
        table says, and is rolled back; the API server refuses none. The voting app's 9 files together are one task of 10 \
        objects (with the worker's HPA) that reaches DONE on both.\n\n\
        **{accepted} accepted** ({warned} with warnings), **{} refused**. Why, by the code of a problem (a file may have several):\n\n\
        | code | files |\n|---|---|\n{counts}\n| file | answer | why |\n|---|---|---|\n{rows}",
        all.len(),
        all.len() - accepted,
    )
}

fn reasons(problems: &[&Problem]) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace(['\n', '<'], " ");
    let one = |p: &&Problem| format!("{}:{} {}: {} (`{}`)", p.line, p.column, cell(&p.field), cell(&p.message), p.code);
    let more = problems.len().saturating_sub(3);
    let mut lines = problems.iter().take(3).map(one).collect::<Vec<_>>();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("<br>")
}
