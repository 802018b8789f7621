//! `completion`: a script for a shell.

use clap_complete::{Shell, generate};

use crate::{Done, cli, ui::Ui};

pub fn run(shell: Shell, ui: &mut Ui) -> Done {
    let mut script = Vec::new();
    // The script is for the program's name, however it was called this once.
    generate(shell, &mut cli::command(), "marea", &mut script);
    Ok(ui.raw(&String::from_utf8_lossy(&script))?)
}
