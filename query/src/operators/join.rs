//! `||` on texts: null if one of them is, and with a bound: the engine does not account for what expressions make.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, resources_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::limits;

const NAME: &str = "text_join";

/// The texts one after the other; a chain of them is one call.
pub(super) fn joined(left: Expr, right: Expr) -> Expr {
    match left {
        Expr::ScalarFunction(mut call) if call.name() == NAME => {
            call.args.push(right);
            Expr::ScalarFunction(call)
        }
        left => ScalarUDF::new_from_impl(Join { signature: Signature::variadic_any(Volatility::Immutable) })
            .call(vec![left, right]),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Join {
    signature: Signature,
}

impl ScalarUDFImpl for Join {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let texts = args
            .args
            .iter()
            .map(|value| {
                // One value for all rows is not written out for each.
                let array = match value {
                    ColumnarValue::Array(array) => Arc::clone(array),
                    ColumnarValue::Scalar(value) => value.to_array()?,
                };
                Ok((cast(&array, &DataType::Utf8View)?, matches!(value, ColumnarValue::Scalar(_))))
            })
            .collect::<Result<Vec<_>>>()?;
        let rows = if is_scalar { 1 } else { args.number_rows };
        let mut out = StringBuilder::new();
        let mut text = String::new();
        for row in 0..rows {
            text.clear();
            let mut is_null = false;
            for (array, is_same) in &texts {
                let at = if *is_same { 0 } else { row };
                if array.is_null(at) {
                    is_null = true;
                    break;
                }
                let piece = array.as_string_view().value(at);
                if (out.values_slice().len() + text.len() + piece.len()) as u64 > limits::EXPRESSION_BYTES_MAX {
                    return resources_err!("the values of || are too large");
                }
                text.push_str(piece);
            }
            if is_null { out.append_null() } else { out.append_value(&text) }
        }
        let out = ColumnarValue::Array(Arc::new(out.finish()));
        if is_scalar {
            let ColumnarValue::Array(array) = &out else { return Ok(out) };
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(array, 0)?));
        }
        Ok(out)
    }
}
