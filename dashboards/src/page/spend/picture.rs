//! The pictures of spend: the course of a range with its forecast, and hours of the week. Pure: sums in, coordinates out.

use chrono::{DateTime, Datelike, Duration, Timelike, Utc};

use super::forecast::{Forecast, HOURS};
use crate::figures;

/// Four weeks of hours, a row for each day of the week.
pub struct HeatDay {
    pub name: &'static str,
    /// Level of each hour, from 0 to 4, with what it was on average.
    pub hours: Vec<(usize, String)>,
}

/// The course of the range: what was spent, hour by hour or day by day, as points of a picture 620 wide and 220 high.
pub struct Picture {
    pub line: String,
    pub now: (f64, f64),
    /// The range of what is to come.
    pub cone: Option<String>,
    pub median: Option<(f64, f64)>,
    pub cap_y: Option<f64>,
    pub top: String,
    pub half: String,
    pub labels: Vec<(f64, String)>,
    pub sentence: String,
    /// When the range begins and ends.
    pub ends: (String, String),
    /// The same as rows of a table.
    pub rows: Vec<Row>,
}

/// What was spent up to a moment, or is expected to be.
pub struct Row {
    /// The moment for machines, and in words.
    pub at: String,
    pub words: String,
    /// Micro-dollars: a sum that was spent.
    pub spent: Option<i64>,
    /// What is expected: low, median, high. At the moment of the page they are what was spent, and no text.
    pub expected: Option<[i64; 3]>,
    pub is_now: bool,
}

const LEFT: f64 = 56.0;
const WIDTH: f64 = 560.0;
const BOTTOM: f64 = 190.0;
const HEIGHT: f64 = 170.0;

/// Four weeks of hours by day of the week, and what the largest came to.
pub fn heat(hours: &[(DateTime<Utc>, i64)], now: DateTime<Utc>) -> (Vec<HeatDay>, String) {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let mut sums = [[0_i64; HOURS]; 7];
    for (hour, micros) in hours.iter().filter(|(hour, _)| *hour >= now - Duration::days(28)) {
        let day = hour.weekday().num_days_from_monday() as usize;
        if let Some(sum) = sums.get_mut(day).and_then(|day| day.get_mut(hour.hour() as usize)) {
            *sum += micros / 4;
        }
    }
    let largest = sums.iter().flatten().copied().max().unwrap_or(0).max(1);
    let level = |micros: i64| {
        if micros == 0 { 0 } else { 1 + (3.0 * (micros as f64 / largest as f64).sqrt()).round() as usize }
    };
    let days = NAMES.iter().zip(sums).map(|(name, hours)| HeatDay {
        name,
        hours: hours.iter().map(|micros| (level(*micros), figures::dollars(*micros))).collect(),
    });
    (days.collect(), figures::dollars(largest))
}

/// Hours that one point of the course takes together.
fn step(length: f64) -> i64 {
    if length > 200.0 { 6 } else { 1 }
}

/// Hours since the start and what was spent by then: flat where nothing was.
fn course(
    hours: &[(DateTime<Utc>, i64)],
    start: DateTime<Utc>,
    elapsed: f64,
    length: f64,
    spent: i64,
) -> Vec<(f64, i64)> {
    let step = step(length);
    let mut sums: std::collections::BTreeMap<i64, i64> = std::collections::BTreeMap::new();
    for (hour, micros) in hours.iter().filter(|(hour, _)| *hour >= start) {
        *sums.entry((*hour - start).num_hours() / step).or_default() += micros;
    }
    let (mut points, mut sum) = (vec![(0.0, 0)], 0);
    for slot in 0.. {
        let at = ((slot + 1) * step) as f64;
        if at >= elapsed {
            break;
        }
        sum += sums.get(&slot).copied().unwrap_or(0);
        points.push((at, sum));
    }
    points.push((elapsed, spent));
    points
}

/// The course and its forecast as rows.
fn rows(points: &[(f64, i64)], start: DateTime<Utc>, length: f64, forecast: Option<Forecast>) -> Vec<Row> {
    let row = |hours: f64, spent, expected, is_now| {
        let at = start + Duration::seconds((hours * 3_600.0).round() as i64);
        let words = match (is_now, length <= 24.0) {
            (_, true) if hours >= length => "24:00".to_owned(),
            (_, true) => at.format("%H:%M").to_string(),
            (_, false) => at.format("%a %-d %b %H:%M").to_string(),
        };
        Row { at: at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true), words, spent, expected, is_now }
    };
    let last = points.len().saturating_sub(1);
    let course = points.iter().enumerate().map(|(index, (hours, sum))| {
        let is_now = index == last;
        row(*hours, Some(*sum), forecast.filter(|_| is_now).map(|_| [*sum; 3]), is_now)
    });
    let end = forecast.map(|Forecast { low, median, high }| row(length, None, Some([low, median, high]), false));
    course.chain(end).collect()
}

/// The course of a range of so many hours of which some passed.
pub fn picture(
    hours: &[(DateTime<Utc>, i64)],
    start: DateTime<Utc>,
    elapsed: f64,
    length: f64,
    spent: i64,
    cap: Option<i64>,
    forecast: Option<Forecast>,
) -> Picture {
    let highest =
        [Some(spent), cap, forecast.map(|forecast| forecast.high)].into_iter().flatten().max().unwrap_or(1).max(1)
            as f64
            * 1.05;
    let x = |hours: f64| LEFT + WIDTH * (hours / length).clamp(0.0, 1.0);
    let y = |micros: i64| BOTTOM - HEIGHT * (micros as f64 / highest).clamp(0.0, 1.0);
    let points = course(hours, start, elapsed, length, spent);
    let line: Vec<String> = points.iter().map(|(at, sum)| format!("{:.1},{:.1}", x(*at), y(*sum))).collect();
    let now = (x(elapsed), y(spent));
    let cone = forecast.map(|Forecast { low, high, .. }| {
        format!("{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}", now.0, now.1, x(length), y(high), x(length), y(low))
    });
    let steps = if length > 200.0 {
        5
    } else if length > 24.0 {
        7
    } else {
        8
    };
    let labels = (0..=steps).map(|step| {
        let hours = length / f64::from(steps) * f64::from(step);
        let moment = start + Duration::minutes((hours * 60.0) as i64);
        let label =
            if length <= 24.0 { moment.format("%H:%M").to_string() } else { moment.format("%-d %b").to_string() };
        (x(hours), label)
    });
    Picture {
        line: line.join(" "),
        rows: rows(&points, start, length, forecast),
        ends: [0.0, length]
            .map(|hours| {
                (start + Duration::minutes((hours * 60.0) as i64)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
            })
            .into(),
        cone,
        median: forecast.map(|forecast| (x(length), y(forecast.median))),
        cap_y: cap.map(y),
        top: format!("${}", figures::dollars(highest as i64)),
        half: format!("${}", figures::dollars((highest / 2.0) as i64)),
        labels: labels.collect(),
        sentence: match forecast {
            Some(Forecast { low, median, high }) => format!(
                "${} was spent; the day is expected to end at ${}, in eight of ten cases between ${} and ${}.",
                figures::dollars(spent),
                figures::dollars(median),
                figures::dollars(low),
                figures::dollars(high)
            ),
            None => format!("${} was spent.", figures::dollars(spent)),
        },
        now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_is_flat_where_nothing_was_spent_and_ends_now() {
        let start = crate::figures::moment("2026-11-30T00:00:00Z").unwrap();
        let hours = [(start - Duration::hours(1), 9), (start + Duration::hours(1), 5), (start + Duration::hours(4), 7)];
        let points = course(&hours, start, 4.5, 24.0, 12);
        assert_eq!(points, [(0.0, 0), (1.0, 0), (2.0, 5), (3.0, 5), (4.0, 5), (4.5, 12)]);
        let month = course(&hours, start, 13.0, 720.0, 12);
        assert_eq!(month, [(0.0, 0), (6.0, 12), (12.0, 12), (13.0, 12)]);
    }

    #[test]
    fn rows_tell_what_was_spent_and_what_is_expected() {
        let start = crate::figures::moment("2026-11-30T00:00:00Z").unwrap();
        let forecast = Forecast { low: 10, median: 20, high: 30 };
        let rows = rows(&[(0.0, 0), (1.5, 4)], start, 24.0, Some(forecast));
        let told: Vec<_> = rows.iter().map(|row| (row.words.as_str(), row.spent, row.expected, row.is_now)).collect();
        let expected = [
            ("00:00", Some(0), None, false),
            ("01:30", Some(4), Some([4; 3]), true),
            ("24:00", None, Some([10, 20, 30]), false),
        ];
        assert_eq!(told, expected);
        assert_eq!(rows[2].at, "2026-12-01T00:00:00Z");
    }
}
