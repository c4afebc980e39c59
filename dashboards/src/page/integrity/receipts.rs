//! Receipts of each sink as tiles over the positions of the ledger that it follows: from the first to the end without gap or overlap.

use serde_json::Value;

use crate::ask::{list, literal, number, text};
use crate::trouble::Trouble;
use crate::visit::Visit;

/// Tiles in one row of the picture; receipts that lie in the same place are one tile.
const TILES: i64 = 160;
/// How wide a row is, in units of the picture.
const WIDTH: f64 = 1_000.0;
/// Receipts with their positions as numbers.
const RECEIPTS: &str = "SELECT sink, split_part(first, '/', 1) AS ledger, CAST(split_part(first, '/', 3) AS BIGINT) AS f, \
     CAST(split_part(\"end\", '/', 3) AS BIGINT) AS e, \"count\" AS n, rejected FROM receipts";

/// One sink on one ledger.
pub struct Sink {
    /// Its name.
    pub name: String,
    /// What it sends to.
    pub kind: String,
    /// The ledger.
    pub ledger: String,
    /// The tiles: where, how wide, and the class.
    pub tiles: Vec<(f64, f64, &'static str)>,
    /// Where it begins to wait, and how wide that is.
    pub waits: (f64, f64),
    /// How many receipts there are,
    pub receipts: i64,
    /// places between two of them that none covers,
    pub gaps: i64,
    /// and places that two of them cover.
    pub overlaps: i64,
    /// Records that the sink refused for ever.
    pub rejected: i64,
    /// The position up to which everything is done.
    pub done: i64,
    /// Entries that are not.
    pub behind: i64,
}

/// All sinks, in the order of the configuration.
pub async fn sinks(visit: &Visit, ledgers: &[Value]) -> Result<Vec<Sink>, Trouble> {
    let known = visit.get("/api/v1/sinks").await?;
    let known = list(&known, "sinks");
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let totals = format!(
        "SELECT sink, ledger, count(*) AS receipts, sum(rejected) AS rejected, \
         sum(CASE WHEN f > previous THEN 1 ELSE 0 END) AS gaps, sum(CASE WHEN f < previous THEN 1 ELSE 0 END) AS overlaps FROM \
         (SELECT *, lag(e) OVER (PARTITION BY sink, ledger ORDER BY f) AS previous FROM ({RECEIPTS}) AS p) AS q GROUP BY sink, ledger"
    );
    let totals = visit.rows(&totals).await?;
    let length = ledgers
        .iter()
        .map(|ledger| format!("WHEN {} THEN {}", literal(text(ledger, "ledger")), number(ledger, "entries").max(1)));
    let length = length.collect::<Vec<_>>().join(" ");
    let tiles = format!(
        "SELECT sink, ledger, min(f) AS f, max(e) AS e, sum(n) AS n, sum(rejected) AS rejected FROM ({RECEIPTS}) AS p \
         GROUP BY sink, ledger, f * {TILES} / CASE ledger {length} ELSE 1 END ORDER BY f LIMIT 4000"
    );
    let tiles = visit.rows(&tiles).await?;
    Ok(known.iter().map(|sink| of_sink(sink, ledgers, &totals, &tiles)).collect())
}

fn of_sink(sink: &Value, ledgers: &[Value], totals: &[Value], tiles: &[Value]) -> Sink {
    let (name, ledger) = (text(sink, "sink"), text(sink, "ledger"));
    let is_own = |row: &&Value| text(row, "sink") == name && text(row, "ledger") == ledger;
    let entries = ledgers.iter().find(|found| text(found, "ledger") == ledger);
    let entries = entries.map_or(1, |found| number(found, "entries")).max(1);
    let x = |seq: i64| WIDTH * seq.min(entries) as f64 / entries as f64;
    let total = totals.iter().find(is_own).unwrap_or(&Value::Null);
    let shown = tiles.iter().filter(is_own).map(|tile| {
        let (from, to) = (x(number(tile, "f")), x(number(tile, "e")));
        let class = match (number(tile, "rejected"), number(tile, "n")) {
            (1.., _) => "k-tampered",
            (_, 0) => "k-left",
            _ => "k-verified",
        };
        (from, (to - from - 1.0).max(0.8), class)
    });
    let done = number(sink, "next_seq");
    Sink {
        name: name.to_owned(),
        kind: text(sink, "kind").to_owned(),
        ledger: ledger.to_owned(),
        tiles: shown.collect(),
        waits: (x(done), WIDTH - x(done)),
        receipts: number(total, "receipts"),
        gaps: number(total, "gaps"),
        overlaps: number(total, "overlaps"),
        rejected: number(total, "rejected"),
        done,
        behind: number(sink, "lag"),
    }
}
