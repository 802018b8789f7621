//! The gRPC interface: the same ballots, checks and answers as over HTTP.

mod arrival;
mod read;

use std::{pin::Pin, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bootstrap::HttpError;
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use tonic::{Code, Status, Streaming, service::Routes};
use tower::ServiceExt;

use crate::{
    Ingest,
    gather::{Gatherer, Rejected, Tally},
    http::{Call, Refusal},
    proto::{
        self, CastReply, CastRequest,
        ingest_server::{Ingest as Interface, IngestServer},
    },
};
use arrival::Arrival;
use read::Columns;

/// Ballots in one message.
const BALLOTS: usize = 10_000;
/// Bytes of a message. Decoded it may take many times that, for a moment.
const MESSAGE_BYTES: usize = 1 << 20;
/// Messages of a stream that wait for their confirm at a time: bounds what a stream holds.
const WINDOW: usize = 8;

/// The service that health is asked of.
const SERVICE: &str = "marea.ingest.v1.Ingest";
/// Between two looks whether it still serves, for those who watch.
const LOOK: Duration = Duration::from_secs(1);

/// Whether a request is gRPC's.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// The interface, reflection and health. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    ingest: Ingest,
    routes: axum::Router,
}

impl Services {
    /// The services of `ingest`.
    pub fn new(ingest: &Ingest) -> Self {
        let server = IngestServer::new(ingest.clone()).max_decoding_message_size(MESSAGE_BYTES);
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTION)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        let reflection = reflection.build_v1().expect("the descriptions are generated");
        let health = tonic_health::pb::health_server::HealthServer::new(Health(ingest.clone()));
        let routes = Routes::new(server).add_service(reflection).add_service(health).into_axum_router();
        Self { ingest: ingest.clone(), routes }
    }

    /// Answers a request, and counts it. A stream's messages are counted one by one, as they are answered.
    pub async fn answer(self, request: Request<Incoming>) -> Response {
        let (call, ingest) = (Call::of(request.uri().path()), self.ingest.clone());
        let response = self.respond(request).await;
        // Where it failed as a whole the status is here, else it comes behind the body.
        let failed = response.headers().get("grpc-status").map(|status| Code::from_bytes(status.as_bytes()));
        match call {
            Some(call @ Call::Cast) => ingest.0.requests.count_message(call, failed.unwrap_or(Code::Ok)),
            Some(call @ Call::CastStream) => {
                failed.into_iter().for_each(|code| ingest.0.requests.count_message(call, code))
            }
            None => {}
        }
        response
    }

    async fn respond(self, request: Request<Incoming>) -> Response {
        let context = &self.ingest.0.context;
        if context.access.is_local()
            && let Err(refused) = context.guard.check_open(request.uri(), request.headers())
        {
            return status_of(Refusal::Other(refused)).into_http();
        }
        // Before anything of the body comes: a message that waits with its token for the store is in nobody's count.
        if Call::of(request.uri().path()).is_some()
            && let Err(refused) = self.ingest.look_up(request.headers()).await
        {
            self.ingest.count_refusal(&refused);
            return status_of(refused).into_http();
        }
        let flow = &self.ingest.0.commit.flow;
        let answered = self.routes.oneshot(request.map(|body| Body::new(Arrival::new(body, flow)))).await;
        let mut response = answered.unwrap_or_else(|never| match never {});
        if let Some(status) = response.headers_mut().get_mut("grpc-status")
            && *status == HeaderValue::from(Code::Internal as i32)
        {
            *status = HeaderValue::from(Code::InvalidArgument as i32);
        }
        response
    }
}

/// Says to load balancers what `/readyz` says.
struct Health(Ingest);

type Watched = Pin<Box<dyn Stream<Item = Result<tonic_health::pb::HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl tonic_health::pb::health_server::Health for Health {
    async fn check(
        &self,
        request: tonic::Request<tonic_health::pb::HealthCheckRequest>,
    ) -> Result<tonic::Response<tonic_health::pb::HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        if !service.is_empty() && service != SERVICE {
            return Err(Status::not_found(format!("there is no such service here; expected {SERVICE}, or none")));
        }
        Ok(tonic::Response::new(self.state().await))
    }

    type WatchStream = Watched;

    async fn watch(
        &self,
        _: tonic::Request<tonic_health::pb::HealthCheckRequest>,
    ) -> Result<tonic::Response<Watched>, Status> {
        let (health, told) = (Self(self.0.clone()), None);
        let states = stream::unfold((health, told), |(health, told)| async move {
            let stopping = health.0.0.context.stopping.clone();
            loop {
                // Told that it stops, the client is let go: a drain waits for streams.
                let last = stopping.is_cancelled();
                let state = health.state().await;
                if told != Some(state.status) {
                    return Some((Ok(state), (health, Some(state.status))));
                }
                if last {
                    return None;
                }
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        });
        Ok(tonic::Response::new(Box::pin(states)))
    }
}

impl Health {
    async fn state(&self) -> tonic_health::pb::HealthCheckResponse {
        let context = &self.0.0.context;
        let serving = !context.stopping.is_cancelled() && context.readiness.missing().await.is_empty();
        let status =
            if serving { tonic_health::ServingStatus::Serving } else { tonic_health::ServingStatus::NotServing };
        tonic_health::pb::HealthCheckResponse { status: status as i32 }
    }
}

type Replies = Pin<Box<dyn Stream<Item = Result<CastReply, Status>> + Send>>;

#[tonic::async_trait]
impl Interface for Ingest {
    async fn cast(&self, request: tonic::Request<CastRequest>) -> Result<tonic::Response<CastReply>, Status> {
        let headers = request.metadata().clone().into_headers();
        let message = request.into_inner();
        let single = message.ballots.len() == 1;
        let gatherer = self.gather(&headers, &message, &Columns::of(&message), single).await?;
        let tally = gatherer.finish().await;
        if tally.ids.is_none() && !tally.rejected.is_empty() {
            let first = first_bad(&tally.rejected).unwrap_or_default();
            return Err(Status::invalid_argument(format!("no ballot is good: {first}")));
        }
        reply(tally).map(tonic::Response::new)
    }

    type CastStreamStream = Replies;

    async fn cast_stream(
        &self,
        request: tonic::Request<Streaming<CastRequest>>,
    ) -> Result<tonic::Response<Replies>, Status> {
        let headers = Arc::new(on_behalf(&request.metadata().clone().into_headers()));
        let (ingest, columns) = (self.clone(), Columns::default());
        let gathered = stream::unfold(Some((request.into_inner(), columns)), move |place| {
            let (ingest, headers) = (ingest.clone(), headers.clone());
            async move {
                let (mut messages, mut columns) = place?;
                match messages.message().await {
                    Ok(None) => None,
                    Ok(Some(message)) => {
                        columns.follow(&message);
                        let gathered = ingest.gather(&headers, &message, &columns, false).await;
                        let next = gathered.is_ok().then_some((messages, columns));
                        Some((gathered, next))
                    }
                    Err(status) => Some((Err(malformed(status)), None)),
                }
            }
        });
        let replies = gathered.map(|gathered| async move { reply(gathered?.finish().await) }).buffered(WINDOW);
        // What comes after a message that could not be taken is not acknowledged. One without a good ballot was taken:
        // those behind it count by then.
        let ingest = self.clone();
        let replies = replies.scan(false, move |failed, answer| {
            let over = std::mem::replace(failed, answer.is_err());
            if !over {
                let code = answer.as_ref().err().map_or(Code::Ok, Status::code);
                ingest.0.requests.count_message(Call::CastStream, code);
            }
            futures::future::ready(if over { None } else { Some(answer) })
        });
        Ok(tonic::Response::new(Box::pin(replies)))
    }
}

impl Ingest {
    async fn gather(
        &self,
        headers: &HeaderMap,
        message: &CastRequest,
        columns: &Columns,
        single: bool,
    ) -> Result<Gatherer, Status> {
        if !self.0.commit.flow.admits() {
            return Err(status_of(Refusal::NotAccepted));
        }
        if message.ballots.is_empty() || message.ballots.len() > BALLOTS {
            return Err(Status::invalid_argument(format!("expected 1 to {BALLOTS} ballots in a message")));
        }
        let admitted = self.admitted(columns.contest(), None, headers).await;
        let (contest, caller) = admitted.inspect_err(|refusal| self.count_refusal(refusal)).map_err(status_of)?;
        let places = columns.places(&contest.definition).map_err(Status::invalid_argument)?;
        let mut gatherer = Gatherer::new(self, contest.clone(), caller, single);
        for (position, ballot) in (0..).zip(&message.ballots) {
            match read::ballot(&contest.definition, &places, &message.voter, ballot) {
                Ok(ballot) => gatherer.add(position, ballot),
                Err(faults) => gatherer.reject(position, faults),
            }
        }
        gatherer.flush().await;
        Ok(gatherer)
    }
}

/// The headers that say on whose behalf ballots are cast: a stream may last, and a head has up to 32 KiB.
fn on_behalf(headers: &HeaderMap) -> HeaderMap {
    headers.get_all(header::AUTHORIZATION).iter().map(|value| (header::AUTHORIZATION, value.clone())).collect()
}

/// What tonic calls internal is what a client sent: no Protobuf, or text that is not UTF-8.
fn malformed(status: Status) -> Status {
    if status.code() == Code::Internal { Status::invalid_argument(status.message()) } else { status }
}

fn reply(tally: Tally) -> Result<CastReply, Status> {
    let Tally { accepted, unknown, refused, ids, rejected, rejections } = tally;
    let (first_id, last_id) = ids.clone().unwrap_or_default();
    if unknown > 0 || (refused > 0 && accepted > 0) {
        let why =
            "the broker has not confirmed in time; the ballots may count. To be sure, send them again with the ids";
        let bad = first_bad(&rejected).map(|bad| format!("; {rejections} are not good: {bad}")).unwrap_or_default();
        return Err(Status::deadline_exceeded(format!("{why} {first_id} to {last_id}: none counts twice{bad}")));
    }
    if refused > 0 {
        return Err(status_of(Refusal::NotAccepted));
    }
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let rejected = rejected.into_iter().map(|Rejected { position, field, code, message }| proto::Rejected {
        position,
        field,
        code: code.to_owned(),
        message,
    });
    let (accepted, rejections) = (count(accepted), count(rejections));
    Ok(CastReply { accepted, first_id, last_id, rejected: rejected.collect(), rejections })
}

fn first_bad(rejected: &[Rejected]) -> Option<String> {
    rejected.first().map(|r| format!("`{}` of ballot {}: {}", r.field, r.position, r.message))
}

fn status_of(refusal: Refusal) -> Status {
    match refusal {
        Refusal::NotAccepted => Status::unavailable("the broker does not confirm; nothing was taken, try again"),
        Refusal::OutcomeUnknown(_) => Status::deadline_exceeded("the broker has not confirmed in time"),
        Refusal::NoneGood(_) => Status::invalid_argument("no ballot is good"),
        Refusal::Other(error) | Refusal::Ended(error, _) => of_http(&error),
    }
}

fn of_http(error: &HttpError) -> Status {
    let detail = error.detail().to_owned();
    match error.status() {
        StatusCode::UNAUTHORIZED => Status::unauthenticated(detail),
        StatusCode::FORBIDDEN => Status::permission_denied(detail),
        StatusCode::NOT_FOUND => Status::not_found(detail),
        StatusCode::CONFLICT => Status::failed_precondition(detail),
        StatusCode::SERVICE_UNAVAILABLE => Status::unavailable(detail),
        _ => Status::invalid_argument(detail),
    }
}
