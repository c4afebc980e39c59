//! What several detectors ask of an event and of what came before it: worked out and kept once. No alert comes from here.

use std::sync::Arc;

use ledger::Row;
use ledger::events::column;

use crate::aspects::Aspects;
use crate::cost::Authority;
use crate::detector_state;
use crate::egress::exposure::secret_read;
use crate::egress::reach::Reach;
use crate::egress::secret::SecretRead;
use crate::event::EventRow;
use crate::event_order::EventOrder;
use crate::findings::Findings;
use crate::key::{Key, Space};
use crate::limits::{PERSONS_MAX, SECRET_READS_MAX};
use crate::openers::Openers;
use crate::person::Person;
use crate::recent::Recent;
use crate::surroundings::Surroundings;
use crate::witness::Sessions;
use effects::command::Line;
use effects::file::FileTraits;
use effects::known::Known;
use effects::limits::{KNOWN_FILE_BYTES_MAX, KNOWN_FILES, KNOWN_LINE_BYTES_MAX, KNOWN_LINES};

/// The state that detectors share. It sees every event before they do, whichever of them are enabled.
pub struct Shared {
    key: Key,
    /// Who asked for which domain.
    reach: Reach,
    /// Whose spend is told by a gateway.
    authority: Authority,
    /// Who told of each session.
    sessions: Sessions,
    /// The latest secret-bearing read of each agent, as network policies know it.
    secrets: Recent<SecretRead>,
    /// What the person whom each agent works for named and asked for.
    persons: Recent<Person>,
    /// How many alerts each sender opened.
    openers: Openers,
    lines: Known<Arc<Line>>,
    files: Known<FileTraits>,
    /// How far each agent's time has come.
    order: EventOrder,
}

detector_state!(Shared { reach, authority, sessions, secrets, persons, openers, order } without { key, lines, files });

impl Shared {
    /// Raised when the form of any state changes, or what is in this one for the same events.
    pub const VERSION: u32 = 10;

    /// Nothing was seen.
    pub fn new(key: Key) -> Self {
        Self {
            key,
            reach: Reach::default(),
            authority: Authority::new(key),
            sessions: Sessions::default(),
            secrets: Recent::new(SECRET_READS_MAX),
            persons: Recent::new(PERSONS_MAX),
            openers: Openers::default(),
            lines: Known::new(KNOWN_LINES),
            files: Known::new(KNOWN_FILES),
            order: EventOrder::default(),
        }
    }

    /// Takes the next row, and shows it as detectors see it.
    pub fn event<'a>(&'a mut self, row: &'a Row<'a>, backfill: bool, findings: &mut Findings) -> EventRow<'a> {
        let mut event = EventRow::new(row, backfill, self.key);
        let is_disordered = self.order.is_disordered(&event);
        if is_disordered {
            event.keep_timeless();
            findings.note_disordered();
        }
        if let Some(text) = event.text(column::COMMAND) {
            let is_kept = |line: &Arc<Line>| text.len() + line.bytes() <= KNOWN_LINE_BYTES_MAX;
            let hash = self.key.of(Space::COMMAND, text);
            event.set_line(self.lines.of(hash, text, |text| Arc::new(Line::read(text)), is_kept));
        }
        if let Some(path) = event.text(column::FILE) {
            let is_kept = |_: &FileTraits| path.len() <= KNOWN_FILE_BYTES_MAX;
            event.set_file_traits(self.files.of(self.key.of(Space::FILE, path), path, FileTraits::of, is_kept));
        }
        let known = match event.request() {
            Some(request) if !request.domain.is_empty() => Some(self.reach.note(&event, request, findings)),
            None if event.lookup().is_some() => Some(self.reach.note_lookup(&event, findings)),
            _ => None,
        };
        let known_place = match (event.request(), event.tenancy()) {
            (Some(request), Some(tenancy)) => Some(self.reach.note_place(&event, request, tenancy, findings)),
            _ => known,
        };
        // What comes after what happened later ends no silence that lies before it.
        let heard = if is_disordered { None } else { self.sessions.hear(&event, self.key) };
        let is_cost = event.aspects().meet(Aspects::COST);
        let cost = if is_cost { self.authority.cost(&event, &mut self.sessions, findings) } else { None };
        if event.aspects().meet(Aspects::FILE.with(Aspects::REDACTED).with(Aspects::COMMAND))
            && let Some(read) = secret_read(&event)
        {
            self.secrets.insert(event.network(), read);
        }
        if event.kind() == "prompt" && !is_disordered {
            let mut person = self.persons.get(event.agent()).unwrap_or_default();
            person.note(&event);
            self.persons.insert(event.agent(), person);
        }
        if self.openers.is_flood(event.sender(), event.recorded_second()) {
            findings.note_flood();
        }
        event.set_surroundings(Surroundings {
            known,
            known_place,
            cost,
            heard,
            secrets: &self.secrets,
            persons: &self.persons,
            reach: &self.reach,
        });
        event
    }

    /// Notes that an event of this sender opened so many alerts.
    pub fn note_opened(&mut self, sender: u64, second: i64, count: u32) {
        self.openers.note(sender, second, count);
    }
}
