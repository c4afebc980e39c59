//! What several detectors ask of an event and of what came before it: worked out and kept once. No alert comes from here.

use ledger::Row;
use ledger::events::column;

use crate::aspects::Aspects;
use crate::command::known_lines::KnownLines;
use crate::cost::Authority;
use crate::detector_state;
use crate::egress::exposure::secret_read;
use crate::egress::reach::Reach;
use crate::egress::secret::SecretRead;
use crate::event::EventRow;
use crate::findings::Findings;
use crate::key::Key;
use crate::limits::SECRET_READS_MAX;
use crate::openers::Openers;
use crate::recent::Recent;
use crate::surroundings::Surroundings;

/// The state that detectors share. It sees every event before they do, whichever of them are enabled.
pub struct Shared {
    key: Key,
    /// Who asked for which domain.
    reach: Reach,
    /// Whose spend is told by a gateway.
    authority: Authority,
    /// The latest secret-bearing read of each agent, as network policies know it.
    secrets: Recent<SecretRead>,
    /// How many alerts each sender opened.
    openers: Openers,
    lines: KnownLines,
}

detector_state!(Shared { reach, authority, secrets, openers } without { key, lines });

impl Shared {
    /// Raised when the form of any state changes, or what is in this one for the same events.
    pub const VERSION: u32 = 5;

    /// Nothing was seen.
    pub fn new(key: Key) -> Self {
        Self {
            key,
            reach: Reach::default(),
            authority: Authority::default(),
            secrets: Recent::new(SECRET_READS_MAX),
            openers: Openers::default(),
            lines: KnownLines::new(key),
        }
    }

    /// Takes the next row, and shows it as detectors see it.
    pub fn event<'a>(&'a mut self, row: &'a Row<'a>, backfill: bool, findings: &mut Findings) -> EventRow<'a> {
        let mut event = EventRow::new(row, backfill, self.key);
        if let Some(text) = event.text(column::COMMAND) {
            event.set_line(self.lines.read(text));
        }
        let known = match event.request() {
            Some(request) if !request.domain.is_empty() => Some(self.reach.note(&event, request, findings)),
            _ => None,
        };
        let cost = if event.aspects().meet(Aspects::COST) { self.authority.cost(&event, findings) } else { None };
        if event.aspects().meet(Aspects::FILE.with(Aspects::REDACTED).with(Aspects::COMMAND))
            && let Some(read) = secret_read(&event)
        {
            self.secrets.insert(event.network(), read);
        }
        if self.openers.is_flood(event.sender(), event.second()) {
            findings.note_flood();
        }
        event.set_surroundings(Surroundings { known, cost, secrets: &self.secrets, agents: self.reach.agents() });
        event
    }

    /// Notes that an event of this sender opened so many alerts.
    pub fn note_opened(&mut self, sender: u64, second: i64, count: u32) {
        self.openers.note(sender, second, count);
    }
}
