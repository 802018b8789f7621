//! wip
mod field;
pub mod node;
mod report;
pub mod yaml;
