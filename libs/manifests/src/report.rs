//! Collects problems, each with its place.

use domain::{Problem, limits};

use crate::{field::Field, node::Mark};

/// How many problems one rendering lists; what comes after is counted.
const LISTED: usize = 1_000;

/// The problems found so far, and what is being looked at.
#[derive(Debug, Default)]
pub struct Report {
    problems: Vec<Problem>,
    unlisted: usize,
    errors: usize,
    file: String,
    object: String,
    /// Whether the object is a Secret: its values never stand in a message.
    secret: bool,
}

impl Report {
    /// What follows is about this file, and no object of it yet.
    pub fn enter_file(&mut self, file: &str) {
        file.clone_into(&mut self.file);
        self.leave_object();
    }

    /// What follows is about this object (`Kind/name`).
    pub fn enter_object(&mut self, kind: &str, name: &str) {
        self.secret = kind == "Secret";
        self.object = if name.is_empty() { kind.to_owned() } else { format!("{kind}/{name}") };
    }

    /// What follows is about no object.
    pub fn leave_object(&mut self) {
        self.object.clear();
        self.secret = false;
    }

    /// A value as a message may show it: shortened, and not at all for a Secret.
    pub fn show(&self, text: &str) -> String {
        if self.secret {
            return "the value".to_owned();
        }
        let short = text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        if short.len() < text.len() { format!("`{short}…`") } else { format!("`{short}`") }
    }

    /// An error at a field.
    pub fn error(&mut self, field: &Field<'_>, code: &str, message: impl Into<String>) {
        self.push(field.at(), Problem::error(code, message).at(field.path()));
    }

    /// A warning at a field.
    pub fn warn(&mut self, field: &Field<'_>, code: &str, message: impl Into<String>) {
        self.push(field.at(), Problem::warning(code, message).at(field.path()));
    }

    /// A problem at a place of the file that is being looked at.
    pub fn push(&mut self, at: Mark, mut problem: Problem) {
        let same = |p: &Problem| {
            (p.line, p.column) == (at.line, at.column)
                && p.field == problem.field
                && p.code == problem.code
                && p.file == self.file
                && p.object == self.object
        };
        // Two checks may see one mistake; they follow each other closely.
        if self.problems.iter().rev().take(20).any(same) {
            return;
        }
        self.errors += usize::from(problem.is_error());
        if self.problems.len() >= LISTED {
            self.unlisted += 1;
            return;
        }
        problem.file.clone_from(&self.file);
        problem.object.clone_from(&self.object);
        (problem.line, problem.column) = (at.line, at.column);
        truncate(&mut problem.message);
        truncate(&mut problem.field);
        self.problems.push(problem);
    }

    /// The number of errors so far, listed or not.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// The problems in the order found, with a last one that counts those not listed.
    pub fn finish(mut self) -> Vec<Problem> {
        if self.unlisted > 0 {
            let message =
                format!("{} more problems are not listed; mend the first ones and check again", self.unlisted);
            self.problems.push(if self.errors > 0 {
                Problem::error("more_problems", message)
            } else {
                Problem::warning("more_problems", message)
            });
        }
        self.problems
    }
}

fn truncate(text: &mut String) {
    if text.len() > limits::PROBLEM_BYTES {
        let end = (0..=limits::PROBLEM_BYTES - 4).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}
