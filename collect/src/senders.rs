//! Who may push to the collectors on this machine: whoever shows one of the secrets of the configuration.

use std::sync::Arc;

use operations::access::{Authorize, Principal, Role};
use operations::secret::SecretError;
use sha2::{Digest, Sha256};

use crate::config::Sender;

/// Those who may push. What they show is compared by its hash, so that the time of an answer says nothing about it.
pub struct Senders(Vec<([u8; 32], Arc<Principal>)>);

/// A sender's secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("sender.{name}.token: {source}")]
pub struct SendersError {
    name: String,
    source: SecretError,
}

impl Senders {
    /// Reads their secrets.
    pub fn read(senders: &[Sender]) -> Result<Self, SendersError> {
        let read = |sender: &Sender| {
            let failed = |source| SendersError { name: sender.name.clone(), source };
            let secret = sender.token.read().map_err(failed)?;
            let principal = Principal {
                token: format!("sender/{}", sender.name),
                name: sender.name.clone(),
                roles: vec![Role::Ingest],
                content: false,
                ..Principal::local()
            };
            Ok((Sha256::digest(secret.expose().as_bytes()).into(), Arc::new(principal)))
        };
        senders.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Authorize for Senders {
    fn authorize(&self, secret: &str) -> Option<Arc<Principal>> {
        let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        self.0.iter().find(|(known, _)| *known == hash).map(|(_, principal)| Arc::clone(principal))
    }
}
