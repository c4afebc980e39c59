//! Why a query was refused or failed, by what the person who asked can do about it.
//!
//! DataFusion's errors are sorted here and nowhere else; their HTTP statuses stand in `api/src/problem.rs`.

use std::time::Duration;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use ledger::{AppendError, LedgerError};

use crate::limits;

/// A bound that a query ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// It took longer than this many milliseconds.
    Time(u64),
    /// It needed more memory than this many bytes.
    Memory(u64),
    /// Its result has more than this many rows.
    Rows(u64),
    /// Its result has more than this many bytes.
    Bytes(u64),
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Time(ms) => {
                write!(f, "the query took longer than {ms} ms; narrow the time range, or ask for a higher time limit")
            }
            Self::Memory(bytes) => write!(
                f,
                "the query needs more than {} MiB for its sorts, joins and aggregates; narrow the time range, select fewer columns, or add LIMIT",
                bytes >> 20
            ),
            Self::Rows(rows) => {
                write!(f, "the result has more than {rows} rows; add LIMIT, or ask for a higher row limit")
            }
            Self::Bytes(bytes) => {
                write!(
                    f,
                    "the result has more than {} MiB; select fewer columns, add LIMIT, or ask for a higher byte limit",
                    bytes >> 20
                )
            }
        }
    }
}

/// Why a query was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The SQL is not valid: it does not parse, or names a table, column or function that does not exist.
    #[error("{0}")]
    Sql(String),
    /// The statement would change something, or reach outside the two ledgers.
    #[error(
        "{statement} is refused: only SELECT, EXPLAIN, DESCRIBE and SHOW are answered, and only over the tables and views of this server"
    )]
    ReadOnly {
        /// The statement's first words.
        statement: String,
    },
    /// The SQL is too long, too deep or multiplies too much.
    #[error("the query is too complex: {0}")]
    TooComplex(String),
    /// The column is made from content and the principal may not read content.
    #[error(
        "column {column} holds content (prompts, commands, tool input and output), and the token of {principal} may not read content; \
         ask an administrator for a token with the content permission, or leave the column out"
    )]
    ContentDenied {
        /// The column.
        column: String,
        /// Who asked.
        principal: String,
    },
    /// The principal's roles do not reach the table.
    #[error(
        "the token of {principal} may not read {table}: analysts and administrators read everything, auditors operations and its views"
    )]
    TableDenied {
        /// The table or view.
        table: String,
        /// Who asked.
        principal: String,
    },
    /// A bound was reached; what was sent so far is not the whole result.
    #[error("{0}")]
    Limit(Limit),
    /// Too many queries run at the moment.
    #[error("{running} queries are running, which is the limit; try again in {} ms", retry_after.as_millis())]
    Busy {
        /// How many.
        running: usize,
        /// How long to wait.
        retry_after: Duration,
    },
    /// The query could not be written into the operations ledger, so it was not run.
    #[error("the query was not run because it could not be recorded in the operations ledger: {0}")]
    NotRecorded(#[source] AppendError),
    /// The token was revoked, or its roles were changed, while the query ran.
    #[error("the query was cancelled because the token was revoked or changed")]
    Revoked,
    /// A value could not be computed: a division by zero, a text that is no number.
    #[error("{0}")]
    Execution(String),
    /// A segment was replaced while the query ran.
    #[error("a segment was replaced while the query ran; run it again")]
    SegmentReplaced,
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A defect, or a file that cannot be read.
    #[error("the query failed inside the server; its log says why under the query's id")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl QueryError {
    /// A stable word for programs: the `code` of an HTTP problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sql(_) => "sql",
            Self::ReadOnly { .. } => "read_only",
            Self::TooComplex(_) => "too_complex",
            Self::ContentDenied { .. } => "content_permission",
            Self::TableDenied { .. } => "role",
            Self::Limit(Limit::Time(_)) => "limit_time",
            Self::Limit(Limit::Memory(_)) => "limit_memory",
            Self::Limit(Limit::Rows(_)) => "limit_rows",
            Self::Limit(Limit::Bytes(_)) => "limit_bytes",
            Self::Busy { .. } => "busy",
            Self::NotRecorded(_) => "not_recorded",
            Self::Revoked => "unauthorized",
            Self::Execution(_) => "execution",
            Self::SegmentReplaced => "segment_replaced",
            Self::Ledger(_) => "ledger",
            Self::Internal(_) => "internal",
        }
    }

    /// What may be told to somebody far away: paths of the server's disk are for its log.
    pub fn public_detail(&self) -> String {
        match self {
            Self::Ledger(_) => "the ledger could not be read; the server's log says why".to_owned(),
            other => other.to_string(),
        }
    }

    /// Wraps what should not happen.
    pub(crate) fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// Sorts an error of the engine.
    pub(crate) fn from_engine(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => {
                return Self::Limit(Limit::Memory(limits::QUERY_MEMORY_BYTES as u64));
            }
            DataFusionError::SQL(_, _)
            | DataFusionError::Plan(_)
            | DataFusionError::SchemaError(_, _)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Configuration(_)
            | DataFusionError::Diagnostic(_, _) => {
                return Self::Sql(placed(first_lines(&error.find_root().strip_backtrace()), &error));
            }
            DataFusionError::Execution(_) | DataFusionError::ArrowError(_, _) => {
                return Self::Execution(first_lines(&error.find_root().strip_backtrace()));
            }
            DataFusionError::External(inner) if is_about_a_pattern(inner.as_ref()) => {
                return Self::Sql(first_lines(&inner.to_string()));
            }
            _ => {}
        }
        if vanished(&error) {
            return Self::SegmentReplaced;
        }
        match error {
            DataFusionError::External(inner) => match inner.downcast::<LedgerError>() {
                Ok(ledger) => Self::Ledger(*ledger),
                Err(inner) => Self::Internal(inner),
            },
            other => Self::internal(other),
        }
    }
}

/// The column that a failed name resolution looked for.
pub(crate) fn missing_column(error: &DataFusionError) -> Option<&str> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(field.name()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether somebody's regular expression is wrong or too large. Two libraries say so, in types of their own and in these words.
fn is_about_a_pattern(error: &(dyn std::error::Error + Send + Sync)) -> bool {
    let text = error.to_string();
    ["regex parse error", "Compiled regex exceeds", "Invalid regex"].iter().any(|start| text.starts_with(start))
}

/// Whether a file was gone: retention and compaction delete segments that an older manifest still lists.
fn vanished(error: &DataFusionError) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if current.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::NotFound) {
            return true;
        }
        source = current.source();
    }
    false
}

/// The text with the place in the statement that the error is about, in the words in which the parser tells one by itself.
fn placed(text: String, error: &DataFusionError) -> String {
    let place = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| span.start);
    let Some(place) = place.filter(|place| place.line > 0 && !text.contains(" at Line: ")) else { return text };
    let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let end = if first.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{end} It stands at Line: {}, Column: {}.{rest}", place.line, place.column)
}

/// Parsers list every name that they know; a person needs the beginning.
fn first_lines(text: &str) -> String {
    match text.char_indices().nth(limits::PARSER_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
