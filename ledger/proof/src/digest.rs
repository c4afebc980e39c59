//! The 32-byte SHA-256 digest and the one way in which this package hashes: domain first, then fields.

use core::fmt;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest. It prints as lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Thirty-two zero bytes: the commitment of a part that an event does not have.
    pub const ZERO: Self = Self([0; 32]);

    /// Hashes `domain` followed by `fields`, in order and without separators.
    ///
    /// Every field before the last must have a fixed width, or carry its length, so that no two inputs share a preimage.
    #[must_use]
    pub fn of(domain: &[u8], fields: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(domain);
        for field in fields {
            hasher.update(field);
        }
        Self(hasher.finalize().into())
    }

    /// Reads sixty-four lower-case hexadecimal digits: a digest has one text only, so that a changed letter shows.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 64 || bytes.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let mut out = [0; 32];
        for (target, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
            let high = (pair[0] as char).to_digit(16)?;
            let low = (pair[1] as char).to_digit(16)?;
            *target = u8::try_from(high * 16 + low).ok()?;
        }
        Some(Self(out))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_rejects_what_is_not_hex() {
        let digest = Digest::of(b"a", &[b"b", b"c"]);
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(digest, Digest::of(b"abc", &[]));
        assert_eq!(Digest::from_hex("zz"), None);
        assert_eq!(Digest::from_hex(&digest.to_string().to_uppercase()), None);
        assert_eq!(Digest::from_hex(&"g".repeat(64)), None);
    }
}
