//! The words of imported rules: names, tags, texts with their bounds, comments. What an author wrote is kept, and cut where a rule of
//! ours has a bound.

use std::collections::BTreeSet;

use operations::alert::Severity;
use rsigma_parser::Level;

/// The longest text of a rule, in bytes: a bound of user rules.
const TEXT_BYTES_MAX: usize = 1_024;
/// Tags of a rule: a bound of user rules.
const TAGS_MAX: usize = 16;
/// The longest name without its number.
const NAME_BYTES_MAX: usize = 44;
/// Columns of a line of comments.
const LINE_CHARS: usize = 130;

/// How bad a rule is. One that does not say is in the middle.
pub fn severity(level: Option<Level>) -> Severity {
    match level {
        Some(Level::Informational) => Severity::Info,
        Some(Level::Low) => Severity::Low,
        Some(Level::Medium) | None => Severity::Medium,
        Some(Level::High) => Severity::High,
        Some(Level::Critical) => Severity::Critical,
    }
}

/// A name that no other rule of the import has, made from the title. Rules of ours are told apart by what follows it.
pub fn name(title: &str, id: Option<&str>, suffixes: &[&str], taken: &mut BTreeSet<String>) -> String {
    let mut slug = String::new();
    for char in title.chars().flat_map(char::to_lowercase) {
        if char.is_ascii_alphanumeric() {
            slug.push(char);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    if !slug.starts_with(|char: char| char.is_ascii_lowercase()) {
        slug.insert_str(0, "rule_");
    }
    let mut name = format!("sigma.{slug}");
    name.truncate(NAME_BYTES_MAX);
    let stem = name.trim_end_matches('_').to_owned();
    let id = id.unwrap_or_default().chars().filter(char::is_ascii_hexdigit).take(8).collect::<String>().to_lowercase();
    let with_id = (!id.is_empty()).then(|| format!("{stem}_{id}"));
    let numbered = (2..).map(|number: u64| format!("{stem}_{number}"));
    let mut names = std::iter::once(stem.clone()).chain(with_id).chain(numbered);
    let is_taken = |name: &String| suffixes.iter().any(|suffix| taken.contains(&format!("{name}{suffix}")));
    let name = names.find(|name| !is_taken(name)).unwrap_or(stem);
    taken.extend(suffixes.iter().map(|suffix| format!("{name}{suffix}")));
    name
}

/// The tags that name a technique or a weakness.
pub fn tags(tags: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for tag in tags {
        let lower = tag.to_ascii_lowercase();
        let (space, rest) = lower.split_once('.').unwrap_or(("", &lower));
        let is_technique = |text: &str| {
            let digits = text.strip_prefix('t').unwrap_or_default();
            digits.len() >= 4 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        let named = match space {
            "attack" if is_technique(rest) => rest.to_ascii_uppercase(),
            "atlas" if is_technique(rest.trim_start_matches("aml.")) => {
                format!("AML.{}", rest.trim_start_matches("aml.").to_ascii_uppercase())
            }
            "cve" => format!("CVE-{}", rest.replace('.', "-")),
            "owasp" if rest.starts_with("asi") => rest.to_ascii_uppercase(),
            _ => continue,
        };
        if !found.contains(&named) && named.len() <= 64 {
            found.push(named);
        }
    }
    found.truncate(TAGS_MAX);
    found
}

/// A text in one line, without what a terminal would obey, and not longer than a rule takes.
pub fn text(text: &str) -> String {
    cut(&one_line(text), TEXT_BYTES_MAX)
}

/// The same as part of a title or a reason, in which braces have a meaning.
pub fn template(text: &str, bytes: usize) -> String {
    let line = one_line(text);
    let mut cut = String::new();
    for char in line.chars() {
        let width = if matches!(char, '{' | '}') { 2 } else { char.len_utf8() };
        if cut.len() + width + '…'.len_utf8() > bytes {
            return cut + "…";
        }
        if width == 2 && char.is_ascii() {
            cut.push(char);
        }
        cut.push(char);
    }
    cut
}

fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes - '…'.len_utf8())])
}

/// Sentences from a list, each once.
pub fn listed(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| one_line(text)).filter(|text| !text.is_empty()).collect();
    texts.join("; ")
}

/// Lines of a comment.
pub fn comment(head: &str, text: &str) -> String {
    let mut comment = String::new();
    let mut line = format!("# {head}");
    for word in one_line(text).split(' ') {
        if line.chars().count() + word.chars().count() > LINE_CHARS {
            comment.push_str(line.trim_end());
            comment.push('\n');
            line.clear();
            line.push_str("#  ");
        }
        line.push(' ');
        line.push_str(word);
    }
    comment + line.trim_end() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_rules_and_each_is_one() {
        let mut taken = BTreeSet::new();
        let mut check = |title: &str, id: Option<&str>, expected: &str| {
            assert_eq!(name(title, id, &["", "_x"], &mut taken), expected);
        };
        check("Curl Sends a File (Linux)", None, "sigma.curl_sends_a_file_linux");
        check("Curl sends a file: Linux", Some("1A2b3c4d-9999"), "sigma.curl_sends_a_file_linux_1a2b3c4d");
        check("Curl sends a file, Linux", None, "sigma.curl_sends_a_file_linux_2");
        check("7-Zip", None, "sigma.rule_7_zip");
        check("", None, "sigma.rule");
        check("Ünïcode", None, "sigma.n_code");
        check(&"long ".repeat(30), None, &format!("sigma.{}lon", "long_".repeat(7)));
    }

    #[test]
    fn tags_that_name_something_are_kept() {
        let tags_of = |text: &str| tags(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            tags_of(
                "attack.t1059.004 attack.execution ATTACK.T1059.004 cve.2021.44228 atlas.aml.t0051 owasp.asi02 car.2013"
            ),
            ["T1059.004", "CVE-2021-44228", "AML.T0051", "ASI02"]
        );
    }

    #[test]
    fn texts_keep_to_their_bounds() {
        assert_eq!(text("a\n b\u{1b}[31m"), "a b [31m");
        assert_eq!(text(&"ä".repeat(2_000)).len(), 1_023);
        assert_eq!(template("a {b}", 100), "a {{b}}");
        assert_eq!(template("{{{{", 9), "{{{{{{…");
        assert_eq!(comment("Author:", "a\n[rule]"), "# Author: a [rule]\n");
        let long = comment("Description:", &"word ".repeat(60));
        assert!(
            long.lines().count() > 2 && long.lines().all(|line| line.starts_with("# ") && line.chars().count() <= 131)
        );
    }
}
