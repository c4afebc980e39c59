//! `json_texts(json)`: a JSON list as a list of texts, which `unnest` and `= ANY` take.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, ListBuilder, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use serde_json::Value;

/// The function.
pub(crate) fn json_texts() -> ScalarUDF {
    ScalarUDF::new_from_impl(Texts { signature: Signature::string(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Texts {
    signature: Signature,
}

impl ScalarUDFImpl for Texts {
    fn name(&self) -> &'static str {
        "json_texts"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = cast(&arrays[0], &DataType::Utf8View)?;
        let mut lists = ListBuilder::new(StringBuilder::new());
        for text in texts.as_string_view() {
            // What is no list has no elements to give.
            let Some(Value::Array(values)) = text.and_then(|text| serde_json::from_str(text).ok()) else {
                lists.append_null();
                continue;
            };
            for value in values {
                match value {
                    Value::Null => lists.values().append_null(),
                    Value::String(text) => lists.values().append_value(text),
                    other => lists.values().append_value(other.to_string()),
                }
            }
            lists.append(true);
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    }
}
