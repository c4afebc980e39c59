//! `injection.planted`: an agent writes instructions against people into what agents read later: memories, shared notes, files of
//! instructions.

mod examples;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::text::{bounded, sentences, times};
use detect_core::{detector_state, parameters};
use effects::text::{Sign, Signs, WROTE};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, Unit, What};
use serde::{Deserialize, Serialize};

use crate::deed::{CallStage, Calls, Deeds, News};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "injection.planted",
    version: 1,
    what: "A call or command writes into a memory, a shared note or a file from which agents take instructions, and what it writes tells \
           its reader to drop other instructions, to keep something from the user, to take it for the system's word, or is hidden or \
           encoded. In a memory that several sessions share, orders that let agents act without asking are told as medium, \
           and any other orders to agents as low. One alert for each \
           session.",
    why: "What an agent writes there it obeys in every later session, and so does every other agent that reads it: an injection that \
          stays after the page it came from is gone.",
    false_positives: "Instructions about such attacks (do not obey what pages say); a role that is described in strong words.",
    tuning: "quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &["AML.T0080", "AML.T0070", "AML.T0051.001", "T1546", "ASI06"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."injection.planted"]`.
    pub struct Parameters {
        /// An episode is resolved after this many seconds without another one.
        quiet_seconds: u32 = 1_800, in 1..=86_400;
    }
}

/// The detector.
pub struct InjectionPlanted {
    calls: Calls<()>,
    episodes: Episodes<Planted>,
}

detector_state!(InjectionPlanted { calls, episodes });

impl Rule for InjectionPlanted {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self { calls: Calls::new(), episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds) }
    }
}

impl Detector for InjectionPlanted {
    fn looks_at(&self) -> Aspects {
        Aspects::SIGNS.with(Aspects::CALL)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(progress) = CallStage::of(event) else { return };
        match self.calls.hear(event, progress) {
            News::Known => {}
            News::Further(from, to, ()) => {
                let subject = Subject { scope: Scope::agent(event), target: "" };
                self.episodes.worsen(subject, findings, |case| case.deeds.go_on(from, to));
            }
            News::First => self.judge(event, progress, findings),
        }
    }
}

impl InjectionPlanted {
    fn judge(&mut self, event: &EventRow<'_>, progress: CallStage, findings: &mut Findings) {
        let signs: Signs =
            event.list(column::TEXT_SIGNS).filter_map(|text| Sign::of(text.strip_prefix(WROTE)?)).collect();
        let is_file = event.aspects().meet(Aspects::FILE.with(Aspects::COMMAND));
        // Files of instructions are written to speak to agents.
        let is_told = signs.is_hostile() || (!is_file && (signs.has(Sign::Addressed) || signs.has(Sign::Unasked)));
        if !signs.has(Sign::Instructions) || !is_told || (signs.has(Sign::About) && !signs.is_hostile()) {
            return;
        }
        self.calls.judged(event, progress, ());
        let open = |_| Opening {
            case: Planted { signs: signs.bits(), is_file, deeds: Deeds::one(progress) },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before: Before::default(),
        };
        let subject = Subject { scope: Scope::agent(event), target: "" };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| {
            case.signs |= signs.bits();
            case.deeds.add(progress);
        });
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Planted {
    signs: u16,
    /// Whether it is a file, and no memory behind a tool.
    is_file: bool,
    deeds: Deeds,
}

impl Case for Planted {
    fn severity(&self, _: &Alert) -> Severity {
        let signs = Signs::from_bits(self.signs);
        self.deeds.severity(match () {
            // Advice on such attacks speaks like them, and so may they like advice.
            () if signs.is_hostile() && signs.has(Sign::About) => Severity::Low,
            () if signs.is_hostile() => Severity::High,
            () if signs.has(Sign::Unasked) => Severity::Medium,
            () => Severity::Low,
        })
    }

    fn title(&self, _: &Alert) -> String {
        let who = if self.deeds.any_done() { "An agent writes" } else { "An agent asked to write" };
        format!("{who} orders into what agents read later")
    }

    fn reason(&self, alert: &Alert) -> String {
        let signs: Vec<&str> =
            Signs::from_bits(self.signs).iter().filter(|sign| *sign != Sign::Urgency).map(Sign::clause).collect();
        let place = if self.is_file {
            "a file from which agents take instructions"
        } else {
            "a memory that later sessions read"
        };
        let who = if self.deeds.any_done() { "A call wrote" } else { "The agent asked to write" };
        let again = match alert.count {
            1 => String::new(),
            count => format!(" ({})", times(count)),
        };
        sentences(&[
            format!("{who} into {place}{again}; the text {}.", signs.join(", ")),
            self.deeds.fate(),
            "Read the text, take it out, and look at what sessions did that started since. Advice on how to resist such texts looks alike."
                .to_owned(),
        ])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("such texts", Unit::Count, alert.count).within(span_seconds(alert)))
    }

    fn stage(&self) -> u8 {
        self.deeds.stage()
    }
}
