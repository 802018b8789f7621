//! What is checked of files before their text is read: count, size, names.

use domain::{Problem, SourceFile, limits};

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
    name.chars().filter(|c| !c.is_control()).take(limits::FILE_NAME_BYTES).collect()
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

fn bad_name(name: &str) -> Option<&'static str> {
    let up = |part: &str| matches!(part, "" | "." | "..");
    match name {
        "" => Some("a file needs a name"),
        _ if name.len() > limits::FILE_NAME_BYTES => Some("the file's name has more than 255 bytes"),
        _ if name.contains('\\') || name.chars().any(char::is_control) => {
            Some("the file's name holds a backslash or control character; rename it")
        }
        // `-` is standard input, as the command line names it.
        _ if name.split('/').any(up) => {
            Some("the file's name must be a relative path without `.`, `..` and empty parts")
        }
        _ => None,
    }
}
