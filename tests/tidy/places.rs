//! Nothing that is under version control depends on the machine on which it was written.

use crate::no_faults;
use crate::sources::{files, root};

/// The only source of crates that the lock file may name.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn no_file_names_a_place_of_this_machine() {
    let here = root().to_string_lossy().into_owned();
    let parent = root().parent().map(|parent| format!("{}/", parent.display())).unwrap_or_default();
    // A folder directly below the root, such as one for temporary files, says too little to search for.
    let places: Vec<&String> =
        [&here, &parent].into_iter().filter(|place| place.trim_end_matches('/').matches('/').count() >= 2).collect();
    let mut faults = Vec::new();
    for file in files("") {
        for (at, line) in file.text.lines().enumerate() {
            if let Some(place) = places.iter().find(|place| line.contains(place.as_str())) {
                faults.push(format!(
                    "{}:{}: `{place}` is a path of this machine: write a relative one",
                    file.path,
                    at + 1
                ));
            }
        }
    }
    no_faults(&faults);
}

#[test]
fn crates_come_from_the_public_registry() {
    let lock =
        files("Cargo.lock").into_iter().flat_map(|file| file.text.lines().map(str::to_owned).collect::<Vec<_>>());
    let sources =
        lock.filter_map(|line| line.strip_prefix("source = ").map(|source| source.trim_matches('"').to_owned()));
    let mut faults: Vec<String> = sources
        .filter(|source| source != REGISTRY)
        .map(|source| format!("Cargo.lock: `{source}`: use a released version from crates.io"))
        .collect();
    for file in files("config.toml") {
        for (at, line) in file.text.lines().enumerate() {
            if line.starts_with("[source") || line.starts_with("[registr") {
                faults.push(format!("{}:{}: keep registry settings in your home folder", file.path, at + 1));
            }
        }
    }
    no_faults(&faults);
}
