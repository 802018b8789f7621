//! Requests that cast ballots, counted by status: what scales this service, and what its error budget is made of.

use http::StatusCode;
use metrics::Counter;
use tonic::Code;

/// The path as it stands in the labels of all routes of ballots.
const PATH: &str = "/contests/{contest}/ballots";

/// A call of the gRPC service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// One message, one reply.
    Cast,
    /// A stream of them. Each message is counted: the call itself may last for hours.
    CastStream,
}

impl Call {
    /// The call of a path, where it is one of ours.
    pub fn of(path: &str) -> Option<Self> {
        [Self::Cast, Self::CastStream].into_iter().find(|call| call.path() == path)
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Cast => "/marea.ingest.v1.Ingest/Cast",
            Self::CastStream => "/marea.ingest.v1.Ingest/CastStream",
        }
    }
}

/// Counts requests; the usual answers' handles are kept.
pub struct Requests {
    accepted: Counter,
    cast: Counter,
    streamed: Counter,
}

impl Default for Requests {
    fn default() -> Self {
        let taken = |path| counter(path, StatusCode::ACCEPTED);
        Self { accepted: taken(PATH), cast: taken(Call::Cast.path()), streamed: taken(Call::CastStream.path()) }
    }
}

impl Requests {
    /// Counts an answer.
    pub fn count(&self, status: StatusCode) {
        if status == StatusCode::ACCEPTED {
            self.accepted.increment(1);
        } else {
            counter(PATH, status).increment(1);
        }
    }

    /// Counts what a message was answered with, under the status that HTTP has for it: the one of the response is 200
    /// whatever happened.
    pub fn count_message(&self, call: Call, code: Code) {
        match (call, status_of(code)) {
            (Call::Cast, StatusCode::ACCEPTED) => self.cast.increment(1),
            (Call::CastStream, StatusCode::ACCEPTED) => self.streamed.increment(1),
            (_, status) => counter(call.path(), status).increment(1),
        }
    }
}

/// The status of a code, after `google.rpc.Code`. <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::ACCEPTED,
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        // Of a contest that is not open, which HTTP answers so.
        Code::FailedPrecondition | Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        // The client went away before its answer; the number is nginx', for HTTP has none.
        Code::Cancelled => StatusCode::from_u16(499).expect("between 100 and 999"),
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Internal | Code::Unknown | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn counter(path: &'static str, status: StatusCode) -> Counter {
    let status = status.as_u16().to_string();
    metrics::counter!("http_requests_total", "method" => "POST", "path" => path, "status" => status)
}
