//! How a call ended, by what its hook says: outcome and exit code. Agents say it in members, or in a line of the text that
//! they give the model.

use ledger::events::column;
use serde_json::value::RawValue;

use super::agents::Agent;
use super::payload::{ERRORS, Payload, RESULTS};
use super::refusal::is_refusal;
use crate::dialect::json::{Integer, Raw, Text, read, record, text_of};
use crate::dialect::tool;
use crate::event::Draft;

record! {
    /// What a tool's response may say of its success.
    Response {
        success: Text<'a> = "success",
        is_error: Text<'a> = "is_error" | "isError",
        exit_code: Integer = "exit_code" | "exitCode" | "exit",
        metadata: Raw<'a> = "metadata",
        kind: Text<'a> = "resultType" | "status",
        error: Raw<'a> = "error",
        text: Raw<'a> = "llmContent" | "textResultForLlm" | "output",
    }
}

/// Sets outcome, exit code and what makes `result_fp` of a call that ended.
pub fn set_result(draft: &mut Draft, payload: &Payload, agent: &Agent) {
    let response = payload.any_member(RESULTS);
    let written = response.filter(|response| response.get().starts_with('"')).map(text_of);
    // Some write the response as a text with JSON in it.
    let inside = written.as_deref().filter(|text| text.starts_with('{'));
    let said: Response =
        inside.or(response.map(RawValue::get)).and_then(|response| read(response).ok()).unwrap_or_default();
    let more: Response = said.metadata.and_then(|metadata| read(metadata.get()).ok()).unwrap_or_default();
    let text = said.text.map(text_of).or(written.clone());
    let code = said.exit_code.0.or(more.exit_code.0).or_else(|| text.as_deref().and_then(tool::exit_code));
    let error = said.error.filter(|error| !matches!(error.get(), "null" | "\"\"" | "false"));
    let failed = said.success.as_str() == "false"
        || said.is_error.as_str() == "true"
        || error.is_some()
        || matches!(said.kind.as_str(), "failure" | "error" | "failed")
        || code.is_some_and(|code| code != 0);
    let denied = matches!(said.kind.as_str(), "denied" | "rejected");
    let outcome = match (denied, failed) {
        (true, _) => Some("deny"),
        (_, true) => Some("error"),
        // Where a failure says nothing of itself, silence is no success.
        _ if agent.tells_failure || code.is_some() || said.success.as_str() == "true" => Some("success"),
        _ => None,
    };
    draft.columns.set_text_if(column::OUTCOME, outcome);
    if let Some(code) = code {
        draft.columns.set_integer(column::EXIT_CODE, code);
    }
    draft.result = response.map(|response: &RawValue| response.get().to_owned());
}

/// Sets the same of a call whose hook is there for failures.
pub fn set_failure(draft: &mut Draft, payload: &Payload) {
    let error = payload.any_member(ERRORS).map(text_of).unwrap_or_default();
    draft.columns.set_text(column::OUTCOME, if is_refusal(&error) { "deny" } else { "error" });
    if let Some(code) = tool::exit_code_of_error(&error) {
        draft.columns.set_integer(column::EXIT_CODE, code);
    }
    draft.result = Some(error.into_owned());
}
