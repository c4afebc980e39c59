//! `credential.long_lived`: a key that is older than it may be, that is made to live too long, or that is a person's and used by an
//! agent.

mod examples;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::second::Second;
use detect_core::spec::Spec;
use detect_core::text::{bounded, counted, sentences, times};
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::{CREDENTIALS_MAX, LISTED_WORDS_MAX};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "credential.long_lived",
    version: 1,
    what: "A row of kind `credential`: a key (`target`) that is used although its age (`amount`, in seconds) is above its own limit \
           (`amount_max`) or yours, or that was first seen so long ago; one that is created to live longer; one of a person (`rule` is \
           `person`) that an agent uses. One alert for each key.",
    why: "A key that never changes is good for whoever copied it once, and a person's key in an agent's hands gives the agent all that \
          the person may do.",
    false_positives: "Keys of machines that are changed by other means; a person who runs an agent by hand with their own key.",
    tuning: "max_age_days: how old a key may be. personal_keys: whether a person's key in an agent's hands is told. ignored_keys: ids of keys \
             that are meant so. quiet_seconds: how long an alert stays open.",
    tags: &["AML.T0012", "T1078", "T1552", "ASI03"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."credential.long_lived"]`.
    pub struct Parameters {
        /// A key may be so many days old.
        max_age_days: u32 = 90, in 1..=3_650;
        /// Whether a person's key that an agent uses is told.
        personal_keys: bool = true;
        /// Ids of keys that are never told, as the source writes them.
        ignored_keys: Vec<String> = Vec::new();
        /// An alert is resolved after this many seconds without another use.
        quiet_seconds: u32 = 86_400, in 600..=604_800;
    }
    check(parameters) {
        let keys = parameters.ignored_keys.len();
        if keys > LISTED_WORDS_MAX {
            return Err(format!("ignored_keys has {keys} keys; it may have {LISTED_WORDS_MAX}"));
        }
        Ok(())
    }
}

const DAY: i64 = 86_400;

/// The detector.
pub struct LongLived {
    parameters: Parameters,
    key: Key,
    /// Since when each key is known.
    known: Recent<Second>,
    episodes: Episodes<Old>,
}

detector_state!(LongLived { known, episodes } without { parameters, key });

impl Rule for LongLived {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            known: Recent::new(CREDENTIALS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for LongLived {
    fn looks_at(&self) -> Aspects {
        Aspects::CREDENTIAL
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(id) = event.text(column::TARGET).filter(|_| event.kind() == "credential") else { return };
        // What was refused opened nothing.
        let is_refused = matches!(event.text(column::OUTCOME), Some("deny" | "blocked" | "error"));
        if is_refused || self.parameters.ignored_keys.iter().any(|key| key == id) {
            return;
        }
        match event.text(column::ACTION) {
            Some("used") => self.used(event, id, findings),
            Some("created") => self.created(event, id, findings),
            // LiteLLM's words, whose amounts are money.
            Some("key_created" | "key_rotated") => self.begins(event, id),
            _ => {}
        }
    }
}

impl LongLived {
    fn limit(&self) -> i64 {
        i64::from(self.parameters.max_age_days) * DAY
    }

    fn named(&self, event: &EventRow<'_>, id: &str) -> u64 {
        self.key.hash(&["credential", event.text(column::SOURCE).unwrap_or(""), id])
    }

    /// Notes that a key is new, whatever had its id before.
    fn begins(&mut self, event: &EventRow<'_>, id: &str) {
        let key = self.named(event, id);
        self.known.insert(key, Second::new(event.second()));
    }

    /// When a key was created, or else when it was first seen.
    fn since(&mut self, event: &EventRow<'_>, id: &str) -> Second {
        let hash = self.named(event, id);
        self.known.get(hash).unwrap_or_else(|| {
            let now = Second::new(event.second());
            self.known.insert(hash, now);
            now
        })
    }

    fn created(&mut self, event: &EventRow<'_>, id: &str, findings: &mut Findings) {
        self.begins(event, id);
        let life = event.integer(column::AMOUNT_MAX).filter(|life| *life > self.limit());
        if let Some(life) = life {
            self.raise(event, id, Fault::Life, life, self.limit(), findings);
        }
    }

    fn used(&mut self, event: &EventRow<'_>, id: &str, findings: &mut Findings) {
        let seen = event.second() - self.since(event, id).get();
        let told = event.integer(column::AMOUNT).filter(|age| *age > 0);
        let own = event.integer(column::AMOUNT_MAX).filter(|limit| *limit > 0).unwrap_or(i64::MAX);
        let limit = own.min(self.limit());
        let age = told.unwrap_or(0).max(seen);
        if age > limit {
            self.raise(event, id, Fault::Age { seen: told.is_none_or(|told| told < seen) }, age, limit, findings);
        }
        if self.parameters.personal_keys && event.text(column::RULE) == Some("person") && is_by_agent(event) {
            self.raise(event, id, Fault::Personal, 1, 0, findings);
        }
    }

    fn raise(
        &mut self,
        event: &EventRow<'_>,
        id: &str,
        fault: Fault,
        seconds: i64,
        limit: i64,
        findings: &mut Findings,
    ) {
        let open = |many| {
            let case = Old { fault, id: if many { String::new() } else { bounded(id) }, seconds, limit };
            Opening { case, who: scope::who(event), what: What::default(), before: Before::default() }
        };
        let target = format!("{}:{id}", fault.word());
        let subject = Subject { scope: Scope::org(event), target: &target };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.seconds = case.seconds.max(seconds));
    }
}

/// Whether an agent acts, and no person.
fn is_by_agent(event: &EventRow<'_>) -> bool {
    match event.text(column::ACTOR) {
        Some(actor) => actor != "person",
        None => [column::AGENT, column::AGENT_KIND, column::SESSION].iter().any(|column| event.text(*column).is_some()),
    }
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    /// It is used and too old; `seen` says that its age is only that since it was first seen here.
    Age { seen: bool },
    /// It is made to live too long.
    Life,
    /// It is a person's, and an agent uses it.
    Personal,
}

impl Fault {
    const fn word(self) -> &'static str {
        match self {
            Self::Age { .. } => "age",
            Self::Life => "life",
            Self::Personal => "personal",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Old {
    fault: Fault,
    /// Its id; empty where it stands for further keys of an organisation that has too many.
    id: String,
    /// Its age or life.
    seconds: i64,
    /// What it may be.
    limit: i64,
}

impl Old {
    fn key(&self) -> String {
        if self.id.is_empty() { "One of many further keys".to_owned() } else { format!("Key {}", self.id) }
    }
}

fn days(seconds: i64) -> String {
    counted((seconds / DAY).unsigned_abs(), "day")
}

impl Case for Old {
    fn severity(&self, _: &Alert) -> Severity {
        match self.fault {
            Fault::Age { .. } if self.seconds > self.limit.saturating_mul(4) => Severity::Medium,
            Fault::Personal => Severity::Medium,
            Fault::Age { .. } | Fault::Life => Severity::Low,
        }
    }

    fn title(&self, _: &Alert) -> String {
        match self.fault {
            Fault::Age { .. } => "A key is older than it may be",
            Fault::Life => "A key is made that lives too long",
            Fault::Personal => "An agent uses a person's key",
        }
        .to_owned()
    }

    fn reason(&self, alert: &Alert) -> String {
        let (key, used) = (self.key(), times(alert.count));
        match self.fault {
            Fault::Age { seen } => sentences(&[
                format!(
                    "{key} was used {used} and is at least {} old; it may be {}.",
                    days(self.seconds),
                    days(self.limit)
                ),
                if seen {
                    "When it was made is not told: it has been seen here for so long.".to_owned()
                } else {
                    String::new()
                },
                "Make a new one and take this one back; look who else has used it.".to_owned(),
            ]),
            Fault::Life => format!(
                "{key} was made to be good for {}; a key may be {} old. Let it end sooner, or change it on a schedule.",
                days(self.seconds),
                days(self.limit)
            ),
            Fault::Personal => format!(
                "{key} belongs to a person, and an agent used it {used}: it may do there all that the person may, and what it does stands under the \
                 person's name. Give the agent a key of its own with the rights that it needs."
            ),
        }
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(match self.fault {
            Fault::Age { .. } => Measurement::new("age of the key", Unit::Seconds, self.seconds).against(self.limit),
            Fault::Life => Measurement::new("life of the key", Unit::Seconds, self.seconds).against(self.limit),
            Fault::Personal => Measurement::new("uses of the key", Unit::Count, alert.count),
        })
    }

    fn kind(&self) -> &'static str {
        self.fault.word()
    }
}
