//! What makes two calls the same call and two results the same result, and what does not.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

static PRINTS: LazyLock<Fingerprinter> = LazyLock::new(|| Fingerprinter::new(&std::array::from_fn(|at| at as u8)));

fn check_action(one: (&str, &str), other: (&str, &str), same: bool) {
    assert_eq!(PRINTS.action(one.0, one.1) == PRINTS.action(other.0, other.1), same, "{one:?} {other:?}");
}

fn check_result(one: &str, other: &str, same: bool) {
    assert_eq!(PRINTS.result(one) == PRINTS.result(other), same, "{one:?} {other:?}");
}

#[test]
fn the_same_call_has_the_same_fingerprint_in_every_form() {
    let object = r#"{"command": "ls -la", "n": [1, 2.0], "description": "List"}"#;
    let compact = r#"{"description":"List","n":[1.0,2],"command":"ls -la"}"#;
    let string = serde_json::json!(compact).to_string();
    check_action(("Bash", object), ("Bash", compact), true);
    check_action(("Bash", object), ("Bash", &string), true);
    check_action(("Bash", object), ("Shell", object), false);
    check_action(("Bash", object), ("Bash", &object.replace("ls", "rm")), false);
    check_action(("Bash", object), ("Bash", r#"{"command":"ls -la","n":[1,2]}"#), true);
    check_action(("Bash", " ls\n"), ("Bash", "\"ls\""), true);
    check_action(("ab", "c"), ("a", "bc"), false);
    check_action(("t", "{broken"), ("t", "{broken "), true);
}

#[test]
fn results_differ_in_what_matters_only() {
    check_result("3 failed in 4.21s", "3 failed in 5.02s", true);
    check_result("3 failed in 4.21s", "2 failed in 4.21s", false);
    check_result("[2026-10-03T08:15:04Z] worker pid 4711 done", "[2026-10-04T09:00:00.123Z] worker pid 9 done", true);
    check_result("at 0x7ffdeadbeef0", "at 0x7ffdeadb0000", true);
    check_result("session 5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80", "session 11111111-0b7a-4e63-b1d4-9a3c7e6f2b80", true);
    check_result(r#"{"ok":true,"durationMs":12}"#, r#"{ "durationMs": 99, "ok": true }"#, true);
    check_result(r#"{"ok":true}"#, r#"{"ok":false}"#, false);
    // At the start of a line or behind a tab within JSON.
    check_result(r#"{"out":"a\n12 ms\n\treal 0m1.5s\n"}"#, r#"{"out":"a\n990 ms\n\treal 0m22.25s\n"}"#, true);
    check_result(r#"{"out":"\u001b[31mFAIL\u001b[0m"}"#, r#"{"out":"\u001b[1;31mFAIL\u001b[0m"}"#, true);
    check_result(r#"{"out":"C:\\new 1"}"#, r#"{"out":"C:\\new 2"}"#, false);
    check_result("\"plain\"", "plain", true);
    check_result("nginx[1234]: up", "nginx[99]: up", true);
    let (long, other) = ("x".repeat(300_000) + "a", "x".repeat(300_000) + "b");
    check_result(&long, &other, false);
}

/// Two inputs of a tool that runs commands.
fn check_commands(one: &str, other: &str, same: bool) {
    check_action(("Bash", one), ("Bash", other), same);
    let input = |line: &str| serde_json::json!({ "command": line, "description": line.len().to_string() }).to_string();
    check_action(("run_shell_command", &input(one)), ("run_shell_command", &input(other)), same);
}

#[test]
fn talk_and_chance_are_no_part_of_a_command() {
    for (one, other) in [
        ("cat build/report.txt", "cat   build/report.txt  # look again"),
        ("# check\ncargo test", "# once more\ncargo test"),
        ("cargo test \\\n  --lib", "cargo test --lib"),
        ("pytest --seed 7 tests", "pytest --seed 91 tests"),
        ("pytest -p randomly --randomly-seed=7", "pytest -p randomly --randomly-seed=12345"),
        ("PYTHONHASHSEED=1 pytest", "PYTHONHASHSEED=22 pytest"),
        ("python train.py seed=1", "python train.py seed=2"),
        ("timeout 30 make test", "timeout 90s make test"),
        ("timeout -k 5 30 make test", "timeout -k 9 60 make test"),
        ("sleep 5 && make status", "sleep 10.5 && make status"),
        ("curl --max-time 5 https://acme.example/a", "curl --max-time 9 https://acme.example/a"),
        ("kill -9 4711", "kill -9 815"),
        ("ps -p 4711 -o stat", "ps -p 815 -o stat"),
        ("cat /proc/4711/status", "cat /proc/815/status"),
        ("curl localhost:43121/health", "curl localhost:39007/health"),
        ("curl http://127.0.0.1:8080/health", "curl http://127.0.0.1:8081/health"),
        ("PORT=3000 npm test", "PORT=3001 npm test"),
        ("npm run dev -- --port 3000", "npm run dev -- --port 3001"),
        ("python3 -m http.server 8000", "python3 -m http.server 8001"),
        ("cat /tmp/tmp.Xa81kQ9z/out.txt", "cat /tmp/tmp.b7Qz01Lm/out.txt"),
        ("cat /tmp/tmpab12cd34", "cat /tmp/tmpzz98yx_1"),
        ("node /tmp/build-83412.js", "node /tmp/build-90077.js"),
        ("ls /var/folders/zz/a1b2/T/run.k3J9xQ", "ls /var/folders/zz/a1b2/T/run.Pq77Lm"),
        ("curl -H 'X-Request-Id: a1b2-77' https://acme.example/", "curl -H 'X-Request-Id: zz-9' https://acme.example/"),
        ("curl 'https://acme.example/x?_=1791015304118'", "curl 'https://acme.example/x?_=1791015399001'"),
        ("retry 5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80", "retry 11111111-0b7a-4e63-b1d4-9a3c7e6f2b80"),
        ("log --at 2026-10-03T08:15:04Z", "log --at 2026-10-04T11:00:09Z"),
        ("deploy --request-id=abc-1 web", "deploy --request-id=xyz-2 web"),
    ] {
        check_commands(one, other, true);
    }
}

#[test]
fn other_files_and_other_arguments_are_other_commands() {
    for (one, other) in [
        ("cat build/report.txt", "cat build/other.txt"),
        ("cat logs/2026-10-03.log", "cat logs/2026-10-04.log"),
        ("cat runs/5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80.json", "cat runs/11111111-0b7a-4e63-b1d4-9a3c7e6f2b80.json"),
        ("cat /tmp/notes.txt", "cat /tmp/plan.txt"),
        ("cat src/part1.rs", "cat src/part2.rs"),
        ("head -n 20 a", "head -n 40 a"),
        ("git show 3f786850e387550fdab836ed7e6dc881de23001b", "git show 89e6c98d92887913cadf06b2adb97f26cde4849b"),
        ("curl https://acme.example:8443/", "curl https://acme.example:9443/"),
        ("curl https://acme.example/items/17", "curl https://acme.example/items/18"),
        ("echo '# a'", "echo '# b'"),
        ("echo a#b", "echo a#c"),
        ("cargo test cart", "cargo test price"),
        ("sed -n 1,40p a.rs", "sed -n 41,80p a.rs"),
        ("pytest --seed 7 tests/a.py", "pytest --seed 7 tests/b.py"),
        ("ls a\nls b", "ls a ls b"),
        ("rm a", "rm b"),
    ] {
        check_commands(one, other, false);
    }
}

#[test]
fn inputs_of_every_agent_are_read_alike() {
    let same = [
        (
            "exec_command",
            r#"{"cmd":"ls","yield_time_ms":1000,"justification":"a"}"#,
            r#"{"cmd":"ls","max_output_tokens":9}"#,
        ),
        ("shell", r#"{"command":["bash","-lc","ls"],"timeout":5}"#, r#"{"command":"bash -lc ls"}"#),
        (
            "run_in_terminal",
            r#"{"command":"ls","explanation":"a","isBackground":false}"#,
            r#"{"command":"ls","goal":"b"}"#,
        ),
        ("mcp__box__run", r#"{"command":"ls # a","description":"a"}"#, r#"{"command":"ls","description":"b"}"#),
        ("Read", r#"{"file_path":"/tmp/tmp.aB12cD34/x"}"#, r#"{"file_path":"/tmp/tmp.zZ98yX76/x"}"#),
        (
            "replace",
            r#"{"file_path":"a","instruction":"one","new_string":"x"}"#,
            r#"{"file_path":"a","instruction":"two","new_string":"x"}"#,
        ),
        ("Task", r#"{"prompt":"p","description":"a"}"#, r#"{"prompt":"p","description":"b"}"#),
        ("search", r#"{"query":"q","requestId":"1","seed":4}"#, r#"{"query":"q","requestId":"2","seed":5}"#),
    ];
    let different = [
        ("exec_command", r#"{"cmd":"ls","workdir":"/a"}"#, r#"{"cmd":"ls","workdir":"/b"}"#),
        ("create_issue", r#"{"title":"a","description":"x"}"#, r#"{"title":"a","description":"y"}"#),
        ("Read", r#"{"file_path":"a","offset":1}"#, r#"{"file_path":"a","offset":2}"#),
        ("Edit", r#"{"file_path":"a","new_string":"x"}"#, r#"{"file_path":"a","new_string":"y"}"#),
        (
            "get_item",
            r#"{"id":"5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80"}"#,
            r#"{"id":"11111111-0b7a-4e63-b1d4-9a3c7e6f2b80"}"#,
        ),
        ("Bash", r#"{"command":"ls","dangerouslyDisableSandbox":true}"#, r#"{"command":"ls"}"#),
    ];
    for (tool, one, other) in same {
        check_action((tool, one), (tool, other), true);
        check_action((tool, one), (tool, &serde_json::json!(other).to_string()), true);
    }
    for (tool, one, other) in different {
        check_action((tool, one), (tool, other), false);
    }
}

#[test]
fn chance_is_no_part_of_a_result() {
    for (one, other) in [
        ("\u{1b}[31mfailed\u{1b}[0m", "\u{1b}[1;31mfailed\u{1b}[0m"),
        ("real\t0m1.234s", "real\t0m9.001s"),
        ("Process Group PGID: 21014", "Process Group PGID: 77"),
        ("listening on localhost:43121", "listening on localhost:39007"),
        ("Using --randomly-seed=17", "Using --randomly-seed=99"),
        ("wrote /tmp/tmp.Xa81kQ9z/out", "wrote /tmp/tmp.b7Qz01Lm/out"),
        ("request id: a1b2c3d4", "request id: ffff0000"),
        ("error req_011CabcdEFGH", "error req_999ZyxwVUTS"),
    ] {
        check_result(one, other, true);
    }
    check_result("1 failed, 41 passed", "2 failed, 40 passed", false);
    check_result("wrote /tmp/notes.txt", "wrote /tmp/plan.txt", false);
}

#[test]
fn the_pattern_compiles_and_keys_matter() {
    assert!(PRINTS.chance.is_whole());
    let other = Fingerprinter::new(&[7; 32]);
    assert_ne!(PRINTS.action("a", "b"), other.action("a", "b"));
    assert_ne!(PRINTS.content(b"a"), other.content(b"a"));
    assert_eq!(PRINTS.identity("a").len(), 32);
    assert_ne!(PRINTS.identity("a"), PRINTS.identity("b"));
}

proptest! {
    #[test]
    fn any_text_has_a_fingerprint(text in "\\PC{0,40}") {
        let quoted = serde_json::json!(text).to_string();
        // Quoting changes nothing, unless the text is itself a quoted string, which is unwrapped once only.
        if !text.trim().starts_with('"') {
            prop_assert_eq!(PRINTS.action("t", &text), PRINTS.action("t", &quoted));
            prop_assert_eq!(PRINTS.result(&text), PRINTS.result(&quoted));
        }
    }
}
