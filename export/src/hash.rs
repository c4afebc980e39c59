//! SHA-256 in hexadecimal: of what was sent, as receipts tell it, and of texts that have to become short names. Hashes with a secret stand
//! where the secret is.

use sha2::{Digest as _, Sha256};

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
