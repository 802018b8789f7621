//! The program as a process: exit codes, output, and everything in one process.

mod ballots;
mod cli;
mod commands;
mod contest;
mod corpus;
mod killed;
mod line;
mod openapi;
mod page;
mod plan;
mod program;
mod survival;
mod up;
