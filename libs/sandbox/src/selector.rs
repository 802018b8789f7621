//! Label and field selectors.

use serde_json::Value;

use crate::{
    failure::Failure,
    json::{at, entries, items, text},
};

/// One requirement of a label selector in a query.
#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// The selectors of a list, watch or deletion.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selection {
    labels: Vec<Requirement>,
    fields: Vec<(String, String, bool)>,
}

impl Selection {
    /// Reads `labelSelector` and `fieldSelector`.
    pub(crate) fn parse(labels: &str, fields: &str) -> Result<Self, Failure> {
        let labels = split(labels).into_iter().map(requirement).collect::<Option<_>>();
        let labels = labels.ok_or_else(|| Failure::bad_request("unable to parse requirement of the label selector"))?;
        let fields = fields.split(',').filter(|f| !f.is_empty()).map(field).collect::<Option<_>>();
        let fields = fields.ok_or_else(|| Failure::bad_request("invalid field selector"))?;
        Ok(Self { labels, fields })
    }

    /// Whether an object is meant.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = at(object, "metadata.labels");
        let of = |key: &str| labels.get(key).and_then(Value::as_str);
        self.labels.iter().all(|requirement| requirement.holds(of))
            && self.fields.iter().all(|(path, value, equal)| (text(object, path) == value) == *equal)
    }

    /// A label that every object meant carries, as `key=value`.
    pub(crate) fn label(&self) -> Option<String> {
        self.labels.iter().find_map(|r| match r {
            Requirement::In(key, values) if values.len() == 1 => Some(format!("{key}={}", values[0])),
            _ => None,
        })
    }
}

impl Requirement {
    fn holds<'a>(&self, of: impl Fn(&str) -> Option<&'a str>) -> bool {
        let among = |key: &str, values: &[String]| of(key).is_some_and(|v| values.iter().any(|w| w == v));
        match self {
            Self::In(key, values) => among(key, values),
            Self::NotIn(key, values) => !among(key, values),
            Self::Exists(key) => of(key).is_some(),
            Self::Absent(key) => of(key).is_none(),
        }
    }
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let parts = text.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|p| !p.is_empty()).collect()
}

fn requirement(text: &str) -> Option<Requirement> {
    let one = |v: &str| vec![v.trim().to_owned()];
    let list = |v: &str| -> Option<Vec<String>> {
        let inner = v.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|v| v.trim().to_owned()).collect())
    };
    let key = |k: &str| k.trim().to_owned();
    if let Some((k, v)) = text.split_once("!=") {
        return Some(Requirement::NotIn(key(k), one(v)));
    }
    if let Some((k, v)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Requirement::In(key(k), one(v)));
    }
    if let Some((k, v)) = text.split_once(" notin ") {
        return Some(Requirement::NotIn(key(k), list(v)?));
    }
    if let Some((k, v)) = text.split_once(" in ") {
        return Some(Requirement::In(key(k), list(v)?));
    }
    if let Some(k) = text.strip_prefix('!') {
        return Some(Requirement::Absent(key(k)));
    }
    (!text.contains([' ', '('])).then(|| Requirement::Exists(key(text)))
}

fn field(text: &str) -> Option<(String, String, bool)> {
    if let Some((path, value)) = text.split_once("!=") {
        return Some((path.to_owned(), value.to_owned(), false));
    }
    let (path, value) = text.split_once("==").or_else(|| text.split_once('='))?;
    Some((path.to_owned(), value.to_owned(), true))
}

/// Whether a `metav1.LabelSelector` means an object; an absent one means none.
pub(crate) fn matches(selector: &Value, object: &Value) -> bool {
    let labels = at(object, "metadata.labels");
    let equal = entries(selector, "matchLabels").all(|(key, value)| labels.get(key) == Some(value));
    let holds = |e: &Value| {
        let value = labels.get(text(e, "key"));
        let among = value.is_some_and(|v| items(e, "values").contains(v));
        match text(e, "operator") {
            "In" => among,
            "NotIn" => !among,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    };
    selector.is_object() && equal && items(selector, "matchExpressions").iter().all(holds)
}
