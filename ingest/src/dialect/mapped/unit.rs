//! Units of numbers and times: what a source counts in, and what the column counts in.

use ledger::column::Quantity;

use super::written::{Mistakes, TableAt, near};
use crate::bounds::NO_NUMBER;
use crate::dialect::native::scalar::Scalar;
use crate::dialect::quoted;
use crate::timestamp::{self, Stated};

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    /// A time.
    Moment,
    /// A number of something.
    Number(Quantity),
}

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unit {
    /// A number as it is; a time in RFC 3339 or as a number whose size tells its unit.
    AsItIs,
    /// A time in RFC 3339 and nothing else.
    Rfc3339,
    /// A time as a number of so many nanoseconds each.
    Since1970(u32),
    /// A number of so many of the column's own.
    Times(f64),
}

/// What was read of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Read {
    /// The value is the column's.
    AsItIs,
    /// A time.
    Moment(Stated),
    /// A number, or [`NO_NUMBER`].
    Number(i64),
}

const MOMENTS: &[(&str, Unit)] = &[
    ("rfc3339", Unit::Rfc3339),
    ("s", Unit::Since1970(1_000_000_000)),
    ("ms", Unit::Since1970(1_000_000)),
    ("us", Unit::Since1970(1_000)),
    ("ns", Unit::Since1970(1)),
];
const DURATIONS: &[(&str, Unit)] = &[
    ("ns", Unit::Times(1e-3)),
    ("us", Unit::Times(1.0)),
    ("ms", Unit::Times(1e3)),
    ("s", Unit::Times(1e6)),
    ("min", Unit::Times(6e7)),
];
const MONEY: &[(&str, Unit)] = &[("usd", Unit::Times(1e6)), ("cents", Unit::Times(1e4)), ("micros", Unit::Times(1.0))];
const BYTES: &[(&str, Unit)] = &[
    ("bytes", Unit::Times(1.0)),
    ("kb", Unit::Times(1e3)),
    ("mb", Unit::Times(1e6)),
    ("gb", Unit::Times(1e9)),
    ("kib", Unit::Times(1_024.0)),
    ("mib", Unit::Times(1_048_576.0)),
    ("gib", Unit::Times(1_073_741_824.0)),
];

/// Floats count whole numbers exactly up to 2^53, and no column goes further.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// The units that such a column may be written in.
fn units(of: Of) -> &'static [(&'static str, Unit)] {
    match of {
        Of::Moment => MOMENTS,
        Of::Number(Quantity::Microseconds) => DURATIONS,
        Of::Number(Quantity::MicroDollars) => MONEY,
        Of::Number(Quantity::Bytes) => BYTES,
        Of::Number(_) => &[],
    }
}

/// Reads the unit of a column that is a table: `unit`, or `times`, the factor itself. `None` if it is not in order.
pub fn read(table: &TableAt<'_>, of: Option<Of>, mistakes: &mut Mistakes) -> Option<Unit> {
    let (unit, times) = (table.get("unit"), table.get("times"));
    if let Some((unit, _)) = unit.zip(times) {
        mistakes.tell(&unit.span(), "`unit` and `times` say the same thing: leave one out");
        return None;
    }
    if let Some(value) = times {
        let factor = super::written::scalar(value.get_ref()).and_then(|text| text.replace('_', "").parse::<f64>().ok());
        let factor = factor.filter(|factor| factor.is_finite() && *factor > 0.0);
        if !(matches!(of, Some(Of::Number(_))) && factor.is_some()) {
            mistakes.tell(&value.span(), "`times` is a factor above 0 of a column that is a number");
        }
        return factor.map(Unit::Times);
    }
    let Some(value) = unit else { return Some(Unit::AsItIs) };
    let known = of.map_or(&[][..], units);
    let word = super::written::text(value, "unit", mistakes)?;
    let found = known.iter().find(|(name, _)| *name == word).map(|(_, unit)| *unit);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let hint = if names.is_empty() {
            "; the column has none".to_owned()
        } else {
            near(word, names.iter().copied()).unwrap_or_else(|| format!("; known are {}", names.join(", ")))
        };
        mistakes.tell(&value.span(), format!("unknown unit {}{hint}", quoted(word)));
    }
    found
}

impl Unit {
    /// What a value says in this unit.
    pub fn apply(self, value: &Scalar) -> Read {
        let text = value.text();
        match self {
            Self::AsItIs => Read::AsItIs,
            Self::Rfc3339 => Read::Moment(match text.as_deref().map(str::trim) {
                None => {
                    if *value == Scalar::Null {
                        Stated::Nothing
                    } else {
                        Stated::Unreadable
                    }
                }
                Some("") => Stated::Nothing,
                Some(text) => timestamp::parse(text).map_or(Stated::Unreadable, Stated::At),
            }),
            Self::Since1970(nanos) => Read::Moment(match text {
                None => {
                    if *value == Scalar::Null {
                        Stated::Nothing
                    } else {
                        Stated::Unreadable
                    }
                }
                Some(text) => Stated::in_units(&text, nanos),
            }),
            Self::Times(factor) => {
                let number =
                    text.and_then(|text| text.trim().parse::<f64>().ok()).map(|number| (number * factor).round());
                Read::Number(number.filter(|number| number.abs() < EXACT_MAX).map_or(NO_NUMBER, |number| number as i64))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn every_unit_comes_to_the_columns_own() {
        let check = |of: Of, unit: &str, text: &str, expected: Read| {
            let (_, unit) = units(of).iter().find(|(name, _)| *name == unit).copied().expect(unit);
            assert_eq!(unit.apply(&Scalar::Text(Cow::Borrowed(text))), expected, "{text} {unit:?}");
        };
        let (duration, money, bytes) =
            (Of::Number(Quantity::Microseconds), Of::Number(Quantity::MicroDollars), Of::Number(Quantity::Bytes));
        check(duration, "s", "1.5", Read::Number(1_500_000));
        check(duration, "ms", "653", Read::Number(653_000));
        check(duration, "ns", "1500", Read::Number(2));
        check(duration, "min", "2", Read::Number(120_000_000));
        check(duration, "ms", "soon", Read::Number(NO_NUMBER));
        check(duration, "s", "NaN", Read::Number(NO_NUMBER));
        check(duration, "s", "1e300", Read::Number(NO_NUMBER));
        check(money, "usd", "0.02045055", Read::Number(20_451));
        check(money, "usd", "2e-5", Read::Number(20));
        check(money, "cents", "12", Read::Number(120_000));
        check(bytes, "kib", "1.5", Read::Number(1_536));
        let moment = Stated::At(1_791_015_304_118_000);
        check(Of::Moment, "rfc3339", "2026-10-03T08:15:04.118Z", Read::Moment(moment));
        check(Of::Moment, "rfc3339", "1791015304118", Read::Moment(Stated::Unreadable));
        check(Of::Moment, "s", "1791015304.118", Read::Moment(moment));
        check(Of::Moment, "ms", "1791015304118", Read::Moment(moment));
        check(Of::Moment, "us", "1791015304118000", Read::Moment(moment));
        check(Of::Moment, "ns", "1791015304118000657", Read::Moment(moment));
        check(Of::Moment, "ms", "", Read::Moment(Stated::Nothing));
    }
}
