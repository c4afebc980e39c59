//! Frames over real connections on the loopback, to receivers that read everything, that do not, and that do not close as they
//! should.

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::tls::provider;

/// What a receiver does with a connection.
#[derive(Clone, Copy)]
enum Way {
    /// It reads to the end, says something and closes.
    ReadsAll(&'static str),
    /// It reads some bytes and is gone.
    Reads(usize),
    /// It reads to the end and then says more than anybody wants to hear.
    Talks,
    /// It reads to the end and lets go of the connection below TLS.
    Vanishes,
}

/// A receiver of one connection: its port, and what it read.
async fn receiver(way: Way, tls: Option<TlsAcceptor>) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream: Box<dyn Duplex> = match tls {
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => Box::new(stream),
                Err(_) => return Vec::new(),
            },
            None => Box::new(stream),
        };
        let mut read = Vec::new();
        match way {
            Way::ReadsAll(says) => {
                stream.read_to_end(&mut read).await.unwrap();
                stream.write_all(says.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            Way::Reads(bytes) => {
                read.resize(bytes, 0);
                stream.read_exact(&mut read).await.unwrap();
            }
            Way::Talks => {
                stream.read_to_end(&mut read).await.unwrap();
                // Whoever does not listen to all of it resets the connection.
                let _ = stream.write_all(&[b'x'; FAREWELL_BYTES_MAX + 1]).await;
            }
            Way::Vanishes => {
                stream.read_to_end(&mut read).await.unwrap();
            }
        }
        read
    });
    (port, task)
}

/// Sends bytes to a port of this machine.
async fn send(reach: &Reach, encrypted: bool, port: u16, bytes: &[u8]) -> Result<Closed, SendError> {
    let frames = Frames { host: "127.0.0.1".to_owned(), port, bytes: bytes.to_vec() };
    Tcp::connect(reach, encrypted).unwrap().send(frames).await
}

fn reach() -> Reach {
    Reach { allow_private: true, ca_file: None, timeout: std::time::Duration::from_mins(1) }
}

#[tokio::test]
async fn frames_arrive_and_the_end_of_the_connection_is_the_answer() {
    for says in ["", "bye\n"] {
        let (port, read) = receiver(Way::ReadsAll(says), None).await;
        let bytes = vec![b'x'; 1 << 20];
        assert_eq!(send(&reach(), false, port, &bytes).await.unwrap().said, says);
        assert!(read.await.unwrap() == bytes);
    }
}

#[tokio::test]
async fn what_a_receiver_left_unread_is_not_taken_for_read() {
    let (port, _read) = receiver(Way::Reads(10), None).await;
    let closed = send(&reach(), false, port, &vec![b'x'; 1 << 20]).await;
    assert!(matches!(closed, Err(SendError::Uncertain(_))), "{closed:?}");
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens_or_nobody_may_go() {
    let nobody = send(&reach(), false, 1, b"x").await;
    assert!(matches!(nobody, Err(SendError::NotSent(_))), "{nobody:?}");
    let private = send(&Reach { allow_private: false, ..reach() }, false, 1, b"x").await;
    assert!(matches!(&private, Err(SendError::Refused(reason)) if reason.contains("allow_private")), "{private:?}");
}

#[tokio::test]
async fn a_receiver_that_talks_on_is_told_from_one_that_closes() {
    let (port, _read) = receiver(Way::Talks, None).await;
    let talks = send(&reach(), false, port, b"x").await;
    assert!(matches!(&talks, Err(SendError::Uncertain(reason)) if reason.contains("talks")), "{talks:?}");
}

/// An authority's certificate in a file, and a server that it vouches for.
fn authority(dir: &std::path::Path) -> (Reach, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let file = dir.join("ca.pem");
    std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    (Reach { ca_file: Some(file), ..reach() }, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn with_tls_an_end_counts_only_if_the_receiver_says_it() {
    let dir = tempfile::tempdir().unwrap();
    let (reach, server) = authority(dir.path());
    let (port, read) = receiver(Way::ReadsAll(""), Some(server.clone())).await;
    assert_eq!(send(&reach, true, port, b"5 hello").await.unwrap().to_string(), "read everything and closed");
    assert_eq!(read.await.unwrap(), b"5 hello");
    let (port, read) = receiver(Way::Vanishes, Some(server)).await;
    let vanished = send(&reach, true, port, b"5 hello").await;
    assert!(matches!(vanished, Err(SendError::Uncertain(_))), "{vanished:?}");
    assert_eq!(read.await.unwrap(), b"5 hello");
}

#[tokio::test]
async fn nothing_is_said_to_a_receiver_for_which_no_authority_vouches() {
    let dir = tempfile::tempdir().unwrap();
    let (_, server) = authority(dir.path());
    let (port, read) = receiver(Way::ReadsAll(""), Some(server)).await;
    let stranger = send(&reach(), true, port, b"5 hello").await;
    assert!(matches!(stranger, Err(SendError::NotSent(_))), "{stranger:?}");
    assert!(read.await.unwrap().is_empty());
    let (port, read) = receiver(Way::ReadsAll(""), None).await;
    let clear = send(&reach(), true, port, b"5 hello").await;
    assert!(matches!(clear, Err(SendError::NotSent(_) | SendError::Uncertain(_))), "{clear:?}");
    assert!(!read.await.unwrap().ends_with(b"5 hello"), "nothing goes in the clear");
}

/// The frames in bytes, as a receiver finds them.
fn parse(framing: Framing, mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let delimiter = if framing == Framing::Lines { b'\n' } else { b' ' };
        let at = bytes.iter().position(|byte| *byte == delimiter).unwrap();
        let (head, rest) = (&bytes[..at], &bytes[at + 1..]);
        let (frame, rest) = match framing {
            Framing::Lines => (head, rest),
            Framing::OctetCounting => rest.split_at(std::str::from_utf8(head).unwrap().parse().unwrap()),
        };
        frames.push(frame.to_vec());
        bytes = rest;
    }
    frames
}

proptest! {
    #[test]
    fn no_frame_ends_early_or_runs_into_the_next(texts in proptest::collection::vec("(?s).{0,40}", 0..8)) {
        for framing in [Framing::OctetCounting, Framing::Lines] {
            let mut bytes = Vec::new();
            for text in &texts {
                framing.put(text, &mut bytes);
            }
            let plain = |text: &String| match framing {
                Framing::OctetCounting => text.clone(),
                Framing::Lines => text.replace(['\n', '\r', '\0'], " "),
            };
            let expected: Vec<Vec<u8>> = texts.iter().map(|text| plain(text).into_bytes()).collect();
            prop_assert_eq!(parse(framing, &bytes), expected);
        }
    }
}
