//! The import as a whole: texts of files in, rules of ours as texts out, with what became of each Sigma rule.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use detect_rules::user::{Depth, Loaded};
use rsigma_parser::{Level, Status};
use toml::Value;

use crate::collection::{Collection, Correlated, Detected};
use crate::correlation::{Draft, Drafted, of_correlation, of_detection};
use crate::document::units;
use crate::source::{Source, say};
use crate::words;

/// A file of Sigma rules.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What it holds.
    pub text: &'a str,
}

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Rules of which only a part can be expressed are written too, switched off.
    pub partial: bool,
    /// Columns by which alerts are kept apart; those of the log source if there are none. What a correlation groups by stays.
    pub by: Vec<String>,
}

/// A Sigma rule and what became of it.
#[derive(Debug)]
pub struct Imported {
    /// The number of the file.
    pub input: usize,
    /// Its title; empty if it could not be read.
    pub title: String,
    /// Its id.
    pub id: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a Sigma rule.
#[derive(Debug)]
pub enum Outcome {
    /// All of it is expressed, by these rules.
    Whole(Vec<Written>),
    /// A part of it is, by these rules, which are switched off; and the reasons for the rest.
    Partial(Vec<Written>, Vec<String>),
    /// It is not imported, for these reasons.
    Skipped(Vec<String>),
    /// It gives no alert by itself, only as a part of these correlations.
    PartOf(Vec<String>),
    /// It is a filter, which narrowed other rules.
    Filter,
}

/// A rule of ours.
#[derive(Debug)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// Its table in a file of rules, with comments.
    pub text: String,
}

/// What detections and correlations say about themselves alike.
struct About<'a> {
    title: &'a str,
    id: Option<&'a str>,
    description: Option<&'a str>,
    author: Option<&'a str>,
    licence: Option<&'a str>,
    date: [Option<&'a str>; 2],
    status: Option<Status>,
    level: Option<Level>,
    references: &'a [String],
    tags: &'a [String],
    false_positives: &'a [String],
    log_source: Option<String>,
    /// Keys that no rule of ours has.
    other_keys: Vec<&'a str>,
    notes: &'a [String],
}

macro_rules! about {
    ($rule:expr, $log_source:expr, $notes:expr) => {{
        let rule = $rule;
        let mut other_keys: Vec<&str> = rule.custom_attributes.keys().map(String::as_str).collect();
        other_keys.sort_unstable();
        About {
            title: &rule.title,
            id: rule.id.as_deref(),
            description: rule.description.as_deref(),
            author: rule.author.as_deref(),
            licence: rule.license.as_deref(),
            date: [rule.date.as_deref(), rule.modified.as_deref()],
            status: rule.status,
            level: rule.level,
            references: &rule.references,
            tags: &rule.tags,
            false_positives: &rule.falsepositives,
            log_source: $log_source,
            other_keys,
            notes: $notes,
        }
    }};
}

/// Imports files together: their correlations may name rules of each other.
pub fn import(inputs: &[Input<'_>], options: &Options) -> Vec<Imported> {
    let mut collection = Collection::default();
    for (at, input) in inputs.iter().enumerate() {
        for unit in units(input.text) {
            collection.add(at, unit);
        }
    }
    collection.apply_filters();
    let mut writer = Writer { options, taken: BTreeSet::new() };
    let mut imported = Vec::new();
    for detected in &collection.detections {
        imported.push(writer.detection(detected, &collection));
    }
    for correlated in &collection.correlations {
        imported.push(writer.correlation(correlated, &collection));
    }
    for filter in &collection.filters {
        let outcome = match filter.is_applied {
            true if filter.problems.is_empty() => Outcome::Filter,
            true => Outcome::Skipped(filter.problems.clone()),
            false => {
                Outcome::Skipped(vec!["it is a filter, and no rule among the files is one that it changes".to_owned()])
            }
        };
        let (title, id) = (filter.rule.title.clone(), filter.rule.id.clone());
        imported.push(Imported { input: filter.input, title, id, outcome });
    }
    for unread in collection.unread {
        let outcome = Outcome::Skipped(unread.problems);
        imported.push(Imported { input: unread.input, title: unread.title, id: None, outcome });
    }
    imported.sort_by_key(|rule| rule.input);
    imported
}

struct Writer<'a> {
    options: &'a Options,
    taken: BTreeSet<String>,
}

impl Writer<'_> {
    fn detection(&mut self, detected: &Detected, collection: &Collection) -> Imported {
        let rule = &detected.rule;
        let parts = collection.parts_of(rule);
        let outcome = if parts.is_empty() {
            let mut drafted = of_detection(detected);
            for draft in &mut drafted.drafts {
                if !self.options.by.is_empty() && draft.operator.is_none() {
                    draft.by.clone_from(&self.options.by);
                }
            }
            self.write(&about!(rule, Some(say(&rule.logsource)), &detected.notes), drafted)
        } else {
            Outcome::PartOf(parts)
        };
        Imported { input: detected.input, title: rule.title.clone(), id: rule.id.clone(), outcome }
    }

    fn correlation(&mut self, correlated: &Correlated, collection: &Collection) -> Imported {
        let rule = &correlated.rule;
        let drafted = of_correlation(correlated, collection);
        let outcome = self.write(&about!(rule, None, &correlated.notes), drafted);
        Imported { input: correlated.input, title: rule.title.clone(), id: rule.id.clone(), outcome }
    }

    fn write(&mut self, about: &About<'_>, drafted: Drafted) -> Outcome {
        let Drafted { drafts, source, mut reasons } = drafted;
        reasons.dedup();
        let (Some(source), false) = (source, drafts.is_empty()) else { return Outcome::Skipped(reasons) };
        if !reasons.is_empty() && !self.options.partial {
            return Outcome::Skipped(reasons);
        }
        let suffixes: Vec<&str> = drafts.iter().map(|draft| draft.suffix).collect();
        let name = words::name(about.title, about.id, &suffixes, &mut self.taken);
        let mut written = Vec::new();
        for draft in &drafts {
            let name = format!("{name}{}", draft.suffix);
            let text = table(about, &name, draft, source, &reasons);
            let mut loaded = Loaded::default();
            loaded.add_file(Path::new("rule"), &text, Depth::Form);
            // What a rule of ours may not be, it is not: too long, too many parts, a window without end.
            match loaded.errors.first() {
                Some(error) => {
                    reasons.push(error.message.clone());
                    return Outcome::Skipped(reasons);
                }
                None => written.push(Written { name, text }),
            }
        }
        if reasons.is_empty() { Outcome::Whole(written) } else { Outcome::Partial(written, reasons) }
    }
}

/// A rule as it stands in a file.
fn table(about: &About<'_>, name: &str, draft: &Draft, source: Source, reasons: &[String]) -> String {
    let mut text = comments(about, reasons);
    text.push_str("[[rule]]\n");
    let mut line = |key: &str, value: &str| _ = writeln!(text, "{key} = {value}");
    line("name", &quoted(name));
    if !reasons.is_empty() {
        line("enabled", "false");
    }
    line("severity", &quoted(words::severity(about.level).as_str()));
    line("title", &quoted(&title(about)));
    line("reason", &quoted(&reason(about, draft, source)));
    for (key, value) in [
        ("what", words::text(about.description.unwrap_or(about.title))),
        ("why", words::text(&why(about))),
        ("false_positives", words::text(&words::listed(about.false_positives))),
    ] {
        if !value.is_empty() {
            line(key, &quoted(&value));
        }
    }
    let tags = words::tags(about.tags);
    if !tags.is_empty() {
        line("tags", &list(&tags));
    }
    line("by", &list(&draft.by));
    line("condition", &quoted(&draft.condition));
    if let Some((operator, parameters)) = &draft.operator {
        line(operator, &Value::Table(parameters.clone()).to_string());
    }
    text
}

/// A text of TOML. Conditions are full of quotes and backslashes, which stand as they are between three quotes.
fn quoted(text: &str) -> String {
    let is_literal = text.contains(['"', '\\']) && !text.contains("'''") && !text.ends_with('\'');
    if is_literal && !text.contains(char::is_control) {
        return format!("'''{text}'''");
    }
    Value::String(text.to_owned()).to_string()
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn title(about: &About<'_>) -> String {
    let title = words::template(about.title, 200);
    if title.trim().is_empty() { "A Sigma rule without a title".to_owned() } else { title }
}

fn reason(about: &About<'_>, draft: &Draft, source: Source) -> String {
    let (deed, look) = source.words();
    let name = words::template(about.title, 200);
    let seen = match draft.operator {
        None => format!("An agent {deed} that matches the Sigma rule “{name}”, {{count}} time(s) within {{span}}."),
        Some(("sequence", _)) => {
            format!(
                "{{observed}} events, one after the other, match the correlation “{name}” of Sigma rules, within {{span}}."
            )
        }
        Some(("distinct", _)) => {
            format!(
                "{{observed}} different values match the Sigma rule “{name}”, in {{count}} event(s) within {{span}}."
            )
        }
        Some(_) => format!("{{observed}} events match the Sigma rule “{name}”, within {{span}}."),
    };
    let others = words::template(&words::listed(about.false_positives), 300);
    let against = if others.is_empty() {
        "Its author names nothing that looks the same.".to_owned()
    } else {
        format!("What looks the same, says its author: {}.", others.trim_end_matches('.'))
    };
    format!("{seen} Look first at {look} of the first event. {against}")
}

fn why(about: &About<'_>) -> String {
    let mut parts = Vec::new();
    match (about.author, about.licence) {
        (Some(author), Some(licence)) => parts.push(format!("Sigma rule by {author}, licence {licence}.")),
        (Some(author), None) => parts.push(format!("Sigma rule by {author}.")),
        (None, Some(licence)) => parts.push(format!("Sigma rule, licence {licence}.")),
        (None, None) => parts.push("Sigma rule whose author is not named.".to_owned()),
    }
    if !about.references.is_empty() {
        parts.push(format!("See {}", about.references.join(" ")));
    }
    parts.join(" ")
}

/// What has no key of its own, and what would be cut.
fn comments(about: &About<'_>, reasons: &[String]) -> String {
    let mut text = words::comment("Sigma rule:", about.title);
    let mut line = |head: &str, value: &str| {
        if !value.trim().is_empty() {
            text.push_str(&words::comment(head, value));
        }
    };
    line("Id:", about.id.unwrap_or_default());
    line("Author:", about.author.unwrap_or_default());
    line("Licence:", about.licence.unwrap_or_default());
    line("Date, modified:", &about.date.into_iter().flatten().collect::<Vec<_>>().join(", "));
    line("Status:", &about.status.map(|status| format!("{status:?}").to_lowercase()).unwrap_or_default());
    line("Level:", about.level.map_or("not said, so it is medium here", |level| level.as_str()));
    line("Log source:", about.log_source.as_deref().unwrap_or_default());
    line("Tags:", &about.tags.join(" "));
    line("References:", &about.references.join(" "));
    line("Description:", about.description.unwrap_or_default());
    line("Looks the same:", &words::listed(about.false_positives));
    line("Keys that mean nothing here:", &about.other_keys.join(", "));
    for note in about.notes {
        line("Note:", note);
    }
    for reason in reasons {
        line("Left out:", reason);
    }
    text
}
