//! What ingest is measured beside: Fastify with amqplib, and a server that does nothing at all.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use testkit::{Process, free_port, http, until};
use tokio::{net::TcpListener, task::AbortHandle};

/// A start of Node on a busy machine.
const WITHIN: Duration = Duration::from_secs(30);

/// Fastify over that broker. `None`, and said, where Node or its packages cannot be had.
pub async fn fastify(amqp: &str, logs: &Path) -> Result<Option<(Process, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/fastify");
    if !has("node") || !installed(&folder)? {
        eprintln!("votes: Fastify is left out: `node` or what `npm ci` installs in loadtest/peers/fastify is missing");
        return Ok(None);
    }
    let port = free_port();
    let mut command = Command::new("node");
    command.arg("server.js").current_dir(&folder).env("NODE_ENV", "production");
    command.env("PORT", port.to_string()).env("AMQP", amqp);
    let process = Process::start("fastify", command, &logs.join("fastify.log"));
    let url = format!("http://127.0.0.1:{port}");
    let live = format!("{url}/livez");
    let probe = || async { http().get(&live).send().await?.error_for_status().map(drop) };
    let ready = until("Fastify", WITHIN, probe).await;
    ensure!(ready.is_ok(), "Fastify did not start: {}", process.tail());
    Ok(Some((process, url)))
}

fn has(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder: PathBuf| folder.join(program)).any(|path| path.is_file())
}

/// Installs the packages once.
fn installed(folder: &Path) -> Result<bool> {
    if folder.join("node_modules/fastify").exists() {
        return Ok(true);
    }
    Ok(has("npm") && Command::new("npm").args(["ci", "--silent"]).current_dir(folder).status()?.success())
}

/// hyper alone, in this process: reads the body and answers 202. Ends when it is dropped.
pub struct Hello {
    /// Its address.
    pub url: String,
    accepting: AbortHandle,
}

impl Hello {
    /// Starts it.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                // A connection's error is its client's doing.
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(hello)));
            }
        });
        Ok(Self { url, accepting: accepting.abort_handle() })
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let _body = request.into_body().collect().await;
    let body = Bytes::from_static(br#"{"accepted":1,"ids":["01890a5d-ac96-774b-bcce-b302099a8057"]}"#);
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}
