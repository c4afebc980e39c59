//! What can be wrong with a corpus or with the machine that measures it.

use std::io;
use std::path::PathBuf;

/// Why a corpus cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A file or folder cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file is not in the notation.
    #[error("{}: {message}", path.display())]
    Notation {
        /// The file.
        path: PathBuf,
        /// What is wrong where.
        message: String,
    },
    /// A script cannot be told.
    #[error("{script}: {message}")]
    Script {
        /// Its name.
        script: String,
        /// What is wrong.
        message: String,
    },
    /// The ledger of the records cannot be written or read.
    #[error("the ledger of the corpus: {0}")]
    Ledger(#[from] ledger::LedgerError),
    /// Intake did not take a record.
    #[error("intake: {0}")]
    Intake(#[from] ingest::pipeline::PipelineError),
    /// A temporary folder or the runtime was refused.
    #[error("the system: {0}")]
    System(#[from] io::Error),
    /// A record did not become one event.
    #[error("record {number} of the {feed} became {became}: {text}")]
    Record {
        /// Its number in the corpus.
        number: usize,
        /// Which feed told it.
        feed: String,
        /// What it became.
        became: String,
        /// The record.
        text: String,
    },
}
