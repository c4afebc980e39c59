//! The modifiers that encode a value before it is looked for: UTF-16 and Base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A step of encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-16, low byte first.
    Wide,
    /// UTF-16, high byte first.
    WideBig,
    /// UTF-16 with a mark of its order.
    WideMarked,
    Base64,
    /// Base64 of the value at any place in a longer text: three texts, one for each remainder.
    Base64Offset,
}

/// The texts that stand for a value after these steps; `None` if they are no texts.
pub fn encode(value: &str, steps: &[Encoding]) -> Option<Vec<String>> {
    let mut bytes = value.as_bytes().to_vec();
    for step in steps {
        let units = || Some(std::str::from_utf8(&bytes).ok()?.encode_utf16().collect::<Vec<u16>>());
        bytes = match step {
            Encoding::Wide => units()?.into_iter().flat_map(u16::to_le_bytes).collect(),
            Encoding::WideBig => units()?.into_iter().flat_map(u16::to_be_bytes).collect(),
            Encoding::WideMarked => std::iter::once(0xFEFF_u16).chain(units()?).flat_map(u16::to_le_bytes).collect(),
            Encoding::Base64 => STANDARD.encode(&bytes).into_bytes(),
            // The last step, since it makes three texts of one.
            Encoding::Base64Offset => return Some((0..3).filter_map(|offset| at_offset(&bytes, offset)).collect()),
        };
    }
    String::from_utf8(bytes).ok().map(|text| vec![text])
}

/// The letters that the value alone decides if so many bytes stand before it.
fn at_offset(bytes: &[u8], offset: usize) -> Option<String> {
    let padded = [vec![0; offset], bytes.to_vec()].concat();
    let encoded = STANDARD.encode(&padded);
    let start = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    encoded.get(start..end).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_encoded_step_by_step() {
        let check = |value: &str, steps: &[Encoding], expected: &[&str]| {
            assert_eq!(encode(value, steps).unwrap(), expected, "{value} {steps:?}");
        };
        check("curl", &[Encoding::Base64], &["Y3VybA=="]);
        check("ab", &[Encoding::Wide], &["a\0b\0"]);
        check("ab", &[Encoding::WideBig], &["\0a\0b"]);
        check("IEX", &[Encoding::Wide, Encoding::Base64], &["SQBFAFgA"]);
        check("foobar", &[Encoding::Base64Offset], &["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
        assert_eq!(encode("é", &[Encoding::Wide]), None, "no text, and so in no column");
    }

    proptest! {
        #[test]
        fn one_of_the_three_stands_in_any_longer_text(before in ".{0,7}", value in ".{2,12}", after in ".{0,7}") {
            let whole = STANDARD.encode(format!("{before}{value}{after}"));
            let texts = encode(&value, &[Encoding::Base64Offset]).unwrap();
            prop_assert!(texts.iter().any(|text| whole.contains(text.as_str())), "{whole} has none of {texts:?}");
        }
    }
}
