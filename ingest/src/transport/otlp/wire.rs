//! The wire format of protobuf (protobuf.dev, "Encoding"): a message as the fields that stand in it, without copies. What they mean is
//! in `schema`.

use prost::encoding::{WireType, decode_key, decode_varint};

/// A field as it stands in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Text, bytes, a message, or numbers one after the other.
    Bytes(&'a [u8]),
}

/// The bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no protobuf message, or was cut off")]
pub(super) struct Malformed;

/// The fields of a message in the order in which they stand there. After an error nothing comes.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn read(&mut self) -> Result<(u32, Value<'a>), Malformed> {
        let (number, wire) = decode_key(&mut self.0).map_err(|_| Malformed)?;
        let value = match wire {
            WireType::Varint => Value::Varint(decode_varint(&mut self.0).map_err(|_| Malformed)?),
            WireType::SixtyFourBit => Value::Fixed64(u64::from_le_bytes(self.take()?)),
            WireType::ThirtyTwoBit => Value::Fixed32(u32::from_le_bytes(self.take()?)),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut self.0).map_err(|_| Malformed)?;
                let length = usize::try_from(length).map_err(|_| Malformed)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            // Groups are of protobuf 2, and no message of OTLP has one.
            WireType::StartGroup | WireType::EndGroup => return Err(Malformed),
        };
        Ok((number, value))
    }

    fn take<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.0 = &[];
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_fields_or_malformed() {
        let check = |bytes: &[u8], want: Result<&[(u32, Value<'_>)], Malformed>| {
            let found: Result<Vec<_>, _> = Fields::of(bytes).collect();
            assert_eq!(found.as_deref().map_err(|error| *error), want, "{bytes:?}");
        };
        check(b"", Ok(&[]));
        check(b"\x08\x96\x01", Ok(&[(1, Value::Varint(150))]));
        check(b"\x12\x02hi\x1d\x01\0\0\0", Ok(&[(2, Value::Bytes(b"hi")), (3, Value::Fixed32(1))]));
        check(b"\x21\x01\0\0\0\0\0\0\0", Ok(&[(4, Value::Fixed64(1))]));
        for broken in [
            &b"\x08"[..],
            b"\x12\x05hi",
            b"\x1d\x01\0\0",
            b"\x21\x01",
            b"\x0b\x0c",
            b"\0\0",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            check(broken, Err(Malformed));
        }
    }
}
