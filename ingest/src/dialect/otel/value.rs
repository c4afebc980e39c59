//! Values as OTLP/JSON writes them: attributes with their wrapped values, and the members of an object. What any of them means
//! is not known here.
//!
//! The encoding is that of opentelemetry-proto 1.x: `{"key":"a","value":{"stringValue":"b"}}`, 64-bit integers as text or as
//! numbers, `{}` for a value that is empty. What is written in another way is `odd`, so that all of it can be taken as content.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::dialect::is_empty;
use crate::dialect::json::{Integer, Raw, Text, read, text_of};

/// A value in its wrapper.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyValue<'a> {
    /// A text, number or boolean as it is written, and whether it is a text.
    scalar: Option<(&'a RawValue, bool)>,
    /// An array, a map or bytes.
    nested: Raw<'a>,
    /// Whether it is written in a way that is not known.
    odd: bool,
}

impl<'a> AnyValue<'a> {
    /// What it says, unless it is empty, an array or a map.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let (raw, _) = self.scalar.filter(|(raw, _)| raw.get() != "null")?;
        Some(text_of(raw)).filter(|text| !text.is_empty())
    }

    /// The text as it stands in the record with its quotes; `None` for any other value.
    pub fn string(&self) -> Raw<'a> {
        self.scalar.filter(|(_, is_string)| *is_string && !self.odd).map(|(raw, _)| raw)
    }

    /// The texts of an array.
    fn texts(&self) -> Vec<Cow<'a, str>> {
        let list: List = self.nested.and_then(|nested| read(nested.get()).ok()).unwrap_or_default();
        let values: Vec<AnyValue> = list.values.and_then(|values| read(values.get()).ok()).unwrap_or_default();
        values.iter().filter_map(AnyValue::text).collect()
    }
}

crate::dialect::json::record! {
    /// An array of values.
    List {
        values: Raw<'a> = "values",
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for AnyValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnyValueVisitor)
    }
}

struct AnyValueVisitor;

impl<'de> Visitor<'de> for AnyValueVisitor {
    type Value = AnyValue<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a value in its wrapper")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut value = AnyValue::default();
        let mut members = 0;
        while let Some(key) = map.next_key::<Text>()? {
            let raw: &'de RawValue = map.next_value()?;
            match key.as_str() {
                "stringValue" => value.scalar = Some((raw, true)),
                "intValue" | "doubleValue" | "boolValue" => value.scalar = Some((raw, false)),
                "arrayValue" | "kvlistValue" | "bytesValue" => value.nested = Some(raw),
                _ => value.odd = true,
            }
            members += 1;
        }
        value.odd |= members > 1 || value.scalar.is_some_and(|(raw, _)| raw.get().starts_with(['{', '[']));
        Ok(value)
    }
}

/// An attribute.
#[derive(Debug, Default)]
pub struct Attribute<'a> {
    /// Its key.
    pub key: Text<'a>,
    /// Its value.
    pub value: AnyValue<'a>,
    /// Its value as it is written.
    raw: Raw<'a>,
    /// All of it as it is written.
    whole: Raw<'a>,
    odd: bool,
}

impl<'a> Attribute<'a> {
    fn of(whole: &'a RawValue) -> serde_json::Result<Self> {
        read(whole.get()).map(|attribute| Self { whole: Some(whole), ..attribute })
    }

    /// Whether it, or its value, is written in a way that is not known.
    pub fn is_odd(&self) -> bool {
        self.odd || self.value.odd
    }

    /// The smallest part of it that holds its value, and the names that lead from the attribute to it. `None` if it has none.
    pub fn content(&self) -> Option<(&'static [&'static str], &'a RawValue)> {
        if self.odd {
            return Some((&[], self.whole?));
        }
        let value = self.raw.filter(|value| !is_empty(value.get()))?;
        Some(self.value.string().map_or((&["value"], value), |text| (&["value", "stringValue"], text)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attribute<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributeVisitor)
    }
}

struct AttributeVisitor;

impl<'de> Visitor<'de> for AttributeVisitor {
    type Value = Attribute<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an attribute")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut attribute = Attribute::default();
        let (mut keys, mut values) = (0, 0);
        while let Some(key) = map.next_key::<Text>()? {
            match key.as_str() {
                "key" => {
                    attribute.key = map.next_value()?;
                    keys += 1;
                }
                "value" => {
                    attribute.raw = Some(map.next_value()?);
                    values += 1;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    attribute.odd = true;
                }
            }
        }
        attribute.odd |= keys != 1 || values > 1;
        if let Some(raw) = attribute.raw.filter(|raw| raw.get() != "null") {
            match read(raw.get()) {
                Ok(value) => attribute.value = value,
                Err(_) => attribute.odd = true,
            }
        }
        Ok(attribute)
    }
}

/// The attributes of something, in their order.
#[derive(Debug, Default)]
pub struct Attributes<'a> {
    /// What was read.
    pub list: Vec<Attribute<'a>>,
    /// All of them as they are written, if they are no list of attributes.
    pub odd: Raw<'a>,
}

impl<'a> Attributes<'a> {
    /// Reads a list of attributes.
    pub fn of(raw: Raw<'a>) -> Self {
        let Some(raw) = raw.filter(|raw| !is_empty(raw.get())) else { return Self::default() };
        let Ok(items) = read::<Vec<&RawValue>>(raw.get()) else { return Self { list: Vec::new(), odd: Some(raw) } };
        let list: Result<Vec<_>, _> = items.into_iter().map(Attribute::of).collect();
        match list {
            Ok(list) => Self { list, odd: None },
            Err(_) => Self { list: Vec::new(), odd: Some(raw) },
        }
    }

    /// The value of the last attribute with this key.
    fn value(&self, key: &str) -> Option<&AnyValue<'a>> {
        let mut with_key = self.list.iter().rev().filter(|attribute| attribute.key.as_str() == key);
        with_key.next().map(|attribute| &attribute.value)
    }

    /// Whether there is an attribute with this key, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// The text, number or boolean of an attribute, unless it is empty.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.value(key)?.text()
    }

    /// The text of the first of these attributes that is there.
    pub fn first(&self, keys: &[&str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| self.text(key))
    }

    /// The whole number of an attribute; what is no whole number is [`crate::bounds::NO_NUMBER`].
    pub fn integer(&self, key: &str) -> Option<i64> {
        let (raw, _) = self.value(key)?.scalar?;
        read::<Integer>(raw.get()).ok()?.0
    }

    /// The whole number of the first of these attributes that is there.
    pub fn first_integer(&self, keys: &[&str]) -> Option<i64> {
        keys.iter().find_map(|key| self.integer(key))
    }

    /// What an attribute says of yes and no: as a boolean, or as a text.
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.text(key)?.as_ref() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The texts of an attribute that is an array.
    pub fn texts(&self, key: &str) -> Vec<Cow<'a, str>> {
        self.value(key).map(AnyValue::texts).unwrap_or_default()
    }
}

/// The members of an object, in their order.
#[derive(Debug, Default)]
pub struct Members<'a>(pub Vec<(Text<'a>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The last member with this name, unless it is null.
    pub fn get(&self, name: &str) -> Raw<'a> {
        let mut with_name = self.0.iter().rev().filter(|(key, _)| key.as_str() == name);
        with_name.next().map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// The text or number of a member; empty if there is none.
    pub fn text(&self, name: &str) -> Text<'a> {
        self.get(name).and_then(|value| read(value.get()).ok()).unwrap_or_default()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::NO_NUMBER;

    #[test]
    fn values_are_read_in_every_form() {
        let raw: &RawValue = serde_json::from_str(
            r#"[{"key":"text","value":{"stringValue":"a\"b"}},{"key":"number","value":{"intValue":"7"}},
                {"key":"bare","value":{"intValue":7}},{"key":"fraction","value":{"doubleValue":0.5}},
                {"key":"whole","value":{"doubleValue":2400.0}},{"key":"yes","value":{"boolValue":true}},
                {"key":"said","value":{"stringValue":"false"}},{"key":"empty","value":{}},{"key":"none"},
                {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"x"},{},{"intValue":1}]}}},
                {"key":"twice","value":{"intValue":1}},{"key":"twice","value":{"stringValue":"last"}}]"#,
        )
        .unwrap();
        let attributes = Attributes::of(Some(raw));
        assert!(attributes.odd.is_none() && attributes.list.iter().all(|attribute| !attribute.is_odd()));
        let text = |key| attributes.text(key);
        assert_eq!(
            [text("text"), text("number"), text("yes"), text("twice")].map(Option::unwrap),
            ["a\"b", "7", "true", "last"]
        );
        assert_eq!([text("empty"), text("none"), text("list"), text("missing")], [None, None, None, None]);
        assert!(attributes.has("empty") && !attributes.has("missing"));
        let numbers = ["number", "bare", "whole", "fraction", "text", "empty"].map(|key| attributes.integer(key));
        assert_eq!(numbers, [Some(7), Some(7), Some(2400), Some(NO_NUMBER), Some(NO_NUMBER), None]);
        assert_eq!(
            [attributes.flag("yes"), attributes.flag("said"), attributes.flag("text")],
            [Some(true), Some(false), None]
        );
        assert_eq!(attributes.texts("list"), ["x", "1"]);
        assert_eq!(attributes.first(&["empty", "bare", "text"]).unwrap(), "7");
    }

    #[test]
    fn what_is_written_otherwise_is_odd() {
        let is_odd = |json: &str| {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            let attributes = Attributes::of(Some(raw));
            attributes.odd.is_some() || attributes.list.iter().any(Attribute::is_odd)
        };
        for odd in [
            r#"{"a":1}"#,
            "[1]",
            r#"[{"key":"a","value":"b"}]"#,
            r#"[{"key":"a","value":{"stringValue":"b","more":1}}]"#,
            r#"[{"key":"a","value":{"stringValue":["b"]}}]"#,
            r#"[{"key":"a","value":{"secret":"b"}}]"#,
            r#"[{"key":"a","value":{},"note":"b"}]"#,
            r#"[{"key":"a","key":"b","value":{}}]"#,
            r#"[{"value":{"stringValue":"b"}}]"#,
        ] {
            assert!(is_odd(odd), "{odd}");
        }
        for usual in ["[]", "null", r#"[{"key":"a","value":{}}]"#, r#"[{"key":"a","value":null}]"#] {
            assert!(!is_odd(usual), "{usual}");
        }
    }
}
