//! `command.risky`: commands and calls that destroy, let somebody in, stay, take privileges, leave the sandbox, send secrets away or run
//! what they just fetched. What they do, `effects` says; here is decided what of it is told.

mod looks;
#[cfg(test)]
mod table;
mod told;

use std::borrow::Cow;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::table::Table;
use detect_core::text::{bounded, duration, sentences, times};
use detect_core::{detector_state, packed, parameters};
use effects::effect::{self, Effect, EffectKind};
use effects::file::paths;
use effects::written;
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::deed::{CallStage, Calls, Deeds, News};
use crate::limits::{AGENTS_MAX, MADE_MAX, PROGRAMS_MAX};
use looks::Looks;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "command.risky",
    version: 5,
    what: "A command or call of a tool that destroys what cannot be brought back (roots, homes and system folders, disks, databases, \
           infrastructure, remote history), throws work away that is nowhere else, sends secrets to a host, lets somebody in from \
           outside (shells for the network, tunnels), makes something start by itself, changes accounts or lasting rights, takes traces \
           or protections away, searches networks, uses up the machine, shows signs of leaving the container or asks the cloud for \
           credentials, runs code that it just fetched or decoded, takes privileges, or looks around on the machine in several ways \
           within some minutes. Judged is what it does, however it is written: quotes, variables of the line, wrappers \
           (`sh -c`, `sudo`, `xargs`, `find -exec`, `docker exec`, `ssh`), here-documents, programs of Python and JavaScript, and the \
           arguments of MCP tools are looked through. Programs that are written into files are read, too: one step less bad, until the \
           session runs them. What was asked for, what was refused and what ran is told apart, and is one step \
           less bad until it runs, and so is what is no more than medium and was asked for by the person's prompts in general words. \
           One look at the accounts, privileges or histories of the machine is low. One episode for each kind of effect and session.",
    why: "These are the commands after which an incident is worked on from backups, or on a host instead of in a sandbox.",
    false_positives: "Installing packages with sudo in a throw-away workspace; resetting the database or volumes of a development \
                      machine; installers that are meant to be piped into a shell; a service or schedule that the task is about; looking around to mend \
                      the environment. Build folders, temporary files, rehearsals \
                      (`--dry-run`), text in quotes, databases of tests, and what the session itself has just made are not told.",
    tuning: "privilege: whether taking privileges is told at all; turn it off where agents are root in their sandbox. \
             looks: in how many ways it must look around within looks_seconds. \
             quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &[
        "AML.T0050",
        "AML.T0086",
        "AML.T0101",
        "AML.T0105",
        "T1046",
        "T1048",
        "T1053",
        "T1059",
        "T1070",
        "T1087",
        "T1098",
        "T1105",
        "T1485",
        "T1496",
        "T1548",
        "T1562",
        "T1572",
        "T1611",
        "ASI02",
        "ASI03",
        "ASI05",
    ],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "it deletes everything, and tries again",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"Bash","tool_call":"c1","command":"cd / && rm -rf ~/*","session":"s1"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","tool_call":"c1","command":"cd / && rm -rf ~/*","session":"s1"}"#,
            r#"{"second":9,"kind":"command","tool":"Bash","tool_call":"c2","command":"sudo rm -rf --no-preserve-root /","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "asked to destroy" },
            Expected { state: State::Updated, severity: Severity::High, count: 1, reason: "rm of a root" },
        ],
    },
    Example {
        name: "it asks to reset a database, and a person refuses",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"Bash","tool_call":"c1","command":"npx prisma migrate reset --force","session":"s1"}"#,
            r#"{"second":7,"kind":"approval","outcome":"deny","tool":"Bash","tool_call":"c1","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "not known yet" },
            Expected {
                state: State::Updated,
                severity: Severity::Medium,
                count: 1,
                reason: "was refused and did not run",
            },
        ],
    },
    Example {
        name: "signs of leaving the container",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","command":"docker run --privileged -v /:/host alpine","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Critical,
            count: 1,
            reason: "leaves its container",
        }],
    },
    Example {
        name: "a program that is written and then run",
        events: &[
            r#"{"second":0,"kind":"file.write","outcome":"success","tool":"Write","file":"/w/clean.py","effects":["write","code.destroy"],"session":"s1"}"#,
            r#"{"second":9,"kind":"command","outcome":"success","tool":"Bash","command":"cd /w && python3 clean.py","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "did not run yet" },
            Expected { state: State::Open, severity: Severity::High, count: 1, reason: "that the session wrote" },
        ],
    },
    Example {
        name: "ordinary work",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","command":"rm -rf target/debug && cargo test","session":"s1"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","command":"git push origin topic && git commit -m 'never rm -rf /'","session":"s1"}"#,
            r#"{"second":2,"kind":"command","tool":"Bash","command":"docker run --rm alpine ls; curl -o x https://acme.example/x","session":"s1"}"#,
            r#"{"second":3,"kind":"command","tool":"Bash","command":"grep -rn 'chmod 777' .","session":"s1"}"#,
            r#"{"second":4,"kind":"command","outcome":"success","tool":"Bash","command":"git checkout -b try-it","session":"s1"}"#,
            r#"{"second":5,"kind":"command","tool":"Bash","command":"git checkout main && git branch -D try-it","session":"s1"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."command.risky"]`.
    pub struct Parameters {
        /// Whether taking privileges is told.
        privilege: bool = true;
        /// In so many ways must it look around; those that an intruder uses count twice.
        looks: u32 = 5, in 2..=16;
        /// It must look around in these ways within so many seconds.
        looks_seconds: u32 = 900, in 60..=86_400;
        /// An episode is resolved after this many seconds without another one.
        quiet_seconds: u32 = 1_800, in 1..=86_400;
    }
}

/// Whether a command line is this detector's because of what it destroys, or worse: no other tells it then as a deletion.
pub(crate) fn is_destruction(event: &EventRow<'_>) -> bool {
    let is = |effect: &Effect| {
        matches!(effect.kind, EffectKind::Discard | EffectKind::Cover | EffectKind::Destroy | EffectKind::Escape)
    };
    effect::worst(event.line(), is).is_some()
}

/// The detector.
pub struct Risky {
    parameters: Parameters,
    key: Key,
    calls: Calls<Found>,
    /// What sessions have made themselves, by kind and name, and may remove again.
    made: Recent<()>,
    /// Programs that sessions have written and that do harm, by the last part of their names.
    programs: Recent<EffectKind>,
    /// How each agent looked around lately.
    looks: Table<Looks>,
    episodes: Episodes<Commands>,
}

detector_state!(Risky { calls, made, programs, looks, episodes } without { parameters, key });

impl Rule for Risky {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            key,
            calls: Calls::new(),
            made: Recent::new(MADE_MAX),
            programs: Recent::new(PROGRAMS_MAX),
            looks: Table::new(AGENTS_MAX),
        }
    }
}

impl Detector for Risky {
    fn looks_at(&self) -> Aspects {
        Aspects::COMMAND.with(Aspects::CALL).with(Aspects::EFFECTS)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(progress) = CallStage::of(event) else { return };
        match self.calls.hear(event, progress) {
            News::Known => {}
            News::Further(from, to, found) => {
                let target = found.target();
                let subject = Subject { scope: Scope::agent(event), target: &target };
                self.episodes.worsen(subject, findings, |case| case.deeds.go_on(from, to));
            }
            News::First => self.judge(event, progress, findings),
        }
        if event.kind() == "command" && event.text(column::OUTCOME) == Some("success") {
            for made in effect::made(event.line()) {
                self.made.insert(self.key.hash(&["made", &made]) ^ event.agent(), ());
            }
        }
    }
}

impl Risky {
    fn judge(&mut self, event: &EventRow<'_>, progress: CallStage, findings: &mut Findings) {
        let asked = event.text(column::HOST).and_then(effect::of_host);
        if asked.is_none() && !event.aspects().meet(Aspects::COMMAND.with(Aspects::EFFECTS)) {
            return;
        }
        let is_own = |target: &str| self.made.get(self.key.hash(&["made", target]) ^ event.agent()).is_some();
        let is_told = |effect: &Effect| match effect.kind {
            // What a command shows is told by `file.unusual`; only programs that are written come here.
            EffectKind::Discover | EffectKind::Secret => false,
            EffectKind::Privilege if !self.parameters.privilege => false,
            // What a tool for files writes is told by `file.unusual`.
            EffectKind::Persist if event.aspects().meet(Aspects::FILE) => false,
            kind => told::of(kind).is_some() && !effect.target.as_deref().is_some_and(is_own),
        };
        let found = asked.or_else(|| event.worst_effect(is_told));
        let written = self.writes_program(event, progress);
        let found = [found, self.runs_program(event)].into_iter().flatten().max_by_key(|found| found.kind);
        let found = found.map(|found| {
            let is_loop = found.what == effect::LOOPS;
            (found, if is_loop { Manner::Single } else { Manner::Plain })
        });
        let found = found.or(written);
        let Some((found, manner)) = found.or_else(|| self.looked(event, progress, findings)) else { return };
        let known = Found { kind: found.kind, is_written: manner == Manner::Written };
        self.calls.judged(event, progress, known);
        let is_meant = event.person().asked_for(told::meant_by(found.kind));
        let open = |_| Opening {
            case: Commands {
                kind: found.kind,
                what: found.what.clone(),
                is_meant,
                manner,
                is_service: !event.aspects().meet(Aspects::COMMAND.with(Aspects::FILE)),
                deeds: Deeds::one(progress),
            },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before: Before::default(),
        };
        let target = known.target();
        let subject = Subject { scope: Scope::agent(event), target: &target };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| {
            case.deeds.add(progress);
            case.is_meant &= is_meant;
            if manner == Manner::Plain && case.manner == Manner::Single {
                (case.manner, case.what) = (manner, found.what.clone());
            }
        });
    }

    /// What a program does that a call or a command writes into a file: it is remembered until the session runs it.
    fn writes_program(&mut self, event: &EventRow<'_>, progress: CallStage) -> Option<(Effect, Manner)> {
        let of_call = event.text(column::FILE).zip(event.worst_written()).map(|(file, kind)| (paths::name(file), kind));
        let of_line = if event.aspects().meet(Aspects::COMMAND) { written::by_line(event.line()) } else { Vec::new() };
        let programs = of_call.into_iter().chain(of_line).filter(|(_, kind)| told::of(*kind).is_some());
        let mut worst = None;
        for (name, kind) in programs {
            worst = worst.max(Some(kind));
            if progress != CallStage::Refused {
                // An edit leaves what was written before.
                let program = self.program(event, name);
                let before = self.programs.get(program);
                self.programs.insert(program, before.map_or(kind, |before| before.max(kind)));
            }
        }
        Some((Effect::new(worst?, "the call writes a program that does so once it runs"), Manner::Written))
    }

    /// What a command runs that the session wrote itself.
    fn runs_program(&self, event: &EventRow<'_>) -> Option<Effect> {
        if !event.aspects().meet(Aspects::COMMAND) {
            return None;
        }
        let run = written::run_by(event.line()).filter_map(|name| self.programs.get(self.program(event, name)));
        run.max().map(|kind| Effect::new(kind, "it runs a program that the session wrote, and that does so"))
    }

    fn program(&self, event: &EventRow<'_>, name: &str) -> u64 {
        self.key.hash(&["program", name]) ^ event.agent()
    }

    /// What it means that an agent looks around once more, and whether that is told by itself; nothing as a rule until it did so in
    /// several ways.
    fn looked(
        &mut self,
        event: &EventRow<'_>,
        progress: CallStage,
        findings: &mut Findings,
    ) -> Option<(Effect, Manner)> {
        let looks = looks::of(event);
        if looks == 0 || progress == CallStage::Refused {
            return None;
        }
        let Parameters { looks: enough, looks_seconds, .. } = self.parameters;
        let known = self.looks.of_agent(event, findings);
        let seen = known.note(looks, event.time().unix_seconds(), looks_seconds);
        let is_enough = seen >= enough;
        let said = if is_enough { looks::sentence(*known) } else { looks::telling(looks)? };
        let manner = if is_enough { Manner::Plain } else { Manner::Single };
        Some((Effect::new(EffectKind::Discover, &said), manner))
    }
}

/// What was found of a call.
#[derive(Debug, Clone, Copy)]
struct Found {
    kind: EffectKind,
    /// Whether it is written into a program that does not run yet.
    is_written: bool,
}

packed!(Found { kind, is_written });

impl Found {
    /// What tells its episode from others of the agent.
    fn target(self) -> Cow<'static, str> {
        if self.is_written { format!("code.{}", self.kind.word()).into() } else { self.kind.word().into() }
    }
}

/// In which way an effect shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Manner {
    /// A command or call has it.
    Plain,
    /// A program that a call writes has it once it runs.
    Written,
    /// It is one look, of which nothing follows, or a loop that only costs time.
    Single,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Commands {
    /// Of the first command: what kind of effect it has,
    kind: EffectKind,
    /// and what was seen.
    what: String,
    /// Whether the person asked for such a thing in general words.
    is_meant: bool,
    manner: Manner,
    /// Whether a tool of a service did it, and no command.
    is_service: bool,
    /// How far the commands have come.
    deeds: Deeds,
}

impl Case for Commands {
    fn severity(&self, _: &Alert) -> Severity {
        let severity = told::of(self.kind).map_or(Severity::Low, |told| told.severity);
        let severity = match (severity, self.manner) {
            (Severity::Critical, Manner::Written) => Severity::High,
            (Severity::High, Manner::Written | Manner::Single) => Severity::Medium,
            // Whoever asked for a deletion or a member in a service gets that; a command of the shell may do more than was meant.
            (Severity::High, Manner::Plain) if self.is_meant && self.is_service => Severity::Low,
            (Severity::Medium, _) if self.is_meant || self.manner != Manner::Plain => Severity::Low,
            (severity, _) => severity,
        };
        self.deeds.severity(severity)
    }

    fn kind(&self) -> &'static str {
        self.kind.word()
    }

    fn tags(&self) -> Option<&'static [&'static str]> {
        Some(told::tags(self.kind))
    }

    fn title(&self, _: &Alert) -> String {
        let told = told::of(self.kind);
        if self.manner == Manner::Written {
            format!("An agent writes a program that {}", told.map_or("does harm", |told| told.does))
        } else if self.deeds.any_done() {
            format!("An agent's command {}", told.map_or("does harm", |told| told.does))
        } else {
            format!("An agent asked to {}", told.map_or("do harm", |told| told.would))
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        let Some(told) = told::of(self.kind) else { return self.what.clone() };
        let first = if self.manner == Manner::Written {
            format!("A program that the agent writes {}; it did not run yet.", told.does)
        } else if self.deeds.any_done() {
            format!("A command {}: {}.", told.does, self.what)
        } else {
            format!("The agent asked to {}: {}.", told.would, self.what)
        };
        let again = match alert.count {
            1 => String::new(),
            count => format!("Such commands came {} in {}.", times(count), duration(span(alert))),
        };
        let meant = if self.is_meant { "The person's prompts ask for such things in general." } else { "" };
        sentences(&[first, again, self.deeds.fate(), meant.to_owned(), told.look.to_owned()])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("such commands", Unit::Count, alert.count).within(span_seconds(alert)))
    }

    fn stage(&self) -> u8 {
        self.deeds.stage()
    }
}

#[cfg(test)]
mod tests;
