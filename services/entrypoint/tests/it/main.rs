//! entrypoint's interface, over embedded parts.

mod access;
mod admin;
mod bad_input;
mod faults;
mod follow;
mod harness;
mod read;
mod submit;
