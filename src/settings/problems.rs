//! Everything that is wrong with a configuration file at once, each mistake with its place.
//!
//! Types and checks stop at the first mistake. So the file is put together again, table by table and setting by setting, and what
//! does not fit is told and left out: what remains is a configuration that is in order, and is looked at for what is missing
//! around it. No check is written twice.

mod mend;

use std::fmt;

use serde::{Deserialize, Serialize};
use toml::de::DeTable;
use toml::{Table, Value};

use super::Settings;
use crate::limits::CONFIG_PROBLEMS_MAX;
use mend::{Effort, Mender};

/// A mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The setting or table, such as `sink.soc.url`; empty if it is about the whole file.
    pub place: String,
    /// Its line, if it stands in the file.
    pub line: Option<usize>,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Problem {
    /// One that is found around the file, and whose message says where.
    pub(super) fn around(message: String) -> Self {
        Self { place: String::new(), line: None, message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with the text of a configuration file, in its order. `around` looks for what is missing around the
/// part of it that is in order.
pub fn find(text: &str, around: impl FnOnce(&Settings) -> Vec<Problem>) -> Vec<Problem> {
    search(text, around, &Effort::of(text))
}

fn search(text: &str, around: impl FnOnce(&Settings) -> Vec<Problem>, effort: &Effort) -> Vec<Problem> {
    let (lines, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What the rest of the file means is anybody's guess then.
        let problem = |error: &toml::de::Error| Problem {
            place: String::new(),
            line: error.span().map(|span| line(text, span.start)),
            message: error.message().to_owned(),
        };
        // Each costs a look for its line.
        return in_order(errors.iter().take(CONFIG_PROBLEMS_MAX).map(problem).collect());
    }
    let mut mender = Mender::new(text, lines.get_ref(), effort);
    let whole = text.parse::<Table>().unwrap_or_default();
    let fits = |value: &Value| if effort.spend() { read(value).map(|_| ()) } else { Err(Vec::new()) };
    let mended = mender.mend(&[], Value::Table(whole), &fits);
    let mut problems = mender.problems;
    if let Some(settings) = mended.and_then(|value| read(&value).ok()) {
        problems.extend(around(&settings));
    }
    let mut problems = in_order(problems);
    if effort.is_over() {
        let message = "there may be more mistakes; correct the others and check again".to_owned();
        problems.push(Problem { place: String::new(), line: None, message });
    }
    problems
}

fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| problem.line);
    problems.truncate(CONFIG_PROBLEMS_MAX);
    problems
}

/// Reads the value of a whole file, or says everything that its types or its checks find.
fn read(value: &Value) -> Result<Settings, Vec<String>> {
    let settings = Settings::deserialize(value.clone()).map_err(|error| vec![error.message().to_owned()])?;
    let problems = settings.problems();
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

/// The line of a byte, counted from one.
pub(super) fn line(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn places(text: &str) -> Vec<String> {
        let problems = find(text, |_| Vec::new());
        problems.iter().map(|problem| format!("{} {}", problem.line.unwrap_or_default(), problem.place)).collect()
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let sink = "[[sink]]\nname = \"s\"\ntype = \"webhook\"\nurl = \"https://a.example\"\nsecret = \"env:A\"\n";
        let mut surprises = Vec::new();
        let mut check = |text: &str, expected: &[&str]| {
            let problems: Vec<String> = find(text, |_| Vec::new()).iter().map(Problem::to_string).collect();
            let says = |(shown, expected): (&String, &&str)| expected.split('…').all(|part| shown.contains(part));
            if problems.len() != expected.len() || !problems.iter().zip(expected).all(says) {
                surprises.push(format!("{text} gives {problems:#?}"));
            }
        };
        check("", &[]);
        check(sink, &[]);
        check("a = \nb = ]\n", &["line 1: ", "line 2: "]);
        check("verbose = true\ncolour = 1\n", &["line 1: verbose: unknown field", "line 2: colour: unknown field"]);
        check(
            "[store]\ndir = \"a\"\nreserve_bytes = \"b\"\n[query]\nthreads = 0\n[listen]\nconsole = \"localhost\"\n",
            &["line 2: store.dir", "line 3: store.reserve_bytes", "line 5: query.threads", "line 7: listen.console"],
        );
        let collector = |more: &str| format!("[[collector]]\n{more}\n");
        check(
            &(collector("name = \"a\"\ntransport = \"telex\"\ndialect = \"latin\"")
                + &collector("name = \"b\"\ntransport = \"http\"\ndialect = \"coder\"\nspeed = 1")
                + &collector("name = \"b\"\ntransport = \"http\"\ndialect = \"coder\"")
                + &collector("transport = \"http\"\ndialect = \"coder\"")),
            &[
                "line 1: …latin",
                "line 1: …telex",
                "line 9: collector.b.speed",
                "line 10: …same name",
                "line 14: collector[3]: missing field `name`",
            ],
        );
        // What is wrong with one setting is not said of another.
        check(
            &collector("name = \"a\"\ntransport = \"http\"\ndialect = \"latin\"\nspeed = 1"),
            &["line 4: collector.a.dialect…latin", "line 5: collector.a.speed…unknown field `speed`"],
        );
        check(
            &(sink.to_owned() + "speed = 1\ntimeout_seconds = \"x\"\n" + &sink.replace("https", "gopher") + sink),
            &["line 6: sink.s.speed", "line 7: sink.s.timeout_seconds", "line 11: sink.s.url", "line 13: …two sinks"],
        );
        // A setting that is gone says so, and is not the end of the sink.
        check(
            &(sink.to_owned() + "console = \"https://c.example\"\nspeed = 1\n"),
            &["line 6: sink.s.console: …no pages yet…leave the setting out", "line 7: sink.s.speed"],
        );
        // A route to a sink that is wrong is not wrong itself; a route to one that is not there is.
        let route = |name: &str, to: &str| format!("[[route]]\nname = \"{name}\"\nreceivers = [{to}]\n");
        check(
            &(route("x", "\"p\"")
                + &route("y", "\"q\"")
                + &route("z", "")
                + "[[sink]]\nname = \"p\"\ntype = \"slack\"\nwebhook = 1\n"),
            &["line 4: …\"q\" is no sink", "line 9: …receivers", "line 13: sink.p.webhook"],
        );
        check(
            "[detect.rules.\"egress.denied_post\"]\nquiet_seconds = 0\nquiet = 1\n[detect.rules.\"no.such\"]\n",
            &["line 2: …quiet_seconds", "line 3: …quiet", "line 4: …no.such"],
        );
        check(
            "[[budget]]\nname = \"a\"\nperiod = \"day\"\ncap_usd = \"x\"\n[[budget]]\nname = \"b\"\nperiod = \"eon\"\ncap_usd = 1\n",
            &["line 4: budget.a.cap_usd", "line 7: budget.b.period"],
        );
        check(
            "[[alerts.escalate]]\nname = \"a\"\nafter_minutes = 5\n[[alerts.inhibit]]\nname = \"b\"\nsource = [\"ruel=x\"]\ntarget = [\"rule=y\"]\n",
            &["line 1: …does nothing", "line 4: …ruel"],
        );
        assert_eq!(surprises, Vec::<String>::new(), "{}", surprises.join("\n"));
    }

    #[test]
    fn what_is_around_is_looked_for_in_what_is_in_order() {
        let problem = |place: &str| Problem { place: place.to_owned(), line: None, message: String::new() };
        let text = "verbose = 1\n[store]\ndata = \"elsewhere\"\n";
        let problems = find(text, |settings| vec![problem(&settings.store.data.to_string_lossy())]);
        assert_eq!(problems.iter().map(|problem| problem.place.as_str()).collect::<Vec<_>>(), ["elsewhere", "verbose"]);
    }

    #[test]
    fn a_mistake_costs_few_readings_however_long_the_file_is() {
        let budget = |at: usize| {
            let cap = if [0, 500, 1_023].contains(&at) { "\"x\"" } else { "1" };
            format!("[[budget]]\nname = \"b{at}\"\nperiod = \"day\"\ncap_usd = {cap}\n")
        };
        let text: String = (0..1_024).map(budget).collect();
        let effort = Effort::of(&text);
        let problems = search(&text, |_| Vec::new(), &effort);
        let places: Vec<&str> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["budget.b0.cap_usd", "budget.b500.cap_usd", "budget.b1023.cap_usd"]);
        assert!(effort.readings.get() < 100, "{} readings", effort.readings.get());
        // A file that takes too long is not taken apart to the end, and that is told.
        let little = Effort { readings_max: 40, readings: Cell::new(0) };
        let problems = search(&text, |_| Vec::new(), &little);
        assert!((1..=3).contains(&problems.len()), "{problems:?}");
        assert!(problems.iter().any(|problem| problem.message.contains("there may be more mistakes")));
        assert!(little.readings.get() < 80, "{} readings", little.readings.get());
    }

    #[test]
    fn an_unknown_name_is_told_with_the_one_that_was_meant() {
        let sink = "[[sink]]\nname = \"s\"\ntype = \"slack\"\nwebhook = \"env:A\"\n";
        let collector = "[[collector]]\nname = \"c\"\ntransport = \"tail\"\ndialect = \"coder\"\npath = \"/a\"\n";
        let check = |text: &str, near: &str| {
            let problems: Vec<String> = find(text, |_| Vec::new()).iter().map(Problem::to_string).collect();
            let hint = format!("did you mean `{near}`?");
            assert!(matches!(&problems[..], [problem] if problem.contains(&hint)), "{text} gives {problems:?}");
        };
        check("[stroe]\n", "store");
        check("[store]\nreserve_byte = 1\n", "reserve_bytes");
        check("[listen]\nconsol = \"a\"\n", "console");
        check("[query]\nthread = 1\n", "threads");
        check("[ingest]\nprice = \"a\"\n", "prices");
        check("[detect]\nuser_rule = \"a\"\n", "user_rules");
        check("[detect.rules.\"egress.denied_pots\"]\n", "egress.denied_post");
        check("[detect.rules.\"egress.denied_post\"]\nquiet_second = 1\n", "quiet_seconds");
        check("[alerts]\ngroup_minute = 1\n", "group_minutes");
        check("[[alerts.inhibit]]\nname = \"a\"\nsource = [\"rule=x\"]\ntarget = [\"rule=y\"]\nequals = []\n", "equal");
        check("[[budget]]\nname = \"a\"\nperiod = \"day\"\ncap_usd = 1\nteams = \"a\"\n", "team");
        check("[[budget]]\nname = \"a\"\nperiod = \"dya\"\ncap_usd = 1\n", "day");
        // Settings that all of them have, and those of one kind.
        check(&format!("{sink}severty = \"high\"\n"), "severity");
        check(&format!("{sink}signing_secrets = \"env:B\"\n"), "signing_secret");
        check(&format!("{collector}worksapce = \"w\"\n"), "workspace");
        check(&format!("{collector}rotate = \"/b\"\n"), "rotated");
        check(&format!("{sink}[[route]]\nname = \"r\"\nreceivers = [\"s\"]\ncontinues = true\n"), "continue");
    }

    #[test]
    fn a_file_of_mistakes_has_a_bound() {
        let text: String =
            (0..3 * CONFIG_PROBLEMS_MAX).flat_map(|at| ["a".to_owned(), at.to_string(), " = 1\n".to_owned()]).collect();
        assert_eq!(places(&text).len(), CONFIG_PROBLEMS_MAX);
    }
}
