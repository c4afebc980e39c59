//! The form of a UUID as text.

/// Whether the text is a UUID in its usual form, in either case.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
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
        ] {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
