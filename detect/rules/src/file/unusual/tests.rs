//! Where commands and files meet: the division from `command.risky`, what is counted together, and which parameters matter.

use detect_core::parameters::Parameters as _;
use detect_core::sample;
use ledger::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;
use crate::rule_set::RuleSet;

fn observe(parameters: &Parameters, events: &[Value]) -> Vec<(String, Severity)> {
    let mut detector = Unusual::new(parameters, fixtures::key());
    let findings = fixtures::observe(&mut detector, &fixtures::rows(events), false);
    findings.alerts().iter().map(|alert| (alert.title.clone(), alert.severity)).collect()
}

fn command(line: &str) -> Value {
    json!({"second": 0, "kind": "command", "command": line, "session": "s1"})
}

fn write(file: &str) -> Value {
    json!({"second": 0, "kind": "file.write", "file": file, "session": "s1", "record": r#"{"cwd":"/home/coder/app"}"#})
}

#[test]
fn techniques_of_a_class_are_those_of_the_rule() {
    for class in [
        Class::Secrets,
        Class::Ci,
        Class::AgentConfiguration,
        Class::StartsByItself,
        Class::System,
        Class::Outside,
        Class::ManyDeleted,
    ] {
        assert!(class.tags().iter().all(|tag| SPEC.tags.contains(tag)), "{class:?}");
    }
}

#[test]
fn one_deletion_is_told_by_one_detector() {
    for (line, expected) in [
        ("rm -rf .", &["file.unusual"][..]),
        ("rm -rf ~/*", &["command.risky"]),
        ("rm -rf /etc && rm -rf .", &["command.risky"]),
        ("find / -delete", &["command.risky"]),
        ("find / -type f -exec rm {} +", &["command.risky"]),
        ("find . -type f -exec rm {} +", &["file.unusual"]),
        ("git restore .", &["command.risky"]),
        ("cat ~/.ssh/id_rsa", &["file.unusual"]),
        ("sudo rm -rf .", &["command.risky", "file.unusual"]),
        ("rm -rf src", &[]),
    ] {
        let mut engine = RuleSet::default().engine(fixtures::key(), Timestamp::EPOCH);
        let findings = sample::run(&mut engine, &fixtures::rows(&[command(line)]), 1);
        let told: Vec<&str> = findings.alerts().iter().map(|alert| alert.rule.as_str()).collect();
        assert_eq!(told, expected, "{line}");
    }
}

#[test]
fn folders_and_files_of_a_minute_are_counted_together() {
    let parameters = Parameters::default();
    let folders = |count: usize| vec![command("rm -rf src"); count];
    assert!(observe(&parameters, &folders(4)).is_empty());
    let told = observe(&parameters, &folders(5));
    assert_eq!(told, [("An agent deletes many files".to_owned(), Severity::Medium)]);
    let mut events = folders(4);
    events.extend(vec![json!({"second": 0, "kind": "file.delete", "file": "/w/a", "session": "s1"}); 10]);
    assert_eq!(observe(&parameters, &events), [("An agent deletes many files".to_owned(), Severity::High)]);
    let late = json!({"second": 60, "kind": "command", "command": "rm -rf src", "session": "s1"});
    assert!(observe(&parameters, &[&folders(4)[..], &[late]].concat()).is_empty());
    let off = Parameters { commands: false, ..Parameters::default() };
    assert!(observe(&off, &[command("git clean -fdx")]).is_empty());
}

#[test]
fn a_workspace_that_is_deleted_by_its_path_is_everything() {
    let line = "rm -rf /home/coder/app";
    assert!(observe(&Parameters::default(), &[command(line)]).is_empty(), "nobody knows that it is the workspace");
    assert_eq!(observe(&Parameters::default(), &[write("/home/coder/app/a"), command(line)]).len(), 1);
    for line in [line, "cd .. && rm -rf app", "rm -rf ../app", "rm -rf ../../coder"] {
        let mut event = command(line);
        event["record"] = json!(r#"{"cwd":"/home/coder/app"}"#);
        assert_eq!(observe(&Parameters::default(), &[event]).len(), 1, "{line}");
    }
}

#[test]
fn where_a_session_may_write() {
    let told = |parameters: &Parameters, file: &str| {
        let told = observe(parameters, &[write("/home/coder/app/a"), write(file)]);
        told.first().map(|(title, _)| title.replace("An agent writes ", ""))
    };
    let default = Parameters::default();
    let outside = Some("files outside of its workspace".to_owned());
    for (file, expected) in [
        ("/home/coder/app/b", None),
        ("/home/coder/lib/b", outside.clone()),
        ("/home/coder/app/../lib/b", outside.clone()),
        ("/home/coder/.gitconfig", outside.clone()),
        ("/home/coder/.claude/plans/b.md", None),
        ("/tmp/b", None),
        ("b", None),
        ("../lib/b", None),
        ("C:\\app\\b", None),
    ] {
        assert_eq!(told(&default, file), expected, "{file}");
    }
    assert!(told(&default, "/home/coder/app/../../../etc/hosts").unwrap().starts_with("files of the system"));
    let off = Parameters { outside: false, ..Parameters::default() };
    let meant = Parameters { folders: vec!["/home/coder/lib".to_owned()], ..Parameters::default() };
    assert_eq!((told(&off, "/home/coder/lib/b"), told(&meant, "/home/coder/lib/b")), (None, None));
    assert_eq!(told(&meant, "/home/coder/library/b"), outside);
}

#[test]
fn work_in_the_home_of_root_is_no_work_on_the_system() {
    let write = |record: &str| json!({"second": 0, "kind": "file.write", "file": "/root/app/a", "session": "s1", "record": record});
    assert!(observe(&Parameters::default(), &[write(r#"{"cwd":"/root/app"}"#)]).is_empty());
    assert_eq!(observe(&Parameters::default(), &[write("{}")]).len(), 1);
}

#[test]
fn parameters_out_of_range_are_refused() {
    let check = |change: fn(&mut Parameters)| {
        let mut parameters = Parameters::default();
        change(&mut parameters);
        parameters.check()
    };
    assert_eq!(check(|parameters| parameters.folders = vec!["/w/lib".to_owned()]), Ok(()));
    assert!(check(|parameters| parameters.folder_files = 0).unwrap_err().contains("folder_files"));
    for folder in ["lib", "/w/lib/", "/w/../lib"] {
        let parameters = Parameters { folders: vec![folder.to_owned()], ..Parameters::default() };
        assert!(parameters.check().unwrap_err().contains(folder), "{folder}");
    }
    assert!(check(|parameters| parameters.folders = vec!["/w".to_owned(); 65]).is_err());
}

#[test]
fn a_refused_read_of_a_secret_is_told_as_refused() {
    let read = |outcome: &str| json!({"second": 0, "kind": "file.read", "outcome": outcome, "file": "/home/ann/.ssh/id_rsa", "session": "s1"});
    let told = |outcome: &str| {
        let mut detector = Unusual::new(&Parameters::default(), fixtures::key());
        let findings = fixtures::observe(&mut detector, &fixtures::rows(&[read(outcome)]), false);
        findings.alerts().iter().map(|alert| (alert.severity, alert.reason.clone())).collect::<Vec<_>>()
    };
    let refused = told("deny");
    assert!(
        matches!(&refused[..], [(Severity::Low, reason)] if reason.contains("It was refused and did not run.")),
        "{refused:?}"
    );
    let done = told("success");
    assert!(matches!(&done[..], [(Severity::Medium, reason)] if reason.starts_with("The agent reads")), "{done:?}");
}

#[test]
fn a_wish_to_read_a_secret_is_told_once_and_grows_when_it_is_done() {
    let call = |kind: &str, tool: &str, outcome: Option<&str>| {
        let mut event = json!({"second": 0, "kind": kind, "tool": tool, "tool_call": "c1", "file": "/home/ann/.ssh/id_rsa", "session": "s1"});
        if let Some(outcome) = outcome {
            event["outcome"] = json!(outcome);
        }
        event
    };
    let told = |events: &[Value]| {
        let mut detector = Unusual::new(&Parameters::default(), fixtures::key());
        let findings = fixtures::observe(&mut detector, &fixtures::rows(events), false);
        findings.alerts().iter().map(|alert| (alert.count, alert.severity)).collect::<Vec<_>>()
    };
    let asked = call("tool.call", "Read", None);
    assert_eq!(told(std::slice::from_ref(&asked)), [(1, Severity::Low)]);
    assert_eq!(told(&[asked, call("file.read", "Read", Some("success"))]), [(1, Severity::Low), (1, Severity::Medium)]);
    assert_eq!(told(&[call("tool.call", "Write", None)]), [], "nothing is written yet");
}
