//! From cut terms to a filter: names are looked up, values are read in their units, and what is impossible is refused with what
//! would be possible.

use ledger::{Kind, LedgerName, Table};

use super::error::{FilterError, nearest};
use super::moment::{self, Moment};
use super::pattern::Pattern;
use super::scan::{self, Scanned, Sign};
use super::{Comparison, Filter, Place, Subject, Term, Test, Unit, words};
use crate::limits;

/// Reads a filter of this subject, or of any.
pub(super) fn read(text: &str, subject: Option<Subject>) -> Result<Filter, FilterError> {
    if text.len() > limits::FILTER_BYTES_MAX {
        return Err(FilterError::whole(format!("it has more than {} bytes", limits::FILTER_BYTES_MAX)));
    }
    if text.chars().any(|char| char.is_control() && !char.is_whitespace()) {
        return Err(FilterError::whole("it has control characters"));
    }
    let (mut at, mut terms, mut values) = (0, Vec::new(), 0);
    while let Some(scanned) = scan::next(text, &mut at)? {
        values += scanned.values.len();
        if terms.len() == limits::FILTER_TERMS_MAX || values > limits::FILTER_VALUES_MAX {
            let (terms, values) = (limits::FILTER_TERMS_MAX, limits::FILTER_VALUES_MAX);
            return Err(FilterError::whole(format!("it has more than {terms} terms or {values} values")));
        }
        let test = test(&scanned, subject);
        terms.push(Term {
            negated: scanned.negated,
            test: test.map_err(|what| FilterError::new(scanned.at, scanned.written, what))?,
        });
    }
    Ok(Filter { terms })
}

fn test(scanned: &Scanned<'_>, subject: Option<Subject>) -> Result<Test, String> {
    let Some((name, sign)) = scanned.name else { return free_text(scanned) };
    let single = || match &scanned.values[..] {
        [one] => one.as_literal().filter(|text| !text.is_empty()),
        _ => None,
    };
    if name == "since" || name == "until" {
        if scanned.negated {
            return Err("a moment is not left out; write since: or until: the other way round".to_owned());
        }
        let moment = single().filter(|_| sign == Sign::Is).and_then(Moment::read).ok_or(moment::POSSIBLE)?;
        return Ok(if name == "since" { Test::Since(moment) } else { Test::Until(moment) });
    }
    let place = place(name, subject)?;
    let unit = unit(&place)?;
    match sign {
        Sign::Compare(comparison) => {
            let number = single().ok_or("it is compared with one number")?;
            compare(place, unit, comparison, number, subject)
        }
        Sign::Is if unit.is_measured() && !scanned.values.iter().all(|value| value.is_any() || value.is_empty()) => {
            let number = single().ok_or("it takes one amount, or a comparison with >, >=, < or <=")?;
            Ok(Test::Compare(place, Comparison::Equal, unit.read(number)?))
        }
        Sign::Is => {
            check_values(&place, &scanned.values, subject)?;
            Ok(Test::Is(place, scanned.values.clone()))
        }
    }
}

fn free_text(scanned: &Scanned<'_>) -> Result<Test, String> {
    let pattern = scanned.values.first().cloned().unwrap_or_else(|| Pattern::literal(""));
    if pattern.is_empty() || pattern.is_any() {
        return Err("there is no text to look for".to_owned());
    }
    if !scanned.quoted && matches!(pattern.as_literal(), Some("OR" | "AND" | "NOT")) {
        let how = "all terms must hold; write team:a,b for either of two values, a minus sign before what must not hold, \
                   and quotes to look for the word";
        return Err(how.to_owned());
    }
    Ok(Test::Text(pattern.to_lower()))
}

/// What a name stands for.
fn place(name: &str, subject: Option<Subject>) -> Result<Place, String> {
    let place = match (name.strip_prefix("record."), name.strip_prefix("column.")) {
        (Some(field), _) if !field.is_empty() => Some(Place::Record(field.to_owned())),
        (_, Some(column)) => Place::column(column).map(|place| match words::find(column) {
            // Where the word reads just that column, it is the canonical form.
            Some(word) if word.word == column && word.is_column(&place) => Place::Word(word),
            _ => place,
        }),
        _ => words::find(name).map(Place::Word).or_else(|| Place::column(name)),
    };
    let Some(place) = place else {
        let near = nearest(&name.to_ascii_lowercase(), words::names(subject).into_iter());
        let possible = match near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}, and the columns of the ledger", words::listed(subject)),
        };
        return Err(format!("there is no {name:?} to filter by; {possible} Text with a colon in it stands in quotes"));
    };
    match subject.filter(|subject| !place.is_of(*subject)) {
        Some(subject) => {
            Err(format!("{} have no {name:?}; there are {}", subject.as_str(), words::listed(Some(subject))))
        }
        None => Ok(place),
    }
}

/// How values of a place are written.
fn unit(place: &Place) -> Result<Unit, String> {
    let Place::Column { name, .. } = place else {
        return Ok(if let Place::Word(word) = place { word.unit } else { Unit::Text });
    };
    let kind = LedgerName::ALL.into_iter().find_map(|ledger| Table::of(ledger).by_name(name)).map(|column| column.kind);
    match kind {
        Some(Kind::Time) => Err("it is a time; use since: and until:".to_owned()),
        Some(Kind::Bytes) => Err("its values are bytes, which are not filtered by".to_owned()),
        Some(Kind::Integer) => Ok(Unit::Count),
        _ => Ok(Unit::Text),
    }
}

fn compare(
    place: Place,
    unit: Unit,
    comparison: Comparison,
    number: &str,
    subject: Option<Subject>,
) -> Result<Test, String> {
    if let Unit::Rank(words) = unit {
        let at = words.iter().position(|word| *word == number).ok_or_else(|| no_such(number, words))?;
        let fits = |other: usize| match comparison {
            Comparison::Equal => other == at,
            Comparison::Greater => other > at,
            Comparison::AtLeast => other >= at,
            Comparison::Less => other < at,
            Comparison::AtMost => other <= at,
        };
        let any: Vec<Pattern> = words
            .iter()
            .enumerate()
            .filter(|(other, _)| fits(*other))
            .map(|(_, word)| Pattern::literal(word))
            .collect();
        return if any.is_empty() {
            Err(format!("nothing is {}{number}", comparison.as_str()))
        } else {
            Ok(Test::Is(place, any))
        };
    }
    let is_number = match &place {
        Place::Word(word) if word.word == "status" => subject != Some(Subject::Alerts),
        Place::Record(_) => false,
        _ => unit != Unit::Text,
    };
    if !is_number {
        return Err("it is a text, which is not compared; write a colon and the text, in which * stands for anything"
            .to_owned());
    }
    Ok(Test::Compare(place, comparison, unit.read(number)?))
}

/// Refuses words that no value has.
fn check_values(place: &Place, values: &[Pattern], subject: Option<Subject>) -> Result<(), String> {
    let Place::Word(word) = place else { return Ok(()) };
    let possible = match word.word {
        "status" if subject == Some(Subject::Alerts) => words::STATUSES,
        _ => word.values,
    };
    let unknown = values
        .iter()
        .filter_map(Pattern::as_literal)
        .find(|value| !possible.is_empty() && !value.is_empty() && !possible.contains(value));
    unknown.map_or(Ok(()), |value| Err(no_such(value, possible)))
}

fn no_such(value: &str, possible: &[&str]) -> String {
    let near = nearest(value, possible.iter().copied()).map(|near| format!("; did you mean {near}?"));
    format!("it is one of {}{}", possible.join(", "), near.unwrap_or_default())
}
