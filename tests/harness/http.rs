//! One HTTP request over a connection of its own. It speaks HTTP/1.0, so that an answer simply ends with the connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names of headers in small letters, with their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The value of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request and reads the whole answer; an error is a connection that broke.
pub fn send(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Answer> {
    send_over(TcpStream::connect(address)?, address, method, path, headers, body)
}

/// The same over a connection that is open, with TLS for example.
pub fn send_over(
    stream: impl Read + Write,
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = BufReader::new(stream);
    let headers: String = headers.iter().map(|(name, value)| [*name, ": ", *value, "\r\n"].concat()).collect();
    let head =
        format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    stream.get_mut().write_all(head.as_bytes())?;
    stream.get_mut().write_all(body)?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no status in {line:?}")))?;
    let mut headers = Vec::new();
    while line.trim_end() != "" {
        line.clear();
        stream.read_line(&mut line)?;
        headers.extend(line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())));
    }
    let mut body = String::new();
    stream.read_to_string(&mut body)?;
    Ok(Answer { status, headers, body })
}

/// Reads a page.
#[track_caller]
pub fn get(address: &str, path: &str) -> Answer {
    send(address, "GET", path, &[], b"").unwrap()
}
