//! The counts that old rules write behind a bar, `selection | count() by field > 5`, which correlations replaced.

/// A count over a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregation {
    /// The field whose values are counted; events are without one.
    pub distinct: Option<String>,
    /// The field by which it is counted apart.
    pub by: Option<String>,
    /// So many, at least.
    pub at_least: u64,
}

/// Reads what stands behind the bar.
pub fn parse(text: &str) -> Result<Aggregation, String> {
    let refuse = || {
        format!(
            "`| {text}`: only `count() > 5`, `count(field) by other >= 5` and their like are counts that are expressed"
        )
    };
    let rest = text.strip_prefix("count(").ok_or_else(refuse)?;
    let (field, rest) = rest.split_once(')').ok_or_else(refuse)?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (by, sign, number) = match words.as_slice() {
        ["by", by, sign, number] => (Some((*by).to_owned()), *sign, *number),
        [sign, number] => (None, *sign, *number),
        _ => return Err(refuse()),
    };
    let number: u64 = number.parse().map_err(|_| refuse())?;
    let at_least = match sign {
        ">" => number.checked_add(1),
        ">=" => Some(number),
        _ => None,
    };
    let field = field.trim();
    let distinct = (!field.is_empty()).then(|| field.to_owned());
    Ok(Aggregation { distinct, by, at_least: at_least.ok_or_else(refuse)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read() {
        let check = |text: &str, expected: Option<(Option<&str>, Option<&str>, u64)>| {
            let found = parse(text).ok();
            let found = found.as_ref().map(|found| (found.distinct.as_deref(), found.by.as_deref(), found.at_least));
            assert_eq!(found, expected, "{text}");
        };
        check("count() > 5", Some((None, None, 6)));
        check("count() by User >= 5", Some((None, Some("User"), 5)));
        check("count( r-dns ) by User > 5", Some((Some("r-dns"), Some("User"), 6)));
        check("count() < 5", None);
        check("sum(x) > 5", None);
        check("near other", None);
        check("count() by a, b > 5", None);
    }
}
