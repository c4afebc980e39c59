//! Small helpers for the sentences of alerts: bounds, plurals and durations.

use std::borrow::Cow;

use crate::limits::{MISSPELT_BYTES_MAX, SCANNED_BYTES_MAX, TEXT_CHARS_MAX};

/// The text, cut to the bound of texts in alerts.
pub fn bounded(text: &str) -> String {
    cut(text).into_owned()
}

/// The same, copied only where it must be.
pub fn cut(text: &str) -> Cow<'_, str> {
    // So many bytes are not more characters, which most texts are not.
    if text.len() <= TEXT_CHARS_MAX {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

/// The beginning of a text, as far as detectors look for something in it.
pub fn scanned(text: &str) -> &str {
    if text.len() <= SCANNED_BYTES_MAX { text } else { &text[..text.floor_char_boundary(SCANNED_BYTES_MAX)] }
}

/// `once`, `twice`, `3 times`.
pub fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

/// A duration in microseconds in the unit that a reader would choose, rounded.
pub fn duration(micros: i64) -> String {
    let rounded = |unit: i64| micros.saturating_add(unit / 2) / unit;
    match rounded(SECOND) {
        _ if micros < SECOND => "less than 1 s".to_owned(),
        seconds @ ..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", rounded(60 * SECOND)),
        _ => format!("{} h", rounded(3_600 * SECOND)),
    }
}

/// In microseconds.
const SECOND: i64 = 1_000_000;

/// A number of bytes in the unit that a reader would choose, rounded.
pub fn bytes(count: u64) -> String {
    let rounded = |unit: u64| count.saturating_add(unit / 2) / unit;
    match count {
        0..=9_999 => format!("{count} bytes"),
        10_000..=9_999_499 => format!("{} kB", rounded(1_000)),
        9_999_500..=9_999_499_999 => format!("{} MB", rounded(1_000_000)),
        _ => format!("{} GB", rounded(1_000_000_000)),
    }
}

/// The number and the noun: `no request`, `1 request`, `2 requests`.
pub fn counted(count: u64, noun: &str) -> String {
    match count {
        0 => format!("no {noun}"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// Sentences one after the other; what is empty is left out.
pub fn sentences(parts: &[String]) -> String {
    let said: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    said.join(" ")
}

/// The name that is most like a misspelt one, if one is like it at all. Case does not count.
pub fn nearest<'a>(misspelt: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if misspelt.len() > MISSPELT_BYTES_MAX {
        return None;
    }
    let limit = 1 + misspelt.len() / 4;
    let lower = misspelt.to_ascii_lowercase();
    let near = names.map(|name| (strsim::osa_distance(&lower, &name.to_ascii_lowercase()), name)).min()?;
    (near.0 <= limit).then_some(near.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_well() {
        assert_eq!([1, 2, 3].map(times), ["once", "twice", "3 times"]);
        let cases = [
            (-5, "less than 1 s"),
            (999_999, "less than 1 s"),
            (1_400_000, "1 s"),
            (2_500_000, "3 s"),
            (119_400_000, "119 s"),
            (119_500_000, "2 min"),
            (300_000_000, "5 min"),
            (359_000_000, "6 min"),
            (7_199_000_000, "120 min"),
            (7_200_000_000, "2 h"),
            (10_799_000_000, "3 h"),
            (i64::MAX, "2562047788 h"),
        ];
        for (micros, text) in cases {
            assert_eq!(duration(micros), text);
        }
        let sizes = [9_999, 10_499, 10_500, 9_999_500, 25_600_000, 1 << 40, u64::MAX];
        let shown = ["9999 bytes", "10 kB", "11 kB", "10 MB", "26 MB", "1100 GB", "18446744073 GB"];
        assert_eq!(sizes.map(bytes), shown);
        assert_eq!([0, 1, 2].map(|count| counted(count, "write")), ["no write", "1 write", "2 writes"]);
        assert_eq!(sentences(&["A.".to_owned(), String::new(), "B.".to_owned()]), "A. B.");
        let names = ["host", "domain", "startsWith"];
        assert_eq!(
            ["hsot", "domian", "startswith", "x", "port"].map(|word| nearest(word, names.into_iter())),
            [Some("host"), Some("domain"), Some("startsWith"), None, Some("host")]
        );
        assert_eq!(bounded("short"), "short");
        assert_eq!(bounded(&"ä".repeat(300)).chars().count(), TEXT_CHARS_MAX + 1);
    }
}
