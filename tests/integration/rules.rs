//! User rules by the real binary: checked, tested, live in the server, changed while it runs, and run over what it recorded.

use serde_json::Value;

use crate::harness::{World, http, server::Server};

/// A world whose server collects our own JSON and reads rules from its folder.
fn world() -> World {
    let world = World::new("");
    world.configure(&format!(
        "[[collector]]\nname = \"probe\"\ntransport = \"http\"\ndialect = \"native\"\n[detect]\nuser_rules = {:?}\n",
        world.path("rules").display()
    ));
    world
}

/// A rule that wants so many publishings.
fn rule(times: u32) -> String {
    format!(
        r#"[[rule]]
name = "acme.publish"
severity = "high"
title = "{{user}} publishes"
reason = "A session of {{user}} ran {{observed}} commands that publish."
what = "Packages that an agent publishes."
why = "What is published cannot be taken back."
false_positives = "A release by hand."
by = ["session"]
condition = '''kind == "command" && command.startsWith("npm publish")'''
rate = {{ events = {times}, within_seconds = 60 }}

[[rule.test]]
name = "several at once"
events = [{{ second = 0, repeat = {times}, kind = "command", session = "s", user = "ana", command = "npm publish" }}]
alerts = [{{ state = "open", count = {times}, reason = "session of ana ran {times}" }}]

[[rule.test]]
name = "one"
events = [{{ second = 0, kind = "command", session = "s", command = "npm publish" }}]
"#
    )
}

#[track_caller]
fn publish(server: &Server, token: &str, session: &str, times: usize) {
    let event = format!(
        r#"{{"kind":"command","session":"{session}","user":"eve\u001b[31m","command":"npm publish --tag {session}"}}"#
    );
    let body = vec![event; times].join("\n");
    let headers = [("Authorization", format!("Bearer {token}")), ("Content-Type", "application/x-ndjson".to_owned())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = http::send(&server.ingest, "POST", "/v1/events/probe", &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn write(world: &World, text: &str) {
    std::fs::create_dir_all(world.path("rules")).unwrap();
    std::fs::write(world.path("rules/publish.toml"), text).unwrap();
}

#[test]
fn files_of_rules_are_checked_and_tested() {
    let world = world();
    let config = world.config();
    let config = config.to_str().unwrap();
    assert!(world.run(&["rules", "check", "--config", config]).err.contains("cannot read rules from "));
    write(&world, &rule(2));
    assert_eq!(
        world.run(&["rules", "check", "--config", config]).ok().out.lines().last(),
        Some("1 rule in order, 0 errors, 1 warning")
    );
    let tested = world.run(&["rules", "test", "rules"]).ok().out;
    assert_eq!(tested, "ok   acme.publish: several at once\nok   acme.publish: one\n2 passed, 0 failed\n");
    let explained = world.run(&["rules", "explain", "acme.publish", "--config", config]).ok().out;
    assert!(explained.contains("rules/publish.toml:1") && explained.contains("quiet: one"), "{explained}");
    assert!(world.run(&["rules", "list", "--config", config]).ok().out.contains("acme.publish"));
    write(&world, &rule(2).replace("count = 2", "count = 3"));
    let failed = world.run(&["rules", "test", "rules"]);
    assert_eq!(failed.code, 1);
    assert!(
        failed.out.contains("FAIL acme.publish: several at once\n     - open, count 3, ")
            && failed.out.contains("\n     + open, high, count 2, "),
        "{failed:?}"
    );
    // What is wrong is named with its place, and nothing runs with it.
    write(&world, &rule(2).replace("command.startsWith", "comand.startsWith"));
    let wrong = world.run(&["rules", "check", "rules"]);
    assert_eq!(wrong.code, 78);
    assert!(
        wrong.out.contains(
            "error: rules/publish.toml:10:37: acme.publish: condition: unknown column `comand`; did you mean `command`?"
        ),
        "{wrong:?}"
    );
    for arguments in
        [&["config", "check", config][..], &["serve", "--config", config], &["rules", "test", "--config", config]]
    {
        let refused = world.run(arguments);
        assert_eq!(refused.code, 78, "{refused:?}");
        assert!(refused.err.contains("did you mean `command`?"), "{refused:?}");
    }
}

#[test]
fn sigma_rules_become_rules_and_what_cannot_be_expressed_is_named() {
    let world = World::empty();
    let sigma = |title: &str, field: &str| {
        format!(
            "title: {title}\nlogsource: {{category: process_creation}}\ndetection:\n  s: {{{field}: 'npm publish'}}\n  condition: s\n"
        )
    };
    std::fs::create_dir_all(world.path("sigma/linux")).unwrap();
    std::fs::write(world.path("sigma/linux/good.yml"), sigma("A publish", "CommandLine|startswith")).unwrap();
    let all = world.run(&["rules", "import", "sigma", "sigma", "-o", "rules"]).ok().out;
    assert!(
        all.ends_with("\n1 of 1 imported, 0 in part and switched off, 0 skipped, 0 only in a correlation, 0 filters\n"),
        "{all}"
    );
    assert_eq!(
        world.run(&["rules", "check", "rules/linux_good.toml"]).ok().out.lines().last(),
        Some("1 rule in order, 0 errors, 4 warnings")
    );
    // A part of what is there is named, and what somebody wrote by hand stays.
    std::fs::write(world.path("sigma/bad.yml"), sigma("A parent", "ParentImage|endswith")).unwrap();
    let some = world.run(&["rules", "import", "sigma", "sigma", "-o", "rules"]);
    assert_eq!(some.code, 1);
    assert!(some.out.contains("skipped") && some.out.contains("field `ParentImage` has no column"), "{some:?}");
    std::fs::write(world.path("rules/linux_good.toml"), "# mine\n").unwrap();
    let refused = world.run(&["rules", "import", "sigma", "sigma", "-o", "rules"]);
    assert!(refused.code == 2 && refused.err.contains("was not written by this command"), "{refused:?}");
    let printed = world.run(&["rules", "import", "sigma", "sigma/linux/good.yml"]).ok();
    assert!(
        printed.out.contains("name = \"sigma.a_publish\"") && printed.err.contains("1 of 1 imported"),
        "{printed:?}"
    );
}

#[test]
fn a_rule_gives_alerts_is_changed_while_it_runs_and_is_backtested() {
    let world = world();
    write(&world, &rule(3));
    let token = world.token("probe", &["--role", "ingest"]);
    let server = world.serve();
    publish(&server, &token, "s1", 2);
    publish(&server, &token, "s2", 3);
    world.wait_for(1, &["--ledger", "operations", "kind=alert"]);
    let alert = &world.sql("SELECT rule, severity, session, title, count FROM alerts")[0];
    assert_eq!(alert["rule"], "acme.publish");
    assert_eq!((&alert["severity"], &alert["session"], &alert["count"]), (&"high".into(), &"s2".into(), &3.into()));
    let silenced =
        world.run(&["alerts", "silence", "rule=acme.publish", "--reason", "known", "--for", "2h", "--dry-run"]);
    assert_eq!(silenced.ok().out, "It would have hidden 1 alert of the last 7 days.\n");
    // A broken file changes nothing, a good one is taken over with its position.
    write(&world, "[[rule]]\nname = 3");
    server.signal("HUP").unwrap();
    server.wait_for_log("the configuration was not changed").unwrap();
    write(&world, &rule(2));
    server.signal("HUP").unwrap();
    server.wait_for_log("the configuration was changed").unwrap();
    publish(&server, &token, "s3", 2);
    world.wait_for(2, &["--ledger", "operations", "kind=alert"]);
    // The server runs while its history is read.
    let data = world.data();
    let backtest = |arguments: &[&str]| {
        let arguments = [&["rules", "backtest", "--data", data.to_str().unwrap(), "-o", "json"], arguments].concat();
        world.run(&arguments).ok().json()
    };
    let mine = |answer: &Value| {
        let rules = answer["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["rule"] == "acme.publish").unwrap().clone()
    };
    let same = backtest(&[]);
    assert_eq!(
        (&same["events"], &same["changes"], &same["runs_now"]),
        (&7.into(), &Value::from(Vec::<Value>::new()), &true.into())
    );
    let rule_now = mine(&same);
    assert_eq!(
        (&rule_now["alerts"], &rule_now["same"], &rule_now["recorded"], &rule_now["recorded_same"]),
        (&3.into(), &3.into(), &2.into(), &2.into())
    );
    std::fs::write(world.path("tried.toml"), rule(3)).unwrap();
    let tried = mine(&backtest(&["tried.toml"]));
    assert_eq!((&tried["alerts"], &tried["new"], &tried["gone"]), (&1.into(), &0.into(), &2.into()));
    let diff = world.run(&["rules", "diff", "--data", data.to_str().unwrap(), "tried.toml"]).ok().out;
    assert!(diff.starts_with("acme.publish: rate.events: 2 → 3\n"), "{diff}");
    assert!(
        diff.contains("acme.publish: 1 same, 0 new, 2 gone\n") && diff.contains("eve\\u{1b}[31m publishes"),
        "{diff}"
    );
    let report = ["rules", "report", "acme.publish", "--data", data.to_str().unwrap(), "-o", "json"];
    let reported = world.run(&report).ok().json();
    let mine = &reported["rules"][0];
    assert_eq!((&mine["alerts"], &mine["closed"], &mine["lowered"]), (&2.into(), &serde_json::json!({}), &0.into()));
    let missing = mine["proposals"]["missing"].as_str().unwrap();
    assert!(missing.contains("none of its alerts was closed"), "{missing}");
    assert!(server.stop().unwrap().success());
    assert_eq!(world.run(&["verify", data.to_str().unwrap(), "-o", "json"]).ok().json()["verdict"], "verified");
}
