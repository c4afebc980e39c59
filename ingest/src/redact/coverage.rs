//! What redaction covers: every kind of secret in every place, through dialects and finisher. docs/redaction.md is this table.
//!
//! Secrets are made when the test runs, so that none stands in the sources. A secret is readable if any column of any event
//! still holds it, as it was written or percent-encoded.

mod kinds;
mod places;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{RuleSet, View};
use kinds::{BENIGN, FORMS, Make, NAMED, NOT_COVERED};
use places::{PLACES, Place};

const INTRODUCTION: &str = "# Redaction

<!-- Made by `UPDATE_DOCS=1 cargo test -p ingest coverage` from the corpus in `ingest/src/redact/coverage/`. -->

Before an event is recorded, secrets are replaced by `[REDACTED:kind]` in every text column and in every text of the record, content and
facts alike. The placeholder is the same for every secret of a kind, so it tells neither value nor length; column `redactions` lists kind, field
and offset in the redacted value. Fingerprints and hashes are made afterwards.

Secrets are known by their form (a provider's prefix, a PEM block, a JWT), by the name before them (`password`, `apiKey`, `X-Api-Key`,
`?sig=`) in any syntax, and by their place in a command line (`mysql -p…`) or an address (`user:…@`). JSON escapes, percent-encoding and base64
are decoded first, two layers deep. An address is split before it is redacted: its host stays, except for a secret in a label.

Where a secret stands in an identifier, the identifier is no use as one: `source_id` and `stream` are left out, so such records are not
deduplicated. Other identifiers get the placeholder.

This is best effort by rules. `tachograph erase` is not needed for what a rule knows, and nothing but erasure helps where none does.

";

/// Secrets of each kind.
const SAMPLES: u64 = 3;

/// Whether a secret can be read in what becomes of a record.
fn is_readable(place: &Place, text: &str, secret: &str) -> bool {
    let holds = |value: &String| {
        value.contains(secret) || View::percent_decoded(value).is_some_and(|view| view.text.contains(secret))
    };
    place.events(text).iter().flatten().any(|(_, value)| holds(value))
}

/// A table of kinds and places; gives back how many of its cells are redacted and how many are readable.
fn table(out: &mut String, rows: &[(&str, Make)]) -> (usize, usize) {
    let _ = writeln!(out, "| | {} |", PLACES.iter().map(|place| place.name).collect::<Vec<_>>().join(" | "));
    let _ = writeln!(out, "|---|{}", "---|".repeat(PLACES.len()));
    let (mut redacted, mut readable) = (0, 0);
    for (kind, make) in rows {
        let samples: Vec<(String, String)> = (1..=SAMPLES).map(make).collect();
        let _ = write!(out, "| {kind} |");
        for place in PLACES {
            let seen = samples.iter().filter(|(text, secret)| is_readable(place, text, secret)).count();
            redacted += samples.len() - seen;
            readable += seen;
            let word = match seen {
                0 => "redacted".to_owned(),
                _ if seen == samples.len() => "**readable**".to_owned(),
                _ => format!("**{seen} of {} readable**", samples.len()),
            };
            let _ = write!(out, " {word} |");
        }
        out.push('\n');
    }
    (redacted, readable)
}

#[test]
fn the_table_is_what_redaction_does() {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("## Secrets with a form of their own\n\n");
    let forms = table(&mut page, FORMS);
    page.push_str("\n## Secrets that are known by a name or a place\n\n");
    let named = table(&mut page, NAMED);
    page.push_str("\n## What is not covered\n\n");
    let beyond = table(&mut page, NOT_COVERED);
    let _ = writeln!(
        page,
        "\nOf {} cells with a form {} are redacted, of {} with a name or a place {}. What is listed as not covered is readable in {} of {}.\n\
         {} values that look like secrets and are none (ids, digests, counters, code) stay as they are.",
        forms.0 + forms.1,
        forms.0,
        named.0 + named.1,
        named.0,
        beyond.1,
        beyond.0 + beyond.1,
        BENIGN.len(),
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/redaction.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    println!("{page}");
    assert_eq!((forms.1, named.1), (0, 0), "readable cells: see the table");
    assert!(forms.0 >= 1_400 && named.0 >= 2_300, "{forms:?} {named:?}");
    let file = std::fs::read_to_string(path).unwrap_or_default();
    assert!(file == page, "docs/redaction.md is stale: run UPDATE_DOCS=1 cargo test -p ingest coverage");
}

#[test]
fn what_is_no_secret_stays() {
    let set = RuleSet::built_in();
    let distinct: BTreeSet<&str> = BENIGN.iter().copied().collect();
    assert_eq!(distinct.len(), BENIGN.len());
    let mut changed = Vec::new();
    for text in BENIGN {
        changed.extend(set.redact_plain(text).map(|redacted| redacted.text));
        for place in PLACES {
            let events = place.events(text);
            let redactions = events.iter().filter_map(|event| event.get("redactions"));
            changed.extend(redactions.map(|redactions| format!("{text} in {}: {redactions}", place.name)));
        }
    }
    assert!(changed.is_empty(), "{changed:#?}");
}
