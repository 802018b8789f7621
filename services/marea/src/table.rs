//! Tables: columns as wide as their widest cell, the last one free.

use crate::ui::{Tone, Ui, tame};

/// One cell.
pub struct Cell {
    text: String,
    tone: Tone,
}

/// A cell in a tone.
pub fn cell(tone: impl Into<Tone>, text: impl AsRef<str>) -> Cell {
    Cell { text: tame(text.as_ref()), tone: tone.into() }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        cell(Tone::Plain, text)
    }
}

/// A table with its heading.
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        Self { rows: vec![columns.iter().map(|c| cell(Tone::Dim, c)).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |i: usize| self.rows.iter().filter_map(|r| r.get(i)).map(|c: &Cell| c.text.chars().count()).max();
        (0..columns).map(|i| width(i).unwrap_or(0)).collect()
    }

    /// Prints it.
    pub fn print(&self, ui: &mut Ui) -> std::io::Result<()> {
        let widths = self.widths();
        for row in &self.rows {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                line.push_str(&ui.paint(cell.tone, &cell.text));
                if index + 1 < row.len() {
                    let gap = width - cell.text.chars().count() + 2;
                    line.extend(std::iter::repeat_n(' ', gap));
                }
            }
            ui.line(line.trim_end())?;
        }
        Ok(())
    }
}
