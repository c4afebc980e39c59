//! Integrity: can it be shown that nothing was changed, removed or inserted? The verdict in words with what it does not cover, both ledgers,
//! one record verified by the browser, receipts that tile the ledger for each sink, and what each source can show of its gaps.

mod chain;
mod receipts;

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use ledger::LedgerName;
use operations::access::Role;
use serde_json::{Value, json};

use super::{Group, Page};
use crate::ask::{list, number, some_text, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address, segment};
use crate::{State, figures};
use chain::Chain;
use receipts::Sink;

/// The page.
pub const PAGE: Page = Page {
    name: "Integrity",
    path: "/integrity",
    icon: "integrity",
    group: Group::Prove,
    key: 'i',
    reads: LedgerName::Operations,
    routes,
};

fn routes() -> Router<State> {
    Router::new()
        .route("/integrity", get(show))
        .route("/integrity/verify", post(verify))
        .route("/integrity/proof", get(proof))
}

#[derive(Template)]
#[template(path = "integrity.html")]
struct IntegrityPage {
    frame: Frame,
    verdict: Verdict,
    log: String,
    generation: i64,
    key_id: String,
    directory: String,
    chain: Chain,
    ledgers: Vec<Ledger>,
    verifications: Vec<Verification>,
    verified: usize,
    sinks: Vec<Sink>,
    /// What each source can show of its gaps; `None` for who may not read events.
    sources: Option<Vec<Source>>,
    missing: i64,
    /// The record that is asked for.
    position: String,
    proof: Option<ProofState>,
    may_verify: bool,
}

/// The verdict in words.
struct Verdict {
    /// The role of its colour: allow, deny, warn, or none of them.
    role: &'static str,
    icon: &'static str,
    headline: String,
    sentence: String,
    /// Faults, and what could not be looked at.
    faults: Vec<String>,
    omitted: i64,
    /// The number of the verification; 0 before the first.
    number: i64,
    word: String,
    /// What `tachograph verify` says first.
    line: String,
    /// Who asked for the one that runs, and since when, in words.
    running: Option<String>,
    took: String,
}

/// One ledger, as its own column.
struct Ledger {
    name: String,
    entries: i64,
    batches: i64,
    size: i64,
    root: String,
    segments: usize,
    bytes: i64,
    open: i64,
    note: Option<String>,
    signed: String,
}

struct Verification {
    role: &'static str,
    icon: &'static str,
    when: String,
    verdict: String,
    by: String,
    entries: i64,
    bytes: i64,
    took: String,
}

/// A source, and whether it counts what it sends.
struct Source {
    name: String,
    trust: String,
    streams: i64,
    counts: bool,
    recorded: i64,
    missing: i64,
    last: String,
    sql: String,
}

/// What the server says of the record that is asked for.
struct ProofState {
    state: String,
    is_proven: bool,
    file: String,
    download: String,
}

fn role(verdict: &str) -> (&'static str, &'static str) {
    match verdict {
        "verified" => ("allow", "check"),
        "tampered" => ("deny", "cross"),
        "not checked" => ("none", "waiting"),
        _ => ("warn", "high"),
    }
}

/// A fault as a line: ledger, file with the place in it, and what is wrong.
fn fault(fault: &Value) -> String {
    format!("{}/{}: {}: {}", text(fault, "ledger"), number(fault, "shard"), text(fault, "place"), text(fault, "what"))
}

impl Verdict {
    fn of(integrity: &Value, frame: &Frame) -> Self {
        let word = text(integrity, "verdict");
        let newest = list(integrity, "verifications").first().unwrap_or(&Value::Null);
        let faults = list(newest, "faults").iter().chain(list(newest, "unchecked")).map(fault);
        let count = list(newest, "faults").len() as i64 + number(newest, "faults_omitted");
        let (role, icon) = role(word);
        let running = integrity.get("running").filter(|running| !running.is_null());
        let running = running.map(|running| match some_text(running, "since") {
            Some(since) => format!("Verifying since {} for {}.", frame.time(since), text(running, "by")),
            None => format!("A verification for {} begins at once.", text(running, "by")),
        });
        Self {
            role,
            icon: if word == "verified" { "integrity" } else { icon },
            headline: headline(word, count),
            sentence: some_text(newest, "trouble").map_or_else(|| sentence(newest), str::to_owned),
            faults: faults.collect(),
            omitted: number(newest, "faults_omitted"),
            number: number(newest, "number"),
            word: word.to_owned(),
            line: line(word, newest),
            running,
            took: figures::seconds(number(newest, "took_ms")),
        }
    }
}

/// Faults that stand there at once; the others unfold.
const FAULTS_FIRST: usize = 3;

impl Verdict {
    fn first(&self) -> impl Iterator<Item = &String> {
        self.faults.iter().take(FAULTS_FIRST)
    }

    fn others(&self) -> impl Iterator<Item = &String> {
        self.faults.iter().skip(FAULTS_FIRST)
    }

    fn has_more(&self) -> bool {
        self.faults.len() > FAULTS_FIRST || self.omitted > 0
    }
}

fn headline(verdict: &str, faults: i64) -> String {
    match verdict {
        "verified" => "Verified: nothing was changed, removed or inserted.".to_owned(),
        "tampered" if faults == 1 => "Tampered: one place is not as it was recorded.".to_owned(),
        "tampered" => format!("Tampered: {} places are not as they were recorded.", figures::count(faults)),
        "torn copy" => "Torn: files of this directory stem from different moments.".to_owned(),
        "unproven" => "Not proven: more batches are unsigned than a process that died leaves.".to_owned(),
        "not checked" => "Not checked: the first verification since the start has not ended.".to_owned(),
        _ => "Could not check everything.".to_owned(),
    }
}

fn sentence(newest: &Value) -> String {
    if newest.is_null() {
        return "The server reads everything after its start, every quarter of an hour, and when you ask.".to_owned();
    }
    let count = |name: &str| figures::count(number(newest, name));
    let is_whole = text(newest, "verdict") == "verified";
    let mut said = format!(
        "{} events and operations in {} batches, {} segments: {} from {} on disk in {}.",
        count("entries"),
        count("batches"),
        count("segments"),
        // What cannot be decoded is not rebuilt either.
        if is_whole { "every commitment was rebuilt" } else { "as many commitments as could be were rebuilt" },
        figures::bytes(number(newest, "bytes")),
        figures::seconds(number(newest, "took_ms")),
    );
    if number(newest, "unproven") > 0 {
        said.extend([" ", count("unproven").as_str(), " of them are durable, not yet provable."]);
    }
    said
}

/// The line with which the command line begins its answer.
fn line(verdict: &str, newest: &Value) -> String {
    if newest.is_null() {
        return String::new();
    }
    let word = if verdict == "tampered" { "TAMPERED".to_owned() } else { verdict.to_owned() };
    let (entries, batches) = (number(newest, "entries"), number(newest, "batches"));
    let (segments, bytes) = (number(newest, "segments"), figures::bytes(number(newest, "bytes")));
    format!("{word}: {entries} events in {batches} batches, {segments} segments, {bytes} read; key not pinned")
}

impl Ledger {
    fn of(ledger: &Value) -> Self {
        let note = some_text(ledger, "checkpoint").map(str::to_owned);
        Self {
            name: text(ledger, "ledger").to_owned(),
            entries: number(ledger, "entries"),
            batches: number(ledger, "batches"),
            size: number(ledger, "size"),
            root: text(ledger, "root").to_owned(),
            segments: list(ledger, "segments").len(),
            bytes: number(ledger, "bytes"),
            open: number(ledger, "entries") - number(ledger, "sealed"),
            signed: note.as_deref().and_then(|note| note.lines().next()).unwrap_or_default().to_owned(),
            note,
        }
    }
}

impl Verification {
    fn of(verification: &Value, frame: &Frame) -> Self {
        let verdict = text(verification, "verdict");
        let (role, icon) = role(verdict);
        Self {
            role,
            icon,
            when: frame.time(text(verification, "at")),
            verdict: figures::capitalised(verdict),
            by: text(verification, "by").to_owned(),
            entries: number(verification, "entries"),
            bytes: number(verification, "bytes"),
            took: figures::seconds(number(verification, "took_ms")),
        }
    }
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    let frame = Frame::of(&visit, &PAGE).await?;
    let integrity = visit.get("/api/v1/integrity").await?;
    let reads_events = visit.principal().may_read(LedgerName::Events);
    let sources = if reads_events { Some(sources(&visit, &frame).await?) } else { None };
    let ledgers = list(&integrity, "ledgers");
    let position = visit.parameter("position").unwrap_or_default().to_owned();
    let proof = if position.is_empty() || !reads_events { None } else { Some(proof_state(&visit, &position).await?) };
    let key = text(&integrity, "key");
    let verifications = list(&integrity, "verifications");
    let entries = ledgers.first().map_or(0, |events| number(events, "entries"));
    let principal = visit.principal();
    trouble::page(&IntegrityPage {
        verdict: Verdict::of(&integrity, &frame),
        log: text(&integrity, "log").to_owned(),
        generation: number(&integrity, "generation"),
        key_id: key.split('+').nth(1).unwrap_or_default().to_owned(),
        directory: text(&integrity, "directory").to_owned(),
        chain: Chain::of(ledgers),
        ledgers: ledgers.iter().map(Ledger::of).collect(),
        verified: verifications.iter().filter(|found| text(found, "verdict") == "verified").count(),
        verifications: verifications.iter().map(|found| Verification::of(found, &frame)).collect(),
        sinks: receipts::sinks(&visit, ledgers).await?,
        missing: sources.iter().flatten().map(|source| source.missing).sum(),
        sources,
        position: if position.is_empty() { example(entries, ledgers) } else { position },
        proof,
        may_verify: principal.may(Role::Admin) || principal.may(Role::Auditor),
        frame,
    })
}

/// A record that is in a checkpoint, to begin with: the last that is sealed, else the first.
fn example(entries: i64, ledgers: &[Value]) -> String {
    let sealed = ledgers.first().map_or(0, |events| number(events, "sealed"));
    if entries == 0 { String::new() } else { format!("events/0/{}", (sealed - 1).max(0)) }
}

/// What the server says of a record's proof.
async fn proof_state(visit: &Visit, position: &str) -> Result<ProofState, Trouble> {
    let state = match visit.get(&format!("/api/v1/records/{}", segment(position))).await {
        Ok(record) => text(&record["proof"], "state").to_owned(),
        Err(trouble) if trouble.status.is_client_error() => trouble.detail,
        Err(trouble) => return Err(trouble),
    };
    Ok(ProofState {
        is_proven: state == "proven",
        state,
        file: file_name(position),
        download: address("/integrity/proof", [("position", position)]),
    })
}

/// What a proof is called as a file.
fn file_name(position: &str) -> String {
    let kept = position.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '-' });
    format!("proof-{}.json", kept.take(80).collect::<String>())
}

/// The proof of a record as the file that `tachograph verify` takes.
async fn proof(visit: Visit) -> Result<Response, Trouble> {
    let position = visit.parameter("position").unwrap_or_default();
    let record = visit.get(&format!("/api/v1/records/{}", segment(position))).await?;
    let proof = &record["proof"];
    if text(proof, "state") != "proven" {
        let detail = format!(
            "The record is {}: no checkpoint covers its batch yet. Ask again in a moment.",
            text(proof, "state")
        );
        return Err(Trouble::new(StatusCode::CONFLICT, "not_provable", detail));
    }
    let name = format!("attachment; filename=\"{}\"", file_name(position));
    let name = HeaderValue::from_str(&name).map_err(|error| Trouble::internal(&error))?;
    let kind = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], proof.to_string()).into_response())
}

/// Has everything verified, and shows the page on which the result will be.
async fn verify(visit: Visit) -> Result<Response, Trouble> {
    visit.post("/api/v1/integrity/verify", &json!({})).await?;
    Ok(Redirect::to("/integrity").into_response())
}

/// What a source's counters show: numbers that never arrived. A source that does not count can lose records unseen.
async fn sources(visit: &Visit, frame: &Frame) -> Result<Vec<Source>, Trouble> {
    let sql = "SELECT source, min(trust) AS trust, count(*) AS recorded, max(recorded) AS last FROM events \
               WHERE source IS NOT NULL GROUP BY source ORDER BY count(*) DESC LIMIT 50";
    let rows = visit.rows(sql).await?;
    let counted = "SELECT source, count(*) AS streams, sum(highest - lowest + 1 - counted) AS missing FROM (\
                   SELECT source, token, stream, count(DISTINCT stream_seq) AS counted, min(stream_seq) AS lowest, \
                   max(stream_seq) AS highest FROM events WHERE stream_seq IS NOT NULL GROUP BY source, token, stream) AS s \
                   GROUP BY source";
    let counted = visit.rows(counted).await?;
    let rows = rows.iter().map(|row| {
        let name = text(row, "source");
        let gaps = format!(
            "SELECT stream, stream_seq, recorded, position FROM events WHERE source = {} AND stream_seq IS NOT NULL \
             ORDER BY recorded DESC LIMIT 200",
            crate::ask::literal(name)
        );
        let counted = counted.iter().find(|other| text(other, "source") == name);
        Source {
            trust: text(row, "trust").replace('_', " "),
            streams: counted.map_or(0, |counted| number(counted, "streams")),
            counts: counted.is_some(),
            recorded: number(row, "recorded"),
            missing: counted.map_or(0, |counted| number(counted, "missing").max(0)),
            last: frame.age(text(row, "last")),
            sql: address("/sql", [("sql", gaps.as_str())]),
            name: name.to_owned(),
        }
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_has_its_words() {
        assert_eq!(headline("verified", 0), "Verified: nothing was changed, removed or inserted.");
        assert_eq!(headline("tampered", 1), "Tampered: one place is not as it was recorded.");
        assert_eq!(headline("tampered", 3), "Tampered: 3 places are not as they were recorded.");
        assert_eq!(role("torn copy").0, "warn");
    }

    #[test]
    fn a_fault_names_its_place() {
        let found = json!({ "ledger": "events", "shard": 0, "place": "segment/a, batch 3", "what": "changed" });
        assert_eq!(fault(&found), "events/0: segment/a, batch 3: changed");
    }

    #[test]
    fn names_of_files_hold_nothing_strange() {
        let check = |position: &str, expected: &str| assert_eq!(file_name(position), expected);
        check("events/0/7", "proof-events-0-7.json");
        check("../\"\r\nx", "proof-------x.json");
    }
}
