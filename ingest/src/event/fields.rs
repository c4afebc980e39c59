//! The fields of a record that a dialect names: content, which is cut out, and free text, which stays; and where each stands in
//! the record's text. What is done to them is for the finisher.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::dialect::is_empty;
use crate::encoding::{FieldPath, RecordEncoding, Span, Unreadable};

/// A field of the record: its path, and where it stands if the decoder had its value at hand.
#[derive(Debug, Clone)]
struct RecordField {
    path: FieldPath,
    span: Option<Span>,
}

/// A value of the record that is content: it is redacted, cut out of the record and kept in the content part.
#[derive(Debug, Clone)]
pub struct ContentField {
    name: Cow<'static, str>,
    field: RecordField,
}

impl ContentField {
    /// The content at this path. The name is that in the `content` column, unless another value of the record has taken it.
    pub fn at(name: impl Into<Cow<'static, str>>, path: impl Into<FieldPath>) -> Self {
        Self { name: name.into(), field: RecordField { path: path.into(), span: None } }
    }

    /// The content at this path, whose value was borrowed from the record: then it is not looked for.
    pub fn read(
        name: impl Into<Cow<'static, str>>,
        path: impl Into<FieldPath>,
        record: &str,
        value: &RawValue,
    ) -> Self {
        let span = Span::of(record.as_bytes(), value.get().as_bytes());
        Self { name: name.into(), field: RecordField { path: path.into(), span } }
    }

    /// Its name in the `content` column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands, if its value was at hand.
    pub fn span(&self) -> Option<Span> {
        self.field.span
    }

    /// The same, without the value.
    #[cfg(test)]
    #[must_use]
    pub fn unread(&self) -> Self {
        Self { name: self.name.clone(), field: RecordField { span: None, ..self.field.clone() } }
    }
}

/// A fact with a name of its own in `redactions`, such as a URL; everything else that stays in the record is `record` there.
#[derive(Debug, Clone)]
pub struct FreeText {
    name: &'static str,
    field: RecordField,
}

impl FreeText {
    /// The free text at this path. The name is that in the `redactions` column.
    pub fn at(name: &'static str, path: impl Into<FieldPath>) -> Self {
        Self { name, field: RecordField { path: path.into(), span: None } }
    }

    /// The free text at this path, which was borrowed from the record with its quotes: then it is not looked for.
    pub fn read(name: &'static str, path: impl Into<FieldPath>, record: &str, written: &str) -> Self {
        Self { name, field: RecordField { path: path.into(), span: Span::of(record.as_bytes(), written.as_bytes()) } }
    }

    /// Its name in the `redactions` column.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it stands, if its value was at hand.
    pub fn span(&self) -> Option<Span> {
        self.field.span
    }

    /// The same, without the value.
    #[cfg(test)]
    #[must_use]
    pub fn unread(&self) -> Self {
        Self { name: self.name, field: RecordField { span: None, ..self.field.clone() } }
    }
}

/// Why content cannot be cut out of a record. The record's whole text lies in the content part then: content is never a fact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The field is not there.
    #[error(
        "the record has no field {path}, which its dialect says is content; look whether the dialect's path is right"
    )]
    Missing {
        /// The field.
        path: String,
    },
    /// The value is not JSON.
    #[error("the field {path} is no JSON value and cannot be cut out of its record; its encoding must write it as one")]
    NotJson {
        /// The field.
        path: String,
    },
    /// A part of the value lies in another one, and a part does not.
    #[error("the content {name} and another one lie across each other; look at where the encoding finds them")]
    Overlap {
        /// Its name in the `content` column.
        name: String,
    },
    /// The record is not what its encoding says.
    #[error(
        "a field of the record is content and cannot be found: {0}; look whether the dialect names the right encoding"
    )]
    Unreadable(#[from] Unreadable),
}

impl FieldError {
    /// One word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::NotJson { .. } => "not_json",
            Self::Overlap { .. } => "overlap",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// A value of the record that does not stay as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit<'d> {
    /// Its name in `content` or in `redactions`.
    pub name: &'d str,
    /// Where it stands.
    pub span: Span,
    /// Whether it is cut out.
    pub is_content: bool,
}

/// The edits of a record, in the order in which they stand and without overlap. What lies in content is cut out with it, and free
/// text that is not there, or lies across content, has no name.
pub(super) fn edits<'d>(
    encoding: &dyn RecordEncoding,
    text: &str,
    content: &'d [ContentField],
    free_text: &'d [FreeText],
) -> Result<Vec<Edit<'d>>, FieldError> {
    let mut search = Search { edits: Vec::new(), unread: Vec::new() };
    for content in content {
        search.add(text, &content.name, &content.field, true);
    }
    for free_text in free_text {
        search.add(text, free_text.name, &free_text.field, false);
    }
    search.locate(encoding, text)?;
    in_order(search.edits)
}

/// The edits that are known, and the fields that are still to be found.
struct Search<'d> {
    edits: Vec<Edit<'d>>,
    unread: Vec<(&'d str, &'d FieldPath, bool)>,
}

impl<'d> Search<'d> {
    fn add(&mut self, text: &str, name: &'d str, field: &'d RecordField, is_content: bool) {
        match field.span.filter(|span| text.get(span.start..span.end).is_some()) {
            Some(span) => self.edits.push(Edit { name, span, is_content }),
            None => self.unread.push((name, &field.path, is_content)),
        }
    }

    /// Finds the fields whose values were not at hand. Nothing is lost with free text that is not found: it is redacted in any
    /// case.
    fn locate(&mut self, encoding: &dyn RecordEncoding, text: &str) -> Result<(), FieldError> {
        if self.unread.is_empty() {
            return Ok(());
        }
        let paths: Vec<&FieldPath> = self.unread.iter().map(|(_, path, _)| *path).collect();
        let mut is_missing = vec![true; paths.len()];
        let located = encoding.locate(text, &paths);
        for found in located.as_deref().unwrap_or_default() {
            let Some((name, path, is_content)) = self.unread.get(found.path).copied() else { continue };
            let Some(value) = text.get(found.span.start..found.span.end) else { continue };
            is_missing[found.path] = false;
            if is_content && !found.is_json {
                return Err(FieldError::NotJson { path: path.to_string() });
            }
            if !(is_content && is_empty(value)) {
                self.edits.push(Edit { name, span: found.span, is_content });
            }
        }
        let missing = self.unread.iter().zip(is_missing).find(|((_, _, is_content), missing)| *is_content && *missing);
        match (missing, located) {
            (None, _) => Ok(()),
            (Some(_), Err(unreadable)) => Err(unreadable.into()),
            (Some(((_, path, _), _)), Ok(_)) => Err(FieldError::Missing { path: path.to_string() }),
        }
    }
}

/// Puts edits in order and leaves out what lies in another one; content goes before free text, and the outer before the inner.
fn in_order(mut edits: Vec<Edit<'_>>) -> Result<Vec<Edit<'_>>, FieldError> {
    let in_text = |edit: &Edit| (edit.span.start, usize::MAX - edit.span.end);
    edits.sort_by_key(|edit| (!edit.is_content, in_text(edit)));
    let (content, free_text) = edits.split_at(edits.partition_point(|edit| edit.is_content));
    let mut kept: Vec<Edit> = Vec::with_capacity(edits.len());
    for edit in content {
        match kept.last() {
            Some(last) if edit.span.start < last.span.end && edit.span.end > last.span.end => {
                return Err(FieldError::Overlap { name: edit.name.to_owned() });
            }
            Some(last) if edit.span.start < last.span.end => {}
            _ => kept.push(*edit),
        }
    }
    let contents = kept.len();
    let mut end = 0;
    for edit in free_text {
        let next = kept[..contents].partition_point(|content| content.span.end <= edit.span.start);
        let is_free = kept[..contents].get(next).is_none_or(|content| edit.span.end <= content.span.start);
        if is_free && edit.span.start >= end {
            end = edit.span.end;
            kept.push(*edit);
        }
    }
    kept.sort_by_key(in_text);
    Ok(kept)
}

#[cfg(test)]
mod tests;
