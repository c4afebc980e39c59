//! What is kept of one agent: the few rare places whose rhythm is followed, all of them together, and when it ran a command.

use detect_core::packed;

use super::case::Whose;
use super::rhythm::{Beat, Callback, Rhythm, Since, TOGETHER};
use super::visits::Visits;
use crate::egress::candidates::Candidates;
use crate::limits::{BEATS_PER_AGENT, IDLE_SECONDS, ROTATION_PLACES, VISITS_PER_HOUR_MAX};

/// A request for a place.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Keyed hash of the agent,
    pub agent: u64,
    /// and of the place.
    pub place: u64,
    /// When and what.
    pub callback: Callback,
    /// Whether few other agents ask for the place.
    pub is_rare: bool,
}

/// What makes requests callbacks, and callbacks enough.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// So many are needed.
    pub callbacks: u32,
    /// What follows within so many seconds is part of the one before.
    pub merge_seconds: u32,
}

/// A rhythm that is regular.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Of one place or of many.
    pub whose: Whose,
    /// The rhythm.
    pub beat: Beat,
    /// What came before its latest callback.
    pub since: Since,
}

/// One agent.
#[derive(Debug, Default)]
pub struct Watch {
    rhythms: Candidates<Rhythm, BEATS_PER_AGENT>,
    /// The second of the latest command; zero if there was none.
    command: u32,
    /// The hour whose visits are counted, and how many they are.
    hour: u16,
    visits: u16,
}
packed!(Watch { rhythms, command, hour, visits });

impl Watch {
    /// Notes that the agent ran a command.
    pub fn note_command(&mut self, second: i64) {
        self.command = second.clamp(1, u32::MAX.into()) as u32;
    }

    /// Whether it is known to run commands, and has run none for long.
    pub fn is_idle(&self, second: i64) -> bool {
        self.command != 0 && second - i64::from(self.command) >= IDLE_SECONDS
    }

    /// Notes a request, and says which rhythm is regular with it: that of its place, or that of all rare places together.
    pub fn note(&mut self, asked: &Asked, timing: Timing, visits: &mut Visits) -> Option<Found> {
        let Timing { callbacks, merge_seconds } = timing;
        let found =
            |whose, rhythm: &mut Rhythm| Some(Found { whose, beat: rhythm.beat(callbacks)?, since: rhythm.since() });
        let mut is_settled = false;
        let mut alone = None;
        if let Some(rhythm) = self.place(asked, visits) {
            is_settled = rhythm.is_settled();
            if rhythm.note(asked.callback, merge_seconds) {
                alone = found(Whose::OnePlace, rhythm);
            }
        }
        // What has a rhythm of its own, and what others ask for too, is no part of a rotation.
        if is_settled || !asked.is_rare {
            return alone;
        }
        let rotation = self.rotation(asked.callback.time)?;
        let place = Callback { what: asked.place, ..asked.callback };
        let is_news = rotation.note(place, merge_seconds) && rotation.places() >= ROTATION_PLACES;
        alone.or_else(|| if is_news { found(Whose::ManyPlaces, rotation) } else { None })
    }

    /// The rhythm of the request's place. A place that is not followed takes the room of another one only if it was asked for
    /// more often than that has history.
    fn place(&mut self, asked: &Asked, visits: &mut Visits) -> Option<&mut Rhythm> {
        let (name, second) = (asked.place as u32, asked.callback.time);
        let is_known = self.rhythms.has(name) || self.is_flood(second);
        let before = if is_known { 0 } else { visits.note(asked.agent, asked.place, second) };
        self.rhythms.admit(name, second, before, || Rhythm::new(name, before))
    }

    /// Whether it asked for so many places that are not followed that further ones are not counted.
    fn is_flood(&mut self, second: i64) -> bool {
        let hour = (second / 3_600) as u16;
        if std::mem::replace(&mut self.hour, hour) != hour {
            self.visits = 0;
        }
        self.visits = self.visits.saturating_add(1);
        self.visits > VISITS_PER_HOUR_MAX
    }

    /// The rhythm of all rare places together, if there are several.
    fn rotation(&mut self, second: i64) -> Option<&mut Rhythm> {
        if self.rhythms.len() < 2 {
            None
        } else {
            self.rhythms.admit(TOGETHER, second, u32::MAX, || Rhythm::new(TOGETHER, 0))
        }
    }
}
