//! What the gateway says it lost: records that it could not hand to coderd, and content that nobody exports.
//!
//! Coder 2.38 logs a failure twice: the error alone, and, for most records, a more general line with the whole record in `payload`. The
//! first is one record that was lost (`amount`), the second what was in it.

use ledger::events::column;
use operations::access::Trust;

use super::SOURCE_GATEWAY;
use super::line::Line;
use crate::dialect::json::{Raw, Text, nested, record};
use crate::event::Drafts;

/// Failures to record, as `LogRecorder` of the gateway logs them at level WARN.
const FAILURES: [&str; 9] = [
    "failed to marshal tool call arguments, reporting empty input",
    "failed to record interception",
    "failed to record interception end",
    "failed to record model thought",
    "failed to record prompt usage",
    "failed to record that interception ended",
    "failed to record token usage",
    "failed to record tool usage",
    "failed to record usage",
];
/// Begins what is logged at a start where content is not recorded and the one that has it does not log it.
const NOT_EXPORTED: &str = "content recording is disabled but structured logs are emitted by coderd";

record! {
    /// The fields of a failure.
    Fields {
        interception: Text<'a> = "interception_id",
        record_type: Text<'a> = "type",
        error: Raw<'a> = "error",
        payload: Raw<'a> = "payload",
    }

    /// What names the model call in the record that was lost: Go's names of its fields.
    Payload {
        call: Text<'a> = "InterceptionID" | "interception_id",
        own: Text<'a> = "ID" | "id",
    }
}

/// Whether a message tells of a loss.
pub fn is_loss(msg: &str) -> bool {
    FAILURES.contains(&msg) || msg.starts_with(NOT_EXPORTED)
}

/// Decodes a line that tells of a loss.
pub fn decode(line: &Line<Fields>, text: &str, received: i64, drafts: &mut Drafts) {
    let fields = &line.fields;
    let mut unescaped = String::new();
    let payload: Payload = nested(fields.payload, &mut unescaped);
    let draft = drafts.add();
    draft.set_times(line.ts.time(), line.ts.time(), received);
    draft.set_origin(SOURCE_GATEWAY, "gateway", "loss");
    draft.limit_trust(Trust::Gateway);
    draft.add_content(text, "error", "/fields/error", fields.error);
    draft.add_content(text, "payload", "/fields/payload", fields.payload);
    // Lines without an id are the same line if all of them is the same.
    draft.identity.push_str(text);
    let columns = &mut draft.columns;
    let msg = line.msg.as_str();
    if msg.starts_with(NOT_EXPORTED) {
        columns.set_text(column::ACTION, "content_not_exported");
        columns.set_text(column::TARGET, "prompt, tool.call, model.thought");
        return;
    }
    columns.set_text(column::ACTION, msg);
    columns.set_text_if(column::TARGET, fields.record_type.some());
    let call = fields.interception.id().or(payload.call.id()).or(payload.own.id());
    columns.set_text_if(column::INTERCEPTION, call);
    if fields.payload.is_none() {
        columns.set_integer(column::AMOUNT, 1);
    }
}
