//! Real brokers, stores and API servers for tests, on loopback, on free ports, in temporary folders.
//!
//! Each `start` gives a server of one's own, to be killed and paused at will; each `shared` gives the
//! one of this test binary (or of the whole test run, see [`shared`]), to be used with a vhost, prefix,
//! bucket or namespace of one's own. Both give `None` where the server's programs are not installed,
//! and say so on stderr; with `CI=true` that is a panic, as is a server that does not start.
//!
//! A server ends by SIGKILL with its whole process group when its handle is dropped, and when the
//! test process dies, however it dies ([`Process`]). [`Service`] does the same for the services' own
//! binaries, [`Otlp`] receives their traces.
//!
//! No assertion and no knowledge of Marea's own queues, keys or records belongs here.

mod corpus;
mod folder;
mod gateway;
mod http;
mod kubernetes;
mod mongo;
mod otlp;
mod ports;
mod process;
mod programs;
mod rabbitmq;
mod reaper;
mod redis;
mod s3;
mod service;
pub mod shared;
mod wait;

pub use corpus::{corpus, workspace};
pub use folder::Folder;
pub use gateway::Gateway;
pub use http::http;
pub use kubernetes::{Kubernetes, Options};
pub use mongo::Mongo;
pub use otlp::{Otlp, Span};
pub use ports::free_port;
pub use process::Process;
pub use programs::{cache, ci, skip};
pub use rabbitmq::{QueueDepth, RabbitMq};
pub use redis::RedisCluster;
pub use s3::S3;
pub use service::{Service, binary};
pub use wait::until;
