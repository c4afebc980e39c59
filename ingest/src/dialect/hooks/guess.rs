//! Whose a payload is, and of which hook, where nobody says so: by members that only one agent has. Copilot's payloads name no
//! hook at all.

use super::agents::{Agent, CLAUDE_CODE, CODEX, COPILOT, CURSOR, GEMINI, Meaning};
use super::payload::{ERRORS, INPUTS, Payload, RESULTS};

/// Hooks that only Gemini CLI has.
const GEMINI_ONLY: &[&str] =
    &["BeforeAgent", "AfterAgent", "BeforeModel", "AfterModel", "BeforeToolSelection", "BeforeTool", "AfterTool"];

/// The agent that a payload is of.
pub fn agent(payload: &Payload) -> &'static Agent {
    let hook = payload.hook.as_str();
    let has = |name| payload.member(name).is_some();
    if payload.is_cursor {
        &CURSOR
    } else if GEMINI_ONLY.contains(&hook) || (payload.time.some().is_some() && hook.starts_with(char::is_uppercase)) {
        &GEMINI
    } else if matches!(hook, "PreModelRequest" | "PostModelRequest" | "Interrupt")
        || (payload.model.some().is_some() && hook != "SessionStart" && CODEX.meaning(hook) != Meaning::Other)
    {
        &CODEX
    } else if hook.is_empty() || has("toolArgs") || has("toolResult") || COPILOT.meaning(hook) != Meaning::Other {
        &COPILOT
    } else {
        &CLAUDE_CODE
    }
}

/// The hook that a payload of Copilot's is of, by its members.
pub fn hook(agent: &Agent, payload: &Payload) -> Option<&'static str> {
    if *agent != COPILOT {
        return None;
    }
    let has = |name| payload.member(name).is_some();
    Some(if payload.tool.some().is_some() {
        if payload.any_member(RESULTS).is_some() {
            "postToolUse"
        } else if payload.any_member(ERRORS).is_some() {
            "postToolUseFailure"
        } else if payload.any_member(INPUTS).is_some() {
            "preToolUse"
        } else {
            return None;
        }
    } else if has("initialPrompt") || payload.source.some().is_some() {
        "sessionStart"
    } else if has("prompt") {
        "userPromptSubmitted"
    } else if has("error") {
        "errorOccurred"
    } else if has("reason") {
        "sessionEnd"
    } else {
        "agentStop"
    })
}
