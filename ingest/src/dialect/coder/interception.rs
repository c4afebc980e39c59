//! `interception log`: what the AI Bridge / AI Gateway saw of a model call, one line per `record_type`.
//!
//! Only `interception_start` names session, user and model; the pipeline joins the others to it by the interception's id.

use std::borrow::Cow;

use ledger::events::column;
use operations::access::Trust;

use super::SOURCE_GATEWAY;
use super::line::Line;
use crate::dialect::json::{Integer, Raw, Text, nested, record, text_of};
use crate::dialect::{quoted, tool};
use crate::event::{Draft, Drafts};
use crate::price::Tier;
use crate::timestamp;

record! {
    /// The fields of all record types.
    Fields {
        record_type: Text<'a> = "record_type",
        interception: Text<'a> = "interception_id",
        initiator: Text<'a> = "initiator_id",
        api_key: Text<'a> = "api_key_id",
        provider: Text<'a> = "provider",
        model: Text<'a> = "model",
        client: Text<'a> = "client",
        client_session: Text<'a> = "client_session_id",
        thread_root: Text<'a> = "thread_root_id",
        started_at: Text<'a> = "started_at",
        ended_at: Text<'a> = "ended_at",
        created_at: Text<'a> = "created_at",
        message: Text<'a> = "msg_id",
        tokens_in: Integer = "input_tokens",
        tokens_out: Integer = "output_tokens",
        tokens_cache_read: Integer = "cache_read_input_tokens",
        tokens_cache_write: Integer = "cache_write_input_tokens",
        metadata: Raw<'a> = "metadata",
        prompt: Raw<'a> = "prompt",
        content: Raw<'a> = "content",
        tool: Text<'a> = "tool",
        tool_call: Text<'a> = "tool_call_id",
        item: Text<'a> = "item_id",
        input: Raw<'a> = "input",
        server_url: Raw<'a> = "server_url",
        injected: Text<'a> = "injected",
        invocation_error: Raw<'a> = "invocation_error",
    }

    /// Extra token types: the cache counters of releases that had no field for them, how long what was written to the cache
    /// lives, and reasoning. At what rates they are billed.
    ExtraTokens {
        cache_read: Integer = "cache_read_input" | "prompt_cached" | "input_cached",
        cache_write: Integer = "cache_creation_input",
        cache_write_hour: Integer = "cache_ephemeral_1h_input" | "cache_ephemeral_1h_input_tokens" | "cache_creation_ephemeral_1h_input"
            | "cache_creation_1h_tokens" | "cache_creation_1h_input_tokens" | "ephemeral_1h_input_tokens" | "cache_write_1h_input_tokens"
            | "cache_creation_ephemeral_1h_input_tokens",
        cache_write_minutes: Integer = "cache_ephemeral_5m_input" | "cache_ephemeral_5m_input_tokens" | "cache_creation_ephemeral_5m_input"
            | "cache_creation_5m_tokens" | "cache_creation_5m_input_tokens" | "ephemeral_5m_input_tokens" | "cache_write_5m_input_tokens"
            | "cache_creation_ephemeral_5m_input_tokens",
        cache_creation: Raw<'a> = "cache_creation",
        usage: Raw<'a> = "usage",
        reasoning: Integer = "output_reasoning" | "completion_reasoning" | "reasoning",
        tier: Text<'a> = "service_tier" | "serviceTier",
        speed: Text<'a> = "speed",
    }
}

/// Decodes a record of any type.
pub fn decode(line: &Line<Fields>, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let fields = &line.fields;
    let record_type = fields.record_type.some().ok_or("it has no record_type")?;
    let interception = fields.interception.id().ok_or_else(|| format!("{record_type} has no interception_id"))?;
    let (kind, time) = match record_type {
        "interception_start" => ("model.call", &fields.started_at),
        "interception_end" => ("model.call.end", &fields.ended_at),
        "token_usage" => ("model.tokens", &fields.created_at),
        "prompt_usage" => ("prompt", &fields.created_at),
        "tool_usage" => ("tool.call", &fields.created_at),
        "model_thought" => ("model.thought", &fields.created_at),
        other => return Err(format!("its record_type {} is not known", quoted(other))),
    };
    let at = time.time().required(()).map_err(|()| format!("{record_type} has no time"))?;
    let draft = drafts.add();
    draft.set_times(at, line.ts.time(), received);
    draft.set_origin(SOURCE_GATEWAY, "gateway", kind);
    draft.limit_trust(Trust::Gateway);
    draft.columns.set_text(column::ACTION, record_type);
    draft.columns.set_text(column::INTERCEPTION, interception);
    let id = |rest: &[&str]| [&[record_type, interception], rest].concat().join("/");
    // The two that log the same record print its time in their own zones.
    let instant = at.micros().map_or_else(|| time.as_str().to_owned(), timestamp::format);
    match record_type {
        "token_usage" => {
            set_tokens(draft, fields)?;
            draft.columns.set_text(column::SOURCE_ID, &id(&[fields.message.as_str(), &instant]));
        }
        "prompt_usage" => {
            draft.add_content(text, "prompt", "/fields/prompt", fields.prompt);
            draft.columns.set_text(column::SOURCE_ID, &id(&[fields.message.as_str(), &instant]));
        }
        "tool_usage" => {
            if let Some(call) = set_tool(draft, fields, text)? {
                draft.columns.set_text(column::SOURCE_ID, &id(&[call]));
            } else {
                let input = fields.input.map_or("", |input| input.get());
                draft.identity = id(&[fields.message.as_str(), fields.tool.as_str(), input]);
            }
        }
        "model_thought" => {
            draft.add_content(text, "thought", "/fields/content", fields.content);
            draft.identity = id(&[&instant, fields.content.map_or("", |content| content.get())]);
        }
        _ => {
            set_call(draft, fields, interception);
            draft.columns.set_text(column::SOURCE_ID, &id(&[]));
        }
    }
    Ok(())
}

/// Sets who calls which model; an end says none of it.
fn set_call(draft: &mut Draft, fields: &Fields, interception: &str) {
    let columns = &mut draft.columns;
    columns.set_text_if(column::PROVIDER, fields.provider.some());
    columns.set_text_if(column::MODEL, fields.model.some());
    columns.set_text_if(column::TARGET, fields.model.some());
    if fields.record_type.as_str() == "interception_start" {
        // As the gateway groups calls itself: the client's session, else the thread, else the call alone.
        let session = fields.client_session.id().or(fields.thread_root.id()).unwrap_or(interception);
        columns.set_text(column::SESSION, session);
    }
    if fields.initiator.id().is_some() {
        columns.set_text(column::ATTRIBUTION, "direct");
    }
    draft.set_user(fields.initiator.id(), None);
    set_client(draft, fields.client.as_str(), fields.client_session.as_str());
    draft.api_key.push_str(fields.api_key.as_str());
}

/// Sets the client, what kind of agent that is, and the chat that it works on if coderd runs the agent itself.
pub fn set_client(draft: &mut Draft, client: &str, session: &str) {
    let columns = &mut draft.columns;
    columns.set_text_if(column::CLIENT, Some(client));
    if !client.is_empty() && client != "Unknown" {
        columns.set_text(column::AGENT_KIND, &word(client));
    }
    if client == "Coder Agents" && !session.is_empty() {
        columns.set_text(column::RUN, session);
        columns.set_text(column::RUN_KIND, "coder_chat");
    }
}

/// A name as one word: `GitHub Copilot (VS Code)` is `github_copilot_vs_code`.
fn word(name: &str) -> String {
    let parts = name.split(|char: char| !char.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

/// Sets the counters, which are disjoint in this source: its input excludes what was read from or written to the cache.
fn set_tokens(draft: &mut Draft, fields: &Fields) -> Result<(), String> {
    if fields.tokens_in.0.is_none() && fields.tokens_out.0.is_none() {
        return Err("token_usage has neither input_tokens nor output_tokens".to_owned());
    }
    let mut unescaped: [String; 3] = Default::default();
    let [outer, usage, creation] = &mut unescaped;
    let extra: ExtraTokens = nested(fields.metadata, outer);
    // Some put the provider's whole answer there, which splits the cache in an object of its own.
    let inner: ExtraTokens = nested(extra.usage, usage);
    let split: ExtraTokens = nested(extra.cache_creation.or(inner.cache_creation), creation);
    let hour = extra.cache_write_hour.0.or(inner.cache_write_hour.0).or(split.cache_write_hour.0);
    let minutes = extra.cache_write_minutes.0.or(inner.cache_write_minutes.0).or(split.cache_write_minutes.0);
    let parts = hour.or(minutes).map(|_| hour.unwrap_or(0).saturating_add(minutes.unwrap_or(0)));
    let counters = [
        (column::TOKENS_IN, fields.tokens_in.0),
        (column::TOKENS_OUT, fields.tokens_out.0),
        (column::TOKENS_CACHE_READ, fields.tokens_cache_read.0.or(extra.cache_read.0)),
        (column::TOKENS_CACHE_WRITE, fields.tokens_cache_write.0.or(extra.cache_write.0).or(parts)),
        (column::TOKENS_REASONING, extra.reasoning.0),
    ];
    for (column, count) in counters {
        if let Some(count) = count {
            draft.columns.set_integer(column, count);
        }
    }
    match hour {
        Some(hour) if hour < 0 => draft.void("tokens_cache_write_hour"),
        hour => draft.billing.cache_write_hour = hour.unwrap_or(0),
    }
    draft.billing.tier = Tier::of(extra.tier.some().or(inner.tier.some()).unwrap_or_default());
    draft.billing.fast =
        extra.speed.some().or(inner.speed.some()).is_some_and(|speed| speed.eq_ignore_ascii_case("fast"));
    Ok(())
}

/// Sets the call of a tool; gives back its id.
fn set_tool<'a>(draft: &mut Draft, fields: &'a Fields, text: &str) -> Result<Option<&'a str>, String> {
    let name = fields.tool.some().ok_or("tool_usage has no tool")?;
    let input = fields.input.map_or(Cow::Borrowed(""), text_of);
    tool::set_call(draft, name, &input);
    draft.add_content(text, "input", "/fields/input", fields.input);
    draft.add_content(text, "error", "/fields/invocation_error", fields.invocation_error);
    draft.add_free_text(text, "server_url", "/fields/server_url", fields.server_url);
    let call = fields.tool_call.some().or(fields.item.some());
    let server = fields.server_url.map(text_of).filter(|url| !url.is_empty());
    let columns = &mut draft.columns;
    columns.set_text_if(column::TOOL_CALL, call);
    columns.set_text_if(column::MCP_SERVER, server.as_deref());
    columns.set_text(column::TARGET, server.as_deref().unwrap_or(name));
    // The gateway runs injected tools itself and so knows how they end; of the others it sees the model's choice only.
    let failed = fields.invocation_error.is_some_and(|error| !text_of(error).is_empty());
    if failed {
        columns.set_text(column::OUTCOME, "error");
    } else if fields.injected.as_str() == "true" {
        columns.set_text(column::OUTCOME, "success");
    }
    Ok(call)
}
