//! Evaluation of a typed condition over one event: a walk over a small tree without copies, state or calls out.

use std::cmp::Ordering;

use detect_core::event::EventRow;
use detect_core::text::scanned;
use ledger::Timestamp;
use ledger::column::handle;
use ledger::events::column;
use regex::Regex;

use super::Truth;

/// A part of a condition. The checker built it, so values have the types that their places want.
#[derive(Debug)]
pub enum Node {
    Null,
    Bool(bool),
    /// A number, or the microseconds of a duration.
    Int(i64),
    Text(Box<str>),
    TextColumn(handle::Text),
    IntegerColumn(handle::Integer),
    MomentColumn(handle::Time),
    FingerprintColumn(handle::Fingerprint),
    /// When the event was recorded.
    Recorded,
    /// The element of the list that is gone through.
    Variable,
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    /// Condition, then, else.
    If(Box<[Node; 3]>),
    Equal(Box<Node>, Box<Node>),
    Order(Order, Box<Node>, Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    InTexts(Box<Node>, Box<[Box<str>]>),
    InInts(Box<Node>, Box<[i64]>),
    InColumn(Box<Node>, handle::TextList),
    Find(Find, Box<Node>, Box<Node>),
    Matches(Box<Node>, Regex),
    Size(Box<Node>),
    ListSize(handle::TextList),
    Exists(handle::TextList, Box<Node>),
    Part(Part, Box<Node>),
}

/// How two values are ordered.
#[derive(Debug, Clone, Copy)]
pub enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// How two numbers are computed.
#[derive(Debug, Clone, Copy)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Where a text is looked for.
#[derive(Debug, Clone, Copy)]
pub enum Find {
    Start,
    End,
    Anywhere,
}

/// A part of a moment, in UTC.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Hours,
    Minutes,
    Seconds,
    /// Sunday is 0.
    DayOfWeek,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'a> {
    Null,
    Bool(bool),
    /// A number, a moment or a duration in microseconds.
    Int(i64),
    Text(&'a str),
    Fingerprint(u64),
}

impl Value<'_> {
    /// A moment, with which conditions compute as with any number.
    fn moment(moment: Timestamp) -> Self {
        Self::Int(moment.unix_micros())
    }
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The event does not say what was asked.
    Absent,
    /// It cannot be computed.
    Failed,
}

type Evaluated<'a> = Result<Value<'a>, Fault>;

impl Node {
    /// Asks an event.
    pub fn answer(&self, event: &EventRow<'_>) -> Truth {
        match self.truth(event, None) {
            Ok(true) => Truth::Yes,
            Ok(false) | Err(Fault::Absent) => Truth::No,
            Err(Fault::Failed) => Truth::Failed,
        }
    }

    /// Puts the cheap parts of `&&` and `||` first; their order changes no answer.
    pub fn cheapest_first(mut self) -> Self {
        if let Self::All(parts) | Self::Any(parts) = &mut self {
            let mut sorted: Vec<Self> = std::mem::take(parts).into_iter().map(Self::cheapest_first).collect();
            sorted.sort_by_key(Self::cost);
            *parts = sorted;
        }
        self
    }

    /// Roughly what a part costs: most events differ in their kind, and patterns read whole texts.
    fn cost(&self) -> u32 {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Text(_) | Self::Recorded | Self::Variable => 0,
            Self::TextColumn(handle) if *handle == column::KIND => 0,
            Self::TextColumn(_)
            | Self::IntegerColumn(_)
            | Self::MomentColumn(_)
            | Self::FingerprintColumn(_)
            | Self::ListSize(_) => 2,
            Self::Not(part) | Self::InInts(part, _) | Self::Part(_, part) => 1 + part.cost(),
            Self::InTexts(part, texts) => 1 + texts.len() as u32 / 4 + part.cost(),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::cost).sum::<u32>().saturating_add(1),
            Self::If(parts) => parts.iter().map(Self::cost).sum::<u32>().saturating_add(1),
            Self::Equal(a, b) | Self::Order(_, a, b) | Self::Arithmetic(_, a, b) => 1 + a.cost() + b.cost(),
            Self::Find(Find::Anywhere, a, b) => 20 + a.cost() + b.cost(),
            Self::Find(_, a, b) => 2 + a.cost() + b.cost(),
            Self::Size(part) | Self::InColumn(part, _) | Self::Exists(_, part) => 20 + part.cost(),
            Self::Matches(text, _) => 100 + text.cost(),
        }
    }

    fn truth(&self, event: &EventRow<'_>, variable: Option<&str>) -> Result<bool, Fault> {
        match self {
            Self::Not(part) => part.truth(event, variable).map(|truth| !truth),
            Self::All(parts) => decide(parts.iter().map(|part| part.truth(event, variable)), false),
            Self::Any(parts) => decide(parts.iter().map(|part| part.truth(event, variable)), true),
            Self::Equal(a, b) => Ok(a.value(event, variable)? == b.value(event, variable)?),
            Self::Order(order, a, b) => {
                let ordering = compare(a.value(event, variable)?, b.value(event, variable)?).ok_or(Fault::Absent)?;
                Ok(match order {
                    Order::Less => ordering == Ordering::Less,
                    Order::AtMost => ordering != Ordering::Greater,
                    Order::More => ordering == Ordering::Greater,
                    Order::AtLeast => ordering != Ordering::Less,
                })
            }
            Self::InTexts(text, texts) => Ok(match text.value(event, variable)? {
                Value::Text(text) => texts.iter().any(|other| **other == *text),
                _ => false,
            }),
            Self::InInts(number, numbers) => Ok(match number.value(event, variable)? {
                Value::Int(number) => numbers.contains(&number),
                _ => false,
            }),
            Self::InColumn(text, list) => Ok(match text.value(event, variable)? {
                Value::Text(text) => event.list(*list).any(|other| other == text),
                _ => false,
            }),
            Self::Find(find, text, needle) => {
                let (text, needle) = (text.text(event, variable)?, needle.text(event, variable)?);
                Ok(match find {
                    Find::Start => text.starts_with(needle),
                    Find::End => text.ends_with(needle),
                    Find::Anywhere => scanned(text).contains(needle),
                })
            }
            Self::Matches(text, regex) => Ok(regex.is_match(scanned(text.text(event, variable)?))),
            Self::Exists(list, body) => decide(event.list(*list).map(|element| body.truth(event, Some(element))), true),
            other => match other.value(event, variable)? {
                Value::Bool(truth) => Ok(truth),
                _ => Err(Fault::Absent),
            },
        }
    }

    fn value<'a, 'e: 'a>(&'a self, event: &EventRow<'e>, variable: Option<&'a str>) -> Evaluated<'a> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Text(value) => Value::Text(value),
            Self::TextColumn(handle) => event.text(*handle).map_or(Value::Null, Value::Text),
            Self::IntegerColumn(handle) => event.integer(*handle).map_or(Value::Null, Value::Int),
            Self::MomentColumn(handle) => event.moment(*handle).map_or(Value::Null, Value::moment),
            Self::FingerprintColumn(handle) => event.fingerprint(*handle).map_or(Value::Null, Value::Fingerprint),
            Self::Recorded => Value::moment(event.recorded()),
            Self::Variable => variable.map_or(Value::Null, Value::Text),
            Self::If(parts) => {
                let [condition, yes, no] = parts.as_ref();
                return if condition.truth(event, variable)? { yes } else { no }.value(event, variable);
            }
            Self::Arithmetic(arithmetic, a, b) => {
                Value::Int(compute(*arithmetic, a.number(event, variable)?, b.number(event, variable)?)?)
            }
            Self::Size(text) => Value::Int(text.text(event, variable)?.chars().count() as i64),
            Self::ListSize(list) => Value::Int(event.list(*list).count() as i64),
            Self::Part(part, moment) => Value::Int(part.of(moment.number(event, variable)?)),
            truth => Value::Bool(truth.truth(event, variable)?),
        })
    }

    fn text<'a, 'e: 'a>(&'a self, event: &EventRow<'e>, variable: Option<&'a str>) -> Result<&'a str, Fault> {
        match self.value(event, variable)? {
            Value::Text(text) => Ok(text),
            _ => Err(Fault::Absent),
        }
    }

    fn number(&self, event: &EventRow<'_>, variable: Option<&str>) -> Result<i64, Fault> {
        match self.value(event, variable)? {
            Value::Int(number) => Ok(number),
            _ => Err(Fault::Absent),
        }
    }
}

impl Part {
    fn of(self, micros: i64) -> i64 {
        let seconds = micros.div_euclid(1_000_000);
        match self {
            Self::Hours => seconds.rem_euclid(86_400) / 3_600,
            Self::Minutes => seconds.rem_euclid(3_600) / 60,
            Self::Seconds => seconds.rem_euclid(60),
            // 1970-01-01 was a Thursday.
            Self::DayOfWeek => (seconds.div_euclid(86_400) + 4).rem_euclid(7),
        }
    }
}

/// `&&` and `||` as CEL defines them: one answer that decides is enough, whatever the others failed at.
fn decide(truths: impl Iterator<Item = Result<bool, Fault>>, decisive: bool) -> Result<bool, Fault> {
    let mut fault = None;
    for truth in truths {
        match truth {
            Ok(truth) if truth == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(Fault::Failed) => fault = Some(Fault::Failed),
            Err(Fault::Absent) => fault = fault.or(Some(Fault::Absent)),
        }
    }
    fault.map_or(Ok(!decisive), Err)
}

fn compare(a: Value<'_>, b: Value<'_>) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
        _ => None,
    }
}

fn compute(arithmetic: Arithmetic, a: i64, b: i64) -> Result<i64, Fault> {
    let result = match arithmetic {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide => a.checked_div(b),
        Arithmetic::Remainder => a.checked_rem(b),
    };
    result.ok_or(Fault::Failed)
}
