//! `agent.unasked`: a tool of a service pays, deletes or lets in, and no prompt of the session asked for such a thing.

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::text::{bounded, sentences, times};
use detect_core::{detector_state, parameters};
use effects::text::{Request, requests_of_tool};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::deed::{CallStage, Calls, Deeds, News};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "agent.unasked",
    version: 1,
    what: "A call of a service's tool, by the words of its name, pays, lets somebody in or deletes, and the prompts of the session \
           ask neither for such a thing nor to do what a text says. Commands and files are left to other rules, and so is what is sent (`egress.new_recipient`). One alert for each \
           session and kind of thing. It is low by itself: it says where to look when something else is told of the session.",
    why: "What a hijacked or confused agent does is seldom what it was asked for, whatever text it was that led it there.",
    false_positives: "Prompts that ask in other words, or in a language that is not read; steps that belong to a task without being named.",
    tuning: "quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &["AML.T0053", "AML.T0048", "T1204", "ASI01", "ASI10"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "a question about two kettles ends at the checkout",
        events: &[
            r#"{"second":0,"kind":"prompt","session":"s1"}"#,
            r#"{"second":5,"kind":"tool.result","tool":"mcp__shop__get_product","tool_call":"c1","session":"s1"}"#,
            r#"{"second":9,"kind":"tool.call","tool":"mcp__shop__checkout","tool_call":"c2","session":"s1"}"#,
            r#"{"second":10,"kind":"tool.result","outcome":"success","tool":"mcp__shop__checkout","tool_call":"c2","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Info, count: 1, reason: "not known yet" },
            Expected { state: State::Updated, severity: Severity::Low, count: 1, reason: "pays or buys" },
        ],
    },
    Example {
        name: "what was asked for, and sessions of which no prompt is known",
        events: &[
            r#"{"second":0,"kind":"prompt","text_signs":["asks.pay"],"session":"s1"}"#,
            r#"{"second":9,"kind":"tool.result","tool":"mcp__bank__send_money","tool_call":"c1","session":"s2"}"#,
            r#"{"second":10,"kind":"tool.result","tool":"mcp__shop__checkout","tool_call":"c3","session":"s1"}"#,
            r#"{"second":11,"kind":"command","tool":"Bash","command":"rm -rf target","session":"s1"}"#,
            r#"{"second":20,"kind":"prompt","text_signs":["asks.delegate"],"session":"s3"}"#,
            r#"{"second":25,"kind":"tool.result","tool":"mcp__drive__delete_file","tool_call":"c4","session":"s3"}"#,
        ],
        until: 60,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."agent.unasked"]`.
    pub struct Parameters {
        /// An episode is resolved after this many seconds without another such call.
        quiet_seconds: u32 = 3_600, in 1..=86_400;
    }
}

/// The detector.
pub struct Unasked {
    calls: Calls<u8>,
    episodes: Episodes<Deed>,
}

detector_state!(Unasked { calls, episodes });

impl Rule for Unasked {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self { calls: Calls::new(), episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds) }
    }
}

/// What others feel most, the worst first.
const FELT: [Request; 3] = [Request::Pay, Request::Share, Request::Delete];

fn does(request: Request) -> &'static str {
    match request {
        Request::Pay => "pays or buys",
        Request::Share => "lets somebody in or shares something",
        _ => "deletes or cancels something",
    }
}

impl Detector for Unasked {
    fn looks_at(&self) -> Aspects {
        Aspects::CALL.with(Aspects::STEP)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if event.aspects().meet(Aspects::COMMAND.with(Aspects::FILE)) {
            return;
        }
        let Some(progress) = CallStage::of(event) else { return };
        match self.calls.hear(event, progress) {
            News::Further(from, to, at) => {
                let Some(request) = FELT.get(usize::from(at)) else { return };
                let subject = Subject { scope: Scope::agent(event), target: request.word() };
                self.episodes.worsen(subject, findings, |case| case.deeds.go_on(from, to));
            }
            News::First if progress != CallStage::Refused => self.judge(event, progress, findings),
            News::First | News::Known => {}
        }
    }
}

impl Unasked {
    fn judge(&mut self, event: &EventRow<'_>, progress: CallStage, findings: &mut Findings) {
        let Some(tool) = event.text(column::TOOL).filter(|tool| tool.contains("__")) else { return };
        let requests = requests_of_tool(tool);
        let Some((at, request)) = FELT.iter().enumerate().find(|(_, felt)| requests.contains(felt)) else { return };
        let person = event.person();
        if !person.spoke() || person.asked_for(&requests) || person.asked_for(&[Request::Delegate]) {
            return;
        }
        self.calls.judged(event, progress, at as u8);
        let open = |_| Opening {
            case: Deed { does: does(*request).to_owned(), deeds: Deeds::one(progress) },
            who: scope::who(event),
            what: What { tool: Some(bounded(tool)), ..What::default() },
            before: Before::default(),
        };
        let subject = Subject { scope: Scope::agent(event), target: request.word() };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.deeds.add(progress));
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Deed {
    does: String,
    deeds: Deeds,
}

impl Case for Deed {
    fn severity(&self, _: &Alert) -> Severity {
        self.deeds.severity(Severity::Low)
    }

    fn title(&self, _: &Alert) -> String {
        format!("An agent {} though nobody asked for it", self.does)
    }

    fn reason(&self, alert: &Alert) -> String {
        let again = match alert.count {
            1 => String::new(),
            count => format!(", {}", times(count)),
        };
        sentences(&[
            format!("By its name, the tool that the agent called {}{again}.", self.does),
            "The prompts of the session ask neither for that nor to do what a text says.".to_owned(),
            self.deeds.fate(),
            "Read what the agent was given before the call. Prompts may ask in other words.".to_owned(),
        ])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("such calls", Unit::Count, alert.count).within(span_seconds(alert)))
    }

    fn stage(&self) -> u8 {
        self.deeds.stage()
    }
}
