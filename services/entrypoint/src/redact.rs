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
    let text = &file.content;
    // Escapes, tags and merges can spell the kind without its letters in a row, or where nobody looks.
    let (named, roundabout) = (text.contains("Secret"), text.contains(['\\', '!']) || text.contains("<<"));
    match (named, roundabout) {
        (false, false) => text.clone(),
        _ if !text.contains("<<") && holds_none(text) => text.clone(),
        (true, _) => manifests::redact_source(file),
        (false, true) => HIDDEN.to_owned(),
    }
}

/// Whether the documents can be read and none is changed by redaction.
fn holds_none(text: &str) -> bool {
    let documents = serde_saphyr::from_multiple::<Value>(text);
    documents.is_ok_and(|documents| documents.iter().all(|d| manifests::redact(d) == *d))
}
