//! The grammar of CEL: words to a tree. Which names there are, and what fits together, is not known here.

use super::ConditionError;
use super::lex::{Token, lex};
use crate::limits::{CONDITION_DEPTH_MAX, CONDITION_NODES_MAX};

/// A part of a condition with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// Offset in bytes.
    pub at: usize,
    /// What it is.
    pub form: Form,
}

/// What a part of a condition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Expression>),
    Name(String),
    /// `function(arguments)`, or `target.function(arguments)`.
    Call(Option<Box<Expression>>, String, Vec<Expression>),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    /// All of `&&`, or all of `||`.
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    If(Box<Expression>, Box<Expression>, Box<Expression>),
}

/// Words that CEL keeps for itself.
const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Reads a condition.
pub fn parse(source: &str) -> Result<Expression, ConditionError> {
    let mut parser = Parser { tokens: lex(source)?, next: 0, end: source.len(), depth: 0, nodes: 0 };
    let expression = parser.ternary()?;
    match parser.tokens.get(parser.next) {
        None => Ok(expression),
        Some((at, token)) => Err(ConditionError::new(*at, format!("{} does not belong here", say(token)))),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
    nodes: usize,
}

type Parsed = Result<Expression, ConditionError>;

impl Parser {
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    /// Takes the sign if it comes next.
    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((_, Token::Sign(next))) if *next == sign);
        self.next += usize::from(found);
        found
    }

    /// Takes the first of these signs that comes next.
    fn one_of(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        signs.iter().copied().find(|sign| self.sign(sign))
    }

    fn require(&mut self, sign: &str) -> Result<(), ConditionError> {
        if self.sign(sign) { Ok(()) } else { Err(self.missing(&format!("`{sign}`"))) }
    }

    fn missing(&self, what: &str) -> ConditionError {
        let message = match self.tokens.get(self.next) {
            Some((_, token)) => format!("expected {what}, found {}", say(token)),
            None => format!("expected {what}, but the condition ends"),
        };
        ConditionError::new(self.at(), message)
    }

    /// Every part is made here, so that their number is bounded.
    fn make(&mut self, at: usize, form: Form) -> Parsed {
        self.nodes += 1;
        if self.nodes > CONDITION_NODES_MAX {
            let message = format!("the condition has more than {CONDITION_NODES_MAX} parts; make several rules of it");
            return Err(ConditionError::new(at, message));
        }
        Ok(Expression { at, form })
    }

    /// Goes one level deeper; brackets in brackets would else use up the stack.
    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > CONDITION_DEPTH_MAX {
            return Err(ConditionError::new(self.at(), format!("more than {CONDITION_DEPTH_MAX} levels of brackets")));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn ternary(&mut self) -> Parsed {
        self.deeper(|parser| {
            let at = parser.at();
            let condition = parser.any()?;
            if !parser.sign("?") {
                return Ok(condition);
            }
            let yes = parser.any()?;
            parser.require(":")?;
            let no = parser.ternary()?;
            parser.make(at, Form::If(Box::new(condition), Box::new(yes), Box::new(no)))
        })
    }

    fn any(&mut self) -> Parsed {
        self.chain("||", Self::all, Form::Any)
    }

    fn all(&mut self) -> Parsed {
        self.chain("&&", Self::relation, Form::All)
    }

    /// `part`, or several of them with `sign` between.
    fn chain(&mut self, sign: &str, part: fn(&mut Self) -> Parsed, form: fn(Vec<Expression>) -> Form) -> Parsed {
        let at = self.at();
        let first = part(self)?;
        let mut parts = vec![first];
        while self.sign(sign) {
            parts.push(part(self)?);
        }
        match parts.len() {
            1 => parts.pop().ok_or_else(|| self.missing("an expression")),
            _ => self.make(at, form(parts)),
        }
    }

    fn relation(&mut self) -> Parsed {
        self.left(Self::sum, &["==", "!=", "<=", ">=", "<", ">", "in"])
    }

    fn sum(&mut self) -> Parsed {
        self.left(Self::product, &["+", "-"])
    }

    fn product(&mut self) -> Parsed {
        self.left(Self::unary, &["*", "/", "%"])
    }

    /// Operators of one rank, from the left. Each adds a level, so their number is bounded too.
    fn left(&mut self, part: fn(&mut Self) -> Parsed, operators: &[&'static str]) -> Parsed {
        let mut left = part(self)?;
        let mut levels = 0;
        while let Some((at, operator)) = self.operator(operators) {
            levels += 1;
            if levels > CONDITION_DEPTH_MAX {
                return Err(ConditionError::new(at, format!("more than {CONDITION_DEPTH_MAX} operators in a row")));
            }
            let right = part(self)?;
            left = self.make(at, Form::Binary(operator, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn operator(&mut self, operators: &[&'static str]) -> Option<(usize, &'static str)> {
        let at = self.at();
        let word = matches!(self.tokens.get(self.next), Some((_, Token::Name(name))) if name == "in");
        if word && operators.contains(&"in") {
            self.next += 1;
            return Some((at, "in"));
        }
        self.one_of(operators).map(|sign| (at, sign))
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at();
        if self.sign("!") {
            let part = self.deeper(Self::unary)?;
            return self.make(at, Form::Not(Box::new(part)));
        }
        if self.sign("-") {
            if let Some((_, Token::Int(number))) = self.tokens.get(self.next) {
                let number = 0_i64.checked_sub_unsigned(*number).unwrap_or(i64::MIN);
                self.next += 1;
                let literal = self.make(at, Form::Int(number))?;
                return self.members(literal);
            }
            let part = self.deeper(Self::unary)?;
            return self.make(at, Form::Negate(Box::new(part)));
        }
        let primary = self.primary()?;
        self.members(primary)
    }

    /// The calls that follow a value with dots.
    fn members(&mut self, mut target: Expression) -> Parsed {
        let mut calls = 0;
        loop {
            let at = self.at();
            if self.sign("[") {
                return Err(ConditionError::new(at, "lists have no index here; use `in`, `exists` or `all`"));
            }
            if !self.sign(".") {
                return Ok(target);
            }
            calls += 1;
            if calls > CONDITION_DEPTH_MAX {
                return Err(ConditionError::new(at, format!("more than {CONDITION_DEPTH_MAX} calls in a row")));
            }
            let at = self.at();
            let name = self.name()?;
            if !self.sign("(") {
                let message = format!("columns have no fields, so `.{name}` needs brackets: `.{name}(…)`");
                return Err(ConditionError::new(at, message));
            }
            let arguments = self.list(")")?;
            target = self.make(at, Form::Call(Some(Box::new(target)), name, arguments))?;
        }
    }

    fn name(&mut self) -> Result<String, ConditionError> {
        match self.tokens.get(self.next) {
            Some((at, Token::Name(name))) if RESERVED.contains(&name.as_str()) => {
                Err(ConditionError::new(*at, format!("`{name}` is a reserved word")))
            }
            Some((_, Token::Name(name))) => {
                self.next += 1;
                Ok(name.clone())
            }
            _ => Err(self.missing("a name")),
        }
    }

    /// Expressions with commas between, up to the closing bracket.
    fn list(&mut self, close: &str) -> Result<Vec<Expression>, ConditionError> {
        let mut items = Vec::new();
        if self.sign(close) {
            return Ok(items);
        }
        loop {
            items.push(self.ternary()?);
            if self.sign(close) {
                return Ok(items);
            }
            self.require(",")?;
            // CEL lets a list end with a comma, but no arguments.
            if close == "]" && self.sign(close) {
                return Ok(items);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let at = self.at();
        match self.tokens.get(self.next).map(|(_, token)| token.clone()) {
            Some(Token::Int(number)) => {
                self.next += 1;
                let number = i64::try_from(number);
                let number = number.map_err(|_| ConditionError::new(at, "this number does not fit in 64 bits"))?;
                self.make(at, Form::Int(number))
            }
            Some(Token::Text(text)) => {
                self.next += 1;
                self.make(at, Form::Text(text))
            }
            Some(Token::Sign("(")) => {
                self.next += 1;
                let inner = self.ternary()?;
                self.require(")")?;
                Ok(inner)
            }
            Some(Token::Sign("[")) => {
                self.next += 1;
                let items = self.list("]")?;
                self.make(at, Form::List(items))
            }
            Some(Token::Sign("{")) => Err(ConditionError::new(at, "maps are not part of conditions")),
            Some(Token::Name(_)) => {
                let name = self.name()?;
                if self.sign("(") {
                    let arguments = self.list(")")?;
                    return self.make(at, Form::Call(None, name, arguments));
                }
                let form = match name.as_str() {
                    "true" => Form::Bool(true),
                    "false" => Form::Bool(false),
                    "null" => Form::Null,
                    _ => Form::Name(name),
                };
                self.make(at, form)
            }
            _ => Err(self.missing("a value")),
        }
    }
}

fn say(token: &Token) -> String {
    match token {
        Token::Name(name) => format!("`{}`", detect_core::text::bounded(name)),
        Token::Int(number) => format!("`{number}`"),
        Token::Text(_) => "a text".to_owned(),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}
