//! Saved pages of AI gateway sessions: the list of sessions, and the threads of one session.

use ledger::events::column;
use operations::access::Trust;

use super::{SOURCE_GATEWAY, boundary_request, interception, pages};
use crate::dialect::json::{Integer, Raw, Text, nested, read, record, text_of, why_not};
use crate::dialect::tool;
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts};
use crate::timestamp::Stated;

record! {
    /// A session in the list, and the head of a page of threads.
    Session {
        id: Text<'a> = "id",
        initiator: Raw<'a> = "initiator",
        client: Text<'a> = "client",
        providers: Vec<Text<'a>> = "providers",
        models: Vec<Text<'a>> = "models",
        started_at: Text<'a> = "started_at",
        ended_at: Text<'a> = "ended_at",
        last_active_at: Text<'a> = "last_active_at",
        last_prompt: Raw<'a> = "last_prompt",
        threads: Raw<'a> = "threads",
        network_calls: Option<Vec<NetworkCall<'a>>> = "network_call_logs",
    }

    /// Who started it.
    Initiator {
        id: Text<'a> = "id",
        username: Text<'a> = "username",
    }

    /// A request through the boundary that the gateway joined to the session.
    NetworkCall {
        session: Text<'a> = "session_id",
        sequence: Integer = "sequence_number",
        allowed: Text<'a> = "allowed",
        method: Text<'a> = "method",
        url: Raw<'a> = "detail",
        rule: Text<'a> = "matched_rule",
        captured_at: Text<'a> = "captured_at",
        created_at: Text<'a> = "created_at",
    }

    /// A prompt and what the agent did about it.
    Thread {
        id: Text<'a> = "id",
        prompt: Raw<'a> = "prompt",
        model: Text<'a> = "model",
        provider: Text<'a> = "provider",
        error_type: Text<'a> = "error_type",
        error_message: Raw<'a> = "error_message",
        started_at: Text<'a> = "started_at",
        ended_at: Text<'a> = "ended_at",
        tokens: Raw<'a> = "token_usage",
        actions: Option<Vec<AgenticAction<'a>>> = "agentic_actions",
    }

    /// Counters of tokens.
    TokenUsage {
        input: Integer = "input_tokens",
        output: Integer = "output_tokens",
        cache_read: Integer = "cache_read_input_tokens",
        cache_write: Integer = "cache_write_input_tokens",
    }

    /// One answer of the model.
    AgenticAction {
        model: Text<'a> = "model",
        thinking: Option<Vec<Thinking<'a>>> = "thinking",
        tool_calls: Option<Vec<ToolCall<'a>>> = "tool_calls",
    }

    /// What the model thought.
    Thinking {
        text: Raw<'a> = "text",
    }

    /// A tool that the model called.
    ToolCall {
        id: Text<'a> = "id",
        interception: Text<'a> = "interception_id",
        server_url: Raw<'a> = "server_url",
        tool: Text<'a> = "tool",
        injected: Text<'a> = "injected",
        input: Raw<'a> = "input",
        created_at: Text<'a> = "created_at",
    }
}

/// Decodes the list of sessions.
pub fn decode_list(rows: &str, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let sessions: Vec<Session> = read(rows).map_err(|error| why_not(&error))?;
    let mut page = pages::page(SOURCE_GATEWAY, "sessions", text, received);
    for (number, session) in sessions.iter().enumerate() {
        let path = FieldPath::member("sessions").item(number).then("last_prompt");
        page.add_content(text, "last_prompt", path, session.last_prompt);
    }
    *drafts.add() = page;
    for session in &sessions {
        let id = session.id.id().ok_or("a session has no id")?;
        let started = session.started_at.time().required("a session has no started_at")?;
        let active = session.last_active_at.time().or(session.ended_at.time()).or(started);
        let draft = drafts.add();
        draft.set_times(active, Stated::Nothing, received);
        set_session(draft, session, "session.summary", "sessions");
        let columns = &mut draft.columns;
        if let (Some(begin), Some(end)) = (started.micros(), active.micros()) {
            columns.set_integer(column::DURATION_US, end.saturating_sub(begin));
        }
        columns.set_text_if(column::PROVIDER, pages::only(&session.providers).as_deref());
        columns.set_text_if(column::MODEL, pages::only(&session.models).as_deref());
        columns.set_text(column::SOURCE_ID, &format!("page/session/{id}/{}", active.micros().unwrap_or_default()));
    }
    Ok(())
}

/// Decodes the page of one session with its threads.
pub fn decode_threads(text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let session: Session = read(text).map_err(|error| why_not(&error))?;
    let threads = session.threads.map_or("[]", |threads| threads.get());
    let threads: Vec<Thread> = read(threads).map_err(|error| why_not(&error))?;
    session.id.id().ok_or("the session has no id")?;
    let calls = session.network_calls.as_deref().unwrap_or_default();
    let mut page = pages::page(SOURCE_GATEWAY, "session_threads", text, received);
    for (number, call) in calls.iter().enumerate() {
        let path = FieldPath::member("network_call_logs").item(number).then("detail");
        page.add_free_text(text, "url", path, call.url);
    }
    for (number, thread) in threads.iter().enumerate() {
        add_content(&mut page, thread, &FieldPath::member("threads").item(number), text);
    }
    *drafts.add() = page;
    for call in calls {
        decode_network_call(call, &session, received, drafts.add())?;
    }
    threads.iter().try_for_each(|thread| decode_thread(thread, &session, received, drafts))
}

/// Marks the content of the thread at this path in the page's record.
fn add_content(page: &mut Draft, thread: &Thread, path: &FieldPath, text: &str) {
    page.add_content(text, "prompt", path.then("prompt"), thread.prompt);
    page.add_content(text, "error", path.then("error_message"), thread.error_message);
    for (number, action) in thread.actions.iter().flatten().enumerate() {
        let path = path.then("agentic_actions").item(number);
        for (number, thinking) in action.thinking.iter().flatten().enumerate() {
            page.add_content(text, "thought", path.then("thinking").item(number).then("text"), thinking.text);
        }
        for (number, call) in action.tool_calls.iter().flatten().enumerate() {
            let path = path.then("tool_calls").item(number);
            page.add_content(text, "input", path.then("input"), call.input);
            page.add_free_text(text, "server_url", path.then("server_url"), call.server_url);
        }
    }
}

fn decode_thread(thread: &Thread, session: &Session, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let id = thread.id.id().ok_or("a thread has no id")?;
    let started = thread.started_at.time().required("a thread has no started_at")?;
    let begin = |draft: &mut Draft, kind: &str, action: &str, time: Stated, source_id: String| {
        draft.set_times(time.or(started), Stated::Nothing, received);
        set_session(draft, session, kind, action);
        draft.columns.set_text(column::INTERCEPTION, id);
        draft.columns.set_text_if(column::PROVIDER, thread.provider.some());
        draft.columns.set_text_if(column::MODEL, thread.model.some());
        draft.columns.set_text(column::SOURCE_ID, &source_id);
    };
    let draft = drafts.add();
    begin(draft, "prompt", "prompt_usage", Stated::Nothing, format!("page/prompt_usage/{id}"));
    if thread.error_type.some().is_some() {
        draft.columns.set_text(column::OUTCOME, "error");
    }
    let mut unescaped = String::new();
    let tokens: TokenUsage = nested(thread.tokens, &mut unescaped);
    if tokens.input.0.is_some() || tokens.output.0.is_some() {
        let draft = drafts.add();
        begin(draft, "model.tokens", "token_usage", thread.ended_at.time(), format!("page/token_usage/{id}"));
        let counters = [
            (column::TOKENS_IN, tokens.input),
            (column::TOKENS_OUT, tokens.output),
            (column::TOKENS_CACHE_READ, tokens.cache_read),
            (column::TOKENS_CACHE_WRITE, tokens.cache_write),
        ];
        for (column, count) in counters {
            if let Some(count) = count.0 {
                draft.columns.set_integer(column, count);
            }
        }
    }
    for (number, action) in thread.actions.iter().flatten().enumerate() {
        for (at, _) in action.thinking.iter().flatten().enumerate() {
            begin(
                drafts.add(),
                "model.thought",
                "model_thought",
                Stated::Nothing,
                format!("page/model_thought/{id}/{number}/{at}"),
            );
        }
        for call in action.tool_calls.iter().flatten() {
            let row = call.id.id().ok_or("a tool call has no id")?;
            let draft = drafts.add();
            begin(draft, "tool.call", "tool_usage", call.created_at.time(), format!("page/tool_usage/{row}"));
            set_tool_call(draft, call, action)?;
        }
    }
    Ok(())
}

fn set_tool_call(draft: &mut Draft, call: &ToolCall, action: &AgenticAction) -> Result<(), String> {
    let name = call.tool.some().ok_or("a tool call has no tool")?;
    tool::set_call(draft, name, &call.input.map(text_of).unwrap_or_default());
    let server = call.server_url.map(text_of).filter(|url| !url.is_empty());
    let columns = &mut draft.columns;
    columns.set_text_if(column::MODEL, action.model.some());
    columns.set_text_if(column::INTERCEPTION, call.interception.id());
    columns.set_text_if(column::MCP_SERVER, server.as_deref());
    columns.set_text(column::TARGET, server.as_deref().unwrap_or(name));
    Ok(())
}

fn decode_network_call(call: &NetworkCall, session: &Session, received: i64, draft: &mut Draft) -> Result<(), String> {
    let time = call.created_at.time().required("a network call has no created_at")?;
    let decision = match call.allowed.as_str() {
        "true" => "allow",
        "false" => "deny",
        _ => return Err("a network call does not say whether it was allowed".to_owned()),
    };
    let method = call.method.some().ok_or("a network call has no method")?;
    let (boundary, sequence) =
        call.session.id().zip(call.sequence.0).ok_or("a network call has no session_id and sequence_number")?;
    // `created_at` is when the boundary saw it and `captured_at` when coderd received it, whatever the names suggest.
    draft.set_times(time, call.captured_at.time(), received);
    boundary_request::set_request(draft, method, decision, call.rule.some());
    draft.url.push_str(&call.url.map(text_of).unwrap_or_default());
    let columns = &mut draft.columns;
    columns.set_text(column::SESSION, boundary);
    columns.set_text(column::SOURCE_ID, &format!("page/{boundary}/{sequence}"));
    set_user(draft, session);
    Ok(())
}

/// Sets what every event of a session has.
fn set_session(draft: &mut Draft, session: &Session, kind: &str, action: &str) {
    draft.set_origin(SOURCE_GATEWAY, "gateway", kind);
    draft.limit_trust(Trust::Gateway);
    draft.columns.set_text(column::ACTION, action);
    draft.columns.set_text_if(column::SESSION, session.id.id());
    interception::set_client(draft, session.client.as_str(), session.id.as_str());
    set_user(draft, session);
}

fn set_user(draft: &mut Draft, session: &Session) {
    let mut unescaped = String::new();
    let initiator: Initiator = nested(session.initiator, &mut unescaped);
    if let Some(user) = initiator.id.id() {
        draft.set_user(Some(user), initiator.username.some());
        draft.columns.set_text(column::ATTRIBUTION, "direct");
    }
}
