//! Records in the shapes of real sources, with new ids each, so that nothing is a duplicate.

use std::io::Write;

/// The shape of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Dialect {
    /// Lines of coderd's JSON log, about 900 bytes.
    Coder,
    /// Our own JSON, about 500 bytes.
    Native,
}

impl Dialect {
    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coder => "coder",
            Self::Native => "native",
        }
    }
}

/// The records of one connection: its share of the agents in turn, each with its own counter.
pub struct Payload {
    dialect: Dialect,
    producer: String,
    first_agent: usize,
    agents: usize,
    sent: u64,
    body: Vec<u8>,
}

/// Shares the agents out over the connections.
pub fn split(dialect: Dialect, agents: usize, connections: usize) -> Vec<Payload> {
    let share = agents.div_ceil(connections);
    let payload = |number: usize| Payload {
        dialect,
        producer: format!("00000000-0000-4000-8000-{number:012}"),
        first_agent: number * share,
        agents: share,
        sent: 0,
        body: Vec::new(),
    };
    (0..connections).map(payload).collect()
}

impl Payload {
    /// Number of the next record.
    pub fn offset(&self) -> u64 {
        self.sent
    }

    /// Id of the producer.
    pub fn producer(&self) -> String {
        self.producer.clone()
    }

    /// The next records, one per line.
    pub fn next(&mut self, records: usize) -> &[u8] {
        self.body.clear();
        let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
        for _ in 0..records {
            let agent = self.first_agent + (self.sent % self.agents as u64) as usize;
            let sequence = self.sent / self.agents as u64;
            let path = PATHS[(sequence as usize + agent) % PATHS.len()];
            let request = Request { outcome: "allow", method: "GET", host: "packages.acme.example", path };
            self.write(&now, agent, sequence, &request);
        }
        &self.body
    }

    /// One record more, of a write to this host that the firewall refused: an alert.
    pub fn refused(&mut self, host: &str) -> &[u8] {
        self.body.clear();
        let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
        let agent = self.first_agent + (self.sent % self.agents as u64) as usize;
        let request = Request { outcome: "deny", method: "POST", host, path: "collect" };
        self.write(&now, agent, self.sent / self.agents as u64, &request);
        &self.body
    }

    fn write(&mut self, now: &str, agent: usize, sequence: u64, request: &Request<'_>) {
        match self.dialect {
            Dialect::Coder => write_coder(&mut self.body, now, agent, sequence, request),
            Dialect::Native => write_native(&mut self.body, now, agent, sequence, request),
        }
        self.sent += 1;
    }
}

/// What an agent asked for.
struct Request<'a> {
    outcome: &'a str,
    method: &'a str,
    host: &'a str,
    path: &'a str,
}

/// Paths that agents ask for, so that columns compress as they do in life and not better.
const PATHS: [&str; 8] = [
    "npm/left-pad",
    "npm/cross-spawn/-/cross-spawn-7.0.6.tgz",
    "go/golang.org/x/net/@v/list",
    "pypi/simple/requests/",
    "crates/se/rd/serde",
    "npm/@types/node",
    "maven/org/slf4j/slf4j-api/maven-metadata.xml",
    "debian/dists/stable/InRelease",
];

fn write_coder(body: &mut Vec<u8>, now: &str, agent: usize, sequence: u64, request: &Request<'_>) {
    let Request { outcome, method, host, path } = request;
    let rule = match *outcome {
        "allow" => r#""matched_rule":"method=GET,HEAD domain=packages.acme.example","#,
        _ => "",
    };
    let trace = mix(agent as u64, sequence);
    let (low, high) = (mix(trace, 1), mix(trace, 2));
    write!(
        body,
        r#"{{"ts":"{now}","level":"INFO","msg":"boundary_request","caller":"/home/runner/src/coder/coderd/agentapi/boundary_logs.go:150","func":"github.com/coder/coder/v2/coderd/agentapi.(*BoundaryLogsAPI).ReportBoundaryLogs","logger_names":["coderd","agentrpc"],"trace":"{trace:016x}{low:016x}","span":"{high:016x}","fields":{{"owner":"user{}","workspace_name":"workspace-{agent}","agent_name":"main","decision":"{outcome}","session_id":"00000000-0000-4000-8000-{agent:012x}","sequence_number":{sequence},"workspace_id":"00000000-0000-4000-9000-{agent:012x}","template_id":"b6b4f7d2-4f0e-4a8a-8a58-20c3bb8d9f13","template_version_id":"0d6a6b2e-4b1f-46f3-b3be-7a55c2b0a2d8","http_method":"{method}","http_url":"https://{host}/{path}","event_time":"{now}",{rule}"request_id":"{:08x}-0000-4000-8000-{:012x}"}}}}"#,
        agent % 500,
        low as u32,
        high >> 16,
    )
    .unwrap();
    body.push(b'\n');
}

fn write_native(body: &mut Vec<u8>, now: &str, agent: usize, sequence: u64, request: &Request<'_>) {
    let Request { outcome, method, host, path } = request;
    write!(
        body,
        r#"{{"time":"{now}","source":"load","family":"boundary","kind":"egress.http","stream":"load-{agent}","stream_seq":{sequence},"source_id":"{:016x}","user":"user{}","session":"00000000-0000-4000-8000-{agent:012x}","workspace":"00000000-0000-4000-9000-{agent:012x}","action":"{method}","outcome":"{outcome}","rule":"method=GET,HEAD domain=packages.acme.example","method":"{method}","scheme":"https","host":"{host}","path":"/{path}"}}"#,
        mix(agent as u64, sequence),
        agent % 500,
    )
    .unwrap();
    body.push(b'\n');
}

/// Spreads two numbers over 64 bits (the finaliser of SplitMix64).
fn mix(a: u64, b: u64) -> u64 {
    let mut value = a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
