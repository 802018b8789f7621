//! Messages as steps.

use async_trait::async_trait;
use bootstrap::trace;
use domain::Fact;
use messaging::{Delivery, Handler, JobError};
use tracing::Instrument as _;

use super::{Applier, How};
use crate::check::{Check, NAME, Stage};

#[async_trait]
impl Handler for Applier {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let message = &delivery.message;
        let traceparent = message.headers.get(trace::HEADER).cloned();
        let check = read(&delivery)?;
        let how = if delivery.again { How::Again } else { How::Asked };
        let span = tracing::info_span!("task.step", task.id = %check.key.id, task.revision = check.revision, task.stage = check.stage.name());
        trace::continue_from(&span, traceparent.as_deref());
        self.step(check, traceparent.as_deref(), how).instrument(span).await
    }

    async fn healthy(&self) -> bool {
        self.context.records.ready().await.is_ok() && self.context.states.ready().await.is_ok()
    }
}

/// The step that a message asks for.
fn read(delivery: &Delivery) -> Result<Check, JobError> {
    let kind = delivery.message.kind.as_str();
    if kind == format!("dev.marea.{NAME}.v1") {
        return delivery.message.data().map_err(JobError::fail);
    }
    let fact: Fact = delivery.message.data().map_err(JobError::fail)?;
    match kind {
        "dev.marea.task.validated.v1" => Ok(Check::first(&fact, Stage::Apply)),
        "dev.marea.task.rollback_requested.v1" => Ok(Check::first(&fact, Stage::RollBack { blocked: false })),
        other => Err(JobError::fail(format!("messages of type {other} are not for cluster-applier"))),
    }
}

impl Stage {
    fn name(&self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Ready => "ready",
            Self::Revert { .. } => "revert",
            Self::RollBack { .. } => "roll_back",
            Self::Settle => "settle",
        }
    }
}
