//! Types of a condition: finds the columns, refuses what cannot have an answer, and builds the tree that is evaluated.

use std::fmt;

use detect_core::text::{bounded, nearest};
use ledger::Column;
use ledger::column::handle;

use super::eval::{Arithmetic, Find, Node, Order, Part};
use super::parse::{Expression, Form};
use super::{ConditionError, RECORDED};
use crate::limits::{PATTERN_BYTES_MAX, PATTERN_MEMORY_MAX};

/// The type of a part of a condition. Every value of a column may be null besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Null,
    Bool,
    Int,
    Text,
    Fingerprint,
    Moment,
    Duration,
    /// A column with a list of texts.
    Texts(handle::TextList),
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Int => "a number",
            Self::Text => "a text",
            Self::Fingerprint => "a fingerprint",
            Self::Moment => "a moment",
            Self::Duration => "a duration",
            Self::Texts(_) => "a list of texts",
        })
    }
}

type Checked = Result<(Node, Type), ConditionError>;

/// The functions, for who misspells one.
const FUNCTIONS: [&str; 12] = [
    "startsWith",
    "endsWith",
    "contains",
    "matches",
    "size",
    "exists",
    "all",
    "duration",
    "getHours",
    "getMinutes",
    "getDayOfWeek",
    "getSeconds",
];

/// Types expressions, and remembers which columns they read.
#[derive(Debug, Default)]
pub struct Checker {
    /// The columns that are read.
    pub columns: Vec<&'static Column>,
    /// The variable of the `exists` or `all` that is being typed.
    variable: Option<String>,
}

impl Checker {
    /// Types an expression.
    pub fn check(&mut self, expression: &Expression) -> Checked {
        let at = expression.at;
        match &expression.form {
            Form::Null => Ok((Node::Null, Type::Null)),
            Form::Bool(value) => Ok((Node::Bool(*value), Type::Bool)),
            Form::Int(value) => Ok((Node::Int(*value), Type::Int)),
            Form::Text(value) => Ok((Node::Text(value.as_str().into()), Type::Text)),
            Form::List(_) => Err(ConditionError::new(at, "a list stands only after `in`")),
            Form::Name(name) => self.name(name, at),
            Form::Call(target, function, arguments) => self.call(target.as_deref(), function, arguments, at),
            Form::Not(part) => Ok((Node::Not(Box::new(self.typed(part, Type::Bool)?)), Type::Bool)),
            Form::Negate(part) => {
                let part = self.typed(part, Type::Int)?;
                Ok((Node::Arithmetic(Arithmetic::Subtract, Box::new(Node::Int(0)), Box::new(part)), Type::Int))
            }
            Form::All(parts) => Ok((Node::All(self.bools(parts)?), Type::Bool)),
            Form::Any(parts) => Ok((Node::Any(self.bools(parts)?), Type::Bool)),
            Form::Binary("in", left, right) => self.membership(left, right),
            Form::Binary(operator, left, right) => self.binary(operator, left, right, at),
            Form::If(condition, yes, no) => self.choice(condition, yes, no),
        }
    }

    fn typed(&mut self, expression: &Expression, expected: Type) -> Result<Node, ConditionError> {
        match self.check(expression)? {
            (node, found) if found == expected => Ok(node),
            (_, found) => Err(ConditionError::new(expression.at, format!("expected {expected}, this is {found}"))),
        }
    }

    fn bools(&mut self, parts: &[Expression]) -> Result<Vec<Node>, ConditionError> {
        parts.iter().map(|part| self.typed(part, Type::Bool)).collect()
    }

    fn name(&mut self, name: &str, at: usize) -> Checked {
        if self.variable.as_deref() == Some(name) {
            return Ok((Node::Variable, Type::Text));
        }
        if name == RECORDED {
            return Ok((Node::Recorded, Type::Moment));
        }
        let column = super::column(name).map_err(|message| ConditionError::new(at, message))?;
        self.columns.push(column);
        let typed = column
            .as_text()
            .map(|handle| (Node::TextColumn(handle), Type::Text))
            .or_else(|| column.as_integer().map(|handle| (Node::IntegerColumn(handle), Type::Int)))
            .or_else(|| column.as_time().map(|handle| (Node::MomentColumn(handle), Type::Moment)))
            .or_else(|| column.as_fingerprint().map(|handle| (Node::FingerprintColumn(handle), Type::Fingerprint)))
            .or_else(|| column.as_text_list().map(|handle| (Node::Null, Type::Texts(handle))));
        typed.ok_or_else(|| ConditionError::new(at, format!("rules do not read `{name}`")))
    }

    fn binary(&mut self, operator: &str, left: &Expression, right: &Expression, at: usize) -> Checked {
        let ((a, left_type), (b, right_type)) = (self.check(left)?, self.check(right)?);
        let pair = (Box::new(a), Box::new(b));
        let refuse = || ConditionError::new(at, format!("`{operator}` does not fit {left_type} and {right_type}"));
        let is_list = |found: Type| matches!(found, Type::Texts(_));
        if matches!(operator, "==" | "!=") {
            let fits = left_type == right_type || left_type == Type::Null || right_type == Type::Null;
            if !fits || is_list(left_type) || is_list(right_type) {
                return Err(refuse());
            }
            let equal = Node::Equal(pair.0, pair.1);
            return Ok((if operator == "==" { equal } else { Node::Not(Box::new(equal)) }, Type::Bool));
        }
        let order = match operator {
            "<" => Some(Order::Less),
            "<=" => Some(Order::AtMost),
            ">" => Some(Order::More),
            ">=" => Some(Order::AtLeast),
            _ => None,
        };
        if let Some(order) = order {
            let ordered = [Type::Int, Type::Text, Type::Moment, Type::Duration, Type::Bool];
            let fits = left_type == right_type && ordered.contains(&left_type);
            return if fits { Ok((Node::Order(order, pair.0, pair.1), Type::Bool)) } else { Err(refuse()) };
        }
        let (arithmetic, result) = match (operator, left_type, right_type) {
            ("+", Type::Int, Type::Int) => (Arithmetic::Add, Type::Int),
            ("-", Type::Int, Type::Int) => (Arithmetic::Subtract, Type::Int),
            ("*", Type::Int, Type::Int) => (Arithmetic::Multiply, Type::Int),
            ("/", Type::Int, Type::Int) => (Arithmetic::Divide, Type::Int),
            ("%", Type::Int, Type::Int) => (Arithmetic::Remainder, Type::Int),
            ("-", Type::Moment, Type::Moment) | ("-", Type::Duration, Type::Duration) => {
                (Arithmetic::Subtract, Type::Duration)
            }
            ("+", Type::Moment, Type::Duration) | ("+", Type::Duration, Type::Moment) => {
                (Arithmetic::Add, Type::Moment)
            }
            ("-", Type::Moment, Type::Duration) => (Arithmetic::Subtract, Type::Moment),
            ("+", Type::Duration, Type::Duration) => (Arithmetic::Add, Type::Duration),
            _ => return Err(refuse()),
        };
        Ok((Node::Arithmetic(arithmetic, pair.0, pair.1), result))
    }

    /// `x in [a, b]`, or `x in column`.
    fn membership(&mut self, left: &Expression, right: &Expression) -> Checked {
        let (node, found) = self.check(left)?;
        let node = Box::new(node);
        let Form::List(items) = &right.form else {
            return match (found, self.check(right)?.1) {
                (Type::Text, Type::Texts(list)) => Ok((Node::InColumn(node, list), Type::Bool)),
                (found, other) => Err(ConditionError::new(
                    right.at,
                    format!("`in` looks for a text in a list, not for {found} in {other}"),
                )),
            };
        };
        let refuse =
            |item: &Expression| ConditionError::new(item.at, format!("the list must hold what is looked for: {found}"));
        if found == Type::Text {
            let texts = items.iter().map(|item| match &item.form {
                Form::Text(text) => Ok(text.as_str().into()),
                _ => Err(refuse(item)),
            });
            return Ok((Node::InTexts(node, texts.collect::<Result<_, _>>()?), Type::Bool));
        }
        if found == Type::Int {
            let numbers = items.iter().map(|item| match item.form {
                Form::Int(number) => Ok(number),
                _ => Err(refuse(item)),
            });
            return Ok((Node::InInts(node, numbers.collect::<Result<_, _>>()?), Type::Bool));
        }
        Err(ConditionError::new(left.at, format!("`in` looks for texts and numbers, this is {found}")))
    }

    fn choice(&mut self, condition: &Expression, yes: &Expression, no: &Expression) -> Checked {
        let condition = self.typed(condition, Type::Bool)?;
        let ((yes_node, yes_type), (no_node, no_type)) = (self.check(yes)?, self.check(no)?);
        if yes_type != no_type || matches!(yes_type, Type::Texts(_)) {
            let message = format!("`? :` chooses between two of a kind, not between {yes_type} and {no_type}");
            return Err(ConditionError::new(no.at, message));
        }
        Ok((Node::If(Box::new([condition, yes_node, no_node])), yes_type))
    }

    fn call(&mut self, target: Option<&Expression>, function: &str, arguments: &[Expression], at: usize) -> Checked {
        match (function, target, arguments) {
            ("startsWith", Some(target), [needle]) => self.find(Find::Start, target, needle),
            ("endsWith", Some(target), [needle]) => self.find(Find::End, target, needle),
            ("contains", Some(target), [needle]) => self.find(Find::Anywhere, target, needle),
            ("matches", Some(text), [pattern]) | ("matches", None, [text, pattern]) => self.pattern(text, pattern),
            ("size", Some(target), []) | ("size", None, [target]) => match self.check(target)? {
                (node, Type::Text) => Ok((Node::Size(Box::new(node)), Type::Int)),
                (_, Type::Texts(list)) => Ok((Node::ListSize(list), Type::Int)),
                (_, found) => {
                    Err(ConditionError::new(target.at, format!("`size` counts texts and lists, not {found}")))
                }
            },
            ("exists", Some(list), [variable, body]) => self.loops(list, variable, body, true),
            ("all", Some(list), [variable, body]) => self.loops(list, variable, body, false),
            ("duration", None, [text]) => match &text.form {
                Form::Text(text) => duration(text, at).map(|micros| (Node::Int(micros), Type::Duration)),
                _ => Err(ConditionError::new(text.at, "a duration is a text such as \"90s\", \"15m\" or \"1h30m\"")),
            },
            ("getHours", Some(target), []) => self.part(Part::Hours, target),
            ("getMinutes", Some(target), []) => self.part(Part::Minutes, target),
            ("getSeconds", Some(target), []) => self.part(Part::Seconds, target),
            ("getDayOfWeek", Some(target), []) => self.part(Part::DayOfWeek, target),
            ("has", ..) => Err(ConditionError::new(at, "write `column != null` to ask whether an event says it")),
            _ if FUNCTIONS.contains(&function) => {
                Err(ConditionError::new(at, format!("`{function}` does not take {} arguments here", arguments.len())))
            }
            _ => {
                let hint = nearest(function, FUNCTIONS.into_iter());
                let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                Err(ConditionError::new(at, format!("there is no function `{}`{hint}", bounded(function))))
            }
        }
    }

    fn find(&mut self, find: Find, target: &Expression, needle: &Expression) -> Checked {
        let (target, needle) = (self.typed(target, Type::Text)?, self.typed(needle, Type::Text)?);
        Ok((Node::Find(find, Box::new(target), Box::new(needle)), Type::Bool))
    }

    fn pattern(&mut self, text: &Expression, pattern: &Expression) -> Checked {
        let text = self.typed(text, Type::Text)?;
        let Form::Text(source) = &pattern.form else {
            return Err(ConditionError::new(pattern.at, "the pattern of `matches` is written out, such as r'^npm '"));
        };
        if source.len() > PATTERN_BYTES_MAX {
            return Err(ConditionError::new(pattern.at, format!("a pattern has at most {PATTERN_BYTES_MAX} bytes")));
        }
        let regex =
            regex::RegexBuilder::new(source).size_limit(PATTERN_MEMORY_MAX).dfa_size_limit(PATTERN_MEMORY_MAX).build();
        let regex = regex.map_err(|error| {
            let last = error.to_string();
            let last = last.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            ConditionError::new(pattern.at, format!("the pattern is not one: {last}"))
        })?;
        Ok((Node::Matches(Box::new(text), regex), Type::Bool))
    }

    fn loops(&mut self, list: &Expression, variable: &Expression, body: &Expression, exists: bool) -> Checked {
        let (_, Type::Texts(handle)) = self.check(list)? else {
            return Err(ConditionError::new(list.at, "only a list of texts, such as `redactions`, is gone through"));
        };
        let Form::Name(name) = &variable.form else {
            return Err(ConditionError::new(variable.at, "the first argument is a name for the elements"));
        };
        if self.variable.is_some() || super::column(name).is_ok() {
            return Err(ConditionError::new(
                variable.at,
                format!("`{name}` is taken: lists are gone through one at a time"),
            ));
        }
        self.variable = Some(name.clone());
        let body = self.typed(body, Type::Bool);
        self.variable = None;
        let body = Box::new(body?);
        let body = if exists { body } else { Box::new(Node::Not(body)) };
        let exists_node = Node::Exists(handle, body);
        Ok((if exists { exists_node } else { Node::Not(Box::new(exists_node)) }, Type::Bool))
    }

    fn part(&mut self, part: Part, target: &Expression) -> Checked {
        let node = self.typed(target, Type::Moment)?;
        Ok((Node::Part(part, Box::new(node)), Type::Int))
    }
}

/// Microseconds of a duration as CEL writes it: numbers with the units h, m, s, ms and us.
fn duration(text: &str, at: usize) -> Result<i64, ConditionError> {
    let refuse = || ConditionError::new(at, "a duration is a text such as \"90s\", \"15m\" or \"1h30m\"");
    let (mut rest, mut micros) = (text, 0_i64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refuse)?;
        let number: i64 = rest[..digits].parse().map_err(|_| refuse())?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |len| digits + len);
        let factor = match &rest[digits..unit] {
            "h" => 3_600_000_000,
            "m" => 60_000_000,
            "s" => 1_000_000,
            "ms" => 1_000,
            "us" => 1,
            _ => return Err(refuse()),
        };
        micros = number.checked_mul(factor).and_then(|part| micros.checked_add(part)).ok_or_else(refuse)?;
        rest = &rest[unit..];
    }
    if text.is_empty() { Err(refuse()) } else { Ok(micros) }
}
