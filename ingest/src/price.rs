//! The price table: what the tokens of a model cost. Integers only: a cost is a number of micro-USD, never a float.
//!
//! The cost of a record is the sum over its four disjoint counters of `tokens × price ÷ 1,000,000`, each cut off to whole
//! micro-USD, as the gateway computes it: so both sums agree to the last digit when the prices do.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

/// Disjoint counters of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Input that was not cached.
    pub input: i64,
    /// Output, reasoning included.
    pub output: i64,
    /// Input read from the provider's cache.
    pub cache_read: i64,
    /// Input written to the provider's cache.
    pub cache_write: i64,
}

/// Micro-USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Price {
    input: i64,
    output: i64,
    cache_read: i64,
    cache_write: i64,
}

/// Prices by model, with the table's version.
#[derive(Debug, Clone)]
pub struct PriceTable {
    version: String,
    prices: HashMap<String, Price>,
}

/// Why a price table is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("price table: {0}")]
pub struct PriceError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    #[serde(default)]
    price: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    models: Vec<String>,
    input: i64,
    output: i64,
    cache_read: i64,
    cache_write: i64,
}

/// The table that is built in.
const EMBEDDED: &str = include_str!("../prices.toml");

/// The longest version, so that it fits a column of every row.
const VERSION_BYTES_MAX: usize = 64;

impl PriceTable {
    /// The table that is built in.
    pub fn embedded() -> Self {
        // A test parses the built-in table, so the fallback never shows.
        Self::parse(EMBEDDED).unwrap_or_else(|_| Self { version: String::new(), prices: HashMap::new() })
    }

    /// Reads a table in the form of `prices.toml`; the error says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let file: File = toml::from_str(text).map_err(|error| PriceError(error.to_string()))?;
        if file.version.is_empty() || file.version.len() > VERSION_BYTES_MAX {
            return Err(PriceError(format!("`version` must have 1 to {VERSION_BYTES_MAX} bytes")));
        }
        let mut prices = HashMap::new();
        for entry in file.price {
            let Entry { models, input, output, cache_read, cache_write } = entry;
            if [input, output, cache_read, cache_write].iter().any(|price| *price < 0) {
                return Err(PriceError(format!("the price of {models:?} is negative")));
            }
            for model in models {
                let price = Price { input, output, cache_read, cache_write };
                if prices.insert(model.to_ascii_lowercase(), price).is_some() {
                    return Err(PriceError(format!("{model:?} has two prices; keep one")));
                }
            }
        }
        Ok(Self { version: file.version, prices })
    }

    /// The table's version, for the `price_version` column.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the tokens cost, in micro-USD; `None` if the model has no price or a counter is negative.
    pub fn cost_micros(&self, model: &str, tokens: Tokens) -> Option<i64> {
        let price = self.find(model)?;
        let counters = [
            (tokens.input, price.input),
            (tokens.output, price.output),
            (tokens.cache_read, price.cache_read),
            (tokens.cache_write, price.cache_write),
        ];
        let mut sum = 0i128;
        for (count, price) in counters {
            if count < 0 {
                return None;
            }
            sum += i128::from(count) * i128::from(price) / 1_000_000;
        }
        i64::try_from(sum).ok()
    }

    /// The price under the model's exact name, else under its plain name.
    fn find(&self, model: &str) -> Option<&Price> {
        self.prices.get(model).or_else(|| self.prices.get(&*plain_name(model)))
    }
}

/// The name without what clouds and releases add: `us.anthropic.claude-sonnet-4-5-20250929-v1:0` is `claude-sonnet-4-5`.
fn plain_name(model: &str) -> Cow<'_, str> {
    let mut name = model.rsplit('/').next().unwrap_or(model);
    for vendor in ["anthropic.", "openai.", "google."] {
        name = name.split_once(vendor).map_or(name, |(_, rest)| rest);
    }
    name = name.split(['@', ':', '[']).next().unwrap_or(name);
    for suffix in ["-v1", "-v2", "-latest", "-preview"] {
        name = name.strip_suffix(suffix).unwrap_or(name);
    }
    name = without_date(name);
    name = name.strip_suffix("-preview").unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Cuts off `-YYYYMMDD` or `-YYYY-MM-DD`.
fn without_date(name: &str) -> &str {
    for form in ["-dddddddd", "-dddd-dd-dd"] {
        if let Some((head, tail)) = name.len().checked_sub(form.len()).and_then(|at| name.split_at_checked(at)) {
            let dated = tail
                .bytes()
                .zip(form.bytes())
                .all(|(byte, form)| if form == b'd' { byte.is_ascii_digit() } else { byte == form });
            if dated {
                return head;
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model: &str, tokens: (i64, i64, i64, i64), expected: Option<i64>) {
        let (input, output, cache_read, cache_write) = tokens;
        let found = PriceTable::embedded().cost_micros(model, Tokens { input, output, cache_read, cache_write });
        assert_eq!(found, expected, "{model} {tokens:?}");
    }

    #[test]
    fn costs_are_whole_micros_cut_off_per_counter() {
        check("claude-sonnet-5", (10, 500, 18_001, 2_001), Some(30 + 7_500 + 5_400 + 7_503));
        check("claude-sonnet-5", (1_000_000, 0, 0, 0), Some(3_000_000));
        check("gpt-5.6-sol", (0, 1, 3, 0), Some(31));
        check("gemini-2.5-flash-lite", (9, 2, 0, 0), Some(0));
        check("no-such-model", (1, 1, 1, 1), None);
        check("", (1, 1, 1, 1), None);
        check("claude-sonnet-5", (-1, 1, 1, 1), None);
        check("claude-opus-4-1", (i64::MAX, i64::MAX, i64::MAX, i64::MAX), None);
    }

    #[test]
    fn models_are_found_under_the_names_that_clouds_give_them() {
        for model in [
            "claude-sonnet-4-5",
            "claude-sonnet-4-5-20250929",
            "anthropic/claude-sonnet-4-5",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-sonnet-4-5@20250929",
            "claude-sonnet-4-5[1m]",
            "Claude-Sonnet-4-5",
        ] {
            check(model, (1_000_000, 0, 0, 0), Some(3_000_000));
        }
        check("gpt-4o-2024-08-06", (1_000_000, 0, 0, 0), Some(2_500_000));
        check("models/gemini-3-pro-preview", (1_000_000, 0, 0, 0), Some(2_000_000));
        check("gemini-2.5-flash-preview-2025-09-25", (1_000_000, 0, 0, 0), Some(300_000));
        check("é-2025-09-25", (1, 0, 0, 0), None);
    }

    #[test]
    fn a_table_of_ones_own_replaces_the_built_in_one() {
        let text = "version = 'mine'\n[[price]]\nmodels = ['acme-1']\ninput = 1\noutput = 2\ncache_read = 3\ncache_write = 4000000\n";
        let table = PriceTable::parse(text).expect("well formed");
        assert_eq!(table.version(), "mine");
        assert_eq!(table.cost_micros("acme-1", Tokens { cache_write: 2, ..Tokens::default() }), Some(8));
        assert_eq!(table.cost_micros("claude-sonnet-5", Tokens::default()), None);
        assert!(!PriceTable::parse(EMBEDDED).expect("the built-in table is well formed").prices.is_empty());
    }

    #[test]
    fn a_bad_table_is_refused_with_a_reason() {
        let price = "[[price]]\nmodels = ['m']\ninput = 1\noutput = 2\ncache_read = 3\ncache_write = 4\n";
        for (text, reason) in [
            ("version = ''".to_owned(), "version"),
            ("prices = 1\nversion = 'x'".to_owned(), "prices"),
            (format!("version = 'x'\n{price}{price}"), "two prices"),
            (format!("version = 'x'\n{}", price.replace("= 4", "= -4")), "negative"),
            (format!("version = 'x'\n{}", price.replace("= 4", "= 'free'")), "cache_write"),
        ] {
            let error = PriceTable::parse(&text).expect_err(&text).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
