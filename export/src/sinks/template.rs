//! `template`: alerts to any HTTP receiver that takes JSON, in the form that the configuration writes down: Discord, Google Chat, ntfy, a
//! ticket system of one's own. Receivers that can be told what to expect are better served by `webhook`, whose messages are signed.

mod language;

use std::time::Duration;

use ledger::Timestamp;
use operations::fold::Outbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::language::{Template, Values};
use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::delivery::content::Bounds;
use crate::delivery::{self, Delivery};
use crate::judgement::{Ack, Judgement};
use crate::limits::ALERTS_MAX;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url, post_to_secret};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "template",
    what: "Alerts to any HTTP receiver of JSON, in a form of your own (docs/destinations/template.md).",
    guarantee: "At least once; `{{ key }}` is the same in a message that arrives twice.",
    class: Class::Delivery(crate::sink::delivery::<TemplateSettings>),
    example: r#"secret_url = "env:CHAT_URL"
body = "{\"content\": \"{{ subject }}\\n{{ text }}\", \"allowed_mentions\": {\"parse\": []}}""#,
    fields: crate::sink::fields::<TemplateSettings>,
    schema: crate::sink::schema::<TemplateSettings>,
};

/// Messages that go at once,
const BURST: u32 = 5;
/// and the time for one more: what receivers of this kind take is not known, and most are chats.
const INTERVAL: Duration = Duration::from_secs(1);
/// What fits into most chats.
const BOUNDS: Bounds = Bounds { named: 10, rules: 10, ..Bounds::GENERAL };

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateSettings {
    /// The address of the receiver.
    #[serde(default)]
    url: Option<String>,
    /// The address of the receiver, if it is a secret, as those of incoming webhooks are. It is used in place of `url`.
    #[serde(default)]
    secret_url: Option<Secret>,
    /// A bearer token, if the receiver wants one.
    #[serde(default)]
    token: Option<Secret>,
    /// The body of a message: JSON with values such as `{{ title }}` inside of its strings. A value is escaped for JSON and for nothing else:
    /// what a receiver makes of Markdown or mentions in a text has to be turned off there.
    body: String,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

impl Settings for TemplateSettings {
    type Sink = Receiver;

    fn sink(self) -> Result<Receiver, String> {
        delivery::check_wait(self.digest_wait_ms)?;
        let address = match (self.url, self.secret_url) {
            (Some(url), None) => {
                check_url("url", &url)?;
                Address::Shown(url)
            }
            (None, Some(url)) => Address::Secret(url),
            _ => return Err("give either url or secret_url".to_owned()),
        };
        let (template, digest_wait) = (Template::parse(&self.body)?, Duration::from_millis(self.digest_wait_ms));
        Ok(Receiver { address, token: self.token, template, digest_wait })
    }
}

/// A receiver of JSON.
#[derive(Debug)]
pub(super) struct Receiver {
    address: Address,
    token: Option<Secret>,
    template: Template,
    digest_wait: Duration,
}

#[derive(Debug)]
enum Address {
    Shown(String),
    Secret(Secret),
}

impl Sink for Receiver {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let request = match &self.address {
            Address::Shown(url) => Request::post(url, message.body.clone()),
            Address::Secret(url) => post_to_secret(url, message.body.clone())?,
        };
        let request = request.header("content-type", "application/json");
        Ok(match &self.token {
            Some(token) => request.authorized("Bearer", token.read()?),
            None => request,
        })
    }

    fn judge(&self, answer: &Response) -> Judgement {
        let reason = answer.to_string();
        match answer.status {
            200..=299 => Judgement::Acked(Ack::new(reason)),
            429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
            400 | 413 | 422 => Judgement::Reject { index: 0, reason },
            408 | 500..=599 => Judgement::Uncertain { reason },
            // Somebody has to mend the address, the token or the receiver; a redirection is not followed.
            _ => Judgement::Park { reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Delivery for Receiver {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        delivery::texts(records, outbox, &BOUNDS, |key, content, notification| {
            self.template.render(&Values { key, content, notification })
        })
    }

    fn digest_wait(&self) -> Option<Duration> {
        Some(self.digest_wait)
    }
}

#[cfg(test)]
mod tests {
    use operations::alert::{Alert, Severity, State};
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::{alert_of, outbox, records_of, told};

    fn sink(body: &Value) -> Receiver {
        let settings = json!({"url": "https://tickets.acme.example/new", "body": body.to_string()});
        serde_json::from_value::<TemplateSettings>(settings).unwrap().sink().unwrap()
    }

    fn bodies(sink: &Receiver, alerts: &[Alert], outbox: &Outbox) -> Vec<Value> {
        let messages = sink.render(&records_of(alerts), outbox).messages;
        messages.into_iter().map(|message| serde_json::from_slice(&message.body).unwrap()).collect()
    }

    #[test]
    fn values_stand_where_the_template_says() {
        let sink = sink(
            &json!({"id": "{{ alert_id }}", "say": "{{severity}} {{ state }}: {{ title }}", "who": "{{ user }}@{{ host }}",
            "key": "{{ key }}"}),
        );
        let first = bodies(&sink, &[alert_of(1, Severity::High)], &outbox());
        let id = alert_of(1, Severity::High).id;
        let title = "Refused POST to attacker-logger.com";
        let said = json!({"id": id, "say": format!("high open: {title}"), "who": "alice@attacker-logger.com", "key": format!("{id}/r1")});
        assert_eq!(first, [said]);
        let end = Alert { revision: 2, state: State::Resolved, ..alert_of(1, Severity::High) };
        assert_eq!(bodies(&sink, &[end], &told(&[1], false))[0]["say"], format!("high resolved: {title}"));
        let storm: Vec<Alert> = (0..60).map(|number| alert_of(number, Severity::High)).collect();
        let digest = &bodies(&sink, &storm, &outbox());
        assert_eq!((digest.len(), &digest[0]["say"]), (1, &json!("high digest: [DIGEST] 60 alerts: 60 high")));
    }

    #[test]
    fn mistakes_are_named() {
        let check = |settings: Value, says: &str| {
            let error = serde_json::from_value::<TemplateSettings>(settings).unwrap().sink().err().unwrap();
            assert!(error.contains(says), "{error}");
        };
        let body = "{\"text\": \"{{ title }}\"}";
        check(json!({"body": body}), "either");
        check(json!({"body": body, "url": "https://a.example", "secret_url": "env:U"}), "either");
        check(json!({"body": body, "url": "a.example"}), "url");
        check(json!({"body": "{{ secret }}", "url": "https://a.example"}), "secret");
    }

    #[test]
    fn secrets_are_in_the_request_only_and_answers_are_judged() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(dir.path().join(name), text).unwrap();
            Secret::File(dir.path().join(name))
        };
        let mut sink = sink(&json!({"text": "{{ title }}"}));
        sink.token = Some(file("token", "hunter2"));
        sink.address = Address::Secret(file("url", "https://chat.example/hooks/hunter3"));
        let message = sink.render(&records_of(&[alert_of(1, Severity::High)]), &outbox()).messages.remove(0);
        let request = sink.payload(&message, Timestamp::EPOCH).unwrap();
        assert_eq!((request.shown_url.as_str(), request.authorization.is_some()), ("https://chat.example/****", true));
        let judge = |status: u16| sink.judge(&Response { status, retry_after: None, body: String::new() });
        assert!(matches!((judge(204), judge(429)), (Judgement::Acked(_), Judgement::Retry { .. })));
        assert!(matches!((judge(400), judge(500)), (Judgement::Reject { .. }, Judgement::Uncertain { .. })));
        assert!(matches!((judge(302), judge(410)), (Judgement::Park { .. }, Judgement::Park { .. })));
    }
}
