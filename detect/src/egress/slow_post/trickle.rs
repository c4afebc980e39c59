//! What one agent sends to one rare domain over time: counts and sums in a fixed size. Words stand in the case.

use ledger::events::column;
use serde::{Deserialize, Serialize};

use super::Parameters;
use crate::egress::candidates::Candidate;
use crate::egress::request::Request;
use crate::episode::Before;
use crate::event::EventRow;
use crate::limits::{CANDIDATE_IDLE_SECONDS, SECRET_BEFORE_SECONDS, TRICKLE_EVIDENCE};
use crate::pack::packed;

/// What one agent sends to one rare domain.
#[derive(Debug, Default)]
pub struct Trickle {
    domain: u64,
    /// When the first request was recorded, in microseconds, and its event time.
    recorded: i64,
    time: i64,
    /// The second of the latest one.
    last: i64,
    /// Number of the current stretch since 1970, and how many had requests.
    stretch: i64,
    stretches: u32,
    writes: u32,
    queries: u32,
    reads: u32,
    bytes: u64,
    largest: u64,
    /// Requests whose size the source told.
    sized: u32,
    /// Positions of the latest of the requests before the alert.
    evidence: Vec<u64>,
}
packed!(Trickle {
    domain,
    recorded,
    time,
    last,
    stretch,
    stretches,
    writes,
    queries,
    reads,
    bytes,
    largest,
    sized,
    evidence,
});

/// The numbers that an alert states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Requests with a method that writes.
    pub writes: u32,
    /// Requests of other methods whose query is long.
    pub queries: u32,
    /// Requests that carry nothing.
    pub reads: u32,
    /// Stretches of time with requests that carry data out.
    pub stretches: u32,
    /// Bytes that were sent, as far as it is told.
    pub bytes: u64,
    /// The most bytes of one request.
    pub largest: u64,
    /// Requests whose size was told.
    pub sized: u32,
    /// Seconds from the first to the latest.
    pub seconds: i64,
}

impl Candidate for Trickle {
    fn name(&self) -> u64 {
        self.domain
    }

    fn last(&self) -> i64 {
        self.last
    }

    fn weight(&self) -> u32 {
        self.stretches
    }
}

impl Trickle {
    /// Nothing yet.
    pub fn new(domain: u64) -> Self {
        Self { domain, ..Self::default() }
    }

    /// Adds a request that carries data out. After a long pause it begins anew.
    pub fn note(&mut self, event: &EventRow<'_>, request: Request<'_>, stretch_seconds: u32) {
        let second = event.second();
        if self.stretches > 0 && second - self.last >= CANDIDATE_IDLE_SECONDS {
            *self = Self::new(self.domain);
        }
        if self.stretches == 0 {
            (self.recorded, self.time) = (event.recorded(), event.time());
        }
        self.last = second;
        let stretch = second / i64::from(stretch_seconds.max(1));
        if self.stretches == 0 || stretch != self.stretch {
            self.stretch = stretch;
            self.stretches = self.stretches.saturating_add(1);
        }
        let count = if request.is_write() { &mut self.writes } else { &mut self.queries };
        *count = count.saturating_add(1);
        // Without a size the query is what is known to have left.
        let told = event.integer(column::BYTES_OUT).and_then(|bytes| u64::try_from(bytes).ok());
        self.sized = self.sized.saturating_add(u32::from(told.is_some()));
        let bytes = told.unwrap_or(request.query_len() as u64);
        self.bytes = self.bytes.saturating_add(bytes);
        self.largest = self.largest.max(bytes);
        if self.evidence.len() == TRICKLE_EVIDENCE {
            // The first stays: it says when it began.
            self.evidence.remove(1);
        }
        self.evidence.push(event.position().seq);
    }

    /// Adds a request that carries nothing.
    pub fn note_read(&mut self) {
        self.reads = self.reads.saturating_add(1);
    }

    /// Whether it is what the parameters describe.
    pub fn is_slow(&self, parameters: &Parameters) -> bool {
        let carried = u64::from(self.writes) + u64::from(self.queries);
        let all = carried + u64::from(self.reads);
        carried >= u64::from(parameters.writes)
            && self.stretches >= parameters.stretches
            && carried * 100 >= all * u64::from(parameters.write_percent)
    }

    /// Whether it follows what was recorded at this moment closely enough to have to do with it.
    pub fn follows(&self, recorded: i64) -> bool {
        self.recorded - recorded < SECRET_BEFORE_SECONDS * 1_000_000
    }

    /// The numbers so far.
    pub fn seen(&self) -> Seen {
        let Self { writes, queries, reads, stretches, bytes, largest, sized, .. } = *self;
        let seconds = self.last - self.recorded.div_euclid(1_000_000);
        Seen { writes, queries, reads, stretches, bytes, largest, sized, seconds }
    }

    /// What came before the latest request, for the episode that it opens.
    pub fn before(&self) -> Before {
        let earlier = self.evidence.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let count = u64::from(self.writes) + u64::from(self.queries);
        Before { count: count.saturating_sub(1), first: Some((self.time, self.recorded)), evidence: earlier.to_vec() }
    }
}
