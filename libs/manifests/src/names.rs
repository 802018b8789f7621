//! The syntaxes of names that the API server checks (`apimachinery/pkg/util/validation`).
//! Each function gives what was expected, or `None` where the text is right.

/// An RFC 1123 label: at most 63 lower case letters, digits and inner hyphens.
pub fn label(text: &str) -> Option<&'static str> {
    let right = text.len() <= 63 && dns_label(text);
    (!right).then_some("expected at most 63 lower case letters, digits and inner hyphens")
}

/// An RFC 1035 label: as [`label`], beginning with a letter.
pub fn label_1035(text: &str) -> Option<&'static str> {
    let right = label(text).is_none() && text.starts_with(|c: char| c.is_ascii_lowercase());
    (!right).then_some("expected at most 63 lower case letters, digits and inner hyphens, beginning with a letter")
}

/// An RFC 1123 subdomain: labels with dots between, at most 253 bytes.
pub fn subdomain(text: &str) -> Option<&'static str> {
    let right = text.len() <= 253 && text.split('.').all(dns_label);
    (!right).then_some("expected at most 253 lower case letters, digits, inner hyphens and inner dots")
}

/// A name of a role: anything that can stand in a URL's path.
pub fn path_segment(text: &str) -> Option<&'static str> {
    let right = !text.is_empty() && !matches!(text, "." | "..") && !text.contains(['/', '%']);
    (!right).then_some("expected a name without `/` and `%` that is not `.` or `..`")
}

/// The value of a label.
pub fn label_value(text: &str) -> Option<&'static str> {
    let right = text.is_empty() || (text.len() <= 63 && word(text));
    (!right)
        .then_some("expected at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit")
}

/// The key of a label or annotation: a name, with a domain and `/` before it or not.
pub fn qualified(text: &str) -> Option<&'static str> {
    let (domain, name) = text.split_once('/').map_or((None, text), |(d, n)| (Some(d), n));
    let right = name.len() <= 63 && word(name) && domain.is_none_or(|d| subdomain(d).is_none());
    (!right)
        .then_some("expected a name of at most 63 letters, digits, `-`, `_` and `.`, or a domain, `/` and such a name")
}

/// A key of a ConfigMap or Secret.
pub fn data_key(text: &str) -> Option<&'static str> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let right =
        !text.is_empty() && text.len() <= 253 && text.chars().all(inner) && text != "." && !text.starts_with("..");
    (!right).then_some("expected at most 253 letters, digits, `-`, `_` and `.`, not beginning with `..`")
}

/// The name of an environment variable, as relaxed since 1.34.
pub fn env_var(text: &str) -> Option<&'static str> {
    let right = !text.is_empty() && text.chars().all(|c| (' '..='~').contains(&c) && c != '=');
    (!right).then_some("expected printable ASCII characters other than `=`")
}

/// The name of a header of HTTP.
pub fn header(text: &str) -> Option<&'static str> {
    let right = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (!right).then_some("expected letters, digits and `-`")
}

/// A domain that names are searched in: a subdomain that may hold `_` and end in a dot.
pub fn search_domain(text: &str) -> Option<&'static str> {
    let plain = text.strip_suffix('.').unwrap_or(text).replace('_', "x");
    if text == "." { None } else { subdomain(&plain) }
}

/// The name of a sysctl.
pub fn sysctl(text: &str) -> Option<&'static str> {
    let part = |p: &str| dns_label(&p.replace('_', "-"));
    let right = text.len() <= 253 && text.split(['.', '/']).all(part);
    (!right).then_some("expected lower case letters, digits, `-` and `_` with dots between")
}

/// The name of a port (IANA_SVC_NAME).
pub fn port_name(text: &str) -> Option<&'static str> {
    let right =
        text.len() <= 15 && dns_label(text) && !text.contains("--") && text.contains(|c: char| c.is_ascii_lowercase());
    (!right)
        .then_some("expected at most 15 lower case letters, digits and single inner hyphens, with at least one letter")
}

fn dns_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn word(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    edge(text.chars().next()) && edge(text.chars().last()) && text.chars().all(inner)
}

/// The word of a table that a misspelled one most likely means.
pub fn nearest<'t>(word: &str, table: impl IntoIterator<Item = &'t str>) -> Option<&'t str> {
    let lower = word.to_ascii_lowercase();
    let allowed = (word.len() / 3).clamp(1, 3);
    table
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(d, _)| *d <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, changes and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 3 || a.len() > 64 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests;
