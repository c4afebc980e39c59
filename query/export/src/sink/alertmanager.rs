//! `alertmanager`: alerts to a Prometheus Alertmanager, through its API v2.
//!
//! Alertmanager knows an alert by its labels and forgets it at `endsAt`; Prometheus sends each one again and again before
//! that. We do not: an alert that is open carries an `endsAt` so far after its newest revision that the next revision comes
//! before it, and an alert that is over carries the time of its end. So one message per revision is enough, and it is the
//! same for each attempt. The severity is a label, since routes need it; when it changes, the alert under the severities
//! that it does not have is ended in the same message.

use std::time::Duration;

use ledger::LedgerName;
use ledger::alert::Severity;
use ledger::fold::{Outbox, SentAlert};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::alerts::{self, Over, Story, Style, fold};
use super::text::{line, link};
use super::{BatchLimits, Message, Rendered, Sink, SinkSpec, check_url, excerpt};
use crate::config::Start;
use crate::fields::time;
use crate::http::{Answer, Request};
use crate::limits::{ALERTS_MAX, REASON_CHARS_MAX, TITLE_CHARS_MAX, VALUE_CHARS_MAX};
use crate::outcome::Outcome;
use crate::record::Record;
use crate::secret::{Secret, SecretError, SecretText};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "alertmanager",
    what: "Alerts to a Prometheus Alertmanager through its API v2.",
    guarantee: "Effectively once: Alertmanager knows an alert by its labels. One that has no new revision for `hold_hours` ends there.",
    ledgers: &[LedgerName::Operations],
    alerts_only: true,
    start: Start::Now,
    example: "url = \"https://alertmanager.acme.example\"\ntoken = \"env:ALERTMANAGER_TOKEN\"\nconsole = \"https://tachograph.acme.example\"",
    parse: super::parse::<Alertmanager>,
};

/// Requests that go at once,
const BURST: u32 = 10;
/// and the time for one more.
const INTERVAL: Duration = Duration::from_millis(200);
/// Microseconds in an hour.
const HOUR: i64 = 3_600_000_000;

/// The settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Alertmanager {
    /// The address of Alertmanager, without `/api/v2`.
    url: String,
    /// A bearer token, if something in front of Alertmanager wants one.
    #[serde(default)]
    token: Option<Secret>,
    /// The address of the console, for a link in each alert.
    #[serde(default)]
    console: Option<String>,
    /// Hours after its newest revision at which an alert that is open ends there: 1 to 720.
    #[serde(default = "hold_hours")]
    hold_hours: i64,
}

fn hold_hours() -> i64 {
    24
}

impl Alertmanager {
    /// What Alertmanager is told of one alert: itself, and its end under every severity that it does not have.
    fn story(&self, story: &Story<'_>, alerts: &mut Vec<Value>) {
        // A step of a person ends nothing there; Alertmanager has silences of its own.
        let Some(alert) = story.newest() else { return };
        let over = matches!(story.over, Some(Over::Resolved(_)));
        let text = |text: &str, limit| line(text, limit).text;
        let severities =
            Severity::ALL.into_iter().filter(|severity| *severity == alert.severity || story.told.is_some());
        for severity in severities {
            let open = severity == alert.severity && !over;
            let ends = if open { alert.recorded_last + self.hold_hours * HOUR } else { alert.recorded_last };
            let mut labels = json!({"alertname": text(&alert.rule, VALUE_CHARS_MAX), "alert_id": alert.id, "severity": severity.as_str()});
            let who = [("team", &alert.who.team), ("user", &alert.who.user), ("workspace", &alert.who.workspace)];
            for (name, value) in who {
                // An empty label is no label.
                let value =
                    value.as_deref().map(|value| text(value, VALUE_CHARS_MAX)).filter(|value| !value.is_empty());
                if let Some(value) = value {
                    labels[name] = value.into();
                }
            }
            let mut entry = json!({
                "labels": labels,
                "annotations": {"summary": text(&alert.title, TITLE_CHARS_MAX), "description": text(&alert.reason, REASON_CHARS_MAX)},
                "startsAt": time(alert.recorded_first),
                "endsAt": time(ends),
            });
            if let Some(link) = link(&alert.id, self.console.as_deref()) {
                entry["generatorURL"] = link.into();
            }
            alerts.push(entry);
        }
    }
}

impl Sink for Alertmanager {
    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = alerts::batch(records);
        let folded = fold(records, outbox, Style::Each);
        let mut alerts = Vec::new();
        folded.stories.iter().for_each(|story| self.story(story, &mut alerts));
        if alerts.is_empty() {
            return Rendered { messages: Vec::new(), taken: records.len(), silent: folded.silent };
        }
        let mut rendered = Rendered::whole(Value::Array(alerts).to_string().into_bytes(), records.len());
        let told = || folded.stories.iter().filter(|story| story.newest().is_some());
        // It ends there with the detector's end only.
        let sent = |story: &Story<'_>| {
            let over = matches!(story.over, Some(Over::Resolved(_)));
            SentAlert { over, ..story.sent() }
        };
        rendered.messages[0].alerts = told().map(sent).collect();
        rendered.messages[0].records = told().flat_map(Story::records).collect();
        rendered
    }

    fn request(&self, message: &Message, _now: i64) -> Result<Request, SecretError> {
        let url = format!("{}/api/v2/alerts", self.url.trim_end_matches('/'));
        let token = self.token.as_ref().map(Secret::read).transpose()?;
        let authorization = token.map(|token| ("authorization", "Bearer ", token));
        let headers = vec![("content-type", "application/json".to_owned())];
        Ok(Request {
            url: SecretText::public(&url),
            shown_url: url,
            headers,
            authorization,
            body: message.body.clone(),
            mail: None,
        })
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        let reason = format!("{} {}", answer.status, excerpt(&answer.body));
        match answer.status {
            200..=299 => Outcome::Acked(reason),
            429 | 503 => Outcome::Retry { after: answer.retry_after, reason },
            408 | 500..=599 => Outcome::Uncertain { reason },
            // One bad alert spoils the whole array: its halves are tried.
            400 | 413 | 422 => Outcome::Split { reason },
            _ => Outcome::Park { reason },
        }
    }

    fn check(&self) -> Result<(), String> {
        if !(1..=720).contains(&self.hold_hours) {
            return Err(format!("hold_hours is {}; it must be 1 to 720", self.hold_hours));
        }
        check_url("url", &self.url)?;
        self.console.as_deref().map_or(Ok(()), |console| check_url("console", console))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{START, alert_of, outbox, records_of, told};
    use ledger::alert::{Alert, State};

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
        assert_eq!((&alerts[0]["startsAt"], &alerts[0]["endsAt"]), (&time(START), &time(START + 24 * HOUR)));
        assert_eq!(alerts[0]["labels"]["alertname"], "egress.denied_post");
        assert!(alerts[0]["labels"].as_object().unwrap().values().all(|value| !value.as_str().unwrap().is_empty()));
    }

    #[test]
    fn a_new_severity_ends_the_alert_under_the_old_one() {
        let known = told(&[1], false);
        let worse = Alert { revision: 2, state: State::Updated, ..alert_of(1, Severity::Critical) };
        let alerts = render(&[worse], &known);
        assert_eq!(alerts.len(), 5);
        let open = |alert: &&Value| alert["endsAt"] != time(START);
        let open: Vec<&Value> = alerts.iter().filter(open).map(|alert| &alert["labels"]["severity"]).collect();
        assert_eq!(open, ["critical"]);
        let end = Alert { revision: 3, state: State::Resolved, ..alert_of(1, Severity::Critical) };
        assert!(render(&[end], &known).iter().all(|alert| alert["endsAt"] == time(START)));
    }

    #[test]
    fn ten_thousand_are_not_folded_but_arrive_in_few_requests() {
        let alerts: Vec<Alert> = (0..3_000).map(|number| alert_of(number, Severity::Low)).collect();
        let rendered = sink().render(&records_of(&alerts), &outbox());
        assert_eq!((rendered.taken, rendered.messages.len(), rendered.messages[0].alerts.len()), (2_000, 1, 2_000));
        let judge = |status: u16| sink().judge(&Answer { status, retry_after: None, body: String::new() });
        assert!(matches!(
            (judge(200), judge(400), judge(403)),
            (Outcome::Acked(_), Outcome::Split { .. }, Outcome::Park { .. })
        ));
    }
}
