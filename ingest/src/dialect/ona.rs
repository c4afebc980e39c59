//! Dialect `ona`: what Ona's (Gitpod's) management interface answers, by Connect's JSON (SDK v0.12.0).
//!
//! | record | source | kind | natural id |
//! |---|---|---|---|
//! | `EventService/ListAuditLogs`: `{"entries":[…]}`, or an entry | `ona.audit` | `audit` | id |
//! | `AgentService/ListAgentExecutions`, `GetAgentExecution`: `{"agentExecutions":[…]}`, `{"agentExecution":{…}}`, or an execution | `ona.agent` | `session.summary`, then a `resource` for each counter | id/statusVersion, with the counter |
//! | `EventService/WatchEvents`, a line | `ona.watch` | `resource.change` | none: it says neither when nor which time |
//!
//! An answer has no event of its own: its record stands in the first event that is new. The counters of an execution are totals since it
//! began, so they are no `model.tokens`, whose sums are spend: each is an event `resource` with `action` such as `input_tokens.total`,
//! the total in `amount` and the limit in `amount_max`. Of one `run` and `action` the latest counts; spend between two polls is the
//! difference of two of them.

mod execution;

use ledger::events::column;
use operations::access::Trust;
use serde_json::value::RawValue;

use crate::dialect::json::{Raw, Text, read, record, why_not};
use crate::dialect::schema::Schema;
use crate::dialect::{Decoded, Dialect, SKIP_BLANK, record_text};
use crate::encoding::FieldPath;
use crate::event::{Columns, Draft, Drafts, Record};
use crate::limits::RECORD_EVENTS_MAX;
use crate::timestamp::Stated;

/// Source of audit logs.
const SOURCE_AUDIT: &str = "ona.audit";
/// Source of changes that were watched.
const SOURCE_WATCH: &str = "ona.watch";

/// Dialect `ona`.
pub struct Ona;

impl Dialect for Ona {
    fn name(&self) -> &'static str {
        "ona"
    }

    fn doc(&self) -> &'static str {
        "What Ona's management interface answers: audit logs, which name agents as actors, how executions of agents stand with their \
         counters of tokens, and lines of WatchEvents. Totals of executions are events of kind `resource`, never spend that adds up."
    }

    fn trust(&self) -> Trust {
        Trust::ControlPlane
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let text = match record_text(record, "record") {
            Ok(text) => text,
            Err(decoded) => return decoded,
        };
        match decode(text, received, drafts) {
            Ok(()) if drafts.is_empty() => Decoded::Skip(SKIP_BLANK),
            Ok(()) if drafts.len() > RECORD_EVENTS_MAX => {
                Decoded::Unparsed(format!("it has more than {RECORD_EVENTS_MAX} events; ask for smaller pages"))
            }
            Ok(()) => Decoded::Events,
            Err(reason) => Decoded::Unparsed(reason),
        }
    }
}

record! {
    /// What tells answers apart.
    Answer {
        entries: Option<Vec<&'a RawValue>> = "entries",
        executions: Option<Vec<&'a RawValue>> = "agentExecutions",
        execution: Raw<'a> = "agentExecution",
        operation: Raw<'a> = "operation",
        principal: Raw<'a> = "actorPrincipal",
        spec: Raw<'a> = "spec",
        status: Raw<'a> = "status",
    }

    /// An entry of the audit log.
    Entry {
        id: Text<'a> = "id",
        action: Text<'a> = "action",
        actor: Text<'a> = "actorId",
        principal: Text<'a> = "actorPrincipal",
        subject: Text<'a> = "subjectId",
        subject_type: Text<'a> = "subjectType",
        created_at: Text<'a> = "createdAt",
    }

    /// A change of something.
    Change {
        operation: Text<'a> = "operation",
        resource: Text<'a> = "resourceId",
        resource_type: Text<'a> = "resourceType",
    }
}

/// An answer around its list.
static ANSWER: Schema = Schema::flat(&["agentExecution", "agentExecutions", "entries", "pagination"]);
static ENTRY: Schema =
    Schema::flat(&["action", "actorId", "actorPrincipal", "createdAt", "id", "subjectId", "subjectType"]);
static CHANGE: Schema = Schema::flat(&["operation", "resourceId", "resourceType"]);

fn decode(text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let answer: Answer = read(text).map_err(|error| why_not(&error))?;
    let root = FieldPath::root();
    let many = |name: &'static str, items: Vec<&RawValue>, schema: &'static Schema| {
        let path = FieldPath::member(name);
        let mut carrier = Draft::default();
        ANSWER.add_content(&mut carrier, text, &root, text);
        for (number, item) in items.iter().enumerate() {
            schema.add_content(&mut carrier, text, &path.item(number), item.get());
        }
        carrier.content
    };
    let alone = |path: &FieldPath, item: &str, schema: &'static Schema| {
        let mut carrier = Draft::default();
        schema.add_content(&mut carrier, text, path, item);
        carrier.content
    };
    let content = if let Some(entries) = answer.entries {
        entries.iter().try_for_each(|entry| decode_entry(entry.get(), received, drafts))?;
        many("entries", entries, &ENTRY)
    } else if let Some(executions) = answer.executions {
        executions.iter().try_for_each(|one| execution::decode(one.get(), received, drafts))?;
        many("agentExecutions", executions, &execution::EXECUTION)
    } else if let Some(one) = answer.execution {
        execution::decode(one.get(), received, drafts)?;
        alone(&FieldPath::member("agentExecution"), one.get(), &execution::EXECUTION)
    } else if answer.spec.is_some() && answer.status.is_some() {
        execution::decode(text, received, drafts)?;
        alone(&root, text, &execution::EXECUTION)
    } else if answer.principal.is_some() {
        decode_entry(text, received, drafts)?;
        alone(&root, text, &ENTRY)
    } else if answer.operation.is_some() {
        decode_change(text, received, drafts.add())?;
        alone(&root, text, &CHANGE)
    } else {
        return Err("it is neither an audit log nor an execution of an agent nor a line of WatchEvents".to_owned());
    };
    if let Some(first) = drafts.iter_mut().next() {
        first.content = content;
    }
    Ok(())
}

fn decode_entry(entry: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let entry: Entry = read(entry).map_err(|error| why_not(&error))?;
    let id = entry.id.id().ok_or("an entry of the audit log has no id")?;
    let action = entry.action.some().ok_or("an entry of the audit log has no action")?;
    let draft = drafts.add();
    draft.set_times(entry.created_at.time(), Stated::Nothing, received);
    draft.set_origin(SOURCE_AUDIT, "workspace", "audit");
    set_principal(draft, entry.principal.as_str(), entry.actor.id());
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, action);
    columns.set_text(column::SOURCE_ID, id);
    set_resource(columns, entry.subject_type.as_str(), entry.subject.id());
    Ok(())
}

fn decode_change(change: &str, received: i64, draft: &mut Draft) -> Result<(), String> {
    let change: Change = read(change).map_err(|error| why_not(&error))?;
    let operation = change.operation.some().ok_or("it has no operation")?;
    draft.set_times(Stated::Nothing, Stated::Nothing, received);
    draft.set_origin(SOURCE_WATCH, "workspace", "resource.change");
    draft.columns.set_text(column::ACTION, &word(operation, "RESOURCE_OPERATION_"));
    set_resource(&mut draft.columns, change.resource_type.as_str(), change.resource.id());
    Ok(())
}

/// Sets who acted. Ona knows agents as principals of their own.
fn set_principal(draft: &mut Draft, principal: &str, id: Option<&str>) {
    let columns = &mut draft.columns;
    let actor = match principal.strip_prefix("PRINCIPAL_").unwrap_or(principal) {
        "USER" | "ACCOUNT" => "person",
        "AGENT_EXECUTION" => "cloud_agent",
        "SERVICE_ACCOUNT" | "RUNNER" | "RUNNER_MANAGER" | "ENVIRONMENT" => "automation",
        _ => return,
    };
    columns.set_text(column::ACTOR, actor);
    match principal.strip_prefix("PRINCIPAL_").unwrap_or(principal) {
        "AGENT_EXECUTION" => set_run(columns, id),
        "ENVIRONMENT" => columns.set_text_if(column::WORKSPACE, id),
        "USER" | "ACCOUNT" => draft.set_user(id, None),
        _ => columns.set_text_if(column::AGENT, id),
    }
    if id.is_some() {
        draft.columns.set_text(column::ATTRIBUTION, "direct");
    }
}

fn set_run(columns: &mut Columns, id: Option<&str>) {
    if let Some(id) = id {
        columns.set_text(column::RUN, id);
        columns.set_text(column::RUN_KIND, "ona_agent_execution");
        columns.set_text(column::AGENT_KIND, "ona");
    }
}

/// Sets what something was done to; it says where, unless who acted says that already.
fn set_resource(columns: &mut Columns, resource_type: &str, id: Option<&str>) {
    let kind = word(resource_type, "RESOURCE_TYPE_");
    columns.set_text(column::TARGET, &[kind.as_str(), id.unwrap_or_default()].join("/"));
    match kind.as_str() {
        "agent_execution" if columns.text(column::RUN).is_none() => set_run(columns, id),
        "environment" if columns.text(column::WORKSPACE).is_none() => columns.set_text_if(column::WORKSPACE, id),
        _ => {}
    }
}

/// A word of an enumeration without what all of its words begin with: `RESOURCE_TYPE_ENVIRONMENT` is `environment`.
fn word(name: &str, begins: &str) -> String {
    name.strip_prefix(begins).unwrap_or(name).to_ascii_lowercase()
}

/// Records in the form of SDK v0.12.0 with values of our own.
const EXAMPLES: &[&str] = &[
    r#"{"entries":[{"id":"01a51d96-2222-7abc-8def-0123456789ab","action":"Agent Execution created","actorId":"01a3e2f2-d0b5-7d52-87eb-235deadaf625","actorPrincipal":"PRINCIPAL_USER","subjectId":"01a51d95-1f00-7a11-8a22-93b4c5d6e7f8","subjectType":"RESOURCE_TYPE_AGENT_EXECUTION","createdAt":"2026-11-20T10:00:00.000000Z"},{"id":"01a51d96-3333-7abc-8def-0123456789ac","action":"changed update_time, status, phase","actorId":"01a3e2f2-d0b5-7d52-87eb-235deadaf000","actorPrincipal":"PRINCIPAL_RUNNER","subjectId":"01a51d94-d6ac-7edf-9021-a044cfd1908f","subjectType":"RESOURCE_TYPE_ENVIRONMENT","createdAt":"2026-11-20T10:00:05Z"}],"pagination":{"nextToken":"eyJpZCI6IjAx"}}"#,
    r#"{"id":"01a51d96-4444-7abc-8def-0123456789ad","action":"Secret read","actorId":"01a51d95-1f00-7a11-8a22-93b4c5d6e7f8","actorPrincipal":"PRINCIPAL_AGENT_EXECUTION","subjectId":"01a51d94-5555-7edf-9021-a044cfd1908f","subjectType":"RESOURCE_TYPE_SECRET","createdAt":"2026-11-20T10:00:06Z"}"#,
    r#"{"agentExecution":{"id":"01a51d95-1f00-7a11-8a22-93b4c5d6e7f8","metadata":{"annotations":{},"createdAt":"2026-11-20T10:00:00Z","updatedAt":"2026-11-20T10:00:40Z","creator":{"id":"01a3e2f2-d0b5-7d52-87eb-235deadaf625","principal":"PRINCIPAL_USER"},"name":"round invoices","role":"AGENT_EXECUTION_ROLE_DEFAULT","workflowActionId":null},"spec":{"agentId":"00000000-0000-0000-0000-000000007000","codeContext":{"environmentId":"01a51d94-d6ac-7edf-9021-a044cfd1908f","projectId":"01a51d94-aaaa-7edf-9021-a044cfd1908f"},"desiredPhase":"PHASE_RUNNING","limits":{"maxInputTokens":"50000","maxIterations":"0"},"session":"s1","specVersion":"3"},"status":{"phase":"PHASE_RUNNING","session":"s1","statusVersion":"17","iterations":"6","inputTokensUsed":"41234","outputTokensUsed":"2201","cachedInputTokensUsed":"38465","cachedCreationTokensUsed":"2683","contextWindowLength":"51234","currentActivity":"running tests with AKIAIOSFODNN7EXAMPLE","currentOperation":{"retries":"0","session":"s1","toolUse":{"toolName":"bash","complete":false,"input":"make"}},"transcriptUrl":"https://ona.acme.example/t/1","supportedModel":"SUPPORTED_MODEL_SONNET_4_5","failureReason":"AGENT_EXECUTION_FAILURE_REASON_UNSPECIFIED","failureMessage":"","usedEnvironments":[{"createdByAgent":true,"environmentId":"01a51d94-d6ac-7edf-9021-a044cfd1908f"}],"outputs":{},"mode":"AGENT_MODE_EXECUTION"}}}"#,
    r#"{"agentExecutions":[{"id":"01a51d95-2f00-7a11-8a22-93b4c5d6e7f8","metadata":{"updatedAt":"2026-11-20T10:01:40Z","creator":{"id":"01a51d95-1f00-7a11-8a22-93b4c5d6e7f8","principal":"PRINCIPAL_AGENT_EXECUTION"}},"spec":{"codeContext":{"contextUrl":{"url":"https://github.com/acme/billing"}}},"status":{"phase":"PHASE_STOPPED","statusVersion":"4","iterations":2,"inputTokensUsed":"900","failureReason":"AGENT_EXECUTION_FAILURE_REASON_SERVICE","failureMessage":"the service was refused","usedEnvironments":[]}}],"pagination":{"nextToken":""}}"#,
    r#"{"operation":"RESOURCE_OPERATION_UPDATE_STATUS","resourceId":"01a51d94-d6ac-7edf-9021-a044cfd1908f","resourceType":"RESOURCE_TYPE_ENVIRONMENT"}"#,
];

#[cfg(test)]
mod tests;
