//! A server that answers from a list, so that a cast can be broken off where a test wants it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// What was asked: the method and path, and the body.
pub type Asked = (String, String);

/// A server on a free port, until the test ends.
pub struct Fake {
    pub server: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Answers each request by what `answer` makes of it and of how many POSTs came before.
    pub fn start(answer: impl Fn(&Asked, usize) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let server = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(&stream, &answer, &seen);
            }
        });
        Self { server, asked }
    }

    /// The bodies of POSTs.
    pub fn posted(&self) -> Vec<String> {
        let asked = self.asked.lock().expect("alone");
        asked.iter().filter(|(what, _)| what.starts_with("POST")).map(|(_, body)| body.clone()).collect()
    }
}

fn serve(mut stream: &TcpStream, answer: &impl Fn(&Asked, usize) -> (u16, String), seen: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).expect("a request");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let what = first.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let asked = (what, String::from_utf8(body).expect("text"));
    let before = seen.lock().expect("alone").iter().filter(|(what, _)| what.starts_with("POST")).count();
    let (status, body) = answer(&asked, before);
    seen.lock().expect("alone").push(asked);
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).ok();
}
