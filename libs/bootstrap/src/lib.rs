//! What every service shares: configuration, telemetry, HTTP, access, readiness, shutdown.
//!
//! A service's `main.rs` calls [`main`] (or [`main_alone`]) with its `run`; `marea up` and the tests build a
//! [`Context`] themselves and run the same code. Nothing here knows what a service does.

mod access;
pub mod commands;
pub mod config;
mod connect;
mod context;
pub mod http;
mod internal;
mod platform;
mod program;
mod readiness;
mod resolve;
mod secret;
pub mod shutdown;
pub mod telemetry;
pub mod trace;

pub use access::{Access, AccessError, Caller, TOKEN_HINT, is_token, issue};
pub use connect::{ConnectError, bus, context, records, states, tallies};
pub use context::{Context, Process};
pub use http::{HttpError, app, app_alone, listen, serve};
pub use internal::Internal;
pub use platform::{AccessMode, Platform};
pub use program::{Program, main, main_alone};
pub use readiness::Readiness;
pub use resolve::{no_task, since};
pub use secret::Secret;

/// Installs the process's one TLS provider. Needed before any HTTPS client is built; may be called twice.
pub fn install_tls() {
    // An error says that one is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
