//! Stretches: from when until when a workspace ran or was stopped, by its builds. Pure; whoever asks brings the moment.

use ledger::{Seq, Timestamp};

use super::history::{Change, Id, Transition};

/// What a workspace did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Stopped,
}

/// How a stretch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Began {
    /// By a build.
    Build,
    /// It was running when it was first seen.
    Seen,
}

/// A time in which a workspace did one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) workspace: Id,
    pub(crate) state: State,
    pub(crate) began: Began,
    pub(crate) from: Timestamp,
    /// The row that tells of its beginning.
    pub(crate) from_seq: Seq,
    /// Its end, and the row that tells of it; `None` while it goes on.
    pub(crate) until: Option<(Timestamp, Seq)>,
    /// The team, as the row of the beginning told it.
    pub(crate) team: Id,
}

impl Stretch {
    fn begin(change: &Change, state: State) -> Self {
        let Change { workspace, at, seq, team, .. } = *change;
        Self { workspace, state, began: Began::Build, from: at, from_seq: seq, until: None, team }
    }
}

/// The stretches of one workspace up to `now`, in order and without overlap, from its builds in order. `seen` is when somebody first came to it.
///
/// A start of a workspace that runs, and a stop of one that is stopped, change nothing. Where the first build that is known ends something, it
/// ran before: since it was first seen, or for a time that nobody knows and that is left out.
pub(super) fn stretches(changes: &[Change], seen: Option<(Timestamp, Seq)>, now: Timestamp) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::new();
    let mut open: Option<Stretch> = None;
    let mut is_first = true;
    for change in changes.iter().filter(|change| (Timestamp::EPOCH..=now).contains(&change.at)) {
        let next = match change.transition {
            Transition::Start => Some(State::Running),
            // Nothing is left of a workspace that was deleted before.
            Transition::Stop if is_first || open.is_some() => Some(State::Stopped),
            Transition::Stop | Transition::Delete => None,
        };
        if is_first
            && next != Some(State::Running)
            && let Some((from, from_seq)) = seen.filter(|(at, _)| (Timestamp::EPOCH..change.at).contains(at))
        {
            let began = Began::Seen;
            open = Some(Stretch { began, from, from_seq, ..Stretch::begin(change, State::Running) });
        }
        is_first = false;
        if next.is_some() && open.map(|stretch| stretch.state) == next {
            continue;
        }
        let ended = open.map(|stretch| Stretch { until: Some((change.at, change.seq)), ..stretch });
        all.extend(ended.filter(|stretch| stretch.from < change.at));
        open = next.map(|state| Stretch::begin(change, state));
    }
    all.extend(open.filter(|stretch| stretch.from < now));
    all
}
