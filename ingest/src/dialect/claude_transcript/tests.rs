//! What becomes of the lines of a transcript.

use super::*;
use crate::dialect::testing::{Columns, check, decoded, events};
use examples::EXAMPLES;

const SESSION: &str = "5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80";

/// The events of the only example with this text.
fn of(part: &str) -> Vec<Columns> {
    let found: Vec<&&str> = EXAMPLES.iter().filter(|example| example.contains(part)).collect();
    assert_eq!(found.len(), 1, "{part}");
    events(&ClaudeTranscript, found[0])
}

#[test]
fn a_prompt_tells_who_asked_and_keeps_the_place() {
    let events = events(&ClaudeTranscript, EXAMPLES[0]);
    assert_eq!(events.len(), 1);
    check(
        &events[0],
        &[
            ("source", Some("claude_code.transcript")),
            ("family", Some("workspace")),
            ("kind", Some("prompt")),
            ("trust", Some("agent")),
            ("agent_kind", Some("claude_code")),
            ("session", Some(SESSION)),
            ("actor", Some("person")),
            ("target", Some("typed")),
            ("source_id", Some("4232354b-0001-4788-8356-aaff629face2")),
        ],
    );
    let facts = ["\"cwd\":\"/home/coder/ledger\"", "\"gitBranch\":\"main\"", "\"version\":\"2.1.332\""];
    assert!(facts.iter().all(|fact| events[0]["record"].contains(fact)), "{}", events[0]["record"]);
    assert!(events[0]["content"].contains("the tests fail") && !events[0]["record"].contains("the tests fail"));
}

#[test]
fn the_lines_of_an_answer_tell_what_it_took_under_one_id() {
    let lines = ["c0e6541e-0003-47c8-8b9a-696d7177c3b1\",\"timestamp", "toolu_01ours1\",\"name"].map(of);
    for line in &lines {
        assert_eq!(line.len(), 2);
        check(
            &line[1],
            &[
                ("kind", Some("model.tokens")),
                ("source_id", Some("usage/msg_01ours1")),
                ("model", Some("claude-sonnet-4-5")),
                ("interception", Some("req_011ours1")),
                ("tokens_in", Some("1200")),
                ("tokens_out", Some("55")),
                ("tokens_cache_read", Some("2000")),
                ("tokens_cache_write", Some("300")),
                ("tokens_reasoning", Some("7")),
                ("record", None),
            ],
        );
        assert!(line[1].contains_key("cost_micros"));
    }
    check(&lines[0][0], &[("kind", Some("agent.event")), ("target", Some("text")), ("tokens_in", None)]);
    check(
        &lines[1][0],
        &[
            ("kind", Some("tool.call")),
            ("tool", Some("Bash")),
            ("tool_call", Some("toolu_01ours1")),
            ("command", Some("make test")),
        ],
    );
}

#[test]
fn results_tell_how_calls_ended() {
    check(
        &of("Exit code 2\\nmake: *** [test] Error 1\",\"is_error")[0],
        &[
            ("kind", Some("tool.result")),
            ("tool_call", Some("toolu_01ours1")),
            ("outcome", Some("error")),
            ("exit_code", Some("2")),
            ("rule", Some("config")),
        ],
    );
    check(&of("toolu_01ours2")[0], &[("outcome", Some("deny")), ("rule", Some("user_reject"))]);
    check(
        &of("<synthetic>")[0],
        &[("kind", Some("model.call")), ("outcome", Some("error")), ("status", Some("529")), ("tokens_in", None)],
    );
}

#[test]
fn sub_agents_are_told_apart() {
    let agent = ("agent", Some("a02469e4f2f45b3c3"));
    let actor = ("actor", Some("sub_agent"));
    check(&of("look for it")[0], &[("kind", Some("prompt")), agent, actor, ("session", Some(SESSION))]);
    let answer = of("toolu_01ours3");
    let kinds: Vec<&str> = answer.iter().map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["model.thought", "tool.call", "model.tokens"]);
    check(&answer[1], &[agent, actor, ("tool", Some("mcp__board__search")), ("mcp_server", Some("board"))]);
    check(&answer[2], &[agent, ("tokens_in", Some("12")), ("tokens_out", Some("3")), ("tokens_cache_read", None)]);
    let ids: Vec<&str> = answer.iter().map(|event| event["source_id"].as_str()).collect();
    let id = "99947ebd-0009-41fd-832a-392fa12a039c";
    assert_eq!(ids, [id, &format!("{id}/1"), "usage/msg_01ours2"]);
}

#[test]
fn what_nobody_asked_is_no_prompt_and_sums_are_no_counters() {
    for part in ["isCompactSummary", "local-command-stdout", "queue-operation", "compact_boundary"] {
        check(&of(part)[0], &[("kind", Some("agent.event"))]);
    }
    check(&of("compact_boundary")[0], &[("target", Some("compact_boundary")), ("rule", Some("manual"))]);
    check(&of("cost-state")[0], &[("kind", Some("model.summary")), ("tokens_in", None), ("cost_source_micros", None)]);
}

#[test]
fn a_copy_in_a_fork_is_the_same_record() {
    let (first, copy) = (&events(&ClaudeTranscript, EXAMPLES[0])[0], &of("7983877d-0013")[0]);
    for name in ["source_id", "time", "content_hash", "target"] {
        assert_eq!(first[name], copy[name], "{name}");
    }
    assert_ne!(first["session"], copy["session"]);
}

#[test]
fn what_it_keeps_for_itself_is_skipped_and_what_is_no_line_is_not_understood() {
    for kind in SKIPPED {
        let line = format!("{{\"type\":\"{kind}\",\"sessionId\":\"s\"}}");
        assert_eq!(decoded(&ClaudeTranscript, line.as_bytes()), Decoded::Skip(SKIP_TELEMETRY));
    }
    for line in ["{}", "[]", "{\"type\":7", "{\"type\":{}}"] {
        assert!(matches!(decoded(&ClaudeTranscript, line.as_bytes()), Decoded::Unparsed(_)), "{line}");
    }
}

#[test]
fn a_prompt_in_parts_is_its_texts() {
    let line = r#"{"type":"user","uuid":"u","promptSource":"sdk","message":{"role":"user","content":[{"type":"text","text":"Pay the bill"},{"type":"image","source":{"type":"base64","data":"iVBORw0KGgo="}}]}}"#;
    let event = &events(&ClaudeTranscript, line)[0];
    check(event, &[("kind", Some("prompt")), ("actor", Some("automation"))]);
    assert!(event["text_signs"].contains("asks.pay"), "{}", event["text_signs"]);
    assert!(event["content"].starts_with("{\"text\":\"Pay the bill\",\"source\":"), "{}", event["content"]);
}

#[test]
fn what_a_later_release_adds_is_content_also_twice() {
    let line = r#"{"type":"user","message":{"role":"user","content":"first"},"message":{"role":"user","content":"second","novel":"x"},"novelty":["y"]}"#;
    let event = &events(&ClaudeTranscript, line)[0];
    assert!(!["first", "second", "\"x\"", "\"y\""].iter().any(|text| event["record"].contains(text)), "{event:#?}");
}
