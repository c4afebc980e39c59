//! The TLS of the listeners while the server runs: which certificate new connections are shown, what is wrong with it, and how many
//! handshakes fail. How a handshake goes is the listener's.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use ingest::seldom::Seldom;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;

use super::listener::HandshakeError;
use crate::certificate::{Certificate, Trouble, now_seconds};
use crate::limits;
use crate::settings::{Listen, ListenerName};

/// What is shown. Clones share it.
#[derive(Debug, Clone)]
pub struct Tls {
    state: Arc<RwLock<State>>,
    failed: Family<Labels, Counter>,
    told: Seldom<Labels>,
}

#[derive(Debug, Default)]
struct State {
    shown: Option<Certificate>,
    /// Why the newest pair of files was not taken, if it was not.
    refused: Option<String>,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    listener: &'static str,
    reason: &'static str,
}

impl Tls {
    /// Shows this certificate, or none and speaks plain HTTP.
    pub fn new(certificate: Option<Certificate>) -> Self {
        let state = State { shown: certificate, refused: None };
        let told = Seldom::new(limits::HANDSHAKE_TOLD_EVERY);
        Self { state: Arc::new(RwLock::new(state)), failed: Family::default(), told }
    }

    /// What connections to this listener are shown from now on; `None` if it speaks plain HTTP.
    pub fn config(&self, listener: ListenerName) -> Option<Arc<ServerConfig>> {
        self.read(|state| state.shown.as_ref()?.config(listener))
    }

    /// The certificate that is shown.
    pub fn shown(&self) -> Option<Certificate> {
        self.read(|state| state.shown.clone())
    }

    /// Reads the files again, and refuses a pair that cannot be used: what is shown stays as it is then.
    pub fn read_again(&self, listen: &Listen) -> Result<Option<Certificate>, String> {
        Certificate::load(listen).map_err(|error| {
            let refused = error.to_string();
            self.write(|state| state.refused = Some(refused.clone()));
            refused
        })
    }

    /// Shows new connections this certificate from now on. Those that are open go on as they began.
    pub fn show(&self, certificate: Option<Certificate>) {
        self.write(|state| *state = State { shown: certificate, refused: None });
    }

    /// What somebody should look at now.
    pub fn troubles(&self) -> Vec<String> {
        self.read(|state| {
            let refused = state.refused.as_ref().map(|reason| format!("the newest files were not taken: {reason}"));
            let shown = state.shown.iter().flat_map(|shown| shown.troubles(now_seconds()));
            refused.into_iter().chain(shown.map(|trouble| trouble.message().to_owned())).collect()
        })
    }

    /// Writes into the log which certificate is shown and what is wrong with it, and which listeners show none.
    pub fn tell(&self, listen: &Listen) {
        if let Some(shown) = self.shown() {
            let (file, sha256, until) = (shown.file.display(), &shown.sha256, shown.valid_until());
            tracing::info!(%file, sha256, until, "this certificate is shown");
            for trouble in shown.troubles(now_seconds()) {
                match trouble {
                    Trouble::Refused(reason) => tracing::error!(reason, "the certificate is refused by every client"),
                    Trouble::Look(reason) => tracing::warn!(reason, "the certificate is worth a look"),
                }
            }
        }
        for name in ListenerName::ALL {
            if let Some(reason) = listen.bare(name, self.config(name).is_some()) {
                tracing::warn!(listener = name.as_str(), reason, "a listener without TLS");
            }
        }
    }

    /// Counts a handshake that failed, and tells of it unless the same was told a short time ago.
    pub fn failed(&self, listener: ListenerName, error: &HandshakeError) {
        let labels = Labels { listener: listener.as_str(), reason: error.reason() };
        self.failed.get_or_create(&labels).inc();
        if let Some(handshakes) = self.told.count(labels, Instant::now()) {
            let (listener, reason) = (listener.as_str(), error.to_string());
            tracing::warn!(listener, reason, handshakes, "handshakes of TLS fail");
        }
    }

    /// Adds its metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tachograph_tls_handshakes_failed", "Handshakes that came to nothing", self.failed.clone());
        registry.register_collector(Box::new(self.clone()));
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Without a certificate there is nothing to tell.
impl Collector for Tls {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let Some(shown) = self.shown() else { return Ok(()) };
        let taken = self.read(|state| state.refused.is_none());
        let numbers = [
            (
                "tachograph_certificate_expiration_timestamp_seconds",
                "When the certificate of the listeners ends, or the first of its chain, in seconds since 1970",
                i64::try_from(shown.valid.1).unwrap_or(i64::MAX),
            ),
            (
                "tachograph_certificate_last_reload_successful",
                "0 after files of certificate and key that could not be used: what was shown before is shown",
                i64::from(taken),
            ),
        ];
        for (name, help, value) in numbers {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
