//! `GET /api/v1/records/{position}`: one record with every column, why it was flagged, its neighbours, where else the same was seen, and
//! its proof.
//!
//! A record is named by its position (`events/0/1204331`), by its number, or by the number and the beginning of its leaf hash, as
//! permalinks have it (`1204331-a3f9c2d1`): a hash that is another one is an error, since the page was made over another ledger.

use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::response::Response;
use ledger::{InclusionProof, LedgerName, OpenedPart, Part, Position, Provable, Seq, Table};
use query::Asker;
use query::sessions::{elsewhere, neighbours, records_at};
use serde_json::{Map, Value, json};

use super::alerts::{Parameters, json as answer, read};
use super::authorized::Authorized;
use super::sessions::{Given, asker, check_content, evidence, line, moment};
use super::{Problem, State, blocking};
use crate::limits;

/// What a request names.
struct Named {
    seq: u64,
    hash: Option<String>,
}

fn named(text: &str) -> Result<Named, Problem> {
    let wrong =
        || Problem::request(format!("{text:?} is no position such as events/0/1204331, 1204331 or 1204331-a3f9c2d1"));
    if let Ok(position) = text.parse::<Position>() {
        let is_event = position.ledger == LedgerName::Events;
        return if is_event { Ok(Named { seq: position.seq.get(), hash: None }) } else { Err(wrong()) };
    }
    let (seq, hash) = text.split_once('-').map_or((text, None), |(seq, hash)| (seq, Some(hash)));
    let is_hash = |hash: &str| (4..=64).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hash.is_some_and(|hash| !is_hash(hash)) {
        return Err(wrong());
    }
    Ok(Named { seq: seq.parse().map_err(|_| wrong())?, hash: hash.map(str::to_ascii_lowercase) })
}

/// `GET /api/v1/records`: the records at some positions as lines, in order of time. Those that are not there are left out.
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    parameters: Parameters,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Events, "events")?;
    let given = Given::read(parameters, &["positions", "content"])?;
    let content = given.flag("content")?;
    check_content(&authorized, content)?;
    let positions = given.text("positions").unwrap_or_default().split(',').filter(|text| !text.is_empty());
    let seqs = positions.map(|text| named(text).map(|named| named.seq)).collect::<Result<Vec<u64>, Problem>>()?;
    if seqs.len() > limits::POSITIONS_MAX {
        return Err(Problem::request(format!(
            "there are {} positions; there may be {}",
            seqs.len(),
            limits::POSITIONS_MAX
        )));
    }
    let found = records_at(&state.engine, &asker(authorized), &seqs, content).await?;
    Ok(answer(&json!({ "records": found.iter().map(line).collect::<Vec<_>>() })))
}

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(text): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Events, "events")?;
    let named = named(&text)?;
    let content = Given::read(parameters, &["content"])?.flag("content")?;
    check_content(&authorized, content)?;
    let reads_alerts = authorized.principal.may_read(LedgerName::Operations);
    let place = Position { ledger: LedgerName::Events, shard: 0, seq: Seq::new(named.seq) };
    let columns = if content { vec!["events.content".to_owned()] } else { Vec::new() };
    // The proof opens the content part without SQL, so that is recorded here.
    state.engine.record_read(&authorized.principal, "records", place, &columns).await?;
    let asker = asker(authorized);
    let record = columns_of(&state, &asker, named.seq, content).await?;
    let record = record
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "unknown_record", format!("there is no record {place}")))?;
    let reader = state.engine.reader(LedgerName::Events).clone();
    let proof = proof(&blocking(move || reader.prove(Seq::new(named.seq), content)).await??);
    let leaf = proof["leaf"].as_str().unwrap_or_default();
    if named.hash.as_deref().is_some_and(|hash| !leaf.is_empty() && !leaf.starts_with(hash)) {
        let detail =
            format!("the record {place} has another hash than {text:?}: the link was made over another ledger");
        return Err(Problem::new(StatusCode::CONFLICT, "other_record", detail));
    }
    let permalink = if leaf.is_empty() { format!("/r/{}", named.seq) } else { format!("/r/{}-{:.8}", named.seq, leaf) };
    let session = record["session"].as_str().unwrap_or_default().to_owned();
    let at = record["at"].as_i64().unwrap_or_default();
    let around =
        if session.is_empty() { Vec::new() } else { neighbours(&state.engine, &asker, &session, at, content).await? };
    let around: Vec<Value> = around.iter().map(line).collect();
    let same = same(&state, &asker, &record, (&session, at)).await?;
    let flagged = if reads_alerts { flagged(&state, named.seq).await? } else { Value::Null };
    let mut shown = record;
    shown.remove("at");
    let raw = raw(&shown);
    Ok(answer(&json!({
        "position": place.to_string(), "permalink": permalink, "time": moment(at), "record": shown, "raw": raw, "flagged": flagged,
        "neighbours": around, "elsewhere": same, "proof": proof
    })))
}

/// Every column of the record; content only if it was asked for.
async fn columns_of(
    state: &State,
    asker: &Asker,
    seq: u64,
    content: bool,
) -> Result<Option<Map<String, Value>>, Problem> {
    let columns = Table::of(LedgerName::Events).columns.iter();
    let columns = columns.filter(|column| content || column.part == Part::Facts);
    let names: Vec<String> = columns.map(|column| format!("\"{}\"", column.name)).collect();
    let sql = format!(
        "SELECT position, seq, recorded, CAST(coalesce(time, recorded) AS BIGINT) AS at, {} FROM events WHERE position = 'events/0/{seq}'",
        names.join(", ")
    );
    Ok(state.engine.read_one(asker, sql).await?)
}

/// The source's record after redaction: put together again where content was read, otherwise with `null` where content was cut out
/// (FORMAT.md, section 2.3).
fn raw(record: &Map<String, Value>) -> Value {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let whole = || {
        let (record, content) = (text("record")?, text("content")?);
        let cuts = hex::decode(text("cuts")?).ok()?;
        let (mut out, mut at) = (String::new(), 0);
        for cut in cuts.as_chunks::<12>().0 {
            let [place, from, len] = cut.as_chunks::<4>().0 else { return None };
            let [place, from, len] = [place, from, len].map(|bytes| u32::from_be_bytes(*bytes) as usize);
            out.push_str(record.get(at..place)?);
            out.push_str(content.get(from..from.checked_add(len)?)?);
            at = place.checked_add("null".len())?;
        }
        out.push_str(record.get(at..)?);
        Some(out)
    };
    whole().or_else(|| text("record").map(str::to_owned)).into()
}

/// Where else the record's domain, file and what it does were seen.
async fn same(
    state: &State,
    asker: &Asker,
    record: &Map<String, Value>,
    place: (&str, i64),
) -> Result<Vec<Value>, Problem> {
    let mut found = Vec::new();
    for column in ["domain", "file", "action_fp"] {
        let Some(value) = record.get(column).and_then(Value::as_str) else { continue };
        let seen = elsewhere(&state.engine, asker, (column, value), place).await?;
        found.push(json!({
            "column": column, "value": value, "days": 30, "records": seen.count, "sessions": seen.sessions, "workspaces": seen.workspaces,
            "users": seen.users, "denied": seen.denied, "first": seen.first.map(moment), "last": seen.last.map(moment)
        }));
    }
    Ok(found)
}

/// The alerts that name the record as evidence.
async fn flagged(state: &State, seq: u64) -> Result<Value, Problem> {
    let alerts = read(state, move |triage, now| {
        let ids = evidence(triage, None).remove(&seq).unwrap_or_default();
        let alerts = ids.iter().filter_map(|id| triage.get(id));
        alerts.map(|triaged| Value::Object(super::alerts::shown(triaged, triage, now))).collect::<Vec<_>>()
    });
    Ok(alerts.await?.into())
}

/// The proof in the form of FORMAT.md, section 12, or why there is none yet.
fn proof(provable: &Provable) -> Value {
    let InclusionProof {
        position,
        leaf_data,
        facts,
        content,
        leaf_index,
        leaves,
        leaf_path,
        header,
        batch,
        log_path,
        log_size,
        checkpoint,
        key,
    } = match provable {
        Provable::Proven(proof) => proof.as_ref(),
        Provable::NotYet => return json!({ "state": "durable, not yet provable" }),
        Provable::Unknown => return json!({ "state": "unknown" }),
    };
    let digests = |path: &[ledger::Digest]| path.iter().map(|digest| hex::encode(digest.0)).collect::<Vec<_>>();
    let opened = |part: &OpenedPart| json!({ "salt": hex::encode(part.salt), "part": hex::encode(&part.part) });
    let mut hashed = vec![0];
    hashed.extend_from_slice(leaf_data);
    json!({
        "state": "proven", "format": 1, "position": position.to_string(), "leaf": hex::encode(ledger::Digest::of(&[], &[&hashed]).0),
        "leaf_data": hex::encode(leaf_data), "facts": opened(facts), "content": content.as_ref().map(opened),
        "batch": { "number": batch, "index": leaf_index, "size": leaves, "path": digests(leaf_path) },
        "header": hex::encode(header),
        "log": { "index": batch, "size": log_size, "path": digests(log_path) },
        "checkpoint": checkpoint, "key": key
    })
}
