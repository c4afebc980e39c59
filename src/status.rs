//! How a running server is: what `/api/v1/status` answers and `doctor` reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::endpoints::Endpoint;

/// How a running server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Its process.
    pub process: u32,
    /// Address of the console.
    pub console: String,
    /// Address of intake.
    pub ingest: String,
    /// Whether `/readyz` says so, and if not, why.
    pub not_ready: Option<String>,
    /// Parts that stopped, with the reason.
    #[serde(default)]
    pub stopped: BTreeMap<String, String>,
    /// Every collector and every sink.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
}
