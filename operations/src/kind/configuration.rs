//! What was in effect, and since when: the kinds `config`, `prices`, `rates` and `certificate`. `from` and `to` are what was in effect
//! before and after.

use serde::{Deserialize, Serialize};

use super::{Family, Info, Kind};

/// The kind of configuration files that took effect.
pub const CONFIG: Kind<Config> = Kind::of(Info::new(
    "config",
    Family::Others,
    "`serve`",
    "the file `subject` is in effect: `sha256`, `version` of the program, `needs_restart` (tables that wait for a start)",
));
/// The kind of price tables that took effect.
pub const PRICES: Kind<Prices> = Kind::of(Info::new(
    "prices",
    Family::Others,
    "`serve`",
    "these prices are in force: `version`, `models` (how many), `file`",
));
/// The kind of tables of what workspaces cost.
pub const RATES: Kind<Rates> = Kind::of(Info::new(
    "rates",
    Family::Others,
    "`serve`",
    "these rates of workspaces are in force: `version`, `rates` (how many), `file`; none if `file` is null",
));
/// The kind of certificates that the listeners show.
pub const CERTIFICATE: Kind<Certificate> = Kind::of(Info::new(
    "certificate",
    Family::Others,
    "`serve`",
    "the listeners show this certificate: `sha256`, `file`, `valid_until`; none if they are null",
));

/// The record of a `config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// SHA-256 of the file in hexadecimal digits.
    pub sha256: String,
    /// Version of the program.
    pub version: String,
    /// Tables that differ from what runs and are read at the start only.
    pub needs_restart: Vec<String>,
}

/// The record of a `prices`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// Version of the table.
    pub version: String,
    /// How many models it has.
    pub models: usize,
    /// The file that added to it, if there was one.
    pub file: Option<String>,
}

/// The record of a `rates`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Version of the table; empty if there is none any more.
    pub version: String,
    /// How many rates it has.
    pub rates: usize,
    /// Its file.
    pub file: Option<String>,
}

/// The record of a `certificate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// SHA-256 of the certificate in hexadecimal digits.
    pub sha256: Option<String>,
    /// The file that holds it.
    pub file: Option<String>,
    /// Until when it is valid, as RFC 3339.
    pub valid_until: Option<String>,
}
