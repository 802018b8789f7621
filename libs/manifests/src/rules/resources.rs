//! Requests and limits.

use crate::{field::Field, names, quantity::Quantity, report::Report};

/// The resources of a container or of a pod.
pub fn check(parent: &Field<'_>, report: &mut Report) {
    let Some(resources) = parent.get("resources") else { return };
    for (name, request) in resources.map("requests") {
        one(name, &request, report);
        let limit = resources.walk(&["limits", name]).and_then(|l| amount(&l));
        if let (Some(request_amount), Some(limit)) = (amount(&request), limit)
            && request_amount > limit
        {
            report.error(&request, "resources", format!("the request of {name} is more than its limit"));
        }
    }
    for (name, limit) in resources.map("limits") {
        one(name, &limit, report);
    }
}

fn one(name: &str, field: &Field<'_>, report: &mut Report) {
    let own = name == "cpu" || name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
    if names::qualified(name).is_some() || (!own && !name.contains('/')) {
        let message =
            "not the name of a resource; expected cpu, memory, ephemeral-storage, hugepages-… or one with a domain";
        report.error(field, "resources", message);
    }
    let Some(amount) = amount(field) else { return };
    if amount.is_negative() {
        report.error(field, "resources", "the amount is negative");
    }
    if !own && !amount.is_whole() {
        report.error(field, "resources", format!("{name} is counted in whole units"));
    }
}

/// The amount of a quantity, written as text or number.
pub fn amount(field: &Field<'_>) -> Option<Quantity> {
    match &field.node.data {
        crate::node::Data::String(text) => Quantity::parse(text),
        crate::node::Data::Number(number) => Quantity::parse(&number.to_string()),
        _ => None,
    }
}
