//! `MAREA_*` variables: those of the platform hold here too, and one that no part knows is an error.

use bootstrap::{Platform, config::Layers};

use crate::failure::Failure;

/// The platform's settings as the variables have them. What the parts of their own are set to here stays so:
/// they share one port and one cluster.
pub fn platform() -> Result<Platform, Failure> {
    let mut layers = Layers::default();
    layers.declare::<entrypoint::Config>();
    layers.declare::<yaml_manager::Config>();
    layers.declare::<cluster_applier::Config>();
    layers.declare::<status_worker::Config>();
    layers.declare::<console::Config>();
    layers.declare::<Platform>();
    let variables = std::env::vars_os().filter_map(|(k, v)| k.into_string().ok().zip(v.into_string().ok()));
    layers.environment(variables).and_then(|()| layers.get()).map_err(Failure::usage)
}
