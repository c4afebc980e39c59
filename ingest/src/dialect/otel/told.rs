//! What several agents tell in the same way: what a request took, a call, how it ended, and what an event is about.

use std::borrow::Cow;

use ledger::events::column;
use operations::inventory::Item;

use super::element::{Element, set_name};
use super::facts::{CACHE_READ, CACHE_WRITE, INPUT, OUTPUT, REASONING};
use crate::bounds::NO_NUMBER;
use crate::dialect::tool;
use crate::dialect::usage::Usage;
use crate::event::{Action, Draft};

/// Items of a list that are told one by one.
pub const LIST_MAX: usize = 64;

/// What a request took by the semantic conventions, which count what was cached in the input. Older libraries do not.
pub fn usage(element: &Element) -> Usage {
    let count = |keys| element.attributes.first_integer(keys);
    let usage = Usage {
        input: count(INPUT),
        output: count(OUTPUT),
        cache_read: count(CACHE_READ),
        cache_write: count(CACHE_WRITE),
        reasoning: count(REASONING),
    };
    usage.without_cached_if_held()
}

/// Sets a call of a tool. Without its input it has no fingerprint: calls of which nothing is known are not the same call.
pub fn set_call(draft: &mut Draft, tool: &str, input: Option<&str>, call: Option<&str>) {
    match input {
        Some(input) => tool::set_call(draft, tool, input),
        None => set_name(draft, column::TOOL, Some(tool)),
    }
    set_name(draft, column::TARGET, Some(tool));
    set_name(draft, column::MCP_SERVER, tool::mcp_server(tool));
    set_name(draft, column::TOOL_CALL, call);
}

/// Sets how a call ended: a command that says otherwise by its exit code did not succeed.
pub fn set_ended(draft: &mut Draft, success: Option<bool>, exit_code: Option<i64>) {
    let failed = exit_code.map(|code| code != 0).filter(|failed| *failed || success.is_none());
    let outcome = match failed.or(success.map(|success| !success)) {
        Some(true) => Some("error"),
        Some(false) => Some("success"),
        None => None,
    };
    draft.columns.set_text_if(column::OUTCOME, outcome);
    if let Some(code) = exit_code {
        draft.columns.set_integer(column::EXIT_CODE, code);
    }
}

/// Names the tool behind a call's fingerprint as the agent's hooks name it, with the command line as they write it.
pub fn act_as(draft: &mut Draft, tool: &str) {
    if let Some(command) = draft.columns.text(column::COMMAND) {
        let input = serde_json::json!({ "command": command }).to_string();
        draft.action = Some(Action { tool: tool.to_owned(), input });
    }
}

/// Sets what an answer to a question for permission was.
pub fn set_decision(draft: &mut Draft, decision: Option<&str>) {
    let outcome = match decision.unwrap_or_default() {
        "accept" | "auto_accept" | "modify" | "allow" => Some("allow"),
        "reject" | "deny" => Some("deny"),
        // Codex: approved, approvedforsession, approvedexecpolicyamendment, …, denied, timedout, abort.
        word if word.starts_with("approved") => Some("allow"),
        word if word.starts_with("denied") || matches!(word, "timedout" | "timed_out" | "abort") => Some("deny"),
        _ => None,
    };
    draft.columns.set_text_if(column::OUTCOME, outcome);
}

/// Sets how a request ended: by its status, or by whether it failed.
pub fn set_status(draft: &mut Draft, status: Option<i64>, failed: bool) {
    let failed = failed || status.is_some_and(|status| status >= 400);
    draft.columns.set_text(column::OUTCOME, if failed { "error" } else { "success" });
    if let Some(status) = status {
        draft.columns.set_integer(column::STATUS, status);
    }
}

/// Sets what a record of the inventory is about, and how it is. Without a name it says that all such things are told now.
pub fn set_inventory(draft: &mut Draft, item: Item, name: Option<&str>, state: Option<&str>) {
    draft.columns.set_text(column::ACTION, item.word());
    set_name(draft, column::TARGET, name);
    set_name(draft, column::STATE, state);
    set_name(draft, column::MCP_SERVER, name.filter(|_| item == Item::McpServer));
}

/// Sets the same of a record that lists several: each is an event, known by the record and its name.
pub fn set_listed(draft: &mut Draft, item: Item, name: Option<&str>, state: Option<&str>) {
    set_inventory(draft, item, name, state);
    // One that says no time may come twice in the same words.
    if !draft.identity.is_empty() {
        draft.identity.push_str(&["\n", item.word(), "\n", name.unwrap_or_default()].concat());
    }
}

/// Sets who started what is told, by the agent's word for it.
pub fn set_actor(draft: &mut Draft, word: Option<&str>) {
    let actor = match word.unwrap_or_default() {
        "user" => Some("person"),
        "sdk" | "system" | "poll_event" | "automation" => Some("automation"),
        "loop_wakeup" | "schedule_wakeup" | "schedule" | "cron" => Some("schedule"),
        "subagent" | "sub_agent" => Some("sub_agent"),
        word if word.starts_with("agent:") => Some("sub_agent"),
        _ => None,
    };
    draft.columns.set_text_if(column::ACTOR, actor);
}

/// The names in a list that is written with commas; of a list that is empty one that is none, which says that there are none.
pub fn listed(element: &Element, key: &str) -> Vec<Option<String>> {
    if !element.attributes.has(key) {
        return Vec::new();
    }
    let list = element.text(key).unwrap_or_default();
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty()).take(LIST_MAX);
    let names: Vec<_> = names.map(|name| Some(name.to_owned())).collect();
    if names.is_empty() { vec![None] } else { names }
}

/// The whole number in a text, unless it is none.
pub fn number(text: Option<Cow<'_, str>>) -> Option<i64> {
    text.map(|text| crate::dialect::json::whole_of_text(&text)).filter(|number| *number != NO_NUMBER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_outweighs_a_word() {
        let check = |success, code, outcome: Option<&str>| {
            let mut draft = Draft::default();
            set_ended(&mut draft, success, code);
            assert_eq!(draft.columns.text(column::OUTCOME), outcome, "{success:?} {code:?}");
        };
        check(Some(true), Some(1), Some("error"));
        check(Some(true), Some(0), Some("success"));
        check(Some(false), Some(0), Some("error"));
        check(Some(false), None, Some("error"));
        check(None, Some(0), Some("success"));
        check(None, Some(2), Some("error"));
        check(None, None, None);
    }

    #[test]
    fn words_of_decisions_and_actors_are_known() {
        let decided = |word| {
            let mut draft = Draft::default();
            set_decision(&mut draft, Some(word));
            draft.columns.text(column::OUTCOME).map(str::to_owned)
        };
        for word in ["accept", "auto_accept", "approved", "approvedforsession"] {
            assert_eq!(decided(word).as_deref(), Some("allow"), "{word}");
        }
        for word in ["reject", "denied", "timedout", "abort"] {
            assert_eq!(decided(word).as_deref(), Some("deny"), "{word}");
        }
        assert_eq!(decided("maybe"), None);
        let acted = |word| {
            let mut draft = Draft::default();
            set_actor(&mut draft, Some(word));
            draft.columns.text(column::ACTOR).map(str::to_owned)
        };
        let words = ["user", "sdk", "schedule_wakeup", "agent:builtin:Explore", "repl_main_thread"].map(acted);
        assert_eq!(words.map(Option::unwrap_or_default), ["person", "automation", "schedule", "sub_agent", ""]);
    }
}
