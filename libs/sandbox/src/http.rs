//! The tower service: HTTP requests of a [`kube::Client`] to calls, and back.

mod discovery;
mod list;
mod logs;
mod query;
mod route;
mod watch;

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ::http::{Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use kube::client::Body;
use serde_json::{Value, json};

use crate::{
    api::{Call, Deletion, Verb, scale_of},
    cluster::Cluster,
    failure::Failure,
    json::{at, text},
    names,
};
use query::Query;
use route::{Route, Target};

/// The body of an answer.
pub type Answer = UnsyncBoxBody<Bytes, Infallible>;

/// A simulated API server as a tower service.
#[derive(Clone)]
pub struct Service(Arc<Cluster>);

impl Service {
    pub(crate) fn new(cluster: Arc<Cluster>) -> Self {
        Self(cluster)
    }
}

impl tower::Service<Request<Body>> for Service {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let cluster = self.0.clone();
        Box::pin(async move {
            let answer = answer(&cluster, request).await;
            Ok(answer.unwrap_or_else(|failure| json_response(failure.code, &failure.status())))
        })
    }
}

/// An answer with the headers of every answer.
fn response(code: u16, kind: &'static str, body: Answer) -> Response<Answer> {
    Response::builder()
        .status(StatusCode::from_u16(code).expect("codes are written here"))
        .header(header::CONTENT_TYPE, kind)
        .header(names::HEADER, "true")
        .body(body)
        .expect("the headers are constants")
}

fn json_response(code: u16, body: &Value) -> Response<Answer> {
    let bytes = serde_json::to_vec(body).expect("a value is JSON");
    response(code, "application/json", Full::new(Bytes::from(bytes)).boxed_unsync())
}

async fn answer(cluster: &Arc<Cluster>, request: Request<Body>) -> Result<Response<Answer>, Failure> {
    let (head, body) = request.into_parts();
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let accept = head.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let agent = head.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("unknown");
    let manager = query.get("fieldManager").map_or_else(|| agent_name(agent), str::to_owned);
    let bytes = body.collect_bytes().await.map_err(|e| Failure::bad_request(e.to_string()))?;
    match route::parse(head.uri.path())? {
        Route::Fixed(document) => only(&head.method, &Method::GET).map(|()| json_response(200, &document)),
        Route::Review(review) => only(&head.method, &Method::POST).and_then(|()| review_response(&review, &bytes)),
        Route::Object(target) => {
            let asked = Asked { target, query, accept, kind, manager, bytes };
            asked.answer(cluster, &head.method).await
        }
    }
}

fn only(method: &Method, allowed: &Method) -> Result<(), Failure> {
    if method == allowed { Ok(()) } else { Err(Failure::method_not_allowed()) }
}

/// The manager of a client that names none: its program.
fn agent_name(agent: &str) -> String {
    agent.split('/').next().unwrap_or_default().to_owned()
}

/// Rights are not simulated: everybody may do everything.
fn review_response(kind: &str, bytes: &Bytes) -> Result<Response<Answer>, Failure> {
    let mut review = parse(bytes)?;
    review["status"] = match kind {
        "selfsubjectaccessreviews" => json!({"allowed": true, "reason": "simulated: everybody may do everything"}),
        _ => json!({"userInfo": {"username": "simulated", "groups": ["system:authenticated"]}}),
    };
    Ok(json_response(201, &review))
}

fn parse(bytes: &Bytes) -> Result<Value, Failure> {
    serde_json::from_slice(bytes).map_err(|e| Failure::bad_request(format!("error decoding the body: {e}")))
}

/// A request for objects.
struct Asked {
    target: Target,
    query: Query,
    accept: String,
    kind: String,
    manager: String,
    bytes: Bytes,
}

impl Asked {
    async fn answer(self, cluster: &Arc<Cluster>, method: &Method) -> Result<Response<Answer>, Failure> {
        let named = !self.target.name.is_empty();
        match (method, self.target.subresource.as_str()) {
            (&Method::GET, "log") => logs::answer(cluster, &self.target, &self.query),
            (&Method::GET, _) if named => self.get(cluster).await,
            (&Method::GET, _) if self.query.flag("watch") => watch::answer(cluster, &self),
            (&Method::GET, _) => list::answer(cluster, &self).await,
            (&Method::POST, "") if !named => self.write(cluster, Verb::Create, parse(&self.bytes)?).await,
            (&Method::PUT, "" | "status" | "scale") if named => {
                self.write(cluster, Verb::Update, parse(&self.bytes)?).await
            }
            (&Method::PATCH, "" | "status" | "scale") if named => self.patch(cluster).await,
            (&Method::DELETE, "") => self.delete(cluster).await,
            (_, "") => Err(Failure::method_not_allowed()),
            (method, sub) => Err(Failure::not_simulated(&format!("{method} of {}/{sub}", self.target.resource.plural))),
        }
    }

    /// Only an object's metadata, where the client asked for that.
    fn shown(&self, object: &Value) -> Value {
        if self.accept.contains("as=PartialObjectMetadata") && object["kind"] != "Status" {
            return partial(object);
        }
        object.clone()
    }

    async fn get(&self, cluster: &Cluster) -> Result<Response<Answer>, Failure> {
        let object = cluster.get(&self.target.key()).await?;
        let object = object.ok_or_else(|| Failure::not_found(self.target.resource, &self.target.name))?;
        match self.target.subresource.as_str() {
            "scale" => Ok(json_response(200, &scale_of(&object))),
            "" | "status" => Ok(json_response(200, &self.shown(&object))),
            sub => Err(Failure::not_simulated(&format!("GET of {}/{sub}", self.target.resource.plural))),
        }
    }

    fn call(&self, verb: Verb, body: Value) -> Result<Call, Failure> {
        let strict = match self.query.get("fieldValidation").unwrap_or("Warn") {
            "Strict" => true,
            "Warn" | "Ignore" => false,
            other => return Err(Failure::bad_request(format!("invalid fieldValidation {other:?}"))),
        };
        let dry_run = match self.query.get("dryRun").unwrap_or_default() {
            "" => false,
            "All" => true,
            other => return Err(Failure::bad_request(format!("invalid dryRun {other:?}: only \"All\" is known"))),
        };
        let subresource = match self.target.subresource.as_str() {
            "status" => "status",
            "scale" => "scale",
            _ => "",
        };
        let call = Call::new(verb, &self.target.key(), &self.manager).body(body).subresource(subresource);
        Ok(Call { strict, dry_run, ..call })
    }

    async fn write(&self, cluster: &Cluster, verb: Verb, body: Value) -> Result<Response<Answer>, Failure> {
        if !body.is_object() {
            return Err(Failure::bad_request("the body is not an object"));
        }
        let reply = cluster.call(&self.call(verb, body)?).await?;
        Ok(json_response(reply.code, &self.shown(&reply.body)))
    }

    async fn patch(&self, cluster: &Cluster) -> Result<Response<Answer>, Failure> {
        let verb = match self.kind.split(';').next().unwrap_or_default() {
            "application/apply-patch+yaml" => {
                if self.query.get("fieldManager").is_none() {
                    return Err(Failure {
                        code: 400,
                        ..Failure::bad_request("fieldManager is required for apply patch")
                    });
                }
                if self.target.subresource == "scale" {
                    return Err(Failure::not_simulated("a server-side apply of a scale"));
                }
                Verb::Apply { force: self.query.flag("force") }
            }
            "application/merge-patch+json" => Verb::MergePatch,
            "application/json-patch+json" | "application/strategic-merge-patch+json" => {
                return Err(Failure::not_simulated(&format!("a patch of type {}", self.kind)));
            }
            other => return Err(Failure::unsupported_media(format!("the patch type {other:?} is not supported"))),
        };
        let body = parse(&self.bytes)?;
        self.write(cluster, verb, body).await
    }

    async fn delete(&self, cluster: &Cluster) -> Result<Response<Answer>, Failure> {
        let body = if self.bytes.is_empty() { json!({}) } else { parse(&self.bytes)? };
        let mut deletion = Deletion::parse(&body)?;
        if let Some(policy) = self.query.get("propagationPolicy") {
            deletion = Deletion {
                propagation: Deletion::parse(&json!({"propagationPolicy": policy}))?.propagation,
                ..deletion
            };
        }
        let dry_run = at(&body, "dryRun.0") == "All" || body["dryRun"][0] == "All";
        let verb = Verb::Delete(deletion);
        if !self.target.name.is_empty() {
            let call = self.call(verb, Value::Null)?;
            let reply = cluster.call(&Call { dry_run: dry_run || call.dry_run, ..call }).await?;
            return Ok(json_response(reply.code, &self.shown(&reply.body)));
        }
        let (objects, mut document) = list::select(cluster, self).await?;
        for object in &objects {
            let target = Target {
                name: text(object, "metadata.name").to_owned(),
                namespace: text(object, "metadata.namespace").to_owned(),
                ..self.target.clone()
            };
            let call = Call { dry_run, ..Call::new(verb.clone(), &target.key(), &self.manager) };
            match cluster.call(&call).await {
                Err(failure) if failure.code != 404 => return Err(failure),
                _ => {}
            }
        }
        document["items"] = objects.iter().map(|o| self.shown(o)).collect();
        Ok(json_response(200, &document))
    }
}

/// An object's metadata alone.
fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}
