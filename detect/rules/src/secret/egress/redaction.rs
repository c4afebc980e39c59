//! What redaction says about a secret that it took out: kind, field and offset. No values.

/// A secret that was redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redaction<'a> {
    /// The rule's word, such as `github_token`.
    pub kind: &'a str,
    /// Where in the record it was.
    pub field: &'a str,
    /// Byte offset of its placeholder.
    pub offset: u64,
}

impl<'a> Redaction<'a> {
    /// Reads `kind:field:offset`; the field may have colons of its own.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (field, offset) = rest.rsplit_once(':')?;
        Some(Self { kind, field, offset: offset.parse().ok()? })
    }

    /// Whether the secret was known by the name before it, not by its own form.
    pub fn is_by_name(&self) -> bool {
        const BY_NAME: [&str; 7] =
            ["api_key_header", "assignment", "authorization", "cookie", "option", "url_query", "url_userinfo"];
        BY_NAME.contains(&self.kind)
    }

    /// Whether it stood in what a tool was given, rather than in what came back or in the facts around the call.
    pub fn is_input(&self) -> bool {
        !matches!(
            self.field,
            "record" | "tool_response" | "output" | "result" | "error" | "message" | "last_assistant_message"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read() {
        let redaction = Redaction::parse("github_token:tool_input:17").unwrap();
        assert_eq!(redaction, Redaction { kind: "github_token", field: "tool_input", offset: 17 });
        assert!(redaction.is_input() && !redaction.is_by_name());
        assert_eq!(Redaction::parse("jwt:a:b:9").unwrap().field, "a:b");
        for odd in ["", "jwt", "jwt:url", "jwt:url:x"] {
            assert_eq!(Redaction::parse(odd), None, "{odd}");
        }
    }
}
