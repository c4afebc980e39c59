//! Saved pages of coderd's REST interface, and what else has no `msg`: which page it is, and the pages of audit and connection logs.
//!
//! The first event of a page is the page itself (kind `page`). It carries the record with the content of all rows.

use ledger::events::column;
use operations::access::Trust;

use super::connection::{self, ConnectionRow};
use super::{SOURCE_AUDIT, SOURCE_CONNECTION, SOURCE_GATEWAY, agent_time, audit, notification, rows, sessions};
use crate::dialect::json::{Raw, Text, read, record, why_not};
use crate::dialect::{Decoded, SKIP_BLANK, is_empty};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts};
use crate::limits::RECORD_EVENTS_MAX;
use crate::timestamp::Stated;

record! {
    /// What tells the pages apart.
    Page {
        audit_logs: Raw<'a> = "audit_logs",
        connection_logs: Raw<'a> = "connection_logs",
        sessions: Raw<'a> = "sessions",
        threads: Raw<'a> = "threads",
        agent_time: Raw<'a> = "total_agent_time_ms",
        notification: Raw<'a> = "msg_id",
        builds: Raw<'a> = "builds",
        workspaces: Raw<'a> = "workspaces",
        users: Raw<'a> = "users",
        groups: Raw<'a> = "groups",
        templates: Raw<'a> = "templates",
        chats: Raw<'a> = "chats",
        api_keys: Raw<'a> = "api_keys",
        chat: Raw<'a> = "chat",
    }
}

/// Decodes a record that is not a log line.
pub fn decode(text: &str, received: i64, drafts: &mut Drafts) -> Result<Decoded, String> {
    if text.trim_ascii_start().starts_with('[') {
        rows::decode("list", &FieldPath::root(), text, text, received, drafts)
            .map_err(|reason| format!("list: {reason}"))?;
        // The page itself alone: there is nothing on it.
        if drafts.len() == 1 {
            return Ok(Decoded::Skip(SKIP_BLANK));
        }
    } else {
        decode_page(text, received, drafts)?;
    }
    if drafts.len() > RECORD_EVENTS_MAX {
        return Err(format!("the page has more than {RECORD_EVENTS_MAX} events; ask for smaller pages"));
    }
    Ok(Decoded::Events)
}

fn decode_page(text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let page: Page = read(text).map_err(|error| why_not(&error))?;
    if let Some(rows) = page.audit_logs {
        return decode_audit_logs(rows.get(), text, received, drafts)
            .map_err(|reason| format!("page of audit logs: {reason}"));
    }
    if let Some(rows) = page.connection_logs {
        return decode_connection_logs(rows.get(), text, received, drafts)
            .map_err(|reason| format!("page of connection logs: {reason}"));
    }
    if let Some(rows) = page.sessions {
        return sessions::decode_list(rows.get(), text, received, drafts)
            .map_err(|reason| format!("page of sessions: {reason}"));
    }
    if page.threads.is_some() {
        return sessions::decode_threads(text, received, drafts)
            .map_err(|reason| format!("threads of a session: {reason}"));
    }
    if page.agent_time.is_some() {
        return agent_time::decode(text, received, drafts).map_err(|reason| format!("agent time: {reason}"));
    }
    if page.notification.is_some() {
        return notification::decode(text, received, drafts).map_err(|reason| format!("notification: {reason}"));
    }
    let lists = [
        ("builds", page.builds),
        ("workspaces", page.workspaces),
        ("users", page.users),
        ("groups", page.groups),
        ("templates", page.templates),
        ("chats", page.chats),
        ("api_keys", page.api_keys),
    ];
    for (name, list) in lists {
        if let Some(list) = list {
            return rows::decode(name, &FieldPath::member(name), list.get(), text, received, drafts)
                .map_err(|reason| format!("page of {name}: {reason}"));
        }
    }
    let (path, item) = match page.chat {
        Some(chat) => (FieldPath::member("chat"), chat.get()),
        None => (FieldPath::root(), text),
    };
    if rows::decode_one(&path, item, text, received, drafts)? {
        return Ok(());
    }
    Err("it is neither a log line of coderd (no msg) nor one of the REST pages that are understood".to_owned())
}

/// The event of the page itself.
pub fn page(source: &str, list: &str, text: &str, received: i64) -> Draft {
    let mut draft = Draft::default();
    draft.set_times(Stated::Nothing, Stated::Nothing, received);
    draft.set_origin(source, if source == SOURCE_GATEWAY { "gateway" } else { "workspace" }, "page");
    if source == SOURCE_GATEWAY {
        draft.limit_trust(Trust::Gateway);
    }
    draft.columns.set_text(column::ACTION, list);
    // A page that is sent again in the same bytes is the same page.
    draft.identity.push_str(text);
    draft
}

/// Gives a page the identity of what its rows say: then one that is polled again is the same one, whatever else in it changed.
pub fn identify(drafts: &mut Drafts) {
    let said = |draft: &Draft| match draft.columns.text(column::SOURCE_ID) {
        Some(id) => id.to_owned(),
        None => draft.identity.clone(),
    };
    let rows: Vec<String> = drafts.iter().skip(1).map(said).collect();
    if let Some(page) = drafts.iter_mut().next() {
        page.identity = ["page", &rows.join("\n\n")].join("\n");
    }
}

fn decode_audit_logs(rows: &str, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let rows: Vec<audit::AuditLog> = read(rows).map_err(|error| why_not(&error))?;
    let mut page = page(SOURCE_AUDIT, "audit_logs", text, received);
    for (number, row) in rows.iter().enumerate() {
        page.add_content(text, "diff", FieldPath::member("audit_logs").item(number).then("diff"), row.diff);
    }
    *drafts.add() = page;
    for row in &rows {
        let id = row.id.id().ok_or("a row has no id")?;
        let draft = drafts.add();
        audit::set(draft, row, Stated::Nothing, received)?;
        // Without a diff the row says exactly what the line of the service log says, so they are one event; a diff is
        // content, whose bytes differ between the feeds.
        let has_diff = row.diff.is_some_and(|diff| !is_empty(diff.get()));
        let source_id = if has_diff { ["page", id].join("/") } else { id.to_owned() };
        draft.columns.set_text(column::SOURCE_ID, &source_id);
    }
    identify(drafts);
    Ok(())
}

fn decode_connection_logs(rows: &str, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let rows: Vec<ConnectionRow> = read(rows).map_err(|error| why_not(&error))?;
    let mut page = page(SOURCE_CONNECTION, "connection_logs", text, received);
    for (number, row) in rows.iter().enumerate() {
        connection::add_free_text(&mut page, row, &FieldPath::member("connection_logs").item(number), text);
    }
    *drafts.add() = page;
    rows.iter().try_for_each(|row| connection::decode_row(row, received, drafts))?;
    identify(drafts);
    Ok(())
}

/// The first text of a list of texts, if it is the only one.
pub fn only(list: &[Text<'_>]) -> Option<String> {
    match list {
        [text] => text.some().map(str::to_owned),
        _ => None,
    }
}
