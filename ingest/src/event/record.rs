//! A record as it came: its bytes, their text if they are any, and how they are written.

use std::borrow::Cow;

use crate::encoding::RecordEncoding;

/// The bytes of one record. Whether they are UTF-8 is found out once, here.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    bytes: &'a [u8],
    text: Option<&'a str>,
    encoding: &'static dyn RecordEncoding,
}

impl<'a> Record<'a> {
    /// A record of these bytes.
    pub fn new(bytes: &'a [u8], encoding: &'static dyn RecordEncoding) -> Self {
        // Bytes that happen to be UTF-8 are no text where they mean something else.
        let text = if encoding.transcoder().is_none() { std::str::from_utf8(bytes).ok() } else { None };
        Self { bytes, text, encoding }
    }

    /// The record as it is after it was mended.
    pub fn mended(self, text: &str) -> Record<'_> {
        Record { bytes: text.as_bytes(), text: Some(text), encoding: self.encoding }
    }

    /// Its bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Its text; `None` if it is not UTF-8, or not text by its encoding.
    pub fn text(self) -> Option<&'a str> {
        self.text
    }

    /// How it is written.
    pub fn encoding(self) -> &'static dyn RecordEncoding {
        self.encoding
    }

    /// The text that is recorded: its own, or what its encoding makes of bytes that come back from it. `None` if there is none.
    pub fn written(self) -> Option<Cow<'a, str>> {
        if let Some(text) = self.text {
            return Some(Cow::Borrowed(text));
        }
        let transcoder = self.encoding.transcoder()?;
        let text = transcoder.text(self.bytes)?;
        (transcoder.bytes(&text)? == self.bytes).then_some(Cow::Owned(text))
    }
}
