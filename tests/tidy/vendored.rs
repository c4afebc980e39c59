//! Files of others that the console serves are what `VENDOR.toml` says: bytes, licences, and the packages that the lock file names.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::licences::allowed;
use crate::no_faults;
use crate::sources::root;

/// Where the files lie, and where they are made.
const FOLDER: &str = "dashboards/web/static/vendor";
const LOCK: &str = "dashboards/web/vendor/package-lock.json";
const REMEDY: &str = "run make vendor, which makes the files and their list";

/// The list of the files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendored {
    file: Vec<VendoredFile>,
}

/// One file, with what it is made of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VendoredFile {
    name: String,
    #[serde(rename = "use")]
    purpose: String,
    licence: String,
    licence_file: String,
    sha256: String,
    licence_sha256: String,
    made: String,
    package: Vec<Package>,
}

/// A package that is in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Package {
    name: String,
    version: String,
    licence: String,
    source: String,
    integrity: String,
}

/// Faults of the files, which `read` gives, against their list and the lock file.
fn faults(list: &Vendored, lock: &serde_json::Value, read: impl Fn(&str) -> Option<Vec<u8>>) -> Vec<String> {
    let mut faults = Vec::new();
    for file in &list.file {
        let mut fault = |what: String| faults.push(format!("{FOLDER}/{}: {what}: {REMEDY}", file.name));
        for (name, expected) in [(&file.name, &file.sha256), (&file.licence_file, &file.licence_sha256)] {
            match read(name) {
                None => fault(format!("{name} is missing")),
                Some(bytes) if hex::encode(Sha256::digest(&bytes)) != *expected => {
                    fault(format!("{name} has another SHA-256 than VENDOR.toml says"));
                }
                Some(_) => {}
            }
        }
        if !matches!(allowed(&file.licence), Ok(true)) {
            fault(format!("`{}` is no licence that tests/tidy/licences.rs allows", file.licence));
        }
        if file.purpose.is_empty() || file.made.is_empty() || file.package.is_empty() {
            fault("what it is for, how it was made or what it is made of is not told".to_owned());
        }
        let texts = read(&file.licence_file).unwrap_or_default();
        let texts = String::from_utf8_lossy(&texts).into_owned();
        for Package { name, version, licence, source, integrity } in &file.package {
            let locked = &lock["packages"][format!("node_modules/{name}")];
            if locked["version"] != version.as_str() || locked["integrity"] != integrity.as_str() {
                fault(format!("{name} {version} is not what {LOCK} names"));
            }
            if !texts.contains(&format!("{name} {version}\n")) || source.is_empty() {
                fault(format!("the licence's text or the source of {name} {version} is missing"));
            }
            if !matches!(allowed(licence), Ok(true)) {
                fault(format!("`{licence}` of {name} is no licence that tests/tidy/licences.rs allows"));
            }
        }
    }
    faults
}

fn list() -> Vendored {
    toml::from_str(&std::fs::read_to_string(root().join(FOLDER).join("VENDOR.toml")).unwrap()).unwrap()
}

fn lock() -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(root().join(LOCK)).unwrap()).unwrap()
}

#[test]
fn vendored_files_are_what_their_list_says() {
    let list = list();
    no_faults(&faults(&list, &lock(), |name| std::fs::read(root().join(FOLDER).join(name)).ok()));
    let there = std::fs::read_dir(root().join(FOLDER)).unwrap();
    let there: BTreeSet<String> = there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let names = list.file.iter().flat_map(|file| [file.name.clone(), file.licence_file.clone()]);
    let expected: BTreeSet<String> = names.chain(["VENDOR.toml".to_owned()]).collect();
    assert_eq!(there, expected, "{FOLDER} and its VENDOR.toml name other files: {REMEDY}");
}

#[test]
fn a_changed_file_and_a_missing_licence_are_found() {
    let files: BTreeMap<String, Vec<u8>> = list()
        .file
        .iter()
        .flat_map(|file| [file.name.clone(), file.licence_file.clone()])
        .map(|name| (name.clone(), std::fs::read(root().join(FOLDER).join(name)).unwrap()))
        .collect();
    let check = |list: Vendored, lock: serde_json::Value, files: &BTreeMap<String, Vec<u8>>, expected: &str| {
        let found = faults(&list, &lock, |name| files.get(name).cloned()).join("\n");
        assert!(if expected.is_empty() { found.is_empty() } else { found.contains(expected) }, "{expected}: {found}");
    };
    check(list(), lock(), &files, "");
    let mut changed = files.clone();
    changed.get_mut("uplot.js").unwrap().push(b' ');
    check(list(), lock(), &changed, "another SHA-256");
    let mut missing = files.clone();
    missing.remove("codemirror.licence.txt");
    check(list(), lock(), &missing, "is missing");
    let mut newer = lock();
    newer["packages"]["node_modules/uplot"]["version"] = "9.9.9".into();
    check(list(), newer, &files, "is not what");
    let mut foreign = list();
    foreign.file[0].package[0].licence = "GPL-3.0-only".to_owned();
    check(foreign, lock(), &files, "is no licence");
}
