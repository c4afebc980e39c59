//! How alike two names are: letters that look alike, separators, and characters that were changed, left out, added or
//! swapped. Pure functions over texts of bounded length.

use idna::punycode;
use serde::{Deserialize, Serialize};

use crate::limits::{LABEL_BYTES_MAX, PACKAGE_BYTES_MAX};

/// In which way a name is like another one, from the most deliberate to the most accidental.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// The other name stands inside of a stranger's host name.
    Inside,
    /// It reads the same at a glance.
    LooksAlike,
    /// Only separators differ.
    Separators,
    /// Only the ending of the domain differs.
    Ending,
    /// So many characters differ.
    Edits(u32),
}

/// In which way `name` is like `other`; `None` if it is the same or something else.
pub fn of(name: &str, other: &str) -> Option<Likeness> {
    if !is_comparable(name, other) {
        return None;
    }
    if skeleton(name).eq(skeleton(other)) {
        return Some(Likeness::LooksAlike);
    }
    if same_without(name, other, |char| matches!(char, '-' | '_' | '.')) {
        return Some(Likeness::Separators);
    }
    // Versions in names are no typing errors: boto and boto3.
    if same_without(name, other, |char| char.is_ascii_digit()) {
        return None;
    }
    let allowed = match other.chars().count() {
        0..=4 => return None,
        5..=8 => 1,
        _ => EDITS_MAX,
    };
    let edits = distance(name, other)?;
    // Two changes and another first letter are another word.
    let same_start = name.chars().next() == other.chars().next();
    (edits <= allowed && (edits == 1 || same_start)).then_some(Likeness::Edits(edits))
}

/// Whether `name` reads the same as `other` at a glance, and is another one. Who needs to know no more is told sooner.
pub fn reads_the_same(name: &str, other: &str) -> bool {
    is_comparable(name, other) && skeleton(name).eq(skeleton(other))
}

/// Whether one name may be like the other, by their lengths.
fn is_comparable(name: &str, other: &str) -> bool {
    let far = || name.chars().count().abs_diff(other.chars().count()) > EDITS_MAX as usize * 2;
    name != other && name.len() <= PACKAGE_BYTES_MAX && other.len() >= LIKENESS_MIN && !far()
}

/// Shorter names are like too many others.
const LIKENESS_MIN: usize = 4;

/// The most changes that still count as likeness.
const EDITS_MAX: u32 = 2;

/// What is left of a name when characters that look alike are written the same way.
fn skeleton(name: &str) -> impl Iterator<Item = char> {
    let mut letters = name.chars().flat_map(char::to_lowercase).map(plain).peekable();
    std::iter::from_fn(move || {
        let letter = letters.next()?;
        let (second, joined) = match letter {
            'r' => ('n', 'm'),
            'v' => ('v', 'w'),
            'c' => ('l', 'd'),
            _ => return Some(letter),
        };
        Some(if letters.next_if_eq(&second).is_some() { joined } else { letter })
    })
}

/// The Latin letter that a character is taken for.
fn plain(char: char) -> char {
    match char {
        '0' | 'о' | 'ο' | 'օ' => 'o',
        '1' | 'i' | 'і' | 'ı' | 'ӏ' | 'ι' | '|' => 'l',
        '3' | 'е' | 'ё' | 'є' => 'e',
        '5' | 'ѕ' | '$' => 's',
        '4' | 'а' | 'α' | '@' => 'a',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'ɡ' => 'g',
        'һ' => 'h',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'ո' => 'n',
        'р' | 'ρ' => 'p',
        'ѵ' | 'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'т' | 'τ' => 't',
        other => other,
    }
}

fn same_without(name: &str, other: &str, left_out: impl Fn(char) -> bool) -> bool {
    let mut one = name.chars().filter(|char| !left_out(*char)).peekable();
    let two = other.chars().filter(|char| !left_out(*char));
    one.peek().is_some() && one.eq(two)
}

/// How many characters must be changed, left out, added or swapped with their neighbour; `None` above [`EDITS_MAX`].
fn distance(name: &str, other: &str) -> Option<u32> {
    u32::try_from(strsim::osa_distance(name, other)).ok().filter(|edits| *edits <= EDITS_MAX)
}

/// A host label as people read it: `xn--…` is decoded, if it can be. A longer one than may be is none.
pub fn readable(label: &str) -> String {
    let encoded = label.strip_prefix("xn--").filter(|_| label.len() <= LABEL_BYTES_MAX);
    encoded.and_then(punycode::decode_to_string).unwrap_or_else(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_like_each_other_in_a_way() {
        let cases = [
            ("reqvests", "requests", Some(Likeness::Edits(1))),
            ("reqeusts", "requests", Some(Likeness::Edits(1))),
            ("request", "requests", Some(Likeness::Edits(1))),
            ("requests", "requests", None),
            ("1odash", "lodash", Some(Likeness::LooksAlike)),
            ("nurnpy", "numpy", Some(Likeness::LooksAlike)),
            ("lоdash", "lodash", Some(Likeness::LooksAlike)),
            ("cross-env.js", "cross-env", None),
            ("crossenv", "cross-env", Some(Likeness::Separators)),
            ("typescirptt", "typescript", Some(Likeness::Edits(2))),
            ("gypescirpt", "typescript", None),
            ("boto", "boto3", None),
            ("vie", "vue", None),
            ("acme-widgets", "lodash", None),
        ];
        for (name, other, expected) in cases {
            assert_eq!(of(name, other), expected, "{name} {other}");
        }
    }

    #[test]
    fn international_labels_are_read() {
        assert_eq!(readable("xn--bcher-kva"), "bücher");
        assert_eq!(readable("xn--80ak6aa92e"), "аррӏе");
        assert_eq!(readable("acme"), "acme");
        assert_eq!(readable("xn--99999999999"), "xn--99999999999");
        assert_eq!(of(&readable("xn--80ak6aa92e"), "apple"), Some(Likeness::LooksAlike));
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_bounded_by_edits(name in "[a-d]{0,9}", other in "[a-d]{0,9}") {
            prop_assert_eq!(distance(&name, &other), distance(&other, &name));
            prop_assert_eq!(distance(&name, &name), Some(0));
            let mut swapped: Vec<char> = name.chars().collect();
            if swapped.len() > 1 {
                swapped.swap(0, 1);
                prop_assert!(distance(&swapped.into_iter().collect::<String>(), &name).is_some_and(|edits| edits <= 1));
            }
        }

        #[test]
        fn any_text_is_compared(name in "\\PC{0,40}", label in "xn--[a-z0-9-]{0,30}") {
            let _ = of(&name, "requests");
            let _ = readable(&label);
        }
    }
}
