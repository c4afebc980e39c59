//! Login by OpenID Connect: the authorization code flow with PKCE against the provider of the configuration, and what must hold of an ID
//! token. The protocol and its cryptography are `openidconnect`'s; what groups may do is `operations::access`'s.

mod claims;
mod discovery;
mod http;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use dashboards::provider::{Answer, Begun, Keys, Provider, ProviderError};
use futures::future::BoxFuture;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken, IdTokenClaims,
    IdTokenFields, IdTokenVerifier, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse,
    TokenResponse, UserInfoClaims,
};
use operations::access::{Identity, LoginService};
use reqwest::Url;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::exit::Failure;
use crate::limits;
use crate::settings::{Settings, oidc};
use claims::OtherClaims;
use discovery::{Discovery, Known};
use http::{HttpClient, HttpError};

type Token = IdToken<OtherClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type TokenClaims = IdTokenClaims<OtherClaims, CoreGenderClaim>;
type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Failed = RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>;
type Client = openidconnect::Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider of the configuration. A reload replaces it.
pub struct Oidc {
    logins: Arc<LoginService>,
    connection: RwLock<Option<Arc<Connection>>>,
}

/// The way to one provider.
pub struct Connection {
    settings: oidc::Oidc,
    http: HttpClient,
    discovery: Discovery,
    /// Places for logins that are looked at: each may wait for the provider.
    places: Semaphore,
}

impl Oidc {
    /// The provider of a configuration, which nobody asks before somebody logs in.
    pub fn of(settings: &Settings, logins: LoginService) -> Result<Arc<Self>, Failure> {
        let provider = Self { logins: Arc::new(logins), connection: RwLock::default() };
        provider.replace(provider.prepare(settings)?);
        Ok(Arc::new(provider))
    }

    /// Who lets people in, by a provider or otherwise.
    pub fn logins(&self) -> Arc<LoginService> {
        Arc::clone(&self.logins)
    }

    /// The connection of another configuration: the same, if nothing about it changes.
    pub fn prepare(&self, settings: &Settings) -> Result<Option<Arc<Connection>>, Failure> {
        let Some(settings) = &settings.oidc else { return Ok(None) };
        // Authorities in a file may be others now.
        let is_same = |old: &Arc<Connection>| old.settings == *settings && settings.ca_file.is_none();
        if let Some(same) = self.connection().filter(is_same) {
            return Ok(Some(same));
        }
        Connection::of(settings).map(|connection| Some(Arc::new(connection))).map_err(Failure::config)
    }

    /// Uses this connection from now on. Sessions of people who may do less by that end.
    pub fn replace(&self, connection: Option<Arc<Connection>>) {
        self.logins.set_provider(connection.as_ref().map(|connection| connection.settings.provider_grants()));
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    fn connection(&self) -> Option<Arc<Connection>> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Provider for Oidc {
    fn name(&self) -> Option<String> {
        self.connection().map(|connection| connection.settings.name.clone())
    }

    fn is_secure(&self) -> bool {
        self.connection().is_some_and(|connection| connection.settings.console.starts_with("https:"))
    }

    fn begin<'a>(&'a self, state: &'a str) -> BoxFuture<'a, Result<Begun, ProviderError>> {
        Box::pin(async move { self.connection().ok_or(ProviderError::None)?.begin(state).await })
    }

    fn finish(&self, keys: Keys, answer: Answer) -> BoxFuture<'_, Result<Identity, ProviderError>> {
        Box::pin(async move { self.connection().ok_or(ProviderError::None)?.finish(keys, answer).await })
    }

    fn end_address(&self) -> Option<String> {
        let connection = self.connection()?;
        let known = connection.discovery.known()?;
        let mut address = Url::parse(known.metadata.additional_metadata().end_session_endpoint.as_ref()?).ok()?;
        address.query_pairs_mut().append_pair("client_id", &connection.settings.client_id);
        connection.http.may_ask(&address).then(|| address.to_string())
    }
}

impl Connection {
    fn of(settings: &oidc::Oidc) -> Result<Self, String> {
        let told = |setting: &str, error: String| format!("oidc.{setting}: {error}");
        let http = HttpClient::of(settings).map_err(|error| told("ca_file", error))?;
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|error| told("issuer", error.to_string()))?;
        let places = Semaphore::new(limits::OIDC_LOGINS_MAX);
        Ok(Self { settings: settings.clone(), http, discovery: Discovery::new(issuer), places })
    }

    async fn begin(&self, state: &str) -> Result<Begun, ProviderError> {
        let known = self.discovery.read(&self.http, limits::OIDC_METADATA_FRESH).await;
        let known = known.map_err(|error| self.unreachable(&error))?;
        if !self.http.may_ask(known.metadata.authorization_endpoint().url()) {
            return Err(self.unreachable("it names an address without TLS"));
        }
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let state = CsrfToken::new(state.to_owned());
        let client = self.client(&known)?;
        let request = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, Nonce::new_random);
        let scopes = self.settings.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
        let (address, _, nonce) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
        let keys = Keys {
            issuer: self.settings.issuer.clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
        };
        Ok(Begun { address: address.into(), keys })
    }

    async fn finish(&self, keys: Keys, answer: Answer) -> Result<Identity, ProviderError> {
        let Ok(_place) = self.places.try_acquire() else {
            return Err(ProviderError::Unavailable(
                "so many people log in now that you must wait; try again".to_owned(),
            ));
        };
        if keys.issuer != self.settings.issuer {
            return Err(refused("the configuration of the provider has changed meanwhile; begin again"));
        }
        let known = if let Some(known) = self.discovery.known() {
            known
        } else {
            let known = self.discovery.read(&self.http, limits::OIDC_METADATA_FRESH).await;
            known.map_err(|error| self.unreachable(&error))?
        };
        let names_itself = known.metadata.additional_metadata().authorization_response_iss_parameter_supported;
        if names_itself && answer.issuer.is_none() {
            return Err(refused("the answer does not say which provider gave it; begin again"));
        }
        let client = self.client(&known)?;
        let request = client.exchange_code(AuthorizationCode::new(answer.code));
        let request = request.map_err(|_| self.unreachable("it names no token endpoint"))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(keys.verifier));
        let tokens = request.request_async(&self.http).await.map_err(|error| self.not_exchanged(&error))?;
        let token = tokens.id_token().ok_or_else(|| refused("the provider sent no ID token"))?;
        let claims = self.verified(known, token, &Nonce::new(keys.nonce), tokens.access_token()).await?;
        self.identity(&client, &claims, tokens.access_token()).await
    }

    /// The client of the provider as it is now; the secret is read anew, so that it can be rotated.
    fn client(&self, known: &Known) -> Result<Client, ProviderError> {
        let oidc::Oidc { client_id, client_secret, console, .. } = &self.settings;
        let secret = client_secret.read().map_err(|error| {
            tracing::error!(%error, "the secret of the OpenID client cannot be read; nobody comes in by the provider");
            ProviderError::Unavailable("the server cannot read the secret of its client; its log says why".to_owned())
        })?;
        let callback = Url::parse(console).and_then(|url| url.join("/login/oidc/callback"));
        let callback = callback.map_err(|_| self.unreachable("`console` in [oidc] is no address"))?;
        // A provider that does not say how clients prove themselves takes the first way.
        let takes = known.metadata.token_endpoint_auth_methods_supported();
        let takes = |method| takes.is_none_or(|methods| methods.contains(&method));
        let proof = if takes(CoreClientAuthMethod::ClientSecretBasic) {
            AuthType::BasicAuth
        } else if takes(CoreClientAuthMethod::ClientSecretPost) {
            AuthType::RequestBody
        } else {
            return Err(self.unreachable("it takes neither client_secret_basic nor client_secret_post"));
        };
        let (id, secret) = (ClientId::new(client_id.clone()), ClientSecret::new(secret.expose().to_owned()));
        Ok(Client::from_provider_metadata(known.metadata.clone(), id, Some(secret))
            .set_auth_type(proof)
            .set_redirect_uri(RedirectUrl::from_url(callback)))
    }

    /// What an ID token says, if it is the provider's, for us, of this login, and not over. For a key that is unknown all are asked for again.
    async fn verified(
        &self,
        known: Arc<Known>,
        token: &Token,
        nonce: &Nonce,
        access: &AccessToken,
    ) -> Result<TokenClaims, ProviderError> {
        use ClaimsVerificationError::SignatureVerification;
        let verified = match self.verify(&known, token, nonce, access) {
            Err(SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                match self.discovery.read_again(&self.http, &known).await {
                    Some(known) => self.verify(&known, token, nonce, access),
                    None => Err(SignatureVerification(SignatureVerificationError::NoMatchingKey)),
                }
            }
            verified => verified,
        };
        verified.map_err(|error| {
            let reason = reason(&error);
            tracing::warn!(issuer = self.settings.issuer, reason, "an ID token is not believed");
            refused(&format!("the ID token of the provider is not believed: {reason}; begin again, and tell whoever set up [oidc] if it happens again"))
        })
    }

    fn verify(
        &self,
        known: &Known,
        token: &Token,
        nonce: &Nonce,
        access: &AccessToken,
    ) -> Result<TokenClaims, ClaimsVerificationError> {
        let invalid = |what: &str| ClaimsVerificationError::InvalidAudience(what.to_owned());
        let id = ClientId::new(self.settings.client_id.clone());
        let metadata = &known.metadata;
        let announced = metadata.id_token_signing_alg_values_supported().iter();
        // As for a client without a secret: that no MAC is taken, whose key others may know, does not hang on a list alone.
        let verifier =
            IdTokenVerifier::new_public_client(id.clone(), metadata.issuer().clone(), metadata.jwks().clone())
                .set_allowed_algs(announced.filter(|algorithm| is_public_key(algorithm)).cloned());
        let claims = token.claims(&verifier, nonce)?;
        match claims.authorized_party() {
            Some(party) if *party != id => return Err(invalid("authorized party")),
            None if claims.audiences().len() > 1 => return Err(invalid("no authorized party of several audiences")),
            _ => {}
        }
        if let Some(expected) = claims.access_token_hash() {
            let key = token.signing_key(&verifier).map_err(ClaimsVerificationError::SignatureVerification)?;
            let algorithm = token.signing_alg().map_err(ClaimsVerificationError::SignatureVerification)?;
            let found = AccessTokenHash::from_token(access, algorithm, key);
            if found.map_err(|error| ClaimsVerificationError::Other(error.to_string()))? != *expected {
                return Err(ClaimsVerificationError::Other("access token".to_owned()));
            }
        }
        Ok(claims.clone())
    }

    /// Who somebody is by the claims of an ID token, and by what the provider adds if the groups do not stand in it.
    async fn identity(
        &self,
        client: &Client,
        claims: &TokenClaims,
        access: &AccessToken,
    ) -> Result<Identity, ProviderError> {
        let oidc::Oidc { issuer, groups_claim, person_claim, .. } = &self.settings;
        let path = groups_claim.steps();
        let said = serde_json::to_value(claims).unwrap_or_default();
        let (mut groups, mut shown) = (claims::groups(&said, &path), claims::text(&said, person_claim));
        if groups.is_none() && client.user_info_url().is_some() {
            let more = self.user_info(client, claims, access).await?;
            groups = claims::groups(&more, &path);
            shown = shown.or_else(|| claims::text(&more, person_claim));
        }
        let subject = claims.subject().as_str().to_owned();
        Ok(Identity { issuer: issuer.clone(), subject, shown, groups: groups.unwrap_or_default() })
    }

    /// What the userinfo endpoint says of the person of an ID token, and of nobody else.
    async fn user_info(
        &self,
        client: &Client,
        claims: &TokenClaims,
        access: &AccessToken,
    ) -> Result<Value, ProviderError> {
        let request = client.user_info(access.clone(), Some(claims.subject().clone()));
        let request = request.map_err(|_| self.unreachable("it names no userinfo endpoint"))?;
        let told: Result<UserInfoClaims<OtherClaims, CoreGenderClaim>, _> = request.request_async(&self.http).await;
        match told {
            Ok(told) => Ok(serde_json::to_value(&told).unwrap_or_default()),
            Err(openidconnect::UserInfoError::Request(error)) => Err(self.unreachable(&error.to_string())),
            Err(openidconnect::UserInfoError::ClaimsVerification(error)) => {
                let reason = reason(&error);
                tracing::warn!(issuer = self.settings.issuer, reason, "an answer about a person is not believed");
                Err(refused(&format!("what the provider says of you is not believed: {reason}; begin again")))
            }
            Err(_) => Err(self.unreachable("its userinfo endpoint did not answer as it should")),
        }
    }

    /// The provider cannot be used now; nothing is known of the person.
    fn unreachable(&self, reason: &str) -> ProviderError {
        let name = &self.settings.name;
        ProviderError::Unavailable(format!(
            "{name} cannot be used now: {reason}. Try again in a minute; meanwhile a link of `tachograph login` or a token lets you in"
        ))
    }

    /// Why a code did not become tokens. What the provider wrote is not repeated: it may hold what was sent.
    fn not_exchanged(&self, error: &Failed) -> ProviderError {
        let said = match error {
            RequestTokenError::Request(error) => return self.unreachable(&error.to_string()),
            RequestTokenError::ServerResponse(response) => response.error(),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                return refused("what the provider answered holds no tokens; begin again");
            }
        };
        match said {
            CoreErrorResponseType::InvalidGrant => refused("the provider does not take its code any more; begin again"),
            said => {
                let word = word(said.as_ref());
                tracing::error!(
                    issuer = self.settings.issuer,
                    error = word,
                    "the OpenID provider does not take our client"
                );
                self.unreachable(&format!("it does not take this server as its client ({word}); client_id, client_secret or redirect address are not as it has them"))
            }
        }
    }
}

/// Whether a signature is checked with a key that everybody may know.
fn is_public_key(algorithm: &CoreJwsSigningAlgorithm) -> bool {
    use CoreJwsSigningAlgorithm::{HmacSha256, HmacSha384, HmacSha512, None};
    !matches!(algorithm, HmacSha256 | HmacSha384 | HmacSha512 | None)
}

/// What is wrong with claims, in words that repeat nothing of them.
fn reason(error: &ClaimsVerificationError) -> &'static str {
    use ClaimsVerificationError as Claims;
    use SignatureVerificationError as Signature;
    match error {
        Claims::Expired(_) => "it expired, or the clocks differ",
        Claims::InvalidAudience(_) => "it is for somebody else (audience)",
        Claims::InvalidIssuer(_) => "it is from somebody else (issuer)",
        Claims::InvalidNonce(_) => "it is of another login (nonce)",
        Claims::InvalidSubject(_) => "it is about somebody else (subject)",
        Claims::SignatureVerification(error) => match error {
            Signature::NoMatchingKey => "its key is none of the provider's",
            Signature::NoSignature => "it is not signed",
            Signature::DisallowedAlg(_) | Signature::UnsupportedAlg(_) => {
                "it is signed with an algorithm that is not taken"
            }
            _ => "its signature is wrong",
        },
        Claims::Other(_) => "it belongs to other tokens (hash)",
        _ => "it is not as it should be",
    }
}

fn refused(reason: &str) -> ProviderError {
    ProviderError::Refused(reason.to_owned())
}

/// An error's word as far as it is one.
fn word(text: &str) -> &str {
    let is_word = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { text } else { "an error without a name" }
}
