//! `tachograph hook` as agents call it: it never fails them, loses nothing while the server is away, and delivers once.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::{Ended, World};

const CONFIGURATION: &str = r#"
[[collector]]
name = "hooks"
transport = "http"
dialect = "hooks"
"#;

/// An agent's machine: a spool, a token, and the address of a server.
struct Machine<'a> {
    world: &'a World,
    spool: PathBuf,
    server: String,
    token: String,
}

impl Machine<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(&[&["hook"], arguments].concat());
        command.env("TACHOGRAPH_SPOOL", &self.spool).env("TACHOGRAPH_INGEST", format!("http://{}", self.server));
        // Around an agent they name the firewall.
        command.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
        command.env("TACHOGRAPH_TOKEN", &self.token);
        command
    }

    /// What an agent sees of a hook.
    fn fire(&self, arguments: &[&str], payload: &[u8]) -> Ended {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that is called with wrong options reads nothing.
        let _ = child.stdin.take().unwrap().write_all(payload);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Delivers what waits; another delivery may do it at the same time.
    fn flush(&self) -> Ended {
        let output = self.command(&["flush"]).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn payload(event: &str, call: usize) -> Vec<u8> {
    format!(
        "{{\"session_id\":\"s1\",\n\"hook_event_name\":\"{event}\",\"tool_name\":\"Bash\",\"tool_input\":{{\"command\":\"echo {call}\"}},\"tool_use_id\":\"call-{call}\"}}\n"
    )
    .into_bytes()
}

#[test]
fn what_hooks_say_while_the_server_is_away_arrives_once() {
    let world = World::new(CONFIGURATION);
    let server = world.serve();
    let token =
        world.token("workspace", &["--role", "ingest", "--dialect", "hooks", "--trust", "agent", "--workspace", "w1"]);
    let spool = world.path("spool");
    let machine = Machine { world: &world, spool: spool.clone(), server: server.ingest.clone(), token: token.clone() };
    let quiet = |ended: &Ended| assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{ended:?}");
    quiet(&machine.fire(&["--agent", "claude_code"], &payload("SessionStart", 0)));
    assert!(server.stop().unwrap().success());
    for call in 1..=5 {
        quiet(&machine.fire(&["--agent", "claude_code"], &payload("PreToolUse", call)));
    }
    let server = world.serve();
    let machine = Machine { world: &world, spool, server: server.ingest.clone(), token };
    quiet(&machine.fire(&["--agent", "codex"], &payload("PostToolUse", 5)));
    // Either this or the hook's own delivery does it.
    machine.flush();
    // The last in the spool.
    world.wait_for(1, &["session=s1", "kind=command"]);
    assert!(server.stop().unwrap().success());
    let rows = world.sql("SELECT agent_kind, kind, count(*) AS n, min(workspace) AS workspace FROM events WHERE session = 's1' AND kind <> 'inventory' GROUP BY 1, 2 ORDER BY 1, 2");
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row["agent_kind"].as_str().unwrap(), row["kind"].as_str().unwrap(), row["n"].as_u64().unwrap()))
        .collect();
    assert_eq!(rows, [("claude_code", "session.start", 1), ("claude_code", "tool.call", 5), ("codex", "command", 1)]);
}

#[test]
fn nothing_that_is_wrong_is_told_to_the_agent_as_a_decision() {
    let world = World::empty();
    let machine =
        Machine { world: &world, spool: world.path("spool"), server: "127.0.0.1:9".to_owned(), token: String::new() };
    let check = |arguments: &[&str], payload: &[u8]| {
        let ended = machine.fire(arguments, payload);
        assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{arguments:?} {ended:?}");
        ended
    };
    check(&[], b"");
    check(&[], b"not JSON\n\xff\0");
    check(&["--agent", "nobody"], &payload("PreToolUse", 1));
    check(&[], &vec![b'['; 20 << 20]);
    assert!(check(&["--no-such-option"], b"{}").err.contains("tachograph hook"));
    std::fs::write(world.path("file-spool"), "a file in its place").unwrap();
    let machine = Machine { spool: world.path("file-spool"), ..machine };
    let ended = machine.fire(&[], &payload("PreToolUse", 2));
    assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{ended:?}");
    assert!(ended.err.contains("the spool "), "{ended:?}");
}

#[test]
fn a_spool_says_what_waits_and_why() {
    let world = World::empty();
    let machine = Machine {
        world: &world,
        spool: world.path("spool"),
        server: "127.0.0.1:9".to_owned(),
        token: "secret".to_owned(),
    };
    machine.fire(&["--agent", "gemini"], &payload("BeforeTool", 1));
    let flushed = machine.flush();
    assert!(flushed.code == 0 || flushed.err.contains("cannot reach"), "{flushed:?}");
    let status = machine.command(&["status"]).output().unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("wait in 1 files") && !status.contains("secret"), "{status}");
    let install = world.run(&["hook", "install", "--agent", "claude_code"]).ok();
    assert!(install.out.contains("tachograph hook --agent claude_code"));
    assert_ne!(world.run(&["hook", "install", "--agent", "nobody"]).code, 0);
}

#[test]
fn what_changed_between_sessions_is_told_with_what_made_it_so() {
    let world = World::new(CONFIGURATION);
    let server = world.serve();
    let token =
        world.token("workspace", &["--role", "ingest", "--dialect", "hooks", "--trust", "agent", "--workspace", "w1"]);
    let machine = Machine { world: &world, spool: world.path("spool"), server: server.ingest.clone(), token };
    let (home, project) = (world.path("home"), world.path("home/work"));
    std::fs::create_dir_all(project.join(".claude")).unwrap();
    let fire = |session: &str, second: usize, event: &str, more: &str| {
        let payload = format!(
            r#"{{"session_id":"{session}","cwd":{:?},"timestamp":"2026-11-20T10:00:{second:02}Z","hook_event_name":"{event}"{more}}}"#,
            project.to_str().unwrap()
        );
        let mut command = machine.command(&["--agent", "claude_code"]);
        let mut child = command.env("HOME", &home).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(payload.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    };
    std::fs::write(project.join(".mcp.json"), "{}").unwrap();
    std::fs::write(project.join("AGENTS.md"), "secret words of the project").unwrap();
    fire("s1", 1, "SessionStart", "");
    fire("s1", 2, "UserPromptSubmit", r#","prompt":"add the docs server""#);
    let command = r#","tool_name":"Bash","tool_use_id":"t1","tool_input":{"command":"claude mcp add --scope project docs https://mcp.acme.example"},"tool_response":{"stdout":"ok"}"#;
    fire("s1", 3, "PostToolUse", command);
    std::fs::write(project.join(".mcp.json"), r#"{"mcpServers":{"docs":{}}}"#).unwrap();
    std::fs::remove_file(project.join("AGENTS.md")).unwrap();
    fire("s2", 10, "SessionStart", "");
    fire("s2", 11, "UserPromptSubmit", r#","prompt":"go on""#);
    machine.flush();
    world.wait_for(2, &["kind=prompt"]);
    let rows = world.sql(
        "SELECT c.item, c.name, c.change, c.workspace, c.session, c.cause_kind, e.command FROM inventory_changes c \
         LEFT JOIN events e ON e.position = c.cause ORDER BY c.item",
    );
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or("-");
            let name = text("name").split(" (project ").next().unwrap();
            [text("item"), name, text("change"), text("workspace"), text("session"), text("cause_kind")].join(" ")
        })
        .collect();
    assert_eq!(
        told,
        ["instructions_file AGENTS.md removed w1 s2 command", "settings_file .mcp.json changed w1 s2 command"]
    );
    assert!(rows[1]["command"].as_str().unwrap().starts_with("claude mcp add"), "{rows:#?}");
    let leaked = world.sql("SELECT count(*) AS n FROM events WHERE concat(record, content) LIKE '%secret words%'");
    assert_eq!(leaked[0]["n"], 0, "what stands in files is told nowhere");
    assert!(server.stop().unwrap().success());
}
