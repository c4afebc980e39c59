//! How far the calls of an alert have come: asked for, refused, or done. What was refused must not read as if it had happened.

use detect_core::event::EventRow;
use detect_core::pack::{Pack, RestoreError};
use detect_core::recent::Recent;
use detect_core::text::{sentences, times};
use detect_core::{detector_state, packed_enum};
use ledger::events::column;
use operations::alert::Severity;
use serde::{Deserialize, Serialize};

use crate::limits::CALLS_MAX;

/// How far one call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallStage {
    /// The agent asked for it; nothing is known of its end.
    Asked,
    /// A person or a policy refused it.
    Refused,
    /// It ran, to whatever end.
    Done,
}

impl CallStage {
    /// What an event says of its call; `None` if it is no call's.
    pub fn of(event: &EventRow<'_>) -> Option<Self> {
        let is_refused = matches!(event.text(column::OUTCOME), Some("deny" | "blocked"));
        match event.kind() {
            "tool.call" | "approval" | "command" | "tool.result" | "file.read" | "file.write" if is_refused => {
                Some(Self::Refused)
            }
            "tool.call" | "approval" => Some(Self::Asked),
            "command" | "tool.result" | "file.read" | "file.write" => Some(Self::Done),
            _ => None,
        }
    }
}

packed_enum!(CallStage { Asked, Refused, Done });

/// How many calls of an episode have come how far.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Deeds {
    asked: u32,
    refused: u32,
    done: u32,
}

impl Deeds {
    /// One call.
    pub fn one(progress: CallStage) -> Self {
        let mut deeds = Self::default();
        deeds.add(progress);
        deeds
    }

    fn place(&mut self, progress: CallStage) -> &mut u32 {
        match progress {
            CallStage::Asked => &mut self.asked,
            CallStage::Refused => &mut self.refused,
            CallStage::Done => &mut self.done,
        }
    }

    /// Counts one more call.
    pub fn add(&mut self, progress: CallStage) {
        let place = self.place(progress);
        *place = place.saturating_add(1);
    }

    /// A call that was counted has come further.
    pub fn go_on(&mut self, from: CallStage, to: CallStage) {
        let place = self.place(from);
        *place = place.saturating_sub(1);
        self.add(to);
    }

    /// Whether one of them ran.
    pub fn any_done(&self) -> bool {
        self.done > 0
    }

    /// A number that grows when something is known that changes the story.
    pub fn stage(&self) -> u8 {
        u8::from(self.refused > 0) + 2 * u8::from(self.done > 0)
    }

    /// What is as bad as this if it ran is one step less bad as long as it did not.
    pub fn severity(&self, done: Severity) -> Severity {
        match done {
            _ if self.any_done() => done,
            Severity::Critical => Severity::High,
            Severity::High => Severity::Medium,
            Severity::Medium => Severity::Low,
            Severity::Low | Severity::Info => Severity::Info,
        }
    }

    /// What became of the calls, beyond what the first sentence says: empty if all of them ran.
    pub fn fate(&self) -> String {
        let said = |count: u32, is: &str| {
            if count == 0 { String::new() } else { format!("{} {is}.", times(u64::from(count))) }
        };
        match (self.asked, self.refused, self.done) {
            (0, 0, _) => String::new(),
            (0, 1, 0) => "It was refused and did not run.".to_owned(),
            (0, _, 0) => "All of them were refused and did not run.".to_owned(),
            (1, 0, 0) => "Whether it ran is not known yet.".to_owned(),
            (_, 0, 0) => "Whether they ran is not known yet.".to_owned(),
            (asked, refused, done) => sentences(&[
                capital(&said(done, "it ran")),
                capital(&said(refused, "it was refused")),
                capital(&said(asked, "nothing is known of the end")),
            ]),
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// Calls that were judged, since a call, its refusal and its end carry the same command. `T` is what a detector needs to find
/// its episode again.
pub struct Calls<T> {
    recent: Recent<Call<T>>,
}

detector_state!(Calls<T: Pack & Copy> { recent });

/// A judged call.
#[derive(Debug, Clone, Copy)]
struct Call<T> {
    progress: CallStage,
    what: T,
}

/// What an event means for the calls that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News<T> {
    /// Its call was not judged before.
    First,
    /// Its call has come from one step to another.
    Further(CallStage, CallStage, T),
    /// Nothing new.
    Known,
}

impl<T: Pack + Copy> Calls<T> {
    /// No call was judged.
    pub fn new() -> Self {
        Self { recent: Recent::new(CALLS_MAX) }
    }

    /// What an event means for its call.
    pub fn hear(&mut self, event: &EventRow<'_>, progress: CallStage) -> News<T> {
        let Some(id) = id(event) else { return News::First };
        match self.recent.get(id) {
            None => News::First,
            Some(known) if progress > known.progress => {
                self.recent.insert(id, Call { progress, ..known });
                News::Further(known.progress, progress, known.what)
            }
            Some(_) => News::Known,
        }
    }

    /// Remembers that the call of an event was judged.
    pub fn judged(&mut self, event: &EventRow<'_>, progress: CallStage, what: T) {
        if let Some(id) = id(event) {
            self.recent.insert(id, Call { progress, what });
        }
    }
}

impl<T: Pack> Pack for Call<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.progress.pack(out);
        self.what.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        Ok(Self { progress: CallStage::unpack(input)?, what: T::unpack(input)? })
    }
}

fn id(event: &EventRow<'_>) -> Option<u64> {
    event.call().map(|call| call ^ event.agent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fate_of_calls_is_told() {
        let fate = |asked: u32, refused: u32, done: u32| Deeds { asked, refused, done }.fate();
        assert_eq!(fate(0, 0, 3), "");
        assert_eq!(fate(1, 0, 0), "Whether it ran is not known yet.");
        assert_eq!(fate(0, 1, 0), "It was refused and did not run.");
        assert_eq!(fate(0, 3, 0), "All of them were refused and did not run.");
        assert_eq!(fate(0, 2, 1), "Once it ran. Twice it was refused.");
        assert_eq!(fate(1, 1, 0), "Once it was refused. Once nothing is known of the end.");
    }

    #[test]
    fn what_did_not_run_is_less_bad() {
        let mut deeds = Deeds::one(CallStage::Asked);
        assert_eq!((deeds.severity(Severity::High), deeds.stage()), (Severity::Medium, 0));
        deeds.go_on(CallStage::Asked, CallStage::Refused);
        assert_eq!((deeds.severity(Severity::Critical), deeds.stage()), (Severity::High, 1));
        deeds.go_on(CallStage::Refused, CallStage::Done);
        assert_eq!((deeds.severity(Severity::High), deeds.stage()), (Severity::High, 2));
    }
}
