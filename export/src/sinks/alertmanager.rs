//! `alertmanager`: alerts to a Prometheus Alertmanager, through its API v2.
//!
//! Alertmanager knows an alert by its labels and forgets it at `endsAt`; Prometheus sends each one again and again before
//! that. We do not: an alert that is open carries an `endsAt` so far after its newest revision that the next revision comes
//! before it, and an alert that is over, or that somebody closed, carries the time of its end. So one message per revision is
//! enough, and it is the same for each attempt.
//!
//! The severity is a label, since routes need it, so the labels of an alert may change. The outbox knows under which labels it
//! is open there; only under these it is ended, when they change or when it is over. The end of what never fired would make
//! Alertmanager tell people of it, or repeat what it told.

use std::time::Duration;

use ledger::Timestamp;
use operations::alert::Alert;
use operations::fold::Outbox;
use operations::kind::delivery::SentAlert;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::delivery::text::line;
use crate::delivery::{self, Delivery, Notification, Style, fold};
use crate::judgement::{Ack, Judgement};
use crate::limits::{ALERTS_MAX, REASON_CHARS_MAX, TITLE_CHARS_MAX, VALUE_CHARS_MAX};
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::fields::time;
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "alertmanager",
    what: "Alerts to a Prometheus Alertmanager through its API v2.",
    guarantee: "Effectively once: Alertmanager knows an alert by its labels. One that has no new revision for `hold_hours` ends there.",
    class: Class::Delivery(crate::sink::delivery::<Alertmanager>),
    example: "url = \"https://alertmanager.acme.example\"\ntoken = \"env:ALERTMANAGER_TOKEN\"",
    fields: crate::sink::fields::<Alertmanager>,
    schema: crate::sink::schema::<Alertmanager>,
};

/// Requests that go at once,
const BURST: u32 = 10;
/// and the time for one more.
const INTERVAL: Duration = Duration::from_millis(200);

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Alertmanager {
    /// The address of Alertmanager, without `/api/v2`.
    url: String,
    /// A bearer token, if something in front of Alertmanager wants one.
    #[serde(default)]
    token: Option<Secret>,
    /// Hours after its newest revision at which an alert that is open ends there.
    #[schemars(range(min = 1, max = 720))]
    #[serde(default = "hold_hours")]
    hold_hours: u32,
}

fn hold_hours() -> u32 {
    24
}

/// One alert as Alertmanager takes it, and what it knows the alert by afterwards.
struct AlertEntries {
    entries: Vec<Value>,
    sent: SentAlert,
}

impl Alertmanager {
    /// What Alertmanager is told of one alert, if anything: itself, and its end under the labels that it had before.
    fn notification(&self, notification: &Notification<'_>, outbox: &Outbox) -> Option<AlertEntries> {
        let about = notification.about();
        let before = notification.told.map(|told| told.known_as.clone());
        // What was told before labels were kept, or is forgotten, is ended under those that it has now.
        let may_fire = notification.told.is_some() || outbox.may_know(notification.id);
        let before = before.flatten().or_else(|| may_fire.then(|| about.map(labels)).flatten());
        let mut entries = Vec::new();
        if let Some(over) = notification.over {
            entries.push(entry(&before?, about, over.time()));
            return Some(AlertEntries { entries, sent: SentAlert { known_as: None, ..notification.sent() } });
        }
        // What a person does that ends nothing changes nothing there; Alertmanager has silences of its own.
        let alert = notification.opened?;
        let now = labels(alert);
        let changed = before.filter(|before| *before != now);
        entries.extend(changed.map(|before| entry(&before, Some(alert), alert.recorded_last)));
        let mut open =
            entry(&now, Some(alert), alert.recorded_last.saturating_add(Duration::from_hours(self.hold_hours.into())));
        open["startsAt"] = time(alert.recorded_first);
        entries.push(open);
        Some(AlertEntries { entries, sent: SentAlert { known_as: Some(now), ..notification.sent() } })
    }
}

/// The labels of an alert, as a JSON object with sorted names.
fn labels(alert: &Alert) -> String {
    let text = |text: &str| line(text, VALUE_CHARS_MAX).text;
    let mut labels = json!({"alertname": text(&alert.rule), "alert_id": alert.id, "severity": alert.severity.as_str()});
    let who = [("team", &alert.who.team), ("user", &alert.who.user), ("workspace", &alert.who.workspace)];
    for (name, value) in who {
        // An empty label is no label.
        if let Some(value) = value.as_deref().map(text).filter(|value| !value.is_empty()) {
            labels[name] = value.into();
        }
    }
    labels.to_string()
}

/// The alert with these labels, which ends at that time. It needs no start: Alertmanager keeps the earliest that it knows.
fn entry(labels: &str, about: Option<&Alert>, ends: Timestamp) -> Value {
    let labels: Value = serde_json::from_str(labels).unwrap_or_default();
    let mut entry = json!({"labels": labels, "endsAt": time(ends)});
    if let Some(alert) = about {
        let text = |text: &str, limit| line(text, limit).text;
        let (summary, description) = (text(&alert.title, TITLE_CHARS_MAX), text(&alert.reason, REASON_CHARS_MAX));
        entry["annotations"] = json!({"summary": summary, "description": description});
    }
    entry
}

impl Settings for Alertmanager {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        if !(1..=720).contains(&self.hold_hours) {
            return Err(format!("hold_hours is {}; it must be 1 to 720", self.hold_hours));
        }
        check_url("url", &self.url)?;
        Ok(self)
    }
}

impl Sink for Alertmanager {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let url = format!("{}/api/v2/alerts", self.url.trim_end_matches('/'));
        let request = Request::post(&url, message.body.clone()).header("content-type", "application/json");
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
            408 | 500..=599 => Judgement::Uncertain { reason },
            // One bad alert spoils the whole array: its halves are tried.
            400 | 413 | 422 => Judgement::Split { reason },
            _ => Judgement::Park { reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Delivery for Alertmanager {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = delivery::before_ends(delivery::batch(records), outbox);
        let folded = fold(records, outbox, Style::Each);
        let told = folded
            .notifications
            .iter()
            .filter_map(|notification| Some((notification, self.notification(notification, outbox)?)));
        let (mut entries, mut sent, mut of) = (Vec::new(), Vec::new(), Vec::new());
        for (notification, told) in told {
            entries.extend(told.entries);
            sent.push(told.sent);
            of.extend(notification.records());
        }
        if entries.is_empty() {
            return Rendered { messages: Vec::new(), taken: records.len(), silent: folded.silent };
        }
        let mut rendered = Rendered::whole(Value::Array(entries).to_string().into_bytes(), records.len());
        of.sort_unstable();
        rendered.messages[0].alerts = sent;
        rendered.messages[0].records = of;
        rendered
    }

    fn digest_wait(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use operations::alert::{Severity, State};
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{self, START, alert_of, outbox, records_of};

    /// So many hours after the first row of a test.
    fn at_hour(hour: u64) -> Timestamp {
        Timestamp::from_unix_micros(START).saturating_add(Duration::from_hours(hour))
    }

    fn sink() -> Alertmanager {
        serde_json::from_value(json!({"url": "https://alertmanager.acme.example/"})).unwrap()
    }

    fn render(alerts: &[Alert], outbox: &Outbox) -> Vec<Value> {
        let rendered = sink().render(&records_of(alerts), outbox);
        serde_json::from_slice(&rendered.messages[0].body).unwrap()
    }

    #[test]
    fn an_open_alert_ends_long_after_its_newest_revision() {
        let alerts = render(&[alert_of(1, Severity::High)], &outbox());
        assert_eq!(alerts.len(), 1);
        assert_eq!((&alerts[0]["startsAt"], &alerts[0]["endsAt"]), (&time(at_hour(0)), &time(at_hour(24))));
        assert_eq!(alerts[0]["labels"]["alertname"], "egress.denied_post");
        assert!(alerts[0]["labels"].as_object().unwrap().values().all(|value| !value.as_str().unwrap().is_empty()));
    }

    /// An Alertmanager: the label sets that fire, and those that were ended though they did not.
    #[derive(Default)]
    struct Model {
        firing: BTreeSet<String>,
        phantoms: Vec<String>,
        /// How many label sets began to fire.
        fired: usize,
    }

    impl Model {
        /// Takes a message; an alert that ends at once or before never fires.
        fn take(&mut self, entries: &[Value], opened_after: Timestamp) {
            for entry in entries {
                let labels = entry["labels"].to_string();
                let ends = entry["endsAt"].as_str().unwrap().to_owned();
                if ends.as_str() > time(opened_after).as_str().unwrap() {
                    self.fired += usize::from(self.firing.insert(labels));
                } else if !self.firing.remove(&labels) {
                    self.phantoms.push(labels);
                }
            }
        }
    }

    /// One step in the life of an alert.
    #[derive(Debug, Clone, Copy)]
    enum Life {
        Revise(Severity),
        Rename(u8),
        Acknowledge,
        Resolve,
        Close,
    }

    fn life() -> impl Strategy<Value = Life> {
        let severity = proptest::sample::select(Severity::ALL.to_vec());
        prop_oneof![
            4 => severity.prop_map(Life::Revise),
            1 => (0u8..3).prop_map(Life::Rename),
            1 => Just(Life::Acknowledge),
            1 => Just(Life::Resolve),
            1 => Just(Life::Close),
        ]
    }

    proptest! {
        #[test]
        fn what_opens_fires_what_is_over_does_not_and_only_what_fires_is_ended(
            steps in proptest::collection::vec((life(), any::<bool>()), 1..20)
        ) {
            let (mut outbox, mut model) = (outbox(), Model::default());
            let mut alert = alert_of(1, Severity::High);
            let (mut batch, mut revision, mut over) = (Vec::new(), 0, true);
            for (number, (step, sends)) in steps.into_iter().enumerate() {
                let kept = alert.clone();
                match step {
                    Life::Revise(severity) => alert.severity = severity,
                    Life::Rename(user) => alert.who.user = Some(format!("user-{user}")),
                    Life::Acknowledge | Life::Resolve | Life::Close => {}
                }
                match step {
                    Life::Revise(_) | Life::Rename(_) | Life::Resolve => {
                        // An episode does not begin with its end.
                        if revision == 0 && matches!(step, Life::Resolve) {
                            alert = kept;
                            continue;
                        }
                        revision += 1;
                        let state = match step {
                            Life::Resolve => State::Resolved,
                            _ if revision == 1 => State::Open,
                            _ => State::Updated,
                        };
                        over = state == State::Resolved;
                        alert = Alert { revision, state, ..alert };
                        batch.push(fixtures::entry_of(&alert));
                    }
                    Life::Acknowledge | Life::Close if revision == 0 => continue,
                    Life::Acknowledge => batch.push(fixtures::step("alert.ack", &alert)),
                    Life::Close => {
                        over = true;
                        batch.push(fixtures::step("alert.close", &alert));
                    }
                }
                if sends || number % 5 == 4 {
                    deliver(&mut batch, &mut outbox, &mut model);
                }
                prop_assert!(model.phantoms.is_empty(), "{:?}", model.phantoms);
                if batch.is_empty() {
                    // However soon it ended, it fired first.
                    prop_assert!(revision == 0 || model.fired > 0);
                    prop_assert!(model.firing.len() <= 1 && (!over || model.firing.is_empty()), "{:?}", model.firing);
                }
            }
        }
    }

    /// Renders what waits, in batches, and has the model and the outbox take it.
    fn deliver(batch: &mut Vec<Value>, outbox: &mut Outbox, model: &mut Model) {
        let mut records = fixtures::alert_records(&fixtures::operations(batch));
        while !records.is_empty() {
            let rendered = sink().render(&records, outbox);
            for message in &rendered.messages {
                model.take(&serde_json::from_slice::<Vec<Value>>(&message.body).unwrap(), at_hour(1));
                fixtures::receive(outbox, &json!(message.alerts), false);
            }
            records.drain(..rendered.taken);
        }
        batch.clear();
    }

    #[test]
    fn a_new_severity_ends_the_alert_under_the_old_one_only() {
        let mut outbox = outbox();
        let worse = Alert { revision: 2, state: State::Updated, ..alert_of(1, Severity::Critical) };
        let first = sink().render(&records_of(&[alert_of(1, Severity::High)]), &outbox);
        fixtures::receive(&mut outbox, &json!(first.messages[0].alerts), false);
        let severity = |alert: &Value| alert["labels"]["severity"].as_str().unwrap().to_owned();
        let alerts = render(&[worse], &outbox);
        assert_eq!(alerts.iter().map(severity).collect::<Vec<_>>(), ["high", "critical"]);
        assert_eq!([&alerts[0]["endsAt"], &alerts[1]["endsAt"]], [&time(at_hour(0)), &time(at_hour(24))]);
        let same = Alert { revision: 2, state: State::Updated, ..alert_of(1, Severity::High) };
        assert_eq!(render(&[same], &outbox).len(), 1);
    }

    #[test]
    fn ten_thousand_are_not_folded_but_arrive_in_few_requests() {
        let alerts: Vec<Alert> = (0..3_000).map(|number| alert_of(number, Severity::Low)).collect();
        let rendered = sink().render(&records_of(&alerts), &outbox());
        assert_eq!((rendered.taken, rendered.messages.len(), rendered.messages[0].alerts.len()), (2_000, 1, 2_000));
        let judge = |status: u16| sink().judge(&Response { status, retry_after: None, body: String::new() });
        assert!(matches!(
            (judge(200), judge(400), judge(403)),
            (Judgement::Acked(_), Judgement::Split { .. }, Judgement::Park { .. })
        ));
    }
}
