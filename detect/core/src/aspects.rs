//! What an event has that detectors look at, as one mask: a detector is shown only what it may say something about. Worked out
//! once for each event, from which columns it has; no detector's thresholds stand here.

use ledger::Row;
use ledger::events::column;

use crate::egress::lookup;
use crate::egress::request::EGRESS;

/// A set of things that an event may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aspects(u32);

impl Aspects {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Whatever it is.
    pub const ALL: Self = Self(u32::MAX);
    /// Every event has it: for detectors that are to be shown all.
    const ANY: Self = Self(1);
    /// It is a request.
    pub const REQUEST: Self = Self(1 << 1);
    /// Its kind is one that a step of an agent's work has, and what was done has a fingerprint.
    pub const STEP: Self = Self(1 << 2);
    /// It has a command line.
    pub const COMMAND: Self = Self(1 << 3);
    /// It names a file.
    pub const FILE: Self = Self(1 << 4);
    /// Something was redacted in it.
    pub const REDACTED: Self = Self(1 << 5);
    /// It tells costs, ours or the source's.
    pub const COST: Self = Self(1 << 6);
    /// It tells the tokens of a model.
    pub const TOKENS: Self = Self(1 << 7);
    /// It is numbered by its source.
    pub const NUMBERED: Self = Self(1 << 8);
    /// It reports an error or a refusal.
    pub const FAILED: Self = Self(1 << 9);
    /// It is about the agent's own work, not about its workspace or network.
    pub const WORK: Self = Self(1 << 10);
    /// Its kind is `approval`,
    pub const APPROVAL: Self = Self(1 << 11);
    /// `check.result`,
    pub const CHECK: Self = Self(1 << 12);
    /// `file.delete`,
    pub const DELETE: Self = Self(1 << 13);
    /// `loss`,
    pub const LOSS: Self = Self(1 << 14);
    /// one that a firewall uses to tell of itself,
    pub const FIREWALL: Self = Self(1 << 16);
    /// or one whose subject can be tried again: a call of a model or a tool, a request.
    pub const ATTEMPT: Self = Self(1 << 17);
    /// Intake noticed something about its record.
    pub const MARKED: Self = Self(1 << 18);
    /// It came with the natural id of another event and says something else. It is judged for what it says all the same; only
    /// its money and tokens are not counted a second time.
    pub const CONFLICT: Self = Self(1 << 15);
    /// It is about a call of a tool that has a name of its own.
    pub const CALL: Self = Self(1 << 19);
    /// Intake says what its call does.
    pub const EFFECTS: Self = Self(1 << 20);
    /// It is a question to the DNS.
    pub const LOOKUP: Self = Self(1 << 21);
    /// It names something, by keyed hashes.
    pub const NAMED: Self = Self(1 << 22);
    /// Something was noticed about its text.
    pub const SIGNS: Self = Self(1 << 23);
    /// Its kind is `inventory`,
    pub const INVENTORY: Self = Self(1 << 24);
    /// `credential`,
    pub const CREDENTIAL: Self = Self(1 << 25);
    /// `review`,
    pub const REVIEW: Self = Self(1 << 26);
    /// one of a sensor on the host, which sees programs and what they do,
    pub const SENSOR: Self = Self(1 << 27);
    /// or `resource`.
    pub const RESOURCE: Self = Self(1 << 28);
    /// It names an MCP server.
    pub const MCP: Self = Self(1 << 29);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are judged event by event, without windows.
    #[must_use]
    pub const fn timeless(self) -> Self {
        const TIMELESS: Aspects = Aspects::ANY
            .with(Aspects::COMMAND)
            .with(Aspects::EFFECTS)
            .with(Aspects::FILE)
            .with(Aspects::REDACTED)
            .with(Aspects::NUMBERED)
            .with(Aspects::APPROVAL)
            .with(Aspects::LOSS)
            .with(Aspects::FIREWALL)
            .with(Aspects::MARKED)
            .with(Aspects::CONFLICT)
            // Rules about money have an order of their own.
            .with(Aspects::COST)
            .with(Aspects::TOKENS)
            .with(Aspects::CALL)
            .with(Aspects::INVENTORY)
            .with(Aspects::CREDENTIAL)
            .with(Aspects::SENSOR);
        Self(self.0 & TIMELESS.0)
    }

    /// Whether they have something in common.
    pub fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What an event has, by its kind and columns.
    pub fn of(row: &Row<'_>, kind: &str, failed: bool) -> Self {
        let kinds = match kind {
            EGRESS => Self::REQUEST.with(Self::ATTEMPT),
            kind if lookup::is_kind(kind) => Self::LOOKUP,
            "tool.result" | "command" | "file.read" | "file.write" => Self::WORK.with(Self::STEP).with(Self::ATTEMPT),
            "tool.call" => Self::WORK.with(Self::STEP),
            "model.call" | "model.call.end" => Self::WORK.with(Self::ATTEMPT),
            "approval" => Self::WORK.with(Self::APPROVAL),
            "check.result" => Self::WORK.with(Self::CHECK),
            "file.delete" => Self::WORK.with(Self::DELETE),
            "loss" => Self::WORK.with(Self::LOSS),
            "boundary.failure" | "boundary.start" => Self::WORK.with(Self::FIREWALL),
            "inventory" => Self::INVENTORY,
            "credential" => Self::CREDENTIAL,
            "review" => Self::REVIEW,
            "sensor.alert" | "process.exec" => Self::SENSOR,
            "resource" => Self::RESOURCE,
            // Numbers that are told each minute are no sign of life.
            "connection" | "audit" | "workspace.build" | "metric" | "egress.flow" | "process.exit" => Self::NONE,
            _ => Self::WORK,
        };
        let when = |is: bool, aspect: Self| if is { aspect.0 } else { 0 };
        let kinds = if row.has(column::ACTION_FP.id()) { kinds.0 } else { kinds.0 & !Self::STEP.0 };
        let conflict = is_conflict(row);
        let costs = !conflict && (row.has(column::COST_MICROS.id()) || row.has(column::COST_SOURCE_MICROS.id()));
        let tokens = [column::TOKENS_IN, column::TOKENS_OUT, column::TOKENS_CACHE_READ, column::TOKENS_CACHE_WRITE];
        Self(
            Self::ANY.0
                | kinds
                | when(row.has(column::COMMAND.id()), Self::COMMAND)
                | when(row.has(column::FILE.id()), Self::FILE)
                | when(row.has(column::TOOL_CALL.id()), Self::CALL)
                | when(row.has(column::MCP_SERVER.id()), Self::MCP)
                | when(row.has(column::EFFECTS.id()), Self::EFFECTS)
                | when(row.has(column::NAMED.id()), Self::NAMED)
                | when(row.has(column::TEXT_SIGNS.id()), Self::SIGNS)
                | when(row.has(column::REDACTIONS.id()), Self::REDACTED)
                | when(conflict, Self::CONFLICT)
                | when(costs, Self::COST)
                | when(!conflict && tokens.iter().any(|column| row.has(column.id())), Self::TOKENS)
                | when(row.has(column::STREAM.id()) && row.has(column::STREAM_SEQ.id()), Self::NUMBERED)
                | when(row.has(column::MARKS.id()), Self::MARKED)
                | when(failed, Self::FAILED),
        )
    }
}

/// Whether intake marked the row as one that contradicts an earlier one.
pub fn is_conflict(row: &Row<'_>) -> bool {
    row.has(column::MARKS.id()) && row.list(column::MARKS).any(|mark| mark == CONFLICT)
}

/// The mark of such rows.
const CONFLICT: &str = "conflict";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::EventRow;
    use crate::fixtures;

    fn check(mut event: Value, aspects: Aspects) {
        event["second"] = json!(0);
        let rows = fixtures::rows(std::slice::from_ref(&event));
        let row = rows.get(0).unwrap();
        let found = EventRow::new(&row, false, fixtures::key()).aspects();
        assert_eq!(found, aspects.with(Aspects::ANY), "{event}");
    }

    #[test]
    fn what_an_event_has_follows_from_its_kind_and_columns() {
        check(json!({}), Aspects::WORK);
        check(json!({"kind": "audit"}), Aspects::NONE);
        check(json!({"kind": "dns.query"}), Aspects::LOOKUP);
        check(json!({"kind": "egress.dns"}), Aspects::LOOKUP);
        check(json!({"kind": "metric"}), Aspects::NONE);
        check(json!({"kind": "inventory", "mcp_server": "github"}), Aspects::INVENTORY.with(Aspects::MCP));
        check(json!({"kind": "process.exec", "command": "ls"}), Aspects::SENSOR.with(Aspects::COMMAND));
        check(
            json!({"kind": "egress.http", "outcome": "deny", "stream": "b", "stream_seq": 0}),
            Aspects::REQUEST.with(Aspects::ATTEMPT).with(Aspects::FAILED).with(Aspects::NUMBERED),
        );
        let work = Aspects::WORK.with(Aspects::ATTEMPT);
        check(json!({"kind": "command", "command": "ls"}), work.with(Aspects::COMMAND));
        check(
            json!({"kind": "command", "action_fp": 1, "exit_code": 1}),
            work.with(Aspects::STEP).with(Aspects::FAILED),
        );
        check(
            json!({"kind": "model.tokens", "tokens_in": 1, "cost_micros": 0}),
            Aspects::WORK.with(Aspects::TOKENS).with(Aspects::COST),
        );
        check(
            json!({"kind": "model.tokens", "tokens_in": 1, "cost_micros": 1, "marks": ["void:tokens_out", "conflict"]}),
            Aspects::WORK.with(Aspects::CONFLICT).with(Aspects::MARKED),
        );
        assert!(Aspects::ALL.meet(Aspects::ANY) && !Aspects::STEP.meet(Aspects::COST));
    }
}
