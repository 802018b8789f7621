//! The program as a process: exit codes, output, and everything in one process.

mod cli;
mod line;
mod page;
mod program;
mod survival;
mod up;
