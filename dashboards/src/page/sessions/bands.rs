//! The two pictures of a session: all of it in lanes, and what is in the frame, record by record. Pure: the API's JSON in, coordinates
//! out. Places along the time are percentages, so the pictures fill the width that there is.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::rows::Row;
use crate::ask::{list, number, text};
use crate::figures;
use crate::page::record::is_end;

/// The lanes of the overview: the word, and the lanes of the API in it.
const OVERVIEW: [(&str, &[&str]); 4] = [
    ("Prompts", &["prompts"]),
    ("Model", &["model"]),
    ("Tools, files", &["tools", "commands", "files"]),
    ("Egress", &["egress"]),
];
/// The height of a lane of the overview,
const BAND_HEIGHT: f64 = 16.0;
/// and of a lane of the frame.
const LANE_HEIGHT: f64 = 24.0;
/// Where lanes begin, below the times.
const TOP: f64 = 18.0;
/// The height of the picture of the money.
const MONEY_HEIGHT: f64 = 16.0;
/// The lanes of the frame: icon, word, and words of rows in it.
const LANES: [(&str, &str, &[&str]); 7] = [
    ("prompt", "Prompts", &["Prompt"]),
    ("model", "Model", &["Model"]),
    ("tool", "Tools", &["Tool"]),
    ("command", "Commands", &["Command", "Test"]),
    ("file", "Files", &["File"]),
    ("egress", "Egress", &["Egress"]),
    ("alerts", "Alerts", &["Alert", "Person"]),
];
/// How wide a character is on a common screen, in percent of the width.
const CHARACTER_PERCENT: f64 = 0.95;
/// How many parts the links of the overview divide it into.
const SLICES: i64 = 12;
/// The shortest frame.
pub const FRAME_MICROS_MIN: i64 = 1_000_000;

/// A stretch of time in Unix microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub until: i64,
}

impl Span {
    fn width(self) -> i64 {
        (self.until - self.from).max(1)
    }

    /// A moment in percent of the span.
    pub fn percent(self, at: i64) -> f64 {
        ((at - self.from) as f64 / self.width() as f64 * 100.0).clamp(0.0, 100.0)
    }

    /// The same span, a part of its width later; it stays within `whole`.
    pub fn moved(self, parts: f64, whole: Self) -> Self {
        let by = (self.width() as f64 * parts) as i64;
        let by = by.clamp((whole.from - self.from).min(0), (whole.until - self.until).max(0));
        Self { from: self.from + by, until: self.until + by }
    }

    /// The span around the same middle, `times` as long; it stays within `whole`.
    pub fn zoomed(self, times: f64, whole: Self) -> Self {
        let width = ((self.width() as f64 * times) as i64).clamp(FRAME_MICROS_MIN.min(whole.width()), whole.width());
        let from = (self.from + (self.width() - width) / 2).clamp(whole.from, (whole.until - width).max(whole.from));
        Self { from, until: from + width }
    }

    /// Times of day at round distances, at most seven, with their places.
    pub fn ticks(self) -> Vec<(f64, String)> {
        const STEPS: [i64; 18] =
            [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 604_800];
        let seconds = self.width() / 1_000_000;
        let step = STEPS.into_iter().find(|step| seconds / step <= 6).unwrap_or(2_419_200);
        let pattern = if step < 60 {
            "%H:%M:%S"
        } else if step < 86_400 {
            "%H:%M"
        } else {
            "%-d %b"
        };
        let first = (self.from / 1_000_000).div_euclid(step) * step + step;
        let times = (0..8).map(|index| (first + index * step) * 1_000_000);
        let times = times.take_while(|at| *at < self.until);
        let shown = times.map(|at| (self.percent(at), time(at, pattern)));
        shown.filter(|(x, _)| (2.0..96.0).contains(x)).collect()
    }

    /// Its beginning and its end as text, as fine as it takes to tell it from the next one, and with days where it has several.
    pub fn told(self) -> String {
        const DAY: i64 = 86_400_000_000;
        let pattern = if self.width() < 60_000_000 {
            "%H:%M:%S%.3f"
        } else if self.from.div_euclid(DAY) == self.until.div_euclid(DAY) {
            "%H:%M:%S"
        } else {
            "%-d %b %H:%M:%S"
        };
        format!("{} to {}", time(self.from, pattern), time(self.until, pattern))
    }
}

/// A moment as text.
pub fn time(at: i64, pattern: &str) -> String {
    DateTime::<Utc>::from_timestamp_micros(at).map(|at| at.format(pattern).to_string()).unwrap_or_default()
}

/// A moment as the address has it.
pub fn moment(at: i64) -> String {
    time(at, "%Y-%m-%dT%H:%M:%S%.6fZ")
}

/// The picture of the whole session.
pub struct Overview {
    pub lanes: Vec<Band>,
    pub buckets: usize,
    pub ticks: Vec<(f64, String)>,
    pub height: f64,
    pub alerts_y: f64,
    /// Alerts that opened: where, and what.
    pub alerts: Vec<(f64, String)>,
    pub money_y: f64,
    /// The money as steps, in a picture of its own size.
    pub money: String,
    /// The frame: where it begins, and how wide it is.
    pub frame: (f64, f64),
    /// Links that make a part of the time the frame.
    pub slices: Vec<Slice>,
}

/// One lane of the overview.
pub struct Band {
    pub name: &'static str,
    pub y: f64,
    pub bars: String,
    pub denied: String,
    pub records: i64,
    pub denials: i64,
}

/// A part of the time that can become the frame.
pub struct Slice {
    pub x: f64,
    pub width: f64,
    pub address: String,
    pub label: String,
}

impl Overview {
    /// Of a session as the API tells it, with a frame in it.
    pub fn of(session: &Value, whole: Span, frame: Span, address: impl Fn(Span) -> String) -> Self {
        let bucket_us = number(session, "bucket_us").max(1);
        let buckets = usize::try_from(whole.width() / bucket_us + 1).unwrap_or(1);
        let lanes = OVERVIEW.iter().enumerate().map(|(index, (name, of))| band(session, name, of, index)).collect();
        let width = whole.width() / SLICES;
        let slices = (0..SLICES).map(|index| {
            let span = Span { from: whole.from + index * width, until: whole.from + (index + 1) * width };
            let label = format!("Frame from {} to {}", time(span.from, "%H:%M:%S"), time(span.until, "%H:%M:%S"));
            Slice {
                x: whole.percent(span.from),
                width: 100.0 / SLICES as f64,
                address: address(if width < FRAME_MICROS_MIN { whole } else { span }),
                label,
            }
        });
        let opened = list(session, "alert_rows").iter().filter(|row| row["by"].is_null());
        let alerts = opened.filter_map(|row| {
            let at = figures::moment(text(row, "time"))?.timestamp_micros();
            Some((whole.percent(at), crate::shown::defanged(text(row, "summary"))))
        });
        let alerts_y = TOP + BAND_HEIGHT * OVERVIEW.len() as f64;
        Self {
            lanes,
            buckets,
            ticks: whole.ticks(),
            alerts_y: alerts_y + BAND_HEIGHT / 2.0,
            alerts: alerts.take(200).collect(),
            money_y: alerts_y + BAND_HEIGHT,
            money: money(list(session, "money"), buckets),
            height: alerts_y + BAND_HEIGHT + MONEY_HEIGHT + 4.0,
            frame: (whole.percent(frame.from), (whole.percent(frame.until) - whole.percent(frame.from)).max(0.4)),
            slices: slices.collect(),
        }
    }
}

/// Bars for how much there is in each part of the time; what was denied is drawn over the whole height, so that one of many is seen.
fn band(session: &Value, name: &'static str, of: &[&str], index: usize) -> Band {
    let mut counts = std::collections::BTreeMap::<i64, (i64, i64)>::new();
    for lane in list(session, "lanes").iter().filter(|lane| of.contains(&text(lane, "lane"))) {
        for bucket in list(lane, "buckets") {
            let sums = counts.entry(number(bucket, "bucket")).or_default();
            sums.0 += number(bucket, "count");
            sums.1 += number(bucket, "denied");
        }
    }
    let most = counts.values().map(|(count, _)| *count).max().unwrap_or(1).max(1) as f64;
    let (mut bars, mut denied) = (String::new(), String::new());
    for (bucket, (count, denials)) in &counts {
        let height = 3.0 + 10.0 * (*count as f64 / most).sqrt();
        // Writing into a text does not fail.
        let _ = write!(bars, "M{bucket}.5 14v-{height:.1}");
        if *denials > 0 {
            let _ = write!(denied, "M{bucket}.5 15V0");
        }
    }
    let y = TOP + BAND_HEIGHT * index as f64;
    let (records, denials) =
        counts.values().fold((0, 0), |(all, denied), (more, stopped)| (all + more, denied + stopped));
    Band { name, y, bars, denied, records, denials }
}

/// Steps of a sum over the buckets, 100 high.
fn money(steps: &[Value], buckets: usize) -> String {
    let most = steps.last().map_or(0, |step| number(step, "cost_micros")).max(1) as f64;
    let mut path = "M0 96".to_owned();
    for step in steps {
        let _ =
            write!(path, "H{}V{:.1}", number(step, "bucket"), 96.0 - number(step, "cost_micros") as f64 / most * 90.0);
    }
    let _ = write!(path, "H{buckets}");
    path
}

/// The picture of what is in the frame.
pub struct Detail {
    pub lanes: Vec<Lane>,
    pub ticks: Vec<(f64, String)>,
    pub height: f64,
    pub money_y: f64,
    pub money: String,
    /// What was spent up to the frame's end.
    pub spent: String,
    /// Where the record that is open stands.
    pub selected: Option<f64>,
}

/// One lane of the frame.
pub struct Lane {
    pub icon: &'static str,
    pub name: &'static str,
    pub y: f64,
    pub items: Vec<Item>,
}

/// One record in a lane.
pub struct Item {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    /// `deny`, `alert`, `warn`, `loop`, `mark`, or nothing.
    pub role: &'static str,
    pub label: String,
    pub label_x: f64,
    pub label_y: f64,
    pub chain: Option<usize>,
    pub address: String,
    pub title: String,
}

impl Detail {
    /// Of the rows in a frame, with what had been spent before it.
    pub fn of(rows: &[Row], answers: &[Value], frame: Span, spent_before: i64) -> Self {
        let begins: std::collections::HashMap<&str, i64> =
            rows.iter().map(|row| (row.position.as_str(), row.at)).collect();
        let lanes = LANES.iter().enumerate().map(|(index, (icon, name, words))| {
            let y = TOP + LANE_HEIGHT * index as f64;
            let mut items: Vec<Item> = rows
                .iter()
                .zip(answers)
                .filter(|(row, _)| words.contains(&row.word))
                .filter_map(|(row, answer)| item(row, answer, frame, y, &begins))
                .collect();
            label(&mut items);
            Lane { icon, name, y, items }
        });
        let mut sum = spent_before;
        let costs: Vec<(i64, i64)> = rows
            .iter()
            .zip(answers)
            .map(|(row, answer)| (row.at, number(answer, "cost_micros")))
            .filter(|(_, cost)| *cost > 0)
            .collect();
        let end = (spent_before + costs.iter().map(|(_, cost)| cost).sum::<i64>()).max(1) as f64;
        let low = spent_before as f64 / end * 0.9;
        let level = |sum: i64| 94.0 - (sum as f64 / end - low) / (1.0 - low) * 84.0;
        let mut path = format!("M0 {:.1}", level(sum));
        for (at, cost) in costs {
            sum += cost;
            let _ = write!(path, "H{:.2}V{:.1}", frame.percent(at) * 10.0, level(sum));
        }
        path.push_str("H1000");
        let money_y = TOP + LANE_HEIGHT * LANES.len() as f64;
        Self {
            lanes: lanes.collect(),
            ticks: frame.ticks(),
            height: money_y + LANE_HEIGHT,
            money_y,
            money: path,
            spent: figures::dollars(sum),
            selected: rows.iter().find(|row| row.is_selected).map(|row| frame.percent(row.at)),
        }
    }
}

/// A record in its lane. Sources tell a duration when something has ended, so it reaches back from there; the end of a call of a model
/// reaches back to its beginning, if that is in the frame too.
fn item(row: &Row, answer: &Value, frame: Span, y: f64, begins: &std::collections::HashMap<&str, i64>) -> Option<Item> {
    let is_over = is_end(text(answer, "kind"));
    let is_linked = text(&answer["from"], "how") == "linked";
    let begin = begins.get(text(&answer["from"], "position")).filter(|_| is_over && is_linked);
    let duration = number(answer, "duration_us");
    let begin = begin.copied().unwrap_or(row.at - duration);
    if row.at < frame.from || begin > frame.until {
        return None;
    }
    let role = if row.is_denied {
        "deny"
    } else if row.is_alert {
        "alert"
    } else if row.tags.iter().any(|(role, _)| *role == "warn") {
        "warn"
    } else if row.is_loop {
        "loop"
    } else if row.chain.is_some() || row.is_selected {
        "mark"
    } else {
        ""
    };
    let (x, end) = (frame.percent(begin), frame.percent(row.at));
    let words: String = match row.word {
        "Egress" if row.is_denied => format!("{} denied", row.summary.split(['/', '?']).next().unwrap_or_default()),
        "Model" | "Egress" => String::new(),
        "File" => row.summary.rsplit('/').next().unwrap_or_default().to_owned(),
        "Alert" => row.summary.split(':').next().unwrap_or_default().to_owned(),
        _ => row.summary.chars().take(40).collect(),
    };
    let label = if row.times > 1 { format!("{words} ×{}", row.times) } else { words };
    let until = answer["repeated"].get("last_time").and_then(Value::as_str).and_then(figures::moment);
    let end = until.map_or(end, |until| frame.percent(until.timestamp_micros()));
    Some(Item {
        x,
        y: y + 5.0,
        width: (end - x).max(0.28),
        role,
        label,
        label_x: end.max(x + 0.28) + 0.5,
        label_y: y + 16.0,
        chain: row.chain,
        address: row.address.clone(),
        title: format!("{} {} {}", row.time, row.word, row.summary),
    })
}

/// Takes away words for which there is no room before the next item.
fn label(items: &mut [Item]) {
    items.sort_by(|a, b| a.x.total_cmp(&b.x));
    // The number of a chain stands before its item.
    let begin = |item: &Item| if item.chain.is_some() { item.x - 2.6 } else { item.x };
    let next: Vec<f64> = items.iter().skip(1).map(begin).chain([100.0]).collect();
    for (item, next) in items.iter_mut().zip(next) {
        let fits = ((next - item.label_x) / CHARACTER_PERCENT).max(0.0) as usize;
        let length = item.label.chars().count();
        if length > fits && fits < 6 {
            item.label.clear();
        } else if length > fits {
            item.label = item.label.chars().take(fits.saturating_sub(1)).chain(['…']).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round_and_few() {
        let span = Span { from: 1_000_000_000_000, until: 1_000_080_000_000 };
        let ticks = span.ticks();
        assert!((3..=7).contains(&ticks.len()), "{ticks:?}");
        assert!(ticks.iter().all(|(_, text)| text.ends_with('0')), "{ticks:?}");
    }

    #[test]
    fn a_span_is_told_as_finely_as_it_is_short() {
        let noon = 1_700_000_000_000_000 / 86_400_000_000 * 86_400_000_000 + 43_200_000_000;
        let told = |micros| Span { from: noon, until: noon + micros }.told();
        assert_eq!(told(1_500_000), "12:00:00.000 to 12:00:01.500");
        assert_eq!(told(80_000_000), "12:00:00 to 12:01:20");
        assert_eq!(told(86_400_000_000), "14 Nov 12:00:00 to 15 Nov 12:00:00");
    }

    proptest! {
        #[test]
        fn a_frame_stays_within_the_session(from in 0..1_000_000_000_i64, width in 1..1_000_000_000_i64, a in 0.0..1.0_f64, b in 0.0..1.0_f64, times in 0.1..8.0_f64, parts in -3.0..3.0_f64) {
            let whole = Span { from, until: from + width };
            let (a, b) = (a.min(b), a.max(b));
            let frame = Span { from: from + (width as f64 * a) as i64, until: from + (width as f64 * b) as i64 };
            for span in [frame.zoomed(times, whole), frame.moved(parts, whole)] {
                prop_assert!(span.from >= whole.from && span.until <= whole.until && span.from <= span.until, "{span:?}");
            }
            prop_assert!(whole.ticks().len() <= 8);
        }
    }
}
