//! How a segment's columns are laid out in Parquet: encodings, statistics, bloom filters, and what the footer says.

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

use arrow::datatypes::Schema;

use crate::column::{Storage, Table};
use crate::limits::{PAGE_BYTES_MAX, PAGE_ROWS_MAX};
use crate::position::LedgerName;

/// The format that this version writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// The footer's key of the format.
pub(super) const FORMAT_KEY: &str = "tachograph.format";
/// The footer's key of the row groups: `[[first seq, end seq], …]` as JSON, one pair per row group.
pub(super) const ROW_GROUPS_KEY: &str = "tachograph.row_groups";

/// How often a bloom filter may say "perhaps" where it should say "no": a sharper one takes twice the space, and each row group that is
/// looked at in vain costs a look at the index of its pages, since rows are sorted.
const BLOOM_FALSE_POSITIVES: f64 = 0.05;

/// The two columns by which rows are sorted inside a row group, before `seq`.
pub(super) const fn sort_columns(ledger: LedgerName) -> [&'static str; 2] {
    match ledger {
        LedgerName::Events => ["kind", "session"],
        LedgerName::Operations => ["kind", "subject"],
    }
}

/// The most distinct values that a bloom filter of one row group is laid out for. Fewer values make the filter smaller when it is written;
/// more make it less sharp.
const BLOOM_VALUES_MAX: u64 = 16_384;

/// What files that this version writes name as their writer.
pub(super) fn created_by() -> String {
    format!("tachograph {}", env!("CARGO_PKG_VERSION"))
}

/// The writer's settings for a file with these columns.
pub(super) fn properties(table: &Table, schema: &Schema, sorted: bool, created_by: String) -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(created_by)
        .set_compression(Compression::ZSTD(level))
        // Row groups end where the segment's writer says so, and never by themselves.
        .set_max_row_group_row_count(None)
        .set_data_page_row_count_limit(PAGE_ROWS_MAX)
        .set_data_page_size_limit(PAGE_BYTES_MAX)
        .set_statistics_enabled(EnabledStatistics::Page);
    if sorted {
        builder = builder.set_sorting_columns(Some(sorting(table.ledger, schema)));
    }
    for field in schema.fields() {
        // Of the columns that no table lists, positions and times ascend, and the others repeat.
        let ascends = matches!(field.name().as_str(), "seq" | "recorded");
        let other = if ascends { Storage::Ascending } else { Storage::Repeated };
        builder = column(builder, field.name(), table.by_name(field.name()).map_or(other, |column| column.storage));
    }
    builder.build()
}

fn column(mut builder: WriterPropertiesBuilder, name: &str, storage: Storage) -> WriterPropertiesBuilder {
    let path = || ColumnPath::from(name);
    if storage == Storage::Ascending {
        builder = builder
            .set_column_dictionary_enabled(path(), false)
            .set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED);
    }
    if matches!(storage, Storage::Unique | Storage::Long) {
        // A dictionary would be a second copy of the values. Ranges of them prune nothing either.
        builder = builder
            .set_column_dictionary_enabled(path(), false)
            .set_column_statistics_enabled(path(), EnabledStatistics::None);
    }
    if storage == Storage::Long {
        // Lengths apart from the bytes compress better, and decode without a search for the end.
        builder = builder.set_column_encoding(path(), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    if storage == Storage::Sought {
        builder = builder
            .set_column_bloom_filter_enabled(path(), true)
            .set_column_bloom_filter_fpp(path(), BLOOM_FALSE_POSITIVES)
            .set_column_bloom_filter_max_ndv(path(), BLOOM_VALUES_MAX);
    }
    builder
}

/// The sort order as other readers of Parquet understand it. Lists come after the columns that are named here, so that
/// the index of a field is the index of its leaf.
fn sorting(ledger: LedgerName, schema: &Schema) -> Vec<SortingColumn> {
    let [kind, entity] = sort_columns(ledger);
    let index = |name| {
        schema.index_of(name).ok().map(|at| SortingColumn {
            column_idx: at as i32,
            descending: false,
            nulls_first: true,
        })
    };
    [kind, entity, "seq"].into_iter().filter_map(index).collect()
}

/// What the footer says about the row groups.
pub(super) fn footer(row_groups: &[(u64, u64)]) -> Vec<KeyValue> {
    // Pairs of numbers: there is nothing that JSON cannot hold.
    let ranges = serde_json::to_string(row_groups).unwrap_or_default();
    vec![KeyValue::new(FORMAT_KEY.to_owned(), FORMAT.to_string()), KeyValue::new(ROW_GROUPS_KEY.to_owned(), ranges)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_that_rows_are_sorted_by_exist() {
        for ledger in LedgerName::ALL {
            for name in sort_columns(ledger) {
                assert!(Table::of(ledger).by_name(name).is_some(), "{ledger}: {name}");
            }
        }
    }
}
