//! Each server starts, answers, ends with its handle, and is gone when its parent is killed.

mod brokers;
mod clusters;
mod ends;
mod stores;
mod traces;
