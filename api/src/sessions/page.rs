//! `GET /api/v1/sessions/{id}/records`: records in order, folded, with alerts between them; or all of them in a few arrays.

use std::collections::{BTreeSet, HashMap};

use axum::extract::{self, Path};
use axum::response::Response;
use ledger::{LedgerName, Position, Seq};
use operations::filter::{Filter, Moment, Pattern, Subject, Term, Test};
use query::sessions::{Folded, LANES, Link, Place, Range, Record, fold, lane, links, summary, told_by};
use serde_json::{Map, Value, json};

use super::alerts::{self, AlertRow};
use super::{Given, asker, check_content, moment, unknown};
use crate::alerts::{Parameters, json as answer, now, read};
use crate::authorized::Authorized;
use crate::{Problem, State, limits};

const PARAMETERS: [&str; 11] =
    ["cursor", "before", "limit", "kinds", "filter", "from", "until", "fold", "search", "index", "content"];

pub(crate) async fn records(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Events, "sessions")?;
    let given = Given::read(parameters, &PARAMETERS)?;
    let reads_alerts = authorized.principal.may_read(LedgerName::Operations);
    if given.flag("index")? {
        let index = query::sessions::index(&state.engine, &asker(authorized), &id).await?;
        let shown = serde_json::to_value(&index).map_err(|error| Problem::internal(&error))?;
        return if index.seq.is_empty() { Err(unknown(&id)) } else { Ok(answer(&shown)) };
    }
    let (range, folds) = (range(&given)?, given.flag("fold")?);
    check_content(&authorized, range.content)?;
    let limit = given.number("limit", limits::RECORDS_DEFAULT, limits::PAGE_MAX)?;
    let asker = asker(authorized);
    let matches = match given.text("search") {
        Some(_) => Some(query::sessions::found(&state.engine, &asker, &id, (&range, now())).await?),
        None => None,
    };
    let (evidence, rows) = if reads_alerts {
        let wanted = id.clone();
        read(&state, move |triage, _| (alerts::evidence(triage, Some(&wanted)), alerts::rows(triage, &wanted))).await?
    } else {
        (HashMap::new(), Vec::new())
    };
    let alone: BTreeSet<u64> = evidence.keys().copied().collect();
    let most = if folds { query::limits::FOLD_RECORDS_MAX.max(limit) } else { limit };
    let mut raw = limit;
    // Few records repeat: more are read only where what was read folds into less than a page.
    let found = loop {
        let found = query::sessions::records(&state.engine, &asker, &id, (&range, now()), raw + 1).await?;
        if found.len() <= raw || raw >= most || fold(&found, &alone, folds).len() > limit {
            break found;
        }
        raw = (raw * 4).min(most);
    };
    let page = Page { records: &found, evidence: &evidence, alone: &alone, rows: &rows, raw, limit, folds };
    let mut shown = page.shown(&range);
    if let Some(matches) = matches {
        let positions: Vec<String> = matches.seqs.iter().map(|seq| position(*seq)).collect();
        shown.insert("found".to_owned(), json!({ "total": matches.total, "positions": positions }));
    }
    Ok(answer(&Value::Object(shown)))
}

fn range(given: &Given) -> Result<Range, Problem> {
    let time = |name: &str| -> Result<Option<i64>, Problem> {
        let Some(text) = given.text(name) else { return Ok(None) };
        // A moment is read as filters read it.
        let filter = Filter::parse(&format!("since:{text}")).map_err(|error| Problem::request(error.to_string()))?;
        let begin = |moment: &Moment| moment.begin(now()).unix_micros();
        Ok(filter
            .terms()
            .iter()
            .find_map(|term| if let Test::Since(moment) = &term.test { Some(begin(moment)) } else { None }))
    };
    let mut filter = given.filter(Subject::Events)?;
    if let Some(text) = given.text("search") {
        let pattern = Pattern::literal(&text.to_lowercase());
        filter = filter.and(Filter::of(vec![Term { negated: false, test: Test::Text(pattern) }]));
    }
    let words: Vec<&str> = LANES.iter().map(|lane| lane.word).collect();
    let lanes: Vec<String> =
        given.text("kinds").unwrap_or_default().split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if let Some(word) = lanes.iter().find(|word| !words.contains(&word.as_str())) {
        return Err(Problem::request(format!("kinds {word:?} is not one of {}", words.join(", "))));
    }
    Ok(Range {
        after: given.text("cursor").map(parse_place).transpose()?,
        before: given.text("before").map(parse_place).transpose()?,
        from: time("from")?,
        until: time("until")?,
        lanes,
        filter,
        content: given.flag("content")?,
    })
}

fn parse_place(text: &str) -> Result<Place, Problem> {
    let parsed =
        text.split_once('.').and_then(|(at, seq)| Some(Place { at: at.parse().ok()?, seq: seq.parse().ok()? }));
    parsed.ok_or_else(|| Problem::request("the cursor is not one that a page of records gave"))
}

fn cursor(record: &Record) -> String {
    format!("{}.{}", record.at, record.seq)
}

fn position(seq: u64) -> String {
    Position { ledger: LedgerName::Events, shard: 0, seq: Seq::new(seq) }.to_string()
}

/// What a page is made of.
struct Page<'a> {
    /// One more than it takes if there are more.
    records: &'a [Record],
    evidence: &'a HashMap<u64, Vec<String>>,
    /// Records that are never folded.
    alone: &'a BTreeSet<u64>,
    rows: &'a [AlertRow],
    raw: usize,
    limit: usize,
    folds: bool,
}

impl Page<'_> {
    fn shown(&self, range: &Range) -> Map<String, Value> {
        let backwards = range.before.is_some() && range.after.is_none();
        let excess = self.records.len().saturating_sub(self.raw);
        // One record more than asked for says that there are more; going back it is the first.
        let records = if backwards { &self.records[excess..] } else { &self.records[..self.records.len() - excess] };
        let mut folded = fold(records, self.alone, self.folds);
        let cut = folded.len().saturating_sub(self.limit);
        if backwards {
            folded.drain(..cut);
        } else {
            folded.truncate(self.limit);
        }
        let links: HashMap<u64, Link> =
            records.iter().zip(links(records)).filter_map(|(record, link)| Some((record.seq, link?))).collect();
        let more = cut > 0 || excess > 0;
        let (first, last) = (folded.first().map(|fold| fold.first), folded.last().map(|fold| fold.last));
        let mut shown: Vec<(i64, Value)> = folded.iter().map(|fold| (fold.first.at, self.row(fold, &links))).collect();
        // Alerts stand between the records of this page; those after the last record are on the last page.
        let from =
            range.after.map(|place| place.at).or(if backwards && more { first.map(|first| first.at) } else { None });
        let until = if more && !backwards { last.map(|last| last.at) } else { range.before.map(|place| place.at) };
        let in_page =
            |row: &&AlertRow| from.is_none_or(|from| row.at > from) && until.is_none_or(|until| row.at <= until);
        let unfiltered = range.filter.is_empty() && range.lanes.is_empty();
        shown.extend(self.rows.iter().filter(|_| unfiltered).filter(in_page).map(|row| (row.at, row.shown(None))));
        shown.sort_by_key(|(at, _)| *at);
        let rows: Vec<Value> = shown.into_iter().map(|(_, row)| row).collect();
        let next = last.filter(|_| more || backwards).map(cursor);
        let before = first.filter(|_| range.after.is_some() || backwards && more).map(cursor);
        let members = [("records", rows.into()), ("next", next.into()), ("before", before.into())];
        members.map(|(name, value): (_, Value)| (name.to_owned(), value)).into_iter().collect()
    }

    fn row(&self, folded: &Folded<'_>, links: &HashMap<u64, Link>) -> Value {
        let mut row = line(folded.first);
        let Value::Object(object) = &mut row else { return row };
        let link = links.get(&folded.first.seq);
        let link = link.map(
            |link| json!({ "position": position(link.seq), "how": if link.linked { "linked" } else { "adjacent" } }),
        );
        let flagged = self.evidence.get(&folded.first.seq);
        object.insert("from".to_owned(), link.into());
        object.insert("alerts".to_owned(), flagged.cloned().unwrap_or_default().into());
        object.insert("gap_us".to_owned(), folded.gap.into());
        if folded.times > 1 {
            object.insert("cost_micros".to_owned(), folded.cost_micros.into());
            let repeated = json!({ "times": folded.times, "last": position(folded.last.seq), "last_time": moment(folded.last.at), "same_result": folded.same_result });
            object.insert("repeated".to_owned(), repeated);
        }
        row
    }
}

/// One record as a line.
pub(crate) fn line(record: &Record) -> Value {
    let kind = record.kind.as_deref().unwrap_or_default();
    let told = told_by(record.source.as_deref(), record.family.as_deref(), record.trust.as_deref());
    json!({
        "row": "record", "position": position(record.seq), "cursor": cursor(record), "time": moment(record.at), "kind": kind,
        "lane": LANES.get(lane(kind)).map(|lane| lane.word), "summary": summary(record), "outcome": record.outcome, "rule": record.rule,
        "cost_micros": record.cost_micros, "duration_us": record.duration_us, "exit_code": record.exit_code,
        "tokens": { "in": record.tokens_in, "out": record.tokens_out, "cached": record.tokens_cache_read },
        "told_by": told, "text_signs": record.text_signs
    })
}
