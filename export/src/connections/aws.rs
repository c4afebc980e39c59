//! Signature Version 4 of AWS below sinks: a connection that signs each request, with a key of the settings or with what the environment and the
//! machine give. `object_store` signs, as it does for buckets. The key is in no error and in nothing that is shown.

use std::sync::Arc;

use futures::future::BoxFuture;
use object_store::aws::{AwsAuthorizer, AwsCredential, AwsCredentialProvider};
use object_store::client::HttpRequest;
use operations::secret::{Secret, SecretText};
use sha2::{Digest as _, Sha256};

use super::http::{Http, Request, Response};
use super::{Connection, Reach, SendError, describe, excerpt, objects};

/// The headers that a signature brings, beside the one with itself.
const ADDED: [&str; 3] = ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];

/// What requests are signed for, and with what.
#[derive(Debug, Clone)]
pub struct Signing {
    /// The region.
    pub region: String,
    /// The service, as signatures name it.
    pub service: &'static str,
    /// The id of a key, the key and the token of its session; without them they are asked of the environment and of the machine.
    pub key: Option<(String, Secret, Option<Secret>)>,
}

/// A connection whose requests are signed.
pub struct Signed {
    inner: Box<dyn Connection<Http>>,
    signing: Signing,
    /// Who knows the key that the settings do not have.
    machine: Option<AwsCredentialProvider>,
}

impl Signed {
    /// The connection with signatures. The error says what is wrong with the settings or the environment.
    pub fn over(
        inner: Box<dyn Connection<Http>>,
        signing: Signing,
        reach: &Reach,
    ) -> Result<Box<dyn Connection<Http>>, String> {
        let machine = match &signing.key {
            Some(_) => None,
            None => Some(objects::aws_credentials(&signing.region, reach)?),
        };
        Ok(Box::new(Self { inner, signing, machine }))
    }

    async fn credential(&self) -> Result<Arc<AwsCredential>, SendError> {
        if let Some(machine) = &self.machine {
            let unknown =
                |error| SendError::NotSent(format!("there are no credentials: {}", excerpt(&describe(&error))));
            return machine.get_credential().await.map_err(unknown);
        }
        let read = |secret: &Secret| {
            secret.read().map(|text| text.expose().to_owned()).map_err(|error| SendError::Refused(error.to_string()))
        };
        match &self.signing.key {
            Some((key_id, key, token)) => Ok(Arc::new(AwsCredential {
                key_id: key_id.clone(),
                secret_key: read(key)?,
                token: token.as_ref().map(read).transpose()?,
            })),
            None => Err(SendError::Refused("there are no credentials".to_owned())),
        }
    }

    /// The request with the signature, as of now.
    fn sign(&self, request: Request, credential: &AwsCredential) -> Result<Request, SendError> {
        let refused = |what: &str| SendError::Refused(format!("the request cannot be signed: {what}"));
        let headers = request
            .headers
            .iter()
            .fold(http::Request::post(request.url.expose()), |builder, (name, value)| builder.header(*name, value));
        let mut signed: HttpRequest =
            headers.body(Vec::new().into()).map_err(|_| refused("its address or a header is none"))?;
        // The signer stops the program at a token that no header can hold.
        let is_header = |text: &str| http::HeaderValue::from_str(text).is_ok();
        if !is_header(&credential.key_id) || !credential.token.as_deref().is_none_or(is_header) {
            return Err(refused("the key has characters that no header may have"));
        }
        AwsAuthorizer::new(credential, self.signing.service, &self.signing.region)
            .try_authorize(&mut signed, Some(&Sha256::digest(&request.body)))
            .map_err(|error| refused(&excerpt(&describe(&error))))?;
        let header = |name: &str| signed.headers().get(name).and_then(|value| value.to_str().ok());
        let mut with = request;
        for name in ADDED {
            with.headers.extend(header(name).map(|value| (name, value.to_owned())));
        }
        let proof = header("authorization")
            .and_then(|proof| proof.split_once(' '))
            .ok_or_else(|| refused("why is not said"))?;
        Ok(with.authorized("AWS4-HMAC-SHA256", SecretText::made(proof.1.to_owned())))
    }
}

impl Connection<Http> for Signed {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let credential = self.credential().await?;
            self.inner.send(self.sign(request, &credential)?).await
        })
    }
}
