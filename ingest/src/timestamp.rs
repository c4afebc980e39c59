//! Times in records: RFC 3339, or numbers in any unit, to microseconds since 1970 UTC and back to text. Nothing here reads
//! a clock, and nothing here says which times are possible: see [`crate::bounds`].

use chrono::{DateTime, SecondsFormat};

/// What a source says of a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stated {
    /// Nothing.
    #[default]
    Nothing,
    /// Something that is no time.
    Unreadable,
    /// A moment in microseconds since 1970 UTC.
    At(i64),
}

impl Stated {
    /// The time that a text writes: in RFC 3339, or as a number.
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::Nothing;
        }
        parse(text).or_else(|| of_number(text, unit_by_size)).map_or(Self::Unreadable, Self::At)
    }

    /// The time that a text writes as a number of units since 1970 UTC, each of so many nanoseconds.
    pub fn in_units(text: &str, nanos: u32) -> Self {
        let text = text.trim();
        if text.is_empty() {
            return Self::Nothing;
        }
        of_number(text, |_| u128::from(nanos)).map_or(Self::Unreadable, Self::At)
    }

    /// The moment, if it is one.
    pub fn micros(self) -> Option<i64> {
        match self {
            Self::At(micros) => Some(micros),
            Self::Nothing | Self::Unreadable => None,
        }
    }

    /// Itself, or the other if nothing is said.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::Nothing { other } else { self }
    }

    /// Itself, or an error if nothing is said. What is unreadable is not an error: the event has no time then.
    pub fn required<E>(self, error: E) -> Result<Self, E> {
        if self == Self::Nothing { Err(error) } else { Ok(self) }
    }
}

/// From so many of a unit since 1970 the number must be of the next smaller unit: in seconds that is the year 5138.
const UNIT_END: u128 = 100_000_000_000;

/// The nanoseconds of the unit in which a number of this size counts: seconds, milliseconds, microseconds or nanoseconds.
fn unit_by_size(whole: u128) -> u128 {
    match whole {
        ..UNIT_END => 1_000_000_000,
        UNIT_END..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    }
}

/// Reads a number of units since 1970 UTC, with or without a fraction; how many nanoseconds the unit of such a number has says `unit`.
/// `None` if it is not a number.
fn of_number(text: &str, unit: impl Fn(u128) -> u128) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 20 || !is_number(whole) || !is_number(fraction) {
        return of_float(text, unit);
    }
    let whole: u128 = whole.parse().ok()?;
    let unit = unit(whole);
    let part: u128 = format!("{fraction:0<9.9}").parse().ok()?;
    let nanos = whole.checked_mul(unit)? + part * unit / 1_000_000_000;
    let micros = i64::try_from(nanos / 1_000).ok()?;
    Some(if negative { -micros } else { micros })
}

/// Reads a number that is written with an exponent.
fn of_float(text: &str, unit: impl Fn(u128) -> u128) -> Option<i64> {
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite() && number.abs() < 1e20)?;
    text.contains(['e', 'E']).then(|| of_number(&format!("{number:.6}"), unit)).flatten()
}

/// Reads an RFC 3339 time; digits below the microsecond are cut off. `None` if it is not one.
///
/// Serialisers write one shape, which is read without the general parser: it runs up to three times per record.
pub fn parse(text: &str) -> Option<i64> {
    parse_usual(text.as_bytes()).or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros()))
}

/// Writes a time as RFC 3339 with microseconds, in UTC; an out-of-range time gives an empty text.
pub fn format(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
        .unwrap_or_default()
}

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)` with fields in range.
fn parse_usual(text: &[u8]) -> Option<i64> {
    let (head, mut rest) = text.split_at_checked(19)?;
    let separators = [head[4], head[7], head[10], head[13], head[16]];
    if separators != *b"--T::" {
        return None;
    }
    let year = two(head, 0)? * 100 + two(head, 2)?;
    let (month, day) = (two(head, 5)?, two(head, 8)?);
    let (hour, minute, second) = (two(head, 11)?, two(head, 14)?, two(head, 17)?);
    // The 29th to 31st go to the general parser in months that may lack them.
    let day_max = if month == 2 { 28 } else { 30 };
    if !(1..=12).contains(&month) || !(1..=day_max).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        for digit in fraction[..digits].iter().chain(b"000000").take(6) {
            micros = micros * 10 + i64::from(digit - b'0');
        }
        rest = &fraction[digits..];
    }
    let offset_minutes = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), zone @ ..] if zone.len() == 5 && zone[2] == b':' => {
            let (hours, minutes) = (two(zone, 0)?, two(zone, 3)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + (minute - offset_minutes) * 60 + second;
    Some(seconds * 1_000_000 + micros)
}

/// The number that two digits write.
fn two(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// Days from 1970-01-01 in the Gregorian calendar, with years that begin in March so that leap days end them.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(parse(text), expected, "{text}");
    }

    #[test]
    fn known_times() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-10-03T08:15:04.118000657Z", Some(1_790_928_904_118_000 + 86_400_000_000));
        check("2026-10-03T10:15:04.118+02:00", Some(1_791_015_304_118_000));
        check("2024-02-29T00:00:00Z", Some(1_709_164_800_000_000));
        check("2023-02-29T00:00:00Z", None);
        check("2026-04-31T00:00:00Z", None);
        check("2026-10-03T08:15:04.Z", None);
        check("2026-10-03 08:15", None);
        check("", None);
        check("2026-10-03T08:15:04é", None);
    }

    #[test]
    fn numbers_are_told_apart_by_their_size() {
        let moment = 1_791_015_304_118_000;
        for text in [
            "1791015304.118",
            "1791015304118",
            "1791015304118000",
            "1791015304118000657",
            " 1791015304118 ",
            "1791015304118.0",
            "1.791015304118e9",
            "1.791015304118E12",
        ] {
            assert_eq!(Stated::of(text), Stated::At(moment), "{text}");
        }
        for (text, expected) in [
            ("1791015304", Stated::At(1_791_015_304_000_000)),
            ("0", Stated::At(0)),
            ("-5", Stated::At(-5_000_000)),
            ("", Stated::Nothing),
            ("  ", Stated::Nothing),
            ("yesterday", Stated::Unreadable),
            ("NaN", Stated::Unreadable),
            ("inf", Stated::Unreadable),
            ("1e400", Stated::Unreadable),
            ("99999999999999999999999", Stated::Unreadable),
            ("1.2.3", Stated::Unreadable),
            ("-", Stated::Unreadable),
        ] {
            assert_eq!(Stated::of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_stated_unit_is_kept_to() {
        let check =
            |text: &str, nanos, expected| assert_eq!(Stated::in_units(text, nanos), expected, "{text} of {nanos} ns");
        check("1791015304.118", 1_000_000_000, Stated::At(1_791_015_304_118_000));
        check("1791015304118", 1_000_000, Stated::At(1_791_015_304_118_000));
        check("1791015304118000657", 1, Stated::At(1_791_015_304_118_000));
        // What was said to be milliseconds is not taken for seconds, however small it is.
        check("1791015304", 1_000_000, Stated::At(1_791_015_304_000));
        check("1.791015304118e9", 1_000_000_000, Stated::At(1_791_015_304_118_000));
        check(" ", 1, Stated::Nothing);
        check("2026-10-03T08:15:04Z", 1_000, Stated::Unreadable);
        check("99999999999999999999", 1_000_000_000, Stated::Unreadable);
    }

    proptest! {
        #[test]
        fn every_unit_says_the_same_moment(micros in 946_684_800_000_000i64..4_102_444_800_000_000) {
            let nanos = format!("{micros}657");
            let texts = [format!("{micros}"), nanos, format!("{}.{:03}", micros / 1_000, micros % 1_000),
                format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)];
            for text in texts {
                prop_assert_eq!(Stated::of(&text), Stated::At(micros), "{}", text);
            }
        }

        #[test]
        fn agrees_with_the_general_parser(seconds in -60_000_000_000i64..250_000_000_000, nanos in 0u32..1_000_000_000, offset in -1439i32..1440, digits in 0usize..4) {
            let zone = chrono::FixedOffset::east_opt(offset * 60).unwrap();
            let time = DateTime::from_timestamp(seconds, nanos).unwrap().with_timezone(&zone);
            let form = [SecondsFormat::Secs, SecondsFormat::Millis, SecondsFormat::Micros, SecondsFormat::Nanos][digits];
            let text = time.to_rfc3339_opts(form, offset % 2 == 0);
            prop_assert_eq!(parse(&text), DateTime::parse_from_rfc3339(&text).ok().map(|time| time.timestamp_micros()), "{}", text);
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}", cut in 0usize..40) {
            let _ = Stated::of(&text);
            let mut near = String::from("2026-10-03T08:15:04.118+02:00");
            near.truncate(cut.min(near.len()));
            let _ = parse(&(near + &text));
        }

        #[test]
        fn what_is_written_is_read(micros in -60_000_000_000_000_000i64..250_000_000_000_000_000) {
            prop_assert_eq!(parse(&format(micros)), Some(micros));
        }
    }
}
