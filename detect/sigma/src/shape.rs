//! What the parser of Sigma would pass over in a document without a word: keys and values of another form than the specification has.

use yaml_serde::{Mapping, Value};

use crate::limits::SIGMA_CONDITION_BYTES_MAX;

const CORRELATION_KEYS: [&str; 10] =
    ["type", "rules", "group-by", "timespan", "timeframe", "condition", "aliases", "generate", "window", "gap"];
const THRESHOLD_KEYS: [&str; 8] = ["gt", "gte", "lt", "lte", "eq", "neq", "field", "percentile"];

/// What is wrong with the form of a document.
pub fn problems(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let Some(root) = document.as_mapping() else { return vec!["it is no rule: not a mapping".to_owned()] };
    keys(root, "the rule", &mut found);
    if let Some(source) = root.get("logsource") {
        texts_by_name(source, "logsource", &mut found);
    }
    if let Some(detection) = root.get("detection") {
        selections(detection, "detection", &mut found);
    }
    if let Some(filter) = root.get("filter") {
        if let Some(rules) = filter.get("rules") {
            texts(rules, "filter.rules", &mut found);
        }
        selections(filter, "filter", &mut found);
    }
    if let Some(correlation) = root.get("correlation") {
        check_correlation(correlation, &mut found);
    }
    found
}

fn keys(mapping: &Mapping, place: &str, found: &mut Vec<String>) {
    if mapping.keys().any(|key| !key.is_string()) {
        found.push(format!("{place}: a name is no text"));
    }
}

/// A mapping of texts to texts.
fn texts_by_name(value: &Value, place: &str, found: &mut Vec<String>) {
    match value.as_mapping() {
        Some(mapping) if mapping.iter().all(|(key, value)| key.is_string() && value.is_string()) => {}
        _ => found.push(format!("{place}: it names texts by texts")),
    }
}

/// A text, or a list of texts.
fn texts(value: &Value, place: &str, found: &mut Vec<String>) {
    let is_list = value.as_sequence().is_some_and(|list| list.iter().all(Value::is_string));
    if !value.is_string() && !is_list {
        found.push(format!("{place}: it is a text or a list of texts"));
    }
}

fn selections(value: &Value, place: &str, found: &mut Vec<String>) {
    let Some(mapping) = value.as_mapping() else { return found.push(format!("{place}: it is a mapping")) };
    keys(mapping, place, found);
    for (key, value) in mapping {
        match key.as_str() {
            Some("condition") => condition(value, place, found),
            Some("timeframe") if !value.is_string() => found.push("timeframe: it is a text such as 5m".to_owned()),
            Some("timeframe" | "rules") | None => {}
            Some(name) => selection(value, name, found),
        }
    }
}

fn condition(value: &Value, place: &str, found: &mut Vec<String>) {
    texts(value, &format!("{place}.condition"), found);
    let list = value.as_sequence().map_or(std::slice::from_ref(value), Vec::as_slice);
    let is_long = |text: &Value| text.as_str().is_some_and(|text| text.len() > SIGMA_CONDITION_BYTES_MAX);
    if list.iter().any(is_long) {
        found.push(format!("{place}.condition: it has more than {SIGMA_CONDITION_BYTES_MAX} bytes"));
    }
}

fn selection(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Mapping(mapping) => {
            keys(mapping, name, found);
            let is_value = |value: &Value| match value {
                Value::Sequence(list) => list.iter().all(is_scalar),
                other => is_scalar(other),
            };
            for (key, value) in mapping {
                if !is_value(value) {
                    found.push(format!("{name}: `{}` has values in values", key.as_str().unwrap_or_default()));
                }
            }
        }
        Value::Sequence(list) => list.iter().for_each(|part| selection(part, name, found)),
        scalar if is_scalar(scalar) => {}
        _ => found.push(format!("{name}: it is neither a value, a list nor a mapping")),
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))
}

fn check_correlation(value: &Value, found: &mut Vec<String>) {
    let Some(mapping) = value.as_mapping() else { return };
    unknown(mapping, &CORRELATION_KEYS, "correlation", found);
    for key in ["rules", "group-by"] {
        if let Some(value) = mapping.get(key) {
            texts(value, &format!("correlation.{key}"), found);
        }
    }
    if let Some(aliases) = mapping.get("aliases") {
        match aliases.as_mapping() {
            Some(aliases) => aliases.values().for_each(|alias| texts_by_name(alias, "correlation.aliases", found)),
            None => found.push("correlation.aliases: it is a mapping".to_owned()),
        }
    }
    match mapping.get("condition") {
        Some(Value::Mapping(threshold)) => {
            unknown(threshold, &THRESHOLD_KEYS, "correlation.condition", found);
            if let Some(field) = threshold.get("field") {
                texts(field, "correlation.condition.field", found);
            }
            // For the parser that is the same as no condition, which means all of them.
            let is_temporal = mapping.get("type").and_then(Value::as_str).is_some_and(|of| of.starts_with("temporal"));
            if is_temporal && threshold.get("gte").and_then(Value::as_u64) == Some(1) {
                found.push("correlation: one of its rules would be enough, which is no order of events".to_owned());
            }
        }
        Some(other) => condition(other, "correlation", found),
        None => {}
    }
}

fn unknown(mapping: &Mapping, known: &[&str], place: &str, found: &mut Vec<String>) {
    keys(mapping, place, found);
    for key in mapping.keys().filter_map(Value::as_str) {
        if !known.contains(&key) {
            found.push(format!("{place}: unknown key `{key}`"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parser_passes_over_is_told() {
        let check = |text: &str, says: &str| {
            let found = problems(&yaml_serde::from_str(text).unwrap());
            assert_eq!(found.len(), usize::from(!says.is_empty()), "{text}: {found:?}");
            assert!(found.iter().all(|problem| problem.contains(says)), "{text}: {found:?}");
        };
        check("detection: {a: {b: [c, 1, null], d: true}, e: [f], condition: a}", "");
        check("detection: {a: {b: {c: d}}, condition: a}", "`b` has values in values");
        check("detection: {a: {b: [[c]]}, condition: a}", "`b` has values in values");
        check("detection: {a: {1: c}, condition: a}", "a: a name is no text");
        check("detection: {1: {b: c}, condition: a}", "detection: a name is no text");
        check("detection: {a: {b: !x c}, condition: a}", "`b` has values in values");
        check("detection: {a: {b: c}, timeframe: 5, condition: a}", "timeframe");
        check("correlation: {type: event_count, rules: [1]}", "correlation.rules");
        check("correlation: {type: event_count, group-by: [a, 2]}", "correlation.group-by");
        check("correlation: {type: event_count, condition: {gte: 3, fields: a}}", "unknown key `fields`");
        check("correlation: {type: temporal, condition: {gte: 1}}", "one of its rules");
        check("correlation: {type: event_count, rule: a}", "unknown key `rule`");
        check("correlation: {aliases: {a: {b: 1}}}", "correlation.aliases");
        check("logsource: {category: 5}", "logsource");
        check("[a]", "not a mapping");
        check(&format!("detection: {{a: {{b: c}}, condition: '{}a'}}", "not ".repeat(2_000)), "more than 4096 bytes");
    }
}
