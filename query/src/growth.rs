//! Functions whose result can be far larger than what they are given, with a bound.
//!
//! The engine accounts for the memory of sorts, joins and aggregates, not for that of expressions: `replace` within
//! `replace` multiplies each time. Such a function says here how large its result can be at most, is applied to few rows at a
//! time if that is much, and fails if one row, or all of a batch together, are too much.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, resources_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::limits;

/// How large a result can be, from the sizes of the arguments in one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// The arguments one after the other, a few times as many bytes at most.
    Sum,
    /// The other arguments for each byte of the first.
    Product,
}

/// The functions that grow, by name.
const GROWING: [(&str, Growth); 15] = [
    ("concat", Growth::Sum),
    ("concat_ws", Growth::Product),
    ("replace", Growth::Product),
    ("regexp_replace", Growth::Product),
    ("translate", Growth::Sum),
    ("overlay", Growth::Sum),
    ("encode", Growth::Sum),
    ("array_to_string", Growth::Product),
    ("make_array", Growth::Sum),
    ("array_append", Growth::Sum),
    ("array_prepend", Growth::Sum),
    ("array_concat", Growth::Sum),
    ("array_replace", Growth::Product),
    ("array_replace_all", Growth::Product),
    ("string_to_array", Growth::Sum),
];

/// Puts a bound on each of them.
pub(crate) fn bound(state: &mut SessionState) -> Result<()> {
    for (name, growth) in GROWING {
        if let Some(inner) = state.scalar_functions().get(name).cloned() {
            state.register_udf(Arc::new(ScalarUDF::new_from_impl(Bounded { inner, growth })))?;
        }
    }
    Ok(())
}

/// A function with a bound.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

// What would let the optimiser put the function itself in this one's place is not passed on.
impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let most = self.most(&args)?;
        let sum = most.iter().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        if sum <= limits::EXPRESSION_PIECE_BYTES {
            return self.inner.invoke_with_args(args);
        }
        let mut done: Vec<ArrayRef> = Vec::new();
        let (mut first, mut bytes) = (0, 0);
        while first < most.len() {
            let mut end = first;
            let mut expected = 0_u64;
            while end < most.len()
                && (end == first || expected.saturating_add(most[end]) <= limits::EXPRESSION_PIECE_BYTES)
            {
                expected = expected.saturating_add(most[end]);
                end += 1;
            }
            if expected > limits::EXPRESSION_BYTES_MAX {
                return resources_err!("one value of {} would be too large", self.name());
            }
            let piece = self.inner.invoke_with_args(rows(&args, first, end - first))?.into_array(end - first)?;
            bytes += piece.get_array_memory_size() as u64;
            if bytes > limits::EXPRESSION_BYTES_MAX {
                return resources_err!("the values of {} are too large", self.name());
            }
            done.push(piece);
            first = end;
        }
        let pieces: Vec<&dyn Array> = done.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&pieces)?))
    }
}

impl Bounded {
    /// The most bytes of the result in each row.
    fn most(&self, args: &ScalarFunctionArgs) -> Result<Vec<u64>> {
        let mut first = vec![0_u64; args.number_rows];
        let mut others = vec![0_u64; args.number_rows];
        for (index, value) in args.args.iter().enumerate() {
            let sums = if index == 0 { &mut first } else { &mut others };
            match value {
                ColumnarValue::Scalar(value) => {
                    let bytes = sizes(&value.to_array()?)?.first().copied().unwrap_or(0);
                    for sum in sums.iter_mut() {
                        *sum = sum.saturating_add(bytes);
                    }
                }
                ColumnarValue::Array(array) => {
                    for (sum, bytes) in sums.iter_mut().zip(sizes(array)?) {
                        *sum = sum.saturating_add(bytes);
                    }
                }
            }
        }
        Ok(first
            .into_iter()
            .zip(others)
            .map(|(first, others)| match self.growth {
                Growth::Sum => first.saturating_add(others).saturating_mul(4),
                Growth::Product => first.saturating_add(1).saturating_mul(others.saturating_add(1)),
            })
            .collect())
    }
}

/// The arguments of some rows.
fn rows(args: &ScalarFunctionArgs, first: usize, count: usize) -> ScalarFunctionArgs {
    let slice = |value: &ColumnarValue| match value {
        ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(first, count)),
        ColumnarValue::Scalar(value) => ColumnarValue::Scalar(value.clone()),
    };
    ScalarFunctionArgs { args: args.args.iter().map(slice).collect(), number_rows: count, ..args.clone() }
}

/// The bytes of each value.
fn sizes(array: &ArrayRef) -> Result<Vec<u64>> {
    Ok(match array.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = cast(array, &DataType::Utf8View)?;
            texts.as_string_view().iter().map(|text| text.map_or(0, str::len) as u64).collect()
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let bytes = cast(array, &DataType::BinaryView)?;
            bytes.as_binary_view().iter().map(|bytes| bytes.map_or(0, <[u8]>::len) as u64).collect()
        }
        other if other.is_nested() => {
            // Lists of a batch are of one kind; their average tells enough.
            vec![array.get_buffer_memory_size() as u64 / array.len().max(1) as u64; array.len()]
        }
        _ => vec![16; array.len()],
    })
}
