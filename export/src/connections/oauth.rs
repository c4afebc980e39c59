//! OAuth 2.0 below sinks: a connection that gets access tokens from where they are given out and puts one into each request.
//!
//! A token is kept until five minutes before it ends. Where a receiver answers 401 all the same it is asked for anew, once for each
//! request. Tokens stay in memory; neither they nor the secrets they are given for stand in an error or in what is shown.

mod grant;

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::http::{Http, Request, Response};
use super::{Connection, SendError, excerpt};
use crate::limits::{TOKEN_LIFE_MAX, TOKEN_MARGIN};
use operations::secret::SecretText;

pub use grant::{ClientCredentials, Grant, ServiceAccount};

/// A connection whose requests prove by a token who sends.
pub struct Authorized {
    inner: Box<dyn Connection<Http>>,
    grant: Box<dyn Grant>,
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    text: SecretText,
    /// It is not used from then on.
    until: Instant,
}

impl Authorized {
    /// The connection with tokens that are given for this grant. They are asked for over the same connection, and so under its guard.
    pub fn over(inner: Box<dyn Connection<Http>>, grant: Box<dyn Grant>) -> Box<dyn Connection<Http>> {
        Box::new(Self { inner, grant, token: Mutex::new(None) })
    }

    /// A token other than the one that was refused.
    async fn token(&self, refused: Option<&SecretText>) -> Result<SecretText, SendError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref()
            && token.until > Instant::now()
            && refused != Some(&token.text)
        {
            return Ok(token.text.clone());
        }
        // One that is asked for in vain is not used again.
        *kept = None;
        let token = self.ask().await?;
        Ok(kept.insert(token).text.clone())
    }

    async fn ask(&self) -> Result<Token, SendError> {
        let question = self.grant.request().map_err(|error| SendError::Refused(error.to_string()))?;
        let asked = Instant::now();
        let answer = self.inner.send(question).await.map_err(|error| match error {
            // Of the message nothing was sent.
            SendError::NotSent(reason) | SendError::Uncertain(reason) => {
                SendError::NotSent(format!("there is no token: {reason}"))
            }
            SendError::Refused(reason) => SendError::Refused(format!("there is no token: {reason}")),
        })?;
        let reply: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let life = reply["expires_in"].as_u64().or_else(|| reply["expires_in"].as_str()?.parse().ok());
        match (answer.status, reply["access_token"].as_str()) {
            (200..=299, Some(text)) if !text.is_empty() => {
                let life = Duration::from_secs(life.unwrap_or_default()).min(TOKEN_LIFE_MAX);
                Ok(Token { text: SecretText::made(text.to_owned()), until: asked + life.saturating_sub(TOKEN_MARGIN) })
            }
            (status, _) => {
                // The code only: what else such an answer says may repeat what it was asked with.
                let code = excerpt(reply["error"].as_str().unwrap_or("it gave no token"));
                let reason = format!("there is no token: its issuer answered {status}: {code}");
                let is_passing = matches!(status, 408 | 429 | 500..=599);
                Err(if is_passing { SendError::NotSent(reason) } else { SendError::Refused(reason) })
            }
        }
    }
}

impl Connection<Http> for Authorized {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let token = self.token(None).await?;
            let answer = self.inner.send(request.clone().authorized("Bearer", token.clone())).await?;
            if answer.status != 401 {
                return Ok(answer);
            }
            let token = self.token(Some(&token)).await?;
            self.inner.send(request.authorized("Bearer", token)).await
        })
    }
}

#[cfg(test)]
mod tests;
