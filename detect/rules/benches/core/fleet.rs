//! A fleet at work, for measurements: what a thousand agents of several teams do in half an hour, as the sources tell it. The
//! same numbers each time, and no clock.

use ledger::events::column;
use ledger::{Entry, LedgerName, Rows, Seq, Timestamp};

use crate::numbers::Numbers;

/// 2025-11-21T00:00:00Z in microseconds.
pub const START: i64 = 1_763_683_200_000_000;

/// Sessions at work.
const AGENTS: u64 = 1_000;
/// Recorded time of all events.
const MICROS: i64 = 1_800_000_000;

fn one<'a>(numbers: &mut Numbers, texts: &[&'a str]) -> &'a str {
    texts[numbers.below(texts.len() as u64) as usize]
}

/// Domains that everybody uses.
const COMMON: [&str; 16] = [
    "github.com",
    "pypi.org",
    "pythonhosted.org",
    "npmjs.org",
    "crates.io",
    "anthropic.com",
    "openai.com",
    "debian.org",
    "ubuntu.com",
    "docker.io",
    "golang.org",
    "rust-lang.org",
    "packages.acme.example",
    "git.acme.example",
    "docs.acme.example",
    "ci.acme.example",
];
const PATHS: [&str; 8] = [
    "/simple/requests/",
    "/v1/messages",
    "/api/v1/crates/serde/1.0.219/download",
    "/acme/ledger.git/info/refs?service=git-upload-pack",
    "/repos/acme/ledger/issues?state=open&per_page=100&page=2",
    "/debian/dists/bookworm/InRelease",
    "/lodash",
    "/v2/library/alpine/manifests/3.20",
];
const COMMANDS: [&str; 10] = [
    "cargo test -p ledger --lib 2>&1 | tail -20",
    "git status --short && git diff --stat",
    "rg -n 'fn observe' detect/src --type rust | head -40",
    "npm install lodash@4 && npm test -- --watch=false",
    "python3 -m pytest tests/test_store.py -q -x",
    "sed -n '1,160p' src/store/writer.rs",
    "ls -la target/release && du -sh target",
    "git add -A && git commit -m 'store: close the batch before the checkpoint'",
    "cd /workspaces/ledger && make lint && echo done",
    "curl -fsSL https://docs.acme.example/api/openapi.json -o /tmp/openapi.json",
];
const FILES: [&str; 6] = [
    "/workspaces/ledger/src/store/writer.rs",
    "/workspaces/ledger/Cargo.toml",
    "/workspaces/ledger/tests/integration.rs",
    "/workspaces/ledger/docs/operations.md",
    "/workspaces/ledger/web/src/pages/index.tsx",
    "/usr/include/stdio.h",
];
const MODELS: [&str; 4] = ["claude-sonnet-4-5", "claude-opus-4-5", "gpt-5.1-codex", "gemini-3-pro"];

/// Events of one block, as many as the runner reads at once.
const BLOCK: usize = 4_096;

/// Of a hundred events, 42 requests through the firewall, 22 model calls with their tokens and costs, 30 steps of tools, and
/// prompts, approvals and measurements.
pub fn blocks(events: usize) -> Vec<Rows> {
    let mut blocks = Vec::new();
    let mut numbers = Numbers(7);
    let mut sequences = vec![0i64; AGENTS as usize];
    for number in 0..events {
        if number.is_multiple_of(BLOCK) {
            blocks.push(Rows::new(LedgerName::Events, 0, Seq::new(number as u64)));
        }
        let recorded = START + MICROS * number as i64 / events as i64;
        let agent = numbers.below(AGENTS);
        let mut event = Entry::new();
        let time = recorded - 20_000 - numbers.below(400_000) as i64;
        event.set_time(column::TIME, Timestamp::from_unix_micros(time));
        who(&mut event, agent);
        match numbers.below(100) {
            0..42 => request(&mut event, &mut numbers, agent, &mut sequences[agent as usize]),
            share @ 42..64 => model(&mut event, &mut numbers, share % 2 == 0),
            share @ 64..94 => step(&mut event, &mut numbers, agent, number as u64, share),
            share => {
                let kind =
                    ["prompt", "approval", "resource", "session.start", "connection", "audit"][share as usize - 94];
                event.set_text(column::SOURCE, "claude_code");
                event.set_text(column::COLLECTOR, "otlp");
                event.set_text(column::KIND, kind);
                event.set_text(column::OUTCOME, "allow");
            }
        }
        event.set_text(column::RECORD, &"r".repeat(300 + numbers.below(400) as usize));
        if let Some(rows) = blocks.last_mut() {
            rows.push_entry(number as u64 / 16_384, Timestamp::from_unix_micros(recorded), &event);
        }
    }
    blocks
}

fn who(event: &mut Entry, agent: u64) {
    event.set_text(column::TOKEN, "tok_7f3a9c");
    event.set_text(column::TRUST, "workspace");
    event.set_text(column::ORG, "acme");
    event.set_text(column::TEAM, &format!("team-{}", agent % 12));
    event.set_text(column::USER, &format!("user-{}@acme.example", agent % 250));
    event.set_text(column::AGENT_KIND, "claude_code");
    event.set_text(column::SESSION, &format!("5e551017-0000-4000-8000-{agent:012}"));
    event.set_text(column::WORKSPACE, &format!("0a5c2b1e-0000-4000-8000-{:012}", agent * 7 / 8));
    event.set_text(column::TEMPLATE, "7e3a0000-0000-4000-8000-000000000001");
    event.set_text(column::ATTRIBUTION, "direct");
}

/// One request: two thirds go where everybody goes, most others where the team goes, a few where nobody else does.
fn request(event: &mut Entry, numbers: &mut Numbers, agent: u64, sequence: &mut i64) {
    let domain = match numbers.below(100) {
        0..66 => one(numbers, &COMMON).to_owned(),
        66..97 => format!("service-{}.team-{}.example", numbers.below(30), agent % 12),
        _ => format!("rare-{agent}-{}.example", numbers.below(3)),
    };
    let denied = numbers.below(100) < 3;
    event.set_text(column::SOURCE, "coder.boundary");
    event.set_text(column::COLLECTOR, "coderd");
    event.set_text(column::FAMILY, "boundary");
    event.set_text(column::KIND, "egress.http");
    event.set_text(column::STREAM, &format!("b0bb1e00-0000-4000-8000-{agent:012}"));
    event.set_integer(column::STREAM_SEQ, *sequence);
    // One record in two hundred is late or lost.
    *sequence += if numbers.below(200) == 0 { 2 } else { 1 };
    event.set_text(column::OUTCOME, if denied { "deny" } else { "allow" });
    if !denied {
        event.set_text(column::RULE, &format!("domain={domain}"));
    }
    event.set_text(column::METHOD, one(numbers, &["GET", "GET", "GET", "GET", "POST"]));
    event.set_text(column::SCHEME, "https");
    event.set_text(column::HOST, &format!("api.{domain}"));
    event.set_text(column::DOMAIN, &domain);
    event.set_text(column::PATH, one(numbers, &PATHS));
}

/// A model call, or the tokens and costs of one.
fn model(event: &mut Entry, numbers: &mut Numbers, tokens: bool) {
    event.set_text(column::SOURCE, "coder.gateway");
    event.set_text(column::COLLECTOR, "coderd");
    event.set_text(column::FAMILY, "gateway");
    event.set_text(column::KIND, if tokens { "model.tokens" } else { "model.call" });
    event.set_text(column::PROVIDER, "anthropic");
    event.set_text(column::MODEL, one(numbers, &MODELS));
    event.set_text(column::INTERCEPTION, &format!("1a7e0000-0000-4000-8000-{:012}", numbers.below(1 << 30)));
    if tokens {
        event.set_integer(column::TOKENS_IN, numbers.below(4_000) as i64);
        event.set_integer(column::TOKENS_OUT, numbers.below(2_000) as i64);
        event.set_integer(column::TOKENS_CACHE_READ, numbers.below(120_000) as i64);
        event.set_integer(column::COST_MICROS, 4_000 + numbers.below(300_000) as i64);
    } else {
        event.set_integer(column::STATUS, if numbers.below(100) == 0 { 529 } else { 200 });
    }
}

/// A call of a tool, or how it ended: most do something new, some the same again.
fn step(event: &mut Entry, numbers: &mut Numbers, agent: u64, number: u64, share: u64) {
    let kind = ["tool.call", "command", "tool.result", "file.read", "file.write", "tool.call"][share as usize % 6];
    let failed = numbers.below(10) == 0;
    event.set_text(column::SOURCE, "claude_code");
    event.set_text(column::COLLECTOR, "otlp");
    event.set_text(column::KIND, kind);
    event.set_text(column::TOOL_CALL, &format!("toolu_{:024x}", number * 0x9e37_79b9));
    let again = numbers.below(4) == 0;
    let action = if again { agent << 8 | numbers.below(6) } else { number << 20 };
    event.set_fingerprint(column::ACTION_FP, action.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    if kind != "tool.call" {
        event.set_fingerprint(column::RESULT_FP, (action ^ 5).wrapping_mul(0xbf58_476d_1ce4_e5b9));
        event.set_text(column::OUTCOME, if failed { "error" } else { "success" });
    }
    if kind.starts_with("file") {
        event.set_text(column::TOOL, if kind == "file.read" { "Read" } else { "Edit" });
        event.set_text(column::FILE, one(numbers, &FILES));
    } else {
        event.set_text(column::TOOL, "Bash");
        event.set_text(column::COMMAND, one(numbers, &COMMANDS));
        if kind == "command" {
            event.set_integer(column::EXIT_CODE, i64::from(failed));
        }
    }
}
