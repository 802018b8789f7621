//! What every service gets, and how it is made of configuration.

use std::sync::Arc;

use blobs::Records;
use messaging::Bus;
use state::States;
use tokio_util::sync::CancellationToken;

use crate::{Access, Platform, Readiness, Secret, http::Guard};

/// What a service has that needs none of the shared parts.
#[derive(Debug, Clone)]
pub struct Process {
    /// The service's name.
    pub service: &'static str,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// Cancelled when the process begins to stop: long polls and streams end then.
    pub stopping: CancellationToken,
}

impl From<&Context> for Process {
    fn from(context: &Context) -> Self {
        let Context { service, readiness, stopping, .. } = context;
        Self { service, readiness: readiness.clone(), stopping: stopping.clone() }
    }
}

/// The shared parts that a service works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The service's name.
    pub service: &'static str,
    /// Publishes and consumes.
    pub bus: Arc<dyn Bus>,
    /// The source of truth.
    pub records: Records,
    /// Task states and leases.
    pub states: Arc<dyn States>,
    /// Who may call.
    pub access: Access,
    /// What is checked of `Host` and `Origin` without tokens.
    pub guard: Guard,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// What services show each other on their internal routes.
    pub internal_token: Secret,
    /// Cancelled when the process begins to stop: long polls and streams end then.
    pub stopping: CancellationToken,
    /// The settings that this was made of, for a service that makes further parts by them.
    pub platform: Arc<Platform>,
}

impl Context {
    /// A context of these parts, whose readiness asks bus, states and records.
    pub fn new(
        service: &'static str,
        bus: Arc<dyn Bus>,
        records: Records,
        states: Arc<dyn States>,
        access: Access,
    ) -> Self {
        let readiness = Readiness::default();
        let (asked_bus, asked_states, asked_records) = (bus.clone(), states.clone(), records.clone());
        readiness.add("bus", move || {
            let bus = asked_bus.clone();
            async move { bus.ready().await.map_err(|e| e.to_string()) }
        });
        readiness.add("states", move || {
            let states = asked_states.clone();
            async move { states.ready().await.map_err(|e| e.to_string()) }
        });
        readiness.add("records", move || {
            let records = asked_records.clone();
            async move { records.ready().await.map_err(|e| e.to_string()) }
        });
        let (guard, internal_token, stopping, platform) = Default::default();
        Self { service, bus, records, states, access, guard, readiness, internal_token, stopping, platform }
    }
}
