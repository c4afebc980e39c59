//! What the log wrote about itself: the kinds `manifest` and `ledger.torn`. The package `ledger` writes them and knows nothing
//! of this list; tests compare what it wrote with what is read here.

use serde::{Deserialize, Serialize};

use super::{Family, Info, Kind};

/// The kind of manifests that were written.
pub const MANIFEST: Kind<Manifest> = Kind::of(
    Info::new(
        "manifest",
        Family::Others,
        "`sealer`",
        "`number`, `sha256` of the manifest of the ledger and shard `subject` (section 9); `from` and `to`: the newest segment",
    )
    .internal(),
);
/// The kind of what a torn copy lost.
pub const TORN: Kind<Torn> = Kind::of(Info::new(
    "ledger.torn",
    Family::Others,
    "`serve`",
    "a server started on a torn copy (section 9.2): `kept_batches`, `signed_batches`, `signed_root` of the ledger and shard `subject`",
));

/// The record of a `manifest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its number.
    pub number: u64,
    /// SHA-256 of it in hexadecimal digits.
    pub sha256: String,
}

/// The record of a `ledger.torn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Torn {
    /// Batches that the copy had.
    pub kept_batches: u64,
    /// Batches that were known to be signed.
    pub signed_batches: u64,
    /// The root of the log at that size, in hexadecimal digits.
    pub signed_root: String,
}
