//! How a revision is to be run, as forms ask.

use client::Running;
use domain::OnFailure;
use maud::{Markup, html};

/// The boxes; of a new task there is nothing to prune.
pub fn running(ticked: &Running, prunes: bool) -> Markup {
    html! {
        fieldset {
            legend { "How to run it" }
            (tick("on_failure", "revert", ticked.on_failure == Some(OnFailure::Revert),
                "Go back by itself where it does not become healthy"))
            @if prunes {
                (tick("confirm_prune", "true", ticked.confirm_prune, "Let it delete more than half of the objects"))
                (tick("prune_volumes", "true", ticked.prune_volumes,
                    "Let it delete PersistentVolumeClaims, and what is on them"))
            }
        }
    }
}

fn tick(name: &str, value: &str, ticked: bool, text: &str) -> Markup {
    html! {
        div.tick {
            input id=(name) type="checkbox" name=(name) value=(value) checked[ticked];
            label for=(name) { (text) }
        }
    }
}
