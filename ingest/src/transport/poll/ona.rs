//! The lists of Ona's interface, formerly Gitpod (its Go client 0.12.0): methods of Connect, which are asked by POST with JSON. Nothing
//! can be asked for by time, so a long absence is read page by page.

use std::time::Duration;

use serde_json::{Value, json};

use super::cursor::Place;
use super::endpoint::{Api, Ask, Asked, Endpoint, Paging, Reading, never};

/// The interface.
pub static API: Api = Api { name: "ona", header: "Authorization", scheme: "Bearer ", endpoints: ENDPOINTS };

const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "audit",
        paths: &["/api/gitpod.v1.EventService/ListAuditLogs"],
        reading: Reading::Log { overlap: Duration::from_mins(10), has_windows: false, is_sorted: true, is_open: never },
        paging: Paging::Token("/pagination/nextToken"),
        rows: "entries",
        wrap: "entries",
        id: &["/id"],
        time: &["/createdAt"],
        version: &[],
        every: 1,
        limit: 100,
        ask: page,
        is_recorded: true,
        details: &[],
    },
    Endpoint {
        name: "executions",
        paths: &["/api/gitpod.v1.AgentService/ListAgentExecutions"],
        reading: Reading::Log {
            overlap: Duration::from_mins(10),
            has_windows: false,
            is_sorted: true,
            is_open: is_running,
        },
        paging: Paging::Token("/pagination/nextToken"),
        rows: "agentExecutions",
        wrap: "agentExecutions",
        id: &["/id"],
        time: &["/metadata/createdAt"],
        version: &["/status/statusVersion", "/status/phase", "/metadata/updatedAt"],
        every: 1,
        limit: 100,
        ask: page,
        is_recorded: true,
        details: &[],
    },
];

fn page(ask: &Ask<'_>) -> Asked {
    let mut pagination = json!({"pageSize": ask.limit});
    if let Place::Token(token) = ask.place {
        pagination["token"] = Value::from(token.as_str());
    }
    Asked { body: Some(json!({"pagination": pagination}).to_string()), ..Asked::default() }
}

/// Whether an agent may go on. What has failed or was stopped can be started again, which is seen as long as it is read again.
fn is_running(row: &Value) -> bool {
    let phase = row.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
    !matches!(phase, "PHASE_STOPPED" | "PHASE_FAILED" | "PHASE_DELETED")
}
