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
    let (mut sum, mut points) = (0, vec![format!("{:.1},{:.1}", x(0.0), y(0))]);
    for (hour, micros) in hours.iter().filter(|(hour, _)| *hour >= start) {
        sum += micros;
        let at = ((*hour - start).num_hours() as f64 + 1.0).min(elapsed);
        points.push(format!("{:.1},{:.1}", x(at), y(sum)));
    }
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
        line: points.join(" "),
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
