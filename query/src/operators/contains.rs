//! `@>` on JSON: whether one value contains another, as PostgreSQL says it (section 8.14.3 of its manual).

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use serde_json::Value;

/// The function `json_contains_json(outer, inner)`.
pub(super) fn function() -> ScalarUDF {
    ScalarUDF::new_from_impl(Contains { signature: Signature::string(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Contains {
    signature: Signature,
}

impl ScalarUDFImpl for Contains {
    fn name(&self) -> &'static str {
        "json_contains_json"
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
                _ => {
                    let value = serde_json::from_str(text).map_err(|error| {
                        DataFusionError::Execution(format!("@> compares with JSON, which {text:?} is not: {error}"))
                    })?;
                    &last.insert((text, value)).1
                }
            };
            // What a source sent may be no JSON; it contains nothing.
            let outer = serde_json::from_str::<Value>(outer.value(row));
            answers.push(outer.ok().map(|outer| contains(&outer, inner, true)));
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

#[cfg(test)]
mod tests {
    use super::*;

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
