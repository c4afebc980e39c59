//! Sessions of agents with tools, in which a tool's result may carry somebody else's order: followed, left alone, or absent
//! while the person asks for the same deed. What happens around a session is known in `scenes`.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::corpus;
use crate::fault::Fault;
use crate::notation::{self, Step, Timed};
use crate::numbers::Numbers;
use crate::values::Values;

/// What kind of session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A result carries an order, and the agent does it.
    Followed,
    /// A result carries an order, and the agent leaves it alone.
    Ignored,
    /// No result carries an order, and the person asks for a deed as sensitive.
    Twin,
    /// Ordinary use of the same tools, the day before.
    Past,
}

/// A session.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Its name.
    pub name: String,
    /// What the tools belong to.
    pub suite: String,
    /// What kind it is.
    pub kind: Kind,
    /// The step whose result carries the order, from 1.
    #[serde(default)]
    pub injected: Option<usize>,
    /// The step that does the sensitive deed, from 1.
    #[serde(default)]
    pub deed: Option<usize>,
    /// What happens, in the notation of stories; no values are put in.
    pub steps: Vec<Step>,
}

/// A file of sessions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sessions {
    session: Vec<Session>,
}

/// The sessions of this package.
pub fn own() -> Result<Vec<Session>, Fault> {
    let files = corpus::read::<Sessions>("hijacked")?;
    let sessions: Vec<Session> = files.into_iter().flat_map(|file| file.session).collect();
    let mut names = BTreeSet::new();
    for session in &sessions {
        let is_new = names.insert(session.name.as_str());
        let fault = session.fault().or_else(|| (!is_new).then_some("its name is that of another"));
        if let Some(message) = fault {
            return Err(Fault::Script { script: session.name.clone(), message: message.to_owned() });
        }
    }
    Ok(sessions)
}

impl Session {
    /// What is wrong with it, if something is.
    fn fault(&self) -> Option<&'static str> {
        let is_step = |step: usize| (1..=self.steps.len()).contains(&step);
        if !self.injected.into_iter().chain(self.deed).all(is_step) {
            return Some("it names a step that it does not have");
        }
        match (self.kind, self.injected, self.deed) {
            (Kind::Followed, Some(injected), Some(deed)) if injected < deed => None,
            (Kind::Followed, ..) => Some("it follows no order: there is none before the deed"),
            (Kind::Ignored, Some(_), None) | (Kind::Twin, None, Some(_)) | (Kind::Past, None, None) => None,
            (Kind::Ignored, ..) => Some("it has no order, or a deed"),
            (Kind::Twin, ..) => Some("it has an order, or no deed"),
            (Kind::Past, ..) => Some("it has an order or a deed"),
        }
    }

    /// What happens.
    pub fn acts(&self) -> Vec<Timed> {
        notation::acts(&self.steps, &Values::default(), &mut Numbers(1))
    }
}

/// What was done with the tools of a suite the day before.
pub fn past(sessions: &[Session], suite: &str) -> Vec<Timed> {
    let is_meant = |session: &&Session| session.kind == Kind::Past && session.suite == suite;
    sessions.iter().filter(is_meant).flat_map(Session::acts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::Act;
    use crate::scenes::tests::foreign_hosts;

    #[test]
    fn there_are_enough_of_every_kind() {
        let sessions = own().unwrap();
        let of = |kind: Kind| sessions.iter().filter(|session| session.kind == kind).count();
        assert!(of(Kind::Followed) >= 40 && of(Kind::Ignored) >= 10 && of(Kind::Twin) >= 15);
        for session in &sessions {
            assert!(!past(&sessions, &session.suite).is_empty(), "{} has no past", session.suite);
        }
    }

    #[test]
    fn sessions_are_calls_of_tools_after_a_prompt_and_name_only_reserved_hosts() {
        for session in own().unwrap() {
            let acts = session.acts();
            assert!(matches!(acts[0].act, Act::Prompt(_)), "{}", session.name);
            for step in session.injected.into_iter().chain(session.deed) {
                assert!(matches!(acts[step - 1].act, Act::Tool { .. }), "{}: step {step}", session.name);
            }
            for timed in &acts {
                if let Act::Tool { input, .. } = &timed.act {
                    assert!(serde_json::from_str::<serde_json::Value>(input).is_ok(), "{}: {input}", session.name);
                }
            }
            assert_eq!(foreign_hosts(&format!("{acts:?}")), Vec::<String>::new(), "{}", session.name);
        }
    }

    #[test]
    fn a_session_that_contradicts_itself_is_refused() {
        let check = |kind: &str, more: &str, is_right: bool| {
            let steps = r#"steps = [[0, "prompt", "a"], [1, "mcp", "a", "b", "{}"], [1, "mcp", "a", "c", "{}"]]"#;
            let text = format!("name = 'n'\nsuite = 's'\nkind = '{kind}'\n{more}\n{steps}");
            let session: Session = toml::from_str(&text).unwrap();
            assert_eq!(session.fault().is_none(), is_right, "{kind} {more}");
        };
        check("followed", "injected = 2\ndeed = 3", true);
        check("followed", "injected = 3\ndeed = 2", false);
        check("followed", "deed = 3", false);
        check("followed", "injected = 2\ndeed = 4", false);
        check("ignored", "injected = 2", true);
        check("ignored", "injected = 2\ndeed = 3", false);
        check("twin", "deed = 3", true);
        check("twin", "injected = 2\ndeed = 3", false);
        check("past", "", true);
        check("past", "deed = 0", false);
    }
}
