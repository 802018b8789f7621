//! HTTP: one server with all its bounds, one error type, strict extractors, probes and documentation.

pub mod answers;
mod app;
mod body;
mod docs;
mod edge;
mod error;
mod events;
mod extract;
mod guard;
mod io;
mod meters;
mod serve;
mod silence;

pub use app::{App, app, app_alone};
pub use body::{BODIES_IN_FLIGHT_BYTES, BodyError, BodyLimits};
pub use error::{HttpError, ProblemDetails};
pub use events::{events, events_of_bytes};
pub use extract::{Json, Nothing, Path, Query, accepts, has_media_type, read_body};
pub use guard::{Guard, knows_tag, single};
pub use serve::{Limits, Server, bind, listen, serve};
pub use silence::Silence;
