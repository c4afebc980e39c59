//! The configuration of `tachograph collect`: the collectors of a server's file, and the server that records what they read.
//!
//! A file with a table `[server]` is one of these. Tables that only a server that records has are mistakes in it.

use std::path::Path;

use ingest::config::Collector;
use serde::Deserialize;

use super::{Listen, Problem, of_collectors, problems, read};
use crate::certificate::{self, Trouble};
use crate::exit::Failure;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The server that records.
    pub server: collect::Server,
    /// What is kept until it has.
    pub spool: collect::SpoolSettings,
    /// Where connections are accepted: `console` answers `/healthz`, `/readyz` and `/metrics`, `ingest` takes what is pushed.
    #[serde(default)]
    pub listen: Listen,
    /// The collectors: transports joined with dialects, each with the name and dialect of one at the server with the transport `http`.
    #[serde(default, rename = "collector")]
    pub collectors: Vec<Collector>,
    /// Who may push here.
    #[serde(default, rename = "sender")]
    pub senders: Vec<collect::Sender>,
}

impl Edge {
    /// What the package of collectors wants to know.
    pub fn intake(&self) -> ingest::config::Config {
        ingest::config::Config { collectors: self.collectors.clone(), ..ingest::config::Config::default() }
    }

    /// What the package of delivery wants to know.
    pub fn delivery(&self) -> collect::Config {
        collect::Config { server: self.server.clone(), spool: self.spool.clone(), senders: self.senders.clone() }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.intake().check().iter().map(of_collectors).collect();
        if self.listen.console == self.listen.ingest && self.listen.console.port() != 0 {
            problems.push("listen.console and listen.ingest are the same address; give each its own port".to_owned());
        }
        if self.collectors.is_empty() {
            problems.push("there is no [[collector]]: nothing would be read".to_owned());
        }
        problems.extend(self.delivery().check(&self.collectors).iter().map(ToString::to_string));
        problems
    }
}

/// Whether this is the text of such a file.
pub fn is_edge(text: &str) -> bool {
    text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("server"))
}

/// Reads and checks a file.
pub fn load(path: &Path) -> Result<Edge, Failure> {
    let named = |problem: &str| Failure::config(format!("{}: {problem}", path.display()));
    let edge = parse(&read(path)?).map_err(|error| named(&error))?;
    let problems = edge.problems();
    if problems.is_empty() { Ok(edge) } else { Err(named(&problems.join("\n"))) }
}

/// Everything that is wrong with the text of a file, and what it names and is not there.
pub fn examine(text: &str) -> Vec<Problem> {
    let edge = match parse(text) {
        Ok(edge) => edge,
        Err(error) => return vec![Problem::around(error)],
    };
    let mut problems = edge.problems();
    if problems.is_empty() {
        problems.extend(edge.delivery().missing().iter().map(ToString::to_string));
        problems.extend(certificate::troubles(&edge.listen).into_iter().filter_map(|trouble| match trouble {
            Trouble::Refused(message) => Some(message),
            Trouble::Look(_) => None,
        }));
    }
    problems.into_iter().map(Problem::around).collect()
}

fn parse(text: &str) -> Result<Edge, String> {
    toml::from_str(text).map_err(|error| {
        // The error's own form quotes the line, which may hold a secret that somebody wrote where a reference belongs.
        let line = error.span().map(|span| problems::line(text, span.start));
        line.map_or_else(|| error.message().to_owned(), |line| format!("line {line}: {}", error.message()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "[server]\nurl = \"https://recorder.acme.example:7071\"\ntoken = \"env:TACHOGRAPH_SURELY_NOT_SET\"\n[spool]\ndirectory = \"/var/spool\"\n";
    const COLLECTOR: &str =
        "[[collector]]\nname = \"a\"\ntransport = \"tail\"\ndialect = \"coder\"\npath = \"/var/log/a\"\n";

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, says: &str| {
            let said: Vec<String> = examine(text).iter().map(ToString::to_string).collect();
            assert!(said.iter().any(|said| said.contains(says)), "{said:?} says {says:?}");
            assert!(!said.iter().any(|said| said.contains("hunter2")), "{said:?}");
        };
        let whole = format!("{SERVER}{COLLECTOR}");
        assert!(is_edge(&whole) && !is_edge(COLLECTOR));
        assert_eq!(parse(&whole).unwrap().problems(), Vec::<String>::new());
        check(&whole, "server.token: the environment variable");
        check(SERVER, "no [[collector]]");
        check(&whole.replace("env:TACHOGRAPH_SURELY_NOT_SET", "hunter2"), "env:NAME or file:PATH");
        check(&format!("{whole}[store]\ndata = \"data\""), "store");
        check(&whole.replace("https", "http"), "server.url");
        check(&whole.replace("coder", "latin"), "collector.a.dialect");
        check(&format!("{whole}trust = \"host\""), "server's token");
    }
}
