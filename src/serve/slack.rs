//! The Slack apps of the configuration: whose signature a request bears.

use std::sync::{Arc, PoisonError, RwLock};

use api::SlackApps;
use export::{ACKNOWLEDGE_ACTION, Secret, SignatureError, verify_signature};

use crate::settings::Settings;

/// The apps by the name of their sink. A reload replaces them; clones share them.
#[derive(Clone, Default)]
pub struct Apps(Arc<RwLock<Vec<(String, Secret)>>>);

impl Apps {
    /// The apps of a configuration.
    pub fn of(settings: &Settings) -> Self {
        let apps = Self::default();
        apps.replace(settings);
        apps
    }

    /// Believes those of another configuration from now on.
    pub fn replace(&self, settings: &Settings) {
        let signing =
            settings.sinks.iter().filter_map(|sink| Some((sink.common.name.clone(), sink.signing_secret()?.clone())));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = signing.collect();
    }
}

impl SlackApps for Apps {
    fn signer(&self, timestamp: &str, body: &[u8], signature: &str, now: i64) -> Option<String> {
        let apps = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        apps.into_iter().find_map(|(sink, secret)| match secret.read() {
            Ok(secret) => match verify_signature(secret.expose(), timestamp, body, signature, now) {
                Ok(()) => Some(sink),
                Err(error) => {
                    let error: SignatureError = error;
                    tracing::debug!(sink, %error, "a request in the name of Slack is not believed");
                    None
                }
            },
            Err(error) => {
                tracing::error!(sink, %error, "the signing secret cannot be read; nobody is believed");
                None
            }
        })
    }

    fn acknowledges(&self, action: &str) -> bool {
        action == ACKNOWLEDGE_ACTION
    }
}
