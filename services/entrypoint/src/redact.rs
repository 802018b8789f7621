//! Sources and objects without the values of Secrets.

use domain::SourceFile;
use serde_json::Value;

#[cfg(test)]
mod tests;

/// What stands for a file that spells a Secret in a roundabout way, or might.
const HIDDEN: &str = "# not shown: the file may hold a Secret\n";

/// The files as sent, where they hold no Secret; else with its values redacted, and without comments.
pub fn sources(files: Vec<SourceFile>) -> Vec<SourceFile> {
    files.into_iter().map(|file| SourceFile { content: content(&file), ..file }).collect()
}

fn content(file: &SourceFile) -> String {
    // Escapes and tags can spell the kind without its letters in a row.
    let roundabout = !file.content.contains("Secret") && file.content.contains(['\\', '!']);
    if roundabout && may_hold_a_secret(&file.content) { HIDDEN.to_owned() } else { manifests::redact_source(file) }
}

fn may_hold_a_secret(text: &str) -> bool {
    let documents = serde_saphyr::from_multiple::<Value>(text);
    documents.map_or(true, |documents| documents.iter().any(|d| manifests::redact(d) != *d))
}
