//! The proxy of a sink: how its address is given, and a connection through it (`CONNECT`, RFC 9110, 9.3.6).
//!
//! A proxy resolves the receiver's name itself, so nobody here can say whether its address is public. What can be checked is: the
//! proxy's own address, as that of a receiver without a proxy, and a receiver that is given as an address instead of a name.

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use operations::secret::{Secret, SecretText};
use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::dial::Duplex;
use crate::limits::PROXY_HEAD_BYTES_MAX;

/// What somebody reads whose proxy cannot be one.
const FORM: &str = "a proxy is http://HOST:PORT or https://HOST:PORT; one with a name and a password is given as env:NAME or file:PATH, \
                    where its whole address lies";

/// Where a proxy is: its address, or where an address lies that holds a name and a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("form" = "`http://HOST:PORT`, `https://HOST:PORT`, `env:NAME` or `file:PATH`"))]
pub enum Proxy {
    /// The address, which holds no secret.
    Address(String),
    /// Where it lies.
    Secret(Secret),
}

impl TryFrom<String> for Proxy {
    type Error = &'static str;

    /// The error does not repeat the text, which may hold a password.
    fn try_from(text: String) -> Result<Self, &'static str> {
        if let Ok(secret) = Secret::try_from(text.clone()) {
            return Ok(Self::Secret(secret));
        }
        match parse(&text) {
            Some(url) if url.username().is_empty() && url.password().is_none() => Ok(Self::Address(text)),
            _ => Err(FORM),
        }
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        proxy.to_string()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.write_str(address),
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

/// An address that can be a proxy's.
fn parse(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then_some(url)
}

impl Proxy {
    /// Its address, with its name and password if it has them. The error names the place only.
    pub fn read(&self) -> Result<Url, String> {
        let text = match self {
            Self::Address(address) => SecretText::public(address),
            Self::Secret(secret) => secret.read().map_err(|error| format!("proxy: {error}"))?,
        };
        parse(text.expose()).ok_or_else(|| format!("proxy: what {self} holds is none: {FORM}"))
    }
}

/// What a proxy wants to see of a name and a password.
fn authorization(proxy: &Url) -> Option<String> {
    let plain = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    if proxy.username().is_empty() && proxy.password().is_none() {
        return None;
    }
    let mut login = plain(proxy.username());
    login.push(b':');
    login.extend(plain(proxy.password().unwrap_or_default()));
    Some(format!("Proxy-Authorization: Basic {}\r\n", BASE64.encode(login)))
}

/// Has a proxy connect to a receiver. From then on the stream is one to the receiver.
pub async fn connect(stream: &mut dyn Duplex, proxy: &Url, host: &str, port: u16) -> io::Result<()> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let login = authorization(proxy).unwrap_or_default();
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{login}\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    // Byte by byte: what follows the head belongs to the receiver.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= PROXY_HEAD_BYTES_MAX {
            return Err(io::Error::other("the proxy answers with too long a head"));
        }
        head.push(stream.read_u8().await?);
    }
    match status(&head) {
        Some(200..=299) => Ok(()),
        Some(407) => Err(io::Error::other("the proxy wants a name and a password, or others (407)")),
        Some(status) => Err(io::Error::other(format!("the proxy does not connect to the receiver ({status})"))),
        None => Err(io::Error::other("the proxy does not answer as a proxy of HTTP")),
    }
}

/// The status code in the head of an answer.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let version = words.next()?;
    version.starts_with("HTTP/1.").then(|| words.next()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_address_without_a_password_or_where_one_lies() {
        for text in ["http://proxy.acme.example:3128", "https://10.1.2.3:8443/", "env:PROXY", "file:/run/secrets/proxy"]
        {
            assert_eq!(Proxy::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for text in
            ["http://u:hunter2@proxy:1", "socks5://proxy:1", "proxy:3128", "http://proxy/path", "http://proxy?x"]
        {
            let error = Proxy::try_from(text.to_owned()).unwrap_err();
            assert!(error.contains("http://HOST:PORT") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_password_lies_elsewhere_and_is_shown_to_the_proxy_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("proxy");
        std::fs::write(&path, "http://alice:p%40ss@proxy.acme.example:3128\n").unwrap();
        let proxy = Proxy::Secret(Secret::File(path.clone()));
        let shown = authorization(&proxy.read().unwrap()).unwrap();
        assert_eq!(shown, format!("Proxy-Authorization: Basic {}\r\n", BASE64.encode("alice:p@ss")));
        std::fs::write(&path, "hunter2").unwrap();
        let error = proxy.read().unwrap_err();
        assert!(error.contains("http://HOST:PORT") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn only_an_answer_of_http_has_a_status() {
        let check = |head: &str, want: Option<u16>| assert_eq!(status(head.as_bytes()), want, "{head}");
        check("HTTP/1.1 200 Connection established\r\n\r\n", Some(200));
        check("HTTP/1.0 407 no\r\n\r\n", Some(407));
        check("HTTP/2 200\r\n\r\n", None);
        check("SSH-2.0-OpenSSH\r\n\r\n", None);
        check("\r\n\r\n", None);
    }
}
