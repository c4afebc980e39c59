//! Cargo manifests: reads them, and holds how dependencies are written down.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use toml::Table;

use crate::no_faults;
use crate::sources::{Token, files, flat, root, rust};

/// What the rules need of one package's manifest.
pub struct Manifest {
    /// Path from the root.
    pub path: String,
    /// Name of the package.
    pub name: String,
    /// Libraries that users run.
    pub dependencies: Vec<String>,
    /// Libraries of its tests and build scripts.
    pub other_dependencies: Vec<String>,
    table: Table,
}

impl Manifest {
    /// Every library that it names.
    pub fn all_dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().chain(&self.other_dependencies).map(String::as_str)
    }

    fn folder(&self) -> String {
        self.path.trim_end_matches("Cargo.toml").to_owned()
    }
}

/// The manifests of the workspace. What is a workspace of its own, as the fuzz targets are, needs another compiler and has its own rules.
pub fn manifests() -> Vec<Manifest> {
    let is_ours = |manifest: &Manifest| manifest.path == "Cargo.toml" || !manifest.table.contains_key("workspace");
    files("Cargo.toml").into_iter().map(|file| parse(&file.path, &file.text)).filter(is_ours).collect()
}

fn parse(path: &str, text: &str) -> Manifest {
    let table: Table = toml::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let names = |section: &str| -> Vec<String> {
        table
            .get(section)
            .and_then(|value| value.as_table())
            .map(|libraries| libraries.keys().cloned().collect())
            .unwrap_or_default()
    };
    Manifest {
        path: path.to_owned(),
        name: table["package"]["name"].as_str().unwrap().to_owned(),
        dependencies: names("dependencies"),
        other_dependencies: [names("dev-dependencies"), names("build-dependencies")].concat(),
        table,
    }
}

#[test]
fn every_dependency_has_a_reason() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let lines = text.lines().enumerate().skip_while(|(_, line)| *line != "[workspace.dependencies]").skip(1);
    let lines = lines.take_while(|(_, line)| !line.starts_with('['));
    let bare = lines.filter(|(_, line)| {
        let is_dependency = !line.starts_with('#') && line.contains('=') && !line.contains("path = ");
        is_dependency && line.split_once(" # ").is_none_or(|(_, reason)| reason.trim().len() < 20)
    });
    let fault = |(at, line): (usize, &str)| {
        let name = line.split('=').next().unwrap_or_default().trim();
        format!("Cargo.toml:{}: `{name}`: write behind it, on the same line after ` # `, why we have it", at + 1)
    };
    no_faults(&bare.map(fault).collect::<Vec<_>>());
}

#[test]
fn packages_take_their_settings_from_the_workspace() {
    let mut faults = Vec::new();
    for manifest in manifests() {
        let path = &manifest.path;
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let libraries = manifest.table.get(section).and_then(|value| value.as_table()).into_iter().flatten();
            for (name, value) in libraries {
                if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    faults.push(format!(
                        "{path}: `{name}`: put the version into the root's list and write `{name}.workspace = true`"
                    ));
                }
            }
        }
        if manifest.table["package"].get("publish").and_then(toml::Value::as_bool) != Some(false) {
            faults.push(format!("{path}: add `publish = false`"));
        }
        let lints = manifest.table.get("lints").and_then(|lints| lints.get("workspace"));
        if lints.and_then(toml::Value::as_bool) != Some(true) {
            faults.push(format!("{path}: add `[lints] workspace = true`"));
        }
    }
    no_faults(&faults);
}

#[test]
fn every_dependency_is_used() {
    let sources = rust();
    let mut faults = Vec::new();
    let manifests = manifests();
    for manifest in &manifests {
        let (folder, root_package) = (manifest.folder(), manifest.path == "Cargo.toml");
        let folders =
            if root_package { vec!["src/", "tests/", "benches/", "examples/"] } else { vec![folder.as_str()] };
        let own = sources.iter().filter(|file| folders.iter().any(|folder| file.path.starts_with(folder)));
        let mut words = BTreeSet::new();
        for file in own {
            let tokens = flat(file.tokens()).into_iter();
            words.extend(tokens.filter_map(|token| if let Token::Word(word, _) = token { Some(word) } else { None }));
            words.extend(unit_test_words(&file.text));
        }
        for name in manifest.all_dependencies() {
            if !words.contains(&name.replace('-', "_")) {
                faults.push(format!("{}: `{name}` is not used: take it out", manifest.path));
            }
        }
    }
    let listed: Table =
        toml::from_str(&std::fs::read_to_string(Path::new(root()).join("Cargo.toml")).unwrap()).unwrap();
    for name in listed["workspace"]["dependencies"].as_table().unwrap().keys() {
        if !manifests.iter().any(|manifest| manifest.all_dependencies().any(|other| other == name)) {
            faults.push(format!("Cargo.toml: no package uses `{name}`: take it out of the list"));
        }
    }
    no_faults(&faults);
}

/// Libraries with the features that they are built with, for these packages and edges of the tree.
fn builds(packages: &[&str], edges: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["tree", "--locked", "--prefix", "none", "-f", "{p} {f}"]);
    let output = cargo.args(packages).args(["-e", edges]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// Whoever runs the program and then its tests builds the libraries once, which is most of the time of a build.
#[test]
fn the_program_and_its_tests_share_one_build() {
    let program = builds(&["--package", "tachograph"], "normal,no-proc-macro");
    let tests = builds(&["--workspace"], "normal,dev,no-proc-macro");
    let apart: Vec<String> = program
        .difference(&tests)
        .map(|library| {
            format!(
                "Cargo.toml: `{library}` has other features in tests: name them where the program names the library"
            )
        })
        .collect();
    no_faults(&apart);
}

/// Words of the code after the first `cfg(test)`: libraries of tests only are named there.
fn unit_test_words(text: &str) -> Vec<String> {
    let tests = text.split_once("cfg(test)").map_or("", |(_, tests)| tests);
    tests.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
