//! The house rules as tests. Each message says what to do about it; ARCHITECTURE.md says why the rule is there.
//!
//! Nothing here starts the program: this binary reads sources and manifests only.

// Tests stop at the first thing that they did not expect; the lints are for code that users run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/giants.rs"]
mod giants;
#[path = "tidy/layering.rs"]
mod layering;
#[path = "tidy/lengths.rs"]
mod lengths;
#[path = "tidy/licences.rs"]
mod licences;
#[path = "tidy/manifests.rs"]
mod manifests;
#[path = "tidy/places.rs"]
mod places;
#[path = "tidy/purity.rs"]
mod purity;
#[path = "tidy/redaction.rs"]
mod redaction;
#[path = "tidy/registries.rs"]
mod registries;
#[path = "tidy/sources.rs"]
mod sources;
#[path = "tidy/vendored.rs"]
mod vendored;
#[path = "tidy/words.rs"]
mod words;

/// Fails with all the faults of a rule at once, so that one run is enough to mend them.
#[track_caller]
fn no_faults(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
