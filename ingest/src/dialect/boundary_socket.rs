//! Dialect `boundary_socket`: what Coder's `boundary` writes to the socket of the workspace's agent, frame by frame.
//!
//! | frame | kind | natural id |
//! |---|---|---|
//! | tag 1, or tag 2 with `logs`: each log | `egress.http` | session/sequence, as in coderd's line of the same request; without a session a keyed hash of time, method, URL and decision |
//! | … a log of something else than HTTP | `loss`, as coderd's line has it | the same |
//! | tag 2 with `status`: each counter that is not zero | `loss` with `amount` | none |
//! | anything else | unparsed | |
//!
//! From `agent/boundarylogproxy/codec` and `agent/proto/agent.proto` of Coder 2.36 and `audit/socket_auditor.go` of boundary. A batch
//! whose writing failed is sent again, which the ids show. The counters of a status are those since the last status: Coder's agent
//! adds them up. Frames name no workspace: it is the collector's.

mod frame;

use ledger::events::column;
use operations::access::Trust;

use crate::dialect::coder::{SOURCE_BOUNDARY, set_request};
use crate::dialect::{Decoded, Dialect, SKIP_BLANK, SKIP_SERVER_LINE};
use crate::encoding::RecordEncoding;
use crate::event::{Draft, Drafts, FreeText, Record};
use crate::timestamp::Stated;
use frame::{BoundaryFrame, Frame, Log, Report, Status};

/// Dialect `boundary_socket`.
pub struct BoundarySocket;

impl Dialect for BoundarySocket {
    fn name(&self) -> &'static str {
        "boundary_socket"
    }

    fn doc(&self) -> &'static str {
        "The frames that Coder's boundary writes to the socket of the workspace's agent: allowed and denied requests, and how many it had to \
         drop. Listen where boundary looks (`CODER_AGENT_BOUNDARY_LOG_PROXY_SOCKET_PATH`) with the transport `unix`: it works without \
         a licence and tells of drops, which coderd's log does not. A request that coderd tells, too, is one event as long as one collector's word is \
         another's, which those without tokens are. Frames name no workspace: set `workspace`."
    }

    fn trust(&self) -> Trust {
        Trust::Workspace
    }

    fn encoding(&self) -> &'static dyn RecordEncoding {
        &BoundaryFrame
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        match Frame::read(record.bytes()) {
            Ok(Frame::Report(report, _)) if report.logs.is_empty() => Decoded::Skip(SKIP_BLANK),
            Ok(Frame::Report(report, path)) => {
                for log in &report.logs {
                    request(log, &report, received, drafts.add());
                }
                if let Some(first) = drafts.iter_mut().next() {
                    first.free_text.push(FreeText::at("url", path));
                }
                Decoded::Events
            }
            Ok(Frame::Status(status)) => losses(&status, received, drafts),
            Err(reason) => Decoded::Unparsed(reason.to_string()),
        }
    }
}

/// One request, or a log of something that is none.
fn request(log: &Log<'_>, report: &Report<'_>, received: i64, draft: &mut Draft) {
    draft.set_times(log.time.map_or(Stated::Nothing, Stated::At), Stated::Nothing, received);
    let decision = if log.allowed { "allow" } else { "deny" };
    let (method, url) = log.http.as_ref().map_or(("", ""), |http| (http.method, http.url));
    if let Some(http) = &log.http {
        set_request(draft, method, decision, Some(http.rule).filter(|rule| !rule.is_empty()));
        draft.url.push_str(url);
    } else {
        draft.set_origin(SOURCE_BOUNDARY, "boundary", "loss");
        draft.columns.set_text(column::ACTION, "unknown_resource_type");
    }
    let Some(session) = Some(report.session).filter(|session| !session.is_empty()) else {
        let time = log.written_time.to_string();
        draft.identity.push_str(&[time.as_str(), method, url, decision].join("\n"));
        return;
    };
    let columns = &mut draft.columns;
    columns.set_text(column::SESSION, session);
    if log.sequence < 0 {
        // A counter that cannot be one names no record.
        draft.void("stream_seq");
        return;
    }
    columns.set_text(column::STREAM, session);
    columns.set_integer(column::STREAM_SEQ, log.sequence);
    columns.set_text(column::SOURCE_ID, &format!("{session}/{}", log.sequence));
}

/// What boundary dropped since it told of that last.
fn losses(status: &Status, received: i64, drafts: &mut Drafts) -> Decoded {
    for (action, amount) in
        [("dropped_channel_full", status.dropped_channel_full), ("dropped_batch_full", status.dropped_batch_full)]
    {
        if amount != 0 {
            let draft = drafts.add();
            draft.set_times(Stated::Nothing, Stated::Nothing, received);
            draft.set_origin(SOURCE_BOUNDARY, "boundary", "loss");
            draft.columns.set_text(column::ACTION, action);
            draft.columns.set_integer(column::AMOUNT, amount);
        }
    }
    if drafts.is_empty() { Decoded::Skip(SKIP_SERVER_LINE) } else { Decoded::Events }
}

/// What the transcoder writes of three frames: a batch, a status, and a batch of a boundary without sessions.
static EXAMPLES: &[&str] = &[
    r#"[["tag",2],["message",[["logs",[["logs",[["allowed",1],["time",[["seconds",1791015304],["nanos",118000657]]],["http_request",[["method","GET"],["url","https://packages.acme.example/left-pad?version=1.3.0"],["matched_rule","method=GET,HEAD domain=packages.acme.example"]]]]],["logs",[["time",[["seconds",1791015305],["nanos",733000000]]],["http_request",[["method","POST"],["url","https://drop.attacker-logger.com/collect"]]],["sequence_number",1]]],["session_id","6f0a2c4e-1111-4d39-9c77-aa5a9b7f1d60"]]]]]]"#,
    r#"[["tag",2],["message",[["status",[["dropped_channel_full",3],["dropped_batch_full",1]]]]]]"#,
    r#"[["tag",1],["report",[["logs",[["allowed",1],["time",[["seconds",1791015304]]],["http_request",[["method","GET"],["url","https://packages.acme.example/"],["matched_rule","domain=packages.acme.example"]]]]]]]]"#,
];

#[cfg(test)]
mod tests;
