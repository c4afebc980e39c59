//! The templates: JSON in which `{{ name }}` stands for a value. That is all; there are no conditions, loops or functions.
//!
//! A value is always escaped as the inside of a JSON string, so no text of an alert can end the string that it stands in. Whether each
//! stands in one is found when the configuration is read: a text outside of a string would not be JSON then.

use operations::alert::Severity;
use serde_json::Value;

use crate::delivery::Notification;
use crate::delivery::content::Content;
use crate::delivery::text::line;
use crate::limits::{REASON_CHARS_MAX, TEMPLATE_BYTES_MAX, TEMPLATE_VALUES_MAX, TITLE_CHARS_MAX, VALUE_CHARS_MAX};

/// The most bytes of what is known of an alert, as one text.
const TEXT_BYTES_MAX: usize = 6_000;
/// What no placeholder may let out of its string.
const HOSTILE: &str = "\"\\{{}}\u{8}\n</script>";

/// A template that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Name),
}

/// What a message has, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Agent,
    AlertId,
    Events,
    Host,
    Key,
    Method,
    Path,
    Priority,
    Reason,
    Revision,
    Rule,
    Session,
    Severity,
    State,
    Subject,
    Team,
    Text,
    Title,
    User,
    Workspace,
}

impl Name {
    /// Every name with its word, in the order of the alphabet.
    pub const ALL: [(&'static str, Self); 20] = [
        ("agent", Self::Agent),
        ("alert_id", Self::AlertId),
        ("events", Self::Events),
        ("host", Self::Host),
        ("key", Self::Key),
        ("method", Self::Method),
        ("path", Self::Path),
        ("priority", Self::Priority),
        ("reason", Self::Reason),
        ("revision", Self::Revision),
        ("rule", Self::Rule),
        ("session", Self::Session),
        ("severity", Self::Severity),
        ("state", Self::State),
        ("subject", Self::Subject),
        ("team", Self::Team),
        ("text", Self::Text),
        ("title", Self::Title),
        ("user", Self::User),
        ("workspace", Self::Workspace),
    ];

    /// Whether it is a number, which may stand outside of a string.
    fn is_number(self) -> bool {
        matches!(self, Self::Events | Self::Priority | Self::Revision)
    }
}

/// What is told in one message.
pub struct Values<'a> {
    /// The name of the message: the same for each attempt.
    pub key: &'a str,
    /// What it says.
    pub content: &'a Content,
    /// The alert, if it is about one.
    pub notification: Option<&'a Notification<'a>>,
}

impl Values<'_> {
    /// The value of a name; empty, or 0, if there is none.
    fn get(&self, name: Name) -> String {
        let alert = self.notification.and_then(Notification::about);
        let content = self.content;
        let of = |text: Option<&str>| line(text.unwrap_or_default(), VALUE_CHARS_MAX).text;
        let who = alert.map(|alert| &alert.who);
        let what = alert.map(|alert| &alert.what);
        match name {
            Name::Agent => of(who.and_then(|who| who.agent.as_deref())),
            Name::AlertId => of(self.notification.map(|notification| notification.id)),
            Name::Events => alert.map_or(0, |alert| alert.count).to_string(),
            Name::Host => of(what.and_then(|what| what.host.as_deref())),
            Name::Key => of(Some(self.key)),
            Name::Method => of(what.and_then(|what| what.method.as_deref())),
            Name::Path => of(what.and_then(|what| what.path.as_deref())),
            Name::Priority => priority(content.severity).to_string(),
            Name::Reason => line(alert.map_or(&content.lead, |alert| &alert.reason), REASON_CHARS_MAX).text,
            Name::Revision => self.notification.map_or(0, Notification::revision).to_string(),
            Name::Rule => of(alert.map(|alert| alert.rule.as_str())),
            Name::Session => of(who.and_then(|who| who.session.as_deref())),
            Name::Severity => content.severity.as_str().to_owned(),
            Name::State => content.state.to_ascii_lowercase(),
            Name::Subject => line(&content.subject, TITLE_CHARS_MAX + VALUE_CHARS_MAX).text,
            Name::Team => of(who.and_then(|who| who.team.as_deref())),
            Name::Text => content.lines(TEXT_BYTES_MAX),
            Name::Title => line(alert.map_or(&content.subject, |alert| &alert.title), TITLE_CHARS_MAX).text,
            Name::User => of(who.and_then(|who| who.user.as_deref())),
            Name::Workspace => of(who.and_then(|who| who.workspace_name.as_deref().or(who.workspace.as_deref()))),
        }
    }
}

/// 1 for the worst to 5.
fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 1,
        Severity::High => 2,
        Severity::Medium => 3,
        Severity::Low => 4,
        Severity::Info => 5,
    }
}

impl Template {
    /// Reads a template. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(format!("body has more than {TEMPLATE_BYTES_MAX} bytes"));
        }
        let (mut pieces, mut rest, mut values) = (Vec::new(), text, 0);
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or("body has {{ without }}")?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Value(named(name.trim())?));
            (rest, values) = (after, values + 1);
        }
        if values > TEMPLATE_VALUES_MAX {
            return Err(format!("body has more than {TEMPLATE_VALUES_MAX} values"));
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let template = Self(pieces);
        // Once as an attacker would fill it in, and once with nothing.
        for sample in [HOSTILE, "n", ""] {
            let filled = template.fill(|name| if name.is_number() { "7".to_owned() } else { sample.to_owned() });
            let parsed = serde_json::from_str::<Value>(&filled);
            let parsed = parsed.map_err(|error| {
                format!("body is no JSON when its values are filled in ({error}); a text belongs in quotation marks")
            })?;
            if !parsed.is_object() && !parsed.is_array() {
                return Err("body must be a JSON object or a list".to_owned());
            }
        }
        Ok(template)
    }

    /// The body of a message.
    pub fn render(&self, values: &Values<'_>) -> Vec<u8> {
        self.fill(|name| values.get(name)).into_bytes()
    }

    fn fill(&self, value: impl Fn(Name) -> String) -> String {
        let mut body = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => body.push_str(text),
                Piece::Value(name) => body.push_str(&escaped(&value(*name))),
            }
        }
        body
    }
}

/// A text as it stands inside of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

fn named(word: &str) -> Result<Name, String> {
    let known = Name::ALL.into_iter().find(|(known, _)| *known == word);
    known.map(|(_, name)| name).ok_or_else(|| {
        let words: Vec<&str> = Name::ALL.into_iter().map(|(word, _)| word).collect();
        // The operator's own text; still cut, since it may be anything between two braces.
        format!("body has {{{{ {} }}}}, which is no value; there are {}", line(word, 40).text, words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mistakes_in_a_template_are_named() {
        let check = |text: &str, says: &str| {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        };
        check("{\"a\": \"{{ titel }}\"}", "titel");
        check("{\"a\": \"{{ title }\"}", "without");
        check("{\"a\": {{ title }}}", "quotation marks");
        check("{\"a\": 1{{ title }}}", "quotation marks");
        check("{\"a\": \"\\{{ title }}\"}", "quotation marks");
        check("\"{{ title }}\"", "object or a list");
        check("{\"a\": \"{{ {{ title }} }}\"}", "{ title");
        check(&format!("[\"{}\"]", "x".repeat(TEMPLATE_BYTES_MAX)), "bytes");
        check(&format!("[\"{}\"]", "{{title}}".repeat(TEMPLATE_VALUES_MAX + 1)), "values");
        Template::parse("{\"a\": [\"{{title}}: {{ text }}\", {{ events }}], \"b\": {\"c\": {}}}").unwrap();
    }

    #[test]
    fn every_name_has_one_word_and_they_are_sorted() {
        assert!(Name::ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    proptest! {
        #[test]
        fn a_value_stays_in_its_string(text in "\\PC{0,40}|[\"\\\\{}\\n\\r\\t]{0,20}") {
            let template = Template::parse("{\"a\": \"<{{ title }}>\", \"b\": {{ events }}}").unwrap();
            let body = template.fill(|name| if name.is_number() { "7".into() } else { text.clone() });
            let body: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(body, serde_json::json!({"a": format!("<{text}>"), "b": 7}));
        }

        #[test]
        fn no_template_panics(text in "[{}\"a: \\\\titles]{0,40}|\\PC{0,60}") {
            let _ = Template::parse(&text);
        }
    }
}
