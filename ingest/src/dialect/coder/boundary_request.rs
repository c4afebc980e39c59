//! `boundary_request`: one HTTP request that an agent made through its boundary.
//!
//! Three generations of fields exist: without template ids, with them, and with the boundary's session and counter.

use ledger::events::column;
use operations::access::Trust;

use super::SOURCE_BOUNDARY;
use super::line::Line;
use crate::dialect::json::{Integer, Raw, Text, record, text_of};
use crate::dialect::quoted;
use crate::event::{Draft, Drafts};

record! {
    /// The fields of all generations.
    Fields {
        owner: Text<'a> = "owner",
        workspace_name: Text<'a> = "workspace_name",
        agent_name: Text<'a> = "agent_name",
        decision: Text<'a> = "decision",
        session: Text<'a> = "session_id",
        sequence: Integer = "sequence_number",
        workspace: Text<'a> = "workspace_id",
        template: Text<'a> = "template_id",
        method: Text<'a> = "http_method",
        url: Raw<'a> = "http_url",
        event_time: Text<'a> = "event_time",
        rule: Text<'a> = "matched_rule",
    }
}

/// Decodes a request.
pub fn decode(line: &Line<Fields>, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let fields = &line.fields;
    let decision = match fields.decision.as_str() {
        decision @ ("allow" | "deny") => decision,
        "" => return Err("it has no decision".to_owned()),
        other => return Err(format!("its decision is {}, not allow or deny", quoted(other))),
    };
    let time = fields.event_time.time().required("it has no event_time")?;
    let url = fields.url.map(text_of).filter(|url| !url.is_empty()).ok_or("it has no http_url")?;
    let method = fields.method.some().ok_or("it has no http_method")?;
    let draft = drafts.add();
    draft.set_times(time, line.ts.time(), received);
    draft.add_free_text(text, "url", "/fields/http_url", fields.url);
    draft.url.push_str(&url);
    set_request(draft, method, decision, fields.rule.some());
    set_who(draft, fields);
    match (fields.session.id(), fields.sequence.0) {
        // A counter that cannot be one names no record.
        (Some(session), Some(sequence)) if sequence >= 0 => {
            let columns = &mut draft.columns;
            columns.set_text(column::SESSION, session);
            columns.set_text(column::STREAM, session);
            columns.set_integer(column::STREAM_SEQ, sequence);
            columns.set_text(column::SOURCE_ID, &format!("{session}/{sequence}"));
        }
        (session, sequence) => {
            if sequence.is_some_and(|sequence| sequence < 0) {
                draft.void("stream_seq");
            }
            draft.columns.set_text_if(column::SESSION, session);
            let parts = [fields.workspace.as_str(), fields.event_time.as_str(), method, &*url, decision];
            draft.identity.push_str(&parts.join("\n"));
        }
    }
    Ok(())
}

/// Sets what a request through the boundary has in every feed.
pub fn set_request(draft: &mut Draft, method: &str, decision: &str, rule: Option<&str>) {
    draft.set_origin(SOURCE_BOUNDARY, "boundary", "egress.http");
    draft.limit_trust(Trust::Workspace);
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, method);
    columns.set_text(column::METHOD, method);
    columns.set_text(column::OUTCOME, decision);
    columns.set_text_if(column::RULE, rule);
}

/// Decodes the line in which coderd says that it did not know what a boundary reported.
pub fn decode_unknown(line: &Line<Fields>, text: &str, received: i64, drafts: &mut Drafts) {
    let draft = drafts.add();
    draft.set_times(line.ts.time(), line.ts.time(), received);
    draft.set_origin(SOURCE_BOUNDARY, "boundary", "loss");
    draft.limit_trust(Trust::Workspace);
    draft.columns.set_text(column::ACTION, "unknown_resource_type");
    draft.identity.push_str(text);
    set_who(draft, &line.fields);
}

fn set_who(draft: &mut Draft, fields: &Fields) {
    draft.owner.1.push_str(fields.owner.some().unwrap_or_default());
    let columns = &mut draft.columns;
    columns.set_text_if(column::USER, fields.owner.some());
    columns.set_text_if(column::AGENT, fields.agent_name.some());
    columns.set_text_if(column::WORKSPACE, fields.workspace.id());
    columns.set_text_if(column::WORKSPACE_NAME, fields.workspace_name.some());
    columns.set_text_if(column::TEMPLATE, fields.template.id());
    if fields.workspace.id().is_some() || fields.owner.some().is_some() {
        columns.set_text(column::ATTRIBUTION, "direct");
    }
}
