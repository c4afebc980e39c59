//! `/api/v1/integrations/slack/interactions`: what people do with the buttons under a message, as Slack reports it.
//!
//! Slack shows no token: a request is believed because of its signature, which whoever knows the secrets checks. Who is not
//! believed learns nothing. An acknowledgement goes through the same service as one over the API.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{self, DefaultBodyLimit};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use operations::access::{Principal, Role};
use operations::triage::{Cause, Refused, Request, TriageService};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::alerts::{json as answer, now};
use super::{Problem, State, blocking};
use crate::limits;

/// Knows the secrets with which Slack signs, and the buttons that messages have. Both belong to whoever sends the messages.
pub trait SlackApps: Send + Sync {
    /// The app whose signature this is, by the name of its sink; `None` if it is nobody's, or too old. `now` is in seconds
    /// since 1970 UTC. It may read a file.
    fn signer(&self, timestamp: &str, body: &[u8], signature: &str, now: i64) -> Option<String>;

    /// Whether a button with this `action_id` acknowledges an alert.
    fn acknowledges(&self, action: &str) -> bool;
}

/// What the route keeps between requests. Clones share it.
#[derive(Clone, Default)]
pub struct Interactions {
    apps: Option<Arc<dyn SlackApps>>,
    done: Arc<Mutex<Done>>,
    /// Requests of which it is not yet known whose they are: anybody may send some, and each takes a thread.
    places: Places,
}

/// Places for requests that are served at once. Clones share them.
#[derive(Clone)]
struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::SLACK_REQUESTS_MAX)))
    }
}

/// Signatures whose request was carried out: a copy of one is not carried out again. The time that a signature is taken
/// bounds how long one must be remembered; a restart forgets them, and then an alert that is looked after refuses the copy.
#[derive(Default)]
struct Done {
    signatures: HashSet<String>,
    order: VecDeque<String>,
}

/// What Slack reports, as far as it is read.
#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    user: User,
    #[serde(default)]
    actions: Vec<Action>,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(default)]
    id: String,
    #[serde(default, alias = "name")]
    username: Option<String>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(default)]
    action_id: String,
    #[serde(default)]
    value: String,
}

impl Interactions {
    /// Believes these apps.
    pub fn of(apps: Arc<dyn SlackApps>) -> Self {
        Self { apps: Some(apps), ..Self::default() }
    }
}

impl Done {
    /// Whether it is new.
    fn remember(&mut self, signature: &str) -> bool {
        let is_new = self.signatures.insert(signature.to_owned());
        if is_new {
            self.order.push_back(signature.to_owned());
        }
        if self.order.len() > limits::SLACK_SIGNATURES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.signatures.remove(&oldest);
        }
        is_new
    }

    fn forget(&mut self, signature: &str) {
        self.signatures.remove(signature);
        self.order.retain(|known| known != signature);
    }
}

/// The route.
pub(super) fn interactions() -> MethodRouter<State> {
    post(interact).layer(DefaultBodyLimit::max(limits::SLACK_REQUEST_BYTES_MAX))
}

async fn interact(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), "request", rejection.body_text()))?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (timestamp, signature) = (header("x-slack-request-timestamp"), header("x-slack-signature"));
    let (interactions, service) = (state.slack.clone(), Arc::clone(&state.triage));
    if !looks_signed(&timestamp, &signature) {
        return Err(not_signed());
    }
    let Ok(place) = Arc::clone(&interactions.places.0).try_acquire_owned() else {
        let detail = "many requests are served at once; press the button again in a moment";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1));
    };
    // It reads a secret, and waits for an fsync, which blocks.
    let work = blocking(move || {
        let said = interactions.take(&service, &timestamp, &body, &signature);
        drop(place);
        said
    });
    let Ok(said) = tokio::time::timeout(limits::SLACK_ANSWER_MAX, work).await else {
        let detail = "it takes longer than Slack waits; look whether it was done before you try again";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1));
    };
    let said = said??;
    Ok(answer(&json!({ "response_type": "ephemeral", "replace_original": false, "text": said })))
}

/// Whether there may be a signature, which costs nothing to see: `v0=` and a SHA-256 in hexadecimal digits, and a second.
fn looks_signed(timestamp: &str, signature: &str) -> bool {
    let digits = signature.strip_prefix("v0=").unwrap_or_default();
    let is_hash = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash && (1..=20).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit())
}

/// Why it is not believed is told to nobody who is not believed.
fn not_signed() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "the request is not signed")
}

impl Interactions {
    /// Believes a request or not, does what it asks, and says what was done in one sentence.
    fn take(&self, service: &TriageService, timestamp: &str, body: &[u8], signature: &str) -> Result<String, Problem> {
        let second = now().unix_seconds();
        let signer = self
            .apps
            .as_ref()
            .and_then(|apps| apps.signer(timestamp, body, signature, second).map(|sink| (Arc::clone(apps), sink)));
        let Some((apps, sink)) = signer else {
            return Err(not_signed());
        };
        let payload = payload(body).ok_or_else(|| Problem::request("the body has no payload that can be read"))?;
        let mut wanted = payload.actions.iter().filter(|action| apps.acknowledges(&action.action_id));
        let (true, Some(action)) = (payload.kind == "block_actions", wanted.next()) else {
            // Slack reports every button, those that only open a page too.
            return Ok("Nothing to do.".to_owned());
        };
        let Some(name) = payload.user.name() else {
            return Err(Problem::request("the payload names no user"));
        };
        // A signature is hexadecimal digits: in capitals it is the same one. It is remembered before anything is done, so that
        // of two copies that come together one is carried out, and forgotten if nothing could be done.
        let signature = signature.to_ascii_lowercase();
        if !self.done().remember(&signature) {
            return Ok("This was done already.".to_owned());
        }
        let request = Request::Ack { alert: action.value.clone(), note: None, if_version: None };
        let said = acknowledge(service, &request, &person(name, &sink));
        if said.is_err() {
            self.done().forget(&signature);
        }
        said
    }

    fn done(&self) -> std::sync::MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Acknowledges, and says what came of it. What somebody did before is an answer, not an error.
fn acknowledge(service: &TriageService, request: &Request, person: &Principal) -> Result<String, Problem> {
    match service.act(request, person, now()) {
        Ok(done) => {
            let status = done.status.unwrap_or_default();
            if status == "acknowledged" {
                return Ok(format!("You look after {}.", done.subject));
            }
            Ok(format!("You look after {}, which is {status}.", done.subject))
        }
        Err(refused) => match refused.code().1 {
            Cause::Conflict | Cause::Unknown => Ok(format!("Nothing was changed: {refused}.")),
            Cause::Forbidden | Cause::Invalid | Cause::Ledger => Err(Refused::into(refused)),
        },
    }
}

/// Somebody who pressed a button: no token of ours, and no more rights than that takes.
fn person(name: String, sink: &str) -> Principal {
    Principal { token: format!("slack:{sink}"), name, roles: vec![Role::Analyst], content: false, ..Principal::local() }
}

impl User {
    /// `slack:` with Slack's id, which never changes, and the name that people know, as far as it is harmless.
    fn name(&self) -> Option<String> {
        let plain = |text: &str, max: usize, more: &[char]| {
            let fits = !text.is_empty() && text.len() <= max;
            fits && text.chars().all(|char| char.is_ascii_alphanumeric() || more.contains(&char))
        };
        if !plain(&self.id, limits::SLACK_USER_BYTES_MAX, &[]) {
            return None;
        }
        let known = self.username.as_deref().filter(|name| plain(name, limits::SLACK_USER_BYTES_MAX, &['.', '-', '_']));
        Some(known.map_or_else(|| format!("slack:{}", self.id), |name| format!("slack:{}/{name}", self.id)))
    }
}

/// The field `payload` of a form.
fn payload(body: &[u8]) -> Option<Payload> {
    let form = std::str::from_utf8(body).ok()?;
    let value = form.split('&').find_map(|field| field.strip_prefix("payload="))?;
    let value = value.replace('+', " ");
    serde_json::from_str(&percent_decode_str(&value).decode_utf8().ok()?).ok()
}

#[cfg(test)]
mod tests;
