//! `injection.followed`: the result of a tool carries instructions, and an action follows that they asked for.
//!
//! Content never comes here. Intake says of a result whether and how it gives instructions, and of results, calls, prompts and
//! requests what they name, as keyed hashes: an action belongs to a text if it names what nobody but that text named before.

mod case;
mod examples;
mod memory;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::{Key, Space};
use detect_core::named::{Named, named};
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use detect_core::{detector_state, parameters};
use effects::effect::EffectKind;
use effects::known::Known;
use effects::text::{Request, Sign, Signs, requests_of_tool};
use ledger::Seq;
use ledger::events::column;
use operations::alert::{Severity, What};

use crate::deed::{CallStage, Calls, Deeds, News};
use crate::limits::{AGENTS_MAX, KNOWN_TOOL_BYTES_MAX, KNOWN_TOOLS, TOLD_WORKSPACES_MAX};
use case::{Followed, Story};
use memory::{Memory, Told};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "injection.followed",
    version: 3,
    what: "The result of a tool (a page, a mail, a file, the output of a command) carries instructions, and an action follows that they \
           asked for: a call, a command or a request at the firewall names an address, host, account, file or exact words that stand in \
           those instructions, and that neither the person's prompts nor earlier calls of the session named. Texts that work against the \
           person (drop your instructions, a made-up system message, do not tell the user, hidden text) count with whatever follows; texts \
           that speak to an AI, and plain requests, only with what others feel: sending, paying, letting in, deleting, changing. Plain \
           requests do not count where the person asked for such a thing, or to do what a text says. Also told, as medium: within a few \
           calls one does what the text asked for, or what hostile texts are after, without a name in common, and neither the person nor an \
           earlier call did so; and as low: a text that was hidden or wants to be kept from the user, if nothing followed. What was asked \
           for, what was refused and what ran is told apart.",
    why: "Agents cannot tell the data that they read from the orders of the person they work for. Who can write a mail, an issue or a page can \
          make them act with that person's rights.",
    false_positives: "A person who asked for what the text says in words that name nothing (do the usual); files that are written for \
                      agents and ask for a call of a service; tests and articles about such attacks whose addresses the agent tries. Instructions to \
                      developers, such as how to install, and what linters ask for are none.",
    tuning: "window_seconds: how long after the result an action counts. steps: so many calls after a hostile text, new kinds of effects are told. \
             plain: whether plain requests count. quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &["AML.T0051.001", "AML.T0053", "AML.T0086", "T1204", "ASI01"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."injection.followed"]`.
    pub struct Parameters {
        /// An action counts within so many seconds after the result.
        window_seconds: u32 = 3_600, in 1..=86_400;
        /// So many calls after a hostile text, effects that are new for the session are told; with 0 none.
        steps: u32 = 3, in 0..=32;
        /// Whether requests count that only ask, without any sign of an attack.
        plain: bool = true;
        /// An episode is resolved after this many seconds without another action.
        quiet_seconds: u32 = 1_800, in 1..=86_400;
    }
}

/// Effects that others feel, or that stay.
fn is_felt(kind: EffectKind) -> bool {
    match kind {
        EffectKind::Read
        | EffectKind::Write
        | EffectKind::Download
        | EffectKind::Install
        | EffectKind::Discover
        | EffectKind::Privilege
        | EffectKind::Kill => false,
        EffectKind::Send
        | EffectKind::Delete
        | EffectKind::ForeignInstall
        | EffectKind::FetchedCode
        | EffectKind::Permission
        | EffectKind::Account
        | EffectKind::Discard
        | EffectKind::Configure
        | EffectKind::Persist
        | EffectKind::Remember
        | EffectKind::Unattended
        | EffectKind::Cover
        | EffectKind::Secret
        | EffectKind::Publish
        | EffectKind::Scan
        | EffectKind::Exhaust
        | EffectKind::Remote
        | EffectKind::Exfiltrate
        | EffectKind::Destroy
        | EffectKind::Escape => true,
    }
}

/// The detector.
pub struct InjectionFollowed {
    parameters: Parameters,
    agents: Table<Memory>,
    /// The agent that was told something in a workspace.
    workspaces: Recent<u64>,
    calls: Calls<Seq>,
    episodes: Episodes<Followed>,
    /// What tools are for, by their names: agents have few, and to read a name takes long.
    tools: Known<Vec<Request>>,
    key: Key,
}

detector_state!(InjectionFollowed { agents, workspaces, calls, episodes } without { parameters, tools, key });

impl Rule for InjectionFollowed {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            agents: Table::new(AGENTS_MAX),
            workspaces: Recent::new(TOLD_WORKSPACES_MAX),
            calls: Calls::new(),
            tools: Known::new(KNOWN_TOOLS),
            key,
        }
    }
}

impl Detector for InjectionFollowed {
    fn looks_at(&self) -> Aspects {
        Aspects::NAMED.with(Aspects::SIGNS).with(Aspects::EFFECTS).with(Aspects::COMMAND).with(Aspects::CALL)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if event.kind() == "prompt" {
            if let Some(memory) = self.agents.get_mut(event.agent()) {
                memory.prompt(event);
            }
            return;
        }
        if event.request().is_some() {
            return self.request(event, findings);
        }
        let Some(progress) = CallStage::of(event) else { return };
        match self.calls.hear(event, progress) {
            News::Known => {}
            News::Further(from, to, seq) => self.further(event, seq, (from, to), findings),
            News::First => self.call(event, progress, findings),
        }
        let signs = memory::signs(event);
        if progress == CallStage::Done && signs.has(Sign::Instructions) {
            self.told(event, signs, findings);
        }
    }
}

/// What one action does, as far as it matters here.
#[derive(Debug, Default)]
struct Action {
    /// The worst effect that others feel,
    felt: Option<EffectKind>,
    /// what its tool is for,
    requests: Vec<Request>,
    /// whether something leaves or comes over the network,
    is_network: bool,
    /// and whether it is about files, commands and looking around on the machine.
    is_local: bool,
}

impl Action {
    /// What an event does, where `requests_of` says what a tool of that name is for.
    fn of(event: &EventRow<'_>, requests_of: impl FnOnce(&str) -> Vec<Request>) -> Self {
        let is_local = matches!(event.kind(), "file.read" | "file.write" | "command");
        let mut action = Self { is_local, ..Self::default() };
        event.each_effect(|kind, _| {
            if is_felt(kind) {
                action.felt = action.felt.max(Some(kind));
            }
            action.is_network |= matches!(kind, EffectKind::Send | EffectKind::Download | EffectKind::ForeignInstall);
            action.is_local |= matches!(kind, EffectKind::Read | EffectKind::Write | EffectKind::Discover);
        });
        // Names of tools for files and shells say how they are used, not who feels it.
        if !action.is_local {
            action.requests = event.text(column::TOOL).map(requests_of).unwrap_or_default();
        }
        action
    }

    fn is_felt(&self) -> bool {
        self.felt.is_some() || !self.requests.is_empty()
    }

    fn did(&self) -> String {
        self.felt.map_or(String::new(), EffectKind::clause)
    }
}

impl InjectionFollowed {
    /// A call, a command, or the end of one whose beginning nobody told.
    fn call(&mut self, event: &EventRow<'_>, progress: CallStage, findings: &mut Findings) {
        let named: Vec<Named> = named(event).collect();
        let (tools, key) = (&mut self.tools, self.key);
        let requests_of = |tool: &str| {
            let is_kept = |_: &Vec<Request>| tool.len() <= KNOWN_TOOL_BYTES_MAX;
            tools.of(key.of(Space::TOOL, tool), tool, requests_of_tool, is_kept)
        };
        let action = Action::of(event, requests_of);
        let found =
            self.agents.get_mut(event.agent()).and_then(|memory| self.parameters.judge(memory, event, &named, &action));
        if let Some(case) = found {
            self.calls.judged(event, progress, case.seq);
            self.raise(event, Followed { deeds: Deeds::one(progress), ..case }, progress, findings);
        }
        if progress != CallStage::Refused {
            self.agents.of_agent(event, findings).call(event, &named);
        }
    }

    /// A request that the firewall saw: whose agent was told something in its workspace.
    fn request(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(agent) = self.workspaces.get(event.network()) else { return };
        let Some(request) = event.request() else { return };
        let named: Vec<Named> = named(event).collect();
        let felt = request.is_write().then_some(EffectKind::Send);
        let action = Action { felt, is_network: true, ..Action::default() };
        let progress = if request.refused { CallStage::Refused } else { CallStage::Done };
        let found = self.agents.get_mut(agent).and_then(|memory| self.parameters.judge(memory, event, &named, &action));
        if let Some(case) = found.filter(|case| case.story == Story::Followed) {
            self.raise(event, Followed { deeds: Deeds::one(progress), ..case }, progress, findings);
        }
    }

    fn further(&mut self, event: &EventRow<'_>, seq: Seq, (from, to): (CallStage, CallStage), findings: &mut Findings) {
        let target = seq.to_string();
        let subject = Subject { scope: Scope::agent(event), target: &target };
        self.episodes.worsen(subject, findings, |case| case.deeds.go_on(from, to));
    }

    fn raise(&mut self, event: &EventRow<'_>, case: Followed, progress: CallStage, findings: &mut Findings) {
        let target = if case.story == Story::Seen { "seen".to_owned() } else { case.seq.to_string() };
        let done = case.done;
        let open = |_| Opening {
            case,
            who: scope::who(event),
            what: What {
                tool: event.text(column::TOOL).map(bounded),
                host: event.text(column::HOST).map(bounded),
                ..What::default()
            },
            before: Before::default(),
        };
        let subject = Subject { scope: Scope::agent(event), target: &target };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| {
            case.deeds.add(progress);
            case.done = case.done.max(done);
        });
    }

    /// A result carries instructions.
    fn told(&mut self, event: &EventRow<'_>, signs: Signs, findings: &mut Findings) {
        self.agents.of_agent(event, findings).note(event, signs);
        self.workspaces.insert(event.network(), event.agent());
        let is_sly = signs.has(Sign::Hidden) || signs.has(Sign::Secrecy) || signs.has(Sign::Encoded);
        if is_sly && !signs.has(Sign::About) {
            let case = Followed {
                story: Story::Seen,
                shard: event.position().shard,
                seq: event.position().seq,
                signs: signs.bits(),
                shared: String::new(),
                did: String::new(),
                tool: String::new(),
                after_seconds: 0,
                done: Severity::Low,
                deeds: Deeds::default(),
            };
            self.raise(event, case, CallStage::Done, findings);
        }
    }
}

impl Parameters {
    /// What an action has to do with the instructions that its agent was given; nothing as a rule.
    fn judge(&self, memory: &Memory, event: &EventRow<'_>, named: &[Named], action: &Action) -> Option<Followed> {
        let told = || memory.told(event.second(), self.window_seconds);
        let shared = told().find_map(|told| {
            let name = told.shares(named)?;
            let done = self.followed(event, told.signs(), name, action)?;
            Some((told, Story::Followed, Some(name), done))
        });
        let changed = || {
            let told = told()
                .filter(|told| u32::from(told.steps) < self.steps)
                .find(|told| self.is_change(memory, event, told, action))?;
            Some((told, Story::Changed, None, Severity::Medium))
        };
        let (told, story, name, done) = shared.or_else(changed)?;
        Some(followed(told, story, name, done, event, action))
    }

    /// Whether an action that names nothing of a text is what that text asked for, or what hostile texts are after, and neither the
    /// person asked for such a thing nor the session did it before.
    fn is_change(&self, memory: &Memory, event: &EventRow<'_>, told: &Told, action: &Action) -> bool {
        let is_new = action.felt.is_some_and(|kind| matters_alone(kind) && !memory.had(kind));
        let is_asked = told.asks_for(&action.requests);
        let is_persons = event.person().asked_for(&action.requests);
        if told.signs().is_hostile() {
            return (is_new || is_asked) && !is_persons;
        }
        let is_meant = self.plain || told.signs().has(Sign::Addressed);
        is_meant && is_asked && !is_persons && !event.person().asked_for(&[Request::Delegate])
    }

    /// How bad it is that an action names what a text named; nothing if that is ordinary.
    fn followed(&self, event: &EventRow<'_>, signs: Signs, name: Named, action: &Action) -> Option<Severity> {
        let goes_somewhere = name.kind.is_destination();
        if signs.is_hostile() {
            // Who looks a file or a word up that a text named, or writes about it, only reads on.
            let goes_on = !action.is_network && (action.is_local || !goes_somewhere);
            return if action.is_felt() { Some(Severity::Critical) } else { (!goes_on).then_some(Severity::High) };
        }
        if !action.is_felt() {
            return None;
        }
        if signs.has(Sign::Addressed) {
            return Some(if goes_somewhere { Severity::High } else { Severity::Medium });
        }
        let asked = event.person().asked_for(&action.requests) || event.person().asked_for(&[Request::Delegate]);
        if !self.plain || asked {
            return None;
        }
        Some(if goes_somewhere { Severity::High } else { Severity::Medium })
    }
}

/// Effects that are told although the action names nothing of the text.
fn matters_alone(kind: EffectKind) -> bool {
    matches!(
        kind,
        EffectKind::Send
            | EffectKind::Account
            | EffectKind::Persist
            | EffectKind::Remember
            | EffectKind::Secret
            | EffectKind::Remote
            | EffectKind::Exfiltrate
            | EffectKind::Destroy
            | EffectKind::Cover
    )
}

fn followed(
    told: &Told,
    story: Story,
    name: Option<Named>,
    done: Severity,
    event: &EventRow<'_>,
    action: &Action,
) -> Followed {
    Followed {
        story,
        shard: event.position().shard,
        seq: told.seq(event.position().seq),
        signs: told.signs().bits(),
        shared: name.map_or("", |name| name.kind.word()).to_owned(),
        did: action.did(),
        tool: event.text(column::TOOL).unwrap_or_default().to_owned(),
        after_seconds: event.second() - i64::from(told.second),
        done,
        deeds: Deeds::default(),
    }
}

#[cfg(test)]
mod tests;
