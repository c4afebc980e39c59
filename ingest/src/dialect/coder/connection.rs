//! Connections to workspaces, from the service log and from the REST interface.
//!
//! A row of the REST interface changes when its connection ends, so it is read as two events: connected, and disconnected
//! once it says when. Flows through exit nodes are connections, too: see [`egress`].

use ledger::events::column;

use super::SOURCE_CONNECTION;
use super::egress::{self, Flow};
use super::line::Line;
use crate::dialect::gateway::outcome;
use crate::dialect::json::{Integer, Raw, Text, nested, read, record, text_of};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts};
use crate::timestamp::Stated;

record! {
    /// A line of the service log.
    ConnectionLog {
        id: Text<'a> = "ID",
        time: Text<'a> = "Time",
        org: Text<'a> = "OrganizationID",
        owner: Text<'a> = "WorkspaceOwnerID",
        owner_name: Text<'a> = "WorkspaceOwnerUsername" | "WorkspaceOwnerName",
        workspace: Text<'a> = "WorkspaceID",
        workspace_name: Text<'a> = "WorkspaceName",
        agent_name: Text<'a> = "AgentName",
        kind: Text<'a> = "Type",
        code: Integer = "Code",
        user: Text<'a> = "UserID",
        slug_or_port: Text<'a> = "SlugOrPort",
        disconnect_reason: Raw<'a> = "DisconnectReason",
        status: Text<'a> = "ConnectionStatus",
    }

    /// A row of the REST interface.
    ConnectionRow {
        id: Text<'a> = "id",
        connect_time: Text<'a> = "connect_time",
        organization: Raw<'a> = "organization",
        owner: Text<'a> = "workspace_owner_id",
        owner_name: Text<'a> = "workspace_owner_username",
        workspace: Text<'a> = "workspace_id",
        workspace_name: Text<'a> = "workspace_name",
        agent_name: Text<'a> = "agent_name",
        kind: Text<'a> = "type",
        ssh: Raw<'a> = "ssh_info",
        web: Raw<'a> = "web_info",
        egress: Raw<'a> = "egress_info",
    }

    /// What a row knows of connections that stay open.
    SshInfo {
        disconnect_time: Text<'a> = "disconnect_time",
        disconnect_reason: Raw<'a> = "disconnect_reason",
        exit_code: Integer = "exit_code",
    }

    /// What a row knows of requests.
    WebInfo {
        user: Raw<'a> = "user",
        slug_or_port: Text<'a> = "slug_or_port",
        status_code: Integer = "status_code",
    }

    /// What a row knows of a flow through an exit node.
    EgressInfo {
        protocol: Text<'a> = "protocol",
        destination: Text<'a> = "destination",
        decision: Text<'a> = "decision",
        rule: Text<'a> = "rule_id",
        reason: Raw<'a> = "reason",
        disconnect_time: Text<'a> = "disconnect_time",
    }

    /// Something with an id, and a name if it is a person.
    Identified {
        id: Text<'a> = "id",
        username: Text<'a> = "username",
    }
}

/// What a connection has in both feeds.
#[derive(Clone, Copy)]
struct Connection<'a> {
    id: &'a str,
    org: Option<&'a str>,
    /// Id and name of who connected, where it is told.
    user: (Option<&'a str>, Option<&'a str>),
    /// Id and name of the workspace's owner.
    owner: (Option<&'a str>, Option<&'a str>),
    workspace: Option<&'a str>,
    workspace_name: Option<&'a str>,
    agent_name: Option<&'a str>,
    kind: &'a str,
    slug_or_port: Option<&'a str>,
}

/// Decodes a line of the service log.
pub fn decode(line: &Line<ConnectionLog>, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let log = &line.fields;
    let connection = Connection {
        id: log.id.id().ok_or("it has no ID")?,
        org: log.org.id(),
        user: (log.user.id(), None),
        owner: (log.owner.id(), log.owner_name.some()),
        workspace: log.workspace.id(),
        workspace_name: log.workspace_name.some(),
        agent_name: log.agent_name.some(),
        kind: log.kind.some().ok_or("it has no Type")?,
        slug_or_port: log.slug_or_port.some(),
    };
    let status = log.status.some().ok_or("it has no ConnectionStatus")?;
    let time = log.time.time().required("it has no Time")?;
    let draft = drafts.add();
    draft.set_times(time, line.ts.time(), received);
    draft.add_free_text(text, "disconnect_reason", "/fields/DisconnectReason", log.disconnect_reason);
    if connection.kind == egress::TYPE {
        let flow = Flow {
            destination: connection.slug_or_port.ok_or("a flow has no SlugOrPort")?,
            protocol: None,
            rule: None,
            reason: &log.disconnect_reason.map(text_of).unwrap_or_default(),
            // Allowed flows have the code 0.
            denied: log.code.0.map(|code| code != 0),
        };
        connection.set_who(draft);
        flow.set(draft, status);
    } else {
        connection.set(draft, status, log.code.0);
    }
    draft.columns.set_text(column::SOURCE_ID, &format!("{}/{status}", connection.id));
    Ok(())
}

/// Decodes a row of the REST interface; its free text goes to the page's draft.
pub fn decode_row(row: &ConnectionRow, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let mut buffers: [String; 4] = Default::default();
    let [org_text, user_text, ssh_text, web_text] = &mut buffers;
    let org: Identified = nested(row.organization, org_text);
    let ssh: SshInfo = nested(row.ssh, ssh_text);
    let web: WebInfo = nested(row.web, web_text);
    let user: Identified = nested(web.user, user_text);
    let connection = Connection {
        id: row.id.id().ok_or("a connection has no id")?,
        org: org.id.id(),
        user: (user.id.id(), user.username.some()),
        owner: (row.owner.id(), row.owner_name.some()),
        workspace: row.workspace.id(),
        workspace_name: row.workspace_name.some(),
        agent_name: row.agent_name.some(),
        kind: row.kind.some().ok_or("a connection has no type")?,
        slug_or_port: web.slug_or_port.some(),
    };
    let connected = row.connect_time.time().required("a connection has no connect_time")?;
    if connection.kind == egress::TYPE {
        return decode_flow(&connection, row, connected, received, drafts.add());
    }
    let disconnected = ssh.disconnect_time.time();
    let ends = [("connected", connected, web.status_code.0), ("disconnected", disconnected, ssh.exit_code.0)];
    for (status, time, code) in ends {
        if time == Stated::Nothing {
            continue;
        }
        let draft = drafts.add();
        draft.set_times(time, Stated::Nothing, received);
        connection.set(draft, status, code);
        if let (Some(end), Some(begin), "disconnected") = (time.micros(), connected.micros(), status) {
            draft.columns.set_integer(column::DURATION_US, end.saturating_sub(begin));
        }
        draft.columns.set_text(column::SOURCE_ID, &format!("page/{}/{status}", connection.id));
    }
    Ok(())
}

/// Decodes a row about a flow: one event for the state in which it is.
fn decode_flow(
    connection: &Connection<'_>,
    row: &ConnectionRow,
    connected: Stated,
    received: i64,
    draft: &mut Draft,
) -> Result<(), String> {
    let mut unescaped = String::new();
    let info: EgressInfo = nested(row.egress, &mut unescaped);
    let ended = info.disconnect_time.time();
    let state = if ended == Stated::Nothing { "connected" } else { egress::ENDED };
    let flow = Flow {
        destination: info.destination.some().ok_or("a flow has no destination")?,
        protocol: info.protocol.some(),
        rule: info.rule.some(),
        reason: &info.reason.map(text_of).unwrap_or_default(),
        denied: match info.decision.as_str() {
            "allow" => Some(false),
            "deny" => Some(true),
            _ => None,
        },
    };
    draft.set_times(ended.or(connected), Stated::Nothing, received);
    connection.set_who(draft);
    flow.set(draft, state);
    if let (Some(end), Some(begin)) = (ended.micros(), connected.micros()) {
        draft.columns.set_integer(column::DURATION_US, end.saturating_sub(begin));
    }
    draft.columns.set_text(column::SOURCE_ID, &format!("page/{}/{state}", connection.id));
    Ok(())
}

/// The free text of the row at this path.
pub fn add_free_text(draft: &mut Draft, row: &ConnectionRow, path: &FieldPath, text: &str) {
    if let Some(ssh) = row.ssh.and_then(|ssh| read::<SshInfo>(ssh.get()).ok()) {
        let reason = ssh.disconnect_reason.filter(|reason| !text_of(reason).is_empty());
        draft.add_free_text(text, "disconnect_reason", path.then("ssh_info").then("disconnect_reason"), reason);
    }
    if let Some(info) = row.egress.and_then(|info| read::<EgressInfo>(info.get()).ok()) {
        let reason = info.reason.filter(|reason| !text_of(reason).is_empty());
        draft.add_free_text(text, "disconnect_reason", path.then("egress_info").then("reason"), reason);
    }
}

impl Connection<'_> {
    /// Sets who connected, or whose workspace it was, and which.
    fn set_who(&self, draft: &mut Draft) {
        // Connections by SSH and IDE name no user: then it is the workspace's owner for whom the agent there works.
        let (id, name) = if self.user.0.is_some() { self.user } else { self.owner };
        draft.set_user(id, name);
        draft.owner.0.push_str(self.owner.0.unwrap_or_default());
        draft.owner.1.push_str(self.owner.1.unwrap_or_default());
        let columns = &mut draft.columns;
        columns.set_text_if(column::ORG, self.org);
        columns.set_text_if(column::WORKSPACE, self.workspace);
        columns.set_text_if(column::WORKSPACE_NAME, self.workspace_name);
        columns.set_text_if(column::AGENT, self.agent_name);
        if self.workspace.is_some() {
            columns.set_text(column::ATTRIBUTION, "direct");
        }
    }

    fn set(&self, draft: &mut Draft, status: &str, code: Option<i64>) {
        draft.set_origin(SOURCE_CONNECTION, "workspace", "connection");
        self.set_who(draft);
        let columns = &mut draft.columns;
        columns.set_text(column::ACTION, status);
        let target = [self.kind, self.slug_or_port.unwrap_or_default()].join("/");
        columns.set_text(column::TARGET, target.trim_end_matches('/'));
        // Connections over HTTP have a status, those that stay open an exit code when they end.
        let over_http = matches!(self.kind, "workspace_app" | "port_forwarding" | "tunnel");
        match code {
            Some(code) if over_http => {
                columns.set_integer(column::STATUS, code);
                // A status that cannot be one allows nothing.
                if code < 0 {
                    return;
                }
                columns.set_text(column::OUTCOME, if code < 400 { "allow" } else { outcome(code) });
            }
            Some(code) => {
                columns.set_integer(column::EXIT_CODE, code);
                columns.set_text(column::OUTCOME, if code == 0 { "success" } else { "error" });
            }
            None if status == "connected" => columns.set_text(column::OUTCOME, "allow"),
            None => {}
        }
    }
}
