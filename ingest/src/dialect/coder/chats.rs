//! Chats, in which Coder's own agents work: how each stands, and what became of the change that it made.
//!
//! Rows of `GET /api/v2/chats` (before 2.38 `/api/experimental/chats`) and lines of its `/watch`. A chat's `diff_status` is what coderd
//! knows of the pull request: an event of kind `review`, whose outcome is the verdict of those who reviewed.

use ledger::events::column;
use serde_json::value::RawValue;

use super::SOURCE_CHAT;
use crate::dialect::json::{Integer, Raw, Text, nested, record};
use crate::dialect::schema::Schema;
use crate::event::{Draft, Drafts};
use crate::timestamp::Stated;

record! {
    /// A chat.
    Chat {
        id: Text<'a> = "id",
        owner: Text<'a> = "owner_id",
        owner_name: Text<'a> = "owner_username",
        org: Text<'a> = "organization_id",
        workspace: Text<'a> = "workspace_id",
        parent: Text<'a> = "parent_chat_id",
        client_type: Text<'a> = "client_type",
        status: Text<'a> = "status",
        last_error: Raw<'a> = "last_error",
        diff_status: Raw<'a> = "diff_status",
        updated_at: Text<'a> = "updated_at",
    }

    /// Why it stopped.
    LastError {
        provider: Text<'a> = "provider",
        status: Integer = "status_code",
    }

    /// How the change that it made stands.
    DiffStatus {
        url: Text<'a> = "url",
        number: Text<'a> = "pr_number",
        state: Text<'a> = "pull_request_state",
        draft: Text<'a> = "pull_request_draft",
        approved: Text<'a> = "approved",
        changes_requested: Text<'a> = "changes_requested",
        reviewers: Text<'a> = "reviewer_count",
        commits: Text<'a> = "commits",
        refreshed_at: Text<'a> = "refreshed_at",
    }
}

/// Why a chat stopped.
static ERROR: Schema = Schema::flat(&["kind", "provider", "retryable", "status_code"]);

/// The change of a chat.
static DIFF: Schema = Schema::flat(&[
    "additions",
    "approved",
    "author_avatar_url",
    "author_login",
    "base_branch",
    "changed_files",
    "changes_requested",
    "chat_id",
    "commits",
    "deletions",
    "head_branch",
    "pr_number",
    "pull_request_draft",
    "pull_request_state",
    "refreshed_at",
    "reviewer_count",
    "stale_at",
    "url",
]);

/// A chat: what is known to be a fact of it.
pub static CHAT: Schema = Schema {
    facts: &[
        "agent_id",
        "archived",
        "build_id",
        "client_type",
        "created_at",
        "has_unread",
        "id",
        "last_model_config_id",
        "mcp_server_ids",
        "organization_id",
        "owner_id",
        "owner_name",
        "owner_username",
        "parent_chat_id",
        "pin_order",
        "root_chat_id",
        "status",
        "updated_at",
        "workspace_id",
    ],
    objects: &[("last_error", &ERROR), ("diff_status", &DIFF)],
};

/// Decodes a chat: its state, and that of its change.
pub fn decode(chat: &Chat, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let id = chat.id.id().ok_or("a chat has no id")?;
    let status = chat.status.some().ok_or("a chat has no status")?;
    let mut unescaped: [String; 2] = Default::default();
    let [error_text, diff_text] = &mut unescaped;
    let error: LastError = nested(chat.last_error.filter(is_object), error_text);
    let diff: DiffStatus = nested(chat.diff_status.filter(is_object), diff_text);
    let draft = drafts.add();
    set_chat(draft, chat, id, "chat.status");
    let updated = chat.updated_at.time();
    draft.set_times(updated, Stated::Nothing, received);
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, status);
    columns.set_text_if(column::PROVIDER, error.provider.some());
    if let Some(code) = error.status.0 {
        columns.set_integer(column::STATUS, code);
    }
    if status == "error" {
        columns.set_text(column::OUTCOME, "error");
    }
    let at = updated.micros().unwrap_or_default();
    columns.set_text(column::SOURCE_ID, &format!("page/chat/{id}/{at}/{status}"));
    if diff.url.some().is_some() || diff.number.some().is_some() {
        decode_review(chat, id, &diff, received, drafts.add());
    }
    Ok(())
}

fn is_object(value: &&RawValue) -> bool {
    value.get().starts_with('{')
}

fn decode_review(chat: &Chat, id: &str, diff: &DiffStatus, received: i64, draft: &mut Draft) {
    set_chat(draft, chat, id, "review");
    draft.set_times(diff.refreshed_at.time().or(chat.updated_at.time()), Stated::Nothing, received);
    let state = diff.state.some().unwrap_or("none");
    let is = |word: &Text| word.as_str() == "true";
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, &["pull_request", if state == "open" { "opened" } else { state }].join("."));
    columns.set_text_if(column::TARGET, Some(&target(diff.url.as_str(), diff.number.as_str())));
    let verdict = if is(&diff.changes_requested) { Some("deny") } else { is(&diff.approved).then_some("allow") };
    columns.set_text_if(column::OUTCOME, verdict);
    // What makes it another state than the one before.
    let facts = [&diff.url, &diff.number, &diff.state, &diff.draft, &diff.approved, &diff.changes_requested];
    let facts = facts.into_iter().chain([&diff.reviewers, &diff.commits]).map(Text::as_str);
    draft.identity = ["review", id].into_iter().chain(facts).collect::<Vec<_>>().join("\n");
}

/// The change as forges write it: `acme/billing#7` of an address such as `https://github.com/acme/billing/pull/7`; else the address, or
/// the number alone.
fn target(url: &str, number: &str) -> String {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let mut parts = path.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(owner), Some(repository), Some("pull"), Some(pull)) if !pull.is_empty() => {
            format!("{owner}/{repository}#{pull}")
        }
        _ if url.is_empty() => format!("#{number}"),
        _ => url.to_owned(),
    }
}

fn set_chat(draft: &mut Draft, chat: &Chat, id: &str, kind: &str) {
    draft.set_origin(SOURCE_CHAT, "workspace", kind);
    draft.set_user(chat.owner.id(), chat.owner_name.some());
    let columns = &mut draft.columns;
    columns.set_text(column::RUN, id);
    columns.set_text(column::RUN_KIND, "coder_chat");
    // The gateway names the session of such a chat's calls after it.
    columns.set_text(column::SESSION, id);
    columns.set_text(column::AGENT_KIND, "coder_agents");
    columns.set_text_if(column::WORKSPACE, chat.workspace.id());
    columns.set_text_if(column::ORG, chat.org.id());
    columns.set_text_if(column::ACTOR, actor(chat));
    if chat.owner.id().is_some() {
        columns.set_text(column::ATTRIBUTION, "direct");
    }
}

/// Who began the chat: another one, a person at the dashboard, or a program.
fn actor(chat: &Chat) -> Option<&'static str> {
    match (chat.parent.id(), chat.client_type.as_str()) {
        (Some(_), _) => Some("sub_agent"),
        (None, "ui") => Some("person"),
        (None, "api") => Some("automation"),
        _ => None,
    }
}
