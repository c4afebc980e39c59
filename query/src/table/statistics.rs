//! What is known of a segment without opening its files, in the engine's words.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use ledger::Segment;

use super::layout::{RECORDED, SEQ, TIME};

/// Statistics of one segment over the columns of its facts file. Sequence numbers have no gaps, so the number of rows is
/// exact, and with it `count(*)` without reading anything.
pub(crate) fn segment(segment: &Segment, facts: &Schema) -> Statistics {
    let columns = facts.fields().iter().map(|field| {
        let range = match field.name().as_str() {
            SEQ => Some((segment.first_seq as i64, segment.end_seq as i64 - 1)),
            RECORDED => Some(segment.recorded),
            TIME => segment.time,
            _ => None,
        };
        range.map_or_else(ColumnStatistics::new_unknown, |range| bounds(range, field.data_type()))
    });
    Statistics {
        num_rows: Precision::Exact((segment.end_seq - segment.first_seq) as usize),
        total_byte_size: Precision::Inexact(segment.facts.1 as usize),
        column_statistics: columns.collect(),
    }
}

/// Statistics of all of them together.
pub(crate) fn all(segments: &[Statistics], facts: &Schema) -> Statistics {
    let empty = Statistics {
        num_rows: Precision::Exact(0),
        total_byte_size: Precision::Inexact(0),
        column_statistics: vec![ColumnStatistics::new_unknown(); facts.fields().len()],
    };
    segments.iter().fold(empty, |mut sum, next| {
        sum.num_rows = sum.num_rows.add(&next.num_rows);
        sum.total_byte_size = sum.total_byte_size.add(&next.total_byte_size);
        for (sum, next) in sum.column_statistics.iter_mut().zip(&next.column_statistics) {
            // A segment without event times has no bounds and changes none.
            sum.min_value = match (&sum.min_value, &next.min_value) {
                (Precision::Absent, other) | (other, Precision::Absent) => other.clone(),
                (one, other) => one.min(other),
            };
            sum.max_value = match (&sum.max_value, &next.max_value) {
                (Precision::Absent, other) | (other, Precision::Absent) => other.clone(),
                (one, other) => one.max(other),
            };
        }
        sum
    })
}

fn bounds((min, max): (i64, i64), data_type: &DataType) -> ColumnStatistics {
    let scalar = |value: i64| match data_type {
        DataType::Timestamp(_, zone) => ScalarValue::TimestampMicrosecond(Some(value), zone.clone()),
        _ => ScalarValue::Int64(Some(value)),
    };
    ColumnStatistics {
        min_value: Precision::Exact(scalar(min)),
        max_value: Precision::Exact(scalar(max)),
        ..ColumnStatistics::new_unknown()
    }
}
