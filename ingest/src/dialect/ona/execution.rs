//! An execution of an agent: how it stands, and its counters, which are totals.

use ledger::events::column;

use super::{set_principal, set_run, word};
use crate::dialect::json::{Integer, Text, read, record, why_not};
use crate::dialect::schema::Schema;
use crate::event::{Draft, Drafts};
use crate::timestamp::Stated;

/// Source of executions.
const SOURCE: &str = "ona.agent";

record! {
    /// An execution.
    Execution {
        id: Text<'a> = "id",
        metadata: Metadata<'a> = "metadata",
        spec: Spec<'a> = "spec",
        status: Status<'a> = "status",
    }

    /// Who began it, and when.
    Metadata {
        created_at: Text<'a> = "createdAt",
        updated_at: Text<'a> = "updatedAt",
        creator: Creator<'a> = "creator",
    }

    /// Who began it.
    Creator {
        id: Text<'a> = "id",
        principal: Text<'a> = "principal",
    }

    /// What it is to do.
    Spec {
        code: CodeContext<'a> = "codeContext",
        limits: Limits<'a> = "limits",
    }

    /// Where it works.
    CodeContext {
        environment: Text<'a> = "environmentId",
    }

    /// What it may use; 0 is no limit.
    Limits {
        input: Integer = "maxInputTokens",
        output: Integer = "maxOutputTokens",
        iterations: Integer = "maxIterations",
    }

    /// How it stands.
    Status {
        phase: Text<'a> = "phase",
        version: Text<'a> = "statusVersion",
        iterations: Integer = "iterations",
        input: Integer = "inputTokensUsed",
        output: Integer = "outputTokensUsed",
        cache_read: Integer = "cachedInputTokensUsed",
        cache_write: Integer = "cachedCreationTokensUsed",
        operation: Operation<'a> = "currentOperation",
        model: Text<'a> = "supportedModel",
        failure: Text<'a> = "failureReason",
        environments: Option<Vec<Environment<'a>>> = "usedEnvironments",
    }

    /// What it does now.
    Operation {
        tool: ToolUse<'a> = "toolUse",
    }

    /// The tool that it uses now.
    ToolUse {
        name: Text<'a> = "toolName",
    }

    /// An environment that it used.
    Environment {
        id: Text<'a> = "environmentId",
    }
}

/// An execution: what is known to be a fact of it. Its name is what somebody asked for, its activity what the agent says.
pub static EXECUTION: Schema =
    Schema { facts: &["id"], objects: &[("metadata", &METADATA), ("spec", &SPEC), ("status", &STATUS)] };
static METADATA: Schema =
    Schema { facts: &["createdAt", "role", "updatedAt", "workflowActionId"], objects: &[("creator", &CREATOR)] };
static CREATOR: Schema = Schema::flat(&["id", "principal"]);
static SPEC: Schema = Schema {
    facts: &["agentId", "desiredPhase", "session", "specVersion"],
    objects: &[("codeContext", &CODE), ("limits", &LIMITS)],
};
static CODE: Schema = Schema::flat(&["environmentId", "projectId"]);
static LIMITS: Schema = Schema::flat(&["maxInputTokens", "maxIterations", "maxOutputTokens"]);
static STATUS: Schema = Schema {
    facts: &[
        "cachedCreationTokensUsed",
        "cachedInputTokensUsed",
        "contextWindowLength",
        "conversationUrl",
        "failureReason",
        "inputTokensUsed",
        "iterations",
        "mode",
        "outputTokensUsed",
        "phase",
        "session",
        "statusVersion",
        "supportedModel",
        "transcriptUrl",
        "usedEnvironments",
    ],
    objects: &[("currentOperation", &OPERATION)],
};
static OPERATION: Schema = Schema { facts: &["retries", "session"], objects: &[("toolUse", &TOOL_USE)] };
static TOOL_USE: Schema = Schema::flat(&["complete", "toolName"]);

/// Decodes an execution: an event for how it stands, and one for each of its counters.
pub fn decode(execution: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let execution: Execution = read(execution).map_err(|error| why_not(&error))?;
    let id = execution.id.id().ok_or("an execution has no id")?;
    let (status, limits) = (&execution.status, &execution.spec.limits);
    let phase = status.phase.some().ok_or("an execution has no phase")?;
    let version = status.version.as_str();
    let draft = drafts.add();
    set(draft, &execution, id, received, "session.summary");
    let phase = word(phase, "PHASE_");
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, &phase);
    columns.set_text_if(column::TOOL, status.operation.tool.name.some());
    columns.set_text_if(column::OUTCOME, outcome(&phase, status.failure.as_str()));
    columns.set_text(column::SOURCE_ID, &[id, version].join("/"));
    let counters = [
        ("input_tokens.total", status.input, limits.input),
        ("output_tokens.total", status.output, limits.output),
        ("cache_read_tokens.total", status.cache_read, Integer(None)),
        ("cache_write_tokens.total", status.cache_write, Integer(None)),
        ("iterations.total", status.iterations, limits.iterations),
    ];
    for (action, used, most) in counters {
        let Some(used) = used.0 else { continue };
        let draft = drafts.add();
        set(draft, &execution, id, received, "resource");
        let columns = &mut draft.columns;
        columns.set_text(column::ACTION, action);
        columns.set_integer(column::AMOUNT, used);
        if let Some(most) = most.0.filter(|most| *most != 0) {
            columns.set_integer(column::AMOUNT_MAX, most);
        }
        columns.set_text(column::SOURCE_ID, &[id, version, action].join("/"));
    }
    Ok(())
}

/// Sets what the events of an execution have.
fn set(draft: &mut Draft, execution: &Execution, id: &str, received: i64, kind: &str) {
    let (metadata, status) = (&execution.metadata, &execution.status);
    draft.set_times(metadata.updated_at.time().or(metadata.created_at.time()), Stated::Nothing, received);
    draft.set_origin(SOURCE, "workspace", kind);
    let creator = &metadata.creator;
    set_principal(draft, creator.principal.as_str(), creator.id.id());
    let columns = &mut draft.columns;
    // An execution that another one began is the work of a part of that agent.
    if columns.text(column::ACTOR) == Some("cloud_agent") {
        columns.set_text(column::ACTOR, "sub_agent");
    }
    set_run(columns, Some(id));
    columns.set_text(column::TARGET, &["agent_execution", id].join("/"));
    let used = match status.environments.as_deref() {
        Some([one]) => one.id.id(),
        _ => None,
    };
    columns.set_text_if(column::WORKSPACE, execution.spec.code.environment.id().or(used));
    let model = status.model.some().map(|model| word(model, "SUPPORTED_MODEL_").replace('_', "-"));
    columns.set_text_if(column::MODEL, model.as_deref().filter(|model| *model != "unspecified"));
}

/// How it ended, once it has.
fn outcome(phase: &str, failure: &str) -> Option<&'static str> {
    let failed = !failure.is_empty() && !failure.ends_with("_UNSPECIFIED");
    match phase {
        _ if failed => Some("error"),
        "stopped" => Some("success"),
        _ => None,
    }
}
