//! What a fleet does on ordinary days: sessions in working hours, with model calls, commands, files and requests, now and then
//! a refused one. What goes wrong on purpose stands in `incidents.rs`.

use ledger::Entry;
use ledger::Timestamp;
use ledger::events::column;

use crate::numbers::Numbers;

/// An agent with its session, if it is at work.
pub struct Agent {
    pub number: usize,
    pub numbers: Numbers,
    /// Number of the session, and the second in which it ends.
    session: Option<(u64, i64)>,
    sessions: u64,
    /// Events of its boundary's stream.
    stream_seq: i64,
}

/// All agents.
pub struct Fleet {
    pub agents: Vec<Agent>,
    second: i64,
}

/// Where work takes an agent; the first ones more often.
const DOMAINS: [&str; 12] = [
    "github.com",
    "npmjs.org",
    "acme.example",
    "pypi.org",
    "crates.io",
    "githubusercontent.com",
    "golang.org",
    "docker.io",
    "debian.org",
    "python.org",
    "rust-lang.org",
    "mozilla.org",
];
const MODELS: [(&str, u64); 3] = [("claude-sonnet-5", 9_000), ("claude-haiku-5", 1_500), ("gpt-6-mini", 2_000)];
const TEAMS: [&str; 6] = ["payments", "search", "platform", "mobile", "data", "web"];
const COMMANDS: [&str; 6] =
    ["cargo test --workspace", "npm test", "git status", "git diff --stat", "rg TODO src", "make lint"];

impl Fleet {
    /// Agents that have not begun.
    pub fn new(agents: usize, seed: u64) -> Self {
        let agent = |number| Agent {
            number,
            numbers: Numbers(seed << 32 | number as u64),
            session: None,
            sessions: 0,
            stream_seq: 0,
        };
        Self { agents: (0..agents).map(agent).collect(), second: 0 }
    }

    /// What happens in one tick.
    pub fn tick(&mut self, second: i64, take: &mut dyn FnMut(&mut Entry)) {
        self.second = second;
        // The platform shows that it lives, so the record has no gap.
        let mut entry = Entry::new();
        set(&mut entry, second, "platform", "resource");
        entry.set_text(column::TARGET, "control-plane");
        take(&mut entry);
        for agent in &mut self.agents {
            agent.tick(second, take);
        }
    }
}

/// What every event says.
pub fn set(entry: &mut Entry, second: i64, collector: &str, kind: &str) {
    entry.clear();
    entry.set_time(column::TIME, Timestamp::from_unix_seconds(second));
    entry.set_text(column::COLLECTOR, collector);
    entry.set_text(column::KIND, kind);
}

impl Agent {
    /// Its team.
    pub fn team(&self) -> &'static str {
        TEAMS[self.number % TEAMS.len()]
    }

    /// The session, which is begun if there is none.
    pub fn session(&mut self, second: i64) -> String {
        let (number, _) = match self.session {
            Some(session) => session,
            None => self.begin(second),
        };
        format!("s{:03}-{number:04}", self.number)
    }

    fn begin(&mut self, second: i64) -> (u64, i64) {
        self.sessions += 1;
        let session = (self.sessions, second + 900 + self.numbers.below(3_600) as i64);
        self.session = Some(session);
        session
    }

    /// An event of this agent; the caller adds what happened.
    pub fn entry(&mut self, second: i64, collector: &str, kind: &str) -> Entry {
        let mut entry = Entry::new();
        set(&mut entry, second, collector, kind);
        let number = self.number;
        entry.set_text(column::ORG, "acme");
        entry.set_text(column::TEAM, self.team());
        // Some people have two agents.
        entry.set_text(column::USER, &format!("user{:02}", number * 4 / 5));
        entry.set_text(column::AGENT, &format!("agent{number:02}"));
        entry.set_text(column::AGENT_KIND, "claude_code");
        entry.set_text(column::WORKSPACE, &format!("workspace{number:02}"));
        let session = self.session(second);
        entry.set_text(column::SESSION, &session);
        entry
    }

    /// A request of this agent.
    pub fn request(&mut self, second: i64, method: &str, domain: &str, path: &str, outcome: &str) -> Entry {
        let mut entry = self.entry(second, "boundary", "egress.http");
        entry.set_text(column::SOURCE, "coder.boundary");
        entry.set_text(column::FAMILY, "boundary");
        entry.set_text(column::METHOD, method);
        entry.set_text(column::SCHEME, "https");
        entry.set_text(column::HOST, domain);
        entry.set_text(column::DOMAIN, domain);
        entry.set_text(column::PATH, path);
        entry.set_text(column::OUTCOME, outcome);
        entry.set_text(column::STREAM, &format!("boundary{:02}", self.number));
        entry.set_integer(column::STREAM_SEQ, self.stream_seq);
        self.stream_seq += 1;
        entry
    }

    /// A model call that costs so much.
    pub fn model(&mut self, second: i64, model: &str, micros: u64) -> Entry {
        let mut entry = self.entry(second, "gateway", "model.tokens");
        entry.set_text(column::SOURCE, "coder.gateway");
        entry.set_text(column::FAMILY, "gateway");
        entry.set_text(column::OUTCOME, "success");
        entry.set_text(column::MODEL, model);
        entry.set_integer(column::TOKENS_IN, micros as i64 / 5);
        entry.set_integer(column::TOKENS_OUT, micros as i64 / 60);
        entry.set_integer(column::COST_MICROS, micros as i64);
        entry
    }

    /// A step with a tool: what was done and what came of it.
    pub fn step(&mut self, second: i64, kind: &str, tool: &str, action: u64, result: u64) -> Entry {
        let mut entry = self.entry(second, "hooks", kind);
        entry.set_text(column::SOURCE, "claude_code");
        entry.set_text(column::OUTCOME, "success");
        entry.set_text(column::TOOL, tool);
        entry.set_fingerprint(column::ACTION_FP, action);
        entry.set_fingerprint(column::RESULT_FP, result);
        entry
    }

    fn tick(&mut self, second: i64, take: &mut dyn FnMut(&mut Entry)) {
        self.session = self.session.filter(|(_, end)| second < *end);
        if self.session.is_none() && self.begins(second) {
            self.begin(second);
        }
        if self.session.is_none() {
            return;
        }
        // An agent waits for its model most of the time.
        for _ in 0..self.numbers.below(3) {
            self.act(second, take);
        }
    }

    /// Whether a session begins: in the working hours of most, at night for those of the builds.
    fn begins(&mut self, second: i64) -> bool {
        let (day, hour) = (second.div_euclid(86_400), second.rem_euclid(86_400) / 3_600);
        // 1970-01-01 was a Thursday.
        let weekend = (day + 4).rem_euclid(7) % 6 == 0;
        let works =
            if self.number.is_multiple_of(10) { (1..4).contains(&hour) } else { !weekend && (7..18).contains(&hour) };
        works && self.numbers.below(150) == 0
    }

    fn act(&mut self, second: i64, take: &mut dyn FnMut(&mut Entry)) {
        let choice = self.numbers.below(100);
        let (action, result) = (self.numbers.next(), self.numbers.next());
        let mut entry = match choice {
            0..=34 => {
                let (model, micros) = MODELS[(self.numbers.below(10) / 8 + self.number as u64 % 2) as usize];
                let micros = micros / 2 + self.numbers.below(micros);
                self.model(second, model, micros)
            }
            35..=59 => {
                let at = self.numbers.below(12).min(self.numbers.below(12)) as usize;
                let path = format!("/v1/{}", self.numbers.below(400));
                let method = if self.numbers.below(8) == 0 && at < 3 { "POST" } else { "GET" };
                let outcome = if self.numbers.below(60) == 0 { "deny" } else { "allow" };
                self.request(second, method, DOMAINS[at], &path, outcome)
            }
            60..=79 => {
                let command = COMMANDS[self.numbers.below(COMMANDS.len() as u64) as usize];
                let mut entry = self.step(second, "command", "Bash", action, result);
                entry.set_text(column::COMMAND, command);
                entry.set_integer(column::EXIT_CODE, i64::from(self.numbers.below(6) == 0));
                entry
            }
            80..=95 => {
                let (kind, tool) = if choice < 90 { ("file.read", "Read") } else { ("file.write", "Edit") };
                let mut entry = self.step(second, kind, tool, action, result);
                entry.set_text(column::FILE, &format!("/w/src/part{}.rs", self.numbers.below(60)));
                entry
            }
            _ => {
                let mut entry = self.entry(second, "hooks", "check.result");
                entry.set_text(column::OUTCOME, if self.numbers.below(4) == 0 { "error" } else { "success" });
                entry
            }
        };
        take(&mut entry);
    }
}
