//! Everything that is wrong with a configuration file at once, each mistake with its place.
//!
//! Types and checks stop at the first mistake. So the file is put together again, table by table and setting by setting, and what
//! does not fit is told and left out: what remains is a configuration that is in order, and is looked at for what is missing
//! around it. No check is written twice.

use std::fmt;

use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::Settings;
use crate::limits::CONFIG_PROBLEMS_MAX;

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
    let (lines, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What the rest of the file means is anybody's guess then.
        let problem = |error: &toml::de::Error| Problem {
            place: String::new(),
            line: error.span().map(|span| line(text, span.start)),
            message: error.message().to_owned(),
        };
        return in_order(errors.iter().map(problem).collect());
    }
    let mut mender = Mender { text, lines: lines.get_ref(), problems: Vec::new(), lost_sinks: Vec::new() };
    let whole = text.parse::<Table>().unwrap_or_default();
    let fits = |value: &Value| read(value).map(|_| ());
    let mended = mender.mend(&[], Value::Table(whole), &fits);
    let mut problems = mender.problems;
    if let Some(settings) = mended.and_then(|value| read(&value).ok()) {
        problems.extend(around(&settings));
    }
    in_order(problems)
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

/// One step from a table or list to what it holds.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    /// A number, and the name that stands there.
    Entry(usize, Option<String>),
}

/// Whether a value fits where it stands.
type Fits<'a> = &'a dyn Fn(&Value) -> Result<(), Vec<String>>;

struct Mender<'a> {
    text: &'a str,
    lines: &'a DeTable<'a>,
    problems: Vec<Problem>,
    /// Sinks that were left out: that others name them is no mistake.
    lost_sinks: Vec<String>,
}

impl Mender<'_> {
    /// What is left of a value when everything that does not fit is taken out of it and told.
    fn mend(&mut self, place: &[Step], value: Value, fits: Fits<'_>) -> Option<Value> {
        let Err(errors) = fits(&value) else { return Some(value) };
        if self.problems.len() >= CONFIG_PROBLEMS_MAX {
            return None;
        }
        match value {
            Value::Table(table) if fits(&Value::Table(Table::new())).is_ok() => Some(self.grow(place, table, fits)),
            Value::Table(table) => self.shrink(place, table, fits),
            Value::Array(list) if list.iter().all(Value::is_table) && fits(&Value::Array(Vec::new())).is_ok() => {
                Some(self.collect(place, list, fits))
            }
            _ => {
                self.tell(place, errors);
                None
            }
        }
    }

    /// A table in which every setting may be left out is built up again.
    fn grow(&mut self, place: &[Step], mut table: Table, fits: Fits<'_>) -> Value {
        let mut kept = Table::new();
        // Others name sinks, so sinks come first.
        let first = table.remove_entry("sink");
        for (key, value) in first.into_iter().chain(table) {
            let with = |value: &Value| {
                let mut table = kept.clone();
                table.insert(key.clone(), value.clone());
                fits(&Value::Table(table))
            };
            let place = [place, &[Step::Key(key.clone())]].concat();
            if let Some(value) = self.mend(&place, value, &with) {
                kept.insert(key, value);
            }
        }
        Value::Table(kept)
    }

    /// A list of tables is built up again.
    fn collect(&mut self, place: &[Step], list: Vec<Value>, fits: Fits<'_>) -> Value {
        let mut kept: Vec<Value> = Vec::new();
        for (at, value) in list.into_iter().enumerate() {
            let with = |value: &Value| fits(&Value::Array([kept.as_slice(), std::slice::from_ref(value)].concat()));
            let name = value.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
            let place = [place, &[Step::Entry(at, name.clone())]].concat();
            match self.mend(&place, value, &with) {
                Some(value) => kept.push(value),
                None if matches!(&place[0], Step::Key(key) if key == "sink") => self.lost_sinks.extend(name),
                None => {}
            }
        }
        Value::Array(kept)
    }

    /// From a table that needs some settings, those that do not fit are taken out as long as it can do without them.
    fn shrink(&mut self, place: &[Step], mut table: Table, fits: Fits<'_>) -> Option<Value> {
        // Whether something is missing only because it was taken out.
        let mut robbed = false;
        while let Err(errors) = fits(&Value::Table(table.clone())) {
            let found = culprit(&table, &errors, fits).filter(|(rank, _)| *rank != Rank::Needed || errors.len() == 1);
            let Some((rank, key)) = found else {
                if !robbed {
                    self.tell(place, errors);
                }
                return None;
            };
            robbed |= !errors.iter().any(|error| error.contains("unknown field"));
            self.tell(&[place, &[Step::Key(key.clone())]].concat(), errors.into_iter().take(1).collect());
            if rank == Rank::Needed {
                return None;
            }
            table.remove(&key);
        }
        Some(Value::Table(table))
    }

    fn tell(&mut self, place: &[Step], messages: Vec<String>) {
        let lost = |message: &String| {
            self.lost_sinks.iter().any(|name| message.contains(&format!("{name:?} is no sink that takes alerts")))
        };
        let messages: Vec<String> = messages.into_iter().filter(|message| !lost(message)).collect();
        let (line, shown) = (self.line(place), show(place));
        let problem = |message: String| {
            // Some messages begin with their place; once is enough.
            let place = if message.starts_with(&shown) { String::new() } else { shown.clone() };
            Problem { place, line, message }
        };
        self.problems.extend(messages.into_iter().map(problem));
    }

    /// The line of a place, or of what is nearest around it.
    fn line(&self, place: &[Step]) -> Option<usize> {
        let mut found = None;
        let mut table = Some(self.lines);
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for step in place {
            match step {
                Step::Key(key) => {
                    let (key, inner) = table?.iter().find(|(name, _)| name.get_ref() == key)?;
                    found = Some(key.span().start);
                    value = Some(inner);
                }
                Step::Entry(at, _) => {
                    let inner = value?.get_ref().as_array()?.get(*at)?;
                    found = Some(inner.span().start);
                    value = Some(inner);
                }
            }
            table = value.and_then(|value| value.get_ref().as_table());
        }
        found.map(|at| line(self.text, at))
    }
}

/// What a table is without a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// In order.
    Mended,
    /// Wrong in another way.
    Other,
    /// Wrong, because the setting must be there.
    Needed,
}

/// The setting that is wrong, if one is.
fn culprit(table: &Table, errors: &[String], fits: Fits<'_>) -> Option<(Rank, String)> {
    let error = errors.first()?;
    let mut candidates = Vec::new();
    // Every message about an entry has its name, so without it every message is another one.
    for key in table.keys().filter(|key| *key != "name" && *key != "type") {
        let mut without = table.clone();
        without.remove(key);
        let rank = match fits(&Value::Table(without)) {
            Ok(()) => Rank::Mended,
            Err(others) if others == errors => continue,
            Err(others) if others.iter().any(|other| other.contains(&format!("missing field `{key}`"))) => Rank::Needed,
            Err(_) => Rank::Other,
        };
        candidates.push((rank, !error.contains(key.as_str()), key));
    }
    candidates.sort();
    let (rank, silent, key) = candidates.first()?;
    // A setting that must be there is not wrong because a message is about the whole entry.
    let by_type = error.contains("invalid ") || error.contains("unknown variant");
    if *rank == Rank::Needed && *silent && !by_type {
        return None;
    }
    let alone = candidates.iter().filter(|(other, ..)| other == rank).count() == 1;
    (*rank == Rank::Mended || alone || !silent).then(|| (*rank, (*key).clone()))
}

fn show(place: &[Step]) -> String {
    let mut text = String::new();
    for step in place {
        match step {
            Step::Key(name) | Step::Entry(_, Some(name)) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Step::Entry(at, None) => text.extend(["[", &at.to_string(), "]"]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
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
    fn a_file_of_mistakes_has_a_bound() {
        let text: String =
            (0..3 * CONFIG_PROBLEMS_MAX).flat_map(|at| ["a".to_owned(), at.to_string(), " = 1\n".to_owned()]).collect();
        assert_eq!(places(&text).len(), CONFIG_PROBLEMS_MAX);
    }
}
