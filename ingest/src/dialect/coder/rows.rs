//! What the REST interface of coderd says how things stand: builds, workspaces, users, groups, templates, keys and chats (Coder 2.36 to 2.38).
//!
//! Such a page is an object with a list, a list alone, or one thing, and each thing tells by its members what it is. It is an event with
//! a natural id that carries its state: one that changed is a new event, one that did not a duplicate, however often it is polled.

use ledger::events::column;
use serde_json::value::RawValue;

use super::{SOURCE_API, chats, pages};
use crate::dialect::json::{Raw, Text, read, record, why_not};
use crate::dialect::schema::Schema;
use crate::encoding::FieldPath;
use crate::enrich::owner_of_key;
use crate::event::{Draft, Drafts};
use crate::limits::RECORD_EVENTS_MAX;
use crate::timestamp::Stated;

record! {
    /// What tells things apart.
    Shape {
        transition: Raw<'a> = "transition",
        latest_build: Raw<'a> = "latest_build",
        login_type: Raw<'a> = "login_type",
        quota_allowance: Raw<'a> = "quota_allowance",
        active_version: Raw<'a> = "active_version_id",
        client_type: Raw<'a> = "client_type",
        root_chat: Raw<'a> = "root_chat_id",
        diff_status: Raw<'a> = "diff_status",
        model_config: Raw<'a> = "last_model_config_id",
        token_name: Raw<'a> = "token_name",
        key_lifetime: Raw<'a> = "lifetime_seconds",
    }

    /// A key of the interface, without its secret.
    ApiKey {
        id: Text<'a> = "id",
        user: Text<'a> = "user_id",
        token_name: Text<'a> = "token_name",
        created_at: Text<'a> = "created_at",
    }

    /// A build of a workspace.
    Build {
        id: Text<'a> = "id",
        number: Text<'a> = "build_number",
        workspace: Text<'a> = "workspace_id",
        workspace_name: Text<'a> = "workspace_name",
        owner: Text<'a> = "workspace_owner_id",
        owner_name: Text<'a> = "workspace_owner_name" | "workspace_owner_username",
        initiator: Text<'a> = "initiator_id",
        initiator_name: Text<'a> = "initiator_name",
        transition: Text<'a> = "transition",
        reason: Text<'a> = "reason",
        status: Text<'a> = "status",
        template_version: Text<'a> = "template_version_name" | "template_version_id",
        created_at: Text<'a> = "created_at",
        updated_at: Text<'a> = "updated_at",
    }

    /// A workspace.
    Workspace {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        owner: Text<'a> = "owner_id",
        owner_name: Text<'a> = "owner_name",
        org: Text<'a> = "organization_id",
        template: Text<'a> = "template_id",
        latest_build: Raw<'a> = "latest_build",
        dormant_at: Text<'a> = "dormant_at",
        updated_at: Text<'a> = "updated_at",
    }

    /// A person, or a program that has an account.
    User {
        id: Text<'a> = "id",
        username: Text<'a> = "username",
        status: Text<'a> = "status",
        roles: Raw<'a> = "roles",
        updated_at: Text<'a> = "updated_at",
    }

    /// A group of people.
    Group {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        org: Text<'a> = "organization_id",
        members: Option<Vec<Member<'a>>> = "members",
    }

    /// Somebody in a group.
    Member {
        id: Text<'a> = "id",
    }

    /// A template of workspaces.
    Template {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        org: Text<'a> = "organization_id",
        active_version: Text<'a> = "active_version_id",
        deprecated: Text<'a> = "deprecated",
        updated_at: Text<'a> = "updated_at",
    }
}

/// What is a fact wherever it stands in a thing; every other member is content, whatever a later release adds.
static THING: Schema = Schema::flat(FACTS);

/// A workspace, which holds its latest build.
static WORKSPACE: Schema = Schema { facts: FACTS, objects: &[("latest_build", &THING)] };

const FACTS: &[&str] = &[
    "active_user_count",
    "active_version_id",
    "allow_renames",
    "archived",
    "automatic_updates",
    "autostart_schedule",
    "avatar_url",
    "build_number",
    "created_at",
    "created_by_id",
    "created_by_name",
    "deadline",
    "deleting_at",
    "deprecated",
    "display_name",
    "dormant_at",
    "email",
    "expires_at",
    "favorite",
    "has_ai_seat",
    "icon",
    "id",
    "initiator_id",
    "initiator_name",
    "is_service_account",
    "last_seen_at",
    "last_used",
    "last_used_at",
    "lifetime_seconds",
    "login_type",
    "name",
    "organization_display_name",
    "organization_icon",
    "organization_id",
    "organization_ids",
    "organization_name",
    "outdated",
    "owner_avatar_url",
    "owner_id",
    "owner_name",
    "provisioner",
    "quota_allowance",
    "reason",
    "roles",
    "scope",
    "scopes",
    "source",
    "status",
    "template_active_version_id",
    "template_display_name",
    "template_icon",
    "template_id",
    "template_name",
    "template_version_id",
    "template_version_name",
    "theme_preference",
    "total_member_count",
    "transition",
    "ttl_ms",
    "updated_at",
    "user_id",
    "username",
    "workspace_id",
    "workspace_name",
    "workspace_owner_id",
    "workspace_owner_name",
];

/// Decodes things of one list, which stands at this path of the record.
pub fn decode(
    list: &str,
    path: &FieldPath,
    items: &str,
    text: &str,
    received: i64,
    drafts: &mut Drafts,
) -> Result<(), String> {
    let items: Vec<&RawValue> = read(items).map_err(|error| why_not(&error))?;
    let mut page = pages::page(SOURCE_API, list, "", received);
    for (number, item) in items.iter().enumerate() {
        schema(item.get()).add_content(&mut page, text, &path.item(number), item.get());
    }
    *drafts.add() = page;
    items.iter().try_for_each(|item| decode_thing(item.get(), received, drafts))?;
    pages::identify(drafts);
    Ok(())
}

/// Decodes one thing that is at this path of the record; says whether it is one that is known.
pub fn decode_one(
    path: &FieldPath,
    item: &str,
    text: &str,
    received: i64,
    drafts: &mut Drafts,
) -> Result<bool, String> {
    if Thing::of(item).is_none() {
        return Ok(false);
    }
    let mut page = pages::page(SOURCE_API, "one", "", received);
    schema(item).add_content(&mut page, text, path, item);
    *drafts.add() = page;
    decode_thing(item, received, drafts)?;
    pages::identify(drafts);
    Ok(true)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    Build,
    Workspace,
    User,
    Group,
    Template,
    ApiKey,
    Chat,
}

impl Thing {
    /// What an object is, by the members that only one kind of thing has.
    fn of(item: &str) -> Option<Self> {
        let shape: Shape = read(item).ok()?;
        let is_chat = [shape.client_type, shape.root_chat, shape.diff_status, shape.model_config];
        [
            (Self::Workspace, shape.latest_build.is_some()),
            (Self::Build, shape.transition.is_some()),
            (Self::Template, shape.active_version.is_some()),
            // Keys say how their owner logged in, too.
            (Self::ApiKey, shape.token_name.is_some() || shape.key_lifetime.is_some()),
            (Self::User, shape.login_type.is_some()),
            (Self::Group, shape.quota_allowance.is_some()),
            (Self::Chat, is_chat.iter().any(Option::is_some)),
        ]
        .into_iter()
        .find_map(|(thing, is_one)| is_one.then_some(thing))
    }
}

/// What is known of a thing.
fn schema(item: &str) -> &'static Schema {
    match Thing::of(item) {
        Some(Thing::Chat) => &chats::CHAT,
        Some(Thing::Workspace) => &WORKSPACE,
        _ => &THING,
    }
}

fn decode_thing(item: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    match Thing::of(item).ok_or("an item of the list is nothing that is known")? {
        Thing::Build => decode_build(&parsed(item)?, received, drafts.add()),
        Thing::Workspace => decode_workspace(&parsed(item)?, received, drafts.add()),
        Thing::User => decode_user(&parsed(item)?, received, drafts.add()),
        Thing::Group => decode_group(&parsed(item)?, received, drafts),
        Thing::Template => decode_template(&parsed(item)?, received, drafts.add()),
        Thing::ApiKey => decode_api_key(&parsed(item)?, received, drafts.add()),
        Thing::Chat => chats::decode(&parsed(item)?, received, drafts),
    }
}

fn parsed<'a, T: serde::Deserialize<'a>>(item: &'a str) -> Result<T, String> {
    read(item).map_err(|error| why_not(&error))
}

fn decode_build(build: &Build, received: i64, draft: &mut Draft) -> Result<(), String> {
    let id = build.id.id().ok_or("a build has no id")?;
    let (transition, status) = (build.transition.some().ok_or("a build has no transition")?, build.status.as_str());
    draft.set_times(build.updated_at.time().or(build.created_at.time()), Stated::Nothing, received);
    draft.set_origin(SOURCE_API, "workspace", "workspace.build");
    draft.set_user(build.initiator.id(), build.initiator_name.some());
    draft.owner.0.push_str(build.owner.id().unwrap_or_default());
    draft.owner.1.push_str(build.owner_name.some().unwrap_or_default());
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, transition);
    columns.set_text(column::TARGET, &["workspace_build", id].join("/"));
    columns.set_text_if(column::WORKSPACE, build.workspace.id());
    columns.set_text_if(column::WORKSPACE_NAME, build.workspace_name.some());
    columns.set_text_if(column::ACTOR, actor(build.reason.as_str()));
    columns.set_text_if(column::OUTCOME, outcome(status));
    columns.set_text_if(column::STATE, build.template_version.some());
    if build.initiator.id().is_some() {
        columns.set_text(column::ATTRIBUTION, "direct");
    }
    columns.set_text(column::SOURCE_ID, &format!("page/workspace_build/{id}/{status}"));
    Ok(())
}

/// How a build ended, by the state in which it left its workspace.
fn outcome(status: &str) -> Option<&'static str> {
    match status {
        "running" | "stopped" | "deleted" => Some("success"),
        "failed" | "canceled" => Some("error"),
        _ => None,
    }
}

/// Who started a build, by its reason; of one by the command line or the API nobody can tell.
pub fn actor(reason: &str) -> Option<&'static str> {
    match reason {
        "autostart" | "autostop" | "dormancy" | "autodelete" => Some("schedule"),
        "task_auto_pause" => Some("automation"),
        "dashboard" | "vscode_connection" | "jetbrains_connection" => Some("person"),
        _ => None,
    }
}

/// Sets what the events of how things stand have. The state is all that makes the thing another one than it was.
fn set_thing(draft: &mut Draft, thing: &str, id: &str, updated: Stated, received: i64, state: &[&str]) {
    draft.set_times(updated, Stated::Nothing, received);
    draft.set_origin(SOURCE_API, "workspace", "inventory");
    draft.columns.set_text(column::ACTION, thing);
    draft.columns.set_text(column::TARGET, &[thing, id].join("/"));
    draft.identity = [&[thing, id], state].concat().join("\n");
}

fn decode_workspace(workspace: &Workspace, received: i64, draft: &mut Draft) -> Result<(), String> {
    let id = workspace.id.id().ok_or("a workspace has no id")?;
    let build = workspace.latest_build.and_then(|build| read::<Build>(build.get()).ok()).unwrap_or_default();
    let state = [
        workspace.name.as_str(),
        workspace.owner.as_str(),
        workspace.template.as_str(),
        workspace.dormant_at.as_str(),
        build.id.as_str(),
        build.status.as_str(),
    ];
    set_thing(draft, "workspace", id, build.updated_at.time().or(workspace.updated_at.time()), received, &state);
    draft.set_user(workspace.owner.id(), workspace.owner_name.some());
    draft.owner.0.push_str(workspace.owner.id().unwrap_or_default());
    draft.owner.1.push_str(workspace.owner_name.some().unwrap_or_default());
    let columns = &mut draft.columns;
    columns.set_text(column::WORKSPACE, id);
    columns.set_text_if(column::WORKSPACE_NAME, workspace.name.some());
    columns.set_text_if(column::TEMPLATE, workspace.template.id());
    columns.set_text_if(column::ORG, workspace.org.id());
    columns.set_text(column::ATTRIBUTION, "direct");
    columns.set_text_if(column::OUTCOME, outcome(build.status.as_str()));
    Ok(())
}

fn decode_user(user: &User, received: i64, draft: &mut Draft) -> Result<(), String> {
    let id = user.id.id().ok_or("a user has no id")?;
    let roles = user.roles.map_or("", RawValue::get);
    let state = [user.username.as_str(), user.status.as_str(), roles, user.updated_at.as_str()];
    set_thing(draft, "user", id, user.updated_at.time(), received, &state);
    draft.set_user(Some(id), user.username.some());
    Ok(())
}

/// A group, and each of its members: whoever is in one group only is in that team. Everybody is in the group that has the id of its organization,
/// which says nothing.
fn decode_group(group: &Group, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let id = group.id.id().ok_or("a group has no id")?;
    let mut members: Vec<&str> = group.members.iter().flatten().filter_map(|member| member.id.id()).collect();
    members.sort_unstable();
    members.dedup();
    let draft = drafts.add();
    set_thing(draft, "group", id, Stated::Nothing, received, &[group.name.as_str(), &members.join(",")]);
    let set_team = |draft: &mut Draft| {
        draft.columns.set_text_if(column::TEAM, group.name.some());
        draft.columns.set_text_if(column::ORG, group.org.id());
    };
    set_team(draft);
    if group.org.id() == Some(id) {
        return Ok(());
    }
    if members.len() > MEMBERS_MAX {
        draft.mark("truncated:members".to_owned());
    }
    for member in members.into_iter().take(MEMBERS_MAX) {
        let draft = drafts.add();
        set_thing(draft, "group_member", member, Stated::Nothing, received, &[id, group.name.as_str()]);
        draft.columns.set_text(column::TARGET, &["group", id].join("/"));
        draft.set_user(Some(member), None);
        set_team(draft);
    }
    Ok(())
}

/// Members of one group that are told one by one.
const MEMBERS_MAX: usize = RECORD_EVENTS_MAX / 2;

/// A key. The one of a workspace tells by its name whose and where it is.
fn decode_api_key(key: &ApiKey, received: i64, draft: &mut Draft) -> Result<(), String> {
    let id = key.id.id().ok_or("a key has no id")?;
    let owner = owner_of_key(key.token_name.as_str());
    let state = [key.user.as_str(), key.token_name.as_str()];
    set_thing(draft, "api_key", id, key.created_at.time(), received, &state);
    draft.set_user(key.user.id().or(owner.map(|(user, _)| user)), None);
    draft.columns.set_text_if(column::WORKSPACE, owner.map(|(_, workspace)| workspace));
    draft.columns.set_text(column::ATTRIBUTION, "direct");
    Ok(())
}

fn decode_template(template: &Template, received: i64, draft: &mut Draft) -> Result<(), String> {
    let id = template.id.id().ok_or("a template has no id")?;
    let state = [
        template.name.as_str(),
        template.active_version.as_str(),
        template.deprecated.as_str(),
        template.updated_at.as_str(),
    ];
    set_thing(draft, "template", id, template.updated_at.time(), received, &state);
    draft.columns.set_text(column::TEMPLATE, id);
    draft.columns.set_text_if(column::ORG, template.org.id());
    Ok(())
}
