//! The computed column `position`: how it is made, and what an equality on it says about `shard` and `seq`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    col, lit,
};
use ledger::{LedgerName, Position};

use super::layout::{Layout, POSITION, SEQ, SHARD};

/// `shard` and `seq` as `events/0/1204331`.
pub(crate) fn expression(ledger: LedgerName) -> Expr {
    ScalarUDF::new_from_impl(Print::new(ledger)).call(vec![col(SHARD), col(SEQ)])
}

/// Whether the expression reads `position`.
pub(crate) fn mentioned(expr: &Expr) -> bool {
    expr.column_refs().iter().any(|column| column.name == POSITION)
}

/// Replaces `position = 'events/0/7'` and `position IN (…)` by what they say about `shard` and `seq`.
pub(crate) fn rewrite(expr: Expr, layout: &Layout) -> Result<Expr> {
    let place = |value: &Expr| -> Option<Expr> {
        let Expr::Literal(
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)),
            _,
        ) = value
        else {
            return None;
        };
        let at = text.parse::<Position>().ok().filter(|at| at.ledger == layout.ledger());
        // What is no position of this ledger is no row of it.
        let (shard, seq) = at.map_or((-1, -1), |at| (i64::from(at.shard), at.seq.get() as i64));
        Some(col(SHARD).eq(lit(shard as i32)).and(col(SEQ).eq(lit(seq))))
    };
    let is_position = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == POSITION);
    let rewritten = expr.transform(|node| {
        let replacement = match &node {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_position(left) => place(right),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_position(right) => place(left),
            Expr::InList(list) if !list.negated && is_position(&list.expr) => {
                let places: Option<Vec<Expr>> = list.list.iter().map(place).collect();
                places.and_then(|places| places.into_iter().reduce(Expr::or))
            }
            _ => None,
        };
        Ok(replacement.map_or_else(|| Transformed::no(node), Transformed::yes))
    })?;
    Ok(rewritten.data)
}

/// The function behind the column.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Print {
    ledger: &'static str,
    signature: Signature,
}

impl Print {
    fn new(ledger: LedgerName) -> Self {
        Self {
            ledger: ledger.as_str(),
            signature: Signature::exact(vec![DataType::Int32, DataType::Int64], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Print {
    fn name(&self) -> &'static str {
        "print_position"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (shards, seqs) = (arrays[0].as_primitive::<Int32Type>(), arrays[1].as_primitive::<Int64Type>());
        let mut texts = StringViewBuilder::with_capacity(seqs.len());
        for (shard, seq) in shards.iter().zip(seqs) {
            match (shard, seq) {
                (Some(shard), Some(seq)) => texts.append_value(format!("{}/{shard}/{seq}", self.ledger)),
                _ => texts.append_null(),
            }
        }
        Ok(ColumnarValue::Array(Arc::new(texts.finish())))
    }
}
