//! Sources without the values of Secrets.

use domain::SourceFile;
use serde_json::Value;

#[cfg(test)]
mod tests;

/// What stands for a file that holds a Secret and cannot be read again.
const HIDDEN: &str = "# this file names a Secret and is not shown\n";

/// The files as sent, where they hold no Secret; else with its values redacted, and without comments.
pub fn sources(files: Vec<SourceFile>) -> Vec<SourceFile> {
    files.into_iter().map(|file| SourceFile { content: content(file.content), ..file }).collect()
}

fn content(text: String) -> String {
    // A text that cannot spell the kind needs no reading. An escape could spell it otherwise.
    if !text.contains("Secret") && !text.contains('\\') {
        return text;
    }
    let Ok(documents) = serde_saphyr::from_multiple::<Value>(&text) else { return HIDDEN.to_owned() };
    let shown: Vec<Value> = documents.iter().map(value).collect();
    if shown == documents {
        return text;
    }
    shown.iter().map(|document| format!("---\n{}", manifests::to_yaml(document))).collect()
}

/// One object, or a List of them, redacted.
pub fn value(value: &Value) -> Value {
    let mut redacted = manifests::redact(value);
    if let Some(items) = redacted.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(|item| *item = self::value(item));
    }
    redacted
}
