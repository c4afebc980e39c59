//! What the bytes of a source mean: the contract of a dialect and the list of dialects.
//!
//! A dialect is pure: no I/O, no clock, no state. Redaction, fingerprints, cost and the cutting of content happen once for
//! all in [`crate::event`], joins of who and where happen in the pipeline; how records are written, and where a field stands in
//! one, is known in [`crate::encoding`]. To add a dialect, write one file in `dialect/` and
//! add one line to [`DIALECTS`].

pub mod auditd;
pub mod boundary;
pub mod boundary_socket;
pub mod claude_transcript;
pub mod coder;
pub mod codex_rollout;
pub mod envoy;
pub mod exectrace;
pub mod falco;
pub mod github;
pub mod hooks;
pub mod httpjail;
pub mod kong;
pub mod litellm;
pub mod mapped;
pub mod mcp;
pub mod native;
pub mod ona;
pub mod otel;
pub mod tetragon;

pub(crate) mod gateway;
pub(crate) mod json;
pub(crate) mod members;
pub(crate) mod schema;
pub(crate) mod sensor;
pub(crate) mod tool;
pub(crate) mod usage;

use std::ops::Deref;
use std::sync::Arc;

use operations::access::Trust;
use serde::Deserialize;

use crate::encoding::{Json, RecordEncoding};
use crate::event::{Drafts, Record};
use crate::gather::LineReader;
use crate::lenient::{self, Mended};

/// Every dialect. Configuration, help, reference and tests derive from this list.
pub static DIALECTS: &[&dyn Dialect] = &[
    &coder::Coder,
    &boundary::Boundary,
    &boundary_socket::BoundarySocket,
    &hooks::Hooks,
    &hooks::ClaudeCode,
    &claude_transcript::ClaudeTranscript,
    &codex_rollout::CodexRollout,
    &otel::Otel,
    &litellm::LiteLlm,
    &envoy::Envoy,
    &kong::Kong,
    &mcp::Mcp,
    &httpjail::Httpjail,
    &falco::Falco,
    &tetragon::Tetragon,
    &auditd::Auditd,
    &exectrace::Exectrace,
    &ona::Ona,
    &github::Github,
    &native::Native,
    &mapped::Mapped,
];

/// The dialect with this name.
pub fn by_name(name: &str) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|dialect| dialect.name() == name)
}

/// The dialect of a collector: one of the list, or what a file of the collector makes of one that takes a file.
#[derive(Clone)]
pub enum ChosenDialect {
    /// As it stands in the list.
    Listed(&'static dyn Dialect),
    /// Made of a mapping when the collector starts, and again whenever the mapping changes.
    Mapped(Arc<mapped::Mapping>),
}

impl Deref for ChosenDialect {
    type Target = dyn Dialect;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Listed(dialect) => *dialect,
            Self::Mapped(mapping) => &**mapping,
        }
    }
}

impl From<&'static dyn Dialect> for ChosenDialect {
    fn from(dialect: &'static dyn Dialect) -> Self {
        Self::Listed(dialect)
    }
}

impl<D: Dialect> From<&'static D> for ChosenDialect {
    fn from(dialect: &'static D) -> Self {
        Self::Listed(dialect)
    }
}

/// Turns one record's bytes into events.
pub trait Dialect: Send + Sync {
    /// The name in the configuration and in tokens.
    fn name(&self) -> &'static str;

    /// One paragraph for the reference.
    fn doc(&self) -> &'static str;

    /// The most trust that any of its records deserves. A draft that deserves less says so in its `trust` column, so
    /// the pipeline calls [`Draft::limit_trust`] with the minimum of this and the token's.
    fn trust(&self) -> Trust;

    /// The trust of its records from a collector whose configuration says none, where no token says it.
    fn trust_unsaid(&self) -> Trust {
        self.trust()
    }

    /// How its records are written.
    fn encoding(&self) -> &'static dyn RecordEncoding {
        &Json
    }

    /// Whether its records name their session only where it starts. Then those that follow in the same log get it.
    fn names_sessions_once(&self) -> bool {
        false
    }

    /// Whether what its records mean stands in a file that the collector names, so that the list has no more than its form.
    fn takes_mapping(&self) -> bool {
        false
    }

    /// What says which lines are one record, of a source that writes a record in several lines. Such a record comes as its lines with
    /// line breaks between them.
    fn line_reader(&self) -> Option<LineReader> {
        None
    }

    /// Records in the real format with values of our own, as text: where the encoding has a transcoder, what that writes. Each
    /// decodes to [`Decoded::Events`].
    fn examples(&self) -> &'static [&'static str];

    /// Decodes one record. `received` is when its bytes arrived, in microseconds since 1970 UTC. The drafts are empty
    /// when it is called, and count only if it returns [`Decoded::Events`].
    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded;
}

/// Decodes a record. Text is mended where it must be: where a strict reader might not see what is odd, and where the dialect does
/// not understand the record as it is. The drafts speak of the text that comes back, or else of the record itself.
pub fn decode(
    dialect: &dyn Dialect,
    record: Record<'_>,
    received: i64,
    drafts: &mut Drafts,
) -> (Decoded, Option<Mended>) {
    let raw = record.bytes();
    if record.encoding().transcoder().is_some() {
        drafts.clear();
        return (dialect.decode(record, received, drafts), None);
    }
    if lenient::is_utf16(raw) {
        return (Decoded::Unparsed("the record is UTF-16; have it written as UTF-8".to_owned()), None);
    }
    let may_hide = record.text().is_none_or(lenient::may_hide);
    let mut mended = may_hide.then(|| lenient::mend(raw)).flatten();
    loop {
        drafts.clear();
        let decoded =
            dialect.decode(mended.as_ref().map_or(record, |mended| record.mended(&mended.text)), received, drafts);
        if mended.is_none() && matches!(decoded, Decoded::Unparsed(_)) {
            mended = lenient::mend(raw);
            if mended.is_some() {
                continue;
            }
        }
        return (decoded, mended);
    }
}

/// The text of a record which is a line or an object; else what it is: nothing but white space, or no text. `what` names it for
/// people.
pub(crate) fn record_text<'a>(record: Record<'a>, what: &str) -> Result<&'a str, Decoded> {
    let text = record.text().ok_or_else(|| Decoded::Unparsed(format!("the {what} is not UTF-8")))?;
    if text.trim_ascii().is_empty() { Err(Decoded::Skip(SKIP_BLANK)) } else { Ok(text) }
}

/// The text of such a record, and what is read of it as JSON.
pub(crate) fn read_record<'a, T: Deserialize<'a>>(record: Record<'a>, what: &str) -> Result<(&'a str, T), Decoded> {
    let text = record_text(record, what)?;
    let read = json::read(text).map_err(|error| Decoded::Unparsed(json::why_not(&error)))?;
    Ok((text, read))
}

/// What a record turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// One or more events; the first one carries the record.
    Events,
    /// Not an event, such as an ordinary server line. The reason is one of [`SKIP_REASONS`].
    Skip(&'static str),
    /// Should have been understood and was not; says why, for people. It quotes names and never values of the record.
    Unparsed(String),
}

/// A line with nothing but white space.
pub const SKIP_BLANK: &str = "blank";
/// A line that a product logs about itself.
pub const SKIP_SERVER_LINE: &str = "server_line";
/// A debug line that repeats a record which is logged at its own level.
pub const SKIP_DEBUG: &str = "debug";
/// A record of Kafka without a value, which takes back the earlier ones of its key. A transport skips it; no dialect sees it.
pub const SKIP_TOMBSTONE: &str = "tombstone";
/// What a program measures of its own inner work, and what is told by no agent.
pub const SKIP_TELEMETRY: &str = "telemetry";

/// What a mapping says is no event.
pub const SKIP_MAPPED: &str = "mapped";

/// Every reason of [`Decoded::Skip`], and of transports, for metrics.
pub static SKIP_REASONS: &[&str] =
    &[SKIP_BLANK, SKIP_SERVER_LINE, SKIP_DEBUG, SKIP_TOMBSTONE, SKIP_TELEMETRY, SKIP_MAPPED];

/// The longest part of a reason or of a field name that comes from a record.
const QUOTED_CHARS_MAX: usize = 64;

/// Quotes a name from a record inside a reason: bounded, and with control characters escaped.
pub(crate) fn quoted(name: &str) -> String {
    let cut: String = name.chars().take(QUOTED_CHARS_MAX).collect();
    format!("{cut:?}")
}

/// Whether a JSON value says nothing.
pub(crate) fn is_empty(value: &str) -> bool {
    matches!(value, "null" | "\"\"" | "{}" | "[]")
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
