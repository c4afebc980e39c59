//! Correlations, filters and old counts, over events that complete them and events that do not.

use serde_json::{Value, json};

use super::{fires, imported, reasons, rule_of, whole};
use crate::{Input, Options, Outcome, import};

const TWO: &str = "
title: Read a key
name: read_key
logsource: {category: file_access}
detection:
  s: {TargetFilename|endswith: '/.env'}
  condition: s
---
title: Upload
name: upload
logsource: {category: proxy}
detection:
  s: {cs-method: POST}
  condition: s
---
title: Both
level: high
correlation:
  rules: [read_key, upload]
";

fn read(session: &str) -> Value {
    json!({"kind": "file.read", "file": "/a/.env", "session": session, "user": "ana"})
}

fn upload(session: &str) -> Value {
    json!({"kind": "egress.http", "method": "POST", "host": "drop.example", "session": session, "user": "ana"})
}

fn later(mut event: Value, second: i64) -> Value {
    event["second"] = json!(second);
    event
}

#[test]
fn events_are_counted_by_group() {
    let count = format!("{TWO}  type: event_count\n  group-by: [session]\n  timespan: 1m\n  condition: {{gte: 3}}\n");
    let rules = whole(&count);
    assert_eq!(rules.len(), 1, "the parts give no alerts by themselves");
    let rule = &rules[0];
    assert!(fires(rule, &[read("a"), upload("a"), read("a")]));
    assert!(!fires(rule, &[read("a"), upload("b"), read("a")]));
    assert!(!fires(rule, &[read("a"), upload("a"), later(read("a"), 90)]));
    let loud = count.replace("title: Both", "title: Both\ngenerate: true");
    assert_eq!(whole(&loud).len(), 3, "with `generate` they do");
}

#[test]
fn values_are_counted_and_orders_are_kept() {
    let one = rule_of("proxy", "  s: {cs-method: POST}\n  condition: s\n")
        .replace("title: A title", "title: A title\nid: r-1");
    let values = format!(
        "{one}---\ntitle: Many hosts\ncorrelation:\n  type: value_count\n  rules: r-1\n  group-by: cs-username\n  timespan: 1h\n  condition: {{gt: 1, field: r-dns}}\n"
    );
    let rule = &whole(&values)[0];
    let to = |host: &str, user: &str| json!({"kind": "egress.http", "method": "POST", "host": host, "user": user});
    assert!(fires(rule, &[to("a", "ana"), to("b", "ana")]));
    assert!(!fires(rule, &[to("a", "ana"), to("b", "bob"), to("a", "ana")]));
    let order = format!("{TWO}  type: temporal_ordered\n  group-by: User\n  timespan: 10m\n");
    let rule = &whole(&order)[0];
    assert!(fires(rule, &[read("a"), upload("b")]));
    assert!(!fires(rule, &[upload("a"), read("b")]));
    let any = whole(&format!("{TWO}  type: temporal\n  group-by: [User]\n  timespan: 10m\n"));
    assert_eq!(any.len(), 2, "no event is both");
    assert!(fires(&any[0], &[read("a"), upload("b")]) && fires(&any[1], &[upload("a"), read("b")]));
    let same = format!("{TWO}  type: temporal\n  timespan: 10m\n")
        .replace("category: file_access", "category: proxy")
        .replace("TargetFilename|endswith", "c-uri|endswith");
    let same = whole(&same);
    assert_eq!(same.len(), 3);
    assert!(fires(&same[2], &[json!({"kind": "egress.http", "method": "POST", "path": "/a/.env"})]));
}

#[test]
fn correlations_that_no_operator_computes_are_named() {
    let check = |lines: &str, says: &str| {
        let found = imported(&format!("{TWO}{lines}"), false);
        let Outcome::Skipped(reasons) = &found[2].outcome else { panic!("{found:?}") };
        assert!(reasons.iter().any(|reason| reason.contains(says)), "{lines}: {reasons:?}");
    };
    check("  type: event_count\n  timespan: 1m\n  condition: {lt: 3}\n", "only `gte` and `gt`");
    check("  type: event_count\n  timespan: 1m\n  condition: {gte: 3, lte: 9}\n", "only `gte` and `gt`");
    check("  type: event_count\n  timespan: 30d\n  condition: {gte: 3}\n", "within_seconds");
    check("  type: event_count\n  timespan: 1m\n  group-by: CommandLine\n  condition: {gte: 3}\n", "has no column");
    check("  type: event_count\n  timespan: 1m\n  window: tumbling\n  condition: {gte: 3}\n", "windows slide");
    check("  type: value_sum\n  timespan: 1m\n  condition: {gte: 3, field: a}\n", "no operator computes it");
    check("  type: value_count\n  timespan: 1m\n  condition: {gte: 3, field: [a, b]}\n", "of one field");
    check("  type: temporal\n  timespan: 1m\n  condition: read_key and not upload\n", "all of them are seen");
    check("  type: temporal\n  timespan: 1m\n  condition: {gte: 1}\n", "one of its rules");
    check(
        "  type: event_count\n  timespan: 1m\n  condition: {gte: 3}\n  aliases: {a: {read_key: User}}\n  group-by: a\n",
        "says nothing of rule `upload`",
    );
    let found = imported(
        &format!("{TWO}  type: event_count\n  timespan: 1m\n  condition: {{gte: 3}}\n")
            .replace("[read_key, upload]", "[read_key, none]"),
        false,
    );
    let Outcome::Skipped(reasons) = &found[2].outcome else { panic!("{found:?}") };
    assert_eq!(reasons, &["rule `none` is not among the files"]);
    let hidden = format!("{TWO}  type: event_count\n  timespan: 1m\n  condition: {{gte: 3}}\n")
        .replace("TargetFilename", "Image");
    assert!(imported(&hidden, false).iter().any(|found| matches!(&found.outcome, Outcome::Skipped(reasons) if reasons[0] == "rule `read_key`: field `Image` has no column")));
}

#[test]
fn fields_with_two_names_are_one_by_their_alias() {
    let text = format!(
        "{TWO}  type: event_count\n  timespan: 1m\n  condition: {{gte: 2}}\n  aliases: {{who: {{read_key: User, upload: cs-username}}}}\n  group-by: who\n"
    );
    assert_eq!(whole(&text)[0].form().by, ["user"]);
}

#[test]
fn old_counts_are_operators() {
    let old = |condition: &str| {
        rule_of(
            "process_creation",
            &format!("  s: {{CommandLine|contains: curl}}\n  timeframe: 1m\n  condition: {condition}\n"),
        )
    };
    let curl = |user: &str, line: &str| json!({"kind": "command", "command": line, "user": user});
    let rule = &whole(&old("s | count() by User > 1"))[0];
    assert!(fires(rule, &[curl("a", "curl 1"), curl("a", "curl 2")]));
    assert!(!fires(rule, &[curl("a", "curl 1"), curl("b", "curl 2")]));
    let rule = &whole(&old("s | count(CommandLine) by User >= 2"))[0];
    assert!(fires(rule, &[curl("a", "curl 1"), curl("a", "curl 2")]));
    assert!(!fires(rule, &[curl("a", "curl 1"), curl("a", "curl 1")]));
    assert!(reasons(&old("s | min(x) by User > 1"))[0].contains("`| min(x) by User > 1`"));
}

#[test]
fn filters_narrow_the_rules_that_they_name() {
    let rule = rule_of("proxy", "  s: {cs-method: POST}\n  condition: s\n")
        .replace("title: A title", "title: A title\nname: post");
    let filter = |rules: &str, field: &str| {
        format!(
            "title: Not ours\nlogsource: {{category: proxy}}\nfilter:\n  rules: {rules}\n  own: {{{field}|endswith: acme.example}}\n  condition: not own\n"
        )
    };
    let inputs = |filter: &str| {
        let texts = [rule.clone(), filter.to_owned()];
        import(&texts.each_ref().map(|text| Input { text }), &Options::default())
    };
    let found = inputs(&filter("[post]", "r-dns"));
    let Outcome::Whole(written) = &found[0].outcome else { panic!("{found:?}") };
    let narrowed = super::loaded(&written[0].text);
    assert!(fires(&narrowed, &[upload("a")]));
    assert!(!fires(&narrowed, &[json!({"kind": "egress.http", "method": "POST", "host": "api.acme.example"})]));
    assert!(matches!(found[1].outcome, Outcome::Filter));
    let Outcome::Skipped(reasons) = &inputs(&filter("[post]", "c-ip"))[0].outcome else { panic!() };
    assert_eq!(reasons, &["filter `Not ours`: field `c-ip` has no column"]);
    assert!(matches!(&inputs(&filter("[other]", "r-dns"))[1].outcome, Outcome::Skipped(_)));
}

#[test]
fn documents_are_told_apart_and_what_is_wrong_is_told_of_each() {
    let good = rule_of("file_event", "  s: {TargetFilename: a}\n  condition: s\n");
    let text = format!(
        "%YAML 1.1\n---\n# nothing\n---\n{good}--- \ntitle: Bad\n  x: [\n---\ntitle: Odd\nlevel: terrible\nrelated: [x]\n{}",
        good.split_once('\n').unwrap().1.replace("level: high\n", "")
    );
    let found = imported(&text, false);
    assert_eq!(found.len(), 3, "{found:?}");
    let skipped = |title: &str| {
        found.iter().find_map(|found| match &found.outcome {
            Outcome::Skipped(reasons) if found.title == title => Some(reasons.clone()),
            _ => None,
        })
    };
    assert!(matches!(found[0].outcome, Outcome::Whole(_)));
    assert_eq!(skipped("").unwrap().len(), 1, "the document that is no YAML");
    assert!(skipped("Odd").unwrap()[0].contains("invalid level: 'terrible'"), "{found:?}");
    let global = "action: global\ntitle: G\nlogsource: {category: file_event}\ndetection: {condition: s}\n---\ndetection: {s: {TargetFilename: a}}\n---\ndetection: {s: {TargetFilename: b}}\n";
    assert_eq!(whole(global).len(), 2, "a document with an action says something of the others");
    assert!(imported("", false).is_empty());
    let twice = good.replace("  s: {TargetFilename: a}", "  s: {TargetFilename: a}\n  s: {TargetFilename: b}");
    assert!(reasons(&twice)[0].contains("duplicate"), "{:?}", reasons(&twice));
}
