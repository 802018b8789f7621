//! Clients that send a request's body as they please.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::harness::PATIENCE;

/// One connection with one request.
pub struct Raw {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
}

impl Raw {
    /// Begins a request of votes with these headers.
    pub async fn begin(address: SocketAddr, headers: &str) -> Self {
        let (reader, writer) = TcpStream::connect(address).await.unwrap().into_split();
        let mut raw = Self { reader, writer };
        assert!(raw.send(format!("POST /votes HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").as_bytes()).await);
        raw
    }

    /// Begins one JSON body of that length.
    pub async fn json(address: SocketAddr, length: usize) -> Self {
        Self::begin(address, &format!("content-type: application/json\r\ncontent-length: {length}\r\n")).await
    }

    /// Begins a stream of lines.
    pub async fn lines(address: SocketAddr) -> Self {
        Self::begin(address, "content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n").await
    }

    /// Sends bytes; `false`: nobody takes them any more.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.writer.write_all(bytes).await.is_ok()
    }

    /// Sends a piece of a stream.
    pub async fn chunk(&mut self, bytes: &[u8]) -> bool {
        self.send(&framed(bytes)).await
    }

    /// Status and body of the answer.
    pub async fn answer(&mut self) -> (u16, Value) {
        tokio::time::timeout(PATIENCE, read(&mut self.reader)).await.expect("an answer")
    }

    /// Sends a piece of a stream again and again until it is answered, or that many bytes are sent.
    pub async fn flood(self, piece: &[u8], most: usize) -> (u16, Value) {
        let Self { mut reader, mut writer } = self;
        let answer = tokio::spawn(async move { read(&mut reader).await });
        let chunk = framed(piece);
        for _ in 0..most / piece.len() {
            if answer.is_finished() || writer.write_all(&chunk).await.is_err() {
                break;
            }
        }
        tokio::time::timeout(PATIENCE, answer).await.expect("an answer").unwrap()
    }

    /// Sends these bytes every now and then until it is answered.
    pub async fn trickle(self, bytes: &[u8]) -> (u16, Value) {
        let Self { mut reader, mut writer } = self;
        let mut answer = tokio::spawn(async move { read(&mut reader).await });
        loop {
            tokio::select! {
                answer = &mut answer => return answer.unwrap(),
                // Well within what a client may be silent.
                () = tokio::time::sleep(std::time::Duration::from_secs(1)) => drop(writer.write_all(bytes).await),
            }
        }
    }
}

/// A piece of a stream.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

async fn read(reader: &mut OwnedReadHalf) -> (u16, Value) {
    let (mut all, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap().parse().unwrap();
            if body.len() >= length {
                return (head[9..12].parse().unwrap(), serde_json::from_str(&body[..length]).unwrap());
            }
        }
        let read = reader.read(&mut part).await.unwrap();
        assert!(read > 0, "ended after: {text}");
        all.extend_from_slice(&part[..read]);
    }
}
