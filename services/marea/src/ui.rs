//! Output: format, colours, and the program's name as it was called.

use std::{
    env, fmt,
    io::{self, IsTerminal as _, Write},
};

use domain::{Health, State};
use serde::Serialize;

use crate::cli::{ColorWhen, Format, Global};

/// The program as it was called, for hints that can be copied.
pub fn program() -> String {
    let called = env::args_os().next().map(|name| name.to_string_lossy().into_owned());
    called.filter(|name| !name.is_empty()).unwrap_or_else(|| "marea".to_owned())
}

/// How a piece of text is to look on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As the rest.
    Plain,
    /// Well.
    Good,
    /// On its way, or worth a look.
    Busy,
    /// Failed.
    Bad,
    /// Beside the point.
    Dim,
}

impl From<State> for Tone {
    fn from(state: State) -> Self {
        match state {
            State::Done | State::RolledBack => Self::Good,
            State::Pending | State::ApplyingInCluster | State::RollingBack => Self::Busy,
            State::Rejected | State::Failed | State::RollbackBlocked => Self::Bad,
            State::Superseded => Self::Dim,
        }
    }
}

impl From<Health> for Tone {
    fn from(health: Health) -> Self {
        match health {
            Health::Healthy => Self::Good,
            Health::Progressing => Self::Busy,
            Health::Degraded => Self::Bad,
        }
    }
}

/// Where a command writes, and how.
pub struct Ui {
    /// The program as it was called.
    pub program: String,
    /// The format asked for.
    pub format: Format,
    color: bool,
    out: Box<dyn Write + Send>,
}

impl Ui {
    /// Output to stdout: colours only on a terminal, and never under `NO_COLOR`.
    pub fn new(program: String, global: &Global) -> Self {
        let plain = env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = match global.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => !plain && io::stdout().is_terminal(),
        };
        Self { program, format: global.output, color, out: Box::new(io::stdout()) }
    }

    /// One line.
    pub fn line(&mut self, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// Text as it is.
    pub fn raw(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Where bytes go as they are.
    pub fn bytes(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// A value in the format asked for, where that is JSON or YAML: `false` otherwise.
    pub fn value<T: Serialize>(&mut self, value: &T) -> io::Result<bool> {
        match self.format {
            Format::Json => self.line(serde_json::to_string_pretty(value).map_err(io::Error::other)?)?,
            Format::Yaml => {
                let value = serde_json::to_value(value).map_err(io::Error::other)?;
                self.raw(&manifests::to_yaml(&value))?;
            }
            Format::Table | Format::Wide | Format::Name => return Ok(false),
        }
        Ok(true)
    }

    /// What a command did: as a value, as the name of what it did it to, or in a sentence.
    pub fn done<T: Serialize>(
        &mut self,
        value: &T,
        name: impl fmt::Display,
        sentence: impl fmt::Display,
    ) -> io::Result<()> {
        match self.format {
            Format::Json | Format::Yaml => self.value(value).map(drop),
            Format::Name => self.line(name),
            Format::Table | Format::Wide => self.line(sentence),
        }
    }

    /// Text in a tone, where colours are on.
    pub fn paint(&self, tone: Tone, text: impl fmt::Display) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Busy => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
            Tone::Plain => return text.to_string(),
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// Text of a server or a file, safe on a terminal: what controls it or cannot be seen is shown, not obeyed.
pub fn tame(text: &str) -> String {
    text.chars().map(|c| if domain::text::is_unseen(c) && c != '\t' { '\u{fffd}' } else { c }).collect()
}
