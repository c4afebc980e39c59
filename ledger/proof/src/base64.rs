//! Standard base64 with padding (RFC 4648 section 4), for keys, signatures and roots in notes.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes with padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = u32::from_be_bytes([0, chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)]);
        for index in 0..4 {
            let sextet = ((group >> (18 - 6 * index)) & 63) as usize;
            out.push(if index <= chunk.len() { ALPHABET[sextet] as char } else { '=' });
        }
    }
    out
}

/// Decodes; `None` for anything but the one canonical encoding of some bytes.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.as_bytes().chunks(4) {
        let digits = chunk.iter().take_while(|byte| **byte != b'=').count();
        if chunk.len() != 4 || digits < 2 || chunk[digits..].iter().any(|byte| *byte != b'=') {
            return None;
        }
        let mut group = 0;
        for byte in &chunk[..digits] {
            group = group << 6 | ALPHABET.iter().position(|known| known == byte)? as u32;
        }
        let bytes = (group << (6 * (4 - digits))).to_be_bytes();
        out.extend_from_slice(&bytes[1..digits]);
    }
    // Encoding again rejects padding in the middle and stray low bits.
    (encode(&out) == text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_canonical_or_none(text in "[A-Za-z0-9+/=é]{0,12}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }

    #[test]
    fn known_vectors_of_rfc_4648() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()));
        }
        for bad in ["Zg", "Zg=", "Zh==", "Z===", "Zg==Zg==", "Zm9v\n"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
