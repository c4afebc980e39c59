//! Matchers: one column of an alert compared with a text, in the form in which people write them.
//!
//! `rule=egress.denied_post`, `team!=red`, `host~*.acme.example`, `user!~svc-*`. A column that an alert does not have is the
//! empty text, as Alertmanager has it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::alert::{Alert, Severity};
use crate::filter::alert_text;
use crate::limits;

/// A column of an alert that can be matched, grouped by and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// Name of the rule.
    Rule,
    /// How bad it is.
    Severity,
    /// Team.
    Team,
    /// The person for whom the agent works.
    User,
    /// The workspace, by its id or by its name.
    Workspace,
    /// Registrable domain.
    Domain,
    /// Host name or address.
    Host,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Rule, Self::Severity, Self::Team, Self::User, Self::Workspace, Self::Domain, Self::Host];

    /// The word in a matcher.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Severity => "severity",
            Self::Team => "team",
            Self::User => "user",
            Self::Workspace => "workspace",
            Self::Domain => "domain",
            Self::Host => "host",
        }
    }

    /// Its value in an alert, empty if there is none.
    pub fn value(self, alert: &Alert) -> &str {
        self.values(alert).into_iter().flatten().next().unwrap_or_default()
    }

    /// Every text that stands for it: a workspace has an id and a name.
    fn values(self, alert: &Alert) -> [Option<&str>; 2] {
        let second = (self == Self::Workspace).then(|| alert_text(alert, "workspace_name")).flatten();
        match self {
            // A matcher's domain is the registrable one alone: silences that are recorded mean that.
            Self::Domain => [alert.what.domain.as_deref(), None],
            _ => [alert_text(alert, self.as_str()), second],
        }
    }
}

/// How the column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operator {
    Equal,
    NotEqual,
    Like,
    NotLike,
}

impl Operator {
    /// The longer ones first, since they begin like the shorter ones.
    const ALL: [(&'static str, Self); 4] =
        [("!=", Self::NotEqual), ("!~", Self::NotLike), ("=", Self::Equal), ("~", Self::Like)];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("", |(word, _)| word)
    }
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Matcher {
    column: Column,
    operator: Operator,
    value: String,
}

/// Why a text is not a matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// There is no operator.
    #[error("{0:?} is not a matcher; write column=value, column!=value, column~pattern or column!~pattern")]
    NoOperator(String),
    /// The column is not one of those that can be matched.
    #[error("{0:?} cannot be matched; it is one of rule, severity, team, user, workspace, domain, host")]
    UnknownColumn(String),
    /// The value is not a severity.
    #[error("{0:?} is not a severity; it is one of info, low, medium, high, critical")]
    UnknownSeverity(String),
    /// It is too long.
    #[error("a matcher has at most {} bytes", limits::MATCHER_BYTES_MAX)]
    TooLong,
    /// It has characters that nobody sees.
    #[error("a matcher has no control characters")]
    ControlCharacter,
}

impl FromStr for Matcher {
    type Err = MatcherError;

    fn from_str(text: &str) -> Result<Self, MatcherError> {
        if text.len() > limits::MATCHER_BYTES_MAX {
            return Err(MatcherError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(MatcherError::ControlCharacter);
        }
        let end = text.find(['=', '!', '~']).ok_or_else(|| MatcherError::NoOperator(text.to_owned()))?;
        let (column, rest) = text.split_at(end);
        let operator = Operator::ALL.iter().find_map(|(word, operator)| Some((*operator, rest.strip_prefix(word)?)));
        let (operator, value) = operator.ok_or_else(|| MatcherError::NoOperator(text.to_owned()))?;
        let found = Column::ALL.into_iter().find(|known| known.as_str() == column);
        let column = found.ok_or_else(|| MatcherError::UnknownColumn(column.to_owned()))?;
        let exact = matches!(operator, Operator::Equal | Operator::NotEqual);
        if column == Column::Severity && exact && !Severity::ALL.iter().any(|word| word.as_str() == value) {
            return Err(MatcherError::UnknownSeverity(value.to_owned()));
        }
        Ok(Self { column, operator, value: value.to_owned() })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.column.as_str(), self.operator.as_str(), self.value)
    }
}

impl TryFrom<String> for Matcher {
    type Error = MatcherError;

    fn try_from(text: String) -> Result<Self, MatcherError> {
        text.parse()
    }
}

impl From<Matcher> for String {
    fn from(matcher: Matcher) -> Self {
        matcher.to_string()
    }
}

impl Matcher {
    /// Whether it holds for an alert.
    pub fn matches(&self, alert: &Alert) -> bool {
        let [first, second] = self.column.values(alert);
        let any = |holds: fn(&str, &str) -> bool| {
            holds(&self.value, first.unwrap_or_default()) || second.is_some_and(|text| holds(&self.value, text))
        };
        match self.operator {
            Operator::Equal => any(|value, text| value == text),
            Operator::NotEqual => !any(|value, text| value == text),
            Operator::Like => any(is_like),
            Operator::NotLike => !any(is_like),
        }
    }

    /// Whether it says what an alert must be, and not only what it must not be: a set of matchers without such a one hides
    /// alerts that nobody thought of.
    pub fn is_selective(&self) -> bool {
        match self.operator {
            Operator::Equal => !self.value.is_empty(),
            Operator::Like => self.value.contains(|char| !matches!(char, '*' | '?')),
            Operator::NotEqual | Operator::NotLike => false,
        }
    }
}

/// Whether all of them hold. No matchers hold for nothing.
pub(super) fn all_match(matchers: &[Matcher], alert: &Alert) -> bool {
    !matchers.is_empty() && matchers.iter().all(|matcher| matcher.matches(alert))
}

/// Whether the whole text fits a pattern in which `*` stands for any characters and `?` for one.
fn is_like(pattern: &str, text: &str) -> bool {
    WildMatch::new(pattern).matches(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::tests::alert;
    use proptest::prelude::*;

    #[test]
    fn matchers_hold_as_they_read() {
        let mut alert = alert("a", 1);
        alert.who.user = Some("ada=x".to_owned());
        alert.who.workspace = Some("w-1".to_owned());
        alert.who.workspace_name = Some("upgrade".to_owned());
        alert.what.host = Some("ü.attacker-logger.com".to_owned());
        let check = |text: &str, expected: bool| {
            let matcher: Matcher = text.parse().unwrap();
            assert_eq!(matcher.matches(&alert), expected, "{text}");
            assert_eq!(matcher.to_string(), text);
        };
        for text in [
            "rule=egress.denied_post",
            "rule~egress.*",
            "rule!=egress.denied",
            "severity=high",
            "user=ada=x",
            "workspace=w-1",
            "workspace=upgrade",
            "workspace~up*",
            "team=",
            "team!=red",
            "host~?.attacker*",
            "host~*.com",
            "domain!~?*",
        ] {
            check(text, true);
        }
        for text in
            ["rule=egress", "rule~egress", "workspace!=w-1", "workspace!~up*", "team=red", "host~??.att*", "user~"]
        {
            check(text, false);
        }
    }

    #[test]
    fn what_is_no_matcher_is_named() {
        let long = "rule=".to_owned() + &"x".repeat(limits::MATCHER_BYTES_MAX);
        let check = |text: &str, expected: MatcherError| assert_eq!(text.parse::<Matcher>(), Err(expected));
        check("rule", MatcherError::NoOperator("rule".to_owned()));
        check("rule!x", MatcherError::NoOperator("rule!x".to_owned()));
        check("rul=x", MatcherError::UnknownColumn("rul".to_owned()));
        check("severity=worse", MatcherError::UnknownSeverity("worse".to_owned()));
        check("rule=a\u{1b}", MatcherError::ControlCharacter);
        check(&long, MatcherError::TooLong);
        let selective = |text: &str| text.parse::<Matcher>().unwrap().is_selective();
        assert!(selective("rule=x") && selective("rule~*x*"));
        assert!(!selective("rule~*") && !selective("rule~**?") && !selective("team!=x") && !selective("team="));
    }

    /// The plain definition, in exponential time.
    fn slow_is_like(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| slow_is_like(rest, &text[at..])),
            Some((char, rest)) => text
                .split_first()
                .is_some_and(|(first, text)| (*char == '?' || char == first) && slow_is_like(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn patterns_are_what_they_are_defined_as(pattern in "[ab*?ü]{0,8}", text in "[abü]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(is_like(&pattern, &text), slow_is_like(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn any_text_is_a_matcher_or_an_error(text in "\\PC{0,40}") {
            if let Ok(matcher) = text.parse::<Matcher>() {
                prop_assert_eq!(matcher.to_string(), text);
                let _ = matcher.matches(&alert("a", 1));
            }
        }
    }
}
