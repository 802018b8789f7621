//! The HTTP interface. What casts ballots has as few layers as measured necessary; the rest is a router's.

mod answer;
mod body;
mod cast;
mod docs;
mod gate;
mod path;
mod requests;
mod stream;

use std::{convert::Infallible, pin::Pin, sync::Arc};

use axum::{Router, body::Body, response::Response};
use bootstrap::{Caller, HttpError, http::single};
use contests::{Ballot, Kind, batch::Id, gate::State};
use domain::access::Scope;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use hyper::{body::Incoming, service::Service};
use tower::ServiceExt;

pub use answer::Refusal;
pub use docs::routes;
pub use requests::{Call, Requests};

use crate::{Ingest, contest::Contest, grpc};
use path::Target;

/// Stands before a router: answers what casts ballots, over HTTP and gRPC, and hands on the rest.
#[derive(Clone)]
pub struct Front {
    ingest: Ingest,
    grpc: grpc::Services,
    router: Router,
}

impl Front {
    /// Answers for `ingest`, before a router.
    pub fn new(ingest: Ingest, router: Router) -> Self {
        let grpc = grpc::Services::new(&ingest);
        Self { ingest, grpc, router }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if let Some(target) = Target::of(request.uri().path()) {
            match *request.method() {
                Method::POST => {
                    let ingest = self.ingest.clone();
                    return Box::pin(async move { Ok(ingest.cast(target, request).await) });
                }
                Method::OPTIONS => {
                    if let Some(preflight) = self.ingest.preflight(request.headers()) {
                        return Box::pin(async move { Ok(preflight) });
                    }
                }
                _ => {}
            }
        }
        if grpc::is_grpc(request.headers()) {
            let services = self.grpc.clone();
            return Box::pin(async move { Ok(services.answer(request).await) });
        }
        Box::pin(self.router.clone().oneshot(request.map(Body::new)))
    }
}

impl Ingest {
    /// Refuses a request that nothing can be done for, before its body is read.
    fn admit(&self, headers: &HeaderMap, uri: &http::Uri) -> Result<(), Refusal> {
        single(headers, header::HOST.as_str())?;
        if self.0.context.access.is_local() {
            self.0.context.guard.check_open(uri, headers)?;
        }
        if self.0.commit.flow.admits() { Ok(()) } else { Err(Refusal::NotAccepted) }
    }

    /// The contest of a name, where it is of that kind and takes ballots now.
    pub(crate) fn open_contest(&self, name: &str, kind: Option<Kind>) -> Result<Arc<Contest>, Refusal> {
        let contest = self.0.catalogue.get(name).ok_or_else(|| self.unknown(name))?;
        let own = contest.definition.kind;
        if kind.is_some_and(|kind| kind != own) {
            return Err(Refusal::other_kind(name, own));
        }
        match contest.state() {
            State::Open if !self.0.catalogue.knows_gates() => Err(Refusal::NotAccepted),
            State::Open => Ok(contest),
            State::Upcoming => Err(Refusal::not_open(&contest, "not open yet")),
            State::Closed => Err(Refusal::not_open(&contest, "closed")),
            State::Withdrawn => Err(self.unknown(name).into()),
        }
    }

    /// Why there is no contest of that name to take ballots for.
    pub(crate) fn unknown(&self, name: &str) -> HttpError {
        // Only names of contests are told of as withdrawn: they are short.
        if self.0.catalogue.is_withdrawn(name) {
            let why = "its file is gone from the folder of contests";
            return HttpError::not_found(format!("the contest `{name}` takes no ballots: {why}, put it back"));
        }
        let shown: String = name.chars().take(40).collect();
        HttpError::not_found(format!("there is no contest `{shown}`; GET /contests lists all"))
    }

    /// A contest that takes ballots now, and on whose behalf they are cast.
    pub(crate) async fn admitted(
        &self,
        name: &str,
        kind: Option<Kind>,
        headers: &HeaderMap,
    ) -> Result<(Arc<Contest>, Arc<str>), Refusal> {
        let contest = self.open_contest(name, kind)?;
        let caller = self.caller(&contest, headers).await?;
        if !caller.is_empty() {
            // A token is looked up, and the contest may have closed meanwhile.
            self.open_contest(name, kind)?;
        }
        Ok((contest, caller))
    }

    /// Looks a token up, if there is one, so that what follows need not wait for that.
    pub(crate) async fn look_up(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if let Some(header) = single(headers, header::AUTHORIZATION.as_str())? {
            self.known(Some(header)).await?;
        }
        Ok(())
    }

    /// On whose behalf ballots are cast: a token's tenant, or nobody's.
    async fn caller(&self, contest: &Contest, headers: &HeaderMap) -> Result<Arc<str>, Refusal> {
        let header = single(headers, header::AUTHORIZATION.as_str())?;
        if header.is_none() && !contest.definition.tokens {
            return Ok(Arc::default());
        }
        let caller = self.known(header).await?;
        caller.may(Scope::Ballots)?;
        Ok(caller.tenant.name.to_string().into())
    }

    async fn known(&self, header: Option<&HeaderValue>) -> Result<Caller, Refusal> {
        // What is not text is no token: it must not count as none at all.
        let header = header.map(|value| value.to_str().unwrap_or("not text"));
        let access = &self.0.context.access;
        Ok(Box::pin(access.caller(header)).await.map_err(HttpError::from)?)
    }

    /// The ballot with what the contest draws.
    pub(crate) fn drawn<'a>(
        &self,
        contest: &'a Contest,
        caller: &str,
        id: &Id<'_>,
        mut ballot: Ballot<'a>,
    ) -> Ballot<'a> {
        contest.definition.draw(self.0.draw_key.expose().as_bytes(), caller, id, &mut ballot);
        ballot
    }

    fn preflight(&self, headers: &HeaderMap) -> Option<Response> {
        let origin = headers.get(header::ORIGIN)?;
        let asked = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let may = origin.to_str().is_ok_and(|origin| self.0.context.guard.may_read(origin));
        (asked && may).then(|| answer::preflight(origin))
    }

    /// Lets a page of a configured origin read the answer.
    fn share(&self, origin: Option<HeaderValue>, response: &mut Response) {
        let guard = &self.0.context.guard;
        if guard.cors_origins.is_empty() {
            return;
        }
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = origin.filter(|o| o.to_str().is_ok_and(|o| guard.may_read(o))) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        }
    }
}
