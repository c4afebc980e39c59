//! Numbers, money and moments as pages write them. Everything is UTC; money is micro-US-dollars until here.

use chrono::{DateTime, Datelike, Utc};

/// A whole number as templates pass it: itself, or behind references.
pub trait Whole {
    /// The number.
    fn whole(self) -> i64;
}

impl Whole for i64 {
    fn whole(self) -> i64 {
        self
    }
}

impl<W: Whole + Copy> Whole for &W {
    fn whole(self) -> i64 {
        (*self).whole()
    }
}

/// A whole number with thin spaces between thousands.
pub fn count(number: impl Whole) -> String {
    let number = number.whole();
    let digits = number.unsigned_abs().to_string();
    let mut shown = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    if number < 0 { format!("−{shown}") } else { shown }
}

/// A large number in few characters: `4.1 k`, `783 M`.
pub fn short(number: impl Whole) -> String {
    let number = number.whole();
    let scaled = |unit: f64, word: &str| {
        let value = number as f64 / unit;
        if value.abs() < 9.95 { format!("{value:.1}\u{202f}{word}") } else { format!("{value:.0}\u{202f}{word}") }
    };
    match number.unsigned_abs() {
        0..1_000 => number.to_string(),
        1_000..999_500 => scaled(1e3, "k"),
        999_500..999_500_000 => scaled(1e6, "M"),
        _ => scaled(1e9, "G"),
    }
}

/// Bytes in few characters: `640 kB`.
pub fn bytes(number: impl Whole) -> String {
    let number = number.whole();
    match number.unsigned_abs() {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} kB", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", number as f64 / 1e6),
        _ => format!("{:.1} GB", number as f64 / 1e9),
    }
}

/// Micro-dollars as dollars, without the sign: two places, or as many as a small amount needs.
pub fn dollars(micros: impl Whole) -> String {
    let micros = micros.whole();
    let value = micros as f64 / 1e6;
    if micros != 0 && value.abs() < 0.095 { format!("{value:.3}") } else { grouped(value) }
}

/// Two places, with thin spaces between thousands.
fn grouped(value: f64) -> String {
    let text = format!("{:.2}", value.abs());
    let (whole, places) = text.split_once('.').unwrap_or((&text, "00"));
    let whole = whole.parse::<i64>().map_or_else(|_| whole.to_owned(), count);
    format!("{}{whole}.{places}", if value < 0.0 { "−" } else { "" })
}

/// How long something lasts, in its one or two largest units: `41 s`, `9 min`, `5 h`, `3 d`.
pub fn duration(seconds: impl Whole) -> String {
    let seconds = seconds.whole();
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..600 if seconds % 60 != 0 => format!("{} min {} s", seconds / 60, seconds % 60),
        60..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Milliseconds as seconds with as many places as matter: `0.29 s`, `5.8 s`, `92 s`.
pub fn seconds(milliseconds: i64) -> String {
    let value = milliseconds as f64 / 1e3;
    match milliseconds.unsigned_abs() {
        0..1_000 => format!("{value:.2} s"),
        1_000..60_000 => format!("{value:.1} s"),
        _ => duration(milliseconds / 1_000),
    }
}

/// A moment of the API: RFC 3339.
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.with_timezone(&Utc))
}

/// The time of day with milliseconds; the date too where it is not `now`'s.
pub fn time(text: &str, now: DateTime<Utc>) -> String {
    match moment(text) {
        Some(moment) if moment.date_naive() == now.date_naive() => moment.format("%H:%M:%S%.3f").to_string(),
        Some(moment) if moment.year() == now.year() => moment.format("%-d %b %H:%M:%S").to_string(),
        Some(moment) => moment.format("%-d %b %Y %H:%M").to_string(),
        None => "–".to_owned(),
    }
}

/// How long ago a moment is.
pub fn age(text: &str, now: DateTime<Utc>) -> String {
    moment(text).map_or_else(|| "–".to_owned(), |moment| duration((now - moment).num_seconds()))
}

/// A word as the beginning of a line.
pub fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_exact_enough() {
        let check = |shown: String, expected: &str| assert_eq!(shown.replace('\u{202f}', " "), expected);
        check(count(0_i64), "0");
        check(count(999_i64), "999");
        check(count(12_408_331_i64), "12 408 331");
        check(count(-1_000_i64), "−1 000");
        check(count(i64::MIN), "−9 223 372 036 854 775 808");
        check(short(999_i64), "999");
        check(short(4_104_i64), "4.1 k");
        check(short(999_499_i64), "999 k");
        check(short(783_000_000_i64), "783 M");
        check(dollars(318_420_000_i64), "318.42");
        check(dollars(9_000_000_000_i64), "9 000.00");
        check(dollars(9_000_i64), "0.009");
        check(dollars(0_i64), "0.00");
        check(dollars(-2_500_000_i64), "−2.50");
        check(duration(41_i64), "41 s");
        check(duration(-3_i64), "0 s");
        check(duration(1_080_i64), "18 min");
        check(duration(61_i64), "1 min 1 s");
        check(duration(18_000_i64), "5 h");
        check(duration(300_000_i64), "3 d");
        check(seconds(290), "0.29 s");
        check(seconds(5_800), "5.8 s");
        check(seconds(92_000), "1 min 32 s");
        check(bytes(640_000_i64), "640.0 kB");
    }

    #[test]
    fn moments_say_what_is_not_obvious() {
        let now = moment("2026-11-24T14:03:12Z").unwrap();
        let check = |text: &str, expected: &str| assert_eq!(time(text, now), expected, "{text}");
        check("2026-11-24T14:02:30.218Z", "14:02:30.218");
        check("2026-11-09T08:17:05.498Z", "9 Nov 08:17:05");
        check("2025-11-09T08:17:05Z", "9 Nov 2025 08:17");
        check("yesterday", "–");
        assert_eq!(age("2026-11-24T14:02:31Z", now), "41 s");
    }
}
