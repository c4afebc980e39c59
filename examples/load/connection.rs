//! One HTTP/1.1 connection with as little of its own cost as possible: the generator shares the cores with the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A connection that stays open.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    token: String,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    /// Connects to a listener.
    pub fn open(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = BufReader::new(stream);
        Self { stream, host: address.to_owned(), token: token.to_owned(), line: String::new(), body: Vec::new() }
    }

    /// Sends a request with these header lines and waits for its answer: whether it was taken, or is to be sent again since the queue is
    /// full. Every other answer stops the benchmark.
    pub fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> bool {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.host,
            self.token,
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        self.read_answer()
    }

    fn read_answer(&mut self) -> bool {
        let status = self.read_line().to_owned();
        let mut length = 0;
        loop {
            let line = self.read_line();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).unwrap();
        let is_full = status.contains(" 503 ");
        assert!(is_full || status.contains(" 200 "), "{status}: {}", String::from_utf8_lossy(&self.body));
        !is_full
    }

    fn read_line(&mut self) -> &str {
        self.line.clear();
        assert!(self.stream.read_line(&mut self.line).unwrap() > 0, "the server hung up");
        self.line.trim_end()
    }
}
