//! The secret of a token: made here, shown once, stored as its hash.

use std::fmt;

use sha2::{Digest, Sha256};

/// What a secret begins with, so that scanners for leaked secrets and people recognise it.
const PREFIX: &str = "tachograph_";

/// A bearer token's secret. It has no `Debug` that prints it.
pub struct Secret(String);

impl Secret {
    /// A new secret: 256 bits from the operating system.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", hex::encode(bytes))))
    }

    /// The text to show to its owner, once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored.
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The hash under which a secret is stored and looked up.
///
/// A plain SHA-256 is enough: a slow password hash makes guessing expensive where people choose the secret; nobody guesses
/// 256 random bits, and a slow hash on each request would only help those who want to keep the server busy. Looking up
/// by hash also means that the time of a comparison tells something about the hash of a guess, never about a secret.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Reads 64 hexadecimal digits.
pub fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok().map(|()| hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_differ_and_do_not_print() {
        let (a, b) = (Secret::generate().expect("random bytes"), Secret::generate().expect("random bytes"));
        assert_ne!(a.reveal(), b.reveal());
        assert_ne!(a.hash(), b.hash());
        assert_eq!(a.reveal().len(), PREFIX.len() + 64);
        assert!(!format!("{a:?}").contains(&a.reveal()[PREFIX.len()..]));
    }

    proptest! {
        #[test]
        fn hashes_round_trip(bytes: [u8; 32]) {
            prop_assert_eq!(parse_hash(&hex::encode(bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_a_hash_or_none(text in "\\PC{0,70}") {
            let _ = parse_hash(&text);
        }
    }
}
