//! Calls that Claude Code refused, by what it tells the model instead of a result. `PostToolBatch` is the only hook that hears
//! of every refusal: by a person, by a rule, by the mode or by another hook.
//!
//! A command may print the same words. Whoever reads these events lets a result outweigh a refusal.

use serde_json::value::RawValue;

use crate::dialect::json::{Raw, Text, read, record, text_of};

/// Calls of one batch that are looked at.
const CALLS_MAX: usize = 64;

record! {
    /// One call of a batch.
    Call {
        tool: Text<'a> = "tool_name",
        input: Raw<'a> = "tool_input",
        id: Text<'a> = "tool_use_id",
        response: Raw<'a> = "tool_response",
    }
}

/// The calls of a batch that were refused and have a name.
pub fn refused(calls: &RawValue) -> Vec<Call<'_>> {
    let calls: Vec<Call<'_>> = read(calls.get()).unwrap_or_default();
    let is_refused = |call: &Call<'_>| {
        let said = call.response.map(text_of).unwrap_or_default();
        call.id.some().is_some() && call.tool.some().is_some() && is_refusal(&said)
    };
    calls.into_iter().take(CALLS_MAX).filter(is_refused).collect()
}

/// Whether the text that stands for a result says that the call was refused.
pub fn is_refusal(said: &str) -> bool {
    // How it begins, and what stands somewhere behind that.
    const SENTENCES: [(&str, &str); 16] = [
        ("The user doesn't want to proceed with this tool use", ""),
        ("The user doesn't want to take this action", ""),
        ("Permission to use ", "denied"),
        ("Permission to ", "has been denied"),
        ("Permission for ", "has been denied"),
        ("File is in a directory that is denied by your permission settings", ""),
        // opencode, Codex, Gemini and Copilot.
        ("The user rejected permission to use this specific tool call", ""),
        ("The user has specified a rule which prevents you from using this specific tool call", ""),
        ("exec command rejected by user", ""),
        ("Tool execution denied by policy", ""),
        ("The user rejected this tool call", ""),
        ("Claude requested permissions to ", "haven't granted it"),
        ("This command requires approval", ""),
        ("Hook PreToolUse:", "denied"),
        ("PreToolUse:", "hook"),
        ("[Request interrupted by user for tool use]", ""),
    ];
    let said = said.trim_start().trim_start_matches("Error: ").trim_start_matches("<tool_use_error>");
    SENTENCES.iter().any(|(start, part)| said.strip_prefix(start).is_some_and(|rest| rest.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_by_their_sentences() {
        for said in [
            "The user doesn't want to proceed with this tool use. The tool use was rejected.",
            "Permission to use Bash with command git push --force has been denied.",
            "Permission to use Bash has been denied because Claude Code is running in don't ask mode.",
            "Permission to read /home/mira/.ssh/id_rsa has been denied.",
            "The user rejected permission to use this specific tool call.",
            "Claude requested permissions to write to /etc/hosts, but you haven't granted it yet.",
            "Error: PreToolUse:Bash hook error: [guard.sh]: not in this repository",
            "Hook PreToolUse:Bash denied this tool",
        ] {
            assert!(is_refusal(said), "{said}");
        }
        for said in [
            "",
            "Permission denied",
            "bash: /etc/shadow: Permission denied",
            "Exit code 1\nPermission to use x has been denied",
        ] {
            assert!(!is_refusal(said), "{said}");
        }
    }
}
