//! `resource.excess`: a workspace that uses up its processor, memory or disk for long, or ran for longer than it may.

mod examples;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::second::Second;
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::{bounded, bytes, duration};
use detect_core::{detector_state, packed, parameters};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::RESOURCES_MAX;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "resource.excess",
    version: 1,
    what: "Rows of kind `resource` whose `amount` comes near its `amount_max`: the processor or the memory of a workspace for some minutes without a \
           pause, its disk at once, and a runtime above what is allowed. One alert for each of them and workspace.",
    why: "A loop, a miner or a test that never ends shows in the machine first, and a full disk stops all that runs on it, the recording \
          of its own deeds included.",
    false_positives: "Long builds, training and data analysis; memory that is only a cache of files, where the source counts it.",
    tuning: "percent: from how much on it counts. hold_seconds: how long processor and memory must stay there. disk_percent: the same of the \
             disk. quiet_seconds: how long an alert stays open.",
    tags: &["AML.T0034.002", "AML.T0029", "T1496", "T1499", "ASI08"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."resource.excess"]`.
    pub struct Parameters {
        /// Processor and memory count as used up from so many hundredths on.
        percent: u16 = 95, in 10..=100;
        /// They must stay there for so many seconds.
        hold_seconds: u32 = 1_800, in 1..=86_400;
        /// A disk counts as full from so many hundredths on.
        disk_percent: u16 = 95, in 10..=100;
        /// An alert is resolved after this many seconds without another such row.
        quiet_seconds: u32 = 3_600, in 60..=604_800;
    }
}

/// Rows that are further apart say nothing of the time between them.
const PAUSE_SECONDS: i64 = 900;

/// What is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Resource {
    Cpu,
    Memory,
    Disk,
    Runtime,
}

impl Resource {
    fn of(event: &EventRow<'_>) -> Option<Self> {
        match event.text(column::ACTION)? {
            "cpu" => Some(Self::Cpu),
            "memory" => Some(Self::Memory),
            "disk" => Some(Self::Disk),
            "runtime" => Some(Self::Runtime),
            _ => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Runtime => "runtime",
        }
    }
}

/// The detector.
pub struct ResourceExcess {
    parameters: Parameters,
    key: Key,
    /// Those that are used up now, by workspace and resource.
    used_up: Table<Excess>,
    episodes: Episodes<Use>,
}

detector_state!(ResourceExcess { used_up, episodes } without { parameters, key });

impl Rule for ResourceExcess {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            used_up: Table::new(RESOURCES_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

/// Since when a resource is used up without a pause, and when that was told last. `since` is zero where it is not.
#[derive(Debug, Default)]
struct Excess {
    since: Second,
    last: Second,
}

packed!(Excess { since, last });

impl Detector for ResourceExcess {
    fn looks_at(&self) -> Aspects {
        Aspects::RESOURCE
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let amounts = (event.integer(column::AMOUNT), event.integer(column::AMOUNT_MAX));
        let (Some(resource), (Some(amount), Some(most))) = (Resource::of(event), amounts) else { return };
        if event.kind() != "resource" || amount < 0 || most <= 0 {
            return;
        }
        // What one file system has another may lack.
        let part = event.text(column::TARGET).filter(|_| resource == Resource::Disk).unwrap_or("");
        let target = format!("{}:{part}", resource.word());
        let subject = Subject { scope: Scope::network(event), target: &target };
        let percent = i64::try_from(i128::from(amount) * 100 / i128::from(most)).unwrap_or(i64::MAX);
        let least = match resource {
            Resource::Runtime => 100,
            Resource::Disk => self.parameters.disk_percent.into(),
            Resource::Cpu | Resource::Memory => self.parameters.percent.into(),
        };
        let is_above = percent >= least && (resource != Resource::Runtime || amount > most);
        let held = match resource {
            Resource::Cpu | Resource::Memory => self.held(event, &target, is_above, findings),
            Resource::Disk | Resource::Runtime => is_above.then_some(0),
        };
        match held {
            Some(held) => {
                let hold =
                    if matches!(resource, Resource::Cpu | Resource::Memory) { self.parameters.hold_seconds } else { 0 };
                if held >= i64::from(hold) {
                    let usage = Use {
                        resource,
                        amount,
                        most,
                        percent,
                        least,
                        held,
                        name: bounded(subject.scope.shown(event)),
                        scope_kind: subject.scope.kind.to_owned(),
                        over: false,
                    };
                    self.raise(event, subject, &usage, findings);
                }
            }
            None => self.episodes.resolve(subject, findings, |case| case.over = true),
        }
    }
}

impl ResourceExcess {
    /// For how many seconds a resource has been used up without a pause; `None` if it is not.
    fn held(&mut self, event: &EventRow<'_>, target: &str, is_above: bool, findings: &mut Findings) -> Option<i64> {
        let key = Key::join(event.network(), self.key.hash(&["resource", target]));
        let now = Second::new(event.second());
        if !is_above {
            if let Some(excess) = self.used_up.get_mut(key) {
                *excess = Excess::default();
            }
            return None;
        }
        let excess = self.used_up.entry(key, event, findings);
        if excess.since == Second::default() || now.get() - excess.last.get() > PAUSE_SECONDS {
            excess.since = now;
        }
        excess.last = excess.last.max(now);
        Some(now.get() - excess.since.get())
    }

    fn raise(&mut self, event: &EventRow<'_>, subject: Subject<'_>, usage: &Use, findings: &mut Findings) {
        let open = |_| Opening {
            case: usage.clone(),
            who: scope::who(event),
            what: What::default(),
            before: Before::default(),
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.clone_from(usage));
    }
}

/// How much is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Use {
    resource: Resource,
    amount: i64,
    most: i64,
    percent: i64,
    /// From how many hundredths it is told.
    least: i64,
    /// For how many seconds without a pause.
    held: i64,
    scope_kind: String,
    name: String,
    /// Whether it is used up no more.
    over: bool,
}

/// Processor and memory that are used up for so many seconds are rated higher, and a runtime of so many hundredths.
const LONG_SECONDS: i64 = 6 * 3_600;
const LONG_PERCENT: i64 = 200;

impl Case for Use {
    fn severity(&self, _: &Alert) -> Severity {
        match self.resource {
            Resource::Cpu | Resource::Memory if self.held >= LONG_SECONDS => Severity::Medium,
            Resource::Runtime if self.percent >= LONG_PERCENT => Severity::Medium,
            Resource::Disk => Severity::Medium,
            Resource::Cpu | Resource::Memory | Resource::Runtime => Severity::Low,
        }
    }

    fn title(&self, _: &Alert) -> String {
        let what = match self.resource {
            Resource::Cpu => "processor",
            Resource::Memory => "memory",
            Resource::Disk => "disk",
            Resource::Runtime => return "A workspace ran for longer than it may".to_owned(),
        };
        format!("A workspace {} up its {what}", if self.over { "used" } else { "uses" })
    }

    fn reason(&self, _: &Alert) -> String {
        let (kind, name, percent) = (&self.scope_kind, &self.name, self.percent);
        let held = duration(self.held.saturating_mul(1_000_000));
        let size = |amount: i64| bytes(amount.unsigned_abs());
        let what = match self.resource {
            Resource::Cpu => format!(
                "The processor of {kind} {name} is used to {percent} % for {held} without a pause. Look which program takes it: a loop, a miner or a \
                 build that hangs looks the same."
            ),
            Resource::Memory => format!(
                "The memory of {kind} {name} is used to {percent} % for {held} without a pause ({} of {}). The next program that asks for more may be \
                 ended by the system.",
                size(self.amount),
                size(self.most)
            ),
            Resource::Disk => format!(
                "A disk of {kind} {name} is used to {percent} % ({} of {}). Once it is full nothing can be written there, logs included: look what \
                 grows.",
                size(self.amount),
                size(self.most)
            ),
            Resource::Runtime => format!(
                "{kind} {name} ran for {}; {} are allowed. Nothing ends it by itself: look whether anybody needs it.",
                duration(self.amount.saturating_mul(1_000)),
                duration(self.most.saturating_mul(1_000))
            ),
        };
        let end = if self.over { " Then it was used up no more." } else { "" };
        let mut text = format!("{what}{end}");
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        text
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(match self.resource {
            Resource::Runtime => {
                Measurement::new("runtime", Unit::Seconds, self.amount / 1_000).against(self.most / 1_000)
            }
            resource => {
                let what = format!("use of the {}", resource.word());
                Measurement::new(&what, Unit::Percent, self.percent).within(self.held).against(self.least)
            }
        })
    }

    fn kind(&self) -> &'static str {
        self.resource.word()
    }
}
