//! A field of an object: its node, its path and its place.

use std::rc::Rc;

use crate::node::{Data, Entry, Mark, Node};

/// One node within an object. Cheap to clone; the path is written out only for a problem.
#[derive(Clone)]
pub struct Field<'n> {
    /// The value.
    pub node: &'n Node,
    at: Mark,
    path: Option<Rc<Step<'n>>>,
}

struct Step<'n> {
    parent: Option<Rc<Step<'n>>>,
    part: Part<'n>,
}

#[derive(Clone, Copy)]
enum Part<'n> {
    Key(&'n str),
    Index(usize),
}

impl<'n> Field<'n> {
    /// A whole object.
    pub fn root(node: &'n Node) -> Self {
        Self { node, at: node.at, path: None }
    }

    /// Where it stands: a map's value at its key.
    pub fn at(&self) -> Mark {
        self.at
    }

    /// The field of a map; absent where it is null, as the API server takes it.
    pub fn get(&self, key: &str) -> Option<Field<'n>> {
        let entry = self.node.entry(key)?;
        (!entry.value.is_null()).then(|| self.child(entry))
    }

    /// The field at the end of a path of keys.
    pub fn walk(&self, keys: &[&str]) -> Option<Field<'n>> {
        keys.iter().try_fold(self.clone(), |field, key| field.get(key))
    }

    /// The text at a key.
    pub fn text_of(&self, key: &str) -> Option<&'n str> {
        self.get(key).and_then(|f| f.text())
    }

    /// The items of a list.
    pub fn items(&self) -> impl Iterator<Item = Field<'n>> + use<'n> {
        let parent = self.path.clone();
        self.node.items().iter().enumerate().map(move |(i, node)| Self {
            node,
            at: node.at,
            path: Some(Rc::new(Step { parent: parent.clone(), part: Part::Index(i) })),
        })
    }

    /// The items of the list at a key; none where it is absent.
    pub fn list(&self, key: &str) -> Vec<Field<'n>> {
        self.get(key).map(|f| f.items().collect()).unwrap_or_default()
    }

    /// The entries of a map, those of null too.
    pub fn entries(&self) -> impl Iterator<Item = (&'n str, Field<'n>)> + use<'n> {
        let parent = self.clone();
        self.node.entries().iter().map(move |e| (e.key.as_str(), parent.child(e)))
    }

    /// The entries of the map at a key; none where it is absent.
    pub fn map(&self, key: &str) -> Vec<(&'n str, Field<'n>)> {
        self.get(key).map(|f| f.entries().collect()).unwrap_or_default()
    }

    /// A child by its entry.
    pub fn child(&self, entry: &'n Entry) -> Field<'n> {
        let path = Some(Rc::new(Step { parent: self.path.clone(), part: Part::Key(&entry.key) }));
        Self { node: &entry.value, at: entry.at, path }
    }

    /// A field of this one that is not there: for problems about its absence.
    pub fn absent(&self, key: &'n str) -> Field<'n> {
        let path = Some(Rc::new(Step { parent: self.path.clone(), part: Part::Key(key) }));
        Self { node: self.node, at: self.at, path }
    }

    /// The field at a key, or the place where it is missing.
    pub fn get_or_absent(&self, key: &'n str) -> Field<'n> {
        self.get(key).unwrap_or_else(|| self.absent(key))
    }

    /// Its text, where it is text.
    pub fn text(&self) -> Option<&'n str> {
        self.node.text()
    }

    /// Its boolean, where it is one.
    pub fn bool(&self) -> Option<bool> {
        if let Data::Bool(b) = &self.node.data { Some(*b) } else { None }
    }

    /// Its whole number, where it is one.
    pub fn int(&self) -> Option<i64> {
        if let Data::Number(n) = &self.node.data { n.as_i64() } else { None }
    }

    /// The boolean at a key.
    pub fn bool_of(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(|f| f.bool())
    }

    /// The path, for example `spec.template.spec.containers[0].image`.
    pub fn path(&self) -> String {
        let mut parts = Vec::new();
        let mut step = self.path.as_ref();
        while let Some(s) = step {
            parts.push(s.part);
            step = s.parent.as_ref();
        }
        let mut text = String::new();
        for part in parts.into_iter().rev() {
            write_part(&mut text, part);
        }
        text
    }
}

fn write_part(text: &mut String, part: Part<'_>) {
    match part {
        Part::Index(i) => text.push_str(&format!("[{i}]")),
        // As kubectl and the API server write keys that are no plain words.
        Part::Key(key) if key.contains(['.', '/', '[', ']']) => text.push_str(&format!("[{key}]")),
        Part::Key(key) => {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(key);
        }
    }
}
