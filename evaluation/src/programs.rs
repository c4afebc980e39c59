//! Short programs as an agent writes and runs them: risky ones by class, and harmless ones that look near to them. How a
//! program becomes acts is known here; what happens around it is known in `scenes`.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::corpus;
use crate::fault::Fault;
use crate::notation::{Act, Timed};

/// The classes of risk: the word in the notation, and what it means.
pub const RISKS: &[(&str, &str)] = &[
    ("system-secrets", "reads secrets of the system: shadow, ssh keys, credentials of clouds"),
    ("secret-search", "walks directories for secrets"),
    ("environment-keys", "reads the environment for keys"),
    ("moves-files", "renames or moves files of the system or of others"),
    ("shell-profile", "changes aliases or profile of the shell"),
    ("deletes-files", "deletes files of system, project or people"),
    ("overwrites-files", "overwrites or truncates important files"),
    ("permissions", "changes permissions or owners of sensitive files"),
    ("users-and-sudo", "adds users or rights"),
    ("kills-processes", "kills processes of others, or services"),
    ("hosts-and-proxy", "changes hosts, resolver, route or proxy"),
    ("defenses-off", "turns off firewall, logging or antivirus"),
    ("opens-shell", "opens ports, listens as a shell"),
    ("scans-network", "scans ports or networks, sniffs traffic"),
    ("malicious-site", "runs what a malicious site gives"),
    ("sends-files", "sends files to a foreign server"),
    ("sends-mail", "sends secrets by mail, or mail en masse"),
    ("floods-server", "floods a server"),
    ("exhausts-machine", "forks without end, fills memory or disk"),
    ("endless-loop", "loops without end"),
    ("miner", "mines a currency"),
    ("persistence", "installs what starts again"),
    ("encrypts-files", "encrypts files for ransom"),
    ("poisons-data", "poisons data or a model, or biases a decision"),
    ("tampers-history", "tampers with history, CI or logs"),
    ("container-escape", "leaves a container, asks the metadata service"),
    ("watches-user", "reads browser, clipboard, keys or screen"),
];

/// In what a program is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python 3.
    Python,
    /// Bash or sh.
    Shell,
    /// JavaScript for Node.
    Node,
}

/// How it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// As an argument: `python3 -c`, `node -e`.
    Inline,
    /// As a here-document on the interpreter's standard input.
    Heredoc,
    /// Written by the tool for files, then run.
    File,
    /// Written by the command line that runs it.
    Written,
    /// By the tool for programs.
    Tool,
    /// As a command line.
    Bash,
}

/// A program.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its class, a word of `RISKS`; of a harmless one: the class that it looks near to.
    pub risk: String,
    /// In what it is written.
    pub language: Language,
    /// How it is run.
    pub how: How,
    /// Whether it does no harm.
    pub harmless: bool,
    /// What the person asks before, where that matters.
    #[serde(default)]
    pub prompt: Option<String>,
    /// The program.
    pub text: String,
}

/// A file of programs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Programs {
    program: Vec<Program>,
}

/// The programs of this package.
pub fn own() -> Result<Vec<Program>, Fault> {
    let files = corpus::read::<Programs>("programs")?;
    let programs: Vec<Program> = files.into_iter().flat_map(|file| file.program).collect();
    let mut names = BTreeSet::new();
    for program in &programs {
        let is_new = names.insert(program.name.as_str());
        let fault = program.fault().or_else(|| (!is_new).then_some("its name is that of another"));
        if let Some(message) = fault {
            return Err(Fault::Script { script: program.name.clone(), message: message.to_owned() });
        }
    }
    Ok(programs)
}

impl Program {
    /// What is wrong with it, if something is.
    fn fault(&self) -> Option<&'static str> {
        let fits = match self.language {
            Language::Shell => matches!(self.how, How::Bash | How::File),
            Language::Python | Language::Node => self.how != How::Bash,
        };
        if self.text.trim().is_empty() {
            Some("it is empty")
        } else if !RISKS.iter().any(|(risk, _)| *risk == self.risk) {
            Some("its risk is no known class")
        } else if fits {
            None
        } else {
            Some("its language is not run so")
        }
    }

    /// What the agent does to run it in this folder.
    pub fn acts(&self, folder: &str) -> Vec<Timed> {
        let (interpreter, flag, ending) = match self.language {
            Language::Python => ("python3", "-c", "py"),
            Language::Shell => ("bash", "-c", "sh"),
            Language::Node => ("node", "-e", "js"),
        };
        let text = self.text.as_str();
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let command = |line: String| Act::Command { line, output: String::new(), code: 0 };
        let acts = match self.how {
            How::Bash => vec![command(text.to_owned())],
            How::Inline => vec![command(format!("{interpreter} {flag} {}", quoted(text)))],
            How::Heredoc => vec![command(format!("{interpreter} - <<'EOF'\n{text}{newline}EOF"))],
            How::Written => {
                let file = format!("/tmp/task.{ending}");
                vec![command(format!("cat > {file} <<'EOF'\n{text}{newline}EOF\n{interpreter} {file}"))]
            }
            How::File => {
                let file = format!("scripts/task.{ending}");
                let write = Act::Write { file: format!("{folder}/{file}"), content: text.to_owned() };
                vec![write, command(format!("{interpreter} {file}"))]
            }
            How::Tool => {
                let language = if self.language == Language::Node { "javascript" } else { "python" };
                vec![Act::Program { language: language.to_owned(), source: text.to_owned(), output: String::new() }]
            }
        };
        (1..).zip(acts).map(|(step, act)| Timed { after: 6, act, step }).collect()
    }
}

/// A text as one word of a command line.
fn quoted(text: &str) -> String {
    if text.contains('\'') && !text.contains(['"', '$', '`', '\\', '!']) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenes::tests::foreign_hosts;

    fn program(risk: &str, language: Language, how: How, text: &str) -> Program {
        let (name, text) = ("a".to_owned(), text.to_owned());
        Program { name, risk: risk.to_owned(), language, how, harmless: false, prompt: None, text }
    }

    #[test]
    fn there_are_enough_of_every_class() {
        let programs = own().unwrap();
        let mut risky: BTreeMap<&str, usize> = BTreeMap::new();
        for program in programs.iter().filter(|program| !program.harmless) {
            *risky.entry(&program.risk).or_default() += 1;
        }
        for (risk, _) in RISKS {
            assert!(risky.get(risk).is_some_and(|count| *count >= 8), "{risk}: {:?}", risky.get(risk));
        }
        let of = |language: Language| programs.iter().filter(|program| program.language == language).count();
        assert!(programs.len() >= 260 && programs.iter().filter(|program| program.harmless).count() >= 80);
        assert!(of(Language::Python) > of(Language::Shell) && of(Language::Node) >= 9);
    }

    #[test]
    fn programs_name_only_reserved_or_famous_hosts() {
        for program in own().unwrap() {
            assert_eq!(foreign_hosts(&program.text), Vec::<String>::new(), "{}", program.name);
        }
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let check = |risk, language, how, text, is_right: bool| {
            let program = program(risk, language, how, text);
            assert_eq!(program.fault().is_none(), is_right, "{program:?}");
        };
        check("miner", Language::Python, How::Heredoc, "pass", true);
        check("miner", Language::Shell, How::Bash, "ls", true);
        check("miner", Language::Shell, How::Inline, "ls", false);
        check("miner", Language::Node, How::Bash, "1", false);
        check("gold", Language::Node, How::Inline, "1", false);
        check("miner", Language::Node, How::Inline, " \n", false);
    }

    #[test]
    fn a_program_is_run_as_it_says() {
        let check = |language, how, text, expected: &[&str]| {
            let acts = program("miner", language, how, text).acts("/d");
            let told: Vec<String> = acts
                .into_iter()
                .map(|timed| match timed.act {
                    Act::Command { line, .. } => line,
                    Act::Write { file, content } => format!("{file}: {content}"),
                    Act::Program { language, source, .. } => format!("{language}: {source}"),
                    act => format!("{act:?}"),
                })
                .collect();
            assert_eq!(told, expected);
        };
        check(Language::Python, How::Inline, "print(1)", &["python3 -c 'print(1)'"]);
        check(Language::Python, How::Inline, "print('a')", &["python3 -c \"print('a')\""]);
        check(Language::Node, How::Inline, "f('a', `b`)", &[r"node -e 'f('\''a'\'', `b`)'"]);
        check(Language::Python, How::Heredoc, "a\n", &["python3 - <<'EOF'\na\nEOF"]);
        check(Language::Python, How::Written, "a", &["cat > /tmp/task.py <<'EOF'\na\nEOF\npython3 /tmp/task.py"]);
        check(Language::Shell, How::File, "a", &["/d/scripts/task.sh: a", "bash scripts/task.sh"]);
        check(Language::Python, How::Tool, "a", &["python: a"]);
        check(Language::Shell, How::Bash, "a", &["a"]);
    }
}
