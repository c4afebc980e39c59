//! Frames over real connections on the loopback, to receivers that read everything, that do not, and that do not close as they
//! should.

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::connections::authority::Authority;
use crate::connections::frames::Transport;

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
async fn send(reach: &Reach, encrypted: bool, port: u16, bytes: &[u8]) -> Result<Carried, SendError> {
    let transport = if encrypted { Transport::Tls } else { Transport::Tcp };
    let frames = Frames { transport, host: "127.0.0.1".to_owned(), port, bytes: bytes.to_vec() };
    TcpConnection::connect(reach, encrypted).unwrap().send(frames).await
}

fn reach() -> Reach {
    Reach { allow_private: true, timeout: std::time::Duration::from_mins(1), ..Reach::default() }
}

#[tokio::test]
async fn frames_arrive_and_the_end_of_the_connection_is_the_answer() {
    for says in ["", "bye\n"] {
        let (port, read) = receiver(Way::ReadsAll(says), None).await;
        let bytes = vec![b'x'; 1 << 20];
        assert_eq!(send(&reach(), false, port, &bytes).await.unwrap(), Carried::Closed { said: says.to_owned() });
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

/// Whom a client believes, and a server that it believes.
fn believed(dir: &std::path::Path) -> (Reach, TlsAcceptor) {
    let authority = Authority::new(dir);
    let server = authority.server("127.0.0.1", false);
    (Reach { ca_file: Some(authority.file), ..reach() }, server)
}

#[tokio::test]
async fn with_tls_an_end_counts_only_if_the_receiver_says_it() {
    let dir = tempfile::tempdir().unwrap();
    let (reach, server) = believed(dir.path());
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
    let (_, server) = believed(dir.path());
    let (port, read) = receiver(Way::ReadsAll(""), Some(server)).await;
    let stranger = send(&reach(), true, port, b"5 hello").await;
    assert!(matches!(stranger, Err(SendError::NotSent(_))), "{stranger:?}");
    assert!(read.await.unwrap().is_empty());
    let (port, read) = receiver(Way::ReadsAll(""), None).await;
    let clear = send(&reach(), true, port, b"5 hello").await;
    assert!(matches!(clear, Err(SendError::NotSent(_) | SendError::Uncertain(_))), "{clear:?}");
    assert!(!read.await.unwrap().ends_with(b"5 hello"), "nothing goes in the clear");
}
