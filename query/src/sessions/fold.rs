//! Repeats become one line, pauses are marked, and what led to what is named. Pure functions of records in order.

use std::collections::{BTreeSet, HashMap};

use super::record::{LANES, Record, lane};

/// A pause that is marked, in microseconds.
const GAP_MICROS: i64 = 60_000_000;
/// How far back something may be that is called close in time.
const NEAR_MICROS: i64 = 30_000_000;

/// Records that follow each other and say the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded<'a> {
    /// The first of them.
    pub first: &'a Record,
    /// The last of them.
    pub last: &'a Record,
    /// How many.
    pub times: usize,
    /// Their cost in micro-USD, of those that have one.
    pub cost_micros: Option<i64>,
    /// Whether each had the same result, as far as results are known.
    pub same_result: bool,
    /// The pause before it.
    pub gap: Option<Gap>,
}

/// A pause of more than a minute, in microseconds.
pub type Gap = i64;

/// Folds records that follow each other and have the same kind, target and outcome; never over a denial, nor over a record in
/// `evidence`.
pub fn fold<'a>(records: &'a [Record], evidence: &BTreeSet<u64>, fold: bool) -> Vec<Folded<'a>> {
    let mut folded: Vec<Folded<'a>> = Vec::new();
    let stands_alone = |record: &Record| {
        matches!(record.outcome.as_deref(), Some("deny" | "blocked")) || evidence.contains(&record.seq)
    };
    for record in records {
        let before = folded.last().map(|folded| folded.last.at);
        let gap = before.map(|before| record.at.saturating_sub(before)).filter(|gap| *gap > GAP_MICROS);
        if fold
            && gap.is_none()
            && !stands_alone(record)
            && let Some(open) =
                folded.last_mut().filter(|open| !stands_alone(open.first) && says_the_same(open.first, record))
        {
            open.same_result &= open.first.result_fp == record.result_fp && open.first.exit_code == record.exit_code;
            open.cost_micros = match (open.cost_micros, record.cost_micros) {
                (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
                (sum, more) => sum.or(more),
            };
            (open.last, open.times) = (record, open.times + 1);
            continue;
        }
        let same_result = record.result_fp.is_some() || record.exit_code.is_some();
        folded.push(Folded {
            first: record,
            last: record,
            times: 1,
            cost_micros: record.cost_micros,
            same_result,
            gap,
        });
    }
    folded
}

fn says_the_same(one: &Record, other: &Record) -> bool {
    let of = |record: &Record| {
        let target = record.action_fp.clone().or_else(|| record.host.clone()).or_else(|| record.target.clone());
        (
            record.kind.clone(),
            record.outcome.clone(),
            record.source.clone(),
            record.tool.clone(),
            record.method.clone(),
            target,
        )
    };
    // Calls of models differ in what they cost, and prompts in what they say.
    let folds = !matches!(
        LANES.get(lane(one.kind.as_deref().unwrap_or_default())).map(|lane| lane.word),
        Some("prompts" | "model")
    );
    folds && of(one) == of(other) && one.command == other.command && one.file == other.file
}

/// What led to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The record that led to it.
    pub seq: u64,
    /// Whether an id says so; otherwise both are only close in time.
    pub linked: bool,
}

/// For each record what led to it, of the records before it: a command follows from its tool call, a result from its call, a call of a
/// tool from a call of a model, a request from a command, a call of a model from a prompt.
pub fn links(records: &[Record]) -> Vec<Option<Link>> {
    let mut by_call: HashMap<&str, u64> = HashMap::new();
    let mut by_interception: HashMap<&str, u64> = HashMap::new();
    let mut latest: HashMap<&str, (u64, i64)> = HashMap::new();
    let mut links = Vec::with_capacity(records.len());
    for record in records {
        let word = LANES.get(lane(record.kind.as_deref().unwrap_or_default())).map_or("", |lane| lane.word);
        let by_id = |id: &Option<String>, known: &HashMap<&str, u64>| {
            let seq = known.get(id.as_deref()?).copied()?;
            Some(Link { seq, linked: true })
        };
        let near = |words: &[&str]| {
            let found =
                words.iter().find_map(|word| latest.get(word)).filter(|(_, at)| record.at - at <= NEAR_MICROS)?;
            Some(Link { seq: found.0, linked: false })
        };
        let before: &[&str] = match word {
            "model" => &["prompts"],
            "tools" => &["model", "prompts"],
            "commands" | "files" => &["tools", "model"],
            "egress" => &["commands", "tools"],
            _ => &[],
        };
        let id = by_id(&record.tool_call, &by_call).or_else(|| by_id(&record.interception, &by_interception));
        links.push(id.or_else(|| near(before)));
        if let Some(call) = record.tool_call.as_deref() {
            by_call.entry(call).or_insert(record.seq);
        }
        if let Some(interception) = record.interception.as_deref() {
            by_interception.entry(interception).or_insert(record.seq);
        }
        latest.insert(word, (record.seq, record.at));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(seq: u64, at: i64, kind: &str, outcome: Option<&str>, host: &str) -> Record {
        let text = |text: &str| Some(text.to_owned());
        Record { seq, at, kind: text(kind), outcome: outcome.map(str::to_owned), host: text(host), ..Record::default() }
    }

    #[test]
    fn ids_link_and_time_is_only_near() {
        let call = Record { tool_call: Some("t".to_owned()), ..record(2, 2, "tool.call", None, "") };
        let command = Record { tool_call: Some("t".to_owned()), ..record(3, 3, "command", None, "") };
        let records =
            [record(1, 1, "model.call", None, ""), call, command, record(4, 40_000_000, "egress.http", None, "a")];
        let expected = [None, Some((1, false)), Some((2, true)), None];
        assert_eq!(
            links(&records).iter().map(|link| link.map(|link| (link.seq, link.linked))).collect::<Vec<_>>(),
            expected
        );
    }

    proptest! {
        #[test]
        fn every_record_is_in_one_fold_and_none_hides_a_denial(
            rows in prop::collection::vec((0..3_usize, prop::option::of(0..2_usize), 0..2_usize, 0..90_i64), 0..40),
            evidence in prop::collection::btree_set(0..40_u64, 0..4),
        ) {
            let mut at = 0;
            let records: Vec<Record> = rows.iter().enumerate().map(|(seq, (kind, outcome, host, wait))| {
                at += wait * 1_000_000;
                let kind = ["egress.http", "command", "model.call"][*kind];
                record(seq as u64, at, kind, outcome.map(|at| ["deny", "allow"][at]), ["a", "b"][*host])
            }).collect();
            let folded = fold(&records, &evidence, true);
            let mut next = 0;
            for fold in &folded {
                prop_assert_eq!(fold.first.seq, next);
                next = fold.last.seq + 1;
                prop_assert_eq!(fold.times as u64, next - fold.first.seq);
                let alone = fold.first.outcome.as_deref() == Some("deny") || (fold.first.seq..next).any(|seq| evidence.contains(&seq));
                prop_assert!(!alone || fold.times == 1);
            }
            prop_assert_eq!(next, records.len() as u64);
            prop_assert_eq!(fold(&records, &evidence, false).len(), records.len());
        }
    }
}
