//! From text to [`Node`]s: events of `granit-parser`, bounded before any value is built,
//! resolved as kubectl does. Says every problem that it can; a broken document does not
//! hide the next one's.

use domain::{Problem, SourceFile, limits};
use granit_parser::{ErrorKind, Event, Parser, ScanError, Span, StrInput};

use crate::{
    node::{Mark, Node},
    report::Report,
};

mod build;
mod map;
mod scalar;
#[cfg(test)]
mod tests;

use build::Builder;

/// One document of a file that was read without error.
#[derive(Debug)]
pub struct Document {
    /// Its place in its file, from 0; empty documents count.
    pub index: u32,
    /// Its value.
    pub root: Node,
}

/// What a task's files may still use of the bounds that hold for all of them together.
#[derive(Debug)]
pub struct Budget {
    /// Documents.
    pub documents: usize,
    /// Nodes after expansion of aliases.
    pub nodes: usize,
    /// Bytes of text after expansion of aliases.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { documents: limits::DOCUMENTS, nodes: limits::NODES, bytes: limits::BODY_BYTES }
    }
}

impl Budget {
    /// Whether a bound was met: the files after it are not read.
    pub fn is_spent(&self) -> bool {
        self.documents == 0 || self.nodes == 0 || self.bytes == 0
    }
}

/// Whether a text, written without quotes, is text to readers of YAML 1.1 and 1.2 alike.
pub fn is_plain_text(text: &str) -> bool {
    let resolved = scalar::resolve(scalar::Tag::None, text, true);
    let number_like = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '.')) && !text.contains('/');
    let letters = text.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E' | 'x' | 'o' | 'b'));
    matches!(resolved, Ok(crate::node::Data::String(_))) && (!number_like || letters) && !text.starts_with("0x")
}

/// Why reading stops: for a limit the whole file, else the document.
enum Stop {
    File(Mark, Box<Problem>),
    Document(Mark, Box<Problem>),
}

/// Reads a file's documents; empty ones are left out.
pub fn read(file: &SourceFile, budget: &mut Budget, report: &mut Report) -> Vec<Document> {
    let mut options = granit_parser::options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: limits::DEPTH,
        block_nesting_limit: limits::DEPTH,
    };
    options.set_emit_comments(false);
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(&file.content, options),
        template: file.content.contains("{{"),
        builder: Builder::new(budget),
        documents: Vec::new(),
        index: 0,
    };
    reader.run(report);
    reader.documents
}

struct Reader<'i, 'b> {
    parser: Parser<'i, StrInput<'i>>,
    /// Whether the file holds `{{`: most of these are templates.
    template: bool,
    builder: Builder<'b>,
    documents: Vec<Document>,
    index: u32,
}

impl Reader<'_, '_> {
    fn run(&mut self, report: &mut Report) {
        loop {
            let step = match self.parser.next_event() {
                None => return,
                Some(Ok((event, span))) => self.take(event, &span, report),
                Some(Err(error)) => Err(self.syntax(&error)),
            };
            match step {
                Ok(()) => {}
                Err(Stop::File(at, problem)) => return report.push(at, *problem),
                Err(Stop::Document(at, problem)) => {
                    report.push(at, *problem);
                    self.builder.abandon();
                    self.index += 1;
                    if !matches!(self.parser.proceed_next_document(), Ok(true)) {
                        return;
                    }
                }
            }
        }
    }

    fn take(&mut self, event: Event<'_>, span: &Span, report: &mut Report) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => self.builder.begin(mark(span)),
            Event::DocumentEnd => {
                if let Some(root) = self.builder.end().filter(|root| !root.is_null()) {
                    self.documents.push(Document { index: self.index, root });
                }
                self.index += 1;
                Ok(())
            }
            event => self.builder.take(event, span, report),
        }
    }

    fn syntax(&self, error: &ScanError) -> Stop {
        let at = at(error.marker().line(), error.marker().col());
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            return Stop::File(at, too_deep().into());
        }
        let template = if self.template { "; it looks like a template: send what it renders to" } else { "" };
        // The parser's words never repeat the text, which may be a Secret's.
        let message = format!("not valid YAML: {}{}{template}", error.info(), advice(error.kind()));
        Stop::Document(at, Problem::error("yaml_syntax", message).into())
    }
}

/// What to change, for the mistakes that people make most.
fn advice(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => "; indent with spaces",
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            "; indent keys of one map alike, and put a value that holds `: ` in quotes"
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => "; indent keys of one map alike",
        ErrorKind::SimpleKeyExpected => "; a key is followed by a colon and a space",
        ErrorKind::UnexpectedCharacter { .. } => "; put the value in quotes",
        ErrorKind::UnclosedQuotedScalar => "; close it with the same kind of quote",
        _ => "",
    }
}

fn too_deep() -> Problem {
    Problem::error(
        "too_deep",
        format!("nested more than {} levels deep; Kubernetes' objects need about 30", limits::DEPTH),
    )
}

fn at(line: usize, column: usize) -> Mark {
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Mark { line: narrow(line.max(1)), column: narrow(column).saturating_add(1) }
}

fn mark(span: &Span) -> Mark {
    at(span.start.line(), span.start.col())
}
