//! One `task.submitted`.

use std::{num::NonZero, sync::Arc};

use async_trait::async_trait;
use bootstrap::{Context, trace};
use domain::{Fact, Problem, Rendered, Revision, SourceFile, TaskId, Tenant};
use manifests::Rendering;
use messaging::{Delivery, Handler, JobError, Message, Route};
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

/// Files of up to this size in sum are rendered on the spot: it takes less than handing them to another thread.
const INLINE_BYTES: usize = 8 << 10;

/// Handles `task.submitted`.
pub struct Manager {
    pub(crate) context: Context,
    /// Renderings at a time: each takes a core for itself.
    cores: Semaphore,
}

impl Manager {
    /// A handler with as many renderings at a time as there are cores.
    pub fn new(context: Context) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { context, cores: Semaphore::new(cores) }
    }

    /// Renders: what is large on a thread where blocking harms nobody, as the other computations here.
    pub(crate) async fn render(&self, sources: Vec<SourceFile>, tenant: Arc<Tenant>, task: TaskId) -> Rendering {
        if sources.iter().map(|file| file.content.len()).sum::<usize>() <= INLINE_BYTES {
            return manifests::render(&sources, &tenant, task, true);
        }
        self.compute(move || manifests::render(&sources, &tenant, task, true)).await
    }

    /// What was rendered for an earlier revision, unless its tenant may no longer do all of it.
    pub(crate) async fn recheck(&self, earlier: Rendered, tenant: Arc<Tenant>, to: Revision) -> Rendering {
        self.compute(move || {
            let mut problems = manifests::check_rendered(&earlier, &tenant);
            if problems.is_empty() {
                return Rendering { problems, rendered: Some(earlier) };
            }
            let message = format!(
                "what the tenant may do has changed since revision {to} was rendered: send its files as a new \
                 revision, with what is named here changed"
            );
            problems.insert(0, Problem::error("revert_not_allowed", message).at("revision"));
            Rendering { problems, rendered: None }
        })
        .await
    }

    async fn compute(&self, compute: impl FnOnce() -> Rendering + Send + 'static) -> Rendering {
        let _core = self.cores.acquire().await.expect("the semaphore is never closed");
        let span = Span::current();
        let rendering = tokio::task::spawn_blocking(move || {
            let _entered = span.enter();
            compute()
        });
        // A panic is this delivery's: the messaging library counts it.
        rendering.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    pub(crate) async fn publish(&self, fact: &Fact, traceparent: Option<&str>) -> Result<(), JobError> {
        let message = Message::fact(fact).traced(traceparent);
        self.context.bus.publish(&Route::Fact(fact.body.type_name()), message).await.map_err(JobError::retry)
    }
}

#[async_trait]
impl Handler for Manager {
    async fn handle(&self, delivery: Delivery) -> Result<(), JobError> {
        let message = &delivery.message;
        let received = message.headers.get(trace::HEADER).map(String::as_str);
        let span = trace::of_message(&message.kind, &message.id, received);
        let fact: Fact = message.data().map_err(JobError::fail)?;
        span.record("task.id", tracing::field::display(fact.task));
        let onward = trace::outgoing(&span, received);
        self.revision(&fact, onward.as_deref()).instrument(span).await
    }

    async fn healthy(&self) -> bool {
        self.context.records.ready().await.is_ok()
    }
}
