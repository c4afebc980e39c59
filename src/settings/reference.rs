//! The reference of all settings, made from their types, and the page docs/config.md, which is the same text.
//!
//! What a setting means is the comment of its field; type, default and bounds come from the field, the unit from the end of its name.
//! Nothing is said here that a type could say.

use std::fmt::Write;

use detect_rules::registry::{self, Rules};
use serde_json::{Map, Value};

use super::Settings;

/// Everything that a configuration file may hold, as Markdown.
pub fn reference() -> String {
    let schema = schemars::schema_for!(Settings).to_value();
    let mut text = String::from(HEAD);
    for (name, table) in properties(&schema) {
        Schema { root: &schema, value: table }.section(&mut text, name, 2);
        match name.as_str() {
            "collector" => text.push_str(&nested(&ingest::config::reference())),
            "detect" => detectors(&mut text),
            "sink" => sinks(&mut text),
            _ => {}
        }
    }
    text
}

const HEAD: &str = "\
# Configuration

<!-- Made by `UPDATE_DOCS=1 cargo test -p tachograph reference` from the types of the settings and the comments of their fields. -->

One TOML file. Unknown keys are errors. Relative paths start at the directory in which the command is run. Secrets are references,
`env:NAME` or `file:PATH`, never values. `tachograph config check FILE` names every mistake in a file, `tachograph config reference` prints this page.
";

/// The properties of a schema by name.
fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// A part of a JSON schema, with the whole in which its references lead somewhere.
#[derive(Clone, Copy)]
struct Schema<'a> {
    root: &'a Value,
    value: &'a Value,
}

impl<'a> Schema<'a> {
    fn of(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }

    fn text(self, key: &str) -> Option<&'a str> {
        self.value.get(key)?.as_str()
    }

    fn list(self, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.value.get(key).and_then(Value::as_array).into_iter().flatten()
    }

    /// The declaration itself, where this is a reference to one or may be left out.
    fn declared(self) -> Self {
        if let Some(found) = self.text("$ref").and_then(|path| self.root.pointer(path.strip_prefix('#')?)) {
            return self.of(found).declared();
        }
        let is_something = |value: &&Value| value.get("type").and_then(Value::as_str) != Some("null");
        let mut others = self.list("anyOf").filter(is_something);
        match (others.next(), others.next()) {
            (Some(only), None) => self.of(only).declared(),
            _ => self,
        }
    }

    /// The table that it is or a list of which it is, with whether it is a list.
    fn table(self) -> Option<(Self, bool)> {
        let declared = self.declared();
        match declared.value.get("items") {
            Some(items) => declared.of(items).table().map(|(table, _)| (table, true)),
            None => declared.value.get("properties").map(|_| (declared, false)),
        }
    }

    /// The section about a table, and those about the tables in it.
    fn section(self, text: &mut String, name: &str, level: usize) {
        let about = self.table().and_then(|(table, _)| table.text("description"));
        self.section_about(text, name, level, about.unwrap_or_default());
    }

    /// The same of a table in a rule. What it is says its field, since several fields have one type.
    fn section_in_rule(self, text: &mut String, name: &str) {
        let Some((table, _)) = self.table() else { return };
        let mut about: Vec<String> =
            [self, table].iter().filter_map(|part| part.text("description").map(str::to_owned)).collect();
        let of_settings = properties(table.value).filter_map(|(name, value)| Some((name, value.get("default")?)));
        let of_settings: Map<String, Value> = of_settings.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(whole) =
            self.value.get("default").filter(|whole| whole.as_object().is_some_and(|of| *of != of_settings))
        {
            about.push(format!("Without it: `{}`.", in_toml(whole)));
        }
        self.section_about(text, name, 4, &about.join("\n\n"));
    }

    fn section_about(self, text: &mut String, name: &str, level: usize, about: &str) {
        let Some((table, is_list)) = self.table() else { return };
        let heading = if is_list { format!("[[{name}]]") } else { format!("[{name}]") };
        // Writing to a string does not fail.
        let _ = write!(text, "\n{} `{heading}`\n\n{about}\n\n", "#".repeat(level));
        text.push_str(&table.settings());
        for (inner, value) in properties(table.value) {
            table.of(value).section(text, &format!("{name}.{inner}"), level + 1);
        }
    }

    /// A line for each setting that is no table: those that must be given first.
    fn settings(self) -> String {
        let required: Vec<&str> = self.list("required").filter_map(Value::as_str).collect();
        let settings = || properties(self.value).filter(|(_, value)| self.of(value).table().is_none());
        let is_required = |name: &String| required.contains(&name.as_str());
        let first = settings().filter(|(name, _)| is_required(name)).map(|(name, value)| (name, value, true));
        let second = settings().filter(|(name, _)| !is_required(name)).map(|(name, value)| (name, value, false));
        first.chain(second).map(|(name, value, required)| self.of(value).setting(name, required)).collect()
    }

    fn setting(self, name: &str, is_required: bool) -> String {
        let mut facts = vec![self.form()];
        facts.extend(self.bounds());
        facts.extend(unit(name).map(str::to_owned));
        match self.value.get("default") {
            _ if is_required => facts.push("required".to_owned()),
            None | Some(Value::Null) => facts.push("optional".to_owned()),
            Some(default) => facts.push(format!("default `{}`", in_toml(default))),
        }
        let meaning = self.text("description").unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        format!("- `{name}` ({}): {meaning}\n", facts.join(", "))
    }

    /// What one writes for it.
    fn form(self) -> String {
        let declared = self.declared();
        if let Some(form) = declared.text("form") {
            return form.to_owned();
        }
        let words = declared.words();
        if !words.is_empty() {
            return format!("one of {}", words.join(", "));
        }
        let types = declared.value.get("type").map(|of| of.as_array().map_or(vec![of], |many| many.iter().collect()));
        let of = types.into_iter().flatten().filter_map(Value::as_str).find(|of| *of != "null");
        match of {
            Some("array") => {
                let item = declared.value.get("items").map(|items| declared.of(items).form());
                format!("list of: {}", item.unwrap_or_default())
            }
            Some("object") => {
                let value = declared.value.get("additionalProperties").map(|value| declared.of(value).form());
                format!("table of: {}", value.unwrap_or_default())
            }
            of => of.unwrap_or("string").to_owned(),
        }
    }

    /// The words of which it is one, if it is.
    fn words(self) -> Vec<String> {
        let alternatives = self.list("oneOf").filter_map(|value| value.get("const"));
        let words = self.list("enum").chain(alternatives).chain(self.value.get("const")).filter(|word| !word.is_null());
        let mut words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
        for alternative in self.list("oneOf") {
            words.extend(self.of(alternative).list("enum").map(|word| format!("`{word}`")));
        }
        words
    }

    /// The least and the greatest value, or length.
    fn bounds(self) -> Option<String> {
        let declared = self.declared();
        let of = |key: &str| self.value.get(key).or(declared.value.get(key)).filter(|bound| bound.as_i64() != Some(0));
        let between = |least: Option<&Value>, greatest: Option<&Value>, what: &str| match (least, greatest) {
            (Some(least), Some(greatest)) => Some(format!("{least} to {greatest}{what}")),
            (Some(least), None) => Some(format!("at least {least}{what}")),
            (None, Some(greatest)) => Some(format!("at most {greatest}{what}")),
            (None, None) => None,
        };
        between(of("minimum"), of("maximum"), "").or_else(|| between(of("minItems"), of("maxItems"), " items"))
    }
}

/// The unit of a setting: names end with it.
fn unit(name: &str) -> Option<&'static str> {
    let units = [
        ("_bytes", "bytes"),
        ("_ms", "milliseconds"),
        ("_seconds", "seconds"),
        ("_minutes", "minutes"),
        ("_hours", "hours"),
        ("_usd", "US dollars"),
    ];
    units.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, unit)| unit)
}

/// A value as one writes it in the file.
fn in_toml(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}

/// A package's chapter, one level deeper.
fn nested(chapter: &str) -> String {
    let lines =
        chapter.lines().map(|line| if line.starts_with('#') { format!("#{line}\n") } else { format!("{line}\n") });
    std::iter::once("\n".to_owned()).chain(lines).collect()
}

fn detectors(text: &mut String) {
    let schema = schemars::schema_for!(Rules).to_value();
    for spec in registry::DETECTORS {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n### `[detect.rules.\"{}\"]`\n\n{}\n\n{}\n\nLooks the same: {}\n\nTuning: {}\n\nTechniques: {}\n\n",
            spec.name,
            spec.what,
            spec.why,
            spec.false_positives,
            spec.tuning,
            spec.tags.join(", ")
        );
        let found = properties(&schema).find(|(name, _)| *name == spec.name);
        if let Some((table, _)) = found.and_then(|(_, value)| Schema { root: &schema, value }.table()) {
            text.push_str(&table.settings());
            for (inner, value) in properties(table.value) {
                table.of(value).section_in_rule(text, &format!("detect.rules.\"{}\".{inner}", spec.name));
            }
        }
    }
}

fn sinks(text: &mut String) {
    text.push_str("\n### Schemas\n\nWhat `schema` may be, for receivers of every record:\n\n");
    for schema in export::SCHEMAS {
        let _ = writeln!(text, "- `{}`: {}", schema.name, schema.what);
    }
    for spec in export::SINKS {
        let schema = (spec.schema)().to_value();
        let settings = Schema { root: &schema, value: &schema }.settings();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n### `{}`\n\n{}\n\nGuarantee: {}\n\n{settings}\n```toml\n{}\n```\n",
            spec.kind,
            spec.what,
            spec.guarantee,
            spec.example.trim_end()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_every_rule_stands_in_the_reference_with_its_default() {
        let text = reference();
        let defaults = toml::Value::try_from(Rules::default()).unwrap();
        for spec in registry::DETECTORS {
            let (_, chapter) = text.split_once(&format!("\n### `[detect.rules.\"{}\"]`\n", spec.name)).unwrap();
            let chapter = chapter.split("\n### ").next().unwrap();
            for (name, default) in defaults[spec.name].as_table().unwrap() {
                let line = chapter.lines().find(|line| line.starts_with(&format!("- `{name}` (")));
                let said = line.is_some_and(|line| line.contains(&format!(", default `{default}`): ")));
                let is_table = chapter.contains(&format!(" `[detect.rules.\"{}\".{name}]`\n", spec.name))
                    || chapter.contains(&format!(" `[[detect.rules.\"{}\".{name}]]`\n", spec.name));
                assert!(said || is_table, "{}: {name}: {line:?}", spec.name);
            }
        }
        let check = |line: &str| assert!(text.lines().any(|other| other == line), "{line}");
        check("- `deletes` (integer, 2 to 1000000, default `50`): So many files deleted in a minute are many.");
        check("#### `[[detect.rules.\"secret.egress\".canaries]]`");
        check("#### `[detect.rules.\"spend.budget\".agent]`");
        check("Without it: `{ day_usd = 100, month_usd = 1000 }`.");
    }

    /// `UPDATE_DOCS=1 cargo test -p tachograph reference` writes the file.
    #[test]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert!(file == reference(), "docs/config.md is stale: run UPDATE_DOCS=1 cargo test -p tachograph reference");
    }

    #[test]
    fn a_setting_is_told_with_form_bounds_unit_and_default() {
        let text = reference();
        let check = |line: &str| assert!(text.lines().any(|other| other.starts_with(line)), "{line}\n{text}");
        check("- `reserve_bytes` (integer, bytes, default `134217728`): Free space");
        check("- `seal_seconds` (integer, at least 1, seconds, default `900`): ");
        check("- `after_minutes` (integer, 1 to 10080, minutes, required): ");
        check("- `utc_offset_minutes` (integer, -840 to 840, minutes, default `0`): ");
        check("- `timeout_seconds` (integer, 1 to 600, seconds, default `30`): ");
        check("- `severity` (one of `\"info\"`, ");
        check("- `token` (`env:NAME` or `file:PATH`, required): The HEC token.");
        assert!(!text.contains("): \n"), "a setting without a meaning");
    }
}
