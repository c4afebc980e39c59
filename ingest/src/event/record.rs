//! A record as it came: its bytes, and their text if they are any.

/// The bytes of one record. Whether they are UTF-8 is found out once, here.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    bytes: &'a [u8],
    text: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// A record of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, text: std::str::from_utf8(bytes).ok() }
    }

    /// Its bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Its text; `None` if it is not UTF-8.
    pub fn text(self) -> Option<&'a str> {
        self.text
    }
}

impl<'a> From<&'a str> for Record<'a> {
    fn from(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), text: Some(text) }
    }
}
