//! One question to one Redis node, in its own protocol.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A paused node answers nothing.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// The answer as text; an array has an element a line.
pub(super) async fn ask(port: u16, words: &[&str]) -> Result<String, String> {
    let answer = timeout(ANSWERS_WITHIN, exchange(port, words)).await;
    answer.map_err(|_| format!("port {port} is silent"))?.map_err(|e| format!("port {port}: {e}"))
}

async fn exchange(port: u16, words: &[&str]) -> std::io::Result<String> {
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    connection.write_all(&encode(words)).await?;
    let mut lines = Vec::new();
    let mut awaited = 1_usize;
    while awaited > 0 {
        awaited -= 1;
        awaited += element(&mut connection, &mut lines).await?;
    }
    Ok(lines.join("\n"))
}

/// Reads one element; gives how many follow inside it.
async fn element(connection: &mut BufReader<TcpStream>, lines: &mut Vec<String>) -> std::io::Result<usize> {
    let mut head = String::new();
    connection.read_line(&mut head).await?;
    let (kind, rest) = head.trim_end().split_at_checked(1).unwrap_or_default();
    let size = rest.parse::<usize>();
    match (kind, size) {
        ("*", Ok(elements)) => return Ok(elements),
        ("$", Ok(size)) => {
            let mut text = vec![0; size + "\r\n".len()];
            connection.read_exact(&mut text).await?;
            lines.push(String::from_utf8_lossy(&text[..size]).into_owned());
        }
        ("$" | "*", Err(_)) => lines.push(String::new()),
        ("+" | ":", _) => lines.push(rest.to_owned()),
        _ => return Err(std::io::Error::other(head)),
    }
    Ok(0)
}

fn encode(words: &[&str]) -> Vec<u8> {
    let bulks = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    std::iter::once(format!("*{}\r\n", words.len())).chain(bulks).collect::<String>().into_bytes()
}
