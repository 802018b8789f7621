//! A body that comes line by line and may not end: pod logs.

use futures::StreamExt as _;
use reqwest::Response;

use crate::{Client, Error};

/// Bytes of one line; a longer one is given in parts.
const LINE: usize = 1 << 20;

/// Lines of a body, as they come.
pub struct Lines {
    client: Client,
    body: futures::stream::BoxStream<'static, reqwest::Result<Vec<u8>>>,
    rest: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(client: Client, response: Response) -> Self {
        let body = response.bytes_stream().map(|part| part.map(|bytes| bytes.to_vec())).boxed();
        Self { client, body, rest: Vec::new() }
    }

    /// The next line without its end; `None` at the body's end.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            match self.body.next().await {
                Some(part) => self.rest.extend(part.map_err(|e| self.client.unreachable(&e))?),
                None if self.rest.is_empty() => return Ok(None),
                None => return Ok(Some(text(&std::mem::take(&mut self.rest)))),
            }
        }
    }

    fn take_line(&mut self) -> Option<String> {
        let end = match self.rest.iter().position(|&b| b == b'\n') {
            Some(end) => end + 1,
            None if self.rest.len() >= LINE => LINE,
            None => return None,
        };
        let line = self.rest.drain(..end).collect::<Vec<u8>>();
        Some(text(&line))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned()
}
