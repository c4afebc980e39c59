//! The licences of everything that we link and build with.

use std::process::Command;

use spdx::{Expression, LicenseReq};

use crate::no_faults;
use crate::sources::root;

/// Licences that let us ship a binary under Apache-2.0 without conditions beyond a notice.
const ALLOWED: [&str; 12] = [
    "Apache-2.0",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "BSL-1.0",
    "bzip2-1.0.6",
];

/// Crates whose licence is not in the list: crate, licence, why it is fine.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

#[test]
fn every_crate_has_an_allowed_licence() {
    let mut faults = Vec::new();
    for (crate_name, licence) in crates() {
        let excepted = EXCEPTIONS.iter().any(|(name, text, _)| *name == crate_name && *text == licence);
        match allowed(&licence) {
            _ if excepted => {}
            Ok(true) => {}
            Ok(false) => faults.push(format!(
                "{crate_name}: `{licence}`: replace the crate, or add an exception with its reason to \
                 tests/tidy/licences.rs"
            )),
            Err(error) => faults.push(format!("{crate_name}: `{licence}` is not an SPDX expression: {error}")),
        }
    }
    no_faults(&faults);
}

/// Whether a licence, written as SPDX, is one of those.
pub fn allowed(licence: &str) -> Result<bool, spdx::ParseError> {
    // Old manifests write `MIT/Apache-2.0` for "or"; the lax mode reads that.
    let expression = Expression::parse_mode(licence, spdx::ParseMode::LAX)?;
    Ok(expression.evaluate(|requirement: &LicenseReq| {
        let id = requirement.license.id().map(|id| id.name).unwrap_or_default();
        ALLOWED.contains(&id)
    }))
}

/// Name and licence of each crate that is built on this platform.
fn crates() -> Vec<(String, String)> {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let text = |package: &serde_json::Value, key: &str| package[key].as_str().unwrap_or_default().to_owned();
    packages.map(|package| (text(package, "name"), text(package, "license"))).collect()
}

#[test]
fn expressions_are_understood() {
    let check = |licence: &str, expected: bool| assert_eq!(allowed(licence).unwrap(), expected, "{licence}");
    check("MIT OR Apache-2.0", true);
    check("MIT/Apache-2.0", true);
    check("GPL-3.0-only OR MIT", true);
    check("GPL-3.0-only", false);
    check("(MIT OR Apache-2.0) AND Unicode-3.0", true);
    check("MIT AND GPL-2.0-only", false);
    check("Apache-2.0 WITH LLVM-exception", true);
    assert!(allowed("a licence of our own").is_err());
}
