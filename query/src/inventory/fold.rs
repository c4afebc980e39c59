//! What agents of one place have, and how that changed: sessions that tell what they start with, compared with those before them. It
//! knows no SQL; equal rows in any order give equal answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use operations::inventory::Item;

/// An event that tells of a thing, that may have changed one, or that says that a session went on.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The column `kind`.
    pub kind: &'a str,
    /// When, in microseconds.
    pub time: i64,
    /// Where it stands.
    pub position: &'a str,
    /// The session.
    pub session: Option<&'a str>,
    /// The agent's product.
    pub agent_kind: Option<&'a str>,
    /// The column `action`: of a thing what it is.
    pub action: Option<&'a str>,
    /// Its name; without one it says that all such things are told.
    pub target: Option<&'a str>,
    /// How it is.
    pub state: Option<&'a str>,
}

/// Which thing, of which agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thing<'a> {
    pub agent_kind: Option<&'a str>,
    pub item: Item,
    pub name: &'a str,
}

/// A thing, as it was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held<'a> {
    pub thing: Thing<'a>,
    /// How it is; several texts if several of the same name are told at once.
    pub state: Option<String>,
    /// Whether the latest session that told all of its kind still had it.
    pub is_there: bool,
    pub first_seen: i64,
    pub last_seen: i64,
    /// Sessions that had it.
    pub sessions: i64,
    /// How often it changed, to come and to go included.
    pub changes: i64,
    /// When it changed last.
    pub changed: Option<i64>,
    /// The row that told it last.
    pub position: &'a str,
}

/// What became of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    Added,
    Changed,
    Removed,
}

impl Drift {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// A change that a session tells of by what it starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    pub thing: Thing<'a>,
    pub drift: Drift,
    pub before: Option<String>,
    pub after: Option<String>,
    pub time: i64,
    pub session: Option<&'a str>,
    /// The row that tells how it is now; of what is gone the one that says that all are told.
    pub position: &'a str,
    /// When it was told last as it was before.
    pub unchanged: Option<i64>,
    /// The latest event in between that may have made it so.
    pub cause: Option<Cause<'a>>,
}

/// An event that may change what agents have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause<'a> {
    pub time: i64,
    pub position: &'a str,
    pub kind: &'a str,
    pub session: Option<&'a str>,
}

/// What one session told of a thing.
#[derive(Debug)]
struct Told<'a> {
    states: BTreeSet<&'a str>,
    first: (i64, &'a str),
    last: i64,
}

impl Told<'_> {
    fn state(&self) -> Option<String> {
        let states: Vec<&str> = self.states.iter().copied().filter(|state| !state.is_empty()).collect();
        (!states.is_empty()).then(|| states.join("; "))
    }
}

/// What one session told.
#[derive(Debug, Default)]
struct Session<'a> {
    name: Option<&'a str>,
    things: BTreeMap<Thing<'a>, Told<'a>>,
    /// What it told all of, and the row that says so.
    lists: BTreeMap<(Option<&'a str>, Item), (i64, &'a str)>,
    /// Whether it went on after its start, so that it told all that it has.
    is_whole: bool,
}

/// With what a name ends that is of one project: another project's session says nothing of it.
fn project(name: &str) -> Option<&str> {
    name.rsplit_once(" (project ").map(|(_, project)| project)
}

impl Session<'_> {
    fn start(&self) -> i64 {
        self.lists.values().map(|(time, _)| *time).min().unwrap_or(i64::MAX)
    }
}

/// What the rows of one place come to: its things, and their changes in order of time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inventory<'a> {
    pub held: Vec<Held<'a>>,
    pub changes: Vec<Change<'a>>,
}

/// Compares the sessions of one place.
pub fn inventory<'a>(rows: &[Row<'a>]) -> Inventory<'a> {
    let (sessions, causes) = gather(rows);
    let mut place = Place { held: BTreeMap::new(), listed: HashMap::new(), causes, changes: Vec::new() };
    for session in &sessions {
        place.compare(session);
    }
    let mut changes = place.changes;
    changes.sort_by(|a, b| (a.time, a.thing, a.position).cmp(&(b.time, b.thing, b.position)));
    Inventory { held: place.held.into_values().collect(), changes }
}

/// The sessions in order of their starts, and what may have changed something.
fn gather<'a>(rows: &[Row<'a>]) -> (Vec<Session<'a>>, Causes<'a>) {
    let mut sessions: BTreeMap<&str, Session> = BTreeMap::new();
    let mut causes = Causes::default();
    for row in rows {
        let cause = Cause { time: row.time, position: row.position, kind: row.kind, session: row.session };
        let (item, name, state) = match row.kind {
            "inventory" => {
                let Some(item) = row.action.and_then(Item::of) else { continue };
                match item {
                    // Their `target` says how they are.
                    Item::ManagedSettings => (item, Some(item.word()), row.state.or(row.target)),
                    _ => (item, row.target, row.state),
                }
            }
            "workspace.build" => {
                causes.builds.push(cause);
                let Some(version) = row.state else { continue };
                (Item::Template, Some(Item::Template.word()), Some(version))
            }
            "prompt" | "session.end" => {
                if let Some(name) = row.session {
                    sessions.entry(name).or_default().is_whole = true;
                }
                continue;
            }
            _ => {
                causes.others.push(cause);
                continue;
            }
        };
        // What is told outside of a session is told of by itself.
        let session = sessions.entry(row.session.unwrap_or(row.position)).or_default();
        session.name = row.session;
        session.is_whole |= row.session.is_none();
        let told = (row.time, row.position);
        let list = session.lists.entry((row.agent_kind, item)).or_insert(told);
        *list = (*list).min(told);
        if let Some(name) = name {
            let thing = Thing { agent_kind: row.agent_kind, item, name };
            let new = || Told { states: BTreeSet::new(), first: told, last: row.time };
            let known = session.things.entry(thing).or_insert_with(new);
            known.states.insert(state.unwrap_or_default());
            known.first = known.first.min(told);
            known.last = known.last.max(row.time);
        }
    }
    causes.sort();
    let mut sessions: Vec<(&str, Session)> =
        sessions.into_iter().filter(|(_, session)| !session.lists.is_empty()).collect();
    sessions.sort_by_key(|(key, session)| (session.start(), *key));
    (sessions.into_iter().map(|(_, session)| session).collect(), causes)
}

/// What may have changed something, in order of time.
#[derive(Debug, Default)]
struct Causes<'a> {
    /// Builds of the workspace, which bring what its template has.
    builds: Vec<Cause<'a>>,
    /// Changes of settings, which say more.
    others: Vec<Cause<'a>>,
}

impl<'a> Causes<'a> {
    fn sort(&mut self) {
        for causes in [&mut self.builds, &mut self.others] {
            causes.sort_unstable();
            causes.dedup();
        }
    }

    /// The latest after one moment and not after another.
    fn between(&self, after: i64, until: i64) -> Option<Cause<'a>> {
        let latest = |causes: &[Cause<'a>]| {
            let end = causes.partition_point(|cause| cause.time <= until);
            causes[..end].last().copied().filter(|cause| cause.time > after)
        };
        latest(&self.others).or_else(|| latest(&self.builds))
    }
}

/// What is known while sessions are compared.
#[derive(Debug)]
struct Place<'a> {
    held: BTreeMap<Thing<'a>, Held<'a>>,
    /// When a whole session last told all things of a kind.
    listed: HashMap<(Option<&'a str>, Item), i64>,
    causes: Causes<'a>,
    changes: Vec<Change<'a>>,
}

impl<'a> Place<'a> {
    fn compare(&mut self, session: &Session<'a>) {
        for (thing, told) in &session.things {
            self.tell(session, *thing, told);
        }
        if !session.is_whole {
            return;
        }
        let projects: BTreeSet<&str> = session.things.keys().filter_map(|thing| project(thing.name)).collect();
        for (list, (time, position)) in &session.lists {
            if list.1.is_listed() {
                self.miss(session, &projects, *list, (*time, position));
            }
            self.listed.insert(*list, *time);
        }
    }

    fn tell(&mut self, session: &Session<'a>, thing: Thing<'a>, told: &Told<'a>) {
        let (time, position) = told.first;
        let after = told.state();
        let listed = self.listed.get(&(thing.agent_kind, thing.item)).copied();
        let Some(held) = self.held.get_mut(&thing) else {
            let mut held = Held {
                thing,
                state: after.clone(),
                is_there: true,
                first_seen: time,
                last_seen: told.last,
                sessions: 1,
                changes: 0,
                changed: None,
                position,
            };
            // What the first session has was there before anybody looked.
            if let Some(listed) = listed {
                held.note(time);
                self.change(session, thing, Drift::Added, [None, after], (time, position), Some(listed));
            }
            self.held.insert(thing, held);
            return;
        };
        let unchanged = held.last_seen;
        let drift = match () {
            () if !held.is_there => Some(Drift::Added),
            // A session that was cut off at its start may not have told all.
            () if held.state != after && session.is_whole => Some(Drift::Changed),
            () => None,
        };
        let before = held.state.clone().filter(|_| held.is_there);
        held.is_there = true;
        held.sessions += 1;
        held.last_seen = held.last_seen.max(told.last);
        held.position = position;
        if let Some(drift) = drift {
            held.state.clone_from(&after);
            held.note(time);
            let since = if drift == Drift::Added { listed.unwrap_or(unchanged) } else { unchanged };
            self.change(session, thing, drift, [before, after], (time, position), Some(since));
        }
    }

    /// What a session that told all did not tell is gone, unless it is of a project that the session says nothing of.
    fn miss(
        &mut self,
        session: &Session<'a>,
        projects: &BTreeSet<&str>,
        (agent_kind, item): (Option<&'a str>, Item),
        (time, position): (i64, &'a str),
    ) {
        let of_list = |thing: &Thing| (thing.agent_kind, thing.item) == (agent_kind, item);
        let is_told_of = |thing: &Thing| project(thing.name).is_none_or(|own| projects.contains(own));
        let gone: Vec<Thing> = self
            .held
            .range(Thing { agent_kind, item, name: "" }..)
            .take_while(|(thing, _)| of_list(thing))
            .filter(|(thing, held)| held.is_there && is_told_of(thing) && !session.things.contains_key(thing))
            .map(|(thing, _)| *thing)
            .collect();
        for thing in gone {
            let Some(held) = self.held.get_mut(&thing) else { continue };
            held.is_there = false;
            held.note(time);
            let (before, unchanged) = (held.state.clone(), held.last_seen);
            self.change(session, thing, Drift::Removed, [before, None], (time, position), Some(unchanged));
        }
    }

    fn change(
        &mut self,
        session: &Session<'a>,
        thing: Thing<'a>,
        drift: Drift,
        [before, after]: [Option<String>; 2],
        (time, position): (i64, &'a str),
        unchanged: Option<i64>,
    ) {
        let cause = unchanged.and_then(|after| self.causes.between(after, time));
        let session = session.name;
        self.changes.push(Change { thing, drift, before, after, time, session, position, unchanged, cause });
    }
}

impl Held<'_> {
    fn note(&mut self, time: i64) {
        self.changes += 1;
        self.changed = self.changed.max(Some(time));
    }
}

#[cfg(test)]
mod tests;
