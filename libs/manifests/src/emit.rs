//! Writes JSON values as YAML that every reader takes the same way, be it of YAML 1.1 or 1.2.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::yaml::is_plain_text;

/// Keys that people look for first.
const FIRST: [&str; 4] = ["apiVersion", "kind", "name", "metadata"];

/// The value as a YAML document, without `---`.
pub fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => write_map(&mut text, map, 0, false),
        Value::Array(items) if !items.is_empty() => write_list(&mut text, items, 0),
        scalar => {
            write_scalar(&mut text, scalar, 0);
            text.push('\n');
        }
    }
    text
}

fn ordered(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let first = FIRST.iter().filter_map(|key| map.get_key_value(*key));
    first.chain(map.iter().filter(|(key, _)| !FIRST.contains(&key.as_str())))
}

/// `inline`: the first key stands on the line that is begun already, after `- `.
fn write_map(text: &mut String, map: &Map<String, Value>, indent: usize, inline: bool) {
    for (i, (key, value)) in ordered(map).enumerate() {
        if i > 0 || !inline {
            pad(text, indent);
        }
        write_string(text, key, None);
        text.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                write_map(text, inner, indent + 2, false);
            }
            // As kubectl writes them: items under their key, not deeper.
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                write_list(text, items, indent);
            }
            scalar => {
                text.push(' ');
                write_scalar(text, scalar, indent + 2);
                text.push('\n');
            }
        }
    }
}

fn write_list(text: &mut String, items: &[Value], indent: usize) {
    for item in items {
        pad(text, indent);
        text.push_str("- ");
        match item {
            Value::Object(inner) if !inner.is_empty() => write_map(text, inner, indent + 2, true),
            Value::Array(inner) if !inner.is_empty() => {
                text.push('\n');
                write_list(text, inner, indent + 2);
            }
            scalar => {
                write_scalar(text, scalar, indent + 2);
                text.push('\n');
            }
        }
    }
}

fn pad(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

fn write_scalar(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(s) => write_string(text, s, Some(indent)),
        Value::Array(_) => text.push_str("[]"),
        Value::Object(_) => text.push_str("{}"),
        other => text.push_str(&other.to_string()),
    }
}

/// `block`: lines may be written as a block of that indentation.
fn write_string(text: &mut String, value: &str, block: Option<usize>) {
    match block {
        Some(indent) if is_block(value) => write_block(text, value, indent),
        _ if is_plain(value) => text.push_str(value),
        _ => quote(text, value),
    }
}

fn quote(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            ' '..='~' => text.push(c),
            c if c.is_alphanumeric() => text.push(c),
            c if u32::from(c) <= 0xffff => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    text.push('"');
}

/// Lines of text that a block scalar gives back exactly.
fn is_block(value: &str) -> bool {
    let body = value.strip_suffix('\n').unwrap_or(value);
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\n', '\t'])
        && value.chars().all(|c| matches!(c, '\n' | '\t' | ' '..='~') || c.is_alphanumeric())
}

fn write_block(text: &mut String, value: &str, indent: usize) {
    text.push_str(if value.ends_with('\n') { "|" } else { "|-" });
    for line in value.strip_suffix('\n').unwrap_or(value).split('\n') {
        text.push('\n');
        if !line.is_empty() {
            pad(text, indent);
        }
        let _ = write!(text, "{line}");
    }
}

/// Text that reads as itself without quotes.
fn is_plain(value: &str) -> bool {
    let inner = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                '-' | '_' | '.' | '/' | '@' | '+' | '$' | '(' | ')' | '=' | ',' | ';' | '%' | '*' | '!' | ' ' | ':'
            )
    };
    let first = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '$' | '(' | '+');
    value.starts_with(first)
        && value.chars().all(inner)
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && value.len() < 1_000
        && is_plain_text(value)
}

#[cfg(test)]
mod tests;
