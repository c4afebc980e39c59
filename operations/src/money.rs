//! Money: whole micro-USD, so that sums are exact and a replay gives the same bytes. Nothing else is counted here.
//!
//! There is no `+` and no `-`: whoever adds says what happens at the end of the range, and a sum of money never turns into a
//! small one. Rates and statistics leave the type by [`Money::as_micros`] and come back by [`Money::from_micros`].

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Micro-USD of one dollar.
const MICROS: u64 = 1_000_000;

/// An amount of money, never below nothing: integer micro-USD, in records and JSON too.
///
/// Shown in dollars, cut off to cents, or to hundredths of a cent below one dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Money(u64);

/// A text is no amount of dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount of money is a number of dollars with at most six digits after the point")]
pub struct MoneyError;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many millionths of a dollar.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// So many whole dollars.
    pub const fn from_dollars(dollars: u32) -> Self {
        Self(dollars as u64 * MICROS)
    }

    /// In millionths of a dollar.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Its whole dollars.
    pub const fn whole_dollars(self) -> u64 {
        self.0 / MICROS
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or the largest amount there is.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left, or nothing.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many times the amount, or the largest there is.
    #[must_use]
    pub const fn saturating_mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }

    /// How many percent of `whole` it is, cut off; of nothing as if it were one millionth.
    pub const fn percent_of(self, whole: Self) -> u128 {
        let whole = if whole.0 == 0 { 1 } else { whole.0 };
        self.0 as u128 * 100 / whole as u128
    }

    /// In dollars with as many digits as it needs: cents, or all six.
    pub fn exact(self) -> String {
        let (whole, rest) = (self.0 / MICROS, self.0 % MICROS);
        if rest % 10_000 == 0 { format!("${whole}.{:02}", rest / 10_000) } else { format!("${whole}.{rest:06}") }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded and not cut: the last digit is one hundredth of a cent below a dollar, and one cent from there on.
        let hundredths = self.0.saturating_add(50) / 100;
        if hundredths < 10_000 && !self.0.is_multiple_of(10_000) {
            return write!(formatter, "$0.{hundredths:04}");
        }
        let cents = self.0.saturating_add(5_000) / 10_000;
        let (whole, rest) = (cents / 100, cents % 100);
        let digits = whole.to_string();
        formatter.write_str("$")?;
        for (at, digit) in digits.chars().enumerate() {
            let comma = if at > 0 && (digits.len() - at) % 3 == 0 { "," } else { "" };
            write!(formatter, "{comma}{digit}")?;
        }
        write!(formatter, ".{rest:02}")
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads dollars as a decimal number, such as `200` or `0.5`, digit by digit.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || rest.is_some_and(|rest| !is_number(rest) || rest.len() > 6) {
            return Err(MoneyError);
        }
        let micros = format!("{whole}{:0<6}", rest.unwrap_or_default());
        micros.parse().map(Self).map_err(|_| MoneyError)
    }
}

impl Sum for Money {
    /// The sum, or the largest amount there is.
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

impl TryFrom<i64> for Money {
    type Error = MoneyError;

    /// Micro-USD as a column holds them, which may be less than nothing there.
    fn try_from(micros: i64) -> Result<Self, MoneyError> {
        u64::try_from(micros).map(Self).map_err(|_| MoneyError)
    }
}

impl TryFrom<Money> for i64 {
    type Error = std::num::TryFromIntError;

    /// Micro-USD as a column or a measurement holds them.
    fn try_from(money: Money) -> Result<Self, Self::Error> {
        money.0.try_into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_shown_as_people_write_it() {
        let check = |micros, shown: &str, exact: &str| {
            let money = Money::from_micros(micros);
            assert_eq!((money.to_string().as_str(), money.exact().as_str()), (shown, exact));
        };
        check(0, "$0.00", "$0.00");
        check(1_234, "$0.0012", "$0.001234");
        check(250_000, "$0.25", "$0.25");
        check(1_500_000, "$1.50", "$1.50");
        check(149, "$0.0001", "$0.000149");
        check(999_949, "$0.9999", "$0.999949");
        check(999_950, "$1.00", "$0.999950");
        check(20_994_999, "$20.99", "$20.994999");
        check(20_999_999, "$21.00", "$20.999999");
        check(1_234_567_000_000, "$1,234,567.00", "$1234567.00");
    }

    #[test]
    fn dollars_are_read_digit_by_digit() {
        let check = |text: &str, micros: Option<u64>| {
            assert_eq!(text.parse().ok(), micros.map(Money::from_micros), "{text:?}");
        };
        check("0", Some(0));
        check("200", Some(200_000_000));
        check("0.5", Some(500_000));
        check("0.1", Some(100_000));
        check("1000000000", Some(1_000_000_000_000_000));
        check("999999999.999999", Some(999_999_999_999_999));
        check("18446744073709.551615", Some(u64::MAX));
        check("18446744073709.551616", None);
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1e3", "NaN", "inf", "0.0000001", "1,000", "1.2.3", "١"] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_sum_has_an_end_and_never_starts_again() {
        let [least, most] = [1, u64::MAX].map(Money::from_micros);
        assert_eq!((most.saturating_add(least), most.saturating_mul(3)), (most, most));
        assert_eq!((least.saturating_sub(most), [least, most, least].into_iter().sum::<Money>()), (Money::ZERO, most));
        assert_eq!((most.percent_of(least), least.percent_of(Money::ZERO)), (u128::from(u64::MAX) * 100, 100));
        assert_eq!((i64::try_from(most).ok(), Money::try_from(-1).ok()), (None, None));
    }

    proptest! {
        /// What a configuration file holds is a number that its reader made binary: its shortest decimal form is what was
        /// written, for every amount below a billion dollars.
        #[test]
        fn a_number_of_a_file_is_the_amount_that_was_written(micros in 0u64..1_000_000_000_000_000) {
            let written = format!("{}.{:06}", micros / MICROS, micros % MICROS);
            let read: f64 = written.parse().unwrap();
            prop_assert_eq!(read.to_string().parse::<Money>(), Ok(Money::from_micros(micros)));
        }

        /// In JSON it is a plain number.
        #[test]
        fn it_round_trips(micros: u64) {
            let money = Money::from_micros(micros);
            let text = serde_json::to_string(&money).unwrap();
            prop_assert_eq!(&text, &micros.to_string());
            prop_assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money);
            prop_assert_eq!(money.exact().trim_start_matches('$').parse::<Money>(), Ok(money));
        }
    }
}
