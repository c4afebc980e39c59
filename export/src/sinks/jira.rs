//! `jira`: alerts as issues of Jira Cloud, through its REST API v3.
//!
//! An alert opens an issue with a label of its own; what happens to it later is a comment, and its end a transition. Jira takes no key by
//! which it would fold a repetition, so an issue whose creation is not certain is looked for by its label first. What Jira calls the issue
//! comes from the outbox, which is read from the ledger; so an end is told in a later batch than the beginning.

mod document;

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ledger::Timestamp;
use operations::fold::Outbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::capabilities::{Capabilities, Reconcile, Reconciled};
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::delivery::content::{Bounds, Content, DIGEST_OVER, happened};
use crate::delivery::text::{line, word};
use crate::delivery::{self, Delivery, Notification, Style, fold};
use crate::judgement::{Ack, Judgement};
use crate::limits::ALERTS_MAX;
use crate::message::{BatchLimits, Message, MessageKind, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "jira",
    what: "Alerts as issues of Jira Cloud: created with a label, commented on, and moved to the end of the workflow (docs/destinations/jira.md).",
    guarantee: "At least once. An issue whose creation is not certain is looked for by its label before it is created again; Jira's search \
                may miss an issue of the last seconds. A comment can stand there twice after a cut connection. If Jira refuses a transition, \
                somebody has to close the issue there: an error in the log and the metric tachograph_export_ends_refused say so.",
    class: Class::Delivery(crate::sink::delivery::<Jira>),
    example: "url = \"https://jira.acme.example\"\nuser = \"tachograph@acme.example\"\ntoken = \"env:JIRA_TOKEN\"\nproject = \"SEC\"\ndone_transition = \"31\"",
    fields: crate::sink::fields::<Jira>,
    schema: crate::sink::schema::<Jira>,
};

/// Requests that go at once,
const BURST: u32 = 10;
/// and the time for one more.
const INTERVAL: Duration = Duration::from_millis(500);
/// Jira's bounds: characters of a summary,
const SUMMARY_CHARS_MAX: usize = 255;
/// and bytes of a label.
const LABEL_BYTES_MAX: usize = 200;
/// What stays below the 32,767 characters that a text may have, with what the format adds.
const BOUNDS: Bounds = Bounds { title: 200, reason: 2_000, value: 200, named: 20, rules: 10 };

/// The sink's word for a message that creates an issue,
const CREATE: &str = "create";
/// for one that says something about it,
const COMMENT: &str = "comment";
/// and for one that moves it.
const MOVE: &str = "move";

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Jira {
    /// The address of the site, without `/rest`.
    url: String,
    /// The mail address of the account to which the token belongs; without it the token is sent as a bearer token.
    #[serde(default)]
    user: Option<String>,
    /// The API token.
    token: Secret,
    /// The key of the project in which issues are created.
    project: String,
    /// The type of the issues, by its name in the project.
    #[serde(default = "issue_type")]
    issue_type: String,
    /// The id of the transition with which an issue is moved when its alert is over; without it there is a comment only.
    #[serde(default)]
    done_transition: Option<String>,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

fn issue_type() -> String {
    "Task".to_owned()
}

impl Jira {
    fn create(&self, content: &Content, message: Message) -> Message {
        let label = label(&message.key);
        let labels = ["tachograph".to_owned(), format!("severity-{}", content.severity.as_str()), label];
        let fields = json!({
            "project": {"key": self.project},
            "issuetype": {"name": self.issue_type},
            "summary": line(&content.subject, SUMMARY_CHARS_MAX).text,
            "description": document::of(content),
            "labels": labels,
        });
        let body = json!({"fields": fields}).to_string().into_bytes();
        Message { to: CREATE, path: "/rest/api/3/issue".to_owned(), body, ..message }
    }

    /// What a message says that does not create an issue.
    fn comment(issue: &str, said: &Value, message: Message) -> Message {
        let body = json!({"body": said}).to_string().into_bytes();
        Message { to: COMMENT, path: format!("/rest/api/3/issue/{issue}/comment"), body, ..message }
    }

    /// The message that moves an issue to its end, if the configuration says how.
    fn done(&self, issue: &str, name: &str) -> Option<Message> {
        let transition = self.done_transition.as_ref()?;
        let body = json!({"transition": {"id": transition}}).to_string().into_bytes();
        let (key, path) = (format!("{name}/done"), format!("/rest/api/3/issue/{issue}/transitions"));
        Some(Message { kind: MessageKind::End, key, to: MOVE, path, body, ..Message::default() })
    }

    /// What happened to one alert. An end without a known issue is told to nobody: there is none that could be closed.
    fn tell(&self, notification: &Notification<'_>, rendered: &mut Rendered) {
        let messages = &mut rendered.messages;
        match notification.handle().filter(|handle| is_issue(handle)) {
            None if notification.over.is_some() => rendered.silent.push(notification.sent()),
            None if notification.opened.is_some() => {
                let content = BOUNDS.notification(notification);
                messages.push(self.create(&content, notification.message(CREATE, Vec::new())));
            }
            // Somebody looks after what was never told here.
            None => {}
            // A comment for each number that changes would bury what people write.
            Some(_) if notification.is_quiet() => {}
            Some(issue) => {
                let said = match notification.opened {
                    Some(_) if notification.over.is_none() => document::of(&with_subject(notification)),
                    _ => document::sentence(&happened(notification)),
                };
                let message = notification.message(COMMENT, Vec::new());
                let done = notification.over.and_then(|_| self.done(issue, &message.key));
                messages.push(Self::comment(issue, &said, message));
                messages.extend(done);
            }
        }
    }

    /// That a digest or a thread is over.
    fn end(&self, name: &str, issue: Option<&str>, said: &str, messages: &mut Vec<Message>) {
        let Some(issue) = issue.filter(|issue| is_issue(issue)) else { return };
        let message = Message::end_of(name, COMMENT, Vec::new());
        let done = self.done(issue, &message.key);
        messages.push(Self::comment(issue, &document::sentence(said), message));
        messages.extend(done);
    }
}

/// An issue's description has its subject above it; a comment has not.
fn with_subject(notification: &Notification<'_>) -> Content {
    let content = BOUNDS.notification(notification);
    let lead = format!("{} {}", content.subject, content.lead);
    Content { lead, ..content }
}

/// The label by which the issue of a message is found.
fn label(key: &str) -> String {
    word(&format!("tachograph-{key}"), LABEL_BYTES_MAX)
}

/// Whether a text can be the key of an issue, such as `SEC-123`. It becomes part of an address.
fn is_issue(key: &str) -> bool {
    key.len() <= 64
        && key.split_once('-').is_some_and(|(project, number)| {
            is_project(project) && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
        })
}

fn is_project(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

impl Settings for Jira {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        delivery::check_wait(self.digest_wait_ms)?;
        check_url("url", &self.url)?;
        if !is_project(&self.project) || self.project.len() > 32 {
            return Err("project must be the key of a project, such as SEC".to_owned());
        }
        if self.issue_type.trim().is_empty() || self.issue_type.len() > SUMMARY_CHARS_MAX {
            return Err("issue_type must be the name of a type of issue, such as Task".to_owned());
        }
        let is_id = |id: &String| (1..=16).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
        if !self.done_transition.as_ref().is_none_or(is_id) {
            return Err("done_transition must be the number of a transition, such as \"31\"".to_owned());
        }
        if self.user.as_deref().is_some_and(|user| user.is_empty() || user.contains(':')) {
            return Err("user must be a mail address".to_owned());
        }
        Ok(self)
    }
}

impl Jira {
    fn request(&self, path: &str, body: Vec<u8>) -> Result<Request, SecretError> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let request = Request::post(&url, body).header("content-type", "application/json");
        let (request, token) = (request.header("accept", "application/json"), self.token.read()?);
        Ok(match &self.user {
            Some(user) => {
                request.authorized("Basic", token.map(|token| BASE64_STANDARD.encode(format!("{user}:{token}"))))
            }
            None => request.authorized("Bearer", token),
        })
    }
}

impl Sink for Jira {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        self.request(&message.path, message.body.clone())
    }

    fn judge(&self, answer: &Response) -> Judgement {
        let (reason, said) = (answer.to_string(), said(answer));
        match answer.status {
            200..=299 => {
                let key = said["key"].as_str().filter(|key| is_issue(key));
                Judgement::Acked(Ack { handle: key.map(ToOwned::to_owned), ..Ack::new(reason) })
            }
            429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
            408 | 500..=599 => Judgement::Uncertain { reason },
            // The configuration names what is not there; that holds for every issue.
            400 if said["errors"]["project"].is_string() || said["errors"]["issuetype"].is_string() => {
                Judgement::Park { reason }
            }
            400 | 413 | 422 => Judgement::Reject { index: 0, reason },
            // Somebody deleted the issue.
            404 if answer.body.contains("Issue does not exist") => Judgement::Reject { index: 0, reason },
            _ => Judgement::Park { reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities { reconcile: Some(self), ..Capabilities::default() }
    }
}

/// The answer's fields, if it has any.
fn said(answer: &Response) -> Value {
    serde_json::from_str(&answer.body).unwrap_or(Value::Null)
}

impl Reconcile<Http> for Jira {
    /// A transition that is repeated is refused by Jira and changes nothing, and comments cannot be searched for.
    fn question(&self, message: &Message, _now: Timestamp) -> Option<Result<Request, SecretError>> {
        let jql = format!("labels = \"{}\"", label(&message.key));
        let question = || json!({"jql": jql, "maxResults": 1, "fields": ["summary"]}).to_string().into_bytes();
        (message.to == CREATE).then(|| self.request("/rest/api/3/search/jql", question()))
    }

    fn reconciled(&self, _message: &Message, answer: &Response) -> Reconciled {
        let found = said(answer);
        match (answer.status, found["issues"].as_array()) {
            (200..=299, Some(issues)) => match issues.first().and_then(|issue| issue["key"].as_str()) {
                Some(key) if is_issue(key) => Reconciled::Has(Some(key.to_owned())),
                _ => Reconciled::HasNot,
            },
            // An account that may create and not look: an issue can then be there twice, and never gets lost.
            (403, _) => Reconciled::HasNot,
            _ => match self.judge(answer) {
                Judgement::Reject { reason, .. } => Reconciled::Unknown(Judgement::Park { reason }),
                Judgement::Acked(_) => Reconciled::Unknown(Judgement::Uncertain { reason: answer.to_string() }),
                other => Reconciled::Unknown(other),
            },
        }
    }
}

impl Delivery for Jira {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = delivery::before_ends(delivery::batch(records), outbox);
        let folded = fold(records, outbox, Style::Incidents);
        let mut rendered = Rendered { messages: Vec::new(), taken: records.len(), silent: folded.silent };
        folded.notifications.iter().for_each(|notification| self.tell(notification, &mut rendered));
        let messages = &mut rendered.messages;
        if let Some(digest) = &folded.digest {
            messages.push(self.create(&BOUNDS.digest(digest), digest.message(CREATE, Vec::new())));
        }
        for key in &folded.ended {
            self.end(key, outbox.digest_handle(key), DIGEST_OVER, messages);
        }
        for subject in &folded.deserted {
            let issue = outbox.thread(subject).and_then(|thread| thread.handle.as_deref());
            self.end(subject, issue, "All alerts of the thread are over.", messages);
        }
        rendered
    }

    fn digest_wait(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.digest_wait_ms))
    }
}

#[cfg(test)]
mod tests;
