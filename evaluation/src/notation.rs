//! The notation of scripts: how a story or a piece of ordinary work is written in TOML, and what it says after its variables
//! were put in. How an act is recorded by a source is known in `records`.
//!
//! A step is a list: seconds after the step before, a verb, and what the verb needs.
//!
//! ```toml
//! [[story]]
//! name = "a name of its own"
//! techniques = ["AML.T0086", "T1567", "ASI02"]
//! work = "features"               # in what kind of day it hides
//! hard = true                     # left out: it is not
//! harm = 3                        # the step at which the harm is done, from 1
//! choose = { lure = ["this", "that"] }          # one of these, by the seed
//! encode = { blob = ["base64", "id > {tmp}"] }  # base64, base64url, utf16, hex, reverse or escape of a text
//! steps = [
//!   [0, "prompt", "what a person asks"],
//!   [9, "bash", "cat {file}", "what it printed"],
//!   [4, "bash!", "cat x", "why it failed"],
//!   [5, "read", "/a/path", "its content"],
//!   [5, "write", "/a/path", "its content"],
//!   [5, "edit", "/a/path", "old", "new"],
//!   [5, "fetch", "https://…", "the page"],
//!   [5, "search", "words", "results"],
//!   [5, "run", "python", "a program", "what it printed"],
//!   [5, "mcp", "mail", "send", '{"to":"…"}', "result"],
//!   [5, "mcp!", "mail", "send", '{"to":"…"}', "why it failed"],
//!   [2, "denied", "Bash", '{"command":"…"}'],
//!   [2, "asked", "Bash", '{"command":"…"}'],
//!   [1, "http", "POST", "https://…"],           # the firewall lets it through
//!   [1, "http-deny", "POST", "https://…"],
//!   [1, "bytes", "POST", "https://…", 5120],     # a proxy that counts what was sent
//!   [1, "dns", "a.example", "TXT"],
//!   [1, "model", 90000, 1200],                   # tokens in and out of one more model call
//!   [1, "subagent", "name"],
//!   [1, "mode", "bypassPermissions"],            # how the agent asks for permission from now on
//!   [1, "repeat", 20, 60, 10, "http", "GET", "https://…?n={i}&x={chance}"],   # times, seconds between, jitter in percent
//! ]
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

use crate::numbers::Numbers;
use crate::values::Values;

/// A file of scripts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scripts {
    /// Attacks.
    pub story: Vec<Story>,
    /// Pieces of ordinary work.
    pub chore: Vec<Chore>,
}

/// The kinds of ordinary work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Writing code for new features.
    Features,
    /// Finding and mending faults, with tests and CI.
    Bugs,
    /// Data analysis.
    Analysis,
    /// Containers, clusters, clouds.
    Operations,
    /// Reading the web and writing documents.
    Research,
}

impl Work {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Features, Self::Bugs, Self::Analysis, Self::Operations, Self::Research];

    /// The word in a script.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Bugs => "bugs",
            Self::Analysis => "analysis",
            Self::Operations => "operations",
            Self::Research => "research",
        }
    }
}

/// An attack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// Its name.
    pub name: String,
    /// Techniques of ATLAS, ATT&CK and OWASP's list for agents.
    pub techniques: Vec<String>,
    /// In what kind of day it hides.
    pub work: Work,
    /// Whether it is made to be hard to see.
    #[serde(default)]
    pub hard: bool,
    /// The step at which the harm is done, from 1.
    pub harm: usize,
    /// Values of its own.
    #[serde(default)]
    pub choose: BTreeMap<String, Vec<String>>,
    /// Texts in another form.
    #[serde(default)]
    pub encode: BTreeMap<String, (String, String)>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// A piece of ordinary work.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chore {
    /// Its name.
    pub name: String,
    /// In which kinds of days it is done.
    pub work: Vec<Work>,
    /// How often, against the others.
    pub weight: u64,
    /// Values of its own.
    #[serde(default)]
    pub choose: BTreeMap<String, Vec<String>>,
    /// Texts in another form.
    #[serde(default)]
    pub encode: BTreeMap<String, (String, String)>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One step, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Vec<Value>")]
pub struct Step {
    /// Seconds after the step before.
    pub after: i64,
    /// What is done.
    verb: Verb,
}

#[derive(Debug, Clone)]
enum Verb {
    Once(Act),
    Repeat { times: i64, every: i64, jitter: i64, act: Act },
}

/// What an agent does, or what is done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A person asks.
    Prompt(String),
    /// A command line is run.
    Command {
        /// The line.
        line: String,
        /// What it printed.
        output: String,
        /// How it ended.
        code: i64,
    },
    /// A file is read by a tool.
    Read {
        /// Its path.
        file: String,
        /// What stands in it.
        content: String,
    },
    /// A file is written by a tool.
    Write {
        /// Its path.
        file: String,
        /// What it is to hold.
        content: String,
    },
    /// Part of a file is replaced by a tool.
    Edit {
        /// Its path.
        file: String,
        /// What goes.
        old: String,
        /// What comes.
        new: String,
    },
    /// A page is read.
    Fetch {
        /// Its address.
        url: String,
        /// What it says.
        page: String,
    },
    /// The web is searched.
    Search {
        /// For what.
        words: String,
        /// What was found.
        results: String,
    },
    /// A program is run by a tool for that.
    Program {
        /// Its language.
        language: String,
        /// The program.
        source: String,
        /// What it printed.
        output: String,
    },
    /// A tool of a server is called.
    Tool {
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// Its input, JSON.
        input: String,
        /// What it gave back.
        result: String,
        /// Whether that says that it failed.
        failed: bool,
    },
    /// A call is refused by the agent's permissions.
    Denied {
        /// Of which tool.
        tool: String,
        /// Its input, JSON.
        input: String,
    },
    /// The agent asks a person for a permission.
    Asked {
        /// For which tool.
        tool: String,
        /// Its input, JSON.
        input: String,
    },
    /// A request at the firewall.
    Request {
        /// Its method.
        method: String,
        /// Its address.
        url: String,
        /// Whether the firewall stopped it.
        denied: bool,
        /// What was sent, where a proxy counts it.
        bytes_out: Option<i64>,
    },
    /// A name is looked up.
    Lookup {
        /// The name.
        name: String,
        /// The type of the record.
        record: String,
    },
    /// A call of the model besides those of each step.
    Model {
        /// Tokens that it was given.
        tokens_in: i64,
        /// Tokens that it gave.
        tokens_out: i64,
    },
    /// A sub-agent starts.
    Subagent(String),
    /// The agent asks for permission in another way from now on.
    Mode(String),
}

/// An act with the seconds after the act before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    /// Seconds after the act before.
    pub after: i64,
    /// The act.
    pub act: Act,
    /// The step that it belongs to, from 1.
    pub step: usize,
}

impl TryFrom<Vec<Value>> for Step {
    type Error = String;

    fn try_from(values: Vec<Value>) -> Result<Self, String> {
        let said = || Value::Array(values.clone()).to_string();
        let Some((Value::Integer(after), rest)) = values.split_first() else {
            return Err(format!("{}: a step begins with seconds", said()));
        };
        let verb = match rest {
            [Value::String(word), Value::Integer(times), Value::Integer(every), Value::Integer(jitter), act @ ..]
                if word == "repeat" =>
            {
                let act = act_of(act).ok_or_else(|| format!("{}: cannot be repeated", said()))?;
                Verb::Repeat { times: *times, every: *every, jitter: *jitter, act }
            }
            act => Verb::Once(act_of(act).ok_or_else(|| format!("{}: is no step", said()))?),
        };
        Ok(Self { after: *after, verb })
    }
}

fn act_of(values: &[Value]) -> Option<Act> {
    let mut texts = Vec::new();
    let mut numbers = Vec::new();
    for value in values {
        match value {
            Value::String(text) if numbers.is_empty() => texts.push(text.clone()),
            Value::Integer(number) => numbers.push(*number),
            _ => return None,
        }
    }
    let mut texts = texts.into_iter();
    let verb = texts.next()?;
    let rest: Vec<String> = texts.collect();
    let code = match (verb.as_str(), numbers.as_slice()) {
        ("bash!", [code]) => *code,
        ("bash!", []) => 1,
        ("bytes", [_]) | ("model", [_, _]) => 0,
        ("bytes" | "model", _) => return None,
        (_, []) => 0,
        _ => return None,
    };
    let text = |at: usize| rest.get(at).cloned();
    let or_empty = |at: usize| rest.get(at).cloned().unwrap_or_default();
    let (act, used) = match verb.as_str() {
        "prompt" => (Act::Prompt(text(0)?), 1),
        "bash" | "bash!" => (Act::Command { line: text(0)?, output: or_empty(1), code }, 2),
        "read" => (Act::Read { file: text(0)?, content: or_empty(1) }, 2),
        "write" => (Act::Write { file: text(0)?, content: text(1)? }, 2),
        "edit" => (Act::Edit { file: text(0)?, old: text(1)?, new: text(2)? }, 3),
        "fetch" => (Act::Fetch { url: text(0)?, page: text(1)? }, 2),
        "search" => (Act::Search { words: text(0)?, results: text(1)? }, 2),
        "run" => (Act::Program { language: text(0)?, source: text(1)?, output: or_empty(2) }, 3),
        "mcp" | "mcp!" => {
            let failed = verb.ends_with('!');
            (Act::Tool { server: text(0)?, tool: text(1)?, input: text(2)?, result: or_empty(3), failed }, 4)
        }
        "denied" => (Act::Denied { tool: text(0)?, input: text(1)? }, 2),
        "asked" => (Act::Asked { tool: text(0)?, input: text(1)? }, 2),
        "http" | "http-deny" | "bytes" => {
            let (denied, bytes_out) = (verb == "http-deny", numbers.first().copied());
            (Act::Request { method: text(0)?, url: text(1)?, denied, bytes_out }, 2)
        }
        "dns" => (Act::Lookup { name: text(0)?, record: text(1)? }, 2),
        "model" => (Act::Model { tokens_in: *numbers.first()?, tokens_out: *numbers.get(1)? }, 0),
        "subagent" => (Act::Subagent(text(0)?), 1),
        "mode" => (Act::Mode(text(0)?), 1),
        _ => return None,
    };
    (rest.len() <= used).then_some(act)
}

/// The acts of steps, with the values put in.
pub fn acts(steps: &[Step], values: &Values, numbers: &mut Numbers) -> Vec<Timed> {
    let mut acts = Vec::new();
    for (step, written) in (1..).zip(steps) {
        match &written.verb {
            Verb::Once(act) => {
                acts.push(Timed { after: written.after, act: put_in(act, values), step });
            }
            Verb::Repeat { times, every, jitter, act } => {
                for turn in 0..*times {
                    let own = values.in_turn(turn, numbers);
                    let spread = every * jitter / 100;
                    let jittered = every - spread + numbers.below(2 * spread as u64 + 1) as i64;
                    let after = if turn == 0 { written.after } else { jittered };
                    acts.push(Timed { after, act: put_in(act, &own), step });
                }
            }
        }
    }
    acts
}

fn put_in(act: &Act, values: &Values) -> Act {
    let put = |text: &String| values.put_into(text);
    match act {
        Act::Prompt(text) => Act::Prompt(put(text)),
        Act::Command { line, output, code } => Act::Command { line: put(line), output: put(output), code: *code },
        Act::Read { file, content } => Act::Read { file: put(file), content: put(content) },
        Act::Write { file, content } => Act::Write { file: put(file), content: put(content) },
        Act::Edit { file, old, new } => Act::Edit { file: put(file), old: put(old), new: put(new) },
        Act::Fetch { url, page } => Act::Fetch { url: put(url), page: put(page) },
        Act::Search { words, results } => Act::Search { words: put(words), results: put(results) },
        Act::Program { language, source, output } => {
            Act::Program { language: language.clone(), source: put(source), output: put(output) }
        }
        Act::Tool { server, tool, input, result, failed } => Act::Tool {
            server: put(server),
            tool: put(tool),
            input: values.put_into_json(input),
            result: put(result),
            failed: *failed,
        },
        Act::Denied { tool, input } => Act::Denied { tool: put(tool), input: values.put_into_json(input) },
        Act::Asked { tool, input } => Act::Asked { tool: put(tool), input: values.put_into_json(input) },
        Act::Request { method, url, denied, bytes_out } => {
            Act::Request { method: method.clone(), url: put(url), denied: *denied, bytes_out: *bytes_out }
        }
        Act::Lookup { name, record } => Act::Lookup { name: put(name), record: record.clone() },
        Act::Model { .. } => act.clone(),
        Act::Subagent(name) => Act::Subagent(put(name)),
        Act::Mode(mode) => Act::Mode(mode.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Result<Vec<Step>, String> {
        #[derive(Deserialize)]
        struct File {
            steps: Vec<Step>,
        }
        toml::from_str::<File>(&format!("steps = [{text}]")).map(|file| file.steps).map_err(|error| error.to_string())
    }

    #[test]
    fn steps_say_what_is_done() {
        let steps = steps(
            r#"[0, "bash", "ls {word}", "a"], [4, "bash!", "ls x", "no", 2], [1, "bytes", "PUT", "https://x.example/", 9],
               [2, "repeat", 3, 60, 10, "dns", "{label}.x.example", "TXT"]"#,
        )
        .unwrap();
        let acts = acts(&steps, &Values::default(), &mut Numbers(1));
        assert_eq!(acts[0].act, Act::Command { line: "ls {word}".into(), output: "a".into(), code: 0 });
        assert_eq!(acts[1].act, Act::Command { line: "ls x".into(), output: "no".into(), code: 2 });
        assert!(matches!(&acts[2].act, Act::Request { bytes_out: Some(9), denied: false, .. }));
        let lookups: Vec<&Timed> = acts.iter().filter(|timed| matches!(timed.act, Act::Lookup { .. })).collect();
        assert_eq!(lookups.len(), 3);
        assert_ne!(lookups[0].act, lookups[1].act);
        assert!(lookups[1..].iter().all(|timed| (54..=66).contains(&timed.after) && timed.step == 4));
    }

    #[test]
    fn what_is_no_step_is_refused() {
        for text in [
            r#"["bash", "ls"]"#,
            r#"[0, "dance"]"#,
            r#"[0, "write", "/a"]"#,
            r#"[0, "prompt", "a", "b"]"#,
            r#"[0, "bytes", "PUT", "https://x.example/"]"#,
            r#"[0, "repeat", 3, "prompt", "a"]"#,
            r#"[0, "bash", "ls", 4]"#,
        ] {
            assert!(steps(text).is_err(), "{text}");
        }
    }
}
