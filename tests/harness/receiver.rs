//! A receiver of somebody else's: it answers every request with the same body and keeps what it was sent. What a receiver
//! does that loses, delays or doubles is not here but in the tests of delivery itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

/// A request as it arrived.
#[derive(Debug)]
pub struct Received {
    /// When, in microseconds since 1970 UTC.
    pub at: i64,
    /// The request line and the headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Starts a receiver; its address, and what it gets.
pub fn receiver(answer: &'static str) -> (String, Receiver<Received>) {
    receiver_that_refuses(0, answer)
}

/// The same, but the first requests are refused for good.
pub fn receiver_that_refuses(first: usize, answer: &'static str) -> (String, Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while stream.read_line(&mut head).is_ok_and(|read| read > 2) {}
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).unwrap();
            let at = chrono::Utc::now().timestamp_micros();
            let status = if number < first { "400 Bad Request" } else { "200 OK" };
            let head_of_answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
            stream.get_mut().write_all((head_of_answer + answer).as_bytes()).unwrap();
            // The test may have seen enough.
            let _ = sender.send(Received { at, head, body });
        }
    });
    (address, requests)
}
