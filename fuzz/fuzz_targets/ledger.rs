//! A small real ledger in which one file is other bytes: the first byte says which, and whether what vouches for them is made right. What must hold
//! stands in `ledger/tests/hostile/sample.rs`; `TACHOGRAPH_FUZZ_LEDGER` names the ledger that `corpus` made.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use tachograph_fuzz::sample::Sample;

/// A copy, since it is changed, and the folder that vanishes with it.
static SAMPLE: LazyLock<(Sample, tempfile::TempDir)> = LazyLock::new(|| {
    let Some(made) = std::env::var_os("TACHOGRAPH_FUZZ_LEDGER") else {
        panic!("TACHOGRAPH_FUZZ_LEDGER says where the ledger is");
    };
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no directory: {error}"));
    (Sample::of(Path::new(&made)).copy(folder.path()), folder)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        SAMPLE.0.take(usize::from(choice / 2), bytes, choice % 2 == 0);
    }
});
