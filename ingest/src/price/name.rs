//! One name for a model, whatever clouds, routers, releases and writers make of it. No prices stand here.
//!
//! ```text
//! us.anthropic.claude-sonnet-4-5-20250929-v1:0 ┐
//! openrouter/anthropic/claude-sonnet-4.5:beta  ├─► claude-sonnet-4-5
//! Claude 4.5 Sonnet                            ┘
//! ```

/// Who stands before a colon or a dot in the names of clouds and libraries.
const VENDORS: &[&str] = &["anthropic", "openai", "google", "bedrock", "azure", "vertex_ai", "gemini", "models"];
/// Who stands before a hyphen.
const HYPHENATED: &[&str] = &["databricks-"];
/// What is said after a name and is no part of the model.
const SUFFIXES: &[&str] = &[
    "-latest",
    "-preview",
    "-exp",
    "-experimental",
    "-beta",
    "-stable",
    "-default",
    "-thinking",
    "-thought",
    "-1m",
    "-v1",
    "-v2",
    "-v3",
];
/// Release dates; `#` stands for a digit. The short ones follow the word `preview` or `exp` only.
const DATES: &[&str] = &["-20######", "-20##-##-##"];
const SHORT_DATES: &[&str] = &["-##-##", "-##-20##", "-####"];
/// The families of models whose version stands before the family in some names and after it in others.
const FAMILIES: &[&str] = &["opus", "sonnet", "haiku", "fable", "mythos"];

/// The last part of a path-like name, in lower case: routers and clouds put themselves before it.
pub fn last_part(model: &str) -> String {
    let model = model.trim();
    model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase()
}

/// The one name of a model: lower case, hyphens only, without vendor, region, release date and variant.
pub fn canonical(model: &str) -> String {
    let last = last_part(model);
    let mut name = last.as_str();
    if let Some((vendor, rest)) = name.split_once(':')
        && VENDORS.contains(&vendor)
    {
        name = rest;
    }
    for vendor in VENDORS {
        // `us.anthropic.claude-…`: the region before it goes too.
        let at = name.find(vendor).filter(|at| *at == 0 || name.as_bytes().get(at - 1) == Some(&b'.'));
        name = at.and_then(|at| name[at + vendor.len()..].strip_prefix('.')).unwrap_or(name);
    }
    name = HYPHENATED.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    // A model that somebody trained further has another price, and its name says so before the colon.
    if !name.starts_with("ft:") {
        name = name.split(['@', ':', '[', '(']).next().unwrap_or(name);
    }
    let plain = name.trim().replace([' ', '_', '.'], "-");
    in_order(bare(&plain))
}

/// Without what is said after the name, however much of it.
fn bare(mut name: &str) -> &str {
    loop {
        let before = name;
        for suffix in SUFFIXES {
            name = name.strip_suffix(suffix).unwrap_or(name);
        }
        for date in DATES {
            name = without(name, date).unwrap_or(name);
        }
        for date in SHORT_DATES {
            let undated = without(name, date).filter(|head| head.ends_with("-preview") || head.ends_with("-exp"));
            name = undated.unwrap_or(name);
        }
        if name == before {
            return name;
        }
    }
}

/// The name without a tail of this form.
fn without<'a>(name: &'a str, form: &str) -> Option<&'a str> {
    let (head, tail) = name.split_at_checked(name.len().checked_sub(form.len())?)?;
    let fits = |(byte, form): (u8, u8)| if form == b'#' { byte.is_ascii_digit() } else { byte == form };
    tail.bytes().zip(form.bytes()).all(fits).then_some(head)
}

/// `claude-3-7-sonnet` is `claude-sonnet-3-7`: the family before the version.
fn in_order(name: &str) -> String {
    let turned = name.strip_prefix("claude-").and_then(|rest| {
        let (version, family) = rest.rsplit_once('-')?;
        let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        (is_version && FAMILIES.contains(&family)).then(|| format!("claude-{family}-{version}"))
    });
    turned.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_model_has_one_name() {
        for (canonical_name, names) in [
            (
                "claude-sonnet-4-5",
                &[
                    "claude-sonnet-4-5",
                    "Claude-Sonnet-4-5",
                    " claude-sonnet-4.5 ",
                    "Claude Sonnet 4.5",
                    "claude_sonnet_4_5",
                    "claude-4.5-sonnet",
                    "claude-4-5-sonnet-20250929",
                    "claude-sonnet-4-5-20250929",
                    "claude-sonnet-4-5-latest",
                    "claude-sonnet-4-5[1m]",
                    "claude-sonnet-4-5-20250929[1m]",
                    "claude-sonnet-4-5@20250929",
                    "claude-sonnet-4-5@default",
                    "claude-sonnet-4.5-thinking",
                    "anthropic/claude-sonnet-4.5",
                    "anthropic:claude-sonnet-4-5",
                    "anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "apac.anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "bedrock/converse/anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "vertex_ai/claude-sonnet-4-5@20250929",
                    "projects/p-1/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929",
                    "openrouter/anthropic/claude-sonnet-4.5:thinking",
                    "openrouter/anthropic/claude-4.5-sonnet-20250929:free",
                    "azure_ai/claude-sonnet-4-5",
                    "databricks-claude-sonnet-4-5",
                ][..],
            ),
            (
                "claude-sonnet-3-7",
                &["anthropic/claude-3.7-sonnet:beta", "claude-3-7-sonnet-latest", "claude-3.7-sonnet-thought"],
            ),
            ("claude-opus-4", &["claude-opus-4-20250514", "claude-4-opus"]),
            ("claude-opus-4-8", &["global.anthropic.claude-opus-4-8", "claude-opus-4.8"]),
            (
                "gpt-4o",
                &["gpt-4o-2024-08-06", "azure/gpt-4o", "azure/eu/gpt-4o-2024-11-20", "openai/gpt-4o", "openai:gpt-4o"],
            ),
            ("gpt-5-4-mini", &["gpt-5.4-mini", "openai/gpt-5.4-mini"]),
            (
                "gemini-3-pro",
                &["models/gemini-3-pro-preview", "google/gemini-3-pro", "gemini/gemini-3-pro-preview-11-2025"],
            ),
            (
                "gemini-2-5-pro",
                &["gemini-2.5-pro-preview-06-05", "gemini-2.5-pro-exp-03-25", "vertex_ai/gemini-2.5-pro"],
            ),
            ("gemini-2-5-flash", &["gemini-2.5-flash-preview-2025-09-25", "google.gemini-2.5-flash"]),
            ("ft:gpt-4o-2024-08-06:acme::x1", &["ft:gpt-4o-2024-08-06:acme::x1"]),
        ] {
            for name in names {
                assert_eq!(canonical(name), canonical_name, "{name}");
            }
        }
    }

    #[test]
    fn other_models_stay_other_models() {
        for pair in [
            ["gpt-4o", "gpt-4o-mini"],
            ["gpt-5", "gpt-5-codex"],
            ["gemini-2.5-flash", "gemini-2.5-flash-lite"],
            ["claude-sonnet-4-5", "claude-sonnet-4"],
            ["o3", "o3-mini"],
            ["ft:gpt-4o:acme::x1", "gpt-4o"],
        ] {
            assert_ne!(canonical(pair[0]), canonical(pair[1]), "{pair:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_name(text in "\\PC{0,40}") {
            prop_assert!(canonical(&text).len() <= text.len() * 4);
        }
    }
}
