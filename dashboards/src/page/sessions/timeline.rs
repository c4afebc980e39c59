//! The timeline of one session: facts, the whole in lanes, what is in the frame, and the list of records. All state is in the address.

use std::collections::HashMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use serde_json::Value;

use super::bands::{self, Detail, Overview, Span};
use super::drawer::Drawer;
use super::facts::{Facts, Open};
use super::rows::{Around, Row};
use super::story::Story;
use crate::ask::{list, literal, number, some_text, text};
use crate::figures;
use crate::frame::Frame;
use crate::page::record::lane;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address, segment};

/// Parts of the time in the picture of the whole session.
const BUCKETS: &str = "400";
/// Rows of one page of the list.
const ROWS: &str = "200";
/// Records in the picture of the frame; more are not told apart there.
const FRAME_ROWS: &str = "600";
/// How long the frame is, unless the address says.
const FRAME_MICROS: i64 = 80_000_000;

#[derive(Template)]
#[template(path = "session.html")]
struct SessionPage {
    frame: Frame,
    id: String,
    facts: Facts,
    alert: Option<Open>,
    /// Whether the person may read content.
    content: bool,
    views: Vec<(&'static str, String, bool)>,
    export: String,
    story: Option<Story>,
    timeline: Option<Timeline>,
}

/// What the page shows in the view of the timeline.
struct Timeline {
    overview: Whole,
    band: Band,
    list: List,
    kinds: Vec<Kind>,
    search: String,
    kept: Vec<(&'static str, String)>,
    drawer: Option<Drawer>,
    whole: Span,
}

/// The picture of the whole session, and what stands over it.
struct Whole {
    picture: Overview,
    /// From its first to its last event.
    extent: Span,
    span: String,
    records: i64,
    moves: Vec<Move>,
    /// Beginning and end of the frame, as text.
    frame: String,
}

/// The picture of the frame.
struct Band {
    detail: Detail,
    title: String,
    note: String,
    span: Span,
}

/// A page of the list of records.
struct List {
    rows: Vec<Row>,
    earlier: Option<String>,
    later: Option<String>,
    /// How many the search found.
    found: Option<i64>,
    first: i64,
}

/// A lane with its number of records, which can be shown alone.
struct Kind {
    icon: &'static str,
    name: &'static str,
    word: String,
    count: i64,
    address: String,
    is_on: bool,
}

/// A link that moves or zooms the frame, with its key.
struct Move {
    key: &'static str,
    name: &'static str,
    address: String,
}

/// A page over `/sessions/{id}` with some parameters changed.
fn with(visit: &Visit, id: &str, changes: &[(&str, Option<&str>)]) -> String {
    let is_changed = |name: &str| changes.iter().any(|(other, _)| *other == name);
    let kept = visit
        .parameters
        .iter()
        .filter(|(name, value)| !is_changed(name) && !value.is_empty() && name != "cursor" && name != "before");
    let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
    let changed = changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    address(&format!("/sessions/{}", segment(id)), kept.chain(changed))
}

fn micros(visit: &Visit, name: &str) -> Option<i64> {
    figures::moment(visit.parameter(name)?).map(|moment| moment.timestamp_micros())
}

/// The page.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let mut frame = Frame::of(&visit, &super::PAGE).await?;
    // The filter leads to the list, where nothing of this page's state belongs.
    frame.kept.clear();
    let session = session(&visit, &id).await?;
    let view = match visit.parameter("view") {
        Some("story") => "story",
        Some("raw") => "raw",
        _ => "timeline",
    };
    let views = [("Timeline", "timeline"), ("Story", "story"), ("Raw", "raw")];
    let shown = async {
        Ok(match view {
            "timeline" => (None, Some(Timeline::of(&visit, &session, &id).await?)),
            view => (Some(Story::of(&visit, &id, view == "raw").await?), None),
        })
    };
    let facts = Facts::of(&visit, &frame, &session, &id);
    let (facts, alert, (story, timeline)) = tokio::try_join!(facts, Open::of(&visit, &id), shown)?;
    trouble::page(&SessionPage {
        alert,
        views: views
            .map(|(name, word)| {
                (name, with(&visit, &id, &[("view", (word != "timeline").then_some(word))]), word == view)
            })
            .to_vec(),
        export: address("/export", [("what", "events"), ("filter", format!("session:\"{id}\"").as_str())]),
        content: visit.principal().content,
        facts,
        story,
        timeline,
        id,
        frame,
    })
}

#[derive(Template)]
#[template(path = "session_rows.html")]
struct RowsPart {
    list: List,
}

/// Rows of the list alone: records from `after` to `before`, which are places, for a list that shows them where they stand.
pub async fn rows(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let none = HashMap::new();
    let began = visit.parameter("began").and_then(|began| began.parse().ok()).unwrap_or_default();
    let list = List::of(&visit, &id, (&none, None), began, None).await?;
    trouble::page(&RowsPart { list })
}

#[derive(Template)]
#[template(path = "session_frame.html")]
struct FramePart {
    band: Band,
}

/// The picture of the frame alone.
pub async fn frame(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let (Some(from), Some(until)) = (micros(&visit, "from"), micros(&visit, "until")) else {
        return Err(Trouble::new(
            axum::http::StatusCode::BAD_REQUEST,
            "request",
            "A frame has a beginning and an end.",
        ));
    };
    let chain = match visit.parameter("chain") {
        Some(chain) => chain.split(',').take(12).enumerate().map(|(index, at)| (at.to_owned(), index + 1)).collect(),
        None => HashMap::new(),
    };
    let spent = spent_until(&visit, &id, from).await?;
    let band = Band::of(&visit, &id, Span { from, until }, &chain, spent).await?;
    trouble::page(&FramePart { band })
}

#[derive(Template)]
#[template(path = "session_overview.html")]
struct OverviewPart {
    o: Whole,
}

/// The picture of the whole session alone, for one that goes on.
pub async fn overview(visit: Visit, Path(id): Path<String>) -> Result<Response, Trouble> {
    let session = session(&visit, &id).await?;
    let span = frame_of(&visit, &session, whole_of(&session));
    trouble::page(&OverviewPart { o: Whole::of(&visit, &session, &id, span) })
}

/// The session as the API tells it.
async fn session(visit: &Visit, id: &str) -> Result<Value, Trouble> {
    visit.get(&address(&format!("/api/v1/sessions/{}", segment(id)), [("buckets", BUCKETS)])).await
}

impl Timeline {
    async fn of(visit: &Visit, session: &Value, id: &str) -> Result<Self, Trouble> {
        let whole = whole_of(session);
        let began = whole.from;
        let selected = visit.parameter("record");
        let drawer = match selected {
            Some(position) => Some(Drawer::of(visit, position, Some(with(visit, id, &[("record", None)]))).await?),
            None => None,
        };
        let chain = drawer.as_ref().map(Drawer::numbers).unwrap_or_default();
        let span = frame_of(visit, session, whole);
        let start = (visit.parameter("from").is_some() || whole.until - whole.from > FRAME_MICROS).then_some(span.from);
        let kept = ["from", "until", "kinds", "record", "fold"];
        let kept = kept.into_iter().filter_map(|name| Some((name, visit.parameter(name)?.to_owned())));
        let band = Band::of(visit, id, span, &chain, spent_before(session, span.from));
        let (band, list) = tokio::try_join!(band, List::of(visit, id, (&chain, selected), began, start))?;
        Ok(Self {
            band,
            list,
            kinds: kinds(visit, session, id),
            search: visit.parameter("search").unwrap_or_default().to_owned(),
            kept: kept.collect(),
            overview: Whole::of(visit, session, id, span),
            drawer,
            whole,
        })
    }
}

/// From the first to the last event of a session.
fn whole_of(session: &Value) -> Span {
    let began = figures::moment(text(session, "from")).map_or(0, |moment| moment.timestamp_micros());
    let last = figures::moment(text(session, "last")).map_or(began, |moment| moment.timestamp_micros());
    Span { from: began, until: last.max(began + bands::FRAME_MICROS_MIN) }
}

impl Whole {
    fn of(visit: &Visit, session: &Value, id: &str, span: Span) -> Self {
        let whole = whole_of(session);
        let framed = |span: Span| {
            with(visit, id, &[("from", Some(&bands::moment(span.from))), ("until", Some(&bands::moment(span.until)))])
        };
        let moves = [
            ("[", "Earlier", span.moved(-0.5, whole)),
            ("]", "Later", span.moved(0.5, whole)),
            ("-", "Zoom out", span.zoomed(2.0, whole)),
            ("+", "Zoom in", span.zoomed(0.5, whole)),
            ("0", "All", whole),
        ];
        Self {
            moves: moves.into_iter().map(|(key, name, span)| Move { key, name, address: framed(span) }).collect(),
            picture: Overview::of(session, whole, span, framed),
            records: number(session, "records"),
            span: whole.told(),
            frame: span.told(),
            extent: whole,
        }
    }
}

/// The frame that the address says, or the last moments of the session; before those, what an alert was opened about.
fn frame_of(visit: &Visit, session: &Value, whole: Span) -> Span {
    if let (Some(from), Some(until)) = (micros(visit, "from"), micros(visit, "until")) {
        let from = from.clamp(whole.from, whole.until - 1);
        return Span { from, until: until.clamp(from + 1, whole.until) };
    }
    let opened = list(session, "alert_rows").iter().rev().find(|row| row["by"].is_null());
    let opened = opened.and_then(|row| figures::moment(text(row, "time"))).map(|moment| moment.timestamp_micros());
    let end = opened.map_or(whole.until, |at| (at + FRAME_MICROS / 4).min(whole.until)).max(whole.from + 1);
    Span { from: (end - FRAME_MICROS).max(whole.from), until: end }
}

/// What had been spent before a moment.
fn spent_before(session: &Value, at: i64) -> i64 {
    let began = figures::moment(text(session, "from")).map_or(0, |moment| moment.timestamp_micros());
    let bucket = (at - began) / number(session, "bucket_us").max(1);
    let mut steps = list(session, "money").iter().rev().filter(|step| number(step, "bucket") < bucket);
    steps.next().map_or(0, |step| number(step, "cost_micros"))
}

/// The same asked of the ledger, as the overview counts it: what those tell whose word counts.
async fn spent_until(visit: &Visit, id: &str, at: i64) -> Result<i64, Trouble> {
    let sql = format!(
        "SELECT sum(cost_micros) AS spent FROM spend WHERE session = {} AND time < {}",
        literal(id),
        literal(&bands::moment(at))
    );
    Ok(visit.rows(&sql).await?.first().map_or(0, |row| number(row, "spent")))
}

/// Lanes with the number of their records over the whole session.
fn kinds(visit: &Visit, session: &Value, id: &str) -> Vec<Kind> {
    const NAMES: [(&str, &str); 7] = [
        ("prompts", "Prompts"),
        ("model", "Model"),
        ("tools", "Tools"),
        ("commands", "Commands"),
        ("files", "Files"),
        ("egress", "Egress"),
        ("other", "Other"),
    ];
    let on: Vec<&str> =
        visit.parameter("kinds").unwrap_or_default().split(',').filter(|word| !word.is_empty()).collect();
    let kinds = NAMES.iter().map(|(word, name)| {
        let count = list(session, "kinds").iter().filter(|kind| text(kind, "lane") == *word);
        let is_on = on.contains(word);
        let others = on.iter().filter(|other| *other != word).copied();
        let chosen: Vec<&str> = others.chain((!is_on).then_some(*word)).collect();
        let chosen = (!chosen.is_empty()).then(|| chosen.join(","));
        Kind {
            icon: lane(word).0,
            name,
            word: (*word).to_owned(),
            count: count.map(|kind| number(kind, "count")).sum(),
            address: with(visit, id, &[("kinds", chosen.as_deref())]),
            is_on,
        }
    });
    kinds.filter(|kind| kind.count > 0).collect()
}

/// Records as the API tells them.
async fn ask(visit: &Visit, id: &str, asked: &[(&str, &str)]) -> Result<Value, Trouble> {
    let content = if visit.principal().content { "true" } else { "false" };
    let asked = asked.iter().copied().filter(|(_, value)| !value.is_empty()).chain([("content", content)]);
    visit.get(&address(&format!("/api/v1/sessions/{}/records", segment(id)), asked)).await
}

impl Band {
    async fn of(
        visit: &Visit,
        id: &str,
        span: Span,
        chain: &HashMap<String, usize>,
        spent: i64,
    ) -> Result<Self, Trouble> {
        let (from, until) = (bands::moment(span.from), bands::moment(span.until + 1));
        let asked = [("from", from.as_str()), ("until", &until), ("limit", FRAME_ROWS), ("fold", "true")];
        let found = ask(visit, id, &asked).await?;
        let around = Around {
            selected: visit.parameter("record"),
            chain,
            began: span.from,
            address: &|position| with(visit, id, &[("record", Some(position))]),
            unfolded: &|_| String::new(),
        };
        let answers: Vec<Value> = list(&found, "records").iter().filter(|row| is_within(row, span)).cloned().collect();
        let rows: Vec<Row> = answers.iter().map(|row| Row::of(row, &around)).collect();
        let records: i64 = rows.iter().map(|row| row.times).sum();
        let is_cut = found["next"].is_string();
        Ok(Self {
            title: span.told(),
            note: format!(
                "{}, {}{} records",
                figures::seconds((span.until - span.from) / 1_000),
                if is_cut { "the first " } else { "" },
                figures::count(records)
            ),
            detail: Detail::of(&rows, &answers, span, spent),
            span,
        })
    }
}

fn is_within(row: &Value, span: Span) -> bool {
    let at = figures::moment(text(row, "time")).map_or(0, |moment| moment.timestamp_micros());
    (span.from..=span.until).contains(&at)
}

impl List {
    /// Rows from where the address says, or from `start`.
    async fn of(
        visit: &Visit,
        id: &str,
        (chain, selected): (&HashMap<String, usize>, Option<&str>),
        began: i64,
        start: Option<i64>,
    ) -> Result<Self, Trouble> {
        let of = |name: &str| visit.parameter(name).unwrap_or_default();
        let (cursor, before, search) = (of("cursor"), of("before"), of("search"));
        let fold = if of("fold") == "false" { "false" } else { "true" };
        // A search looks at everything, and so does a page that the address names.
        let from = start.filter(|_| cursor.is_empty() && before.is_empty() && search.is_empty()).map(bands::moment);
        let from = from.unwrap_or_default();
        let asked = [
            ("cursor", cursor),
            ("before", before),
            ("search", search),
            ("kinds", of("kinds")),
            ("limit", ROWS),
            ("fold", fold),
            ("from", from.as_str()),
        ];
        let found = ask(visit, id, &asked).await?;
        let around = Around {
            selected,
            chain,
            began,
            address: &|position| with(visit, id, &[("record", Some(position))]),
            unfolded: &|cursor| {
                let before =
                    cursor.split_once('.').and_then(|(at, seq)| Some((at, seq.parse::<u64>().ok()?.checked_sub(1)?)));
                let cursor = before.map(|(at, seq)| format!("{at}.{seq}"));
                let address = with(visit, id, &[("fold", Some("false"))]);
                cursor.map_or(address.clone(), |cursor| format!("{address}&cursor={cursor}"))
            },
        };
        // Alerts before the frame are told with every first page: here they are before the list.
        let from = figures::moment(&from).map(|moment| moment.timestamp_micros());
        let rows: Vec<Row> = list(&found, "records")
            .iter()
            .map(|row| Row::of(row, &around))
            .filter(|row| from.is_none_or(|from| row.at >= from))
            .collect();
        let page = |name: &str, place: &str| {
            let address = with(visit, id, &[("record", None)]);
            format!("{address}{}{name}={place}", if address.contains('?') { '&' } else { '?' })
        };
        let first = rows.iter().find(|row| !row.cursor.is_empty()).map(|row| row.cursor.clone());
        let earlier = some_text(&found, "before").map(str::to_owned).or(first.filter(|_| from.is_some()));
        Ok(Self {
            earlier: earlier.map(|place| page("before", &place)),
            later: some_text(&found, "next").map(|place| page("cursor", place)),
            found: found["found"].is_object().then(|| number(&found["found"], "total")),
            first: rows.first().map_or(0, |row| row.seq),
            rows,
        })
    }
}
