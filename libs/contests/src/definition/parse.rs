//! From the tree to a checked definition.

use domain::Problem;
use sha2::{Digest as _, Sha256};

use super::{
    Definition, Field, Kind, Revision, Voters, Window, canonical, is_name,
    reader::{At, Map, Reader},
    tree,
};

mod counting;
mod field;
mod routing;

use counting::tallies;
use field::fields;
use routing::{Routes, routes};

const KEYS: [&str; 12] = [
    "name",
    "title",
    "kind",
    "fields",
    "tallies",
    "board",
    "routes",
    "voters",
    "open",
    "hidden",
    "retention",
    "access",
];
/// The most characters of a title.
const MAX_TITLE: usize = 200;

impl Definition {
    /// Reads a contest's file, or its canonical JSON.
    ///
    /// # Errors
    /// Every problem, each with line, column and field; a broken syntax is one problem.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let root = tree::read(text)?;
        let mut reader = Reader::default();
        let parsed = definition(&mut reader, &At::root(&root));
        match parsed {
            Some(definition) if reader.problems.is_empty() => Ok(sealed(definition)),
            _ => Err(in_order(reader.problems)),
        }
    }
}

/// A file's problems as a person reads the file.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|p| (p.line, p.column));
    problems
}

fn sealed(mut definition: Definition) -> Definition {
    definition.canonical = canonical::json(&definition);
    let hash: [u8; 32] = Sha256::digest(definition.canonical.as_bytes()).into();
    let first = hash.first_chunk().copied().expect("a hash has 32 bytes");
    definition.revision = Revision(u64::from_be_bytes(first));
    definition
}

/// Every part is read, also where one before is broken, so that a person learns all problems at once.
fn definition(reader: &mut Reader, root: &At<'_>) -> Option<Definition> {
    let map = reader.map(root, &KEYS)?;
    let name = name(reader, &map);
    let title = title(reader, &map);
    let kind = kind(reader, &map);
    let (fields, sound) = fields(reader, &map);
    // A tally of a field that is broken itself would only be a second problem about the same thing.
    if !sound {
        return None;
    }
    let tallies = tallies(reader, &map, &fields);
    let board = board(reader, &map, &tallies);
    let Routes { by, queues, lanes } =
        routes(reader, &map, &fields, name.unwrap_or_default(), kind.unwrap_or(Kind::Votes));
    Some(Definition {
        voters: voters(reader, &map),
        open: window(reader, &map),
        hidden: hidden(reader, &map, &fields),
        retention: map.get("retention").and_then(|at| reader.duration(at)),
        tokens: tokens(reader, &map),
        title: title?,
        name: name?.to_owned(),
        kind: kind?,
        fields,
        tallies,
        board,
        route_by: by,
        queues,
        lanes,
        revision: Revision(0),
        canonical: String::new(),
    })
}

fn name<'n>(reader: &mut Reader, map: &Map<'n>) -> Option<&'n str> {
    let Some(at) = map.get("name") else {
        return reader.missing(map, "name", "the contest's name, the file's own without .yaml");
    };
    let name = reader.text(at)?;
    if !is_name(name) {
        let message = "expected 1 to 40 lower case letters, digits and inner hyphens";
        reader.problem(at, "not_a_name", message);
        return None;
    }
    Some(name)
}

fn title(reader: &mut Reader, map: &Map<'_>) -> Option<String> {
    let Some(at) = map.get("title") else { return reader.missing(map, "title", "a title for people") };
    let title = reader.text(at)?.trim();
    let length = title.chars().count();
    if length == 0 || length > MAX_TITLE || title.chars().any(char::is_control) {
        reader.problem(at, "not_a_title", format!("expected 1 to {MAX_TITLE} characters on one line"));
        return None;
    }
    Some(title.to_owned())
}

fn kind(reader: &mut Reader, map: &Map<'_>) -> Option<Kind> {
    let Some(at) = map.get("kind") else { return reader.missing(map, "kind", "votes or scores") };
    match reader.text(at)? {
        "votes" => Some(Kind::Votes),
        "scores" => Some(Kind::Scores),
        _ => {
            reader.problem(at, "not_a_kind", "expected votes or scores");
            None
        }
    }
}

fn board(reader: &mut Reader, map: &Map<'_>, tallies: &[super::Tally]) -> usize {
    let Some(at) = map.get("board") else { return 0 };
    let Some(name) = reader.text(at) else { return 0 };
    let found = tallies.iter().position(|t| t.name == name);
    if found.is_none() {
        reader.problem(at, "unknown_tally", format!("`{name}` is not a tally of this contest"));
    }
    found.unwrap_or_default()
}

fn voters(reader: &mut Reader, map: &Map<'_>) -> Voters {
    let Some(at) = map.get("voters") else { return Voters::default() };
    let Some(map) = reader.map(at, &["required", "max_ballots", "every"]) else { return Voters::default() };
    let max_ballots = map.get("max_ballots").and_then(|at| reader.integer(at, 1, 1_000));
    let required = map.get("required").and_then(|at| reader.bool(at));
    if let (Some(at), Some(false), Some(_)) = (map.get("required"), required, max_ballots) {
        reader.problem(
            at,
            "contradiction",
            "a contest that limits voters requires them; leave `required` out or say true",
        );
    }
    if let (Some(at), None) = (map.get("every"), map.get("max_ballots")) {
        reader.problem(at, "contradiction", "`every` needs `max_ballots`");
    }
    Voters {
        required: required.unwrap_or(max_ballots.is_some()),
        max_ballots: max_ballots.and_then(|n| u32::try_from(n).ok()),
        every: map.get("every").and_then(|at| reader.duration(at)),
    }
}

fn window(reader: &mut Reader, map: &Map<'_>) -> Window {
    let Some(at) = map.get("open") else { return Window::default() };
    let Some(map) = reader.map(at, &["from", "to"]) else { return Window::default() };
    let from = map.get("from").and_then(|at| reader.time(at));
    let to = map.get("to").and_then(|at| reader.time(at));
    if let (Some(from), Some(to), Some(at)) = (from, to, map.get("to"))
        && to <= from
    {
        reader.problem(at, "contradiction", "expected a time after `from`");
    }
    Window { from, to }
}

fn hidden(reader: &mut Reader, map: &Map<'_>, fields: &[Field]) -> Vec<String> {
    let Some(items) = map.get("hidden").and_then(|at| reader.list(at)) else { return vec![] };
    let mut hidden = Vec::new();
    for at in &items {
        let Some(name) = reader.text(at) else { continue };
        if name != "voter" && fields.iter().all(|f| f.name != name) {
            reader.problem(at, "unknown_field", format!("`{name}` is neither a field of this contest nor `voter`"));
        } else if !hidden.iter().any(|h| h == name) {
            hidden.push(name.to_owned());
        }
    }
    hidden.sort();
    hidden
}

fn tokens(reader: &mut Reader, map: &Map<'_>) -> bool {
    let access = map.get("access").and_then(|at| reader.map(at, &["tokens"]));
    access.and_then(|map| map.get("tokens").and_then(|at| reader.bool(at))).unwrap_or_default()
}
