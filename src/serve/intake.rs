//! Where collectors are sent to: the address of intake, and the addresses and sockets that collectors have of their own.

use std::fmt::Display;

use ingest::collectors::Collectors;
use ingest::transport::unix::SocketFile;
use ingest::transport::{Listening, Serve};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::listener::{Admission, Listener, Protocol, SocketListener};
use super::tls::Tls;
use crate::exit::Failure;
use crate::settings::ListenerName;

/// Opens all of them; each is served until `stop`.
pub async fn open(
    collectors: &mut Collectors,
    ingest: Option<Listener>,
    admission: &Admission,
    tls: &Tls,
    stop: &CancellationToken,
) -> Result<JoinSet<()>, Failure> {
    let mut intake = JoinSet::new();
    for (collector, listening) in collectors.take_listening() {
        let (listener, serve) = listen(&collector, listening, tls).await?;
        match serve {
            Serve::Http1(routes) | Serve::Http2(routes) => {
                intake.spawn(listener.serve(routes.into_router(), admission.clone(), stop.clone()));
            }
            Serve::Streams(streams) => drop(intake.spawn(listener.serve_streams(streams, stop.clone()))),
        }
    }
    for (collector, file, streams) in collectors.take_sockets() {
        let listener = listen_on_socket(&collector, &file)?;
        intake.spawn(listener.serve(streams, stop.clone()));
    }
    if let Some(ingest) = ingest {
        intake.spawn(ingest.serve(collectors.router(), admission.clone(), stop.clone()));
    }
    Ok(intake)
}

/// Binds an address of a collector's own.
async fn listen(collector: &str, listening: Listening, tls: &Tls) -> Result<(Listener, Serve), Failure> {
    let Listening { setting, address, tls: is_asked, serve } = listening;
    let setting = format!("collectors.{collector}.{setting}");
    let shows = Some(ListenerName::Ingest).filter(|_| is_asked != Some(false));
    if is_asked == Some(true) && tls.config(ListenerName::Ingest).is_none() {
        let remedy = "there is no certificate for it; set `certificate` and `key` in [listen]";
        return Err(Failure::config(format!("collectors.{collector}.tls: {remedy}")));
    }
    let protocol = match serve {
        Serve::Http1(_) => Protocol::Http1,
        Serve::Http2(_) => Protocol::Http2,
        Serve::Streams(_) => Protocol::Streams,
    };
    let listener = Listener::bind_for(setting, shows, protocol, address, tls.clone()).await?;
    let address = listener.address();
    let is_bare = shows.and_then(|name| tls.config(name)).is_none();
    if is_bare && !address.ip().is_loopback() {
        let risk = match serve {
            Serve::Http1(_) | Serve::Http2(_) => "tokens and events can be read on their way here",
            Serve::Streams(_) => "whoever reaches it can write events, and read them on their way here",
        };
        tracing::warn!(collector, %address, risk, "it speaks without TLS, beyond this machine");
    }
    tracing::info!(collector, %address, "the collector listens");
    Ok((listener, serve))
}

/// Makes the socket of a collector.
fn listen_on_socket(collector: &str, file: &SocketFile) -> Result<SocketListener, Failure> {
    let failed = |error: &dyn Display| Failure::config(format!("collectors.{collector}.path: {error}"));
    let listener = SocketListener::new(file.bind().map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
    tracing::info!(collector, path = %file.path().display(), "the collector listens");
    Ok(listener)
}
