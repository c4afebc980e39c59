//! Files of Sigma rules: split into documents, each parsed alone, so that what is wrong with one is told of that one.

use rsigma_parser::{SigmaCollection, parse_sigma_yaml};
use yaml_serde::Value;

use crate::shape;

/// A document, or documents that belong together.
#[derive(Debug, Default)]
pub struct Unit {
    /// What was read.
    pub collection: SigmaCollection,
    /// The count behind the bar of an old condition, and its title if nothing else could be read.
    pub aggregation: Option<String>,
    pub title: String,
    /// Why what it says may be more than what was read.
    pub problems: Vec<String>,
    /// What is odd and changes nothing.
    pub notes: Vec<String>,
}

/// Splits and reads a file.
pub fn units(text: &str) -> Vec<Unit> {
    let chunks: Vec<&str> = chunks(text).into_iter().filter(|chunk| is_something(chunk)).collect();
    let documents: Vec<Result<Value, String>> =
        chunks.iter().map(|chunk| yaml_serde::from_str(chunk).map_err(|error| error.to_string())).collect();
    // With an action a document says something about the others.
    let has_action =
        documents.iter().any(|document| document.as_ref().is_ok_and(|value| value.get("action").is_some()));
    if !has_action {
        return chunks.iter().zip(documents).map(|(chunk, document)| unit(chunk, document)).collect();
    }
    let mut whole = Unit { title: title(documents.iter().flatten()), ..Unit::default() };
    for document in &documents {
        match document {
            Ok(value) => whole.problems.extend(shape::problems(value)),
            Err(error) => whole.problems.push(error.clone()),
        }
    }
    if !has_unreadable_condition(&whole.problems) {
        whole.read(text);
    }
    vec![whole]
}

fn unit(chunk: &str, document: Result<Value, String>) -> Unit {
    let mut unit = Unit::default();
    let mut value = match document {
        Ok(value) => value,
        Err(error) => {
            unit.problems.push(error);
            return unit;
        }
    };
    unit.title = title(std::iter::once(&value));
    unit.problems = shape::problems(&value);
    if has_unreadable_condition(&unit.problems) {
        return unit;
    }
    unit.aggregation = take_aggregation(&mut value);
    match (&unit.aggregation, yaml_serde::to_string(&value)) {
        (Some(_), Ok(text)) => unit.read(&text),
        (Some(_), Err(error)) => unit.problems.push(error.to_string()),
        (None, _) => unit.read(chunk),
    }
    unit
}

/// Whether a condition is not for the parser, which goes one level deeper for each of its words.
fn has_unreadable_condition(problems: &[String]) -> bool {
    problems.iter().any(|problem| problem.contains("condition: "))
}

impl Unit {
    fn read(&mut self, text: &str) {
        match parse_sigma_yaml(text) {
            Ok(mut collection) => {
                for error in std::mem::take(&mut collection.errors) {
                    let is_note = ["'related'", "related[", "invalid status"];
                    let notes = if is_note.iter().any(|start| error.starts_with(start)) {
                        &mut self.notes
                    } else {
                        &mut self.problems
                    };
                    if !notes.contains(&error) {
                        notes.push(error);
                    }
                }
                self.collection = collection;
            }
            Err(error) => self.problems.push(error.to_string()),
        }
    }
}

/// The first title, or nothing.
fn title<'a>(mut documents: impl Iterator<Item = &'a Value>) -> String {
    let title = documents.find_map(|value| value.get("title").and_then(Value::as_str));
    title.unwrap_or_default().to_owned()
}

/// Cuts what stands behind the bar out of a condition.
fn take_aggregation(document: &mut Value) -> Option<String> {
    let condition = document.get_mut("detection")?.get_mut("condition")?;
    let (before, after) = condition.as_str()?.split_once('|')?;
    let (before, after) = (before.trim().to_owned(), after.trim().to_owned());
    *condition = Value::String(before);
    Some(after)
}

/// The texts between the marks of documents. A line that begins with such a mark is one wherever it stands: YAML has no text that may
/// hold it.
fn chunks(text: &str) -> Vec<&str> {
    let (mut chunks, mut start, mut at) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        let is_mark = ["---", "..."].iter().any(|mark| {
            line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        });
        if is_mark {
            chunks.push(&text[start..at]);
            start = if line.starts_with("---") { at + 3 } else { at + line.len() };
        }
        at += line.len();
    }
    chunks.push(&text[start..]);
    chunks
}

/// Whether there is more than comments and directives.
fn is_something(chunk: &str) -> bool {
    let lines = chunk.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines.into_iter().any(|line| !line.is_empty() && !line.starts_with(['#', '%']))
}
