//! Streams to a server that asks for a certificate, directly and through proxies, and what is refused on the way.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::connections::authority::{Authority, proxy};
use crate::connections::http::{Http, Request};
use crate::connections::proxy::Proxy;
use operations::secret::Secret;

/// The name of a receiver that only a proxy knows: nothing in the world resolves it.
const NAME: &str = "siem.acme.example";

/// A server of one connection, which reads something, answers and ends: its port and what it read, `None` if the handshake failed.
async fn server(tls: TlsAcceptor, answer: &'static str) -> (u16, JoinHandle<Option<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = tls.accept(stream).await.ok()?;
        assert!(stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty()));
        let mut read = vec![0; 4_096];
        let length = stream.read(&mut read).await.ok()?;
        read.truncate(length);
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.shutdown().await.ok()?;
        Some(read)
    });
    (port, task)
}

fn reach(authority: &Authority) -> Reach {
    let timeout = std::time::Duration::from_mins(1);
    Reach { allow_private: true, ca_file: Some(authority.file.clone()), timeout, ..Reach::default() }
}

fn through(port: u16, scheme: &str) -> Proxy {
    format!("{scheme}://127.0.0.1:{port}").try_into().unwrap()
}

async fn say(reach: &Reach, host: &str, port: u16) -> Result<String, SendError> {
    let mut stream = Dialer::new(reach, true).unwrap().open(host, port, true).await?;
    let failed = |error: io::Error| SendError::Uncertain(error.to_string());
    stream.write_all(b"hello").await.map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(failed)?;
    Ok(answer)
}

#[tokio::test]
async fn who_has_a_certificate_is_let_in_and_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let known = Reach { identity: Some(authority.identity("tachograph")), ..reach(&authority) };
    let (port, read) = server(authority.server("127.0.0.1", true), "hi").await;
    assert_eq!(say(&known, "127.0.0.1", port).await.unwrap(), "hi");
    assert_eq!(read.await.unwrap().unwrap(), b"hello");
    let (port, read) = server(authority.server("127.0.0.1", true), "hi").await;
    // With TLS 1.3 the refusal comes after the client's handshake.
    assert!(say(&reach(&authority), "127.0.0.1", port).await.is_err());
    assert_eq!(read.await.unwrap(), None);
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_name_and_the_receiver_sees_the_certificate_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    for scheme in ["http", "https"] {
        let (port, read) = server(authority.server(NAME, true), "hi").await;
        let tls = (scheme == "https").then(|| authority.server("127.0.0.1", false));
        let (proxy, head) = proxy(port, None, tls).await;
        let identity = Some(authority.identity("tachograph"));
        let reach = Reach { identity, proxy: Some(through(proxy, scheme)), ..reach(&authority) };
        assert_eq!(say(&reach, NAME, 6514).await.unwrap(), "hi");
        assert_eq!(read.await.unwrap().unwrap(), b"hello");
        assert_eq!(head.await.unwrap(), format!("CONNECT {NAME}:6514 HTTP/1.1\r\nHost: {NAME}:6514\r\n\r\n"));
    }
}

#[tokio::test]
async fn requests_of_http_go_through_the_proxy_with_the_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let (port, read) = server(authority.server(NAME, true), "HTTP/1.1 204 No Content\r\n\r\n").await;
    let (proxy, head) = proxy(port, None, None).await;
    let identity = Some(authority.identity("tachograph"));
    let file = directory.path().join("proxy");
    std::fs::write(&file, format!("http://alice:hunter2@127.0.0.1:{proxy}")).unwrap();
    let reach = Reach { identity, proxy: Some(Proxy::Secret(Secret::File(file))), ..reach(&authority) };
    let request = |host: &str| Request::post(&format!("https://{host}:8088/collector"), b"{}".to_vec());
    let connection = Http::connect(&reach).unwrap();
    let private = connection.send(request("10.0.0.7")).await;
    assert!(matches!(&private, Err(SendError::Refused(reason)) if reason.contains("through a proxy")), "{private:?}");
    assert_eq!(connection.send(request(NAME)).await.unwrap().status, 204);
    assert!(String::from_utf8(read.await.unwrap().unwrap()).unwrap().starts_with("POST /collector HTTP/1.1\r\n"));
    let head = head.await.unwrap();
    assert!(head.starts_with(&format!("CONNECT {NAME}:8088 HTTP/1.1\r\n")), "{head}");
    assert!(head.to_lowercase().contains("proxy-authorization: basic "), "{head}");
}

#[tokio::test]
async fn the_guard_holds_for_the_proxy_and_for_addresses_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let proxied = Reach { proxy: Some(through(1, "http")), ..reach(&authority) };
    let private = say(&Reach { allow_private: false, ..proxied.clone() }, NAME, 6514).await;
    assert!(matches!(&private, Err(SendError::Refused(reason)) if reason.contains("allow_private")), "{private:?}");
    let behind = say(&proxied, "169.254.169.254", 80).await;
    assert!(matches!(&behind, Err(SendError::Refused(reason)) if reason.contains("through a proxy")), "{behind:?}");
    let client = Http::connect(&Reach { allow_private: false, ..proxied }).unwrap();
    let private = client.send(Request::post(&format!("https://{NAME}/"), Vec::new())).await;
    assert!(matches!(&private, Err(SendError::Refused(reason)) if reason.contains("allow_private")), "{private:?}");
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_none_sends_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path());
    let endless: &str = Box::leak("x".repeat(10_000).into_boxed_str());
    for (answer, says) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
        ("HTTP/1.1 403 Forbidden\r\nX: hunter2\r\n\r\n", "403"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not answer as a proxy"),
        (endless, "too long"),
    ] {
        let (proxy, _head) = proxy(1, Some(answer), None).await;
        let refused = say(&Reach { proxy: Some(through(proxy, "http")), ..reach(&authority) }, NAME, 6514).await;
        assert!(matches!(&refused, Err(SendError::NotSent(reason)) if reason.contains(says)), "{refused:?}");
    }
}
