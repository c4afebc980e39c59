//! `@>` on JSON: whether one value contains another, as PostgreSQL says it (section 8.14.3 of its manual); `=`: whether two
//! are the same, however they are written; and `?`: whether there is a field or an element of that name.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use serde_json::Value;

/// The function `json_contains_json(outer, inner)`.
pub(super) fn function() -> ScalarUDF {
    of(Comparison::Contains)
}

/// The function `json_is_json(one, other)`.
pub(super) fn equality() -> ScalarUDF {
    of(Comparison::Equals)
}

/// The function `json_has_key(value, key)`.
pub(crate) fn has_key() -> ScalarUDF {
    of(Comparison::HasKey)
}

fn of(comparison: Comparison) -> ScalarUDF {
    ScalarUDF::new_from_impl(Compare { signature: Signature::string(2, Volatility::Immutable), comparison })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Comparison {
    Contains,
    Equals,
    HasKey,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Compare {
    signature: Signature,
    comparison: Comparison,
}

impl ScalarUDFImpl for Compare {
    fn name(&self) -> &'static str {
        match self.comparison {
            Comparison::Contains => "json_contains_json",
            Comparison::Equals => "json_is_json",
            Comparison::HasKey => "json_has_key",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = arrays.iter().map(|array| Ok(cast(array, &DataType::Utf8View)?)).collect::<Result<Vec<_>>>()?;
        let (outer, inner) = (texts[0].as_string_view(), texts[1].as_string_view());
        // The inner value is nearly always the same one, spelled out.
        let mut last: Option<(&str, Value)> = None;
        let mut answers = Vec::with_capacity(outer.len());
        for row in 0..outer.len() {
            if outer.is_null(row) || inner.is_null(row) {
                answers.push(None);
                continue;
            }
            let text = inner.value(row);
            let inner = match &last {
                Some((before, value)) if *before == text => value,
                _ if self.comparison == Comparison::HasKey => &last.insert((text, Value::from(text))).1,
                _ => {
                    let value = serde_json::from_str(text).map_err(|error| {
                        DataFusionError::Execution(format!(
                            "JSON is compared with JSON, which {text:?} is not: {error}"
                        ))
                    })?;
                    &last.insert((text, value)).1
                }
            };
            // What a source sent may be no JSON; it contains nothing.
            let outer = serde_json::from_str::<Value>(outer.value(row));
            answers.push(outer.ok().map(|outer| match self.comparison {
                Comparison::Contains => contains(&outer, inner, true),
                Comparison::Equals => equals(&outer, inner),
                Comparison::HasKey => inner.as_str().is_some_and(|key| holds(&outer, key)),
            }));
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(answers))))
    }
}

/// A list contains the elements of another in any order; an object fields of the same name that contain; a list also a single
/// value, but only at the top. JSON nests 128 levels at most, or it is not read.
fn contains(outer: &Value, inner: &Value, is_top: bool) -> bool {
    match (outer, inner) {
        (Value::Object(outer), Value::Object(inner)) => {
            inner.iter().all(|(name, value)| outer.get(name).is_some_and(|found| contains(found, value, false)))
        }
        (Value::Array(outer), Value::Array(inner)) => {
            inner.iter().all(|value| outer.iter().any(|found| contains(found, value, false)))
        }
        (Value::Array(outer), single) if is_top && !single.is_object() => outer.contains(single),
        (Value::Number(outer), Value::Number(inner)) => outer == inner || outer.as_f64() == inner.as_f64(),
        (outer, inner) => outer == inner,
    }
}

/// An object has a field of that name, or a list that text, or it is that text.
fn holds(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(members) => members.contains_key(key),
        Value::Array(elements) => elements.iter().any(|element| element.as_str() == Some(key)),
        value => value.as_str() == Some(key),
    }
}

/// Two values are the same if their members are, in any order, and their elements in this one.
fn equals(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|found| equals(value, found)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equals(one, other))
        }
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_key() {
        let check = |value: &str, expected: bool| {
            assert_eq!(holds(&serde_json::from_str(value).unwrap(), "a"), expected, "{value}");
        };
        check(r#"{"a":null}"#, true);
        check(r#"{"b":{"a":1}}"#, false);
        check(r#"["b","a"]"#, true);
        check(r#"[["a"]]"#, false);
        check(r#""a""#, true);
        check("1", false);
    }

    #[test]
    fn what_is_the_same() {
        let check = |one: &str, other: &str, expected: bool| {
            let read = |text| serde_json::from_str(text).unwrap();
            assert_eq!(equals(&read(one), &read(other)), expected, "{one} = {other}");
        };
        check(r#"{"a":1,"b":[1,{"c":null}]}"#, r#"{ "b": [1.0, {"c": null}], "a": 1 }"#, true);
        check(r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false);
        check("[1,2]", "[2,1]", false);
        check("[]", "{}", false);
    }

    /// The answers are those of PostgreSQL 15.
    #[test]
    fn what_contains_what() {
        let check = |outer: &str, inner: &str, expected: bool| {
            let read = |text| serde_json::from_str(text).unwrap();
            assert_eq!(contains(&read(outer), &read(inner), true), expected, "{outer} @> {inner}");
        };
        check(r#"{"a":1,"b":{"c":[1,2]}}"#, r#"{"b":{"c":[2]}}"#, true);
        check(r#"{"a":1,"b":{"c":[1,2]}}"#, r#"{"c":[2]}"#, false);
        check(r#"{"a":1}"#, "{}", true);
        check("[1,2,3]", "[3,1,1]", true);
        check("[1,2,[1,3]]", "[1,3]", false);
        check("[1,2,[1,3]]", "[[1,3]]", true);
        check(r#"["foo","bar"]"#, r#""bar""#, true);
        check(r#""bar""#, r#"["bar"]"#, false);
        check(r#"{"a":["x"]}"#, r#"{"a":"x"}"#, false);
        check(r#"{"a":1.0}"#, r#"{"a":1}"#, true);
        check(r#"[{"a":1}]"#, r#"{"a":1}"#, false);
        check("null", "null", true);
    }
}
