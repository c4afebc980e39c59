//! The server's end of the control socket: the console's routes for whoever can open it, who is the principal `local`.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use super::listener::{HttpServer, Opened};
use crate::control::{Address, socket_path};

/// The socket while it is open; dropping it removes the file.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Opens the socket. The caller holds the directory's lock, so a file that is there belongs to a process that died.
    pub fn open(data: &Path) -> io::Result<Self> {
        let path = socket_path(data);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(Address::of(data)?.path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Serves requests until it is told to stop, then lets those end that have begun.
    pub async fn serve(self, http: HttpServer) {
        let stop = http.stop().clone();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = stop.cancelled() => break,
            };
            if let Some(stream) = accepted {
                http.serve(IpAddr::from(Ipv4Addr::LOCALHOST), async { Some(Opened::plain(stream)) });
            }
        }
        drop(self);
        http.end().await;
    }

    async fn accept(&self) -> Option<UnixStream> {
        match self.listener.accept().await {
            Ok((stream, _)) if is_trusted(&stream) => Some(stream),
            Ok(_) => {
                tracing::warn!("refused a connection to the control socket from another user");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket could not accept a connection");
                // Out of file handles, most likely: trying again at once would only burn time.
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // It may be gone already; the next start removes what is left.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The file's mode says the same; this also holds for the moment between its creation and the change of its mode.
fn is_trusted(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| may_connect(peer.uid(), own))
}

/// The server's own user and root.
fn may_connect(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use api::Peer;
    use axum::Router;
    use axum::extract::Request;
    use operations::access::Principal;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::limits;
    use crate::serve::listener::{Admission, Protocol};

    /// A socket in a new directory of this name, for as long as the closure runs. It answers who asks, whatever is asked.
    async fn with_server(name: &str, check: impl FnOnce(&Path) + Send + 'static) {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join(name);
        std::fs::create_dir(&data).unwrap();
        let router = Router::new().fallback(async |request: Request| match request.extensions().get::<Peer>() {
            Some(peer) => format!("for {}", peer.principal().name),
            None => "for nobody".to_owned(),
        });
        let stop = CancellationToken::new();
        let admission = Admission::of_peer(Principal::local());
        let http = HttpServer::new(limits::CONTROL_CONNECTIONS_MAX, Protocol::Http1, router, admission, stop.clone());
        let served = tokio::spawn(ControlSocket::open(&data).unwrap().serve(http));
        let path = data.clone();
        tokio::task::spawn_blocking(move || check(&path)).await.unwrap();
        stop.cancel();
        served.await.unwrap();
        assert!(!socket_path(&data).exists(), "the socket goes with the server");
    }

    fn connect(data: &Path) -> std::os::unix::net::UnixStream {
        std::os::unix::net::UnixStream::connect(Address::of(data).unwrap().path).unwrap()
    }

    /// What the server answers to these bytes.
    fn say(data: &Path, bytes: &[u8]) -> String {
        let mut stream = connect(data);
        // The server hangs up before it has read all of a head that is too long.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn whoever_connects_is_local() {
        with_server("data", |data| {
            let mode = std::fs::metadata(socket_path(data)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let answer = say(data, REQUEST);
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("for local"), "{answer}");
        })
        .await;
    }

    #[tokio::test]
    async fn a_data_directory_of_any_length_has_its_socket() {
        with_server(&"long and ünusual %23#? ".repeat(9), |data| {
            assert!(say(data, REQUEST).ends_with("for local"));
            assert!(socket_path(data).exists());
        })
        .await;
    }

    #[tokio::test]
    async fn peers_that_say_nothing_delay_nobody() {
        with_server("data", |data| {
            let idle: Vec<_> = (0..4 * limits::CONTROL_CONNECTIONS_MAX).map(|_| connect(data)).collect();
            assert!(say(data, REQUEST).ends_with("for local"));
            drop(idle);
        })
        .await;
    }

    #[tokio::test]
    async fn a_head_without_end_is_cut_off() {
        with_server("data", |data| {
            let answer = say(data, &[b"GET / HTTP/1.1\r\nHost: ", &vec![b'x'; 4 << 20][..]].concat());
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
            assert!(say(data, REQUEST).ends_with("for local"), "it goes on with others");
        })
        .await;
    }

    #[test]
    fn only_the_own_user_and_root_may_connect() {
        let check = |peer: u32, own: u32, may: bool| assert_eq!(may_connect(peer, own), may, "{peer} {own}");
        check(1_000, 1_000, true);
        check(0, 1_000, true);
        check(1_001, 1_000, false);
        check(1_000, 0, false);
    }
}
