//! What became of a batch that was sent.

use std::time::Duration;

/// The outcome of one request, as a sink judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The receiver has the whole batch.
    Acked(Ack),
    /// It has nothing of it and may take it later, not before `after`.
    Retry {
        /// The shortest wait, from `Retry-After`.
        after: Option<Duration>,
        /// What it said.
        reason: String,
    },
    /// It takes no batch like this one, but perhaps its halves. A batch of one record is refused for ever.
    Split {
        /// What it said.
        reason: String,
    },
    /// It will never take the record with this number in the batch; whether it has others is not known.
    Reject {
        /// Number of the record, from 0.
        index: usize,
        /// What it said.
        reason: String,
    },
    /// It has the batch but for some of its records, which it will never take.
    Parts(Parts),
    /// It may or may not have the batch: the same bytes are sent again.
    Uncertain {
        /// What happened.
        reason: String,
    },
    /// It takes nothing until somebody changes the configuration: the sink is parked and tries again from time to time.
    Park {
        /// What it said.
        reason: String,
    },
}

/// What a receiver did not take of a batch that it has otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The records that it will never take, by their number in the batch, ascending, each with what it said.
    pub refused: Vec<(usize, String)>,
    /// How many more it refused without saying which.
    pub unnamed: u64,
    /// What it said of the whole.
    pub said: String,
}

impl Parts {
    /// Why it refused the first one.
    pub fn reason(&self) -> &str {
        self.refused.first().map_or(&self.said, |(_, reason)| reason)
    }
}

/// What became of one record of a batch, at a receiver that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it, by this request or by an earlier one.
    Taken,
    /// It will never take it; what it said.
    Refused(String),
    /// It may take it later; what it said.
    Later(String),
    /// It takes none of its kind until somebody changes the configuration; what it said.
    Park(String),
}

impl Judgement {
    /// What the outcomes of single records mean for their batch. While one of them may be taken later the whole is sent again: only a
    /// receiver that knows records by their ids tells of single ones, so those that it has stay as they are, and each further request
    /// leaves fewer. What is refused then costs no request more, however much it is.
    pub fn of_outcomes(outcomes: Vec<Outcome>, after: Option<Duration>, said: String) -> Self {
        let (mut refused, mut later) = (Vec::new(), None);
        for (index, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Outcome::Taken => {}
                Outcome::Park(reason) => return Self::Park { reason },
                Outcome::Later(reason) => later = later.or(Some(reason)),
                Outcome::Refused(reason) => refused.push((index, reason)),
            }
        }
        match later {
            Some(reason) => Self::Retry { after, reason },
            None if refused.is_empty() => Self::Acked(Ack::new(said)),
            None => Self::Parts(Parts { refused, unnamed: 0, said }),
        }
    }
}

/// That a receiver has a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ack {
    /// What it said.
    pub said: String,
    /// What it calls the message, if later messages refer to it.
    pub handle: Option<String>,
    /// The body that it took, if it took another form than the message's own.
    pub body: Option<Vec<u8>>,
}

impl Ack {
    /// A receiver that says this, and calls the message nothing.
    pub fn new(said: impl Into<String>) -> Self {
        Self { said: said.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_records_are_one_judgement() {
        let (taken, refused) = (Outcome::Taken, Outcome::Refused("mapping".to_owned()));
        let (later, park) = (Outcome::Later("busy".to_owned()), Outcome::Park("forbidden".to_owned()));
        let check = |outcomes: &[&Outcome], expected: Judgement| {
            let outcomes = outcomes.iter().map(|outcome| (*outcome).clone()).collect();
            assert_eq!(Judgement::of_outcomes(outcomes, None, "200".to_owned()), expected);
        };
        let retry = Judgement::Retry { after: None, reason: "busy".to_owned() };
        check(&[&taken, &taken], Judgement::Acked(Ack::new("200")));
        check(&[&taken, &later, &refused], retry);
        check(&[&later, &park, &refused], Judgement::Park { reason: "forbidden".to_owned() });
        let parts = |refused: &[usize]| {
            let refused = refused.iter().map(|index| (*index, "mapping".to_owned())).collect();
            Judgement::Parts(Parts { refused, unnamed: 0, said: "200".to_owned() })
        };
        check(&[&refused, &taken, &refused], parts(&[0, 2]));
        check(&[&refused], parts(&[0]));
    }
}
