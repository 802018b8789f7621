//! Routes: from the values of fields to routing keys and queue groups.

use super::{
    super::{
        Condition, Field, Kind, Lane, MAX_LANES, Queue, Wanted, is_name,
        reader::{At, Map, Reader},
    },
    counting::{conditions, positions},
};

/// The most entries of `queues`.
const MAX_QUEUES: usize = 8;
/// The most bytes of a lane's key: AMQP takes 255 with group and number.
const MAX_KEY: usize = 200;

#[derive(Default)]
pub(super) struct Routes {
    pub(super) by: Vec<usize>,
    pub(super) queues: Vec<Queue>,
    pub(super) lanes: Vec<Lane>,
}

pub(super) fn routes(reader: &mut Reader, map: &Map<'_>, fields: &[Field], name: &str, kind: Kind) -> Routes {
    let at = map.get("routes");
    let map = at.and_then(|at| reader.map(at, &["by", "queues"]));
    let by = map.as_ref().and_then(|m| m.get("by")).map(|at| route_fields(reader, at, fields)).unwrap_or_default();
    let queues =
        map.as_ref().and_then(|m| m.get("queues")).map(|at| queues(reader, at, fields, &by)).unwrap_or_default();
    let count = by.iter().fold(1_usize, |n, i| n.saturating_mul(fields.get(*i).map_or(1, |f| f.shape.values().len())));
    if let (true, Some(at)) = (count > MAX_LANES, at) {
        reader.problem(at, "out_of_range", format!("expected at most {MAX_LANES} routes, found {count}"));
        return Routes::default();
    }
    let lanes = lanes(fields, &by, &queues, &format!("{kind}.{name}"), kind);
    if let (true, Some(at)) = (lanes.iter().any(|l| l.key.len() > MAX_KEY), at) {
        reader.problem(
            at,
            "out_of_range",
            format!("expected routing keys of at most {MAX_KEY} bytes; use shorter values"),
        );
    }
    Routes { by, queues, lanes }
}

fn route_fields(reader: &mut Reader, at: &At<'_>, fields: &[Field]) -> Vec<usize> {
    let by = positions(reader, at, fields);
    for field in by.iter().filter_map(|i| fields.get(*i)) {
        let word = |v: &String| v.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if field.shape.values().is_empty() || !field.shape.values().iter().all(word) {
            let message =
                "expected a field whose `values` are of letters, digits, - and _: they are words of the routing key";
            reader.problem(at, "not_a_route", format!("`{}`: {message}", field.name));
        }
        if field.optional {
            reader.problem(at, "not_a_route", format!("`{}` is optional, so a ballot may have no route", field.name));
        }
    }
    by
}

fn queues(reader: &mut Reader, at: &At<'_>, fields: &[Field], by: &[usize]) -> Vec<Queue> {
    let items = reader.list(at).unwrap_or_default();
    if items.len() > MAX_QUEUES {
        reader.problem(at, "out_of_range", format!("expected at most {MAX_QUEUES} queues"));
    }
    items.iter().filter_map(|at| queue(reader, at, fields, by)).collect()
}

fn queue(reader: &mut Reader, at: &At<'_>, fields: &[Field], by: &[usize]) -> Option<Queue> {
    let map = reader.map(at, &["queue", "where"])?;
    let Some(name) = map.get("queue") else { return reader.missing(&map, "queue", "the queue group's name") };
    let group = reader.text(name)?;
    if !is_name(group) {
        reader.problem(name, "not_a_name", "expected 1 to 40 lower case letters, digits and inner hyphens");
    }
    let conditions = map.get("where").map(|at| conditions(reader, at, fields)).unwrap_or_default();
    if let (true, Some(at)) = (conditions.iter().any(|c| !by.contains(&c.field)), map.get("where")) {
        reader.problem(at, "not_a_route", "expected only fields that `routes.by` lists");
    }
    Some(Queue { group: group.to_owned(), conditions })
}

/// Every combination of the route fields' values, the last field's changing fastest; as [`super::Definition::lane`]
/// numbers them.
fn lanes(fields: &[Field], by: &[usize], queues: &[Queue], base: &str, kind: Kind) -> Vec<Lane> {
    let mut combinations: Vec<Vec<&str>> = vec![vec![]];
    for field in by.iter().filter_map(|i| fields.get(*i)) {
        let longer = |words: Vec<_>| field.shape.values().iter().map(move |v| [&words[..], &[v.as_str()]].concat());
        combinations = combinations.into_iter().flat_map(longer).collect();
    }
    combinations.iter().map(|words| lane(words, by, queues, base, kind)).collect()
}

fn lane(words: &[&str], by: &[usize], queues: &[Queue], base: &str, kind: Kind) -> Lane {
    let meets = |condition: &Condition| {
        let word = by.iter().position(|i| *i == condition.field).and_then(|i| words.get(i));
        matches!((&condition.value, word), (Wanted::Text(wanted), Some(word)) if wanted == word)
    };
    let queue = queues.iter().find(|queue| queue.conditions.iter().all(meets));
    Lane {
        words: words.iter().map(|w| (*w).to_owned()).collect(),
        key: [&[base], words].concat().join("."),
        group: queue.map_or(kind.as_str(), |q| &q.group).to_owned(),
    }
}
