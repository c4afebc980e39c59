//! What regular callbacks look like besides being regular. What looks like work is judged only once it has gone on for long.

use serde::{Deserialize, Serialize};

use super::rhythm::Beat;
use crate::limits::STEADY_STEPS;

/// What a rhythm looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// A program that polls.
    Poll,
    /// Somebody who reads pages, or who looks again and again how far something is.
    Work,
    /// Neither.
    Plain,
}

impl Look {
    /// What it looks like by what was asked for, and how steadily.
    pub fn of(beat: &Beat) -> Self {
        let Beat { fit, marks, polls, fresh, .. } = beat;
        let is_poll = polls * 4 >= marks * 3;
        let is_steady = fit.width <= STEADY_STEPS;
        match (is_poll, is_steady) {
            (true, true) => Self::Poll,
            (true, false) => Self::Work,
            (false, false) if fresh * 5 >= marks * 2 => Self::Work,
            _ => Self::Plain,
        }
    }
}
