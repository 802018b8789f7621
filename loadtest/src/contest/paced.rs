//! An open loop: requests at a constant rate, whether or not earlier ones were answered.
//!
//! wrk sends when an answer came, and so hides what waits meanwhile; no kept tool with a constant rate can be had
//! everywhere. Latency is counted from when a request was due, not from when it could be sent. Timers are of 1 ms.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep_until},
};

use crate::report::percentile;

/// Left out at the beginning: connections and caches fill.
const WARM: Duration = Duration::from_secs(1);
/// Bytes of an answer at most.
const ANSWER: usize = 16 << 10;

/// How load is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Requests a second.
    pub rate: f64,
    /// Connections held open: more than ever wait at a time.
    pub connections: usize,
    /// Seconds of load, the first left out.
    pub seconds: u32,
}

/// What was measured, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Paced {
    /// Good answers a second.
    pub rate: f64,
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// Answers other than 202.
    pub failed: usize,
}

struct Load {
    pace: Pace,
    requests: Vec<Vec<u8>>,
    next: AtomicUsize,
    start: Instant,
}

/// Posts these bodies in turn to `http://<address>/votes`.
pub async fn run(url: &str, bodies: &[String], pace: Pace) -> Result<Paced> {
    let address = url.strip_prefix("http://").context("expected http://")?.to_owned();
    let requests = bodies.iter().map(|body| request(&address, body)).collect();
    let start = Instant::now() + Duration::from_millis(200);
    let load = Arc::new(Load { pace, requests, next: AtomicUsize::new(0), start });
    let workers = (0..pace.connections).map(|_| {
        let (load, address) = (load.clone(), address.clone());
        async move { tokio::spawn(async move { load.work(&address).await }).await? }
    });
    let (mut millis, mut failed) = (vec![], 0);
    for (ok, bad) in try_join_all(workers).await? {
        millis.extend(ok);
        failed += bad;
    }
    let measured = Duration::from_secs(pace.seconds.into()).saturating_sub(WARM).as_secs_f64();
    let (p50, p99) = (percentile(&mut millis, 50.0), percentile(&mut millis, 99.0));
    Ok(Paced { rate: millis.len() as f64 / measured, p50, p99, failed })
}

fn request(host: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST /votes HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

impl Load {
    async fn work(&self, address: &str) -> Result<(Vec<f64>, usize)> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut millis, mut failed, mut buffer) = (vec![], 0, Vec::with_capacity(ANSWER));
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let after = Duration::from_secs_f64(number as f64 / self.pace.rate);
            if after.as_secs() >= self.pace.seconds.into() {
                return Ok((millis, failed));
            }
            let due = self.start + after;
            sleep_until(due).await;
            stream.write_all(&self.requests[number % self.requests.len()]).await?;
            let status = answer(&mut stream, &mut buffer).await?;
            if after < WARM {
                continue;
            }
            match status {
                202 => millis.push(due.elapsed().as_secs_f64() * 1e3),
                _ => failed += 1,
            }
        }
    }
}

/// Reads one answer, whose length its head gives; its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u16> {
    buffer.clear();
    loop {
        ensure!(stream.read_buf(buffer).await? > 0 && buffer.len() <= ANSWER, "the connection ended or is not HTTP");
        let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length:")).context("no content-length")?;
        if buffer.len() >= end + 4 + length.trim().parse::<usize>()? {
            return Ok(head.split(' ').nth(1).context("no status")?.parse()?);
        }
    }
}
