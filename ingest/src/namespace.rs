//! Whose ids are whose: two senders may mean different things by one id, unless the product's ids are the same everywhere.
//!
//! Coderd and its gateway log the same record of a model call, and several collectors may read the same log. Their ids are
//! UUIDs that the control plane made, so the record is one record whichever token carried it. An agent that knows such an id
//! shares nothing with them: only senders whose word the agent cannot reach do. LiteLLM names a call by the provider's own id for it,
//! whether its callback or its database tells of it.

use operations::access::Trust;

/// Sources whose natural ids are the same whoever sends them.
const SHARED_SOURCES: [&str; 4] = ["coder.gateway", "coder.audit", "coder.connection", "litellm"];
/// Sources of which two feeds tell the same thing, one of them less of it.
const TOLD_IN_PARTS: [&str; 1] = ["litellm"];

/// The space in which a record's natural id is one: its sender's token, or one for all senders that are believed.
pub fn of<'a>(token: &'a str, source: Option<&str>, trust: Option<&str>) -> &'a str {
    let is_shared = source.is_some_and(|source| SHARED_SOURCES.contains(&source));
    let is_believed = trust.and_then(|word| word.parse().ok()).is_some_and(|trust: Trust| trust >= Trust::Gateway);
    if is_shared && is_believed { "" } else { token }
}

/// Whether records of this source with one natural id are one record even where they do not say the same: one feed has prompts, the
/// other has none, and neither contradicts the other.
pub fn is_told_in_parts(source: Option<&str>) -> bool {
    source.is_some_and(|source| TOLD_IN_PARTS.contains(&source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_believed_senders_share_the_ids_of_the_control_plane() {
        let check = |source, trust, expected| assert_eq!(of("t1", source, trust), expected, "{source:?} {trust:?}");
        check(Some("coder.gateway"), Some("gateway"), "");
        check(Some("coder.audit"), Some("control_plane"), "");
        check(Some("coder.gateway"), Some("agent"), "t1");
        check(Some("coder.gateway"), Some("host"), "t1");
        check(Some("litellm"), Some("gateway"), "");
        check(Some("litellm"), Some("agent"), "t1");
        check(Some("coder.boundary"), Some("control_plane"), "t1");
        check(Some("acme.gateway"), Some("gateway"), "t1");
        check(Some("coder.gateway"), None, "t1");
        check(None, Some("gateway"), "t1");
    }
}
