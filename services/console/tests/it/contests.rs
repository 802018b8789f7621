//! Contests: the page before ingest and tally in one process, over embedded parts.

mod browser;
mod live;
mod log;
mod pages;
mod vote;
mod world;
