//! The shipped examples of user rules, one for each operator.

use std::path::Path;

use detect_rules::user::{Depth, Loaded, Rule};

/// The rules; those of files that cannot be read are left out.
pub fn rules() -> Vec<Rule> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rules");
    let mut files: Vec<_> =
        std::fs::read_dir(directory).into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.sort();
    let mut loaded = Loaded::default();
    for file in files {
        loaded.add_file(&file, &std::fs::read_to_string(&file).unwrap_or_default(), Depth::Form);
    }
    loaded.rules()
}
