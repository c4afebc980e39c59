//! `teams`: alerts to a channel or a chat of Microsoft Teams, through the address of a workflow (Power Automate, "Send webhook alerts to a
//! channel"), as Adaptive Cards 1.4. Connectors of Office 365, which had addresses of another kind, are gone.
//!
//! Nothing that an alert says stands in a `TextBlock` or a `FactSet`, in which Teams reads Markdown: texts are `TextRun`s of a
//! `RichTextBlock`, which has none. What was sent cannot be changed or answered, so each message is a card of its own.

use std::time::Duration;

use ledger::Timestamp;
use operations::alert::Severity;
use operations::fold::Outbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::delivery::content::{Bounds, Content};
use crate::delivery::{self, Delivery};
use crate::judgement::{Ack, Judgement};
use crate::limits::ALERTS_MAX;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, post_to_secret};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "teams",
    what: "Alerts to Microsoft Teams as Adaptive Cards, through the address of a workflow (docs/destinations/teams.md).",
    guarantee: "At least once; a card can arrive twice after a cut connection. A workflow answers before it posts, and belongs to a \
                person: run `tachograph sinks test` every month, and see whether the card is there.",
    class: Class::Delivery(crate::sink::delivery::<Teams>),
    example: "workflow = \"env:TEAMS_WORKFLOW\"",
    fields: crate::sink::fields::<Teams>,
    schema: crate::sink::schema::<Teams>,
};

/// Teams takes four requests in a second.
const BURST: u32 = 4;
/// A workflow is slowed down long before that.
const INTERVAL: Duration = Duration::from_secs(1);
/// The most bytes of a message: Teams takes about 28 KB.
const BODY_BYTES_MAX: usize = 27 << 10;
/// What fits into that however many bytes a character has.
const BOUNDS: Bounds = Bounds { title: 150, reason: 900, value: 120, named: 8, rules: 8 };
/// Characters of a value with what stands around it.
const FACT_CHARS_MAX: usize = 240;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Teams {
    /// The address of the workflow. It is a reference, since the address is the secret.
    workflow: Secret,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

/// A message with one card. Facts that do not fit are left out, the last ones first.
fn message(content: &Content) -> Vec<u8> {
    let mut facts: Vec<(&str, String)> = content.facts(FACT_CHARS_MAX).collect();
    loop {
        let body = card(content, &facts).to_string().into_bytes();
        if body.len() <= BODY_BYTES_MAX || facts.pop().is_none() {
            return body;
        }
    }
}

fn card(content: &Content, facts: &[(&str, String)]) -> Value {
    let subject = json!({"type": "TextRun", "text": inert(&content.subject), "size": "large", "weight": "bolder"});
    let mut body =
        vec![json!({"type": "Container", "style": style(content), "bleed": true, "items": [rich(&[subject])]})];
    if !content.lead.trim().is_empty() {
        body.push(rich(&[json!({"type": "TextRun", "text": inert(&content.lead)})]));
    }
    for (name, value) in facts {
        let name = json!({"type": "TextRun", "text": format!("{name}: "), "weight": "bolder"});
        let mut block = rich(&[name, json!({"type": "TextRun", "text": inert(value)})]);
        block["spacing"] = "small".into();
        body.push(block);
    }
    let card = json!({"type": "AdaptiveCard", "version": "1.4", "msteams": {"width": "Full"}, "body": body});
    let attachment =
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card});
    json!({"type": "message", "attachments": [attachment]})
}

fn rich(runs: &[Value]) -> Value {
    json!({"type": "RichTextBlock", "inlines": runs})
}

/// A text in which Teams computes no dates: `{{DATE(…)}}` and `{{TIME(…)}}` are replaced in every text of a card.
fn inert(text: &str) -> String {
    text.replace("{{", "{ {")
}

fn style(content: &Content) -> &'static str {
    match content.severity {
        _ if content.is_over() => "good",
        Severity::Critical | Severity::High => "attention",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "emphasis",
    }
}

impl Settings for Teams {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        delivery::check_wait(self.digest_wait_ms)?;
        Ok(self)
    }
}

impl Sink for Teams {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        Ok(post_to_secret(&self.workflow, message.body.clone())?.header("content-type", "application/json"))
    }

    fn judge(&self, answer: &Response) -> Judgement {
        let reason = answer.to_string();
        match answer.status {
            200..=299 => Judgement::Acked(Ack::new(reason)),
            429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
            408 | 500..=599 => Judgement::Uncertain { reason },
            400 | 413 | 422 => Judgement::Reject { index: 0, reason },
            // The workflow is gone or turned off, or its address was made anew; the alerts wait until somebody mends it.
            _ => Judgement::Park { reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Delivery for Teams {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        delivery::texts(records, outbox, &BOUNDS, |_, content, _| message(content))
    }

    fn digest_wait(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.digest_wait_ms))
    }
}

#[cfg(test)]
mod tests {
    use operations::alert::{Alert, State};

    use super::*;
    use crate::fixtures::{alert_of, outbox, records_of, told};

    fn sink() -> Teams {
        serde_json::from_value(json!({"workflow": "env:T"})).unwrap()
    }

    fn cards(alerts: &[Alert], outbox: &Outbox) -> Vec<Value> {
        let messages = sink().render(&records_of(alerts), outbox).messages;
        let card = |message: Message| -> Value { serde_json::from_slice::<Value>(&message.body).unwrap() };
        messages.into_iter().map(|message| card(message)["attachments"][0]["content"].clone()).collect()
    }

    #[test]
    fn an_alert_and_its_end_are_two_cards() {
        let card = &cards(&[alert_of(1, Severity::High)], &outbox())[0];
        let head = &card["body"][0];
        assert_eq!((&head["style"], &card["version"]), (&json!("attention"), &json!("1.4")));
        assert_eq!(head["items"][0]["inlines"][0]["text"], "[HIGH][OPEN] Refused POST to attacker-logger.com");
        let end = Alert { revision: 2, state: State::Resolved, ..alert_of(1, Severity::High) };
        let card = &cards(&[end], &told(&[1], false))[0];
        let head = &card["body"][0];
        assert_eq!(head["items"][0]["inlines"][0]["text"], "[HIGH][RESOLVED] Refused POST to attacker-logger.com");
        assert_eq!(head["style"], "good");
    }

    #[test]
    fn numbers_that_are_brought_up_to_date_are_no_card_and_a_storm_is_few() {
        let more =
            Alert { revision: 2, state: State::Updated, count: 9, follows: Some(1), ..alert_of(1, Severity::High) };
        assert!(cards(&[more], &told(&[1], false)).is_empty());
        let storm: Vec<Alert> = (0..2_000).map(|number| alert_of(number, Severity::ALL[number as usize % 5])).collect();
        let cards = cards(&storm, &outbox());
        assert_eq!(cards.len(), 6);
        let digest = &cards[5]["body"][0]["items"][0]["inlines"][0]["text"];
        assert!(digest.as_str().unwrap().starts_with("[DIGEST] 1995 alerts: 395 critical"), "{digest}");
    }

    #[test]
    fn the_address_is_a_secret_and_no_text_is_markdown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("workflow");
        std::fs::write(&path, "https://prod-1.logic.example:443/workflows/1/triggers/manual/run?sig=hunter2\n")
            .unwrap();
        let settings = json!({"workflow": format!("file:{}", path.display())});
        let sink: Teams = serde_json::from_value(settings).unwrap();
        let evil =
            Alert { title: "[a](https://b) **c** {{DATE(2017-02-14T06:00:00Z)}}".into(), ..alert_of(1, Severity::Low) };
        let message = sink.render(&records_of(&[evil]), &outbox()).messages.remove(0);
        let request = sink.payload(&message, Timestamp::EPOCH).unwrap();
        assert_eq!(request.shown_url, "https://prod-1.logic.example/****");
        let text = String::from_utf8(message.body).unwrap();
        assert!(!text.contains("\"TextBlock\"") && !text.contains("FactSet") && !text.contains("{{DATE"));
        std::fs::write(&path, "hunter2").unwrap();
        let error = sink.payload(&Message::default(), Timestamp::EPOCH).err().unwrap().to_string();
        assert!(error.contains("webhook") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn answers_are_judged() {
        let judge = |status: u16| {
            sink().judge(&Response { status, retry_after: Some(Duration::from_secs(9)), body: String::new() })
        };
        assert!(matches!((judge(200), judge(202)), (Judgement::Acked(_), Judgement::Acked(_))));
        assert!(matches!(judge(429), Judgement::Retry { after: Some(_), .. }));
        assert!(matches!((judge(400), judge(413)), (Judgement::Reject { .. }, Judgement::Reject { .. })));
        assert!(matches!((judge(502), judge(504)), (Judgement::Uncertain { .. }, Judgement::Uncertain { .. })));
        assert!(matches!((judge(401), judge(404)), (Judgement::Park { .. }, Judgement::Park { .. })));
    }
}
