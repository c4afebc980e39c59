//! One agent at one moment, as every door shows it: the view, the API, the stream and the command have the same names for the same
//! things.

use ledger::{LedgerName, Position, Seq, Timestamp};
use operations::witness::Witness;
use serde::Serialize;

use super::agent::Agent;
use super::alerts::AgentAlerts;
use super::attention::attention;
use super::state::{AgentState, state};

/// What is read when content is asked for.
pub const CONTENT_COLUMNS: [&str; 3] = ["events.content", "events.command", "events.file"];

/// One agent at one moment. Every text is attacker-written. Times are microseconds since 1970, money micro-USD and estimated; what no
/// source told is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentRow {
    /// Key and name, which never change: agent:ag-17, workspace:w-4.
    pub id: String,
    /// By which name it is known: agent, workspace or session.
    pub key: &'static str,
    /// The agent's name.
    pub agent: Option<String>,
    /// Organisation.
    pub org: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// The person for whom it works.
    pub user: Option<String>,
    /// Its product.
    pub agent_kind: Option<String>,
    /// The client program as the gateway names it.
    pub client: Option<String>,
    /// Id of its workspace.
    pub workspace: Option<String>,
    /// Name of its workspace.
    pub workspace_name: Option<String>,
    /// Id of the workspace's template.
    pub template: Option<String>,
    /// Its session.
    pub session: Option<String>,
    /// Task, chat or execution.
    pub run: Option<String>,
    /// The model that it called last.
    pub model: Option<String>,
    /// Who told of its session: firewall, gateway, hooks, telemetry, managed_settings.
    pub witnesses: Vec<&'static str>,
    /// How it stands.
    pub state: AgentState,
    /// Since when.
    pub since: Timestamp,
    /// How much it needs a person's attention; a list begins with the highest.
    pub attention: u32,
    /// Open alerts about it.
    pub alerts: u32,
    /// The severity of the alert to look at first.
    pub alert_severity: Option<&'static str>,
    /// Its id.
    pub alert: Option<String>,
    /// Its rule.
    pub alert_rule: Option<String>,
    /// Its few words.
    pub alert_title: Option<String>,
    /// Where its newest event stands.
    pub last_position: String,
    /// When that was seen.
    pub last_seen: Timestamp,
    /// What that was.
    pub last_kind: String,
    /// How that ended.
    pub last_outcome: Option<String>,
    /// A line about it.
    pub last_summary: String,
    /// The tool that it uses.
    pub tool: Option<String>,
    /// How often it did the same in a row.
    pub repeats: u32,
    /// The exit code of its last command.
    pub exit_code: Option<i64>,
    /// Whether its last test run passed.
    pub check_passed: Option<bool>,
    /// How many tests passed in it.
    pub tests_passed: Option<u32>,
    /// Of how many.
    pub tests_total: Option<u32>,
    /// Events in a minute.
    pub events_per_minute: u32,
    /// Money in a minute.
    pub micros_per_minute: u64,
    /// Money of its session.
    pub micros_session: u64,
    /// Money of the day, UTC.
    pub micros_today: u64,
    /// Calls of its session whose model has no price.
    pub unpriced_calls: u32,
    /// Input tokens of its session.
    pub tokens_in: u64,
    /// Output tokens of its session.
    pub tokens_out: u64,
    /// Tokens of its session that the provider's cache gave or took.
    pub tokens_cache: u64,
    /// Requests denied in the last ten minutes.
    pub denied: u32,
    /// Requests allowed in the last ten minutes.
    pub allowed: u32,
    /// Requests of its session that were denied.
    pub denied_session: u32,
    /// Requests of its session that were allowed.
    pub allowed_session: u32,
    /// Domains of its session that nobody of the fleet asked for before.
    pub new_domains: u32,
    /// Questions that wait for a person.
    pub approvals: u32,
    /// Since when the oldest of them waits.
    pub waiting_since: Option<Timestamp>,
    /// The tool that it asks for.
    pub waiting_tool: Option<String>,
    /// When its session started, as a source told.
    pub session_start: Option<Timestamp>,
    /// When its session ended, as a source told.
    pub session_end: Option<Timestamp>,
    /// The first of the sixty minutes of the strip.
    pub activity_from: Timestamp,
    /// What each was full of: a acting, t thinking, w waiting, r repeating, o other, a dot for rest.
    pub activity: String,
    /// Events in each.
    pub activity_events: Vec<u32>,
    /// Denied requests in each.
    pub activity_denied: Vec<u32>,
    /// Content: the first line of the session's first prompt.
    pub task: Option<String>,
    /// Content: the command that it runs.
    pub command: Option<String>,
    /// Content: the file that it reads or writes.
    pub file: Option<String>,
    /// Content: its last command that ended.
    pub last_command: Option<String>,
}

impl AgentRow {
    /// The agent as it is at `now`.
    pub(super) fn of(agent: &Agent, alerts: &AgentAlerts, now: Timestamp) -> Self {
        let (state, since) = state(agent, alerts, now);
        let (denied, allowed) = agent.activity.requests(now);
        let waiting = agent.approvals.oldest().filter(|_| agent.session.ended.is_none());
        let strip = agent.activity.strip(now, waiting.map(|open| open.since));
        let ((micros_today, _), names, session) = (agent.today.at(now), &agent.names, &agent.session);
        let (worst, check) = (alerts.worst.as_ref(), agent.check.as_ref());
        Self {
            id: agent.id.clone(),
            key: agent.key.as_str(),
            agent: names.agent.clone(),
            org: names.org.clone(),
            team: names.team.clone(),
            user: names.user.clone(),
            agent_kind: names.agent_kind.clone(),
            client: names.client.clone(),
            workspace: names.workspace.clone(),
            workspace_name: names.workspace_name.clone(),
            template: names.template.clone(),
            session: session.name.clone(),
            run: session.run.clone(),
            model: names.model.clone(),
            witnesses: witnesses(agent),
            state,
            since,
            attention: attention(state, alerts, denied),
            alerts: alerts.open,
            alert_severity: worst.map(|worst| worst.severity.as_str()),
            alert: worst.map(|worst| worst.id.clone()),
            alert_rule: worst.map(|worst| worst.rule.clone()),
            alert_title: worst.map(|worst| worst.title.clone()),
            last_position: place(agent.last.seq),
            last_seen: agent.last.moment,
            last_kind: agent.last.kind.clone(),
            last_outcome: agent.last.outcome.clone(),
            last_summary: agent.last.summary.clone(),
            tool: agent.now.tool.clone(),
            repeats: agent.repeat.count,
            exit_code: agent.last_command.as_ref().and_then(|command| command.exit_code),
            check_passed: check.map(|check| check.is_passed),
            tests_passed: check.and_then(|check| check.passed),
            tests_total: check.and_then(|check| check.total),
            events_per_minute: agent.activity.events_per_minute(now),
            micros_per_minute: agent.activity.micros_per_minute(now),
            micros_session: session.micros,
            micros_today,
            unpriced_calls: session.unpriced,
            tokens_in: session.tokens_in,
            tokens_out: session.tokens_out,
            tokens_cache: session.tokens_cache,
            denied,
            allowed,
            denied_session: session.denied,
            allowed_session: session.allowed,
            new_domains: session.new_domains,
            approvals: u32::try_from(agent.approvals.open()).unwrap_or(u32::MAX),
            waiting_since: waiting.map(|open| open.since),
            waiting_tool: waiting.and_then(|open| open.tool.clone()),
            session_start: session.started,
            session_end: session.ended.map(|ended| ended.moment),
            activity_from: strip.from,
            activity: strip.kinds,
            activity_events: strip.events,
            activity_denied: strip.denied,
            task: session.task.clone(),
            command: agent.now.command.clone(),
            file: agent.now.file.clone(),
            last_command: agent.last_command.as_ref().and_then(|command| command.line.clone()),
        }
    }

    /// The same without what was made from content.
    #[must_use]
    pub fn without_content(mut self) -> Self {
        (self.task, self.command, self.file, self.last_command) = (None, None, None, None);
        self
    }

    /// What people call it: its name, else that of its workspace, else its session.
    pub fn shown_name(&self) -> &str {
        let names = [&self.agent, &self.workspace_name, &self.workspace, &self.session];
        names.into_iter().find_map(|name| name.as_deref()).unwrap_or(&self.id)
    }
}

/// Where a row of `events` stands.
pub(super) fn place(seq: u64) -> String {
    Position { ledger: LedgerName::Events, shard: 0, seq: Seq::new(seq) }.to_string()
}

fn witnesses(agent: &Agent) -> Vec<&'static str> {
    let told = agent.session.witnesses;
    Witness::EXPECTED.into_iter().filter(|witness| told.has(*witness)).map(Witness::word).collect()
}
