//! The event as detectors see it: every column but the content itself, with what all of them ask for worked out once.

use std::cell::OnceCell;
use std::sync::Arc;

use ledger::column::handle;
use ledger::events::column;
use ledger::{LedgerName, Position, Row, Seq, Timestamp};
use operations::Money;
use operations::teller::is_claim;

use crate::aspects::Aspects;
use crate::egress::known::{Known, Watched};
use crate::egress::lookup::Lookup;
use crate::egress::request::Request;
use crate::egress::secret::SecretRead;
use crate::egress::tenant::Tenancy;
use crate::event_columns::EventColumns;
use crate::failure::Failure;
use crate::key::{Key, Space};
use crate::limits::{AFTER_SECRET_SECONDS, BACKFILL_AGE, TIME_TOLERANCE};
use crate::name_order::{self, Hashes};
use crate::pack::{Pack, RestoreError};
use crate::person::Person;
use crate::surroundings::Surroundings;
use crate::witness::Heard;
use effects::command::Line;
use effects::effect::{self, Effect, EffectKind};
use effects::file::FileTraits;
use effects::written;

/// An event as detectors see it: every column but the content itself.
///
/// Columns made from content (`command`, `file`) are absent once they were erased.
pub struct EventRow<'a> {
    columns: EventColumns<'a>,
    key: Key,
    backfill: bool,
    aspects: Aspects,
    failure: Option<Failure>,
    request: Option<Request<'a>>,
    lookup: Option<Lookup<'a>>,
    tenancy: Option<Tenancy<'a>>,
    place: u64,
    surroundings: Option<Surroundings<'a>>,
    line: OnceCell<Arc<Line>>,
    file: OnceCell<FileTraits>,
    call: OnceCell<Option<u64>>,
    moves: OnceCell<bool>,
    names: Hashes,
    domain: u64,
    team: u64,
}

/// Where and when something was seen: all that an episode keeps of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Position of the event.
    pub position: Position,
    /// Event time.
    pub time: Timestamp,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Whether it was old when it was recorded, or before the first start.
    pub backfill: bool,
    /// Half of the keyed hash of who answers for it: see [`EventRow::sender`].
    pub sender: u32,
}

/// When the control plane or a gateway saw a row, or else when it was recorded. Intake lets nobody else set the
/// column; whose clock is ahead of ours saw it when we did.
pub fn seen(row: &Row<'_>) -> Timestamp {
    row.time(column::OBSERVED).map_or(row.recorded, |observed| observed.min(row.recorded))
}

/// Whether a row was old when it was recorded: its collector is declared to bring old things, or the control plane or a gateway
/// saw it long ago. What the source's own clock says makes nothing old.
pub fn is_old(row: &Row<'_>) -> bool {
    row.list(column::MARKS).any(|mark| mark == "backfill") || row.recorded.since(seen(row)) > BACKFILL_AGE
}

impl Pack for Sighting {
    fn pack(&self, out: &mut Vec<u8>) {
        self.position.shard.pack(out);
        self.position.seq.pack(out);
        self.time.pack(out);
        self.recorded.pack(out);
        self.backfill.pack(out);
        self.sender.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let (shard, seq) = (u32::unpack(input)?, Seq::unpack(input)?);
        let position = Position { ledger: LedgerName::Events, shard, seq };
        let (time, recorded, backfill) = (Timestamp::unpack(input)?, Timestamp::unpack(input)?, bool::unpack(input)?);
        Ok(Self { position, time, recorded, backfill, sender: u32::unpack(input)? })
    }
}

impl<'a> EventRow<'a> {
    /// Shows a row to detectors whose hashes have this key. `backfill` says that it was old when it was recorded, or before
    /// the first start.
    pub fn new(row: &'a Row<'a>, backfill: bool, key: Key) -> Self {
        let columns = EventColumns::new(row);
        let failure = Failure::of(&columns);
        let request = Request::read(&columns);
        let lookup = if request.is_some() { None } else { Lookup::read(&columns) };
        let tenancy = request.and_then(|request| Tenancy::of(request.host, request.path, request.is_write()));
        let asked = request.map(|request| request.domain).or(lookup.map(|lookup| lookup.domain));
        let domain = asked.map_or(0, |asked| key.of(Space::DOMAIN, asked));
        let team = key.of(Space::TEAM, columns.text(column::TEAM).unwrap_or(""));
        let place = tenancy.map_or(domain, |tenancy| key.hash(&["place", tenancy.service, &tenancy.owner()]));
        Self {
            key,
            backfill,
            aspects: Aspects::of(row, columns.kind(), failure.is_some()),
            failure,
            request,
            lookup,
            tenancy,
            place,
            surroundings: None,
            line: OnceCell::new(),
            file: OnceCell::new(),
            call: OnceCell::new(),
            moves: OnceCell::new(),
            names: name_order::hashes(&columns, key),
            domain,
            team,
            columns,
        }
    }

    /// Leaves only what can be judged without what came before: it came after what happened later.
    pub fn keep_timeless(&mut self) {
        self.aspects = self.aspects.timeless();
    }

    /// Adds what the detectors know of its surroundings.
    pub fn set_surroundings(&mut self, surroundings: Surroundings<'a>) {
        self.surroundings = Some(surroundings);
    }

    /// Adds its command line, which somebody has read already.
    pub fn set_line(&mut self, line: Arc<Line>) {
        self.line = OnceCell::from(line);
    }

    /// Adds what the name of its file says, which somebody has read already.
    pub fn set_file_traits(&mut self, traits: FileTraits) {
        self.file = OnceCell::from(traits);
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.columns.position()
    }

    /// When it was recorded.
    pub fn recorded(&self) -> Timestamp {
        self.columns.recorded()
    }

    /// The moment by which windows count: when it was recorded, or, of what was old by then, when it happened. So a history that is
    /// read in at once is judged as if it had been lived through.
    pub fn when(&self) -> Timestamp {
        if self.backfill { self.time() } else { self.recorded() }
    }

    /// The second of that moment.
    pub fn second(&self) -> i64 {
        self.when().unix_seconds()
    }

    /// The second in which it was recorded: for timers, for what is evicted, and for what is learnt.
    pub fn recorded_second(&self) -> i64 {
        self.recorded().unix_seconds()
    }

    /// When it happened. That is what the source says within what can be: nothing happens after it
    /// was recorded, and a live event not much before it was seen by the control plane or by us. So who dates its events can
    /// neither invent nor hide what a rule counts within some time. What the source says is the column's value.
    pub fn time(&self) -> Timestamp {
        let seen = self.seen();
        let Some(time) = self.moment(column::TIME) else { return seen };
        let earliest = if self.backfill { Timestamp::MIN } else { seen.saturating_sub(TIME_TOLERANCE) };
        time.clamp(earliest, self.recorded())
    }

    /// When the control plane or a gateway saw it, or else when it was recorded.
    pub fn seen(&self) -> Timestamp {
        seen(self.columns.row())
    }

    /// Whether it tells of money only by the word of an agent, of its workspace or of its host, which no gateway confirms.
    pub fn is_claim(&self) -> bool {
        self.text(column::TRUST).is_some_and(is_claim)
    }

    /// The columns for which the record had values that cannot be true.
    pub fn void_columns(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.list(column::MARKS).filter_map(|mark| mark.strip_prefix("void:"))
    }

    /// Whether it was old when it was recorded, or before the first start.
    pub fn backfill(&self) -> bool {
        self.backfill
    }

    /// What an episode keeps of it.
    pub fn sighting(&self) -> Sighting {
        Sighting {
            position: self.position(),
            time: self.time(),
            recorded: self.recorded(),
            backfill: self.backfill,
            sender: self.names.sender as u32,
        }
    }

    /// The kind of event; empty if it has none.
    pub fn kind(&self) -> &'a str {
        self.columns.kind()
    }

    /// Keyed hash of the agent: session, else workspace, else user, else token.
    pub fn agent(&self) -> u64 {
        self.names.agent
    }

    /// Keyed hash of who acts: a sub-agent within its session, else the agent.
    pub fn actor(&self) -> u64 {
        self.names.actor
    }

    /// Keyed hash of the tenant as the event names it: user, else workspace, else token.
    pub fn tenant(&self) -> u64 {
        self.names.tenant
    }

    /// Keyed hash of who answers for the event: the token, and its tenant where names are believed. A sender cannot choose it.
    pub fn sender(&self) -> u64 {
        self.names.sender
    }

    /// Whether the names in it are somebody's who knows them, and not only what the agent says of itself.
    pub fn is_believed(&self) -> bool {
        self.names.believed
    }

    /// Keyed hash of the workspace as far as it is believed, else of the token: what one sender cannot multiply.
    pub fn vantage(&self) -> u64 {
        self.names.vantage
    }

    /// Keyed hash of what network policies are about: workspace, else session, and so on.
    pub fn network(&self) -> u64 {
        self.names.network
    }

    /// Keyed hash of the place that a request is for: whose repository, bucket, channel, or else its destination.
    pub fn place(&self) -> u64 {
        self.place
    }

    /// Whose place a request is for, on a service where anybody has one.
    pub fn tenancy(&self) -> Option<Tenancy<'a>> {
        self.tenancy
    }

    /// The question to the DNS that it is about; `None` for other kinds.
    pub fn lookup(&self) -> Option<Lookup<'a>> {
        self.lookup
    }

    /// Keyed hash of the team, all of no team being one.
    pub fn team(&self) -> u64 {
        self.team
    }

    /// Keyed hash of the destination of a request, or of the domain of a question; zero for other kinds.
    pub fn domain(&self) -> u64 {
        self.domain
    }

    /// Whom a request is for: the registrable domain, else the host or address; empty if it names none.
    pub fn destination(&self) -> &'a str {
        self.columns.destination()
    }

    /// What it has that detectors look at.
    pub fn aspects(&self) -> Aspects {
        self.aspects
    }

    /// The error that it reports, if it reports one.
    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// The request that it is about; `None` for other kinds.
    pub fn request(&self) -> Option<Request<'a>> {
        self.request
    }

    /// The same, if it names its destination and nobody refused it.
    pub fn let_through(&self) -> Option<Request<'a>> {
        self.request.filter(|request| !request.refused && !request.domain.is_empty())
    }

    /// What was known about the place that a request is for before it; `None` if it names no destination.
    pub fn known_place(&self) -> Option<Known> {
        self.surroundings.and_then(|surroundings| surroundings.known_place)
    }

    /// What was known about the destination of a request, or about the domain of a question, before it; `None` if it names none.
    pub fn known(&self) -> Option<Known> {
        self.surroundings.and_then(|surroundings| surroundings.known)
    }

    /// Whether requests of the event's team go to a registrable domain, or those of many agents.
    pub fn is_reached(&self, domain: &str) -> bool {
        let domain = self.key.of(Space::DOMAIN, domain);
        self.surroundings.is_some_and(|surroundings| surroundings.reach.is_reached(domain, self.team))
    }

    /// How many agents were watched, and for how long.
    pub fn watched(&self) -> Watched {
        self.surroundings.map_or(Watched::default(), |surroundings| surroundings.watched(self.recorded_second()))
    }

    /// What it costs, if it is to be counted: several sources may tell of the same call.
    pub fn cost(&self) -> Option<Money> {
        self.surroundings.and_then(|surroundings| surroundings.cost)
    }

    /// What it adds to what was told of its session; `None` if it says nothing of one, or comes after what happened later.
    pub fn heard(&self) -> Option<Heard> {
        self.surroundings.and_then(|surroundings| surroundings.heard)
    }

    /// The latest secret that the same agent, as network policies know it, had in its hands.
    pub fn secret(&self) -> Option<SecretRead> {
        self.surroundings.and_then(|surroundings| surroundings.secret(self.network()))
    }

    /// What the person whom the agent works for named and asked for until now.
    pub fn person(&self) -> Person {
        self.surroundings.map_or_else(Person::default, |surroundings| surroundings.person(self.agent()))
    }

    /// Whether the same agent had a secret in its hands a short time before.
    pub fn follows_secret(&self) -> bool {
        self.secret().is_some_and(|read| self.when().micros_since(read.when) <= AFTER_SECRET_SECONDS * 1_000_000)
    }

    /// What its command line says; nothing if it has none.
    pub fn line(&self) -> &Line {
        self.line.get_or_init(|| Arc::new(self.text(column::COMMAND).map(Line::read).unwrap_or_default()))
    }

    /// Shows what it does to `look`, as kind and words of ours: what its command line says, and else what intake wrote down of its
    /// call.
    pub fn each_effect(&self, mut look: impl FnMut(EffectKind, &str)) {
        if self.aspects.meet(Aspects::COMMAND) {
            self.line().effects().iter().for_each(|effect| look(effect.kind, &effect.what));
        } else {
            let words = self.list(column::EFFECTS).filter_map(|word| word.parse::<EffectKind>().ok());
            words.for_each(|kind| look(kind, kind.meaning()));
        }
    }

    /// The worst of what it does that `is_meant` says is to be looked at.
    pub fn worst_effect(&self, mut is_meant: impl FnMut(&Effect) -> bool) -> Option<Effect> {
        if self.aspects.meet(Aspects::COMMAND) {
            return effect::worst(self.line(), is_meant).cloned();
        }
        let words = self.list(column::EFFECTS).filter_map(|word| word.parse::<EffectKind>().ok());
        let effects = words.map(|kind| Effect::new(kind, "what the call is given says so"));
        effects.filter(|effect| is_meant(effect)).max_by_key(|effect| effect.kind)
    }

    /// The worst of what a program does that its call writes into a file, once it runs.
    pub fn worst_written(&self) -> Option<EffectKind> {
        self.list(column::EFFECTS).filter_map(|word| word.strip_prefix(written::CODE)?.parse().ok()).max()
    }

    /// What the name of its file says; nothing if it names none.
    pub fn file_traits(&self) -> FileTraits {
        *self.file.get_or_init(|| self.text(column::FILE).map(FileTraits::of).unwrap_or_default())
    }

    /// Keyed hash of the call of a tool that it is about; `None` if it names none.
    pub fn call(&self) -> Option<u64> {
        let hash = |call| self.key.hash(&["call", call]);
        *self.call.get_or_init(|| self.text(column::TOOL_CALL).map(hash))
    }

    /// Whether it brings the agent's work further, as `judge` says: it is asked once, whoever wants to know.
    pub fn moves(&self, judge: impl FnOnce(&Self) -> bool) -> bool {
        *self.moves.get_or_init(|| judge(self))
    }

    /// A text column; `content` reads as null.
    pub fn text(&self, column: handle::Text) -> Option<&'a str> {
        self.columns.text(column)
    }

    /// An integer column.
    pub fn integer(&self, column: handle::Integer) -> Option<i64> {
        self.columns.integer(column)
    }

    /// A time column.
    pub fn moment(&self, column: handle::Time) -> Option<Timestamp> {
        self.columns.row().time(column)
    }

    /// A fingerprint column.
    pub fn fingerprint(&self, column: handle::Fingerprint) -> Option<u64> {
        self.columns.row().fingerprint(column)
    }

    /// The texts of a list column; empty if it is null.
    pub fn list(&self, column: handle::TextList) -> impl Iterator<Item = &'a str> + use<'a> {
        self.columns.row().list(column)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::{self, START};

    /// Seconds after the start at which an event that was recorded an hour after it counts, and whether it is old.
    fn check(mut event: Value, expected: (i64, bool)) {
        event["second"] = json!(3_600);
        for column in ["time", "observed"] {
            if let Some(second) = event[column].as_i64() {
                event[column] = json!((START + second) * 1_000_000);
            }
        }
        let rows = fixtures::rows(std::slice::from_ref(&event));
        let row = rows.get(0).unwrap();
        let shown = EventRow::new(&row, is_old(&row), fixtures::key());
        assert_eq!((shown.time().unix_seconds() - START, shown.backfill()), expected, "{event}");
    }

    #[test]
    fn what_is_old_was_seen_long_ago_and_no_clock_of_the_source_makes_it_old() {
        check(json!({}), (3_600, false));
        check(json!({"time": 3_590, "observed": 3_595}), (3_590, false));
        // A clock that is slow by an hour, and one that is ahead by one.
        check(json!({"time": 0, "observed": 3_595}), (3_535, false));
        check(json!({"time": 7_200, "observed": 3_595}), (3_600, false));
        check(json!({"time": 0}), (3_540, false));
        // The control plane saw it long ago, whatever its source says.
        check(json!({"time": 90, "observed": 100}), (90, true));
        check(json!({"time": 3_600, "observed": 100}), (3_600, true));
        check(json!({"time": 90, "observed": 3_600, "marks": ["backfill"]}), (90, true));
        check(json!({"time": 3_500, "observed": 9_999}), (3_540, false));
    }
}
