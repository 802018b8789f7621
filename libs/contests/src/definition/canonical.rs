//! Canonical JSON: the file's own shape and order, without what is a default.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{Condition, DEFAULT_KEYS, Definition, Field, Kind, Shape, Tally, Voters, Wanted, Window, duration};

/// A map that keeps its order.
struct Ordered<'a, T>(Vec<(&'a str, T)>);

impl<T: Serialize> Serialize for Ordered<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    title: &'a str,
    kind: Kind,
    fields: Ordered<'a, FieldOf<'a>>,
    tallies: Ordered<'a, TallyOf<'a>>,
    board: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<RoutesOf<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voters: Option<VotersOf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<BTreeMap<&'static str, String>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    hidden: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<BTreeMap<&'static str, bool>>,
}

#[derive(Serialize)]
struct FieldOf<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<usize>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    values: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<i64>,
    #[serde(skip_serializing_if = "is_false")]
    optional: bool,
    #[serde(skip_serializing_if = "is_false")]
    draw: bool,
}

#[derive(Serialize)]
struct TallyOf<'a> {
    by: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<&'a str>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    conditions: Option<BTreeMap<&'a str, &'a Wanted>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_keys: Option<usize>,
}

#[derive(Serialize)]
struct RoutesOf<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queues: Vec<QueueOf<'a>>,
}

#[derive(Serialize)]
struct QueueOf<'a> {
    queue: &'a str,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    conditions: Option<BTreeMap<&'a str, &'a Wanted>>,
}

#[derive(Serialize)]
struct VotersOf {
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ballots: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The canonical JSON of a definition.
pub(super) fn json(definition: &Definition) -> String {
    let d = definition;
    let document = Document {
        name: &d.name,
        title: &d.title,
        kind: d.kind,
        fields: Ordered(d.fields.iter().map(|f| (f.name.as_str(), field(f))).collect()),
        tallies: Ordered(d.tallies.iter().map(|t| (t.name.as_str(), tally(d, t))).collect()),
        board: d.tallies.get(d.board).map_or("", |t| &t.name),
        routes: routes(d),
        voters: voters(d.voters),
        open: window(d.open),
        hidden: &d.hidden,
        retention: d.retention.map(duration::show),
        access: d.tokens.then(|| BTreeMap::from([("tokens", true)])),
    };
    serde_json::to_string(&document).expect("a definition has text keys only")
}

fn field(field: &Field) -> FieldOf<'_> {
    let (optional, draw) = (field.optional, field.draw);
    match &field.shape {
        Shape::Text { max_length, values } => {
            FieldOf { r#type: "string", max_length: Some(*max_length), values, min: None, max: None, optional, draw }
        }
        Shape::Integer { min, max } => {
            let (min, max) = (Some(*min), Some(*max));
            FieldOf { r#type: "integer", max_length: None, values: &[], min, max, optional, draw }
        }
    }
}

fn name(definition: &Definition, field: usize) -> &str {
    definition.fields.get(field).map_or("", |f| &f.name)
}

fn names<'a>(definition: &'a Definition, fields: &[usize]) -> Vec<&'a str> {
    fields.iter().map(|f| name(definition, *f)).collect()
}

fn conditions<'a>(definition: &'a Definition, all: &'a [Condition]) -> Option<BTreeMap<&'a str, &'a Wanted>> {
    (!all.is_empty()).then(|| all.iter().map(|c| (name(definition, c.field), &c.value)).collect())
}

fn tally<'a>(definition: &'a Definition, tally: &'a Tally) -> TallyOf<'a> {
    TallyOf {
        by: names(definition, &tally.by),
        sum: tally.sum.map(|f| name(definition, f)),
        conditions: conditions(definition, &tally.conditions),
        max_keys: (tally.max_keys != DEFAULT_KEYS).then_some(tally.max_keys),
    }
}

/// What a tally counts, whatever its name and however many keys it may have.
pub(super) fn meaning(definition: &Definition, of: &Tally) -> String {
    serde_json::to_string(&TallyOf { max_keys: None, ..tally(definition, of) }).expect("a tally has text keys only")
}

fn routes(definition: &Definition) -> Option<RoutesOf<'_>> {
    let (by, queues) = (&definition.route_by, &definition.queues);
    (!by.is_empty() || !queues.is_empty()).then(|| RoutesOf {
        by: names(definition, by),
        queues: queues
            .iter()
            .map(|q| QueueOf { queue: &q.group, conditions: conditions(definition, &q.conditions) })
            .collect(),
    })
}

fn voters(voters: Voters) -> Option<VotersOf> {
    (voters != Voters::default()).then(|| VotersOf {
        required: voters.required,
        max_ballots: voters.max_ballots,
        every: voters.every.map(duration::show),
    })
}

fn window(window: Window) -> Option<BTreeMap<&'static str, String>> {
    let ends = [("from", window.from), ("to", window.to)];
    let map: BTreeMap<_, _> = ends.iter().filter_map(|(key, at)| at.map(|at| (*key, at.to_string()))).collect();
    (!map.is_empty()).then_some(map)
}
