//! A fleet at work, for measurements: what a thousand agents of several teams do in half an hour, as the sources tell it. The
//! same numbers each time, and no clock.

use ledger::events::column;
use ledger::{LedgerName, Rows};

/// 2025-11-21T00:00:00Z in microseconds.
pub const START: i64 = 1_763_683_200_000_000;

/// Sessions at work.
const AGENTS: u64 = 1_000;
/// Recorded time of all events.
const MICROS: i64 = 1_800_000_000;

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn one<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len() as u64) as usize]
    }
}

/// One event while it is built: columns in any order.
#[derive(Default)]
struct Event(Vec<(u16, Vec<u8>)>);

impl Event {
    fn text(&mut self, id: u16, text: &str) {
        self.0.push((id, text.as_bytes().to_vec()));
    }

    fn number(&mut self, id: u16, number: i64) {
        self.0.push((id, number.to_be_bytes().to_vec()));
    }

    /// Facts and content, as FORMAT.md lays them out: id, length, value.
    fn parts(mut self) -> (Vec<u8>, Vec<u8>) {
        self.0.sort_unstable();
        let (mut facts, mut content) = (Vec::new(), Vec::new());
        for (id, value) in self.0 {
            let part = if id < column::COMMAND.id() { &mut facts } else { &mut content };
            part.extend_from_slice(&id.to_be_bytes());
            part.extend_from_slice(&(value.len() as u32).to_be_bytes());
            part.extend_from_slice(&value);
        }
        (facts, content)
    }
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

/// Of a hundred events, 42 requests through the firewall, 22 model calls with their tokens and costs, 30 steps of tools, and
/// prompts, approvals and measurements.
pub fn block(events: usize) -> Rows {
    let mut rows = Rows::new(LedgerName::Events, 0, 0);
    let mut numbers = Numbers(7);
    let mut sequences = vec![0i64; AGENTS as usize];
    for number in 0..events {
        let recorded = START + MICROS * number as i64 / events as i64;
        let agent = numbers.below(AGENTS);
        let mut event = Event::default();
        event.number(column::TIME.id(), recorded - 20_000 - numbers.below(400_000) as i64);
        who(&mut event, agent);
        match numbers.below(100) {
            0..42 => request(&mut event, &mut numbers, agent, &mut sequences[agent as usize]),
            share @ 42..64 => model(&mut event, &mut numbers, share % 2 == 0),
            share @ 64..94 => step(&mut event, &mut numbers, agent, number as u64, share),
            share => {
                let kind =
                    ["prompt", "approval", "resource", "session.start", "connection", "audit"][share as usize - 94];
                event.text(column::SOURCE.id(), "claude_code");
                event.text(column::COLLECTOR.id(), "otlp");
                event.text(column::KIND.id(), kind);
                event.text(column::OUTCOME.id(), "allow");
            }
        }
        event.text(column::RECORD.id(), &"r".repeat(300 + numbers.below(400) as usize));
        let (facts, content) = event.parts();
        rows.push(number as u64, number as u64 / 16_384, recorded, 1, &facts, Some(&content));
    }
    rows
}

fn who(event: &mut Event, agent: u64) {
    event.text(column::TOKEN.id(), "tok_7f3a9c");
    event.text(column::TRUST.id(), "workspace");
    event.text(column::ORG.id(), "acme");
    event.text(column::TEAM.id(), &format!("team-{}", agent % 12));
    event.text(column::USER.id(), &format!("user-{}@acme.example", agent % 250));
    event.text(column::AGENT_KIND.id(), "claude_code");
    event.text(column::SESSION.id(), &format!("5e551017-0000-4000-8000-{agent:012}"));
    event.text(column::WORKSPACE.id(), &format!("0a5c2b1e-0000-4000-8000-{:012}", agent * 7 / 8));
    event.text(column::TEMPLATE.id(), "7e3a0000-0000-4000-8000-000000000001");
    event.text(column::ATTRIBUTION.id(), "direct");
}

/// One request: two thirds go where everybody goes, most others where the team goes, a few where nobody else does.
fn request(event: &mut Event, numbers: &mut Numbers, agent: u64, sequence: &mut i64) {
    let domain = match numbers.below(100) {
        0..66 => numbers.one(&COMMON).to_owned(),
        66..97 => format!("service-{}.team-{}.example", numbers.below(30), agent % 12),
        _ => format!("rare-{agent}-{}.example", numbers.below(3)),
    };
    let denied = numbers.below(100) < 3;
    event.text(column::SOURCE.id(), "coder.boundary");
    event.text(column::COLLECTOR.id(), "coderd");
    event.text(column::FAMILY.id(), "boundary");
    event.text(column::KIND.id(), "egress.http");
    event.text(column::STREAM.id(), &format!("b0bb1e00-0000-4000-8000-{agent:012}"));
    event.number(column::STREAM_SEQ.id(), *sequence);
    // One record in two hundred is late or lost.
    *sequence += if numbers.below(200) == 0 { 2 } else { 1 };
    event.text(column::OUTCOME.id(), if denied { "deny" } else { "allow" });
    if !denied {
        event.text(column::RULE.id(), &format!("domain={domain}"));
    }
    event.text(column::METHOD.id(), numbers.one(&["GET", "GET", "GET", "GET", "POST"]));
    event.text(column::SCHEME.id(), "https");
    event.text(column::HOST.id(), &format!("api.{domain}"));
    event.text(column::DOMAIN.id(), &domain);
    event.text(column::PATH.id(), numbers.one(&PATHS));
}

/// A model call, or the tokens and costs of one.
fn model(event: &mut Event, numbers: &mut Numbers, tokens: bool) {
    event.text(column::SOURCE.id(), "coder.gateway");
    event.text(column::COLLECTOR.id(), "coderd");
    event.text(column::FAMILY.id(), "gateway");
    event.text(column::KIND.id(), if tokens { "model.tokens" } else { "model.call" });
    event.text(column::PROVIDER.id(), "anthropic");
    event.text(column::MODEL.id(), numbers.one(&MODELS));
    event.text(column::INTERCEPTION.id(), &format!("1a7e0000-0000-4000-8000-{:012}", numbers.below(1 << 30)));
    if tokens {
        event.number(column::TOKENS_IN.id(), numbers.below(4_000) as i64);
        event.number(column::TOKENS_OUT.id(), numbers.below(2_000) as i64);
        event.number(column::TOKENS_CACHE_READ.id(), numbers.below(120_000) as i64);
        event.number(column::COST_MICROS.id(), 4_000 + numbers.below(300_000) as i64);
    } else {
        event.number(column::STATUS.id(), if numbers.below(100) == 0 { 529 } else { 200 });
    }
}

/// A call of a tool, or how it ended: most do something new, some the same again.
fn step(event: &mut Event, numbers: &mut Numbers, agent: u64, number: u64, share: u64) {
    let kind = ["tool.call", "command", "tool.result", "file.read", "file.write", "tool.call"][share as usize % 6];
    let failed = numbers.below(10) == 0;
    event.text(column::SOURCE.id(), "claude_code");
    event.text(column::COLLECTOR.id(), "otlp");
    event.text(column::KIND.id(), kind);
    event.text(column::TOOL_CALL.id(), &format!("toolu_{:024x}", number * 0x9e37_79b9));
    let again = numbers.below(4) == 0;
    let action = if again { agent << 8 | numbers.below(6) } else { number << 20 };
    event.number(column::ACTION_FP.id(), action.wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64);
    if kind != "tool.call" {
        event.number(column::RESULT_FP.id(), (action ^ 5).wrapping_mul(0xbf58_476d_1ce4_e5b9) as i64);
        event.text(column::OUTCOME.id(), if failed { "error" } else { "success" });
    }
    if kind.starts_with("file") {
        event.text(column::TOOL.id(), if kind == "file.read" { "Read" } else { "Edit" });
        event.text(column::FILE.id(), numbers.one(&FILES));
    } else {
        event.text(column::TOOL.id(), "Bash");
        event.text(column::COMMAND.id(), numbers.one(&COMMANDS));
        if kind == "command" {
            event.number(column::EXIT_CODE.id(), i64::from(failed));
        }
    }
}
