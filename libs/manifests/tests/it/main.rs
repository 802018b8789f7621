//! Whole manifests: the corpus, the sample.

mod corpus;
mod sample;
