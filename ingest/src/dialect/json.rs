//! Lenient JSON values, because sources write the same fact as a string, a number or an object from release to release.
//!
//! A value of an unexpected kind is read as absent instead of making the record unreadable; what a dialect cannot do
//! without it checks itself. Structs are declared with [`record!`]: unlike derived ones they take a key that occurs twice
//! (the last one counts), any order, and renamed keys.

mod plain;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::bounds::NO_NUMBER;
use crate::lenient;
use crate::timestamp::Stated;

/// The id that Go programs write for "none".
const NIL_UUID: &str = "00000000-0000-0000-0000-000000000000";

/// Text, borrowed from the record where nothing was escaped. Numbers and booleans are their JSON text; null, and Go's
/// nullable values that are not valid, are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text unless it is empty, without the form in which Go prints nullable values.
    pub fn some(&self) -> Option<&str> {
        Some(unwrap_go_null(&self.0)).filter(|text| !text.is_empty())
    }

    /// The text as an id: empty and the nil UUID are none.
    pub fn id(&self) -> Option<&str> {
        self.some().filter(|text| *text != NIL_UUID)
    }

    /// The time that the text writes.
    pub fn time(&self) -> Stated {
        self.some().map_or(Stated::Nothing, Stated::of)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(value.to_owned())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(if value { "true" } else { "false" })))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Text::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut text, mut valid) = (Text::default(), true);
        while let Some(key) = map.next_key::<Text>()? {
            // Not as a text: how deep the value is must not decide whether the record can be read.
            let raw: &RawValue = map.next_value()?;
            let value =
                if raw.get().starts_with(['{', '[']) { Text::default() } else { read(raw.get()).unwrap_or_default() };
            if key.as_str() == "Valid" {
                valid = value.as_str() == "true";
            } else if text.as_str().is_empty() {
                text = value;
            }
        }
        Ok(if valid { text } else { Text::default() })
    }
}

/// What a nullable value holds that Go printed: `{String:curl/8.5 Valid:true}` is `curl/8.5`, one that is not valid is
/// empty, and `{IPNet:{IP:10.0.0.7 Mask:ffffffff} Valid:true}` is `10.0.0.7`. Other text is itself.
fn unwrap_go_null(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return text };
    if let Some(value) = inner.strip_suffix(" Valid:true") {
        let value = value.split_once(':').map_or(value, |(_, value)| value);
        return value.strip_prefix("{IP:").map_or(value, |value| value.split(' ').next().unwrap_or_default());
    }
    if inner.ends_with("Valid:false") { "" } else { text }
}

/// A whole number, also from a string or a float without fraction. Nothing, null and an empty string are none; what is
/// there and is no whole number is [`NO_NUMBER`], which no column takes and which leaves a mark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Integer(pub Option<i64>);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntegerVisitor)
    }
}

struct IntegerVisitor;

impl<'de> Visitor<'de> for IntegerVisitor {
    type Value = Integer;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Integer, E> {
        Ok(Integer(Some(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Integer, E> {
        Ok(Integer(Some(i64::try_from(value).unwrap_or(NO_NUMBER))))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Integer, E> {
        Ok(Integer(Some(whole(value))))
    }

    fn visit_str<E>(self, value: &str) -> Result<Integer, E> {
        let text = unwrap_go_null(value).trim();
        Ok(Integer((!text.is_empty()).then(|| whole_of_text(text))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Integer, E> {
        Ok(Integer(Some(NO_NUMBER)))
    }

    fn visit_unit<E>(self) -> Result<Integer, E> {
        Ok(Integer(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Integer, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Integer(Some(NO_NUMBER)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Integer, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Integer(Some(NO_NUMBER)))
    }
}

/// A float as a whole number; floats count whole numbers exactly up to 2^53.
pub fn whole(value: f64) -> i64 {
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 { value as i64 } else { NO_NUMBER }
}

/// A text as a whole number, with or without a fraction of zeros.
pub fn whole_of_text(text: &str) -> i64 {
    let text = text.trim();
    let digits = text.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|byte| byte == b'0'));
    digits.map_or(text, |(whole, _)| whole).parse().unwrap_or(NO_NUMBER)
}

/// A value's own bytes in the record; null is none.
pub type Raw<'a> = Option<&'a RawValue>;

/// Reads a value from JSON text. Everything in dialects that reads JSON comes through here, or is a part of what came.
///
/// A record was mended before ([`crate::lenient`]), and so were the raw values in it.
pub fn read<'a, T: Deserialize<'a>>(json: &'a str) -> serde_json::Result<T> {
    plain::read(json).or_else(|_| serde_json::from_str(json))
}

/// Text as a string or the JSON of anything else: what a raw value says.
pub fn text_of(raw: &RawValue) -> Cow<'_, str> {
    let json = raw.get();
    let Some(inside) = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) else {
        return Cow::Borrowed(json);
    };
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Cow::Borrowed(inside);
    }
    read::<Text>(json).map_or(Cow::Borrowed(inside), |text| text.0)
}

/// Reads a part of a record; the default where it is missing or of another form.
pub fn part<'a, T: Deserialize<'a> + Default>(raw: Raw<'a>) -> T {
    raw.and_then(|raw| read(raw.get()).ok()).unwrap_or_default()
}

/// Reads a struct from a raw value that is an object, or a string with an object in it. Anything else is the default.
pub fn nested<'a, T: Deserialize<'a> + Default>(raw: Raw<'a>, unescaped: &'a mut String) -> T {
    let Some(raw) = raw else { return T::default() };
    let json = raw.get();
    if !json.starts_with('"') {
        return read(json).unwrap_or_default();
    }
    // The record was mended, not the text that a string of it holds.
    *unescaped = lenient::strict(&text_of(raw)).into_owned();
    read(unescaped).unwrap_or_default()
}

/// Why bytes are not the JSON that was expected, without quoting any of them.
pub fn why_not(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the JSON ends early",
        serde_json::error::Category::Data => "a JSON value has the wrong type",
        _ => "not JSON",
    };
    format!("{what} at line {}, column {}", error.line(), error.column())
}

/// Declares structs that are read from JSON objects: each field with its type and the keys that it may stand under.
macro_rules! record {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty = $($key:literal)|+,)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub(crate) struct $name<'a> {
            $(pub(crate) $field: $type,)*
            pub(crate) lifetime: std::marker::PhantomData<&'a str>,
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor<'a>(std::marker::PhantomData<&'a str>);

                impl<'de: 'a, 'a> serde::de::Visitor<'de> for ObjectVisitor<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                        formatter.write_str("an object")
                    }

                    fn visit_unit<E>(self) -> Result<Self::Value, E> {
                        Ok($name::default())
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut record = $name::default();
                        while let Some(key) = map.next_key::<$crate::dialect::json::Text<'de>>()? {
                            match key.as_str() {
                                $($($key)|+ => record.$field = map.next_value()?,)*
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(record)
                    }
                }

                deserializer.deserialize_any(ObjectVisitor(std::marker::PhantomData))
            }
        }
    )*};
}
pub(crate) use record;

#[cfg(test)]
mod tests {
    use super::*;

    record! {
        Sample { name: Text<'a> = "name" | "Name", count: Integer = "count", raw: Raw<'a> = "raw", }
    }

    fn check(json: &str, name: &str, count: Option<i64>) {
        let sample: Sample = serde_json::from_str(json).expect(json);
        assert_eq!((sample.name.as_str(), sample.count.0), (name, count), "{json}");
    }

    #[test]
    fn values_are_taken_in_every_form() {
        check(r#"{"name":"a","count":7}"#, "a", Some(7));
        check(r#"{"Name":12,"count":"7"}"#, "12", Some(7));
        check(r#"{"count":1,"name":"a","count":7.0,"other":[{}]}"#, "a", Some(7));
        check(r#"{"count":"7.0","name":"a"}"#, "a", Some(7));
        check(r#"{"name":null,"count":7.5}"#, "", Some(NO_NUMBER));
        check(r#"{"name":true,"count":true}"#, "true", Some(NO_NUMBER));
        check(r#"{"name":{"String":"x","Valid":true},"count":{}}"#, "x", Some(NO_NUMBER));
        check(r#"{"name":{"String":"x","Valid":false},"count":[1]}"#, "", Some(NO_NUMBER));
        check(r#"{"name":[1],"count":18446744073709551615}"#, "", Some(NO_NUMBER));
        check(r#"{"name":"a","count":"seven"}"#, "a", Some(NO_NUMBER));
        check(r#"{"name":"a","count":""}"#, "a", None);
        check(r#"{"name":"a","count":null}"#, "a", None);
        check("null", "", None);
        assert!(serde_json::from_str::<Sample>("[]").is_err());
        assert!(serde_json::from_str::<Sample>("{").is_err());
    }

    #[test]
    fn go_nulls_and_nil_ids_are_none() {
        let text = |text: &'static str| Text(Cow::Borrowed(text));
        assert_eq!(text("{String: Valid:false}").some().unwrap_or_default(), "");
        assert_eq!(text("{String:curl/8.5 (x) Valid:true}").some().unwrap_or_default(), "curl/8.5 (x)");
        assert_eq!(text("{IPNet:{IP:10.0.0.7 Mask:ffffffff} Valid:true}").some().unwrap_or_default(), "10.0.0.7");
        assert_eq!(text("{IPNet:{IP: Mask:} Valid:false}").some().unwrap_or_default(), "");
        assert_eq!(text("{braces}").some().unwrap_or_default(), "{braces}");
        assert_eq!(text(NIL_UUID).id(), None);
        assert_eq!(text("x").id(), Some("x"));
    }

    #[test]
    fn nested_objects_are_read_from_strings_too() {
        for json in [r#"{"raw":{"name":"n"}}"#, r#"{"raw":"{\"name\":\"n\"}"}"#] {
            let outer: Sample = serde_json::from_str(json).expect(json);
            let mut buffer = String::new();
            let inner: Sample = nested(outer.raw, &mut buffer);
            assert_eq!(inner.name.as_str(), "n");
        }
        let mut buffer = String::new();
        assert_eq!(nested::<Sample>(None, &mut buffer).name.as_str(), "");
    }
}
