//! What the parameters of all rules have in common.

use std::ops::RangeInclusive;

/// Checks that a parameter lies in its range.
pub fn check_range(name: &str, value: u32, range: RangeInclusive<u32>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("{name} is {value}; it must be {} to {}", range.start(), range.end()))
}
