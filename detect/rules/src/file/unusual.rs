//! `file.unusual`: an agent touches files that its work does not need: secrets, what continuous integration runs, what it is
//! itself configured by, the system, what lies outside of its workspace; or deletes many at once.
//!
//! A command line that destroys a root, a home or a system folder, or does worse, is told by `command.risky` and not counted
//! here, so that one act gives one alert. Taking privileges for a deletion is an act of its own and told there as well. Deleted
//! files that a source reports one by one go into the same episode as the command that deleted them.

mod examples;
mod parameters;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::second::Second;
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::{bounded, duration, sentences, times};
use detect_core::{detector_state, packed, packed_enum};
use effects::effect::EffectKind;
use effects::file::paths;
use effects::text::Request;
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, Unit, What};
use serde::{Deserialize, Serialize};

use crate::command::risky;
use crate::deed::{CallStage, Calls, Deeds, News};
use crate::file::sweep::Sweep;
use crate::file::workspace::{self, Workspace};
use crate::limits::AGENTS_MAX;
pub use parameters::Parameters;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "file.unusual",
    version: 5,
    what: "A session that reads files or stores which usually hold secrets, by a tool for files or by any command (`cat`, `cp`, `tar`, \
           `curl -d @`, `git show`, one-liners, `vault kv get`); writes what continuous integration runs, what agents are configured by, \
           what starts by itself, what belongs to the system or what lies outside of its workspace; or deletes many files within a \
           minute, one by one or by a command (`rm -r`, `find -delete`, `git clean`, `xargs rm`). One episode for each class. The \
           workspace is the first folder that the session's source tells (`cwd`), else the projects of the files that the session \
           touches first. What `command.risky` tells as destroying is not told again here. What was only asked for, or refused, is \
           told as such; what the person's prompts ask for in general words is low.",
    why: "Stolen credentials, a changed pipeline and a changed permission file outlive the session: they are how a prompt \
          injection becomes an incident.",
    false_positives: "Tasks that are about exactly these files, such as mending a pipeline; reading a .env file to start the \
                      program; removing a generated folder file by file; work that is meant to go on in a second project; cleaning \
                      a checkout with `git clean -fdx` before a build. Relative paths, Windows paths and what a script deletes are \
                      not judged.",
    tuning: "deletes: how many deleted files in a minute. folder_files: as how many files a folder counts of which a command does \
             not say what it holds. commands: whether deleting commands count at all. outside: whether writing outside of the \
             workspace is told. folders: where all sessions may write as well. quiet_seconds: how long it must be quiet for the \
             episode to end.",
    tags: &[
        "AML.T0083",
        "AML.T0098",
        "AML.T0081",
        "AML.T0080",
        "AML.T0101",
        "T1552",
        "T1195",
        "T1485",
        "T1546",
        "T1053",
        "ASI02",
        "ASI03",
        "ASI06",
    ],
    examples: examples::EXAMPLES,
};

/// The detector.
pub struct Unusual {
    parameters: Parameters,
    key: Key,
    calls: Calls<Class>,
    agents: Table<Agent>,
    episodes: Episodes<Touched>,
}

detector_state!(Unusual { calls, agents, episodes } without { parameters, key });

impl Rule for Unusual {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            key,
            calls: Calls::new(),
            agents: Table::new(AGENTS_MAX),
        }
    }
}

/// One session, or who else is told apart.
#[derive(Debug, Default)]
struct Agent {
    /// Since when it deletes, for a minute; how many events that are, and how many files they stand for.
    since: Second,
    events: u32,
    files: u32,
    workspace: Workspace,
}
packed!(Agent { since, events, files, workspace });

/// What kind of file, or of work on files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Class {
    Secrets,
    Ci,
    AgentConfiguration,
    StartsByItself,
    System,
    Outside,
    ManyDeleted,
}

impl Class {
    /// The class of what an event does to a file, by its name alone.
    fn of(event: &EventRow<'_>) -> Option<Self> {
        let traits = event.file_traits();
        match event.kind() {
            "file.read" if traits.holds_secrets => Some(Self::Secrets),
            "file.write" if traits.is_ci => Some(Self::Ci),
            "file.write" if traits.is_agent_configuration => Some(Self::AgentConfiguration),
            "file.write" if traits.starts_by_itself => Some(Self::StartsByItself),
            "file.write" if traits.is_system => Some(Self::System),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Ci => "ci",
            Self::AgentConfiguration => "agent_configuration",
            Self::StartsByItself => "starts_by_itself",
            Self::System => "system",
            Self::Outside => "outside",
            Self::ManyDeleted => "many_deleted",
        }
    }

    /// The techniques that it is about.
    fn tags(self) -> &'static [&'static str] {
        match self {
            Self::Secrets => &["AML.T0083", "AML.T0098", "T1552", "ASI03"],
            Self::Ci => &["AML.T0081", "T1195", "ASI02"],
            Self::AgentConfiguration => &["AML.T0081", "AML.T0080", "T1546", "ASI06"],
            Self::StartsByItself => &["AML.T0081", "T1546", "T1053", "ASI02"],
            Self::System | Self::Outside => &["AML.T0081", "T1546", "ASI02"],
            Self::ManyDeleted => &["AML.T0101", "T1485", "ASI02"],
        }
    }

    fn does(self) -> &'static str {
        match self {
            Self::Secrets => "reads files or stores that usually hold secrets",
            Self::Ci => "writes what continuous integration runs",
            Self::AgentConfiguration => "writes what agents take their permissions and tools from",
            Self::StartsByItself => "writes what starts by itself or lets somebody in",
            Self::System => "writes files of the system, outside of its workspace",
            Self::Outside => "writes files outside of its workspace",
            Self::ManyDeleted => "deletes many files",
        }
    }

    /// What a person asks for who means it.
    fn meant_by(self) -> &'static [Request] {
        match self {
            Self::Ci | Self::System => &[Request::Operate],
            Self::ManyDeleted => &[Request::Delete],
            _ => &[],
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::Outside => Severity::Low,
            Self::Secrets | Self::Ci | Self::System => Severity::Medium,
            Self::AgentConfiguration | Self::StartsByItself | Self::ManyDeleted => Severity::High,
        }
    }

    fn baseline(self) -> &'static str {
        match self {
            Self::Secrets => "Programs read them; writing programs seldom needs to.",
            Self::Ci => "What it runs has the pipeline's credentials, not the agent's.",
            Self::AgentConfiguration => {
                "An agent that changes it decides itself what it may do from the next session on."
            }
            Self::StartsByItself => "It outlives the session, which work on source code does not need.",
            Self::System => "Agents usually write below the folder that they work in.",
            Self::Outside => {
                "Until now its session worked in another folder; temporary files and the notes of agents are not counted."
            }
            Self::ManyDeleted => "Edits delete few files at a time; a wrong folder, many.",
        }
    }
}

impl Detector for Unusual {
    fn looks_at(&self) -> Aspects {
        let files = Aspects::FILE.with(Aspects::DELETE).with(Aspects::CALL);
        if self.parameters.commands { files.with(Aspects::COMMAND).with(Aspects::EFFECTS) } else { files }
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if event.kind() == "file.delete" {
            return self.delete(event, 1, None, CallStage::Done, findings);
        }
        let Some(progress) = CallStage::of(event) else { return };
        // The folders of a session are learned from every event, whether its call is known or not.
        let class = match progress {
            CallStage::Done => self.touched(event, findings),
            // What was refused touched nothing: only its name says what it was to do.
            CallStage::Refused => Class::of(event).filter(|class| *class != Class::System),
            // Some agents and all gateways tell of the wish only.
            CallStage::Asked => Self::asked(event),
        };
        match self.calls.hear(event, progress) {
            News::Known => {}
            News::Further(from, to, class) => {
                let subject = Subject { scope: Scope::agent(event), target: class.word() };
                self.episodes.worsen(subject, findings, |case| case.deeds.go_on(from, to));
            }
            News::First => {
                let class = class.or_else(|| self.of_command(event));
                if let Some(class) = class {
                    self.calls.judged(event, progress, class);
                    self.raise(event, class, None, progress, Before::default(), findings);
                }
                self.sweep(event, progress, findings);
            }
        }
    }
}

impl Unusual {
    /// What the file of an event says; what it says of the session's folders is learned.
    fn touched(&mut self, event: &EventRow<'_>, findings: &mut Findings) -> Option<Class> {
        if !matches!(event.kind(), "file.read" | "file.write") {
            return None;
        }
        let file = event.text(column::FILE).map(paths::plain)?;
        let mut class = Class::of(event);
        // Without a session, several of them would share one workspace.
        if file.starts_with('/') && event.text(column::SESSION).is_some() {
            let workspace = &mut self.agents.of_agent(event, findings).workspace;
            workspace.learn(event, &file, self.key);
            let is_write = event.kind() == "file.write";
            match class {
                // A workspace may lie where systems have their files, such as in root's home.
                Some(Class::System) if workspace.is_inside(&file, self.key) => class = None,
                None if is_write && self.parameters.outside && workspace.is_outside(&file, self.key) => {
                    let is_known = paths::is_scratch(&file) || paths::is_of_tools(&file);
                    class = (!is_known && !self.parameters.is_meant(&file)).then_some(Class::Outside);
                }
                _ => {}
            }
        }
        class
    }

    /// Whether a call that is only asked for is to read a file with secrets. Files that are to be written are told once they are.
    fn asked(event: &EventRow<'_>) -> Option<Class> {
        let is_read = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.contains("read") || name == "view" || name == "view_file"
        };
        let names = [event.text(column::TOOL), event.text(column::ACTION)];
        (event.file_traits().holds_secrets && names.into_iter().flatten().any(is_read)).then_some(Class::Secrets)
    }

    /// What the command line or the call of an event reads.
    fn of_command(&self, event: &EventRow<'_>) -> Option<Class> {
        let is_told = self.parameters.commands && event.aspects().meet(Aspects::COMMAND.with(Aspects::EFFECTS));
        let reads = || event.worst_effect(|effect| effect.kind == EffectKind::Secret).is_some();
        (is_told && reads()).then_some(Class::Secrets)
    }

    fn sweep(&mut self, event: &EventRow<'_>, progress: CallStage, findings: &mut Findings) {
        // What was refused deletes nothing, so it is not counted.
        if !self.parameters.commands || !event.aspects().meet(Aspects::COMMAND) || progress == CallStage::Refused {
            return;
        }
        let (agents, key) = (&mut self.agents, self.key);
        let mut here: Option<Option<String>> = None;
        let mut is_workspace = |folder: &str| {
            let here = here.get_or_insert_with(|| workspace::told(event));
            let is_above = |here: &String| {
                let path =
                    if folder.starts_with('/') { folder.to_owned() } else { paths::wound(&format!("{here}/{folder}")) };
                here.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            here.as_ref().is_some_and(is_above)
                || agents.get_mut(event.agent()).is_some_and(|agent| agent.workspace.is_folder(folder, key))
        };
        let Some(sweep) = Sweep::of(event.line(), &mut is_workspace) else { return };
        if risky::is_destruction(event) {
            return;
        }
        self.calls.judged(event, progress, Class::ManyDeleted);
        let files = sweep.weight(self.parameters.folder_files, self.parameters.deletes);
        self.delete(event, files, sweep.what(), progress, findings);
    }

    /// Counts deleted files; `what` says how, if their number is not known.
    fn delete(
        &mut self,
        event: &EventRow<'_>,
        files: u32,
        what: Option<&str>,
        progress: CallStage,
        findings: &mut Findings,
    ) {
        let agent = self.agents.of_agent(event, findings);
        if agent.events == 0 || event.second() - agent.since.get() >= 60 {
            (agent.since, agent.events, agent.files) = (Second::new(event.second()), 0, 0);
        }
        agent.events = agent.events.saturating_add(1);
        agent.files = agent.files.saturating_add(files);
        if agent.files >= self.parameters.deletes {
            let before = Before { count: u64::from(agent.events) - 1, ..Before::default() };
            self.raise(event, Class::ManyDeleted, what.map(str::to_owned), progress, before, findings);
        }
    }

    fn raise(
        &mut self,
        event: &EventRow<'_>,
        class: Class,
        what: Option<String>,
        progress: CallStage,
        before: Before,
        findings: &mut Findings,
    ) {
        let subject = Subject { scope: Scope::agent(event), target: class.word() };
        let is_counted = what.is_none();
        let open = |_| Opening {
            case: Touched {
                class,
                what,
                is_meant: event.person().asked_for(class.meant_by()),
                deeds: Deeds::one(progress),
            },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before,
        };
        // What was weighed first and is now counted is no estimate any more.
        let change = |case: &mut Touched| {
            case.what = case.what.take().filter(|_| !is_counted);
            case.deeds.add(progress);
        };
        self.episodes.raise(subject, event.sighting(), findings, open, change);
    }
}

packed_enum!(Class { Secrets, Ci, AgentConfiguration, StartsByItself, System, Outside, ManyDeleted });

/// What an episode is about. Names of files are content, so reasons do not quote them: the evidence shows them to whoever
/// may read content.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Touched {
    class: Class,
    /// How files were deleted whose number is an estimate.
    what: Option<String>,
    /// Whether the person asked for such a thing in general words.
    is_meant: bool,
    /// How far the calls have come.
    deeds: Deeds,
}

impl Case for Touched {
    fn tags(&self) -> Option<&'static [&'static str]> {
        Some(self.class.tags())
    }

    fn severity(&self, _: &Alert) -> Severity {
        // A command does not say how much it deleted.
        let severity = if self.what.is_some() { Severity::Medium } else { self.class.severity() };
        let is_light = self.is_meant && severity == Severity::Medium;
        self.deeds.severity(if is_light { Severity::Low } else { severity })
    }

    fn title(&self, _: &Alert) -> String {
        if self.deeds.any_done() {
            format!("An agent {}", self.class.does())
        } else {
            format!("An agent asked for a call that {}", self.class.does())
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        let span = match alert.count {
            1 => String::new(),
            _ => format!(" in {}", duration(span(alert))),
        };
        let what = self.what.as_ref().map(|what| format!(": {what}")).unwrap_or_default();
        let who = if self.deeds.any_done() { "The agent" } else { "The agent asked for a call that" };
        let first = format!("{who} {}, {}{span}{what}.", self.class.does(), times(alert.count));
        let meant = if self.is_meant { "The person's prompts ask for such things in general." } else { "" };
        sentences(&[first, self.deeds.fate(), meant.to_owned(), self.class.baseline().to_owned()])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("such calls", Unit::Count, alert.count).within(span_seconds(alert)))
    }

    fn stage(&self) -> u8 {
        self.deeds.stage()
    }
}

#[cfg(test)]
mod tests;
