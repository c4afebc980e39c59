//! The values that are put into scripts: those that every script may name, those of its own, and texts in another form. All
//! of them follow from a seed, so that no rule can hang on one string.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::numbers::Numbers;
use crate::people::Agent;

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const BASE62: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";

const WORDS: &[&str] = &[
    "amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "harbor", "indigo", "juniper", "kelp", "lumen",
    "maple", "nimbus", "onyx", "pebble", "quartz", "raven", "sable", "tundra", "umber", "velvet", "willow", "yarrow",
    "zephyr",
];
const TOPICS: &[&str] = &[
    "billing", "search", "login", "export", "invoice", "session", "upload", "webhook", "report", "cache", "refund",
    "profile", "quota", "audit", "mailer", "import", "ledger", "notify", "pricing", "shipping",
];
const ENDINGS: &[&str] = &["com", "net", "io", "dev", "app", "site", "online", "xyz", "cc", "info", "tech", "cloud"];
const FIRST_NAMES: &[&str] =
    &["amara", "boris", "chen", "dalia", "emre", "freya", "goran", "hana", "ines", "jonas", "kofi", "lena"];
const PACKAGES: &[&str] =
    &["httpx", "pydantic", "rich", "numpy", "attrs", "tenacity", "orjson", "polars", "uvicorn", "alembic"];
const NODE_PACKAGES: &[&str] =
    &["zod", "lodash", "express", "vitest", "date-fns", "undici", "prisma", "esbuild", "fastify", "pino"];

/// How often values may name other values.
const DEPTH_MAX: usize = 4;

/// Values by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// Values for one telling of a script by an agent.
    pub fn of(
        agent: &Agent,
        choose: &BTreeMap<String, Vec<String>>,
        encode: &BTreeMap<String, (String, String)>,
        numbers: &mut Numbers,
    ) -> Result<Self, String> {
        let mut values = Self::default();
        values.add_agent(agent);
        values.add_ordinary(numbers);
        values.add_hostile(numbers);
        values.add_secrets(numbers);
        for (name, texts) in choose {
            let text = one(numbers, texts).ok_or_else(|| format!("{name} has nothing to choose from"))?;
            let text = values.put_into(text);
            values.set(name, text);
        }
        for (name, (form, text)) in encode {
            let text = values.put_into(text);
            let text = encoded(form, &text).ok_or_else(|| format!("{form} is no form of a text"))?;
            values.set(name, text);
        }
        Ok(values)
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn add_agent(&mut self, agent: &Agent) {
        self.set("user", agent.user.as_str());
        self.set("dir", agent.directory());
        self.set("repo", agent.repository.as_str());
        self.set("team", agent.team.as_str());
        self.set("home", "/home/coder");
        self.set("workspace", agent.workspace_name.as_str());
    }

    /// What ordinary work is about.
    fn add_ordinary(&mut self, numbers: &mut Numbers) {
        let pick = |numbers: &mut Numbers, texts: &[&str]| texts[numbers.below(texts.len() as u64) as usize].to_owned();
        for name in ["topic", "topic2"] {
            let value = pick(numbers, TOPICS);
            self.set(name, value);
        }
        for name in ["word", "word2", "word3"] {
            let value = pick(numbers, WORDS);
            self.set(name, value);
        }
        let (package, node_package) = (pick(numbers, PACKAGES), pick(numbers, NODE_PACKAGES));
        self.set("package", package);
        self.set("node_package", node_package);
        let colleague = pick(numbers, FIRST_NAMES);
        self.set("colleague", colleague);
        self.set("ticket", format!("{}", 100 + numbers.below(9_000)));
        self.set("number", format!("{}", 2 + numbers.below(90)));
        self.set("big", format!("{}", 1_000 + numbers.below(90_000)));
        self.set("millis", format!("{}.{:02}", numbers.below(60), numbers.below(100)));
        self.set("hex8", drawn(numbers, HEX, 8));
        self.set("hex12", drawn(numbers, HEX, 12));
        self.set("hex40", drawn(numbers, HEX, 40));
        self.set("id6", drawn(numbers, BASE36, 6));
        self.set("id10", drawn(numbers, BASE36, 10));
        self.set("uuid", uuid(numbers));
        self.set("pid", format!("{}", 300 + numbers.below(60_000)));
    }

    /// Where an attacker is, and what is called as one would call it.
    fn add_hostile(&mut self, numbers: &mut Numbers) {
        for name in ["host", "host2", "host3"] {
            let (first, second) = (drawn_word(numbers), drawn_word(numbers));
            let ending = ENDINGS[numbers.below(ENDINGS.len() as u64) as usize];
            let joint = ["", "-", ""][numbers.below(3) as usize];
            self.set(name, format!("{first}{joint}{second}.{ending}"));
        }
        for name in ["ip", "ip2"] {
            let blocks = [[198, 51, 100], [203, 0, 113], [192, 0, 2], [45, 155, 204], [185, 220, 101]];
            let [a, b, c] = blocks[numbers.below(5) as usize];
            self.set(name, format!("{a}.{b}.{c}.{}", 2 + numbers.below(250)));
        }
        self.set("port", format!("{}", 1_024 + numbers.below(60_000)));
        let stranger = format!("{}{}", drawn_word(numbers), 10 + numbers.below(90));
        self.set("stranger", stranger);
        self.set("bucket", format!("{}-{}", drawn_word(numbers), drawn(numbers, BASE36, 6)));
        self.set("tmp", format!("/tmp/.{}", drawn(numbers, LETTERS, 6)));
        self.set("iban", format!("LT{}", drawn(numbers, DIGITS, 18)));
        self.set("amount", format!("{}.{:02}", 900 + numbers.below(24_000), numbers.below(100)));
        self.set("wallet", format!("4{}", drawn(numbers, BASE62, 94)));
        self.set("chat_id", format!("-100{}", drawn(numbers, DIGITS, 10)));
        self.set("bot", format!("{}:{}", drawn(numbers, DIGITS, 10), drawn(numbers, BASE62, 35)));
        self.set("hook_path", format!("{}/{}", drawn(numbers, DIGITS, 18), drawn(numbers, BASE62, 68)));
    }

    /// Secrets of nobody.
    fn add_secrets(&mut self, numbers: &mut Numbers) {
        self.set("aws_key", format!("AKIA{}", drawn(numbers, CAPITALS, 16)));
        self.set("aws_secret", drawn(numbers, BASE62, 40));
        self.set("gh_token", format!("ghp_{}", drawn(numbers, BASE62, 36)));
        self.set("npm_token", format!("npm_{}", drawn(numbers, BASE62, 36)));
        self.set("slack_token", format!("xoxb-{}-{}", drawn(numbers, DIGITS, 12), drawn(numbers, BASE62, 24)));
        self.set("api_key", format!("sk-proj-{}", drawn(numbers, BASE62, 48)));
        self.set("password", format!("{}{}", drawn(numbers, BASE62, 14), drawn(numbers, DIGITS, 2)));
        self.set(
            "jwt",
            format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", drawn(numbers, BASE62, 40), drawn(numbers, BASE62, 43)),
        );
        let lines: Vec<String> = (0..6).map(|_| drawn(numbers, BASE62, 64)).collect();
        let key = "OPENSSH PRIVATE KEY";
        self.set("pem", format!("-----BEGIN {key}-----\n{}\n-----END {key}-----", lines.join("\n")));
        self.set(
            "public_key",
            format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} {}", drawn(numbers, BASE62, 43), "backup"),
        );
        self.set("blob", drawn(numbers, BASE62, 240));
    }

    /// The same with the values that are new at each turn of a step.
    #[must_use]
    pub fn in_turn(&self, turn: i64, numbers: &mut Numbers) -> Self {
        let mut values = self.clone();
        values.set("i", format!("{turn}"));
        values.set("chance", drawn(numbers, BASE36, 16));
        values.set("label", drawn(numbers, BASE36, 48));
        values.set("new_topic", one(numbers, TOPICS).copied().unwrap_or_default());
        values.set("new_word", drawn_word(numbers));
        values
    }

    /// A text with the values of the names that stand in it in braces. Other braces stay.
    pub fn put_into(&self, text: &str) -> String {
        self.put(text, &|value| value.to_owned())
    }

    /// The same for a text of JSON, whose strings the values stand in.
    pub fn put_into_json(&self, text: &str) -> String {
        self.put(text, &|value| {
            let quoted = serde_json::Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        })
    }

    fn put(&self, text: &str, form: &dyn Fn(&str) -> String) -> String {
        let mut text = text.to_owned();
        for _ in 0..DEPTH_MAX {
            let (next, changed) = self.put_once(&text, form);
            text = next;
            if !changed {
                break;
            }
        }
        text
    }

    fn put_once(&self, text: &str, form: &dyn Fn(&str) -> String) -> (String, bool) {
        let (mut out, mut rest, mut changed) = (String::with_capacity(text.len()), text, false);
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            out.push_str(before);
            let name = after[1..].split(|char: char| !char.is_ascii_alphanumeric() && char != '_').next().unwrap_or("");
            let value = self.0.get(name).filter(|_| after[1 + name.len()..].starts_with('}'));
            if let Some(value) = value {
                out.push_str(&form(value));
                rest = &after[name.len() + 2..];
                changed = true;
            } else {
                out.push('{');
                rest = &after[1..];
            }
        }
        out.push_str(rest);
        (out, changed)
    }
}

fn one<'a, T>(numbers: &mut Numbers, among: &'a [T]) -> Option<&'a T> {
    among.get(numbers.below(among.len() as u64) as usize)
}

fn drawn_word(numbers: &mut Numbers) -> &'static str {
    WORDS[numbers.below(WORDS.len() as u64) as usize]
}

/// A text of so many letters.
pub fn drawn(numbers: &mut Numbers, letters: &[u8], len: usize) -> String {
    (0..len).map(|_| char::from(letters[numbers.below(letters.len() as u64) as usize])).collect()
}

/// A UUID of version 4.
pub fn uuid(numbers: &mut Numbers) -> String {
    let hex = drawn(numbers, HEX, 32);
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// A text in another form.
fn encoded(form: &str, text: &str) -> Option<String> {
    Some(match form {
        "base64" => STANDARD.encode(text),
        "base64url" => URL_SAFE_NO_PAD.encode(text),
        "utf16" => STANDARD.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        "hex" => hex::encode(text),
        "reverse" => text.chars().rev().collect(),
        "escape" => text.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<Vec<_>>().concat(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::agent;

    fn values(seed: u64) -> Values {
        let choose = BTreeMap::from([("lure".to_owned(), vec!["to {host}".to_owned(), "from {host}".to_owned()])]);
        let encode = BTreeMap::from([("blob".to_owned(), ("hex".to_owned(), "{lure}".to_owned()))]);
        Values::of(&agent(3, crate::notation::Work::Bugs, 1), &choose, &encode, &mut Numbers(seed)).unwrap()
    }

    #[test]
    fn names_in_braces_are_replaced_and_nothing_else_is() {
        let values = values(1);
        let host = values.put_into("{host}");
        assert!(host.contains('.') && !host.contains('{'));
        let text = "${HOME} {\"a\":{}} f'{x!r}' {host";
        assert_eq!(values.put_into(text), text);
        assert_eq!(hex::decode(values.put_into("{blob}")).unwrap(), values.put_into("{lure}").into_bytes());
        assert_eq!(values.put_into_json("{pem}").matches('\n').count(), 0);
    }

    #[test]
    fn a_seed_gives_the_same_values_and_another_one_others() {
        assert_eq!(values(1), values(1));
        assert_ne!(values(1).put_into("{host} {aws_key}"), values(2).put_into("{host} {aws_key}"));
        assert_eq!(uuid(&mut Numbers(4)).len(), 36);
    }
}
