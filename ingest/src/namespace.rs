//! Whose ids are whose: two senders may mean different things by one id, unless the product's ids are the same everywhere.
//!
//! Coderd and its gateway log the same record of a model call, and several collectors may read the same log. Their ids are
//! UUIDs that the control plane made, so the record is one record whichever token carried it. Two bounds keep a sender from taking
//! the place of another one's records: its word must be out of the agent's reach, and it must be of the same organization. A token or
//! collector with an organization of its own shares ids with those of the same organization only, one without with those without.
//! LiteLLM names a call by the provider's own id for it, whether its callback or its database tells of it. A transcript tells what a call took
//! with each part of the answer, and what it copies of an older one it may date anew.

use std::borrow::Cow;

use ledger::Row;
use ledger::events::column;
use operations::access::{Principal, Trust};

use crate::event::ReadColumns;

/// Sources whose natural ids are the same whoever sends them.
const SHARED_SOURCES: [&str; 5] = ["coder.gateway", "coder.audit", "coder.connection", "coder.exit_node", "litellm"];
/// Sources that tell the same thing several times, some of them less of it or with another time; and of which kind, if not of all.
const TOLD_IN_PARTS: [(&str, Option<&str>); 3] =
    [("litellm", None), ("claude_code.transcript", Some("model.tokens")), ("codex.transcript", None)];

/// The mark of an event whose organization is that of its sender, whatever its record says: so a row tells whose ids it shares.
pub const ORG_OF_SENDER: &str = "org:sender";

/// Who carried a record, as far as it decides whose ids are the same.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The id of the token.
    pub token: &'a str,
    /// The organization that the token or the collector says.
    pub org: Option<&'a str>,
}

impl<'a> Sender<'a> {
    /// Who shows a token, or a collector's own principal.
    pub fn of(principal: &'a Principal) -> Self {
        Self { token: &principal.token, org: principal.org.as_deref() }
    }

    /// Who carried the record behind a row; rows of before there was a mark are of senders without an organization.
    pub fn of_row(row: &'a Row<'_>) -> Option<Self> {
        let is_marked = row.list(column::MARKS).any(|mark| mark == ORG_OF_SENDER);
        let org = if is_marked { row.text(column::ORG) } else { None };
        Some(Self { token: row.text(column::TOKEN)?, org })
    }

    /// The space in which a record's natural id is one: its sender's token, or one for all senders that are believed and of one
    /// organization.
    pub fn space(self, columns: &impl ReadColumns) -> Cow<'a, str> {
        match (is_shared(columns), self.org) {
            (false, _) => Cow::Borrowed(self.token),
            (true, None) => Cow::Borrowed(""),
            // No token's id has a slash.
            (true, Some(org)) => Cow::Owned(["org/", org].concat()),
        }
    }
}

/// Whether an event's natural id is the same for all senders that are believed.
pub fn is_shared(columns: &impl ReadColumns) -> bool {
    let is_shared = columns.text(column::SOURCE).is_some_and(|source| SHARED_SOURCES.contains(&source));
    is_shared
        && columns
            .text(column::TRUST)
            .and_then(|word| word.parse().ok())
            .is_some_and(|trust: Trust| trust >= Trust::Gateway)
}

/// Whether records with one natural id are one record even where they do not say the same: one feed has prompts, the other has none, and
/// neither contradicts the other.
pub fn is_told_in_parts(columns: &impl ReadColumns) -> bool {
    let (source, kind) = (columns.text(column::SOURCE), columns.text(column::KIND));
    TOLD_IN_PARTS.iter().any(|(told, only)| source == Some(told) && only.is_none_or(|only| kind == Some(only)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Columns;

    #[test]
    fn what_is_told_in_parts_is_told_once() {
        let check = |source: &str, kind: &str, expected: bool| {
            let mut columns = Columns::default();
            columns.set_text(column::SOURCE, source);
            columns.set_text(column::KIND, kind);
            assert_eq!(is_told_in_parts(&columns), expected, "{source} {kind}");
        };
        check("litellm", "prompt", true);
        check("claude_code.transcript", "model.tokens", true);
        check("claude_code.transcript", "prompt", false);
        check("codex.transcript", "tool.call", true);
        check("codex", "model.tokens", false);
    }

    #[test]
    fn only_believed_senders_of_one_organization_share_the_ids_of_the_control_plane() {
        let check = |source: Option<&str>, trust: Option<&str>, org: Option<&str>, expected: &str| {
            let mut columns = Columns::default();
            columns.set_text_if(column::SOURCE, source);
            columns.set_text_if(column::TRUST, trust);
            // What the record says of its organization counts for nothing.
            columns.set_text(column::ORG, "other");
            let sender = Sender { token: "t1", org };
            assert_eq!(sender.space(&columns), expected, "{source:?} {trust:?} {org:?}");
        };
        check(Some("coder.gateway"), Some("gateway"), None, "");
        check(Some("coder.audit"), Some("control_plane"), None, "");
        check(Some("coder.gateway"), Some("gateway"), Some("acme"), "org/acme");
        check(Some("coder.gateway"), Some("agent"), None, "t1");
        check(Some("coder.gateway"), Some("agent"), Some("acme"), "t1");
        check(Some("coder.gateway"), Some("host"), None, "t1");
        check(Some("litellm"), Some("gateway"), None, "");
        check(Some("litellm"), Some("agent"), None, "t1");
        check(Some("coder.boundary"), Some("control_plane"), Some("acme"), "t1");
        check(Some("acme.gateway"), Some("gateway"), None, "t1");
        check(Some("coder.gateway"), None, None, "t1");
        check(None, Some("gateway"), None, "t1");
    }
}
