//! Numbers as people write them: money, durations, sizes. They are kept in the unit of the column.

/// How the values of a word are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A text.
    Text,
    /// A number without a unit.
    Count,
    /// USD, kept in micro-USD.
    Dollars,
    /// A duration, kept in microseconds.
    Duration,
    /// Bytes.
    Bytes,
    /// One of these words, lowest first.
    Rank(&'static [&'static str]),
}

/// The units of durations in microseconds, the longest first.
pub(super) const DURATIONS: [(&str, i64); 7] = [
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// The units of sizes in bytes.
const SIZES: [(&str, i64); 10] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("k", 1_000),
    ("M", 1_000_000),
    ("B", 1),
];

impl Unit {
    /// Whether it has numbers that need a unit, so that a comparison is the way to ask for one.
    pub(super) fn is_measured(self) -> bool {
        matches!(self, Self::Dollars | Self::Duration | Self::Bytes)
    }

    /// Reads a number; the error says what is possible.
    pub(super) fn read(self, text: &str) -> Result<i64, &'static str> {
        match self {
            Self::Dollars => scaled(text.strip_prefix('$').unwrap_or(text), 1_000_000)
                .ok_or("an amount is in USD, such as 5 or 0.25"),
            Self::Duration => duration(text).ok_or("a duration has a unit: us, ms, s, m, h or d, such as 250ms or 2s"),
            Self::Bytes => size(text).ok_or("a size is in bytes, or has one of kB, MB, GB, KiB, MiB, GiB"),
            Self::Count | Self::Text | Self::Rank(_) => text.parse().map_err(|_| "it is compared with a whole number"),
        }
    }

    /// Writes a number in the form in which it is read.
    pub(super) fn write(self, number: i64) -> String {
        match self {
            Self::Dollars => dollars(number),
            Self::Duration => write_duration(number),
            Self::Count | Self::Text | Self::Bytes | Self::Rank(_) => number.to_string(),
        }
    }
}

/// A decimal number times `scale`; parts that are smaller than one are cut off.
fn scaled(text: &str, scale: i64) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let (whole, fraction): (i128, i128) = (whole.parse().ok()?, part.parse().ok()?);
    let scale = i128::from(scale);
    let value = whole * scale + fraction * scale / 10_i128.pow(part.len() as u32);
    i64::try_from(sign * value).ok()
}

/// Reads one number and its unit, such as `1.5s`.
pub(super) fn duration(text: &str) -> Option<i64> {
    let at = text.find(|char: char| char.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let (_, micros) = DURATIONS.iter().find(|(word, _)| *word == unit)?;
    scaled(number, *micros)
}

fn size(text: &str) -> Option<i64> {
    let at = text.find(|char: char| char.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let bytes = if unit.is_empty() { 1 } else { SIZES.iter().find(|(word, _)| *word == unit)?.1 };
    scaled(number, bytes)
}

fn dollars(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let (whole, part) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let text = format!("{sign}{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A duration in the longest unit, weeks left out, that needs no fraction.
pub(super) fn write_duration(micros: i64) -> String {
    let (word, unit) = DURATIONS[1..].iter().find(|(_, unit)| micros % unit == 0).unwrap_or(&("us", 1));
    format!("{}{word}", micros / unit)
}
