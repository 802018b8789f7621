//! The page over HTTP and in a real browser, in front of an interface that records what it is asked.

mod alone;
mod api;
mod browser;
mod contests;
mod driver;
mod events;
mod pages;
