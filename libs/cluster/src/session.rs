//! One piece of work on one task: who asks, as whom, until when.

use std::time::Duration;

use domain::Problem;
use kube::Client;

use crate::{
    api::{Accept, Api, Call, Error, Limits, SendUntil},
    task::Task,
};

/// The engine: a client with bounds. Cheap to clone; one a process and cluster.
#[derive(Clone)]
pub struct Engine {
    pub(crate) api: Api,
    makes_namespaces: bool,
}

/// Work on one task.
#[derive(Clone)]
pub struct Session {
    pub(crate) api: Api,
    pub(crate) task: Task,
    /// Whether every tenant's namespaces are made where absent.
    pub(crate) makes_namespaces: bool,
}

/// Why a step did not get to its end.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Stop {
    /// It never will.
    #[error("refused")]
    Failed(Vec<Problem>),
    /// It may, later: the same step is to be taken again.
    #[error("not yet")]
    Later(Vec<Problem>),
    /// The lease ends: whoever holds the next one goes on.
    #[error("the lease of the task ends")]
    LeaseEnds,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::LeaseEnds => Self::LeaseEnds,
            Error::Later(text) | Error::Unknown(text) => {
                Self::Later(vec![Problem::error("cluster_unavailable", crate::refused::bounded(&text))])
            }
            Error::Identity(_) => Self::Failed(vec![Problem::error(
                "invalid_service_account",
                crate::refused::bounded(&error.to_string()),
            )]),
            Error::Refused(r) => {
                Self::Failed(vec![Problem::error("refused_by_cluster", crate::refused::bounded(&r.to_string()))])
            }
        }
    }
}

impl Engine {
    /// An engine over any client whose own retries are off.
    pub fn new(client: Client, limits: Limits) -> Self {
        Self { api: Api::new(client, limits), makes_namespaces: false }
    }

    /// The same engine, which makes a tenant's namespaces where they are absent, as an administrator would: for a
    /// cluster that has no other administrator, as the sandbox.
    #[must_use]
    pub fn making_namespaces(self) -> Self {
        Self { makes_namespaces: true, ..self }
    }

    /// Whether the API server answers; else why not, for `/readyz`.
    ///
    /// # Errors
    /// What the API server or the way to it said.
    pub async fn ready(&self) -> Result<(), String> {
        let session = self.api.session(None, SendUntil::always(), Duration::ZERO);
        session.send(&Call::get("/version", &[], Accept::Object)).await.map(drop).map_err(|e| e.to_string())
    }

    /// Work on one task, as a ServiceAccount (`system:serviceaccount:<namespace>:<name>`) where one is
    /// given, while the lease allows it. What passes is tried again for `patience`.
    pub fn session(&self, task: Task, run_as: Option<&str>, send_until: SendUntil, patience: Duration) -> Session {
        let api = self.api.session(run_as, send_until, patience);
        Session { api, task, makes_namespaces: self.makes_namespaces }
    }
}
