//! Outcomes as facts, and facts as messages.

use bootstrap::{Context, trace};
use domain::{Fact, FactBody, Health, ObjectStatus, Outcome, Problem, limits, record::Ending};
use jiff::Timestamp;
use messaging::{Message, PublishError, Route};
use tracing::Span;

use crate::check::Check;

/// Bytes of objects in one fact, well below a message's limit: beyond, their texts are left out.
const OBJECT_BYTES: usize = limits::MESSAGE_BYTES / 2;

/// Publishes a fact about the check's command.
pub(crate) async fn publish(
    context: &Context,
    check: &Check,
    body: FactBody,
    traceparent: Option<&str>,
) -> Result<(), PublishError> {
    publish_at(context, check, body, Timestamp::now(), traceparent).await
}

/// The same, of that time.
pub(crate) async fn publish_at(
    context: &Context,
    check: &Check,
    body: FactBody,
    time: Timestamp,
    traceparent: Option<&str>,
) -> Result<(), PublishError> {
    let fact = Fact {
        tenant: check.key.tenant.clone(),
        task: check.key.id,
        name: check.name.clone(),
        revision: check.revision,
        time,
        body,
    };
    let parent = trace::outgoing(&Span::current(), traceparent);
    send(context, &fact, parent.as_deref()).await
}

async fn send(context: &Context, fact: &Fact, traceparent: Option<&str>) -> Result<(), PublishError> {
    let message = Message::fact(fact).traced(traceparent);
    context.bus.publish(&Route::Fact(fact.body.type_name()), message).await
}

/// The facts that an outcome stands for, in the order to publish them.
pub(crate) fn of(outcome: &Outcome) -> Vec<FactBody> {
    let Outcome { problems, kept, observed, .. } = outcome;
    let observed = *observed;
    let (problems, kept) = (bounded_problems(problems.clone()), kept.clone());
    let objects = bounded(outcome.objects.clone());
    let failed = |problems| FactBody::Failed { problems, objects: objects.clone() };
    match outcome.ending {
        Ending::Applied => vec![FactBody::Applied { observed, objects, kept, warnings: problems }],
        Ending::Rejected => vec![FactBody::Rejected { problems }],
        Ending::Failed => vec![failed(problems)],
        Ending::Reverted => {
            let to = outcome.live.unwrap_or_default();
            vec![failed(problems), FactBody::Reverted { to, observed }]
        }
        Ending::RolledBack => vec![FactBody::RolledBack { kept }],
        Ending::Superseded => vec![],
    }
}

/// A `task.progress`.
pub(crate) fn progress(observed: u64, health: Health, objects: &[ObjectStatus]) -> FactBody {
    FactBody::Progress { observed, health, objects: bounded(objects.to_vec()) }
}

/// Objects that fit into one message.
pub(crate) fn bounded(mut objects: Vec<ObjectStatus>) -> Vec<ObjectStatus> {
    let bytes =
        |o: &ObjectStatus| 160 + o.object.name.len() + o.object.namespace.len() + o.reason.len() + o.message.len();
    if objects.iter().map(bytes).sum::<usize>() > OBJECT_BYTES {
        objects.iter_mut().for_each(|o| o.message.clear());
    }
    objects
}

/// Problems that fit into one message.
pub(crate) fn bounded_problems(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.truncate(limits::PROBLEMS);
    problems
}
