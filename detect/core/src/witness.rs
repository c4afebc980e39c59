//! Who tells of a session: which feeds there are, which of them an event is from, and what each said so far. Whether something is
//! missing or contradicts itself is for rules to say.

use ledger::column::handle;
use ledger::events::column;
use operations::teller::{Rank, Teller};
use operations::witness::Said;

use crate::aspects::Aspects;
use crate::cost;
use crate::event::EventRow;
use crate::findings::Findings;
use crate::key::Key;
use crate::limits::{SESSIONS_MAX, SETTLED_EVENTS, SETTLED_SECONDS};
use crate::pack::{Pack, RestoreError};
use crate::second::Second;
use crate::table::Table;
use crate::{detector_state, packed};

pub use operations::witness::{Witness, Witnesses};

impl Pack for Witnesses {
    fn pack(&self, out: &mut Vec<u8>) {
        self.bits().pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        u8::unpack(input).map(Self::from_bits)
    }
}

/// Who tells of an event.
pub fn witnesses(event: &EventRow<'_>) -> Witnesses {
    Witnesses::of(Said {
        source: event.text(column::SOURCE).unwrap_or(""),
        kind: event.kind(),
        family: event.text(column::FAMILY),
        is_claim: event.is_claim(),
        action: event.text(column::ACTION),
        target: event.text(column::TARGET),
    })
}

/// What was told of one session. There is one for each active session, so its fields are as short as they may be.
#[derive(Debug, Clone, Copy, Default)]
struct Session {
    witnesses: Witnesses,
    /// Up to [`SETTLED_EVENTS`]; [`SETTLED`] once it has settled.
    events: u8,
    /// Whether a gateway's call came after the agent spoke.
    paired: bool,
    teller: Rank,
    feed: u16,
    calls: u16,
    claims: u16,
    unheard: u16,
    /// When whoever tells of its money did so last.
    told: Second,
    /// Who tells of its calls for the agent, and when that was last.
    claimer: Rank,
    claim_feed: u16,
    claimed: Second,
    begun: Second,
    word: Second,
    /// The lower half of the sequence number of the agent's last word.
    word_seq: u32,
}

packed!(Session {
    witnesses,
    events,
    paired,
    teller,
    feed,
    calls,
    claims,
    unheard,
    told,
    claimer,
    claim_feed,
    claimed,
    begun,
    word,
    word_seq,
});

/// Stands for all events of a session that is no longer new.
const SETTLED: u8 = u8::MAX;

/// What an event adds to what was told of its session, and what that is by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Who tells of the event.
    pub by: Witnesses,
    /// Who told of the session until now.
    pub witnesses: Witnesses,
    /// Who told of it for the first time.
    pub new: Witnesses,
    /// Whether the session has just been watched for long enough to say who tells of it: true for one event.
    pub settles: bool,
    /// Whether that was so before.
    pub settled: bool,
    /// Whether the event is the first call that a gateway tells of after the agent itself spoke: true for one event.
    pub pairs: bool,
    /// Calls of models that a gateway told of.
    pub calls: u16,
    /// Those that the agent told of, each once: its hooks, its telemetry and its transcript may all tell of one.
    pub claims: u16,
    /// Calls that a gateway told of since the agent's last word; for a word of the agent's those before it.
    pub unheard: u16,
    /// When the agent spoke last before this event, or else when the session began.
    pub since: Second,
    /// The lower half of the sequence number of that word, see [`crate::pack::whole_seq`]; `None` if there was none.
    pub word_seq: Option<u32>,
}

/// What was told of each session, and who tells of its money.
pub struct Sessions {
    sessions: Table<Session>,
}

detector_state!(Sessions { sessions });

impl Default for Sessions {
    /// Nothing was told.
    fn default() -> Self {
        Self { sessions: Table::new(SESSIONS_MAX) }
    }
}

/// The counters of tokens, one of which a call has.
const TOKENS: [handle::Integer; 2] = [column::TOKENS_IN, column::TOKENS_OUT];

impl Sessions {
    /// The session of an event. That a sender's own sessions are forgotten is told by the rules whose states are: it counts once.
    fn of(&mut self, event: &EventRow<'_>) -> &mut Session {
        self.sessions.of_agent(event, &mut Findings::new())
    }

    /// Takes an event; `None` if it says nothing of a session. The key is the one of the rules.
    pub fn hear(&mut self, event: &EventRow<'_>, key: Key) -> Option<Heard> {
        let by = witnesses(event);
        // A firewall gives its requests sessions of its own.
        if by == Witnesses::NONE || by.has(Witness::Firewall) || event.text(column::SESSION).is_none() {
            return None;
        }
        let is_call =
            event.aspects().meet(Aspects::TOKENS) && TOKENS.iter().any(|column| event.integer(*column).is_some());
        let (second, seq) = (Second::new(event.second()), event.position().seq.get() as u32);
        let session = self.of(event);
        // What nobody else counts is counted by the feed that is believed most.
        let is_claim = is_call && by.has(Witness::Agent) && session.claims_from(cost::teller(event, key));
        Some(session.hear(by, is_call && (is_claim || !by.has(Witness::Agent)), second, seq))
    }

    /// Whether money is counted that this teller tells of a session, which the event names.
    pub fn counts(&mut self, event: &EventRow<'_>, teller: Teller) -> bool {
        let session = self.of(event);
        let mut known = Teller { rank: session.teller, feed: session.feed, second: session.told.get() };
        let counts = known.gives_way_to(teller);
        (session.teller, session.feed, session.told) = (known.rank, known.feed, Second::new(known.second));
        counts
    }
}

impl Session {
    /// Whether calls that this teller tells of are counted: one of those who tell for an agent counts.
    fn claims_from(&mut self, teller: Teller) -> bool {
        let mut known = Teller { rank: self.claimer, feed: self.claim_feed, second: self.claimed.get() };
        let counts = known.gives_way_to(teller);
        (self.claimer, self.claim_feed, self.claimed) = (known.rank, known.feed, Second::new(known.second));
        counts
    }

    fn hear(&mut self, by: Witnesses, is_call: bool, second: Second, seq: u32) -> Heard {
        let before = self.witnesses;
        self.witnesses = before.with(by);
        if before == Witnesses::NONE {
            (self.begun, self.word) = (second, second);
        }
        let settled = self.events == SETTLED;
        let mut pairs = false;
        if by.has(Witness::Gateway) && is_call {
            self.calls = self.calls.saturating_add(1);
            self.unheard = self.unheard.saturating_add(1);
            pairs = !self.paired && self.witnesses.has(Witness::Agent);
            self.paired |= pairs;
        }
        let is_agent = by.has(Witness::Agent);
        self.claims = self.claims.saturating_add(u16::from(is_agent && is_call));
        let heard = Heard {
            by,
            witnesses: self.witnesses,
            new: by.without(before),
            settles: self.settles(second),
            settled,
            pairs,
            calls: self.calls,
            claims: self.claims,
            unheard: self.unheard,
            since: self.word,
            word_seq: before.has(Witness::Agent).then_some(self.word_seq),
        };
        if is_agent {
            (self.word, self.word_seq, self.unheard) = (self.word.max(second), seq, 0);
        }
        heard
    }

    /// Counts an event, and says whether the session is no longer new by it.
    fn settles(&mut self, second: Second) -> bool {
        if self.events == SETTLED {
            return false;
        }
        self.events = (self.events + 1).min(SETTLED_EVENTS);
        let settles = self.events == SETTLED_EVENTS && second.get() - self.begun.get() >= SETTLED_SECONDS;
        if settles {
            self.events = SETTLED;
        }
        settles
    }
}

#[cfg(test)]
mod tests {
    use operations::limits::TELLER_MEMORY_SECONDS;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    /// The words of who tells of an event.
    fn check(mut event: Value, expected: &[&str]) {
        event["second"] = json!(0);
        let rows = fixtures::rows(std::slice::from_ref(&event));
        let row = rows.get(0).unwrap();
        let by = witnesses(&EventRow::new(&row, false, fixtures::key()));
        let all = [&Witness::EXPECTED[..], &[Witness::Agent]].concat();
        let words: Vec<&str> = all.into_iter().filter(|witness| by.has(*witness)).map(Witness::word).collect();
        assert_eq!(words, expected, "{event}");
    }

    #[test]
    fn who_tells_follows_from_family_kind_and_trust() {
        check(json!({"kind": "egress.http", "family": "boundary"}), &["firewall"]);
        check(json!({"kind": "egress.dns", "family": "boundary"}), &["firewall"]);
        check(json!({"kind": "inventory", "family": "boundary", "action": "firewall"}), &[]);
        check(json!({"kind": "model.tokens", "family": "gateway", "trust": "gateway"}), &["gateway"]);
        check(json!({"kind": "model.tokens", "family": "gateway", "trust": "agent"}), &[]);
        check(json!({"kind": "tool.call", "family": "workspace"}), &["hooks", "agent"]);
        check(json!({"kind": "tool.call", "family": "gateway", "trust": "gateway"}), &[]);
        check(json!({"kind": "metric", "family": "workspace"}), &["telemetry", "agent"]);
        let settings = |name| json!({"kind": "inventory", "action": "managed_settings", "target": name});
        check(settings("none"), &["telemetry", "agent"]);
        check(settings("remote"), &["telemetry", "managed_settings", "agent"]);
        check(json!({"kind": "audit", "family": "workspace"}), &[]);
        for kind in ["tool.call", "model.summary", "metric", "model.tokens"] {
            check(json!({"kind": kind, "family": "workspace", "source": "claude_code.transcript"}), &["agent"]);
        }
        check(json!({"kind": "resource"}), &[]);
    }

    #[test]
    fn what_was_told_of_a_session_adds_up() {
        let gateway = Witnesses::NONE.and(Witness::Gateway);
        let agent = Witnesses::NONE.and(Witness::Agent);
        let at = Second::new;
        let mut session = Session::default();
        let first = session.hear(agent, true, at(5), 1);
        assert_eq!((first.new, first.claims, first.unheard, first.pairs, first.word_seq), (agent, 1, 0, false, None));
        let call = session.hear(gateway, true, at(10), 2);
        assert_eq!((call.new, call.pairs, call.calls, call.unheard), (gateway, true, 1, 1));
        assert_eq!((call.since, call.word_seq), (at(5), Some(1)));
        let call = session.hear(gateway, true, at(20), 3);
        assert_eq!((call.new, call.pairs, call.unheard), (Witnesses::NONE, false, 2));
        let word = session.hear(agent, false, at(30), 4);
        assert_eq!((word.unheard, word.claims, word.since), (2, 1, at(5)), "what it ends is told with it");
        let call = session.hear(gateway, true, at(40), 5);
        assert_eq!((call.unheard, call.since, call.word_seq), (1, at(30), Some(4)));
    }

    /// Feeds calls of one session, each told by a collector of a source, and says how many claims there are in the end.
    fn check_claims(told: &[(i64, &str, &str)], expected: u16) {
        let mut sessions = Sessions::default();
        let events: Vec<_> = told
            .iter()
            .map(|(second, source, collector)| {
                json!({"second": second, "kind": "model.tokens", "source": source, "collector": collector, "trust": "agent",
                    "family": "workspace", "tokens_in": 7, "session": "s", "user": "u", "token": "t"})
            })
            .collect();
        let rows = fixtures::rows(&events);
        let heard = rows.iter().filter_map(|row| {
            sessions.hear(&EventRow::new(&row, false, fixtures::key()), fixtures::key()).map(|heard| heard.claims)
        });
        assert_eq!(heard.last(), Some(expected), "{told:?}");
    }

    #[test]
    fn a_call_that_an_agent_tells_of_several_times_is_one_claim() {
        let told = |second, collector| (second, "codex", collector);
        let transcript = |second| (second, "codex.transcript", "rollouts");
        check_claims(&[told(0, "hooks"), told(1, "hooks")], 2);
        let both = [told(0, "hooks"), told(1, "otel"), told(2, "hooks"), told(3, "otel"), transcript(4)];
        check_claims(&both, 2);
        check_claims(&[transcript(0), transcript(1)], 2);
        // Until the better one speaks, the lesser one counts.
        check_claims(&[transcript(0), told(1, "otel"), transcript(2), told(3, "otel")], 3);
        let late = TELLER_MEMORY_SECONDS + 2;
        check_claims(&[told(1, "otel"), transcript(late)], 2);
    }

    #[test]
    fn a_session_settles_once() {
        let by = Witnesses::NONE.and(Witness::Agent);
        let check = |pause: i64, expected: i64| {
            let mut session = Session::default();
            let mut hear = |at: i64| session.hear(by, false, Second::new(1_000 + at * pause), 0);
            let settled: Vec<i64> = (0..2_000).filter(|at| hear(*at).settles).collect();
            assert_eq!(settled, [expected], "{pause}");
            assert!(hear(2_000).settled);
        };
        check(60, i64::from(SETTLED_EVENTS) - 1);
        check(1, SETTLED_SECONDS);
    }
}
