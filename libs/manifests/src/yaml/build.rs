//! Builds one document's tree from events, within the bounds, and puts aliases and merge
//! keys in their places.

use std::collections::HashMap;

use domain::{Problem, limits};
use granit_parser::{Event, ScalarStyle, Span, Tag as ParsedTag};

use super::{
    Budget, Stop,
    map::{Key, OpenMap},
    mark,
    scalar::{self, Tag},
    too_deep,
};
use crate::{
    node::{Data, Mark, Node},
    report::Report,
};

/// A finished anchor: what an alias stands for, and what it costs to repeat it.
struct Anchor {
    node: Node,
    cost: Cost,
}

/// What a subtree uses of the [`Budget`], and how deep it is.
#[derive(Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

/// A list or map that is not closed yet.
struct Frame {
    at: Mark,
    anchor: usize,
    cost: Cost,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(OpenMap),
}

/// A node and its key's role, as the events tell them.
struct Parsed {
    node: Node,
    cost: Cost,
    /// Of a scalar: its text, tag and style, for where it stands as a key.
    scalar: Option<(String, Tag, bool)>,
}

/// Builds documents one after another.
pub struct Builder<'b> {
    budget: &'b mut Budget,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchor>,
    aliases: usize,
    root: Option<Node>,
    /// Whether the document has a problem of its own: it is reported, and not used.
    broken: bool,
}

impl<'b> Builder<'b> {
    pub fn new(budget: &'b mut Budget) -> Self {
        Self { budget, frames: vec![], anchors: HashMap::new(), aliases: 0, root: None, broken: false }
    }

    /// A document begins.
    pub fn begin(&mut self, at: Mark) -> Result<(), Stop> {
        self.abandon();
        let Some(left) = self.budget.documents.checked_sub(1) else {
            let message = format!("more than {} documents; split the task", limits::DOCUMENTS);
            return Err(Stop::File(at, Problem::error("too_many_documents", message).into()));
        };
        self.budget.documents = left;
        Ok(())
    }

    /// Forgets the document at hand.
    pub fn abandon(&mut self) {
        self.frames.clear();
        self.anchors.clear();
        self.root = None;
        self.broken = false;
    }

    /// A document ends: its value, unless it had a problem or none.
    pub fn end(&mut self) -> Option<Node> {
        let root = self.root.take().filter(|_| !self.broken);
        self.abandon();
        root
    }

    /// Any other event.
    pub fn take(&mut self, event: Event<'_>, span: &Span, report: &mut Report) -> Result<(), Stop> {
        let here = mark(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), here, report);
                self.scalar(&text, tag, style == ScalarStyle::Plain, (anchor, here), report)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), here, report);
                self.open(Content::List(vec![]), anchor, here)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), here, report);
                self.open(Content::Map(OpenMap::default()), anchor, here)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(report),
            Event::Alias(anchor) => self.alias(anchor, here, report),
            Event::UnresolvedAlias(_) => {
                self.refuse(
                    here,
                    "unknown_alias",
                    "an alias names no anchor above it; put a value that begins with `*` in quotes",
                    report,
                );
                self.place(Parsed::null(here), report)
            }
            _ => Ok(()),
        }
    }

    fn refuse(&mut self, at: Mark, code: &str, message: impl Into<String>, report: &mut Report) {
        self.broken = true;
        report.push(at, Problem::error(code, message));
    }

    fn tag(&mut self, tag: Option<&ParsedTag>, here: Mark, report: &mut Report) -> Tag {
        let Some(tag) = tag else { return Tag::None };
        let core = match tag.handle() {
            "tag:yaml.org,2002:" => Tag::of(tag.suffix()),
            _ if tag.original() == "!" => Some(Tag::Str),
            _ => None,
        };
        core.unwrap_or_else(|| {
            let message = "a tag (a word that begins with `!`) means nothing to Kubernetes; remove it, or put the value in quotes";
            self.refuse(here, "unknown_tag", message, report);
            Tag::Str
        })
    }

    fn spend(&mut self, cost: Cost, here: Mark) -> Result<(), Stop> {
        if self.frames.len() + cost.depth > limits::DEPTH {
            return Err(Stop::File(here, too_deep().into()));
        }
        let nodes = self.budget.nodes.checked_sub(cost.nodes);
        let bytes = self.budget.bytes.checked_sub(cost.bytes);
        let (Some(nodes), Some(bytes)) = (nodes, bytes) else {
            // The files after this one are not read.
            self.budget.nodes = 0;
            let message = format!(
                "more than {} values or {} bytes once aliases are expanded; split the task",
                limits::NODES,
                limits::BODY_BYTES
            );
            return Err(Stop::File(here, Problem::error("too_many_values", message).into()));
        };
        (self.budget.nodes, self.budget.bytes) = (nodes, bytes);
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        tag: Tag,
        plain: bool,
        (anchor, here): (usize, Mark),
        report: &mut Report,
    ) -> Result<(), Stop> {
        let cost = Cost { nodes: 1, bytes: text.len(), depth: 0 };
        self.spend(cost, here)?;
        let data = scalar::resolve(tag, text, plain).unwrap_or_else(|why| {
            self.refuse(here, "yaml_value", format!("the value {why}"), report);
            Data::Null
        });
        let node = Node { data, at: here };
        self.remember(anchor, &node, cost);
        let scalar = self.awaits_key().then(|| (text.to_owned(), tag, plain));
        self.place(Parsed { node, cost, scalar }, report)
    }

    fn open(&mut self, content: Content, anchor: usize, here: Mark) -> Result<(), Stop> {
        let cost = Cost { nodes: 1, bytes: 0, depth: 1 };
        self.spend(cost, here)?;
        self.frames.push(Frame { at: here, anchor, cost, content });
        Ok(())
    }

    fn close(&mut self, report: &mut Report) -> Result<(), Stop> {
        let Some(Frame { at, anchor, cost, content }) = self.frames.pop() else { return Ok(()) };
        let data = match content {
            Content::List(items) => Data::List(items),
            Content::Map(map) => Data::Map(map.entries),
        };
        let node = Node { data, at };
        self.remember(anchor, &node, cost);
        self.place(Parsed { node, cost, scalar: None }, report)
    }

    fn remember(&mut self, anchor: usize, node: &Node, cost: Cost) {
        if anchor > 0 {
            // One copy: bounded as the document's own nodes are.
            self.anchors.insert(anchor, Anchor { node: node.clone(), cost });
        }
    }

    fn alias(&mut self, anchor: usize, here: Mark, report: &mut Report) -> Result<(), Stop> {
        self.aliases += 1;
        if self.aliases > limits::ALIASES {
            let message = format!("more than {} aliases in one file", limits::ALIASES);
            return Err(Stop::File(here, Problem::error("too_many_aliases", message).into()));
        }
        let Some(cost) = self.anchors.get(&anchor).map(|a| a.cost) else {
            self.refuse(here, "recursive_alias", "an alias stands inside the value that it repeats", report);
            return self.place(Parsed::null(here), report);
        };
        self.spend(cost, here)?;
        let node = self.anchors[&anchor].node.clone();
        let scalar = node.text().map(|text| (text.to_owned(), Tag::Str, false));
        self.place(Parsed { node, cost, scalar }, report)
    }

    fn awaits_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { content: Content::Map(OpenMap { key: None, .. }), .. }))
    }

    fn place(&mut self, parsed: Parsed, report: &mut Report) -> Result<(), Stop> {
        if self.awaits_key() {
            let key = self.key(&parsed, report);
            if let Some(Frame { content: Content::Map(map), cost, .. }) = self.frames.last_mut() {
                map.key = Some(key);
                cost.add(parsed.cost);
            }
            return Ok(());
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(parsed.node);
            return Ok(());
        };
        frame.cost.add(parsed.cost);
        let problem = match &mut frame.content {
            Content::List(items) => {
                items.push(parsed.node);
                None
            }
            Content::Map(map) => map.value(parsed.node),
        };
        if let Some((at, problem)) = problem {
            self.broken |= problem.is_error();
            report.push(at, problem);
        }
        Ok(())
    }

    fn key(&mut self, parsed: &Parsed, report: &mut Report) -> Key {
        let here = parsed.node.at;
        let Some((text, tag, plain)) = &parsed.scalar else {
            self.refuse(here, "yaml_key", "a key is text; lists, maps and null cannot be one (a template's `{{…}}` is rendered before it is sent)", report);
            return Key::Refused;
        };
        if text == "<<" && (*plain || *tag == Tag::Other) {
            return Key::Merge(here);
        }
        match scalar::key(*tag, text, *plain) {
            Ok(key) => {
                if matches!(key.as_str(), "true" | "false") && key != *text {
                    let message = format!("the key `{text}` reads as `{key}`, as it does to kubectl; put it in quotes");
                    report.push(here, Problem::warning("boolean_key", message));
                }
                Key::Text(key, here)
            }
            Err(why) => {
                self.refuse(here, "yaml_key", format!("the key {why}"), report);
                Key::Refused
            }
        }
    }
}

impl Cost {
    fn add(&mut self, inner: Cost) {
        self.nodes += inner.nodes;
        self.bytes += inner.bytes;
        self.depth = self.depth.max(inner.depth + 1);
    }
}

impl Parsed {
    fn null(at: Mark) -> Self {
        Self { node: Node { data: Data::Null, at }, cost: Cost { nodes: 1, ..Cost::default() }, scalar: None }
    }
}
