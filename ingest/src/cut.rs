//! Cuts content out of a record and puts it back: how `record`, `content` and `cuts` fit together.
//!
//! `record` keeps the source's bytes with `null` in place of every content value. `content` is one JSON object with those
//! values as they stood in the record (redacted), under a name each. `cuts` is a list of (record offset, content offset,
//! length), each u32 big-endian, in ascending order: at the record offset, the four bytes `null` stand for `length` bytes
//! at the content offset. So both columns are valid JSON, and [`restore`] gives back the redacted record byte for byte.

/// What stands in the record for a content value.
const PLACEHOLDER: &str = "null";

/// Builds the three columns from left to right.
#[derive(Debug, Default)]
pub struct Cutter {
    record: String,
    content: String,
    cuts: Vec<u8>,
    names: Vec<String>,
}

impl Cutter {
    /// A cutter for a record of about this size.
    pub fn with_capacity(record_bytes: usize) -> Self {
        Self { record: String::with_capacity(record_bytes), ..Self::default() }
    }

    /// The length of the record so far.
    pub fn record_len(&self) -> usize {
        self.record.len()
    }

    /// Adds text that stays in the record.
    pub fn keep(&mut self, text: &str) {
        self.record.push_str(text);
    }

    /// Adds a JSON value that goes to the content, under `field` or, if that is taken, `field_2`, `field_3`, …. Gives
    /// back the name.
    pub fn cut(&mut self, field: &str, value: &str) -> &str {
        let name = self.free_name(field);
        self.content.push(if self.content.is_empty() { '{' } else { ',' });
        self.content.push_str(&serde_json::Value::from(name.as_str()).to_string());
        self.content.push(':');
        for number in [self.record.len(), self.content.len(), value.len()] {
            self.cuts.extend_from_slice(&(number as u32).to_be_bytes());
        }
        self.record.push_str(PLACEHOLDER);
        self.content.push_str(value);
        self.names.push(name);
        self.names.last().map_or("", String::as_str)
    }

    /// The columns `record`, `content` (empty if nothing was cut) and `cuts`.
    pub fn finish(mut self) -> (String, String, Vec<u8>) {
        if !self.content.is_empty() {
            self.content.push('}');
        }
        (self.record, self.content, self.cuts)
    }

    fn free_name(&self, field: &str) -> String {
        // Names are given out in order, so the n-th of a field can be found from the last one.
        let is_of =
            |name: &&String| name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || number_of(rest).is_some());
        match self.names.iter().rev().find(is_of) {
            None => field.to_owned(),
            Some(last) => {
                let mut number = last.strip_prefix(field).and_then(number_of).unwrap_or(1) + 1;
                while self.names.contains(&format!("{field}_{number}")) {
                    number += 1;
                }
                format!("{field}_{number}")
            }
        }
    }
}

/// The number of `_2`, `_3`, ….
fn number_of(rest: &str) -> Option<usize> {
    rest.strip_prefix('_')?.parse().ok()
}

/// Puts the content back: the redacted record byte for byte. `None` if the three columns do not fit together.
pub fn restore(record: &str, content: &str, cuts: &[u8]) -> Option<String> {
    if !cuts.len().is_multiple_of(12) {
        return None;
    }
    let mut restored = String::with_capacity(record.len() + content.len());
    let mut at = 0;
    for cut in cuts.as_chunks::<12>().0 {
        let number =
            |from: usize| u32::from_be_bytes([cut[from], cut[from + 1], cut[from + 2], cut[from + 3]]) as usize;
        let (record_offset, content_offset, len) = (number(0), number(4), number(8));
        restored.push_str(record.get(at..record_offset)?);
        at = record_offset.checked_add(PLACEHOLDER.len())?;
        if record.get(record_offset..at)? != PLACEHOLDER {
            return None;
        }
        restored.push_str(content.get(content_offset..content_offset.checked_add(len)?)?);
    }
    restored.push_str(record.get(at..)?);
    Some(restored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_cut_and_put_back() {
        let mut cutter = Cutter::with_capacity(64);
        cutter.keep("{\"prompt\": ");
        assert_eq!(cutter.cut("prompt", "\"fix it\""), "prompt");
        cutter.keep(", \"x\": [");
        assert_eq!(cutter.cut("prompt", "{\"a\":1}"), "prompt_2");
        cutter.keep("]}");
        let (record, content, cuts) = cutter.finish();
        assert_eq!(record, "{\"prompt\": null, \"x\": [null]}");
        assert_eq!(content, "{\"prompt\":\"fix it\",\"prompt_2\":{\"a\":1}}");
        assert_eq!(restore(&record, &content, &cuts).as_deref(), Some("{\"prompt\": \"fix it\", \"x\": [{\"a\":1}]}"));
        assert_eq!(restore(&record, &content, &cuts[1..]), None);
        assert_eq!(restore(&record[1..], &content, &cuts), None);
        assert_eq!(restore(&record, &content[..20], &cuts), None);
    }

    #[test]
    fn nothing_cut_is_nothing_changed() {
        let mut cutter = Cutter::default();
        cutter.keep("time=x level=WARN");
        assert_eq!(cutter.finish(), ("time=x level=WARN".to_owned(), String::new(), Vec::new()));
        assert_eq!(restore("a", "", &[]).as_deref(), Some("a"));
    }

    proptest! {
        #[test]
        fn what_is_cut_is_restored(pieces in proptest::collection::vec(("\\PC{0,9}", "[a-c]{1,2}(_2)?", "\\PC{0,9}"), 0..12), end in "\\PC{0,9}") {
            let mut cutter = Cutter::default();
            let mut whole = String::new();
            for (kept, field, value) in &pieces {
                let value = serde_json::json!(value).to_string();
                cutter.keep(kept);
                cutter.cut(field, &value);
                whole += kept;
                whole += &value;
            }
            cutter.keep(&end);
            whole += &end;
            let (record, content, cuts) = cutter.finish();
            if !content.is_empty() {
                let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&content).unwrap();
                prop_assert_eq!(object.len(), pieces.len(), "every value has a name of its own");
            }
            prop_assert_eq!(restore(&record, &content, &cuts), Some(whole));
        }

        #[test]
        fn any_columns_are_taken(record in "\\PC{0,20}", content in "\\PC{0,20}", cuts in proptest::collection::vec(0u8..4, 0..30)) {
            let _ = restore(&record, &content, &cuts);
        }
    }
}
