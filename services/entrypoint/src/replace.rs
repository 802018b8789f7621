//! `PUT /yaml/{id}`: a new revision, or back to an earlier one.

use std::ops::RangeInclusive;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use bootstrap::{
    Caller, HttpError,
    http::{Path, ProblemDetails, Query, read_body},
    no_task,
};
use domain::{Action, Command, Options, Problem, Revision, TaskKey, access::Scope};

use crate::{
    Entry,
    answer::Accepted,
    command::Origin,
    idempotency::{digest, hashed},
    intake::Intake,
    parameters::{Replace, idempotency_key, if_match},
    plan::{Asked, Plan},
};

/// Tries to take the next number before the client is asked to come again. Each lost one is another
/// command's won one: as many may come at once.
const TRIES: usize = 64;

/// What a command that follows others asks for.
pub struct Next {
    /// The action.
    pub action: Action,
    /// How it is to be run.
    pub options: Options,
    /// The revision that must be the highest, where the client said so.
    pub if_match: Option<Revision>,
    /// The request's key.
    pub key: Option<String>,
}

impl Next {
    /// Conditions of a request's headers.
    pub fn new(action: Action, options: Options, headers: &HeaderMap) -> Result<Self, HttpError> {
        let key = idempotency_key(headers)?.map(str::to_owned);
        Ok(Self { action, options, if_match: if_match(headers)?, key })
    }

    fn digest(&self, key: &TaskKey) -> String {
        let matched = self.if_match.map(|n| n.to_string()).unwrap_or_default();
        match &self.action {
            Action::Apply { sources } => digest(&format!("replace {} {matched}", key.id), &self.options, sources),
            Action::Revert { to } => digest(&format!("revert {} {to} {matched}", key.id), &self.options, &[]),
            Action::RollBack => digest(&format!("delete {} {matched}", key.id), &self.options, &[]),
        }
    }
}

/// Send a new revision, or go back to one
///
/// With a body: the task's next revision. With `?revision=` and no body: back to what that revision rendered.
#[utoipa::path(
    put, path = "/yaml/{id}", tag = "tasks", operation_id = "replace",
    params(
        ("id" = String, Path, description = "The task's id, name or the end of its id."),
        Replace,
        ("If-Match" = Option<String>, Header, description = "The revision that is to be replaced.", pattern = "^([0-9]{1,6}|\"[0-9]{1,6}\"|\\*)$", nullable = false),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body again are the same request, for 24 h.", min_length = 1, max_length = 255, pattern = "^[!-~]+$", nullable = false),
    ),
    request_body(
        description = "One file, or several as parts with file names; nothing with `?revision=`.",
        content((serde_json::Value = "application/yaml"), (crate::plan::Files = "multipart/form-data")),
    ),
    responses(
        (status = 200, description = "Of a dry run: what would happen.", body = Plan),
        (status = 202, description = "Stored, and confirmed by a quorum: it will be run.", body = Accepted, headers(("Location" = String, description = "The task's status."))),
        (status = 400, description = "A parameter, the encoding or the framing is not valid.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 401, description = "No token, or not a valid one.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 403, description = "The token lacks the scope.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "The tenant has no such task.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "The task is being rolled back, is in another cluster than `target`, or others change it.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 412, description = "Another revision is the highest one.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Neither YAML nor multipart.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Not YAML as Kubernetes reads it, beyond a limit, no such revision, or a key with another body.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Too many dry runs at a time.", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Try again; with `outcome-unknown` and an id, send the same key again.", body = ProblemDetails, content_type = "application/problem+json"),
    ),
)]
pub async fn put(
    State(entry): State<Entry>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<Replace>,
    request: Request,
) -> Result<Response, HttpError> {
    caller.may(Scope::Write)?;
    let options = query.options(&entry.targets)?;
    let key = entry.context.resolve(&caller.tenant.name, &id).await?;
    let headers = request.headers().clone();
    let origin = Origin::new(caller, &headers);
    let action = match query.revision {
        Some(to) => revert(request, to).await?,
        None => Action::Apply { sources: Intake::read(request).await?.files },
    };
    if query.dry_run {
        let last = entry.last(&key).await?.ok_or_else(|| no_task(&id))?;
        let options = entry.in_place(&last, options).await?;
        let (files, revision) = match action {
            Action::Apply { sources } => (sources, None),
            _ => (vec![], query.revision),
        };
        let asked = Asked { task: Some(key.id), name: Some(last.name), files, options, revision };
        return entry.plan(&origin.caller, asked).await;
    }
    let next = Next::new(action, options, &headers)?;
    Ok(entry.follow(&origin, &key, next).await?.into_response())
}

async fn revert(request: Request, to: Revision) -> Result<Action, HttpError> {
    if to == 0 {
        return Err(HttpError::parameter("revision", "revisions are counted from 1"));
    }
    if read_body(request).await?.is_empty() {
        return Ok(Action::Revert { to });
    }
    Err(HttpError::bad_request("unexpected-body", "with `?revision=` the request must not have a body"))
}

impl Entry {
    /// The task's last command.
    pub async fn last(&self, key: &TaskKey) -> Result<Option<Command>, HttpError> {
        match self.context.records.highest(key).await? {
            Some(n) => Ok(self.context.records.command(key, n).await?),
            None => Ok(None),
        }
    }

    /// Stores and publishes the task's next command.
    ///
    /// A key is bound to the lowest number that its command may have. Where others take that one, the command
    /// takes a later one, and carries the key: whoever tries again under the key finds it before it takes another.
    pub async fn follow(&self, origin: &Origin, key: &TaskKey, next: Next) -> Result<Accepted, HttpError> {
        let mut last = self.highest(key).await?;
        let lowest = match &next.key {
            Some(sent) => self.once(&key.tenant, sent, &next.digest(key), key.id, last.revision + 1).await?.1,
            None => last.revision + 1,
        };
        for _ in 0..TRIES {
            if let Some(stored) = self.stored_under(key, &next, lowest..=last.revision).await? {
                return self.publish(&stored).await;
            }
            if let Some(answer) = self.conditions(key, &next, &last).await? {
                return Ok(answer);
            }
            let (action, options) = (next.action.clone(), self.in_place(&last, next.options.clone()).await?);
            let command = origin.command(key.id, last.name, last.revision + 1, action, options);
            let command = Command { idempotency: next.key.as_deref().map(hashed), ..command };
            if self.context.records.create_command(&command).await? {
                return self.publish(&command).await;
            }
            last = self.highest(key).await?;
        }
        Err(HttpError::conflict("contended", "others change the task at this moment; try again"))
    }

    async fn highest(&self, key: &TaskKey) -> Result<Command, HttpError> {
        self.last(key).await?.ok_or_else(|| no_task(&key.id.to_string()))
    }

    /// The command of a key that was sent before. Numbers have no gaps: all of `among` are there.
    async fn stored_under(
        &self,
        key: &TaskKey,
        next: &Next,
        among: RangeInclusive<Revision>,
    ) -> Result<Option<Command>, HttpError> {
        let Some(sent) = next.key.as_deref().map(hashed) else { return Ok(None) };
        for n in among {
            let stored = self.context.records.command(key, n).await?;
            if let Some(stored) = stored.filter(|c| c.idempotency.as_ref() == Some(&sent)) {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// Whether the command may follow; an answer where nothing has to be stored.
    async fn conditions(&self, key: &TaskKey, next: &Next, last: &Command) -> Result<Option<Accepted>, HttpError> {
        if next.if_match.is_some_and(|n| n != last.revision) {
            let detail = format!("the highest revision is {}; read it before you replace it", last.revision);
            return Err(HttpError::new(StatusCode::PRECONDITION_FAILED, "precondition-failed", detail));
        }
        match (&next.action, &last.action) {
            (Action::RollBack, Action::RollBack) => self.remove_again(key, last).await.map(Some),
            (_, Action::RollBack) => {
                let detail = "the task is rolled back or about to be; submit the files as a new task";
                Err(HttpError::conflict("rolled-back", detail))
            }
            (Action::Revert { to }, _) => self.may_revert(key, *to).await.map(|()| None),
            _ => Ok(None),
        }
    }

    /// The options with the task's cluster: a task stays where its first revision went.
    async fn in_place(&self, last: &Command, options: Options) -> Result<Options, HttpError> {
        let target = self.target(last).await?;
        if options.target.is_empty() || options.target == target {
            return Ok(Options { target, ..options });
        }
        let place =
            if target.is_empty() { "the default cluster".to_owned() } else { format!("the cluster `{target}`") };
        let detail = format!(
            "the task is in {place}, and a task does not move: leave `target` out, or submit the files as a new task"
        );
        let problem = Problem::error("other_target", detail.clone()).at("target");
        Err(HttpError::conflict("other-target", detail).with(vec![problem]))
    }

    /// The cluster that the newest files were for. Older reverts and roll backs name none.
    async fn target(&self, last: &Command) -> Result<String, HttpError> {
        let (key, mut newest) = (last.key(), last.clone());
        while !matches!(newest.action, Action::Apply { .. }) {
            match self.context.records.command(&key, newest.revision - 1).await? {
                Some(below) => newest = below,
                None => break,
            }
        }
        Ok(newest.options.target)
    }

    async fn may_revert(&self, key: &TaskKey, to: Revision) -> Result<(), HttpError> {
        let contents = self.context.records.contents(key).await?;
        if contents.get(&to).is_some_and(|c| c.rendered) {
            return Ok(());
        }
        let rendered = contents.iter().filter(|(_, c)| c.rendered).map(|(n, _)| n.to_string());
        let known = rendered.collect::<Vec<_>>().join(", ");
        let message = match (contents.contains_key(&to), known.is_empty()) {
            (false, _) => format!("there is no revision {to}; those that can be gone back to: {known}"),
            (true, true) => format!("revision {to} was not accepted, and no other was"),
            (true, false) => format!("revision {to} was not accepted; those that can be gone back to: {known}"),
        };
        let problem = Problem::error("no_such_revision", message.clone()).at("revision");
        Err(HttpError::unprocessable("no-such-revision", message).with(vec![problem]))
    }
}
