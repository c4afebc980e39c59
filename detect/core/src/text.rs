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

/// A duration in microseconds in the unit that a reader would choose.
pub fn duration(micros: i64) -> String {
    match micros.max(0) / 1_000_000 {
        0 => "less than 1 s".to_owned(),
        seconds @ 1..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

/// A number of bytes in the unit that a reader would choose.
pub fn bytes(count: u64) -> String {
    match count {
        0..=9_999 => format!("{count} bytes"),
        10_000..=9_999_999 => format!("{} kB", count / 1_000),
        10_000_000..=9_999_999_999 => format!("{} MB", count / 1_000_000),
        _ => format!("{} GB", count / 1_000_000_000),
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
        let cases = [(-5, "less than 1 s"), (2_500_000, "2 s"), (300_000_000, "5 min"), (7_200_000_000, "2 h")];
        for (micros, text) in cases {
            assert_eq!(duration(micros), text);
        }
        assert_eq!([9_999, 10_000, 25_000_000, 1 << 40].map(bytes), ["9999 bytes", "10 kB", "25 MB", "1099 GB"]);
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
