//! Functions of SQL for whose word counts about tokens and money: `teller(source, family, trust, collector)` and
//! `sum_counted(number, teller, time)`. Ranks are [`operations::teller`]'s; which rows tell of money is for the views.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int64Array, ListArray, StringArray, StringBuilder,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use operations::limits::TELLER_MEMORY_SECONDS;
use operations::teller::Rank;

use crate::checked_sum::{OVERFLOW, WIDE};

const MICROS_PER_HOUR: i64 = TELLER_MEMORY_SECONDS * 1_000_000;

/// Whose word a row is: a text that is greater the more it is believed, and the same for all replicas of a gateway.
pub(crate) fn teller() -> ScalarUDF {
    ScalarUDF::new_from_impl(Teller { signature: Signature::any(4, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Teller {
    signature: Signature,
}

impl ScalarUDFImpl for Teller {
    fn name(&self) -> &'static str {
        "teller"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = args.args.iter().map(|value| cast_all(value, args.number_rows)).collect::<Result<Vec<_>>>()?;
        let [source, family, trust, collector] = texts.as_slice() else {
            return exec_err!("teller takes source, family, trust and collector");
        };
        let (mut out, mut before, mut last) = (StringBuilder::new(), None, String::new());
        for row in 0..args.number_rows {
            let columns = [at(source, row), at(family, row), at(trust, row), at(collector, row)];
            // Rows of one feed come together.
            if before != Some(columns) {
                (last, before) = (word(columns), Some(columns));
            }
            out.append_value(&last);
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish())))
    }
}

fn at(texts: &ArrayRef, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.as_string_view().value(row))
}

fn cast_all(value: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    Ok(cast(&value.to_array(rows)?, &DataType::Utf8View)?)
}

fn word([source, family, trust, collector]: [Option<&str>; 4]) -> String {
    let source = source.unwrap_or("");
    let rank = Rank::of(source, family, trust);
    let collector = collector.filter(|_| rank <= Rank::Agent);
    let slash = if collector.is_some() { "/" } else { "" };
    format!("{}{source}{slash}{}", rank as u8, collector.unwrap_or(""))
}

/// Sums whole numbers of one session: in each hour those of the greatest teller.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SumCounted {
    signature: Signature,
}

impl Default for SumCounted {
    fn default() -> Self {
        Self { signature: Signature::any(3, Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for SumCounted {
    fn name(&self) -> &'static str {
        "sum_counted"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn state_fields(&self, _: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |name: &str, kind: DataType| Arc::new(Field::new(name, DataType::List(item(kind)), true));
        Ok(vec![list("hours", DataType::Int64), list("tellers", DataType::Utf8), list("sums", WIDE)])
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Hours::default()))
    }
}

fn item(kind: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(kind, true))
}

/// Who is believed most in each hour, and what it told.
#[derive(Debug, Default)]
struct Hours {
    hours: HashMap<i64, Told>,
    text_bytes: usize,
}

#[derive(Debug)]
struct Told {
    teller: String,
    /// `None` as long as no number was told.
    sum: Option<i128>,
}

impl Hours {
    fn add(&mut self, hour: i64, teller: &str, number: Option<i128>) {
        match self.hours.get_mut(&hour) {
            Some(told) if told.teller.as_str() > teller => {}
            Some(told) if told.teller == teller => {
                told.sum = match (told.sum, number) {
                    (Some(sum), Some(number)) => Some(sum.saturating_add(number)),
                    (sum, number) => sum.or(number),
                };
            }
            _ => {
                self.text_bytes += teller.len();
                self.hours.insert(hour, Told { teller: teller.to_owned(), sum: number });
            }
        }
    }

    /// The hours in order, so that equal states have equal bytes.
    fn in_order(&self) -> Vec<(i64, &Told)> {
        let mut hours: Vec<_> = self.hours.iter().map(|(hour, told)| (*hour, told)).collect();
        hours.sort_unstable_by_key(|(hour, _)| *hour);
        hours
    }
}

impl Accumulator for Hours {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [numbers, tellers, times] = values else { return internal_err!("sum_counted takes three values") };
        let numbers = cast(numbers, &DataType::Int64)?;
        let (numbers, tellers) = (numbers.as_primitive::<Int64Type>(), cast(tellers, &DataType::Utf8View)?);
        let (tellers, times) = (tellers.as_string_view(), cast(times, &DataType::Int64)?);
        let times = times.as_primitive::<Int64Type>();
        for row in 0..numbers.len() {
            let hour = if times.is_valid(row) { times.value(row).div_euclid(MICROS_PER_HOUR) } else { i64::MIN };
            let teller = if tellers.is_valid(row) { tellers.value(row) } else { "" };
            self.add(hour, teller, numbers.is_valid(row).then(|| i128::from(numbers.value(row))));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let told = self.hours.values().filter_map(|told| told.sum);
        let sum = told.fold(None, |sum: Option<i128>, number| Some(sum.unwrap_or(0).saturating_add(number)));
        let Some(sum) = sum else { return Ok(ScalarValue::Int64(None)) };
        i64::try_from(sum).map_or_else(|_| exec_err!("{OVERFLOW}"), |sum| Ok(ScalarValue::Int64(Some(sum))))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.text_bytes + self.hours.capacity() * size_of::<(i64, Told)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let hours = self.in_order();
        let list = |kind: DataType, values: ArrayRef| {
            let offsets = OffsetBuffer::from_lengths([values.len()]);
            ScalarValue::List(Arc::new(ListArray::new(item(kind), offsets, values, None)))
        };
        let sums: Decimal128Array = hours.iter().map(|(_, told)| told.sum).collect();
        let sums = sums.with_data_type(WIDE);
        Ok(vec![
            list(DataType::Int64, Arc::new(Int64Array::from_iter_values(hours.iter().map(|(hour, _)| *hour)))),
            list(DataType::Utf8, Arc::new(StringArray::from_iter_values(hours.iter().map(|(_, told)| &told.teller)))),
            list(WIDE, Arc::new(sums)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [hours, tellers, sums] = states else { return internal_err!("a state of sum_counted has three lists") };
        let (hours, tellers, sums) = (hours.as_list::<i32>(), tellers.as_list::<i32>(), sums.as_list::<i32>());
        for row in (0..hours.len()).filter(|row| hours.is_valid(*row)) {
            let (hours, tellers, sums) = (hours.value(row), tellers.value(row), sums.value(row));
            let (hours, tellers) = (hours.as_primitive::<Int64Type>(), tellers.as_string::<i32>());
            let sums = sums.as_primitive::<Decimal128Type>();
            for at in 0..hours.len() {
                self.add(hours.value(at), tellers.value(at), sums.is_valid(at).then(|| sums.value(at)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_in_the_order_of_belief() {
        let check = |columns: [&str; 4], expected: &str| {
            let columns = columns.map(|text| Some(text).filter(|text| *text != "-"));
            assert_eq!(word(columns), expected, "{columns:?}");
        };
        check(["coder.gateway", "gateway", "gateway", "replica-2"], "4coder.gateway");
        check(["litellm", "gateway", "gateway", "proxy"], "3litellm");
        check(["litellm", "gateway", "agent", "proxy"], "2litellm/proxy");
        check(["codex", "workspace", "agent", "otel"], "2codex/otel");
        check(["claude_code.transcript", "workspace", "agent", "-"], "1claude_code.transcript");
        check(["-", "-", "-", "-"], "2");
    }

    proptest! {
        #[test]
        fn in_each_hour_the_greatest_teller_is_summed(
            rows in proptest::collection::vec((0i64..4, 0usize..3, proptest::option::of(-5i64..100)), 0..60), cut in 0usize..60,
        ) {
            let tellers = ["1t", "3litellm", "4gateway"];
            let feed = |hours: &mut Hours, rows: &[(i64, usize, Option<i64>)]| {
                let numbers: Int64Array = rows.iter().map(|row| row.2).collect();
                let words = StringArray::from_iter_values(rows.iter().map(|row| tellers[row.1]));
                let times = Int64Array::from_iter_values(rows.iter().map(|row| row.0 * MICROS_PER_HOUR + 7));
                hours.update_batch(&[Arc::new(numbers), Arc::new(words), Arc::new(times)]).unwrap();
            };
            let mut expected = None;
            for hour in 0..4 {
                let of_hour = || rows.iter().filter(|row| row.0 == hour);
                let best = of_hour().map(|row| row.1).max();
                for number in of_hour().filter(|row| Some(row.1) == best).filter_map(|row| row.2) {
                    expected = Some(expected.unwrap_or(0) + number);
                }
            }
            let (first, second) = rows.split_at(cut.min(rows.len()));
            let (mut left, mut right, mut whole) = (Hours::default(), Hours::default(), Hours::default());
            feed(&mut left, first);
            feed(&mut right, second);
            for part in [&mut left, &mut right] {
                let state: Vec<ArrayRef> = part.state().unwrap().iter().map(|value| value.to_array().unwrap()).collect();
                whole.merge_batch(&state).unwrap();
            }
            prop_assert_eq!(whole.evaluate().unwrap(), ScalarValue::Int64(expected));
        }
    }
}
