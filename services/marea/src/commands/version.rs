//! `version`.

use serde_json::json;

use crate::{Done, ui::Ui};

pub fn run(ui: &mut Ui) -> Done {
    let version = env!("CARGO_PKG_VERSION");
    if !ui.value(&json!({ "version": version }))? {
        ui.line(format_args!("marea {version}"))?;
    }
    Ok(())
}
