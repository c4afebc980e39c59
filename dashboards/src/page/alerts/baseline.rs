//! The picture beside an alert: what was measured, against what is usual. Pure: numbers in, coordinates out.

use serde_json::Value;

use crate::ask::{list, number, some_text, text};
use crate::figures;

/// The corners of the scale in the picture, which is 420 wide and 132 high.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 404.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 108.0;

/// The numbers behind an alert's reason, and where they stand in the picture.
pub struct Baseline {
    /// What was measured.
    pub what: String,
    /// The value, in words with its unit.
    pub observed: String,
    /// Over how long, if over a window.
    pub window: Option<String>,
    /// The usual range in words, if one is known.
    pub usual: Option<String>,
    /// The value that the rule compares with, if that is fixed.
    pub limit: Option<String>,
    /// From how many observations the usual range is known.
    pub observations: Option<String>,
    /// The band of what is usual: its top and height.
    pub band: Option<(f64, f64)>,
    /// Where the fixed limit lies.
    pub limit_y: Option<f64>,
    /// Earlier values as points of a line.
    pub line: String,
    /// Where the value lies.
    pub mark: (f64, f64),
    /// The value at the top of the scale.
    pub top: String,
    /// The picture in one sentence, for who does not see it.
    pub sentence: String,
    /// When the first and the last of the values were, if there are earlier ones.
    pub ends: Option<(String, String)>,
    /// The same as rows of a table: when, the value, and the value in words.
    pub points: Vec<(String, i64, String)>,
    /// For a module that draws it anew: the unit, the value, what is usual and the limit as numbers.
    pub unit: String,
    pub value: i64,
    pub usual_ends: Option<(i64, i64)>,
    pub limit_value: Option<i64>,
}

impl Baseline {
    /// Of what the API tells; `None` if nothing was measured.
    pub fn of(measured: &Value, time: impl Fn(&str) -> String) -> Option<Self> {
        let what = some_text(measured, "what")?.to_owned();
        let unit = text(measured, "unit");
        let observed = number(measured, "observed");
        let usual = measured.get("usual").filter(|usual| usual.is_object());
        let usual = usual.map(|usual| (number(usual, "low"), number(usual, "high")));
        let limit = measured.get("limit").and_then(Value::as_i64);
        let last = list(measured, "last");
        let values = || last.iter().map(|point| number(point, "value"));
        let highest =
            values().chain([observed]).chain(usual.map(|(_, high)| high)).chain(limit).max().unwrap_or(observed).max(1);
        let y = |value: i64| BOTTOM - (value.max(0) as f64 / highest as f64) * (BOTTOM - TOP);
        let step = (RIGHT - LEFT) / last.len().max(1) as f64;
        let points: Vec<(f64, f64)> =
            values().enumerate().map(|(index, value)| (LEFT + step * index as f64, y(value))).collect();
        let ends = last.first().zip(last.last());
        let usual_words = usual.map(|(low, high)| range(low, high, unit));
        let told =
            usual_words.as_ref().map_or("what is usual is not known".to_owned(), |usual| format!("usual is {usual}"));
        Some(Self {
            sentence: format!("{what}: {} was measured, {told}.", amount(observed, unit)),
            observed: amount(observed, unit),
            window: measured.get("window_seconds").and_then(Value::as_i64).map(figures::duration),
            usual: usual_words,
            limit: limit.map(|limit| amount(limit, unit)),
            observations: measured.get("observations").and_then(Value::as_i64).map(figures::count),
            band: usual.map(|(low, high)| (y(high), (y(low) - y(high)).max(2.0))),
            limit_y: limit.map(y),
            line: points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" "),
            mark: (RIGHT, y(observed)),
            top: amount(highest, unit),
            ends: ends.map(|(first, last)| (time(text(first, "time")), time(text(last, "time")))),
            points: last
                .iter()
                .map(|point| {
                    let value = number(point, "value");
                    (time(text(point, "time")), value, amount(value, unit))
                })
                .collect(),
            unit: unit.to_owned(),
            value: observed,
            usual_ends: usual,
            limit_value: limit,
            what,
        })
    }
}

/// A value with its unit.
pub fn amount(value: i64, unit: &str) -> String {
    match unit {
        "bytes" => figures::bytes(value),
        "seconds" => figures::duration(value),
        "micro_usd" => format!("${}", figures::dollars(value)),
        "tokens" => format!("{} tokens", figures::short(value)),
        "percent" => format!("{value} %"),
        _ => figures::count(value),
    }
}

fn range(low: i64, high: i64, unit: &str) -> String {
    if low == high { amount(low, unit) } else { format!("{} to {}", amount(low, unit), amount(high, unit)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_picture_stays_in_its_frame_whatever_was_measured() {
        let check = |measured: Value, expected: &str| {
            let baseline = Baseline::of(&measured, str::to_owned).unwrap();
            assert_eq!(baseline.sentence.replace('\u{202f}', " "), expected);
            let inside = |y: f64| (0.0..=132.0).contains(&y);
            assert!(inside(baseline.mark.1) && baseline.limit_y.is_none_or(inside), "{measured}");
            assert!(baseline.band.is_none_or(|(top, height)| inside(top) && inside(top + height)), "{measured}");
        };
        check(
            json!({ "what": "spend", "unit": "micro_usd", "observed": 3_120_000, "usual": { "low": 0, "high": 610_000 }, "window_seconds": 300 }),
            "spend: $3.12 was measured, usual is $0.00 to $0.61.",
        );
        check(
            json!({ "what": "calls", "unit": "count", "observed": i64::MAX, "limit": 3 }),
            "calls: 9 223 372 036 854 775 807 was measured, what is usual is not known.",
        );
        check(
            json!({ "what": "calls", "unit": "count", "observed": -5, "usual": { "low": -9, "high": -2 } }),
            "calls: −5 was measured, usual is −9 to −2.",
        );
        let last = json!([{ "time": "a", "value": 1 }, { "time": "b", "value": 4 }]);
        check(
            json!({ "what": "calls", "unit": "count", "observed": 2, "last": last }),
            "calls: 2 was measured, what is usual is not known.",
        );
        assert!(Baseline::of(&Value::Null, str::to_owned).is_none());
    }
}
