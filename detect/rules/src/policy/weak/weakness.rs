//! What makes a policy weak, read from rules, commands, files and failures as the sources write them. Pure functions.

use detect_core::text::scanned;
use serde::{Deserialize, Serialize};

/// A way in which a firewall is weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weakness {
    /// Its rule covers every domain, with every method.
    AnyDomain,
    /// Its rule covers every domain, for methods that read.
    AnyDomainToRead,
    /// Its rule covers every domain under one ending.
    AnyUnderEnding,
    /// It was told to allow every domain.
    AllowAll,
    /// It was started with real DNS.
    RealDns,
    /// It was started without audit logs.
    NoAudit,
    /// It was started with the jail that can be left.
    WeakJail,
    /// An agent wrote its configuration.
    Configuration,
    /// Its audit logs are not delivered.
    Undelivered,
}

impl Weakness {
    /// The word in names of episodes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnyDomain => "any_domain",
            Self::AnyDomainToRead => "any_domain_to_read",
            Self::AnyUnderEnding => "any_under_ending",
            Self::AllowAll => "allow_all",
            Self::RealDns => "real_dns",
            Self::NoAudit => "no_audit",
            Self::WeakJail => "weak_jail",
            Self::Configuration => "configuration",
            Self::Undelivered => "undelivered",
        }
    }

    /// Whether it is the policy that workspaces of a template share.
    pub fn is_of_template(self) -> bool {
        matches!(self, Self::AnyDomain | Self::AnyDomainToRead | Self::AnyUnderEnding)
    }
}

/// The weakness of a boundary's rule: words `method=`, `domain=` and `path=` with lists; what is left out covers everything.
pub fn of_rule(rule: &str) -> Option<Weakness> {
    // Without an asterisk only a rule without a domain is wide; it is looked at for every request.
    if rule.starts_with("domain=") && !rule.contains('*') {
        return None;
    }
    let (mut domains, mut methods, mut is_rule) = (None, None, false);
    for word in scanned(rule).split_ascii_whitespace() {
        let (key, value) = word.split_once('=')?;
        match key {
            "domain" => domains = Some(value),
            "method" => methods = Some(value),
            "path" => {}
            _ => return None,
        }
        is_rule = true;
    }
    if !is_rule {
        return None;
    }
    let wide = |domain: &str| domain.split('.').all(|label| label == "*");
    let ending = |domain: &str| matches!(domain.split_once('.'), Some(("*", rest)) if !rest.contains('.'));
    if domains.is_none_or(|domains| domains.split(',').any(wide)) {
        let reads = |method: &str| matches!(method, "GET" | "HEAD" | "OPTIONS");
        let only_reads = methods.is_some_and(|methods| methods.split(',').all(reads));
        return Some(if only_reads { Weakness::AnyDomainToRead } else { Weakness::AnyDomain });
    }
    domains?.split(',').any(ending).then_some(Weakness::AnyUnderEnding)
}

/// The weaknesses that a command gives to a firewall that it starts, or to its configuration.
pub fn of_command(command: &str) -> Vec<Weakness> {
    let command = scanned(command);
    // One look for all three: each search for one of them would begin anew.
    let begins = |bytes: &[u8]| matches!(bytes, b"boundary" | b"BOUNDARY" | b"httpjail");
    if !command.as_bytes().windows(8).any(begins) {
        return Vec::new();
    }
    let named = |name: &str| command.contains(name);
    if !named("boundary") && !named("BOUNDARY_") && !named("httpjail") {
        return Vec::new();
    }
    let words: Vec<&str> =
        command.split(|char: char| char.is_whitespace() || matches!(char, '"' | '\'' | ';' | '|' | '&')).collect();
    let switched = |names: &[&str]| {
        words.iter().enumerate().any(|(at, word)| {
            let (name, value) = word.split_once(['=', ':']).unwrap_or((word, ""));
            // In a configuration file the value is the next word.
            let value = if word.ends_with(':') { words.get(at + 1).copied().unwrap_or("") } else { value };
            names.contains(&name) && !matches!(value, "false" | "0" | "no")
        })
    };
    let set_to = |names: &[&str], wanted: &str| {
        words.windows(2).any(|pair| names.contains(&pair[0].trim_end_matches(':')) && pair[1] == wanted)
            || words
                .iter()
                .any(|word| word.split_once('=').is_some_and(|(name, value)| names.contains(&name) && value == wanted))
    };
    let wide =
        |word: &&str| word.split_once("domain=").is_some_and(|(_, rest)| rest.split(',').any(|domain| domain == "*"));
    let everything = words.iter().any(wide) || (named("httpjail") && set_to(&["--js"], "true"));
    let found = [
        (Weakness::AllowAll, everything),
        (Weakness::RealDns, switched(&["--use-real-dns", "BOUNDARY_USE_REAL_DNS", "use_real_dns"])),
        (Weakness::NoAudit, switched(&["--disable-audit-logs", "disable_audit_logs"])),
        (
            Weakness::WeakJail,
            set_to(&["--jail-type", "BOUNDARY_JAIL_TYPE", "jail_type"], "landjail")
                || (named("httpjail") && switched(&["--weak"])),
        ),
    ];
    found.into_iter().filter_map(|(weakness, is)| is.then_some(weakness)).collect()
}

/// Whether the file is a firewall's configuration.
pub fn is_configuration(file: &str) -> bool {
    file.ends_with("coder_boundary/config.yaml") || file.ends_with("coder_boundary/config.yml")
}

/// The weakness that a firewall tells of itself, by the word that its dialect gives to a failure or to how it was started.
pub fn of_word(action: &str) -> Option<Weakness> {
    match action {
        "connect_audit_socket" | "flush_audit_logs" => Some(Weakness::Undelivered),
        "use_real_dns" => Some(Weakness::RealDns),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_that_cover_everything_are_weak() {
        let cases = [
            ("domain=*", Some(Weakness::AnyDomain)),
            ("method=GET,POST domain=*", Some(Weakness::AnyDomain)),
            ("method=GET,HEAD domain=*", Some(Weakness::AnyDomainToRead)),
            ("path=/api/*", Some(Weakness::AnyDomain)),
            ("domain=acme.example,*", Some(Weakness::AnyDomain)),
            ("domain=*.*", Some(Weakness::AnyDomain)),
            ("domain=*.example", Some(Weakness::AnyUnderEnding)),
            ("domain=*.acme.example", None),
            ("method=GET domain=packages.acme.example path=/a/*", None),
            ("default-allow", None),
            ("rule=7", None),
            ("", None),
        ];
        for (rule, expected) in cases {
            assert_eq!(of_rule(rule), expected, "{rule}");
        }
    }

    #[test]
    fn commands_that_weaken_are_told() {
        let cases: [(&str, &[Weakness]); 10] = [
            ("boundary --allow 'domain=*' -- claude", &[Weakness::AllowAll]),
            ("coder boundary --use-real-dns --disable-audit-logs -- bash", &[Weakness::RealDns, Weakness::NoAudit]),
            ("boundary --use-real-dns=false -- bash", &[]),
            ("BOUNDARY_USE_REAL_DNS=true boundary -- bash", &[Weakness::RealDns]),
            ("boundary --jail-type landjail -- bash", &[Weakness::WeakJail]),
            ("boundary --jail-type=nsjail -- bash", &[]),
            ("httpjail --js true -- claude", &[Weakness::AllowAll]),
            ("httpjail --weak --js-file rules.js -- claude", &[Weakness::WeakJail]),
            ("echo 'use_real_dns: true' >> ~/.config/coder_boundary/config.yaml", &[Weakness::RealDns]),
            ("grep --use-real-dns docs", &[]),
        ];
        for (command, expected) in cases {
            assert_eq!(of_command(command), expected, "{command}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,60}", words in proptest::collection::vec("(domain=|\\*|boundary|--use-real-dns|:|=|\\PC)", 0..9)) {
            let _ = (of_rule(&text), of_command(&words.concat()), of_rule(&words.join(" ")), is_configuration(&text));
        }
    }
}
