//! The modifiers behind a field, put in order: how a value is compared, how it is encoded before, and which of them do not go together.

use rsigma_parser::Modifier;

use crate::encoding::Encoding;
use crate::expression::Comparison;

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// The value is all of it.
    Is,
    Contains,
    StartsWith,
    EndsWith,
    /// A pattern, with its flags.
    Pattern,
    Network,
    Exists,
    Compare(Comparison),
    /// It is something else.
    Differs,
}

/// All that stands behind a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modifiers {
    pub operator: Operator,
    /// All values, not any of them.
    pub all: bool,
    pub cased: bool,
    pub any_dash: bool,
    pub encodings: Vec<Encoding>,
    /// Flags of a pattern.
    pub flags: String,
}

impl Modifiers {
    /// Puts modifiers in order.
    pub fn of(modifiers: &[Modifier]) -> Result<Self, String> {
        let mut found = Self {
            operator: Operator::Is,
            all: false,
            cased: false,
            any_dash: false,
            encodings: Vec::new(),
            flags: String::new(),
        };
        for modifier in modifiers {
            found.add(*modifier)?;
        }
        let is_text =
            matches!(found.operator, Operator::Is | Operator::Contains | Operator::StartsWith | Operator::EndsWith);
        let refused = if !is_text && (found.any_dash || !found.encodings.is_empty()) {
            "an encoding of texts"
        } else if found.operator != Operator::Pattern && !found.flags.is_empty() {
            "flags of a pattern"
        } else if !is_text && !matches!(found.operator, Operator::Pattern | Operator::Differs) && found.cased {
            "`cased`"
        } else if found.any_dash && !found.encodings.is_empty() {
            "`windash` and an encoding"
        } else {
            return Ok(found);
        };
        Err(format!("{refused} does not go together with the other modifiers"))
    }

    fn add(&mut self, modifier: Modifier) -> Result<(), String> {
        let operator = match modifier {
            Modifier::Contains => Operator::Contains,
            Modifier::StartsWith => Operator::StartsWith,
            Modifier::EndsWith => Operator::EndsWith,
            Modifier::Re => Operator::Pattern,
            Modifier::Cidr => Operator::Network,
            Modifier::Exists => Operator::Exists,
            Modifier::Gt => Operator::Compare(Comparison::More),
            Modifier::Gte => Operator::Compare(Comparison::AtLeast),
            Modifier::Lt => Operator::Compare(Comparison::Less),
            Modifier::Lte => Operator::Compare(Comparison::AtMost),
            Modifier::Neq => Operator::Differs,
            Modifier::All => return set(&mut self.all, "all"),
            Modifier::Cased => return set(&mut self.cased, "cased"),
            Modifier::WindAsh => return set(&mut self.any_dash, "windash"),
            Modifier::Base64 => return self.encode(Encoding::Base64),
            Modifier::Base64Offset => return self.encode(Encoding::Base64Offset),
            Modifier::Wide => return self.encode(Encoding::Wide),
            Modifier::Utf16be => return self.encode(Encoding::WideBig),
            Modifier::Utf16 => return self.encode(Encoding::WideMarked),
            Modifier::IgnoreCase => return self.flag('i'),
            Modifier::Multiline => return self.flag('m'),
            Modifier::DotAll => return self.flag('s'),
            Modifier::Expand => return Err("modifier `expand`: placeholders are filled in by no one here".to_owned()),
            Modifier::FieldRef => {
                return Err("modifier `fieldref`: two fields are not compared without case".to_owned());
            }
            Modifier::Minute | Modifier::Hour | Modifier::Day | Modifier::Week | Modifier::Month | Modifier::Year => {
                return Err("modifiers for parts of a moment: fields with moments have no column".to_owned());
            }
        };
        if self.operator != Operator::Is {
            return Err("two modifiers say how to compare".to_owned());
        }
        self.operator = operator;
        Ok(())
    }

    fn flag(&mut self, flag: char) -> Result<(), String> {
        if self.flags.contains(flag) {
            return Err(format!("flag `{flag}` stands twice"));
        }
        self.flags.push(flag);
        Ok(())
    }

    fn encode(&mut self, encoding: Encoding) -> Result<(), String> {
        if self.encodings.contains(&Encoding::Base64Offset) {
            return Err("`base64offset` is the last step of an encoding".to_owned());
        }
        self.encodings.push(encoding);
        Ok(())
    }
}

fn set(place: &mut bool, name: &str) -> Result<(), String> {
    if std::mem::replace(place, true) { Err(format!("modifier `{name}` stands twice")) } else { Ok(()) }
}
