//! What a verification found, in words: one line per fault, and one verdict.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::VerifyError;
use crate::limits::{FAULTS_MAX, UNSIGNED_BATCHES_MAX};
use crate::name::LedgerName;

/// Something that is not as it was recorded, or could not be looked at. It prints as one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Fault {
    /// The ledger.
    #[serde(serialize_with = "as_text")]
    pub ledger: LedgerName,
    /// The shard.
    pub shard: u32,
    /// The file, and in it the batch, row group, event or field.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}: {}: {}", self.ledger, self.shard, self.place, self.what)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over by reference")]
fn as_text<S: Serializer>(ledger: &LedgerName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(ledger)
}

/// What no signed checkpoint covers of a ledger: recorded, and not yet provable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unproven {
    /// The ledger.
    #[serde(serialize_with = "as_text")]
    pub ledger: LedgerName,
    /// Batches that are closed.
    pub batches: u64,
    /// Events in them and in the batch that is open.
    pub events: u64,
}

/// The answer of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that is there agrees, up to the newest checkpoints.
    Verified,
    /// Something was changed, or is missing.
    Tampered,
    /// Nothing contradicts itself, but files of this copy stem from different moments, or its end was cut off.
    TornCopy,
    /// No fault was found, but something could not be looked at.
    CouldNotCheck,
    /// More batches are unsigned than a process that died can have left.
    Unproven,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verified => "verified",
            Self::Tampered => "tampered",
            Self::TornCopy => "torn copy",
            Self::CouldNotCheck => "could not check",
            Self::Unproven => "unproven",
        })
    }
}

/// What was looked at and what was found. Every check adds to the same report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What is not as it was recorded; at most [`FAULTS_MAX`].
    pub faults: Vec<Fault>,
    /// Faults that are not listed because there are too many.
    pub faults_omitted: u64,
    /// What could not be looked at, and why; at most [`FAULTS_MAX`].
    pub unchecked: Vec<Fault>,
    /// What is missing as in a copy that was made while a process wrote; at most [`FAULTS_MAX`].
    pub torn: Vec<Fault>,
    /// What no checkpoint covers, by ledger.
    pub unproven: Vec<Unproven>,
    /// What a reader should know although it is no fault.
    pub notes: Vec<String>,
    /// Events whose commitments were recomputed.
    pub events: u64,
    /// Batches whose headers were read.
    pub batches: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes of files that were read.
    pub bytes: u64,
    /// Bytes of the events' parts that were hashed.
    pub part_bytes: u64,
    /// Whether the directory may be a copy whose files stem from different moments.
    #[serde(skip)]
    pub(crate) may_be_torn: bool,
}

impl Report {
    /// Adds a fault unless the same one is listed.
    pub fn fault(&mut self, fault: Fault) {
        // Above the bound a fault is only counted: comparing each with all would take as long as a hostile copy wants.
        if self.faults.len() >= FAULTS_MAX {
            self.faults_omitted += 1;
        } else if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Adds something that is missing: a fault, unless files of a copy may stem from different moments.
    pub(crate) fn absence(&mut self, fault: Fault) {
        if self.may_be_torn { add(&mut self.torn, fault) } else { self.fault(fault) }
    }

    /// Adds something that could not be checked.
    pub(crate) fn leave(&mut self, fault: Fault) {
        add(&mut self.unchecked, fault);
    }

    /// Whether nothing was found so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.unchecked.is_empty() && self.torn.is_empty()
    }

    /// Adds what another report found.
    pub(crate) fn merge(&mut self, found: Self) {
        found.faults.into_iter().for_each(|fault| self.fault(fault));
        self.faults_omitted += found.faults_omitted;
        found.unchecked.into_iter().for_each(|fault| self.leave(fault));
        found.torn.into_iter().for_each(|fault| add(&mut self.torn, fault));
        self.unproven.extend(found.unproven);
        self.notes.extend(found.notes);
        self.events = self.events.saturating_add(found.events);
        self.batches = self.batches.saturating_add(found.batches);
        self.segments = self.segments.saturating_add(found.segments);
        self.bytes = self.bytes.saturating_add(found.bytes);
        self.part_bytes = self.part_bytes.saturating_add(found.part_bytes);
    }

    /// Adds what an error means: a fault if it is about the bytes, else something that could not be checked.
    ///
    /// `place` names the file and the place in it; an error that knows the place better says so in its own words.
    pub(crate) fn error(&mut self, ledger: LedgerName, shard: u32, place: String, error: &VerifyError) {
        let (tampered, place, what) = classify(place, error);
        let fault = Fault { ledger, shard, place, what };
        match tampered {
            true if error.is_missing() => self.absence(fault),
            true => self.fault(fault),
            false => self.leave(fault),
        }
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        if !self.faults.is_empty() {
            Verdict::Tampered
        } else if !self.torn.is_empty() {
            Verdict::TornCopy
        } else if !self.unchecked.is_empty() {
            Verdict::CouldNotCheck
        } else if self.unproven.iter().any(|unproven| unproven.batches > UNSIGNED_BATCHES_MAX) {
            Verdict::Unproven
        } else {
            Verdict::Verified
        }
    }
}

/// Adds to a bounded list what it does not have.
fn add(list: &mut Vec<Fault>, fault: Fault) {
    if list.len() < FAULTS_MAX && !list.contains(&fault) {
        list.push(fault);
    }
}

/// Whether an error means that bytes were changed, where, and what to say.
fn classify(place: String, error: &VerifyError) -> (bool, String, String) {
    use std::io::ErrorKind;
    match error {
        VerifyError::Io { source, .. } => match source.kind() {
            ErrorKind::NotFound => (true, place, "file listed in the manifest is missing".to_owned()),
            ErrorKind::UnexpectedEof => (true, place, "the file ends before its bytes do".to_owned()),
            _ => (false, place, error.to_string()),
        },
        VerifyError::Corrupt { place: inner, what, .. } if place.ends_with(inner.as_str()) => {
            (true, place, what.clone())
        }
        VerifyError::Corrupt { place: inner, what, .. } => (true, format!("{place}, {inner}"), what.clone()),
        VerifyError::Columnar { message, .. } => (true, place, format!("it cannot be decoded: {message}")),
        VerifyError::Foreign { expected, .. } => (true, place, format!("it is not a Tachograph {expected}")),
        _ => (false, place, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn fault(number: usize) -> Fault {
        Fault { ledger: LedgerName::Events, shard: 0, place: format!("wal/{number}"), what: "changed".to_owned() }
    }

    #[test]
    fn a_fault_outweighs_what_could_not_be_checked() {
        let mut report = Report::default();
        assert_eq!(report.verdict(), Verdict::Verified);
        let denied = VerifyError::io("read", "/data/x")(io::ErrorKind::PermissionDenied.into());
        report.error(LedgerName::Events, 0, "x".to_owned(), &denied);
        assert_eq!(report.verdict(), Verdict::CouldNotCheck);
        report.fault(fault(1));
        report.fault(fault(1));
        assert_eq!((report.verdict(), report.faults.len()), (Verdict::Tampered, 1));
        assert_eq!(report.faults[0].to_string(), "events/0: wal/1: changed");
    }

    #[test]
    fn the_list_of_faults_is_bounded() {
        let mut report = Report::default();
        (0..FAULTS_MAX + 3).for_each(|number| report.fault(fault(number)));
        assert_eq!((report.faults.len(), report.faults_omitted), (FAULTS_MAX, 3));
    }

    #[test]
    fn errors_are_told_apart() {
        let check = |error: VerifyError, tampered: bool, line: &str| {
            let mut report = Report::default();
            report.error(LedgerName::Operations, 2, "segment/a.state".to_owned(), &error);
            let list = if tampered { &report.faults } else { &report.unchecked };
            assert_eq!(list[0].to_string(), format!("operations/2: segment/a.state{line}"));
        };
        let io = |kind: io::ErrorKind| VerifyError::io("read", "a")(kind.into());
        check(io(io::ErrorKind::NotFound), true, ": file listed in the manifest is missing");
        check(io(io::ErrorKind::UnexpectedEof), true, ": the file ends before its bytes do");
        check(VerifyError::corrupt("a", "frontier", "odd"), true, ", frontier: odd");
        check(VerifyError::corrupt("a", "a.state", "odd"), true, ": odd");
        let newer = VerifyError::NewerFormat { path: "a".into(), found: 2, supported: 1 };
        check(
            newer,
            false,
            ": a has format 2, and this version reads up to 1; use the version that wrote it, or a newer one",
        );
    }
}
