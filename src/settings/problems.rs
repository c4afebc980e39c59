//! Everything that is wrong with a configuration file at once, each mistake with its place.
//!
//! Types and checks stop at the first mistake. So the file is put together again, table by table and setting by setting, and what
//! does not fit is told and left out: what remains is a configuration that is in order, and is looked at for what is missing
//! around it. No check is written twice.

use std::cell::Cell;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::Settings;
use crate::limits::{CONFIG_PROBLEMS_MAX, CONFIG_READ_BYTES_MAX};

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
        return in_order(errors.iter().map(problem).collect());
    }
    let mut mender = Mender { text, lines: lines.get_ref(), effort, problems: Vec::new(), lost_sinks: Vec::new() };
    let whole = text.parse::<Table>().unwrap_or_default();
    let fits = |value: &Value| if effort.spend() { read(value).map(|_| ()) } else { Err(Vec::new()) };
    let mended = mender.mend(&[], Value::Table(whole), &fits);
    let mut problems = mender.problems;
    if effort.is_over() {
        let message = "there may be more mistakes; correct the others and check again".to_owned();
        problems.push(Problem { place: String::new(), line: None, message });
    }
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

/// How often the file is read again in search of what is wrong. A large file of many mistakes is not taken apart to the end.
struct Effort {
    readings_max: usize,
    readings: Cell<usize>,
}

impl Effort {
    fn of(text: &str) -> Self {
        Self { readings_max: CONFIG_READ_BYTES_MAX / text.len().max(1), readings: Cell::new(0) }
    }

    /// Counts one more; false if that is too many.
    fn spend(&self) -> bool {
        self.readings.set(self.readings.get() + 1);
        !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.readings.get() > self.readings_max
    }
}

struct Mender<'a> {
    text: &'a str,
    lines: &'a DeTable<'a>,
    effort: &'a Effort,
    problems: Vec<Problem>,
    /// Sinks that were left out: that others name them is no mistake.
    lost_sinks: Vec<String>,
}

impl Mender<'_> {
    /// What is left of a value when everything that does not fit is taken out of it and told.
    fn mend(&mut self, place: &[Step], value: Value, fits: Fits<'_>) -> Option<Value> {
        if self.is_done() {
            return None;
        }
        let Err(errors) = fits(&value) else { return Some(value) };
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

    /// Whether nothing more is told.
    fn is_done(&self) -> bool {
        self.problems.len() >= CONFIG_PROBLEMS_MAX || self.effort.is_over()
    }

    /// A table in which every setting may be left out is built up again.
    fn grow(&mut self, place: &[Step], mut table: Table, fits: Fits<'_>) -> Value {
        // Others name sinks, so sinks come first.
        let first = table.remove_entry("sink");
        let pieces = first.into_iter().chain(table).map(|(key, value)| (Step::Key(key), value)).collect();
        self.rebuild(place, pieces, fits, |pieces| {
            let entry = |(step, value): &(Step, Value)| match step {
                Step::Key(key) => Some((key.clone(), value.clone())),
                Step::Entry(..) => None,
            };
            Value::Table(pieces.iter().filter_map(entry).collect())
        })
    }

    /// A list of tables is built up again.
    fn collect(&mut self, place: &[Step], list: Vec<Value>, fits: Fits<'_>) -> Value {
        let named = |(at, value): (usize, Value)| {
            let name = value.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned);
            (Step::Entry(at, name), value)
        };
        let pieces = list.into_iter().enumerate().map(named).collect();
        self.rebuild(place, pieces, fits, |pieces| {
            Value::Array(pieces.iter().map(|(_, value)| value.clone()).collect())
        })
    }

    /// Puts pieces together again, without those of which nothing is left. What fits is found by halving, so that a mistake
    /// costs as many readings of the file as the number of pieces has digits, not as many as there are pieces.
    fn rebuild(
        &mut self,
        place: &[Step],
        pieces: Vec<(Step, Value)>,
        fits: Fits<'_>,
        whole: fn(&[(Step, Value)]) -> Value,
    ) -> Value {
        let mut kept: Vec<(Step, Value)> = Vec::new();
        let mut rest = pieces;
        while !rest.is_empty() && !self.is_done() {
            let count = longest(rest.len(), |count| fits(&whole(&[&kept, &rest[..count]].concat())).is_ok());
            let mut after = rest.split_off(count);
            kept.append(&mut rest);
            rest = after.split_off(after.len().min(1));
            // The first that does not fit.
            for (step, value) in after {
                let with = |value: &Value| fits(&whole(&[kept.as_slice(), &[(step.clone(), value.clone())]].concat()));
                let place = [place, std::slice::from_ref(&step)].concat();
                match (self.mend(&place, value, &with), &step) {
                    (Some(value), _) => kept.push((step, value)),
                    (None, Step::Entry(_, name)) if matches!(&place[0], Step::Key(key) if key == "sink") => {
                        self.lost_sinks.extend(name.clone());
                    }
                    (None, _) => {}
                }
            }
        }
        whole(&kept)
    }

    /// From a table that needs some settings, those that do not fit are taken out as long as it can do without them.
    fn shrink(&mut self, place: &[Step], mut table: Table, fits: Fits<'_>) -> Option<Value> {
        // Whether something is missing only because it was taken out.
        let mut robbed = false;
        while let Err(errors) = fits(&Value::Table(table.clone())) {
            if self.is_done() {
                return None;
            }
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
            let message = with_hint(message);
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
    // Nothing need be tried if the error names it.
    if let Some(key) = quoted_after(error, "unknown field").filter(|key| table.contains_key(*key)) {
        return Some((Rank::Other, key.to_owned()));
    }
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

/// The largest number up to `max` of which `holds` is true, if it is true of all smaller ones.
fn longest(max: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, max + 1);
    // Mostly it is all of them, or few are wrong and stand far apart.
    let mut middle = max;
    while low + 1 < high {
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
        middle = low.midpoint(high);
    }
    low
}

/// The first word in backticks after these words.
fn quoted_after<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    message.split_once(words)?.1.trim_start().strip_prefix('`')?.split('`').next()
}

/// A message of serde about a name that it does not know, with the name that was probably meant.
fn with_hint(message: String) -> String {
    let unknown = ["unknown field", "unknown variant"].iter().find_map(|words| quoted_after(&message, words));
    let Some((unknown, (said, expected))) = unknown.zip(message.split_once(", expected ")) else { return message };
    let names = expected.split('`').skip(1).step_by(2);
    match detect::nearest(unknown, names) {
        Some(near) => format!("{said}; did you mean `{near}`? expected {expected}"),
        None => message,
    }
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
    fn as_many_as_hold_are_found() {
        for max in 0..20 {
            for limit in 0..=max {
                assert_eq!(longest(max, |count| count <= limit), limit, "of {max}");
            }
        }
    }

    #[test]
    fn a_file_of_mistakes_has_a_bound() {
        let text: String =
            (0..3 * CONFIG_PROBLEMS_MAX).flat_map(|at| ["a".to_owned(), at.to_string(), " = 1\n".to_owned()]).collect();
        assert_eq!(places(&text).len(), CONFIG_PROBLEMS_MAX);
    }
}
