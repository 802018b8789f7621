//! Server-side apply: which manager owns which field, and how an applied configuration merges into a live
//! object, as `sigs.k8s.io/structured-merge-diff` v6.3 and the API server's field manager do it.

pub(crate) mod compare;
pub(crate) mod managers;
pub(crate) mod node;
pub(crate) mod set;
#[cfg(test)]
mod tests;
pub(crate) mod walk;

pub(crate) use compare::{Comparison, compare};
pub(crate) use managers::{Entry, Managers};
pub(crate) use node::Node;
pub(crate) use set::Set;
