//! Label selectors, and whether they match a template's labels.

use super::{metadata, syntax_at};
use crate::{field::Field, names, report::Report};

/// A selector's own values.
pub fn check(selector: &Field<'_>, report: &mut Report) {
    metadata::labels(selector, "matchLabels", report);
    for expression in selector.list("matchExpressions") {
        if let Some(key) = expression.get("key") {
            syntax_at(&key, key.text().unwrap_or_default(), names::qualified, report);
        }
        let values = expression.list("values");
        values.iter().for_each(|v| syntax_at(v, v.text().unwrap_or_default(), names::label_value, report));
        match expression.text_of("operator") {
            Some("In" | "NotIn") if values.is_empty() => {
                report.error(&expression.get_or_absent("values"), "missing_field", "In and NotIn need values");
            }
            Some("Exists" | "DoesNotExist") if !values.is_empty() => {
                report.error(&expression.get_or_absent("values"), "one_only", "Exists and DoesNotExist take no values");
            }
            _ => {}
        }
    }
}

/// A workload's selector: not empty, and matching its own template.
pub fn of_template(spec: &Field<'_>, report: &mut Report) {
    let (Some(selector), Some(template)) = (spec.get("selector"), spec.get("template")) else { return };
    check(&selector, report);
    let empty = selector.map("matchLabels").is_empty() && selector.list("matchExpressions").is_empty();
    if empty {
        report.error(&selector, "selector", "the selector is empty; give it the template's labels under matchLabels");
    } else if let Some(why) = mismatch(&selector, &template) {
        report.error(&selector, "selector", why);
    }
}

fn mismatch(selector: &Field<'_>, template: &Field<'_>) -> Option<String> {
    let labels = template.walk(&["metadata", "labels"]);
    let value = |key: &str| labels.as_ref().and_then(|l| l.node.entry(key)).map(|e| e.value.text().unwrap_or_default());
    for (key, field) in selector.map("matchLabels") {
        if value(key) != Some(field.text().unwrap_or_default()) {
            return Some(format!(
                "the selector wants the label `{key}` as it stands here; give it to the template's labels"
            ));
        }
    }
    let fits = |expression: &Field<'_>| {
        let found = expression.text_of("key").and_then(value);
        let listed = expression.list("values").iter().any(|v| v.text() == found);
        match expression.text_of("operator") {
            Some("In") => listed,
            Some("NotIn") => !listed,
            Some("Exists") => found.is_some(),
            Some("DoesNotExist") => found.is_none(),
            _ => true,
        }
    };
    let all = selector.list("matchExpressions").iter().all(fits);
    (!all).then(|| "the selector's matchExpressions do not match the template's labels".to_owned())
}
