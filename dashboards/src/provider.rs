//! What the login page asks of an OpenID provider. Who speaks with it is the program's; pages know no client and no token.

use futures::future::BoxFuture;
use operations::access::Identity;

/// The provider of the configuration, which a reload may replace or take away.
pub trait Provider: Send + Sync {
    /// What the login page calls it; `None` if there is none.
    fn name(&self) -> Option<String>;

    /// Whether browsers come to the console over TLS by its configuration: then cookies never leave without it.
    fn is_secure(&self) -> bool;

    /// Where a browser goes to log in, with this state.
    fn begin<'a>(&'a self, state: &'a str) -> BoxFuture<'a, Result<Begun, ProviderError>>;

    /// Who came back.
    fn finish(&self, keys: Keys, answer: Answer) -> BoxFuture<'_, Result<Identity, ProviderError>>;

    /// Where a browser ends its session at the provider, if that is known.
    fn end_address(&self) -> Option<String>;
}

/// A login that began.
pub struct Begun {
    /// Where the browser goes.
    pub address: String,
    /// What is kept here until it comes back.
    pub keys: Keys,
}

/// What ties an answer of the provider to the login that began here. It has no `Debug`: none of it is to be printed.
#[derive(Clone)]
pub struct Keys {
    /// The provider that was asked.
    pub issuer: String,
    /// What the ID token must repeat.
    pub nonce: String,
    /// What proves to the provider that whoever redeems the code began the login (PKCE).
    pub verifier: String,
}

/// What the browser brought back. It has no `Debug`, since the code is a secret.
pub struct Answer {
    /// The code that is redeemed.
    pub code: String,
    /// Who says to have answered (RFC 9207).
    pub issuer: Option<String>,
}

/// Why nobody came in; the words are for the person and hold nothing of codes and tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// There is no provider in the configuration.
    #[error("no OpenID provider is configured; come in by a link or a token")]
    None,
    /// The provider cannot be asked now, or not as it is configured; nothing is known of the person.
    #[error("{0}")]
    Unavailable(String),
    /// What came from it does not prove who the person is.
    #[error("{0}")]
    Refused(String),
}
