//! The two contests that Marea ships.

use crate::Definition;

#[cfg(test)]
mod tests;

/// The file of `bands`: votes.
pub const BANDS: &str = include_str!("../../../docs/samples/contests/bands.yaml");
/// The file of `olympics`: scores.
pub const OLYMPICS: &str = include_str!("../../../docs/samples/contests/olympics.yaml");

/// The contest that takes votes where a path names none.
pub fn bands() -> Definition {
    Definition::parse(BANDS).expect("the sample is tested")
}

/// The contest that takes scores where a path names none.
pub fn olympics() -> Definition {
    Definition::parse(OLYMPICS).expect("the sample is tested")
}

/// Both.
pub fn all() -> [Definition; 2] {
    [bands(), olympics()]
}
