//! Records that are lines of words with blanks between them, or JSON values where the same program writes those too.

use std::borrow::Cow;

use super::{FieldPath, Json, Located, RecordEncoding, Span, Unreadable};

/// A line of words, each found by its number from 0; or a JSON object.
#[derive(Debug)]
pub struct Words;

impl RecordEncoding for Words {
    fn locate(&self, text: &str, paths: &[&FieldPath]) -> Result<Vec<Located>, Unreadable> {
        if text.trim_ascii_start().starts_with('{') {
            return Json.locate(text, paths);
        }
        let numbers: Vec<Option<usize>> = paths.iter().map(|path| number(path)).collect();
        let mut found = Vec::new();
        for (word, written) in text.split_ascii_whitespace().enumerate() {
            let span = Span::of(text.as_bytes(), written.as_bytes()).ok_or(Unreadable)?;
            let wanted = (0..numbers.len()).filter(|path| numbers[*path] == Some(word));
            found.extend(wanted.map(|path| Located { path, span, is_json: false }));
        }
        Ok(found)
    }
}

/// The number of the word that a path leads to.
fn number(path: &FieldPath) -> Option<usize> {
    match &*path.steps().collect::<Vec<Cow<str>>>() {
        [number] => number.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &'static str, expected: &[&str]) {
        let found = Words.locate(text, &[&FieldPath::from(path)]).expect("readable");
        let found: Vec<&str> = found.iter().map(|found| &text[found.span.start..found.span.end]).collect();
        assert_eq!(found, expected, "{path} of {text}");
    }

    #[test]
    fn words_are_found_by_their_number() {
        check(" a  b c", "/1", &["b"]);
        check("a b", "/2", &[]);
        check("a b", "/x", &[]);
        check("a b", "", &[]);
        check("", "/0", &[]);
        check(r#"{"url":"x"}"#, "/url", &[r#""x""#]);
        assert_eq!(Words.locate("{", &[&FieldPath::from("/0")]), Err(Unreadable));
    }
}
