//! The rate table: what workspaces cost while they run and while they are kept. A file of whoever pays for them, since nobody else knows; it
//! knows no workspace and no clock. Integers only: amounts are micro-USD, and what a stretch of time costs is divided once, at its end.
//!
//! A rate says which workspaces it is for, and its prices from which day on they hold: a new price is added with its day and leaves what was
//! before as it was. The first rate of the file that fits a workspace and has a price by then is its rate.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ledger::Timestamp;
use operations::Money;
use operations::calendar::midnight;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;
use wildmatch::WildMatchPattern;

use crate::limits;

/// A pattern in which `*` stands for any characters and nothing else for anything but itself.
type Glob = WildMatchPattern<'*', '\u{1}'>;

/// What workspaces cost. Without a table nothing has a price.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RateTable {
    version: String,
    rates: Vec<Rate>,
}

/// What some workspaces cost.
#[derive(Debug, Clone, PartialEq)]
struct Rate {
    name: String,
    templates: Vec<Glob>,
    workspaces: Vec<Glob>,
    orgs: Vec<Glob>,
    /// By the moment from which they hold, in order.
    prices: Vec<(Timestamp, Price)>,
}

/// What an hour and a month of a workspace cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    /// An hour in which it runs.
    pub(super) running: Money,
    /// An hour in which it is stopped.
    pub(super) stopped: Money,
    /// What it keeps, for a month of 730 hours, running or not; `None` if the table does not say it.
    pub(super) storage: Option<Money>,
}

/// A price with its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Applied {
    /// Which rate of the table it is.
    pub(super) rate: usize,
    pub(super) price: Price,
}

/// The prices of one workspace: from which moment on which one holds, in order.
pub(super) type Timeline = Vec<(Timestamp, Option<Applied>)>;

/// What a workspace is known by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Subject<'a> {
    pub(super) template: Option<&'a str>,
    pub(super) workspace: &'a str,
    pub(super) workspace_name: Option<&'a str>,
    pub(super) org: Option<&'a str>,
}

/// Why a rate table is not taken: where, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum RateError {
    /// The file cannot be read.
    #[error("{path}: {error}; name a file in the form of docs/compute.md, or leave the setting out")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// It is not in order.
    #[error("{path}: {message}")]
    Wrong {
        /// The file.
        path: String,
        /// The line, what is wrong there, and what to do.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    #[serde(default)]
    rate: Vec<Spanned<FileRate>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRate {
    name: String,
    #[serde(default)]
    templates: Vec<String>,
    #[serde(default)]
    workspaces: Vec<String>,
    #[serde(default)]
    orgs: Vec<String>,
    #[serde(default)]
    price: Vec<Spanned<FilePrice>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePrice {
    from: Datetime,
    running_usd_per_hour: f64,
    #[serde(default)]
    stopped_usd_per_hour: f64,
    storage_usd_per_gib_month: Option<f64>,
    storage_gib: Option<u32>,
}

impl RateTable {
    /// Reads the table in a file.
    pub fn read(path: &Path) -> Result<Self, RateError> {
        let mut text = String::new();
        let read =
            std::fs::File::open(path).and_then(|file| file.take(limits::RATES_BYTES_MAX + 1).read_to_string(&mut text));
        let path = path.display().to_string();
        read.map_err(|error| RateError::Unreadable { path: path.clone(), error })?;
        if text.len() as u64 > limits::RATES_BYTES_MAX {
            let message = format!("it has more than {} bytes; merge rates", limits::RATES_BYTES_MAX);
            return Err(RateError::Wrong { path, message });
        }
        Self::parse(&text).map_err(|message| RateError::Wrong { path, message })
    }

    /// Reads the text of a table; the error says in which line something is wrong, and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|error| match error.span() {
            Some(span) => format!("line {}: {}", line(span.start), error.message()),
            None => error.message().to_owned(),
        })?;
        if file.version.is_empty() || file.version.len() > limits::RATES_VERSION_BYTES_MAX {
            return Err(format!("`version` must have 1 to {} bytes", limits::RATES_VERSION_BYTES_MAX));
        }
        let prices: usize = file.rate.iter().map(|rate| rate.get_ref().price.len()).sum();
        if file.rate.len() > limits::RATES_MAX || prices > limits::RATE_PRICES_MAX {
            return Err(format!(
                "it has {} rates with {prices} prices; {} with {} are the most: merge rates by `*`",
                file.rate.len(),
                limits::RATES_MAX,
                limits::RATE_PRICES_MAX
            ));
        }
        let mut rates: Vec<Rate> = Vec::new();
        for rate in &file.rate {
            let told = rate.get_ref();
            let wrong = |at: usize, what: &str| format!("line {}: rate {:?}: {what}", line(at), told.name);
            let start = rate.span().start;
            if told.name.is_empty() || told.name.len() > limits::RATES_VERSION_BYTES_MAX {
                let most = limits::RATES_VERSION_BYTES_MAX;
                return Err(wrong(start, &format!("`name` must have 1 to {most} bytes")));
            }
            if rates.iter().any(|other| other.name == told.name) {
                return Err(wrong(start, "it stands there twice; a new price is a [[rate.price]] with a later `from`"));
            }
            let rate = told.read().map_err(|(at, what)| wrong(at.unwrap_or(start), &what))?;
            rates.push(rate);
        }
        Ok(Self { version: file.version, rates })
    }

    /// The table's version, as its file says it; empty without a table.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many rates it has.
    pub fn rates(&self) -> usize {
        self.rates.len()
    }

    /// Whether there is a table at all.
    pub fn is_absent(&self) -> bool {
        self.version.is_empty()
    }

    /// The name of one of its rates.
    pub(super) fn name(&self, rate: usize) -> Option<&str> {
        self.rates.get(rate).map(|rate| rate.name.as_str())
    }

    /// Which prices hold for a workspace, and since when. Before the first of them none holds.
    pub(super) fn timeline(&self, subject: Subject<'_>) -> Timeline {
        let fitting: Vec<(usize, &Rate)> =
            self.rates.iter().enumerate().filter(|(_, rate)| rate.fits(subject)).collect();
        let mut changes: Vec<Timestamp> =
            fitting.iter().flat_map(|(_, rate)| rate.prices.iter().map(|(from, _)| *from)).collect();
        changes.sort_unstable();
        changes.dedup();
        let at = |moment: Timestamp| {
            fitting.iter().find_map(|(rate, known)| Some(Applied { rate: *rate, price: known.price(moment)? }))
        };
        changes.into_iter().map(|moment| (moment, at(moment))).collect()
    }
}

impl Rate {
    fn fits(&self, subject: Subject<'_>) -> bool {
        let one = |globs: &[Glob], text: Option<&str>| {
            globs.is_empty() || globs.iter().any(|glob| glob.matches(text.unwrap_or_default()))
        };
        let Subject { template, workspace, workspace_name, org } = subject;
        one(&self.templates, template)
            && one(&self.orgs, org)
            && (one(&self.workspaces, Some(workspace)) || one(&self.workspaces, workspace_name))
    }

    /// The newest price that holds at a moment.
    fn price(&self, moment: Timestamp) -> Option<Price> {
        self.prices.iter().rev().find(|(from, _)| *from <= moment).map(|(_, price)| *price)
    }
}

/// Where in the file, if not at the rate itself, and what is wrong there.
type Wrong = (Option<usize>, String);

impl FileRate {
    fn read(&self) -> Result<Rate, Wrong> {
        let globs = |texts: &[String]| -> Result<Vec<Glob>, Wrong> {
            if texts.len() > limits::RATE_PATTERNS_MAX || texts.iter().any(String::is_empty) {
                let most = limits::RATE_PATTERNS_MAX;
                return Err((None, format!("a list has an empty text or more than {most}; write `*` for any")));
            }
            Ok(texts.iter().map(|text| Glob::new(text)).collect())
        };
        let mut prices = Vec::new();
        for price in &self.price {
            let at = Some(price.span().start);
            prices.push(price.get_ref().read().map_err(|what| (at, what))?);
        }
        prices.sort_by_key(|(from, _)| *from);
        if prices.is_empty() {
            return Err((None, "it has no [[rate.price]]; add one with `from` and `running_usd_per_hour`".to_owned()));
        }
        if prices.windows(2).any(|two| matches!(two, [(one, _), (other, _)] if one == other)) {
            return Err((None, "two prices have the same `from`; keep one".to_owned()));
        }
        Ok(Rate {
            name: self.name.clone(),
            templates: globs(&self.templates)?,
            workspaces: globs(&self.workspaces)?,
            orgs: globs(&self.orgs)?,
            prices,
        })
    }
}

impl FilePrice {
    fn read(&self) -> Result<(Timestamp, Price), String> {
        let (Some(date), None, None) = (self.from.date, self.from.time, self.from.offset) else {
            return Err("`from` is a day, such as 2026-11-01, and begins at midnight UTC".to_owned());
        };
        let seconds = midnight(date.year.into(), date.month.into(), date.day.into());
        let storage = match (self.storage_usd_per_gib_month, self.storage_gib) {
            (None, None) => None,
            (Some(price), Some(gib)) if gib <= limits::RATE_GIB_MAX => {
                Some(dollars("storage_usd_per_gib_month", price)?.saturating_mul(gib.into()))
            }
            (Some(_), Some(_)) => return Err(format!("`storage_gib` is at most {}", limits::RATE_GIB_MAX)),
            _ => return Err("`storage_usd_per_gib_month` and `storage_gib` belong together; give both".to_owned()),
        };
        let running = dollars("running_usd_per_hour", self.running_usd_per_hour)?;
        let stopped = dollars("stopped_usd_per_hour", self.stopped_usd_per_hour)?;
        Ok((Timestamp::from_unix_micros(seconds * 1_000_000), Price { running, stopped, storage }))
    }
}

/// An amount as the file has it. The shortest form of what the file's reader made binary is what was written.
fn dollars(setting: &str, amount: f64) -> Result<Money, String> {
    let most = limits::RATE_USD_MAX;
    let money = amount.to_string().parse().ok().filter(|money: &Money| money.whole_dollars() <= u64::from(most));
    money.ok_or_else(|| {
        format!("`{setting}` is a number of dollars from 0 to {most}, with at most six digits after the point")
    })
}

/// The table that is in force. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Rates(Arc<std::sync::RwLock<Arc<RateTable>>>);

impl Rates {
    /// Those of a table.
    pub fn of(table: RateTable) -> Self {
        Self(Arc::new(std::sync::RwLock::new(Arc::new(table))))
    }

    /// The table now. A query keeps the one with which it began.
    pub fn current(&self) -> Arc<RateTable> {
        Arc::clone(&self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Puts another table in its place, and gives back the one that was there.
    pub fn replace(&self, table: RateTable) -> Arc<RateTable> {
        let mut held = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::replace(&mut *held, Arc::new(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(year: i64, month: i64, day: i64) -> Timestamp {
        Timestamp::from_unix_micros(midnight(year, month, day) * 1_000_000)
    }

    #[test]
    fn the_example_is_a_table() {
        let example = include_str!("../../../examples/rates.toml");
        assert!(RateTable::parse(example).unwrap().rates() > 1);
    }

    #[test]
    fn the_first_rate_that_fits_and_has_a_price_by_then_holds() {
        let table = RateTable::parse(
            "version = \"v\"\n\
             [[rate]]\nname = \"gpu\"\ntemplates = [\"gpu-*\"]\norgs = [\"acme\"]\n\
             [[rate.price]]\nfrom = 2026-03-01\nrunning_usd_per_hour = 2.5\n\
             [[rate.price]]\nfrom = 2026-02-01\nrunning_usd_per_hour = 3\nstorage_usd_per_gib_month = 0.08\nstorage_gib = 100\n\
             [[rate]]\nname = \"named\"\nworkspaces = [\"w-1\", \"*-build\"]\n\
             [[rate.price]]\nfrom = 2026-01-15\nrunning_usd_per_hour = 1\n\
             [[rate]]\nname = \"rest\"\n\
             [[rate.price]]\nfrom = 2026-01-01\nrunning_usd_per_hour = 0.000001\nstopped_usd_per_hour = 0.5\n",
        )
        .unwrap();
        let check = |subject: Subject<'_>, expected: &[(i64, i64, &str, u64)]| {
            let told: Vec<_> = table
                .timeline(subject)
                .into_iter()
                .map(|(from, applied)| {
                    let applied = applied.unwrap();
                    (from, table.name(applied.rate).unwrap().to_owned(), applied.price.running.as_micros())
                })
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(m, d, name, micros)| (moment(2026, *m, *d), (*name).to_owned(), *micros))
                .collect();
            assert_eq!(told, expected, "{subject:?}");
        };
        let rest = (1, 1, "rest", 1);
        let gpu = Subject { template: Some("gpu-a100"), org: Some("acme"), workspace: "w-9", ..Subject::default() };
        check(gpu, &[rest, (2, 1, "gpu", 3_000_000), (3, 1, "gpu", 2_500_000)]);
        check(Subject { org: Some("other"), ..gpu }, &[rest]);
        check(Subject { org: None, ..gpu }, &[rest]);
        check(Subject { workspace: "w-1", ..Subject::default() }, &[rest, (1, 15, "named", 1_000_000)]);
        let named = Subject { workspace_name: Some("ada-build"), workspace: "w-2", ..Subject::default() };
        check(named, &[rest, (1, 15, "named", 1_000_000)]);
        let storage = table.timeline(gpu)[1].1.unwrap().price.storage;
        assert_eq!(storage, Some(Money::from_dollars(8)));
        assert!(RateTable::default().timeline(gpu).is_empty());
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_what_to_do() {
        let check = |text: &str, says: &[&str]| {
            let error = RateTable::parse(&format!("version = \"v\"\n{text}")).unwrap_err();
            for part in says {
                assert!(error.contains(part), "{text:?} says {error:?}, not {part:?}");
            }
        };
        let rate = "[[rate]]\nname = \"a\"\n";
        let price = "[[rate.price]]\nfrom = 2026-01-01\nrunning_usd_per_hour = 1\n";
        check("[[rate]]\ncolour = 1\n", &["line 3", "colour"]);
        check(rate, &["line 2", "\"a\"", "[[rate.price]]"]);
        check(&format!("{rate}{price}{rate}{price}"), &["line 7", "twice"]);
        check(&format!("{rate}{price}{price}"), &["same `from`"]);
        check(&format!("{rate}templates = [\"\"]\n{price}"), &["line 2", "`*`"]);
        check(&format!("{rate}{}", price.replace("= 1\n", "= -1\n")), &["line 4", "running_usd_per_hour", "dollars"]);
        check(&format!("{rate}{}", price.replace("= 1\n", "= nan\n")), &["running_usd_per_hour"]);
        check(&format!("{rate}{}", price.replace("= 1\n", "= 0.0000001\n")), &["six digits"]);
        check(&format!("{rate}{}", price.replace("= 1\n", "= 100001\n")), &["0 to 100000"]);
        check(&format!("{rate}{}", price.replace("2026-01-01", "\"2026-01-01\"")), &["line 5"]);
        check(&format!("{rate}{}", price.replace("2026-01-01", "2026-01-01T10:00:00Z")), &["line 4", "midnight UTC"]);
        check(&format!("{rate}{price}storage_gib = 5\n"), &["belong together"]);
        check(&format!("{rate}{price}storage_gib = 5000000\nstorage_usd_per_gib_month = 1\n"), &["at most"]);
        assert!(RateTable::parse("version = \"\"").unwrap_err().contains("version"));
        let many = format!("[[rate]]\nname = \"a\"\n{}", price.repeat(limits::RATE_PRICES_MAX + 1));
        check(&many, &["the most"]);
    }
}
