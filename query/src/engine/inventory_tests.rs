//! What agents have and how it changed, as SQL tells it, in every layout of the store.

use ledger::events::column;
use ledger::{Entry, LedgerName};

use crate::fixtures::{Ledgers, ask, event, request};
use crate::output::Format;

/// Three sessions of one workspace: between them a server goes, another comes by a command, and a hook changes after a build.
pub(super) fn rows() -> Vec<Entry> {
    use column::{
        ACTION, AGENT_KIND, EFFECTS, OUTCOME, SESSION, STATE, TARGET, TEAM, TRUST, USER, WORKSPACE, WORKSPACE_NAME,
    };
    let place =
        [(WORKSPACE, "w-1"), (WORKSPACE_NAME, "payments"), (USER, "ada"), (TEAM, "red"), (AGENT_KIND, "claude_code")];
    let told = |second, session, kind, more: &[(_, _)]| {
        event(second, kind, &[&place[..], &[(SESSION, session)], more].concat())
    };
    let server = |second, session, name, state| {
        told(second, session, "inventory", &[(ACTION, "mcp_server"), (TARGET, name), (STATE, state)])
    };
    let hook = |second, session, state| {
        told(second, session, "inventory", &[(ACTION, "hook"), (TARGET, "PreToolUse"), (STATE, state)])
    };
    let mut added = told(30, "s-1", "command", &[(OUTCOME, "success")]);
    added.set_list(EFFECTS, ["configure"]);
    let mut denied = told(31, "s-1", "command", &[(OUTCOME, "deny")]);
    denied.set_list(EFFECTS, ["configure"]);
    vec![
        server(20, "s-1", "docs", "http project"),
        hook(21, "s-1", "http userSettings"),
        told(22, "s-1", "prompt", &[]),
        added,
        denied,
        server(40, "s-2", "wiki", "stdio user"),
        hook(41, "s-2", "http userSettings"),
        told(42, "s-2", "prompt", &[]),
        event(50, "workspace.build", &[(WORKSPACE, "w-1"), (ACTION, "start"), (TRUST, "control_plane")]),
        // What an agent claims, and what failed.
        event(51, "workspace.build", &[(WORKSPACE, "w-1"), (ACTION, "start"), (STATE, "forged"), (TRUST, "agent")]),
        event(52, "workspace.build", &[(WORKSPACE, "w-1"), (ACTION, "start"), (STATE, "v2"), (OUTCOME, "error")]),
        server(60, "s-3", "wiki", "stdio user"),
        hook(61, "s-3", "command userSettings"),
        told(62, "s-3", "session.end", &[]),
    ]
}

#[tokio::test]
async fn sessions_are_compared_wherever_their_rows_stand() {
    let cases = [
        (
            "SELECT item, name, change, before, after, session, position, cause, cause_kind, cause_session FROM inventory_changes ORDER BY time, change",
            "item,name,change,before,after,session,position,cause,cause_kind,cause_session\n\
             mcp_server,wiki,added,,stdio user,s-2,events/0/5,events/0/3,command,s-1\n\
             mcp_server,docs,removed,http project,,s-2,events/0/5,events/0/3,command,s-1\n\
             hook,PreToolUse,changed,http userSettings,command userSettings,s-3,events/0/12,events/0/8,workspace.build,\n",
        ),
        (
            "SELECT workspace_name, \"user\", team, agent_kind, name, state, is_there, sessions, changes, position FROM inventory ORDER BY name",
            "workspace_name,user,team,agent_kind,name,state,is_there,sessions,changes,position\n\
             payments,ada,red,claude_code,PreToolUse,command userSettings,true,3,1,events/0/12\n\
             payments,ada,red,claude_code,docs,http project,false,1,1,events/0/0\n\
             payments,ada,red,claude_code,wiki,stdio user,true,2,1,events/0/11\n",
        ),
        (
            "SELECT count(*) AS n FROM inventory_changes WHERE time >= '2026-11-21T12:00:41Z' AND workspace = 'w-1'",
            "n\n1\n",
        ),
        ("SELECT inventory_changes(array_agg(named_struct('kind', kind))) FROM events", ""),
        ("SELECT inventory_items('x')", ""),
    ];
    for rows_per_segment in [1_000, 4] {
        let ledgers = Ledgers::new(rows_per_segment);
        ledgers.append(LedgerName::Events, rows(), 4).await;
        let engine = ledgers.engine();
        for (sql, expected) in cases {
            let found = ask(&engine, request(sql), Format::Csv).await;
            assert_eq!(found.unwrap_or_default(), expected, "{rows_per_segment}: {sql}");
        }
    }
}
