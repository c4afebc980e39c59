//! The event as detectors see it: every column but the content itself, with what all of them ask for worked out once.

use ledger::column::handle;
use ledger::events::column;
use ledger::limits::COLUMN_ID_LIMIT;
use ledger::{LedgerName, Position, Row};

use crate::detector::RestoreError;
use crate::engine::Key;
use crate::pack::Pack;
use crate::scope::Scope;

/// An event as detectors see it: every column but the content itself.
///
/// Columns made from content (`command`, `file`) are absent once they were erased.
#[derive(Clone, Copy)]
pub struct EventRow<'a> {
    row: &'a Row<'a>,
    backfill: bool,
    /// The columns that many detectors ask for, checked once; by their number in [`OFTEN`].
    often: [Option<&'a str>; OFTEN.len()],
    agent: u64,
    tenant: u64,
    network: u64,
    domain: u64,
    team: u64,
}

/// The kind of an HTTP request that an agent made.
pub const EGRESS: &str = "egress.http";

/// The text columns that many detectors ask for.
const OFTEN: [handle::Text; 14] = [
    column::KIND,
    column::SOURCE,
    column::COLLECTOR,
    column::TOKEN,
    column::STREAM,
    column::USER,
    column::SESSION,
    column::WORKSPACE,
    column::OUTCOME,
    column::METHOD,
    column::HOST,
    column::DOMAIN,
    column::TOOL,
    column::TOOL_CALL,
];

/// For each column its number in [`OFTEN`] plus one, or zero.
const PLACES: [u8; COLUMN_ID_LIMIT as usize] = {
    let mut places = [0; COLUMN_ID_LIMIT as usize];
    let mut at = 0;
    while at < OFTEN.len() {
        places[OFTEN[at].id() as usize] = at as u8 + 1;
        at += 1;
    }
    places
};

/// Where and when something was seen: all that an episode keeps of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Position of the event.
    pub position: Position,
    /// Event time: microseconds since 1970 UTC.
    pub time: i64,
    /// When it was recorded: microseconds since 1970 UTC.
    pub recorded: i64,
    /// Whether it was old when it was recorded, or before the first start.
    pub backfill: bool,
}

impl Pack for Sighting {
    fn pack(&self, out: &mut Vec<u8>) {
        self.position.shard.pack(out);
        self.position.seq.pack(out);
        self.time.pack(out);
        self.recorded.pack(out);
        self.backfill.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let (shard, seq) = (u32::unpack(input)?, u64::unpack(input)?);
        let position = Position { ledger: LedgerName::Events, shard, seq };
        let (time, recorded, backfill) = (i64::unpack(input)?, i64::unpack(input)?, bool::unpack(input)?);
        Ok(Self { position, time, recorded, backfill })
    }
}

impl<'a> EventRow<'a> {
    /// Shows a row to detectors whose hashes have this key. `backfill` says that it was old when it was recorded, or before
    /// the first start.
    pub fn new(row: &'a Row<'a>, backfill: bool, key: Key) -> Self {
        let often = OFTEN.map(|column| row.text(column));
        let mut event = Self { row, backfill, often, agent: 0, tenant: 0, network: 0, domain: 0, team: 0 };
        let [agent, tenant, network] = [Scope::agent(&event), Scope::tenant(&event), Scope::network(&event)];
        event.agent = agent.hash(key, "agent");
        event.tenant = tenant.hash(key, "tenant");
        event.network = network.hash(key, "network");
        if event.kind() == EGRESS {
            event.domain = key.hash(&["domain", event.destination()]);
            event.team = key.hash(&["team", event.text(column::TEAM).unwrap_or("")]);
        }
        event
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.row.position
    }

    /// When it was recorded: microseconds since 1970 UTC.
    pub fn recorded(&self) -> i64 {
        self.row.recorded
    }

    /// The second in which it was recorded.
    pub fn second(&self) -> i64 {
        self.row.recorded.div_euclid(1_000_000)
    }

    /// When it happened by the source's clock, or else when it was recorded: microseconds since 1970 UTC.
    pub fn time(&self) -> i64 {
        self.row.time(column::TIME).unwrap_or(self.row.recorded)
    }

    /// Whether it was old when it was recorded, or before the first start.
    pub fn backfill(&self) -> bool {
        self.backfill
    }

    /// What an episode keeps of it.
    pub fn sighting(&self) -> Sighting {
        Sighting { position: self.position(), time: self.time(), recorded: self.recorded(), backfill: self.backfill }
    }

    /// The kind of event; empty if it has none.
    pub fn kind(&self) -> &'a str {
        self.often[0].unwrap_or("")
    }

    /// Keyed hash of the agent: session, else workspace, else user, else token.
    pub fn agent(&self) -> u64 {
        self.agent
    }

    /// Keyed hash of the tenant: user, else workspace, else token.
    pub fn tenant(&self) -> u64 {
        self.tenant
    }

    /// Keyed hash of what network policies are about: workspace, else session, and so on.
    pub fn network(&self) -> u64 {
        self.network
    }

    /// Keyed hash of the team of a request, all of no team being one; zero for other kinds.
    pub fn team(&self) -> u64 {
        self.team
    }

    /// Keyed hash of the destination of a request; zero for other kinds.
    pub fn domain(&self) -> u64 {
        self.domain
    }

    /// Whom a request is for: the registrable domain, else the host or address; empty if it names none.
    pub fn destination(&self) -> &'a str {
        self.text(column::DOMAIN).or_else(|| self.text(column::HOST)).unwrap_or("")
    }

    /// A text column; `content` reads as null.
    pub fn text(&self, column: handle::Text) -> Option<&'a str> {
        match PLACES[usize::from(column.id())] {
            0 if column == column::CONTENT => None,
            0 => self.row.text(column),
            place => self.often[usize::from(place) - 1],
        }
    }

    /// An integer column.
    pub fn integer(&self, column: handle::Integer) -> Option<i64> {
        self.row.integer(column)
    }

    /// A time column in microseconds since 1970 UTC.
    pub fn moment(&self, column: handle::Time) -> Option<i64> {
        self.row.time(column)
    }

    /// A fingerprint column.
    pub fn fingerprint(&self, column: handle::Fingerprint) -> Option<u64> {
        self.row.fingerprint(column)
    }

    /// The texts of a list column; empty if it is null.
    pub fn list(&self, column: handle::TextList) -> impl Iterator<Item = &'a str> + use<'a> {
        self.row.list(column)
    }
}
