//! A made-up interface on this machine: pages of rows as the documentation of each interface has them, and faults on demand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use url::form_urlencoded;

/// What goes wrong with a request.
pub enum Fault {
    /// This status, and `Retry-After`.
    Status(u16, Option<String>),
    /// It leads elsewhere.
    Redirect,
    /// This body in the place of a page.
    Body(Vec<u8>),
    /// The body ends in the middle.
    Cut,
    /// It is never answered.
    Hang,
    /// A page, after which a row appears before all others.
    ThenRow(Value),
}

/// What it has and what it was asked.
#[derive(Default)]
pub struct Inside {
    /// Rows by path, the newest first.
    pub rows: BTreeMap<String, Vec<Value>>,
    /// What goes wrong with the next requests, the first first; `None` is a request that is answered.
    pub faults: VecDeque<Option<Fault>>,
    /// Requests with their query, in order.
    pub asked: Vec<String>,
    /// Their tokens.
    pub tokens: Vec<String>,
    /// Whether pages have tags.
    pub has_tags: bool,
    /// Pages that were not sent because they had not changed.
    pub unchanged: usize,
}

/// The interface.
pub struct Fake {
    pub url: String,
    inside: Arc<Mutex<Inside>>,
    server: AbortHandle,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Fake {
    pub async fn start() -> Self {
        let inside = Arc::<Mutex<Inside>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inside));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { url, inside, server }
    }

    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Puts rows before those that are there.
    pub fn add(&self, path: &str, rows: impl IntoIterator<Item = Value>) {
        let mut inside = self.inside();
        let list = inside.rows.entry(path.to_owned()).or_default();
        rows.into_iter().for_each(|row| list.insert(0, row));
    }

    /// The next requests go so.
    pub fn fail(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.inside().faults.extend(faults);
    }

    /// What was asked since this was asked last.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inside().asked)
    }
}

async fn answer(State(inside): State<Arc<Mutex<Inside>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let fault = {
        let mut inside = inside.lock().unwrap();
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let query = query.map(|(name, value)| [name, value].join("="));
        inside.asked.push([uri.path().to_owned()].into_iter().chain(query).collect::<Vec<_>>().join("&"));
        let token = ["coder-session-token", "authorization"].iter().find_map(|name| headers.get(*name));
        inside.tokens.push(token.map(|token| token.to_str().unwrap().to_owned()).unwrap_or_default());
        inside.faults.pop_front().flatten()
    };
    let respond =
        |status: u16, body: Body| Response::builder().status(StatusCode::from_u16(status).unwrap()).body(body).unwrap();
    let mut then = None;
    match fault {
        None => {}
        Some(Fault::ThenRow(row)) => then = Some(row),
        Some(Fault::Status(status, retry)) => {
            let mut response = respond(status, Body::from("{\"message\":\"no\"}"));
            retry.map(|retry| response.headers_mut().insert("retry-after", retry.parse().unwrap()));
            return response;
        }
        Some(Fault::Redirect) => {
            let mut response = respond(307, Body::empty());
            response.headers_mut().insert("location", "http://127.0.0.1:1/stolen".parse().unwrap());
            return response;
        }
        Some(Fault::Body(body)) => return respond(200, Body::from(body)),
        Some(Fault::Cut) => {
            let chunks = [Ok(Bytes::from_static(b"{\"audit_logs\":[")), Err(std::io::Error::other("gone"))];
            return respond(200, Body::from_stream(futures::stream::iter(chunks)));
        }
        Some(Fault::Hang) => std::future::pending::<()>().await,
    }
    let mut inside = inside.lock().unwrap();
    let page = page(&inside.rows, &uri, &body);
    if let Some(row) = then {
        inside.rows.entry(uri.path().to_owned()).or_default().insert(0, row);
    }
    let Some(page) = page else { return respond(404, Body::empty()) };
    let text = page.to_string();
    let tag = format!("\"{}-{}\"", text.len(), text.bytes().map(u64::from).sum::<u64>());
    if inside.has_tags && headers.get("if-none-match").is_some_and(|known| *known == *tag) {
        inside.unchanged += 1;
        return respond(304, Body::empty());
    }
    let mut response = respond(200, Body::from(text));
    if inside.has_tags {
        response.headers_mut().insert("etag", tag.parse().unwrap());
    }
    response
}

/// A page of the rows at a path.
fn page(lists: &BTreeMap<String, Vec<Value>>, uri: &Uri, body: &Bytes) -> Option<Value> {
    let rows = lists.get(uri.path())?;
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let q = query.get("q").map(String::as_str).unwrap_or_default();
    let term = |name: &str| {
        let (_, rest) = q.split_once(&format!("{name}:\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let text = |row: &Value, pointer: &str| row.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let take = |rows: Vec<&Value>, skip: usize, limit: usize| -> Vec<Value> {
        rows.into_iter().skip(skip).take(limit).cloned().collect()
    };
    let (limit, offset) = (number("limit").unwrap_or(100), number("offset").unwrap_or(0));
    let within = |row: &&Value, time: &str, from: Option<String>, to: Option<String>| {
        let time = text(row, time);
        from.is_none_or(|from| time >= from) && to.is_none_or(|to| time[..to.len().min(time.len())] <= *to)
    };
    Some(match uri.path().rsplit('/').next()? {
        "audit" => {
            let (from, to) = (term("date_from"), term("date_to"));
            let found: Vec<_> = rows.iter().filter(|row| within(row, "/time", from.clone(), to.clone())).collect();
            let count = found.len();
            json!({"audit_logs": take(found, offset, limit), "count": count, "count_cap": 0})
        }
        "connectionlog" => {
            let (from, to) = (term("connected_after"), term("connected_before"));
            let found: Vec<_> =
                rows.iter().filter(|row| within(row, "/connect_time", from.clone(), to.clone())).collect();
            let count = found.len();
            json!({"connection_logs": take(found, offset, limit), "count": count})
        }
        "sessions" => {
            let (from, to, id) = (term("started_after"), term("started_before"), term("session_id"));
            let found = rows.iter().filter(|row| within(row, "/last_active_at", from.clone(), to.clone()));
            let found = found.filter(|row| id.as_ref().is_none_or(|id| text(row, "/id") == *id));
            let after = query.get("after_session_id");
            let skip = after.and_then(|id| rows.iter().position(|row| text(row, "/id") == *id)).map_or(0, |at| at + 1);
            json!({"count": rows.len(), "sessions": take(found.collect(), skip, limit)})
        }
        "users" => json!({"users": take(rows.iter().collect(), offset, limit), "count": rows.len()}),
        method @ ("ListAuditLogs" | "ListAgentExecutions") => {
            let asked: Value = serde_json::from_slice(body).ok()?;
            let size = asked.pointer("/pagination/pageSize")?.as_u64()? as usize;
            let after = asked.pointer("/pagination/token").and_then(Value::as_str);
            let skip = after.and_then(|id| rows.iter().position(|row| text(row, "/id") == id)).map_or(0, |at| at + 1);
            let page = take(rows.iter().collect(), skip, size);
            let next = page.last().filter(|_| skip + size < rows.len()).map(|row| text(row, "/id"));
            let member = if method == "ListAuditLogs" { "entries" } else { "agentExecutions" };
            json!({member: page, "pagination": {"nextToken": next.unwrap_or_default()}})
        }
        "v2" => {
            let (page, size) = (number("page")?, number("page_size")?);
            let (from, to) = (query["start_date"].replace(' ', "T"), query["end_date"].replace(' ', "T"));
            let found: Vec<&Value> =
                rows.iter().filter(|row| within(row, "/startTime", Some(from.clone()), Some(to.clone()))).collect();
            let total = found.len();
            let pages = total.div_ceil(size);
            json!({"data": take(found, (page - 1) * size, size), "total": total, "page": page, "total_pages": pages})
        }
        // What belongs to one thing stands at its own path.
        _ => rows.first()?.clone(),
    })
}
