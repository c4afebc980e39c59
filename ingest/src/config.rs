//! The part of the configuration that is about intake: which collectors there are, and which files they share.
//!
//! ```toml
//! names = "/etc/tachograph/names.toml"
//!
//! [[collectors]]
//! name = "coderd"
//! transport = "tail"
//! dialect = "coder"
//! path = "/var/log/coder/coderd.json"
//! ```

use std::collections::HashSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use operations::access::{Principal, Trust};
use operations::field_names;
use operations::standing::State;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::collectors;
use crate::dialect::mapped::{Mapping, MappingError};
use crate::dialect::{self, ChosenDialect, DIALECTS, Dialect};
use crate::enrich::Names;
use crate::limits;
use crate::transport::{self, Settings, TRANSPORTS, Transport};

/// What intake is to do.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The collectors.
    pub collectors: Vec<Collector>,
    /// A file that says which API key, workspace and user belong together; see [`crate::enrich::Names`].
    pub names: Option<PathBuf>,
    /// A file of prices that is used in place of the built-in table.
    pub prices: Option<PathBuf>,
}

/// A source of events: a transport joined with a dialect, one table for each. Beside what every collector has stand the settings of its
/// transport. A change needs a restart.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(remote = "Self")]
pub struct Collector {
    /// Its name: in the `collector` column, in metrics, and in the path of pushed events.
    pub name: String,
    /// How bytes arrive: one of the transports below.
    pub transport: String,
    /// What they mean: one of the dialects below.
    pub dialect: String,
    /// The file that says what its records mean, for the dialect `mapped`; docs/sources/mapped.md says how to write one. It is read again
    /// on SIGHUP, and a file that is not in order changes nothing.
    #[serde(default)]
    pub mapping: Option<PathBuf>,
    /// The most trust that its records get, where no token says it.
    #[serde(default)]
    pub trust: Option<Trust>,
    /// The workspace that its records belong to, where no token says it.
    #[serde(default)]
    pub workspace: Option<String>,
    /// The person for whom its records' agents work, where no token says it.
    #[serde(default)]
    pub user: Option<String>,
    /// The team that its records belong to, where no token says it.
    #[serde(default)]
    pub team: Option<String>,
    /// The organisation that its records belong to, where no token says it.
    #[serde(default)]
    pub org: Option<String>,
    /// Whether its records are old, such as an import of a history: nobody is woken for them. Else what is old is decided by
    /// when the control plane or Tachograph saw it.
    #[serde(default)]
    pub backfill: bool,
    /// The settings of its transport, which refuses those that it does not know.
    #[serde(skip)]
    pub settings: Settings,
}

impl<'de> Deserialize<'de> for Collector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (mut settings, mut own) = (Settings::deserialize(deserializer)?, Settings::new());
        for name in Self::field_names() {
            own.extend(settings.remove_entry(*name));
        }
        let collector = Self::deserialize(serde_json::Value::Object(own)).map_err(serde::de::Error::custom)?;
        Ok(Self { settings, ..collector })
    }
}

/// Something in the configuration that is not in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Problem {
    /// Where: `collectors.coderd.path`.
    pub place: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Collector {
    /// What its records mean; reads its mapping, if it has one.
    pub fn chosen_dialect(&self) -> Result<ChosenDialect, String> {
        let listed =
            dialect::by_name(&self.dialect).ok_or_else(|| format!("there is no dialect {:?}", self.dialect))?;
        match &self.mapping {
            Some(path) if listed.takes_mapping() => {
                let mapping = Mapping::read(path).map_err(|error| error.to_string())?;
                Ok(ChosenDialect::Mapped(Arc::new(mapping)))
            }
            _ => Ok(listed.into()),
        }
    }

    /// Who sends its records of this dialect, where no token says it.
    pub fn principal(&self, dialect: &dyn Dialect) -> Principal {
        let mut principal = Principal::local();
        principal.trust = self.trust.unwrap_or(dialect.trust_unsaid().min(principal.trust));
        principal.workspace.clone_from(&self.workspace);
        principal.user.clone_from(&self.user);
        principal.team.clone_from(&self.team);
        principal.org.clone_from(&self.org);
        principal
    }

    /// The settings that every collector has, beside those of its transport.
    pub fn field_names() -> &'static [&'static str] {
        field_names(Self::deserialize)
    }

    /// The first setting that neither it nor its transport has, in the words of serde.
    fn unknown(&self, transport: &dyn Transport) -> Option<String> {
        let own = transport.settings().iter().map(|setting| setting.name);
        let known: Vec<&str> = own.chain(Self::field_names().iter().copied()).collect();
        let stranger = self.settings.keys().find(|name| !known.contains(&name.as_str()))?;
        Some(format!("unknown field `{stranger}`, expected one of `{}`", known.join("`, `")))
    }

    /// Where it reads, for people.
    pub fn place(&self) -> String {
        let transport = transport::by_name(&self.transport);
        transport.map(|transport| transport.place(&self.name, &self.settings)).unwrap_or_default()
    }

    /// What keeps this process from reading what it names, as far as can be seen while it does not run.
    pub fn look(&self) -> Option<(State, String)> {
        transport::by_name(&self.transport)?.look(&self.settings)
    }

    /// What is wrong with its mapping, and which of the tests beside that fail.
    fn mistakes_of_mapping(&self) -> Vec<String> {
        let takes = dialect::by_name(&self.dialect).is_some_and(Dialect::takes_mapping);
        let Some(path) = self.mapping.as_ref().filter(|_| takes) else { return Vec::new() };
        match Mapping::read(path) {
            Ok(mapping) => mapping.run_tests().iter().map(|failure| format!("{}: {failure}", path.display())).collect(),
            Err(MappingError::Wrong { mistakes }) => mistakes.iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        }
    }

    fn check(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        if self.name.is_empty() || self.name.len() > limits::COLLECTOR_NAME_BYTES_MAX || !self.name.bytes().all(legal) {
            let message = format!("use 1 to {} of a-z, 0-9, `-` and `_`", limits::COLLECTOR_NAME_BYTES_MAX);
            problems.push(("name", message));
        }
        if dialect::by_name(&self.dialect).is_none() {
            let names: Vec<&str> = DIALECTS.iter().map(|dialect| dialect.name()).collect();
            problems.push(("dialect", format!("{:?} is none of {}", self.dialect, names.join(", "))));
        }
        if let Some(dialect) = dialect::by_name(&self.dialect) {
            match (&self.mapping, dialect.takes_mapping()) {
                (None, true) => {
                    let message = "is missing: the dialect `mapped` reads records by a file that you write; docs/sources/mapped.md says how";
                    problems.push(("mapping", message.to_owned()));
                }
                (Some(_), false) => {
                    problems.push((
                        "mapping",
                        "is for the dialect `mapped`; leave it out, or take that dialect".to_owned(),
                    ));
                }
                _ => {}
            }
        }
        let both = transport::by_name(&self.transport).zip(dialect::by_name(&self.dialect));
        problems.extend(both.and_then(|(transport, dialect)| Some(("dialect", misfit(transport, dialect)?))));
        match transport::by_name(&self.transport) {
            None => {
                let names: Vec<&str> = TRANSPORTS.iter().map(|transport| transport.name()).collect();
                problems.push(("transport", format!("{:?} is none of {}", self.transport, names.join(", "))));
            }
            Some(transport) => {
                let wrong = self.unknown(transport).or_else(|| transport.check(&self.settings).err());
                problems.extend(wrong.map(|message| ("settings", message)));
                let names = [&self.workspace, &self.user, &self.team, &self.org];
                let fixed = self.trust.is_some() || names.iter().any(|name| name.is_some());
                if fixed && transport.is_pushed() && !transport.declares_sender(&self.settings) {
                    let message = "trust, workspace, user, team and org of pushed events stand in the sender's token; set them there";
                    problems.push(("transport", message.to_owned()));
                }
            }
        }
        problems
    }
}

impl Config {
    /// Everything that is not in order, without touching the files that it names.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |place: String, message: String| problems.push(Problem { place, message });
        if self.collectors.len() > limits::COLLECTORS_MAX {
            add("collectors".to_owned(), format!("there are more than {}", limits::COLLECTORS_MAX));
        }
        let mut names = HashSet::new();
        for (at, collector) in self.collectors.iter().enumerate() {
            let name = if collector.name.is_empty() { at.to_string() } else { collector.name.clone() };
            for (key, message) in collector.check() {
                add(format!("collectors.{name}.{key}"), message);
            }
            if !names.insert(&collector.name) {
                add(format!("collectors.{name}.name"), "another collector has the same name".to_owned());
            }
        }
        if self.collectors.iter().filter(|collector| collector.transport == "stdin").count() > 1 {
            add("collectors".to_owned(), "only one collector can read standard input".to_owned());
        }
        problems
    }

    /// Files that it names and that cannot be read or are not in order, and places that are not there.
    pub fn missing(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |place: String, message: String| problems.push(Problem { place, message });
        if let Some(Err(error)) = self.names.as_deref().map(Names::read) {
            add("ingest.names".to_owned(), error.to_string());
        }
        if let Err(error) = collectors::prices(self) {
            add("ingest.prices".to_owned(), error.to_string());
        }
        for collector in &self.collectors {
            for message in collector.mistakes_of_mapping() {
                add(format!("collectors.{}.mapping", collector.name), message);
            }
            let transport = transport::by_name(&collector.transport);
            if let Some(message) = transport.and_then(|transport| transport.missing(&collector.settings)) {
                add(format!("collectors.{}.path", collector.name), message);
            }
        }
        problems
    }
}

/// Why a transport cannot bring the records of a dialect.
pub(crate) fn misfit(transport: &dyn Transport, dialect: &dyn Dialect) -> Option<String> {
    let (name, dialect_name) = (transport.name(), dialect.name());
    let framing = dialect.encoding().framing();
    (!transport.takes(framing)).then(|| {
        let able = TRANSPORTS.iter().filter(|transport| transport.takes(framing)).map(|transport| transport.name());
        let able = able.collect::<Vec<_>>().join("` or `");
        format!("`{name}` cannot tell the records of `{dialect_name}` apart, which are no lines; take the transport `{able}`")
    })
}

/// The reference of collectors in Markdown, made from the lists of transports and dialects.
pub fn reference() -> String {
    let mut text = String::from("## Transports\n");
    for transport in TRANSPORTS {
        // Writing to a string does not fail.
        let _ = write!(text, "\n### `{}`\n\n{}\n", transport.name(), transport.doc());
        for setting in transport.settings() {
            let required = if setting.required { "required" } else { "optional" };
            let _ = write!(
                text,
                "\n* `{}` ({required}): {} Example: `{} = {}`",
                setting.name, setting.doc, setting.name, setting.example
            );
        }
        if !transport.settings().is_empty() {
            text.push('\n');
        }
    }
    text.push_str("\n## Dialects\n");
    for dialect in DIALECTS {
        let _ = write!(text, "\n### `{}`\n\n{} Trust: at most `{}`.\n", dialect.name(), dialect.doc(), dialect.trust());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<String> {
        match toml::from_str::<Config>(text) {
            Ok(config) => config.check().into_iter().map(|problem| problem.to_string()).collect(),
            Err(error) => vec![error.message().to_owned()],
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let one = |body: &str| check(&format!("[[collectors]]\nname = \"a\"\n{body}"));
        let tail = "transport = \"tail\"\ndialect = \"coder\"\n";
        assert_eq!(one(&format!("{tail}path = \"/var/log/a\"\ntrust = \"workspace\"")), Vec::<String>::new());
        assert_eq!(check("names = \"/etc/names.toml\""), Vec::<String>::new());
        for (text, want) in [
            (one(tail), "collectors.a.settings: missing field `path`"),
            (one(&format!("{tail}path = \"var\"")), "does not begin with `/`"),
            (one(&format!("{tail}path = \"/var/[\"")), "is not a pattern"),
            (one(&format!("{tail}path = \"/var/a\"\nspeed = 1")), "unknown field `speed`"),
            (
                one("transport = \"telex\"\ndialect = \"coder\""),
                "\"telex\" is none of http, otlp, tail, stdin, kafka, poll, syslog, unix",
            ),
            (one("transport = \"http\"\ndialect = \"latin\""), "\"latin\" is none of coder"),
            (one("transport = \"http\"\ndialect = \"coder\"\nteam = \"a\""), "stand in the sender's token"),
            (
                check("[[collectors]]\nname = \"A b\"\ntransport = \"http\"\ndialect = \"coder\""),
                "collectors.A b.name: use 1 to 64",
            ),
            (check("[[collector]]"), "unknown field `collector`"),
            (
                check(&"[[collectors]]\nname = \"a\"\ntransport = \"stdin\"\ndialect = \"coder\"\n".repeat(2)),
                "same name",
            ),
        ] {
            assert!(text.iter().any(|problem| problem.contains(want)), "{text:?} says {want:?}");
        }
    }

    #[test]
    fn the_reference_names_every_transport_setting_and_dialect() {
        let text = reference();
        for transport in TRANSPORTS {
            assert!(text.contains(&format!("### `{}`", transport.name())));
            for setting in transport.settings() {
                assert!(text.contains(&format!("* `{}`", setting.name)));
            }
        }
        for dialect in DIALECTS {
            assert!(text.contains(&format!("### `{}`", dialect.name())));
        }
    }
}
