//! What is checked of files before their text is read: count, size, names.

use domain::{Problem, SourceFile, limits, text};

use crate::{node::Mark, report::Report};

/// The start of a file.
const START: Mark = Mark { line: 1, column: 1 };

/// Checks the files and gives those worth reading.
pub fn check<'f>(files: &'f [SourceFile], report: &mut Report) -> Vec<(usize, &'f SourceFile)> {
    report.enter_file("");
    if files.is_empty() {
        report.push(Mark::default(), Problem::error("empty", "no file was sent"));
    }
    if files.len() > limits::FILES {
        let message = format!("{} files were sent; a task has at most {}", files.len(), limits::FILES);
        report.push(Mark::default(), Problem::error("too_many_files", message));
        return vec![];
    }
    if files.iter().map(|f| f.content.len()).sum::<usize>() > limits::BODY_BYTES {
        let message = format!("all files together have at most {} bytes; split the task", limits::BODY_BYTES);
        report.push(Mark::default(), Problem::error("too_large", message));
        return vec![];
    }
    let mut seen = std::collections::HashSet::new();
    let mut good = Vec::new();
    for (i, file) in files.iter().enumerate() {
        report.enter_file(&shown(&file.name));
        let twice = (!seen.insert(&file.name)).then(|| Problem::error("duplicate_file", "two files have this name"));
        match twice.or_else(|| problem(file)) {
            Some(problem) => report.push(START, problem),
            None => good.push((i, file)),
        }
    }
    good
}

/// A name as problems show it: a bad one may hold anything.
pub fn shown(name: &str) -> String {
    text::escaped(&name.chars().take(limits::FILE_NAME_BYTES).collect::<String>())
}

fn problem(file: &SourceFile) -> Option<Problem> {
    if let Some(why) = bad_name(&file.name) {
        return Some(Problem::error("file_name", why));
    }
    if file.content.len() > limits::FILE_BYTES {
        let message = format!(
            "a file has at most {} bytes, as the cluster's own store takes no larger object",
            limits::FILE_BYTES
        );
        return Some(Problem::error("file_too_large", message));
    }
    if file.content.contains('\0') {
        return Some(Problem::error(
            "not_text",
            "the file is not text: it holds a zero byte; send YAML or JSON in UTF-8",
        ));
    }
    let last = file.name.rsplit('/').next().unwrap_or_default();
    let message = match last {
        "kustomization.yaml" | "kustomization.yml" | "Kustomization" => {
            "kustomize reads this file, not Kubernetes; send what it builds: `kustomize build DIR | marea apply -f -`"
        }
        "Chart.yaml" | "Chart.yml" => {
            "Helm reads this file, not Kubernetes; send what the chart renders: `helm template CHART | marea apply -f -`"
        }
        _ => return None,
    };
    Some(Problem::error("not_a_manifest", message))
}

fn bad_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the file has no name; give it one".to_owned());
    }
    let (bytes, limit) = (name.len(), limits::FILE_NAME_BYTES);
    if bytes > limit {
        return Some(format!("the file's name has {bytes} bytes, at most {limit} are taken; shorten it"));
    }
    let shown = shown(name);
    if let Some(unseen) = name.chars().find(|c| text::is_unseen(*c)) {
        let code = u32::from(unseen);
        return Some(format!("the file's name `{shown}` holds U+{code:04X}, which cannot be seen; rename it"));
    }
    if name.contains('\\') {
        return Some(format!("the file's name `{shown}` holds a backslash; write `/` between folders, or rename it"));
    }
    if name.starts_with('/') {
        return Some(format!("the file's name `{shown}` begins with `/`; name it from the folder that is sent"));
    }
    let (up, empty) = (|part: &str| matches!(part, "." | ".."), |part: &str| part.is_empty());
    let wrong = if name.split('/').any(up) { "`.` or `..`" } else { "an empty part" };
    let is_path = !name.split('/').any(|part| up(part) || empty(part));
    (!is_path)
        .then(|| format!("the file's name `{shown}` has {wrong} in its path; name it from the folder that is sent"))
}
