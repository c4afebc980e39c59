//! What the provider says of itself: its discovery document and its keys, asked when somebody needs them, kept for a while, and asked for
//! again at a bounded rate.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, DiscoveryError, IssuerUrl, ProviderMetadata};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::http::{HttpClient, HttpError};
use crate::limits;

/// What a discovery document says, with the keys.
pub type Metadata = ProviderMetadata<
    OtherMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What stands in it of other documents than that of discovery.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OtherMetadata {
    /// Where a session at the provider ends (RP-initiated logout).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_session_endpoint: Option<String>,
    /// Whether every answer says who gives it (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for OtherMetadata {}

/// What is known of a provider.
pub struct Known {
    /// The document and the keys.
    pub metadata: Metadata,
    /// When it was read.
    read: Instant,
}

/// Asks a provider for what it says of itself.
pub struct Discovery {
    issuer: IssuerUrl,
    known: RwLock<Option<Arc<Known>>>,
    /// When the provider did not answer last, and why. Whoever holds it asks; the others wait for what comes of that.
    failed: Mutex<Option<(Instant, String)>>,
}

impl Discovery {
    /// Nothing is known yet, and nobody is asked before somebody logs in: the server starts without its provider.
    pub fn new(issuer: IssuerUrl) -> Self {
        Self { issuer, known: RwLock::default(), failed: Mutex::default() }
    }

    /// What is known, however old it is.
    pub fn known(&self) -> Option<Arc<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the provider says now, or said at most so long ago. The error is for people.
    pub async fn read(&self, http: &HttpClient, age_max: Duration) -> Result<Arc<Known>, String> {
        let mut failed = self.failed.lock().await;
        if let Some(known) = self.known().filter(|known| known.read.elapsed() < age_max) {
            return Ok(known);
        }
        if let Some((_, error)) = failed.as_ref().filter(|(at, _)| at.elapsed() < limits::OIDC_RETRY_AFTER) {
            return Err(error.clone());
        }
        match Metadata::discover_async(self.issuer.clone(), http).await {
            Ok(metadata) => {
                *failed = None;
                let known = Arc::new(Known { metadata, read: Instant::now() });
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
                Ok(known)
            }
            Err(error) => {
                let error = words(&error);
                tracing::warn!(issuer = self.issuer.as_str(), reason = error, "the OpenID provider cannot be used now");
                *failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// The keys anew, because one is unknown among those of `old`; `None` if these are too new for that.
    pub async fn read_again(&self, http: &HttpClient, old: &Known) -> Option<Arc<Known>> {
        if old.read.elapsed() < limits::OIDC_KEYS_AGE_MIN {
            return None;
        }
        self.read(http, limits::OIDC_KEYS_AGE_MIN).await.ok()
    }
}

fn words(error: &DiscoveryError<HttpError>) -> String {
    match error {
        DiscoveryError::Request(error) => error.to_string(),
        DiscoveryError::Response(status, ..) => format!("it answered {status}, or with something else than JSON"),
        DiscoveryError::Validation(_) => {
            "its discovery document names another issuer than `issuer` in [oidc]".to_owned()
        }
        _ => "what it answered is no discovery document, or no set of keys".to_owned(),
    }
}
