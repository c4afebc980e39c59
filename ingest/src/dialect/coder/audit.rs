//! Audit logs, in the spelling of the service log (Go field names) and of the REST interface (snake case).

use ledger::events::column;

use super::line::Line;
use super::{SOURCE_AUDIT, rows};
use crate::dialect::gateway::outcome;
use crate::dialect::json::{Integer, Raw, Text, nested, record};
use crate::event::{Draft, Drafts};
use crate::timestamp::Stated;

record! {
    /// One audit log in either spelling.
    AuditLog {
        id: Text<'a> = "ID" | "id",
        time: Text<'a> = "Time" | "time",
        user: Text<'a> = "UserID" | "user_id",
        org: Text<'a> = "OrganizationID" | "organization_id",
        resource_type: Text<'a> = "ResourceType" | "resource_type",
        resource: Text<'a> = "ResourceID" | "resource_id",
        resource_target: Text<'a> = "ResourceTarget" | "resource_target",
        action: Text<'a> = "Action" | "action",
        diff: Raw<'a> = "Diff" | "diff",
        status: Integer = "StatusCode" | "status_code",
        additional_fields: Raw<'a> = "AdditionalFields" | "additional_fields",
        actor: Raw<'a> = "actor" | "Actor" | "user",
        on_behalf_of: Raw<'a> = "on_behalf_of" | "onBehalfOf" | "OnBehalfOf",
    }

    /// Who did it.
    Actor {
        id: Text<'a> = "id" | "ID",
        username: Text<'a> = "username" | "Username",
    }

    /// What a build says of its workspace.
    AdditionalFields {
        workspace: Text<'a> = "workspace_id",
        workspace_name: Text<'a> = "workspace_name",
        owner: Text<'a> = "workspace_owner" | "workspace_owner_username",
        owner_id: Text<'a> = "workspace_owner_id",
        build_reason: Text<'a> = "build_reason",
    }
}

/// Decodes a line of the service log.
pub fn decode(line: &Line<AuditLog>, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let id = line.fields.id.id().ok_or("it has no ID")?.to_owned();
    let draft = drafts.add();
    set(draft, &line.fields, line.ts.time(), received)?;
    draft.add_content(text, "diff", "/fields/Diff", line.fields.diff);
    draft.columns.set_text(column::SOURCE_ID, &id);
    Ok(())
}

/// Sets the columns that an audit log has in both feeds.
pub fn set(draft: &mut Draft, log: &AuditLog, observed: Stated, received: i64) -> Result<(), String> {
    let time = log.time.time().required("it has no time")?;
    let action = log.action.some().ok_or("it has no action")?;
    let resource_type = log.resource_type.some().ok_or("it has no resource type")?;
    let is_build = resource_type == "workspace_build" && matches!(action, "start" | "stop" | "delete" | "create");
    draft.set_times(time, observed, received);
    draft.set_origin(SOURCE_AUDIT, "workspace", if is_build { "workspace.build" } else { "audit" });
    let (mut actor_text, mut behalf_text, mut more_text) = (String::new(), String::new(), String::new());
    let actor: Actor = nested(log.actor, &mut actor_text);
    let behalf: Actor = nested(log.on_behalf_of, &mut behalf_text);
    let more: AdditionalFields = nested(log.additional_fields, &mut more_text);
    let resource = log.resource.id();
    let (actor, name) = (log.user.id().or(actor.id.id()), actor.username.some());
    // Who acts for somebody else is the agent, and the other one the person behind it.
    match behalf.id.id() {
        Some(person) => draft.set_user(Some(person), behalf.username.some()),
        None => draft.set_user(actor, name),
    }
    draft.owner.0.push_str(more.owner_id.id().unwrap_or_default());
    draft.owner.1.push_str(more.owner.some().unwrap_or_default());
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, action);
    columns.set_text(
        column::TARGET,
        &[resource_type, resource.or(log.resource_target.some()).unwrap_or_default()].join("/"),
    );
    columns.set_text_if(column::ORG, log.org.id());
    if behalf.id.id().is_some() {
        columns.set_text_if(column::AGENT, actor);
    }
    if actor.is_some() {
        columns.set_text(column::ATTRIBUTION, "direct");
    }
    columns.set_text_if(column::ACTOR, rows::actor(more.build_reason.as_str()));
    let is = |what: &str| resource_type == what;
    columns.set_text_if(column::WORKSPACE, resource.filter(|_| is("workspace")).or(more.workspace.id()));
    let name = log.resource_target.some().filter(|_| is("workspace"));
    columns.set_text_if(column::WORKSPACE_NAME, name.or(more.workspace_name.some()));
    columns.set_text_if(column::TEMPLATE, resource.filter(|_| is("template")));
    if let Some((run, kind)) =
        resource.zip(if is("task") { Some("coder_task") } else { is("chat").then_some("coder_chat") })
    {
        columns.set_text(column::RUN, run);
        columns.set_text(column::RUN_KIND, kind);
    }
    if let Some(status) = log.status.0.filter(|status| *status != 0) {
        columns.set_integer(column::STATUS, status);
        if status > 0 {
            columns.set_text(column::OUTCOME, outcome(status));
        }
    }
    Ok(())
}
