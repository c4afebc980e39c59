//! The form of a UUID as text.

use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Whether the text is a UUID in its usual form, in either case.
pub(crate) fn is_uuid(text: &str) -> bool {
    // The forms without hyphens, in braces and as URN, which are read too, have other lengths.
    text.len() == Hyphenated::LENGTH && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_form_is_one() {
        assert!(is_uuid("6c405053-27e3-484a-9ad7-bcb64e7bfde6"));
        assert!(is_uuid("6C405053-27E3-484A-9AD7-BCB64E7BFDE6"));
        for text in [
            "",
            "6c40505327e3484a9ad7bcb64e7bfde6",
            "6c405053-27e3-484a-9ad7-bcb64e7bfdeg",
            "6c405053-27e3-484a-9ad7-bcb64e7bfde6 ",
            "{6c405053-27e3-484a-9ad7-bcb64e7bfde6}",
            "urn:uuid:6c405053-27e3-484a-9ad7-bcb64e7bfde6",
            "6c4050-5327e3-484a-9ad7-bcb64e7bfde6",
            "6c405053-27e3-484a-9ad7-bcb64e7bfdé",
        ] {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
