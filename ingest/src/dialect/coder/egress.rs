//! Flows through an exit node, which coderd tells as connections of type `egress` (branches of Coder after 2.38): TCP, UDP and DNS
//! with the rule that decided and, once a flow has ended, its bytes.

use std::borrow::Cow;

use ledger::events::column;
use operations::access::Trust;

use super::SOURCE_EXIT_NODE;
use crate::dialect::json::whole_of_text;
use crate::event::Draft;
use crate::url;

/// The type of a connection that is a flow.
pub const TYPE: &str = "egress";
/// Stands in the place of a destination where the exit node dropped reports.
const REPORT_GAP: &str = "exit-node-report-gap";
/// What a flow that ended has as its state. Only it tells bytes, so that no flow's bytes count twice.
pub const ENDED: &str = "disconnected";

/// What both feeds tell of a flow.
#[derive(Debug, Clone, Copy)]
pub struct Flow<'a> {
    /// `host:port`, `udp host:port` or `dns name`.
    pub destination: &'a str,
    /// The protocol, where it is told apart from the destination.
    pub protocol: Option<&'a str>,
    /// The rule that decided, where it is told apart from the reason.
    pub rule: Option<&'a str>,
    /// `rule: reason (in=1234 out=567)`; the rule and the bytes may be missing.
    pub reason: &'a str,
    /// Whether the policy refused it, where that is told.
    pub denied: Option<bool>,
}

impl Flow<'_> {
    /// Sets what the flow was and what became of it. `state` is `connected` or `disconnected`.
    pub fn set(&self, draft: &mut Draft, state: &str) {
        draft.limit_trust(Trust::Gateway);
        if self.destination == REPORT_GAP {
            return self.set_gap(draft);
        }
        let (protocol, destination) = match self.destination.split_once(' ') {
            Some((protocol, destination)) => (protocol, destination),
            None => (self.protocol.unwrap_or("tcp"), self.destination),
        };
        let is_dns = protocol == "dns";
        draft.set_origin(SOURCE_EXIT_NODE, "boundary", if is_dns { "egress.dns" } else { "egress.flow" });
        let (host, port) = if is_dns { (Cow::Borrowed(destination), None) } else { url::split_host(destination) };
        let columns = &mut draft.columns;
        columns.set_text(column::ACTION, state);
        columns.set_text_if(column::TARGET, Some(destination));
        columns.set_text_if(column::SCHEME, Some(protocol));
        columns.set_text_if(column::HOST, Some(&host));
        if let Some(port) = port {
            columns.set_integer(column::PORT, i64::from(port));
        }
        columns.set_text_if(column::OUTCOME, self.denied.map(|denied| if denied { "deny" } else { "allow" }));
        columns.set_text_if(column::RULE, self.rule.or(rule(self.reason)));
        if state == ENDED
            && let Some((bytes_in, bytes_out)) = bytes(self.reason)
        {
            columns.set_integer(column::BYTES_IN, bytes_in);
            columns.set_integer(column::BYTES_OUT, bytes_out);
        }
    }

    fn set_gap(&self, draft: &mut Draft) {
        draft.set_origin(SOURCE_EXIT_NODE, "boundary", "loss");
        draft.columns.set_text(column::ACTION, "exit_node_report_gap");
        let dropped = self.reason.split(' ').find(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        if let Some(dropped) = dropped.filter(|word| !word.is_empty()) {
            draft.columns.set_integer(column::AMOUNT, whole_of_text(dropped));
        }
    }
}

/// The id of the rule in front of a reason. A reason without one may have a colon of its own, after a blank.
fn rule(reason: &str) -> Option<&str> {
    reason.split_once(": ").map(|(rule, _)| rule).filter(|rule| !rule.contains(char::is_whitespace))
}

/// The bytes received and sent that end a reason.
fn bytes(reason: &str) -> Option<(i64, i64)> {
    let (_, counts) = reason.trim_end().strip_suffix(')')?.rsplit_once("(in=")?;
    let (bytes_in, bytes_out) = counts.split_once(" out=")?;
    Some((whole_of_text(bytes_in), whole_of_text(bytes_out)))
}
