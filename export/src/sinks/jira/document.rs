//! Texts as Jira's API v3 takes them: documents in the Atlassian Document Format, version 1. A text in one is shown as it is; it has no
//! markup that an alert could use.

use serde_json::{Value, json};

use crate::delivery::content::Content;

/// The characters of one value with what stands around it.
const VALUE_CHARS_MAX: usize = 300;

/// What a message says.
pub fn of(content: &Content) -> Value {
    let lead = paragraph(&[text(&content.lead)]);
    let values =
        content.facts(VALUE_CHARS_MAX).map(|(name, value)| paragraph(&[strong(name), text(&format!(": {value}"))]));
    document(&lead.into_iter().chain(values.flatten()).collect::<Vec<_>>())
}

/// One sentence.
pub fn sentence(sentence: &str) -> Value {
    document(paragraph(&[text(sentence)]).as_slice())
}

fn document(content: &[Value]) -> Value {
    json!({"type": "doc", "version": 1, "content": content})
}

/// A paragraph, if there is anything in it.
fn paragraph(nodes: &[Option<Value>]) -> Option<Value> {
    let nodes: Vec<&Value> = nodes.iter().flatten().collect();
    (!nodes.is_empty()).then(|| json!({"type": "paragraph", "content": nodes}))
}

/// A text; none if it is empty, which the format forbids.
fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!({"type": "text", "text": text}))
}

fn strong(words: &str) -> Option<Value> {
    let mut node = text(words)?;
    node["marks"] = json!([{"type": "strong"}]);
    Some(node)
}
