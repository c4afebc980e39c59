//! The direction of dependencies between our packages, and what each layer must not know.

use std::collections::BTreeMap;

use crate::manifests::{Manifest, manifests};
use crate::no_faults;

/// Who may name whom. What is not listed is forbidden, in tests too.
const MAY_USE: [(&str, &[&str]); 18] = [
    ("proof", &[]),
    ("ledger-verify", &["proof"]),
    ("ledger", &["proof", "ledger-verify"]),
    ("operations", &["ledger"]),
    ("effects", &[]),
    ("ingest", &["ledger", "operations", "effects"]),
    ("detect-core", &["ledger", "operations", "effects"]),
    ("detect-rules", &["ledger", "operations", "effects", "detect-core"]),
    ("detect-runner", &["ledger", "operations", "detect-core", "detect-rules"]),
    // What happens in a made-up fleet, told as real systems do; what it means is for others.
    ("generator", &[]),
    // The harness that measures: above all that it measures, below nobody.
    ("evaluation", &["ledger", "operations", "ingest", "detect-core", "detect-rules", "generator"]),
    ("detect-sigma", &["operations", "detect-rules"]),
    ("export", &["proof", "ledger", "operations"]),
    // Above those whose work it joins on a machine at the edge: transports, and TLS of clients.
    ("collect", &["proof", "ledger", "operations", "ingest", "export"]),
    ("query", &["ledger", "operations"]),
    ("api", &["ledger", "operations", "query"]),
    ("dashboards", &["ledger", "operations", "query", "api"]),
    (
        "tachograph",
        &[
            "proof",
            "ledger-verify",
            "ledger",
            "operations",
            "effects",
            "ingest",
            "detect-core",
            "detect-rules",
            "detect-runner",
            "detect-sigma",
            "export",
            "collect",
            "query",
            "api",
            "dashboards",
            "generator",
        ],
    ),
];

/// Libraries with which a detector would not find the same in the same events.
const IMPURE: [&str; 13] = [
    "tokio",
    "tokio-util",
    "futures",
    "datafusion",
    "parquet",
    "arrow",
    "axum",
    "hyper",
    "reqwest",
    "rand",
    "getrandom",
    "chrono",
    "rustix",
];

/// Libraries that would bring something into a layer that it must not know.
const MUST_NOT_KNOW: [(&str, &[&str], &str); 14] = [
    (
        "ledger",
        &["axum", "hyper", "reqwest", "tonic", "rdkafka", "datafusion", "object_store", "rustls"],
        "`ledger` knows no network and no SQL: put it into `ingest`, `query` or `export`",
    ),
    (
        "operations",
        &["axum", "hyper", "reqwest", "tonic", "rdkafka", "datafusion", "parquet", "arrow", "object_store", "rustls"],
        "`operations` appends entries and follows them; it knows no network, no SQL and no columns",
    ),
    ("ingest", &["datafusion", "parquet", "arrow"], "`ingest` hands entries to `ledger` and knows no columns"),
    ("effects", &IMPURE, "what a line does follows from its text alone"),
    (
        "detect-core",
        &IMPURE,
        "a detector has no clock, no I/O, no randomness and no async: what runs it is `detect-runner`",
    ),
    (
        "detect-rules",
        &IMPURE,
        "a rule has no clock, no I/O, no randomness and no async: what runs it is `detect-runner`",
    ),
    (
        "generator",
        &["tokio", "tokio-util", "futures", "axum", "hyper", "reqwest", "rand", "getrandom", "rustix"],
        "what happens follows from a seed and a start: what sends it is `src/demo`",
    ),
    ("detect-sigma", &IMPURE, "texts come in and texts go out: what reads and writes files is `src/rules/import.rs`"),
    (
        "detect-runner",
        &["datafusion", "parquet", "arrow", "axum", "hyper", "reqwest"],
        "detection knows no network and no SQL",
    ),
    ("export", &["datafusion"], "`export` follows the ledger's rows; only what makes objects in Parquet knows columns"),
    ("collect", &["datafusion", "parquet", "arrow", "hyper"], "`collect` hands on what it does not understand"),
    ("query", &["axum", "hyper", "reqwest", "tonic", "rustls"], "`query` is the engine; HTTP belongs into `api`"),
    (
        "api",
        &["datafusion", "parquet", "arrow", "reqwest", "rustls"],
        "`api` sends what `query::output` encodes and knows no columns; listeners and clients belong into `src/`",
    ),
    ("dashboards", &["datafusion", "parquet"], "pages ask the API"),
];

/// Who may name whom in tests only.
const IN_TESTS_ONLY: [(&str, &str, &str); 1] = [(
    "ledger",
    "ledger-verify",
    "the writer must not lean on the verifier, or both make the same mistakes: what a start must judge has its own code in `ledger`",
)];

/// All that an auditor has to trust besides `proof` itself.
const PROOF_USES: [&str; 2] = ["ed25519-dalek", "sha2"];

#[test]
fn packages_use_only_lower_layers() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let mut faults = Vec::new();
    for manifest in manifests() {
        let Some(may_use) = allowed.get(manifest.name.as_str()) else {
            faults.push(format!("{}: a new package: give it a place in tests/tidy/layering.rs", manifest.path));
            continue;
        };
        for dependency in manifest.all_dependencies() {
            if allowed.contains_key(dependency) && !may_use.contains(&dependency) {
                faults.push(format!(
                    "{}: `{}` must not use `{dependency}`: let the root package join them; what both need to know \
                     of alerts, money, people and sinks belongs into `operations`",
                    manifest.path, manifest.name
                ));
            }
        }
    }
    no_faults(&faults);
}

#[test]
fn the_writer_and_the_verifier_know_nothing_of_each_other() {
    let manifests = manifests();
    let mut faults = Vec::new();
    for (package, used, reason) in IN_TESTS_ONLY {
        let manifest = manifests.iter().find(|manifest| manifest.name == package).expect("a package");
        if manifest.dependencies.iter().any(|library| library == used) {
            faults.push(format!("{}: `{used}`: {reason}", manifest.path));
        }
        assert!(manifests.iter().any(|manifest| manifest.name == used), "{used} is no package any more");
    }
    let verifier = manifests.iter().find(|manifest| manifest.name == "ledger-verify").expect("the verifier");
    let ours = manifests.iter().map(|manifest| manifest.name.as_str()).filter(|name| *name != "proof");
    for name in ours.filter(|name| verifier.all_dependencies().any(|library| library == *name)) {
        faults.push(format!(
            "{}: `{name}`: the verifier decodes from FORMAT.md with its own code, and shares only `proof`",
            verifier.path
        ));
    }
    no_faults(&faults);
}

#[test]
fn layers_do_not_know_what_is_above_them() {
    let fault = |manifest: &Manifest, (name, libraries, remedy): &(&str, &[&str], &str)| {
        let known = manifest.dependencies.iter().filter(|library| libraries.contains(&library.as_str()));
        let known = known.filter(|_| manifest.name == *name);
        known.map(|library| format!("{}: `{library}`: {remedy}", manifest.path)).collect::<Vec<_>>()
    };
    let manifests = manifests();
    let pairs = manifests.iter().flat_map(|manifest| MUST_NOT_KNOW.iter().map(move |rule| (manifest, rule)));
    no_faults(&pairs.flat_map(|(manifest, rule)| fault(manifest, rule)).collect::<Vec<_>>());
}

#[test]
fn the_pure_verifier_stays_pure() {
    let manifests = manifests();
    let proof = manifests.iter().find(|manifest| manifest.name == "proof").expect("the package `proof`");
    let mut faults: Vec<String> = proof
        .dependencies
        .iter()
        .filter(|library| !PROOF_USES.contains(&library.as_str()))
        .map(|library| format!("{}: `{library}`: an auditor would have to read it too; do without it", proof.path))
        .collect();
    for file in crate::sources::rust() {
        let in_proof = file.path.starts_with("ledger/proof/src/");
        for module in ["std::fs", "std::net", "std::io", "std::process", "std::env", "std::time"] {
            if in_proof && file.text.contains(module) {
                faults.push(format!(
                    "{}: `{module}`: `proof` takes bytes and returns a verdict; do I/O in `ledger`",
                    file.path
                ));
            }
        }
    }
    no_faults(&faults);
}
