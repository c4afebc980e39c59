//! The views of what agents have, and how that changed. A place is a workspace; where none is known, a person, and else an agent.

use ledger::LedgerName;

use super::{Source, View, made};

/// Who and where: the same columns in both views.
macro_rules! with_place {
    ($($column:expr),* $(,)?) => {
        &[
            made("workspace", "workspace", "Id of the workspace."),
            made("workspace_name", "workspace_name", "Name of the workspace."),
            made("user", "\"user\"", "The person whose it is, as the latest name says."),
            made("team", "team", "Team."),
            $($column),*
        ]
    };
}

/// A field of what the function made.
macro_rules! field {
    ($name:literal, $doc:expr) => {
        made($name, concat!("c['", $name, "']"), $doc)
    };
}

/// What tells of things, what may change them, and what says that a session went on: each session's words once.
///
/// Commands, files and builds that were denied or failed changed nothing, and that a workspace was built is not for its agent to say.
macro_rules! from {
    ($function:literal) => {
        concat!(
            "FROM (SELECT workspace, workspace_name, \"user\", team, unnest(",
            $function,
            "(rows)) AS c FROM (SELECT place, max(workspace) AS workspace, max(workspace_name) AS workspace_name, max(\"user\") AS \"user\", \
             max(team) AS team, array_agg(named_struct('kind', kind, 'position', position, 'session', session, 'agent_kind', agent_kind, \
             'action', action, 'target', target, 'state', state, 'time', at)) AS rows FROM (SELECT coalesce(workspace, \"user\", agent, '') AS \
             place, max(workspace) AS workspace, max(workspace_name) AS workspace_name, max(\"user\") AS \"user\", max(team) AS team, kind, \
             session, agent_kind, action, target, state, 'events/' || shard || '/' || min(seq) AS position, \
             min(CAST(coalesce(time, recorded) AS BIGINT)) AS at FROM events WHERE kind IN ('inventory', 'prompt', 'session.end') \
             OR coalesce(outcome, '') NOT IN ('deny', 'blocked', 'error') AND (kind = 'config.change' \
             OR kind = 'workspace.build' AND coalesce(trust, 'control_plane') IN ('gateway', 'control_plane') \
             OR kind IN ('command', 'file.write', 'tool.result') AND array_has(effects, 'configure')) GROUP BY place, shard, kind, session, agent_kind, action, target, \
             state, CASE WHEN kind NOT IN ('inventory', 'prompt', 'session.end') THEN seq END) GROUP BY place))"
        )
    };
}

const ITEM_DOC: &str = "What it is: mcp_server, plugin, skill, hook, managed_settings, setting, settings_file, policy_file, instructions_file or \
                        template.";
const AGENT_DOC: &str = "The agent that has it; null for the workspace's template.";

pub(super) const INVENTORY: View = View {
    name: "inventory",
    ledger: LedgerName::Events,
    doc: "What agents have: MCP servers, plugins, skills, hooks, settings, and files of settings, policies and instructions by their hashes, \
          one row for each workspace, agent and thing, as sessions tell it when they start.",
    columns: with_place![
        field!("agent_kind", AGENT_DOC),
        field!("item", ITEM_DOC),
        field!("name", "Its name."),
        field!("state", "How it is: version, where it comes from, or a hash."),
        field!("is_there", "Whether the latest session that told all things of its kind had it."),
        field!("first_seen", "When it was told first."),
        field!("last_seen", "When it was told last."),
        field!("sessions", "Sessions that told it."),
        field!("changes", "How often it changed; to come and to go count."),
        field!("changed", "When it changed last; null if it never did."),
        field!("position", "The row that told it in the latest session that has it."),
    ],
    source: Source::Sql(from!("inventory_items")),
    example: "SELECT item, name, state, count(*) AS workspaces FROM inventory WHERE is_there GROUP BY item, name, state ORDER BY workspaces LIMIT 50",
};

pub(super) const INVENTORY_CHANGES: View = View {
    name: "inventory_changes",
    ledger: LedgerName::Events,
    doc: "How what agents have changed from session to session, with the change that made it so. What the first session of a workspace has is \
          no change.",
    columns: with_place![
        field!("time", "When a session told it first."),
        field!("agent_kind", AGENT_DOC),
        field!("item", ITEM_DOC),
        field!("name", "Its name."),
        field!("change", "added, changed or removed."),
        field!("before", "How it was."),
        field!("after", "How it is now."),
        field!("session", "The session that told it."),
        field!(
            "position",
            "The row that told it; of what was removed the one with which the session began to tell what it has."
        ),
        field!("unchanged", "When it was told last as it was before."),
        field!(
            "cause",
            "Position of the latest change of settings between the two, or else of the latest build of the workspace; null if nothing that \
             was recorded explains it."
        ),
        field!("cause_kind", "Its kind: command, file.write, tool.result, config.change or workspace.build."),
        field!("cause_time", "When that was."),
        field!("cause_session", "The session in which it was done."),
    ],
    source: Source::Sql(from!("inventory_changes")),
    example: "SELECT time, workspace_name, item, name, change, before, after, cause FROM inventory_changes ORDER BY time DESC LIMIT 50",
};
