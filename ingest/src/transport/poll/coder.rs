//! The lists of coderd's REST interface (Coder 2.36 to 2.38): its reference, and what a query may say, read in its source.
//!
//! Sessions of the AI gateway are found by their model requests: with `started_after` a session is put together from those requests
//! alone, so its row only says that something happened, and the session itself is asked for.

use std::time::Duration;

use serde_json::Value;

use super::cursor::Place;
use super::endpoint::{Api, Ask, Asked, Detail, Endpoint, Paging, Reading, never, text_at};
use crate::timestamp;

/// The interface.
pub static API: Api = Api { name: "coder", header: "Coder-Session-Token", scheme: "", endpoints: ENDPOINTS };

/// What a list that is read as it stands has, unless it says otherwise.
const STATE: Endpoint = Endpoint {
    name: "",
    paths: &[],
    reading: Reading::State,
    paging: Paging::Offset,
    rows: "",
    wrap: "",
    id: &["/id"],
    time: &["/updated_at", "/created_at"],
    version: &[],
    every: 1,
    limit: 100,
    ask: page,
    is_recorded: true,
    details: &[],
};

const ENDPOINTS: &[Endpoint] = &[
    // What others are explained by comes first.
    Endpoint {
        name: "users",
        paths: &["/api/v2/users"],
        rows: "users",
        wrap: "users",
        version: &["/username", "/name", "/email", "/status", "/roles", "/updated_at"],
        every: 5,
        ..STATE
    },
    Endpoint {
        name: "groups",
        paths: &["/api/v2/groups"],
        paging: Paging::Once,
        wrap: "groups",
        version: &["/name", "/organization_id", "/members"],
        every: 5,
        ask: all,
        ..STATE
    },
    Endpoint {
        name: "templates",
        paths: &["/api/v2/templates"],
        paging: Paging::Once,
        wrap: "templates",
        version: &["/name", "/active_version_id", "/deprecated", "/organization_id", "/updated_at"],
        every: 5,
        ask: all,
        ..STATE
    },
    Endpoint {
        name: "workspaces",
        paths: &["/api/v2/workspaces"],
        rows: "workspaces",
        wrap: "workspaces",
        version: WORKSPACE_VERSION,
        details: &[BUILDS],
        ..STATE
    },
    Endpoint {
        name: "api_keys",
        paths: &["/api/v2/users"],
        reading: Reading::Keys,
        paging: Paging::Once,
        wrap: "api_keys",
        version: &["/token_name", "/user_id"],
        ask: key,
        ..STATE
    },
    Endpoint {
        name: "audit",
        paths: &["/api/v2/audit"],
        reading: Reading::Log { overlap: Duration::from_mins(10), has_windows: true, is_sorted: true, is_open: never },
        rows: "audit_logs",
        wrap: "audit_logs",
        time: &["/time"],
        ask: audit,
        ..STATE
    },
    Endpoint {
        name: "connections",
        paths: &["/api/v2/connectionlog"],
        reading: Reading::Log {
            overlap: Duration::from_mins(10),
            has_windows: true,
            is_sorted: true,
            is_open: is_connected,
        },
        rows: "connection_logs",
        wrap: "connection_logs",
        time: &["/connect_time"],
        version: &["/ssh_info", "/web_info/status_code", "/egress_info"],
        ask: connections,
        ..STATE
    },
    Endpoint {
        name: "sessions",
        paths: &["/api/v2/ai-gateway/sessions", "/api/v2/aibridge/sessions"],
        // A model request is shown when it has ended, and is found by when it began.
        reading: Reading::Log { overlap: Duration::from_mins(30), has_windows: true, is_sorted: false, is_open: never },
        paging: Paging::After,
        rows: "sessions",
        time: &["/last_active_at", "/ended_at", "/started_at"],
        version: &["/last_active_at", "/ended_at"],
        ask: sessions,
        is_recorded: false,
        details: &[SUMMARY, THREADS],
        ..STATE
    },
    Endpoint {
        name: "chats",
        paths: &["/api/v2/chats", "/api/experimental/chats"],
        wrap: "chats",
        version: &["/updated_at", "/status", "/archived", "/diff_status"],
        ..STATE
    },
    Endpoint {
        name: "agent_time",
        paths: &["/api/v2/agent-time"],
        // Amounts of the last days are corrected, and whatever was missed is one request.
        reading: Reading::Log {
            overlap: Duration::from_hours(72),
            has_windows: false,
            is_sorted: false,
            is_open: never,
        },
        paging: Paging::Once,
        time: &["/end_date"],
        version: &["/buckets", "/rows"],
        every: 15,
        ask: agent_time,
        id: &["/interval"],
        ..STATE
    },
];

/// What makes a workspace another one; when it was used last does not.
const WORKSPACE_VERSION: &[&str] = &[
    "/name",
    "/owner_id",
    "/owner_name",
    "/organization_id",
    "/template_id",
    "/dormant_at",
    "/latest_build/id",
    "/latest_build/status",
];

/// The last builds of a workspace that has another one than it had.
const BUILDS: Detail = Detail {
    ask: |ask| {
        let id = text_at(ask.row, &["/id"])?;
        let query = vec![("limit", ask.limit.to_string())];
        Some(Asked { segments: segments(&[&id, "builds"])?, query, body: None })
    },
    paging: Paging::Once,
    rows: "",
    wrap: Some("builds"),
    id: &["/id"],
    version: &["/status", "/updated_at"],
    limit: 10,
    only_changed: true,
};

/// The row of a session with all its requests.
const SUMMARY: Detail = Detail {
    ask: |ask| {
        let id = text_at(ask.row, &["/id"])?;
        // Clients choose these ids; one with a quote would be another query.
        let is_plain = id.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"' && c != '\\');
        let query = vec![("q", format!("session_id:\"{id}\"")), ("limit", ask.limit.to_string())];
        is_plain.then(|| Asked { query, ..Asked::default() })
    },
    paging: Paging::Once,
    rows: "sessions",
    wrap: Some("sessions"),
    id: &["/id"],
    version: &["/last_active_at", "/ended_at"],
    limit: 10,
    only_changed: false,
};

/// The threads of a session.
const THREADS: Detail = Detail {
    ask: |ask| {
        let id = text_at(ask.row, &["/id"])?;
        let mut query = vec![("limit", ask.limit.to_string())];
        if let Place::After(thread) = ask.place {
            query.push(("after_id", thread.clone()));
        }
        Some(Asked { segments: segments(&[&id])?, query, body: None })
    },
    paging: Paging::After,
    rows: "threads",
    wrap: None,
    id: &["/id"],
    version: &["/threads", "/network_call_logs"],
    limit: 20,
    only_changed: false,
};

/// Segments of a path that are no steps in it.
fn segments(texts: &[&str]) -> Option<Vec<String>> {
    let are_names = texts.iter().all(|text| !matches!(*text, "" | "." | ".."));
    are_names.then(|| texts.iter().map(|text| (*text).to_owned()).collect())
}

fn all(_ask: &Ask<'_>) -> Asked {
    Asked::default()
}

fn page(ask: &Ask<'_>) -> Asked {
    let offset = if let Place::Offset(offset) = ask.place { *offset } else { 0 };
    Asked { query: vec![("limit", ask.limit.to_string()), ("offset", offset.to_string())], ..Asked::default() }
}

/// A page with a search.
fn searched(ask: &Ask<'_>, terms: &[(&str, Option<String>)]) -> Asked {
    let mut asked = page(ask);
    let terms = terms.iter().filter_map(|(name, value)| Some(format!("{name}:\"{}\"", value.as_deref()?)));
    asked.query.insert(0, ("q", terms.collect::<Vec<_>>().join(" ")));
    asked
}

/// The day of a time; the audit log is asked for by whole days.
fn day(micros: i64) -> String {
    timestamp::format(micros).chars().take(10).collect()
}

fn audit(ask: &Ask<'_>) -> Asked {
    searched(ask, &[("date_from", Some(day(ask.span.from))), ("date_to", ask.span.to.map(day))])
}

fn connections(ask: &Ask<'_>) -> Asked {
    let (from, to) = (timestamp::format(ask.span.from), ask.span.to.map(timestamp::format));
    searched(ask, &[("connected_after", Some(from)), ("connected_before", to)])
}

/// Whether a connection was not over yet. What came over HTTP is one request.
fn is_connected(row: &Value) -> bool {
    let ends =
        ["/ssh_info", "/egress_info"].iter().find_map(|pointer| row.pointer(pointer).filter(|info| info.is_object()));
    ends.is_some_and(|info| info.get("disconnect_time").is_none_or(Value::is_null))
}

fn sessions(ask: &Ask<'_>) -> Asked {
    let (from, to) = (timestamp::format(ask.span.from), ask.span.to.map(timestamp::format));
    let mut asked = searched(ask, &[("started_after", Some(from)), ("started_before", to)]);
    asked.query.retain(|(name, _)| *name != "offset");
    if let Place::After(id) = ask.place {
        asked.query.push(("after_session_id", id.clone()));
    }
    asked
}

fn agent_time(ask: &Ask<'_>) -> Asked {
    let query = [("start_date", day(ask.span.from)), ("interval", "day".to_owned()), ("group_by", "user".to_owned())];
    Asked { query: [&query[..], &[("limit", ask.limit.to_string())]].concat(), ..Asked::default() }
}

/// One key of a person; the row says whose and which.
fn key(ask: &Ask<'_>) -> Asked {
    let text = |name| text_at(ask.row, &[name]).unwrap_or_default();
    Asked { segments: vec![text("/user"), "keys".to_owned(), text("/key")], ..Asked::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transport::poll::cursor::Span;

    fn asked(name: &str, place: &Place, to: Option<i64>) -> Asked {
        let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.name == name).unwrap();
        let span = Span { from: 1_789_000_000_000_000, to };
        (endpoint.ask)(&Ask { span, place, limit: 100, row: &Value::Null })
    }

    #[test]
    fn parts_are_asked_for_in_the_words_of_each_list() {
        let to = Some(1_789_100_000_000_000);
        let check = |name, place: &Place, to, expected: &[&str]| {
            let asked = asked(name, place, to);
            let query: Vec<String> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(query, expected, "{name}");
        };
        let first = &Place::First;
        check("audit", first, to, &["q=date_from:\"2026-09-10\" date_to:\"2026-09-11\"", "limit=100", "offset=0"]);
        check("audit", &Place::Offset(90), None, &["q=date_from:\"2026-09-10\"", "limit=100", "offset=90"]);
        let after = "connected_after:\"2026-09-10T00:26:40.000000Z\"";
        check("connections", first, None, &[&format!("q={after}"), "limit=100", "offset=0"]);
        let q = "q=started_after:\"2026-09-10T00:26:40.000000Z\" started_before:\"2026-09-11T04:13:20.000000Z\"";
        check("sessions", &Place::After("s".to_owned()), to, &[q, "limit=100", "after_session_id=s"]);
        check("agent_time", first, None, &["start_date=2026-09-10", "interval=day", "group_by=user", "limit=100"]);
        check("groups", first, None, &[]);
    }

    #[test]
    fn ids_that_clients_chose_ask_nothing_else() {
        let span = Span { from: 0, to: None };
        let ask = |detail: &Detail, row: &Value| (detail.ask)(&Ask { span, place: &Place::First, limit: 5, row });
        for id in ["a\" started_after:\"b", "a b", "", "a\\"] {
            assert_eq!(ask(&SUMMARY, &json!({"id": id})), None, "{id}");
        }
        for id in [".", "..", ""] {
            assert_eq!(ask(&THREADS, &json!({"id": id})), None, "{id}");
        }
        assert_eq!(
            ask(&THREADS, &json!({"id": "a/../b"})).unwrap().segments,
            ["a/../b"],
            "one segment, which is escaped"
        );
    }

    #[test]
    fn connections_are_open_until_they_say_when_they_ended() {
        for (row, expected) in [
            (json!({"ssh_info": {"connection_id": "c"}}), true),
            (json!({"ssh_info": {"disconnect_time": null}}), true),
            (json!({"ssh_info": {"disconnect_time": "2026-09-14T09:35:00Z"}}), false),
            (json!({"egress_info": {"protocol": "tcp"}}), true),
            (json!({"web_info": {"status_code": 101}}), false),
            (json!({}), false),
        ] {
            assert_eq!(is_connected(&row), expected, "{row}");
        }
    }
}
