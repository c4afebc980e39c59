//! Correlations, and counts of old, as operators: `event_count` is `rate`, `value_count` is `distinct`, `temporal_ordered` is `sequence`,
//! and `temporal` of two rules is a `sequence` for each order.

use rsigma_parser::{ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Timespan, WindowMode};
use toml::{Table, Value};

use crate::aggregation;
use crate::collection::{Collection, Correlated, Detected};
use crate::expression::Expression;
use crate::source::{Source, Target};

/// A rule of ours without its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What tells it apart from the others that one Sigma rule becomes.
    pub suffix: &'static str,
    pub by: Vec<String>,
    pub condition: String,
    pub operator: Option<(&'static str, Table)>,
}

/// What became of a rule, and what could not be expressed.
#[derive(Debug, Default)]
pub struct Drafted {
    pub drafts: Vec<Draft>,
    pub source: Option<Source>,
    pub reasons: Vec<String>,
}

/// A rule that counts nothing, or as rules did before there were correlations.
pub fn of_detection(detected: &Detected) -> Drafted {
    let mut drafted =
        Drafted { source: detected.source, reasons: detected.translated.reasons.clone(), ..Drafted::default() };
    let (Some(source), Some(expression)) = (detected.source, &detected.translated.expression) else { return drafted };
    if *expression == Expression::Bool(false) {
        drafted.reasons.push("it never holds for events of this source here".to_owned());
        return drafted;
    }
    let timeframe = detected.rule.detection.timeframe.as_deref();
    let counted = detected.aggregation.as_deref().map(|text| count(text, timeframe, source));
    let (by, operator) = match counted {
        None => {
            if timeframe.is_some() {
                drafted.reasons.push("timeframe: nothing is counted in it".to_owned());
            }
            (vec![source.by().to_owned()], None)
        }
        Some(Ok(counted)) => counted,
        Some(Err(reason)) => {
            drafted.reasons.push(reason);
            (vec![source.by().to_owned()], None)
        }
    };
    let is_counted = matches!(operator, Some(("rate", _)));
    let condition = Expression::all([source.events(is_counted), expression.clone()]).condition();
    drafted.drafts.push(Draft { suffix: "", by, condition, operator });
    drafted
}

type Counted = (Vec<String>, Option<(&'static str, Table)>);

fn count(text: &str, timeframe: Option<&str>, source: Source) -> Result<Counted, String> {
    let counted = aggregation::parse(text)?;
    let timeframe = timeframe.ok_or("it counts, and says no timeframe")?;
    let within = Timespan::parse(timeframe).map_err(|error| error.to_string())?.seconds;
    let by = counted.by.iter().map(|field| source.key(field).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    let operator = match &counted.distinct {
        None => rate(counted.at_least, within)?,
        Some(field) => Some(distinct(column(field, source)?, counted.at_least, within)?),
    };
    Ok((by, operator))
}

/// `None` where one event is enough.
fn rate(events: u64, within: u64) -> Result<Option<(&'static str, Table)>, String> {
    match events {
        0 => Err("no event at all would be enough".to_owned()),
        1 => Ok(None),
        _ => Ok(Some(("rate", numbers(&[("events", events), ("within_seconds", within)])))),
    }
}

fn distinct(column: &str, values: u64, within: u64) -> Result<(&'static str, Table), String> {
    if values < 2 {
        return Err("one value is no count of different ones".to_owned());
    }
    let mut table = numbers(&[("values", values), ("within_seconds", within)]);
    table.insert("column".to_owned(), Value::String(column.to_owned()));
    Ok(("distinct", table))
}

fn numbers(pairs: &[(&str, u64)]) -> Table {
    // What is larger than a number of TOML is refused as out of its range when the rule is checked.
    let pair =
        |(name, number): &(&str, u64)| ((*name).to_owned(), Value::Integer(i64::try_from(*number).unwrap_or(i64::MAX)));
    pairs.iter().map(pair).collect()
}

/// The column whose values are counted: also one that keeps nothing apart.
fn column(field: &str, source: Source) -> Result<&'static str, String> {
    match source.target(field)? {
        Target::Text(column) | Target::Number(column) => Ok(column),
        Target::User => Ok("user"),
        Target::Host => Ok("host"),
        Target::CommandLine => Ok("command"),
        Target::Url | Target::Program | Target::Part(_) | Target::Constant(_) => {
            Err(format!("values of `{field}` are not counted: no column has this value alone"))
        }
    }
}

/// A correlation over rules of the collection.
pub fn of_correlation(correlated: &Correlated, collection: &Collection) -> Drafted {
    let rule = &correlated.rule;
    let mut drafted = Drafted { reasons: correlated.problems.clone(), ..Drafted::default() };
    let mut parts = Vec::new();
    for reference in &rule.rules {
        match collection.find(reference) {
            None if collection.correlations.iter().any(|other| other.rule.name.as_deref() == Some(reference)) => {
                drafted.reasons.push(format!("rule `{reference}`: a correlation of correlations"));
            }
            None => drafted.reasons.push(format!("rule `{reference}` is not among the files")),
            Some(part) => {
                let found = of_detection(part);
                drafted.reasons.extend(found.reasons.iter().map(|reason| format!("rule `{reference}`: {reason}")));
                if found.drafts.iter().any(|draft| draft.operator.is_some()) {
                    drafted.reasons.push(format!("rule `{reference}`: it counts by itself"));
                }
                if let (Some(source), Some(expression)) = (part.source, &part.translated.expression) {
                    parts.push((reference.as_str(), source, expression));
                }
            }
        }
    }
    if rule.window != WindowMode::Sliding {
        drafted.reasons.push(format!("window `{}`: windows slide here", rule.window.as_str()));
    }
    let by = match keys(rule, &parts) {
        Ok(by) => by,
        Err(reason) => {
            drafted.reasons.push(reason);
            Vec::new()
        }
    };
    drafted.source = parts.first().map(|(_, source, _)| *source);
    if parts.is_empty() {
        drafted.reasons.push("there is no rule that it could put together".to_owned());
        return drafted;
    }
    match combined(rule, &parts, &by) {
        Ok(drafts) => drafted.drafts = drafts,
        Err(reason) => drafted.reasons.push(reason),
    }
    drafted
}

type Parts<'a> = [(&'a str, Source, &'a Expression)];

fn keys(rule: &CorrelationRule, parts: &Parts<'_>) -> Result<Vec<String>, String> {
    let mut keys = Vec::new();
    for field in &rule.group_by {
        let alias = rule.aliases.iter().find(|alias| alias.alias == *field);
        let mut columns = Vec::new();
        for (reference, source, _) in parts {
            let field = match alias {
                None => field,
                Some(alias) => alias
                    .mapping
                    .get(*reference)
                    .ok_or_else(|| format!("alias `{field}` says nothing of rule `{reference}`"))?,
            };
            columns.push(source.key(field)?);
        }
        columns.dedup();
        match columns.as_slice() {
            [] => {}
            [column] if keys.contains(&(*column).to_owned()) => {}
            [column] => keys.push((*column).to_owned()),
            _ => return Err(format!("group-by `{field}`: its rules say it in different columns")),
        }
    }
    Ok(keys)
}

fn combined(rule: &CorrelationRule, parts: &Parts<'_>, by: &[String]) -> Result<Vec<Draft>, String> {
    let within = rule.timespan.seconds;
    let asked = |counted: bool| {
        let of = |(_, source, expression): &(&str, Source, &Expression)| {
            Expression::all([source.events(counted), (*expression).clone()])
        };
        parts.iter().map(of).collect::<Vec<_>>()
    };
    let draft = |suffix, condition: String, operator| Draft { suffix, by: by.to_vec(), condition, operator };
    match rule.correlation_type {
        CorrelationType::EventCount => {
            let (least, _) = threshold(&rule.condition)?;
            let operator = rate(least, within)?;
            Ok(vec![draft("", Expression::any(asked(operator.is_some())).condition(), operator)])
        }
        CorrelationType::ValueCount => {
            let (least, fields) = threshold(&rule.condition)?;
            let [field] = fields else {
                return Err("value_count of one field is expressed, of none or several is not".to_owned());
            };
            let mut columns =
                parts.iter().map(|(_, source, _)| column(field, *source)).collect::<Result<Vec<_>, _>>()?;
            columns.dedup();
            let [column] = columns.as_slice() else {
                return Err(format!("values of `{field}`: its rules say it in different columns"));
            };
            let operator = Some(distinct(column, least, within)?);
            Ok(vec![draft("", Expression::any(asked(false)).condition(), operator)])
        }
        CorrelationType::Temporal | CorrelationType::TemporalOrdered => {
            is_all(&rule.condition, parts.len())?;
            let steps = asked(false);
            if let [only] = steps.as_slice() {
                return Ok(vec![draft("", only.condition(), None)]);
            }
            let in_order = |suffix, steps: &[&Expression]| {
                let conditions = steps.iter().map(|step| Value::String(step.condition())).collect();
                let mut table = numbers(&[("within_seconds", within)]);
                table.insert("steps".to_owned(), Value::Array(conditions));
                draft(suffix, "true".to_owned(), Some(("sequence", table)))
            };
            if rule.correlation_type == CorrelationType::TemporalOrdered {
                return Ok(vec![in_order("", &steps.iter().collect::<Vec<_>>())]);
            }
            let [first, second] = steps.as_slice() else {
                return Err(
                    "temporal of more than two rules: a sequence has an order, and there would be too many of them"
                        .to_owned(),
                );
            };
            let mut drafts = vec![in_order("", &[first, second]), in_order("_reversed", &[second, first])];
            if overlap(parts) {
                let both = Expression::all([first.clone(), second.clone()]);
                drafts.push(draft("_at_once", both.condition(), None));
            }
            Ok(drafts)
        }
        other => Err(format!("correlation `{}`: no operator computes it", other.as_str())),
    }
}

/// Whether one event may be what both rules look for.
fn overlap(parts: &Parts<'_>) -> bool {
    let kinds = |source: Source| source.events(false).condition();
    let [(_, first, _), (_, second, _)] = parts else { return true };
    let names = |text: String| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let (first, second) = (names(kinds(*first)), names(kinds(*second)));
    first.iter().any(|kind| second.contains(kind))
}

/// The least number that is enough, and the fields whose values are counted.
fn threshold(condition: &CorrelationCondition) -> Result<(u64, &[String]), String> {
    let CorrelationCondition::Threshold { predicates, field, .. } = condition else {
        return Err("a condition over rules does not say how many".to_owned());
    };
    let least = match predicates.as_slice() {
        [(ConditionOperator::Gte, number)] => *number,
        [(ConditionOperator::Gt, number)] => number.saturating_add(1),
        _ => {
            return Err(
                "only `gte` and `gt` are expressed: that something did not happen oftener is not known yet".to_owned()
            );
        }
    };
    Ok((least, field.as_deref().unwrap_or_default()))
}

/// Whether every rule has to be seen, as it is without a condition.
fn is_all(condition: &CorrelationCondition, rules: usize) -> Result<(), String> {
    match condition {
        CorrelationCondition::Threshold { predicates, .. } => match predicates.as_slice() {
            [(ConditionOperator::Gte, number)] if *number == 1 || *number == rules as u64 => Ok(()),
            _ => Err("only that all of its rules are seen is expressed".to_owned()),
        },
        CorrelationCondition::Extended(_) => {
            Err("a condition over its rules: only that all of them are seen is expressed".to_owned())
        }
    }
}
