//! The price table: what the tokens of a model cost. Integers only: a cost is a number of micro-USD, never a float.
//!
//! The cost of a record is the sum over its disjoint counters of `tokens × price ÷ 1,000,000`, each cut off to whole
//! micro-USD, as the gateway computes it: so both sums agree to the last digit when the prices do.

mod name;

use std::collections::HashMap;

use operations::Money;
use serde::Deserialize;

/// Disjoint counters of tokens, and at what rates they are billed.
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
    /// How the provider bills them.
    pub billing: Billing,
}

/// What a record says of rates, apart from its counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Billing {
    /// The part of the tokens written to the cache that lives an hour.
    pub cache_write_hour: i64,
    /// The tier of service.
    pub tier: Tier,
    /// Whether the model answered faster for more money.
    pub fast: bool,
}

/// A tier of service with a rate of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tier {
    /// The list price.
    #[default]
    Standard,
    /// Answered within a day.
    Batch,
    /// Answered when there is room.
    Flex,
    /// Answered before others.
    Priority,
}

impl Tier {
    /// The tier behind a provider's word for it; words that are not known are the list price.
    pub fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "batch" | "batches" | "batch_api" => Self::Batch,
            "flex" => Self::Flex,
            "priority" => Self::Priority,
            _ => Self::Standard,
        }
    }
}

/// What a million tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rates {
    input: Money,
    output: Money,
    cache_read: Money,
    cache_write: Money,
    /// Of a cache that lives an hour.
    cache_write_hour: Money,
}

/// The rates of requests with much input, as the file has them: micro-USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    /// More input than so many tokens, cached or not.
    above_tokens: i64,
    input: i64,
    output: i64,
    cache_read: i64,
    cache_write: i64,
    cache_write_hour: Option<i64>,
}

/// All that a model costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Price {
    rates: Rates,
    long: Option<(i64, Rates)>,
    batch_percent: i64,
    flex_percent: i64,
    priority_percent: i64,
    fast_percent: i64,
}

/// Prices by model, with the table's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceTable {
    version: String,
    /// By the names in the table, in lower case.
    prices: HashMap<String, Price>,
    /// By the one name of each model.
    canonical: HashMap<String, Price>,
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
    price: Vec<ModelPrices>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelPrices {
    models: Vec<String>,
    input: i64,
    output: i64,
    cache_read: i64,
    cache_write: i64,
    cache_write_hour: Option<i64>,
    long: Option<Long>,
    #[serde(default = "half")]
    batch_percent: i64,
    #[serde(default = "half")]
    flex_percent: i64,
    #[serde(default = "whole")]
    priority_percent: i64,
    #[serde(default = "whole")]
    fast_percent: i64,
}

fn half() -> i64 {
    50
}

fn whole() -> i64 {
    100
}

/// The table that is built in.
const EMBEDDED: &str = include_str!("../prices.toml");

/// The longest version, so that it fits a column of every row.
const VERSION_BYTES_MAX: usize = 64;
/// The highest rate of a tier, in percent of the list price.
const PERCENT_MAX: i64 = 10_000;

impl Rates {
    /// Reads the prices of a file in order: input, output, read from the cache, written to it. Where writing to the cache has
    /// a surcharge, a cache that lives an hour costs twice the input if the table does not say it.
    fn read(prices: [i64; 4], cache_write_hour: Option<i64>) -> Result<Self, &'static str> {
        let money = |micros: i64| Money::try_from(micros).map_err(|_| "is negative");
        let [input, output, cache_read, cache_write] = prices.map(money);
        let (input, cache_write) = (input?, cache_write?);
        let twice = if cache_write > input { input.saturating_mul(2) } else { cache_write };
        let cache_write_hour = cache_write_hour.map(money).transpose()?.unwrap_or(twice);
        Ok(Self { input, output: output?, cache_read: cache_read?, cache_write, cache_write_hour })
    }
}

impl ModelPrices {
    fn price(&self) -> Result<Price, &'static str> {
        let Self { input, output, cache_read, cache_write, cache_write_hour, .. } = *self;
        let rates = Rates::read([input, output, cache_read, cache_write], cache_write_hour)?;
        let long = self.long.map(|long| {
            let Long { above_tokens, input, output, cache_read, cache_write, cache_write_hour } = long;
            let rates = Rates::read([input, output, cache_read, cache_write], cache_write_hour)?;
            if above_tokens < 0 { Err("is negative") } else { Ok((above_tokens, rates)) }
        });
        let long = long.transpose()?;
        let Self { batch_percent, flex_percent, priority_percent, fast_percent, .. } = *self;
        let percents = [batch_percent, flex_percent, priority_percent, fast_percent];
        if percents.iter().any(|percent| !(0..=PERCENT_MAX).contains(percent)) {
            return Err("has a rate that is not 0 to 10000 percent");
        }
        Ok(Price { rates, long, batch_percent, flex_percent, priority_percent, fast_percent })
    }
}

impl Price {
    /// What the tokens cost; `None` if a counter is negative or the sum has no end.
    fn cost(&self, tokens: Tokens) -> Option<Money> {
        let Tokens { input, output, cache_read, cache_write, billing } = tokens;
        let hour = billing.cache_write_hour.min(cache_write);
        if [input, output, cache_read, cache_write, hour].iter().any(|count| *count < 0) {
            return None;
        }
        let context = i128::from(input) + i128::from(cache_read) + i128::from(cache_write);
        let rates = match self.long {
            Some((above, long)) if context > i128::from(above) => long,
            _ => self.rates,
        };
        let tier = match billing.tier {
            Tier::Standard => 100,
            Tier::Batch => self.batch_percent,
            Tier::Flex => self.flex_percent,
            Tier::Priority => self.priority_percent,
        };
        let fast = if billing.fast { self.fast_percent } else { 100 };
        let counters = [
            (input, rates.input),
            (output, rates.output),
            (cache_read, rates.cache_read),
            (cache_write - hour, rates.cache_write),
            (hour, rates.cache_write_hour),
        ];
        let mut sum = 0i128;
        for (count, price) in counters {
            let listed = i128::from(count).checked_mul(i128::from(price.as_micros()))?;
            sum += listed.checked_mul(i128::from(tier * fast))? / 10_000_000_000;
        }
        i64::try_from(sum).ok()?.try_into().ok()
    }
}

impl PriceTable {
    /// The table that is built in.
    pub fn embedded() -> Self {
        // A test parses the built-in table, so the fallback never shows.
        Self::parse(EMBEDDED).unwrap_or_else(|_| Self {
            version: String::new(),
            prices: HashMap::new(),
            canonical: HashMap::new(),
        })
    }

    /// Reads a table in the form of `prices.toml`; the error says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let file: File = toml::from_str(text).map_err(|error| PriceError(error.to_string()))?;
        if file.version.is_empty() || file.version.len() > VERSION_BYTES_MAX {
            return Err(PriceError(format!("`version` must have 1 to {VERSION_BYTES_MAX} bytes")));
        }
        let (mut prices, mut canonical) = (HashMap::new(), HashMap::new());
        for entry in file.price {
            let price = entry.price().map_err(|why| PriceError(format!("the price of {:?} {why}", entry.models)))?;
            for model in entry.models {
                let (exact, plain) = (model.trim().to_ascii_lowercase(), name::canonical(&model));
                // Of two releases with prices of their own the one without a date speaks for names that neither has.
                if exact == plain {
                    canonical.insert(plain, price);
                } else {
                    canonical.entry(plain).or_insert(price);
                }
                if prices.insert(exact, price).is_some() {
                    return Err(PriceError(format!("{model:?} has two prices; keep one")));
                }
            }
        }
        Ok(Self { version: file.version, prices, canonical })
    }

    /// The table's version, for the `price_version` column.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Number of models that have a price.
    pub fn models(&self) -> usize {
        self.prices.len()
    }

    /// What the tokens cost; `None` if the model has no price or a counter is negative.
    pub fn cost(&self, model: &str, tokens: Tokens) -> Option<Money> {
        self.find(model)?.cost(tokens)
    }

    /// The price under the model's exact name, else under its last part, else under its one name.
    fn find(&self, model: &str) -> Option<&Price> {
        self.prices
            .get(model)
            .or_else(|| self.prices.get(&model.trim().to_ascii_lowercase()))
            .or_else(|| self.prices.get(&name::last_part(model)))
            .or_else(|| self.canonical.get(&name::canonical(model)))
    }
}

#[cfg(test)]
mod tests;
