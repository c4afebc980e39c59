//! Verification of a whole data directory: identity, both ledgers with segments, WAL and checkpoint, what each ledger says
//! about the other, and what lies there besides.

use std::collections::BTreeMap;
use std::path::Path;

use proof::note::Verifier;

use crate::error::VerifyError;
use crate::identity::{Identity, LastWriter, shard_folder};
use crate::limits::TRIES_MAX;
use crate::log::{Log, Logs, ShardContext};
use crate::manifest;
use crate::name::LedgerName;
use crate::peers::{check_elsewhere, check_statements};
use crate::recorded::check_manifests;
use crate::report::{Fault, Report};
use crate::segments::Progress;
use crate::strangers::check_strangers;

/// Verifies a data directory, which another process may be writing meanwhile. `key` is the public key that the caller
/// trusts; without one the key that the directory itself names is used, and the report says so.
///
/// Everything that is wrong is in the report; an error means that there is no ledger to look at.
pub fn verify(
    directory: &Path,
    key: Option<&Verifier>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, VerifyError> {
    verify_against(directory, key, &[], progress)
}

/// Verifies a data directory as [`verify`] does, and against signed checkpoints (C2SP notes) that were kept elsewhere: they
/// also show a ledger that was written anew with its own key.
pub fn verify_against(
    directory: &Path,
    key: Option<&Verifier>,
    elsewhere: &[String],
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, VerifyError> {
    let last = LastWriter::of(directory);
    let mut report = Report { may_be_torn: last.may_be_torn(), ..Report::default() };
    let identity = match Identity::read(directory) {
        Ok(identity) => identity,
        Err(error @ (VerifyError::Corrupt { .. } | VerifyError::Foreign { .. })) => {
            report.error(LedgerName::Events, 0, "identity".to_owned(), &error);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let own = identity.verifier(directory)?;
    let trusted = key.unwrap_or(&own);
    check_key(key, &own, &mut report);
    let mut logs = Logs::new();
    for ledger in LedgerName::ALL {
        let (log, found) = look_at(directory, ledger, (&identity, trusted), progress, report.may_be_torn);
        report.merge(found);
        logs.insert(ledger, log);
    }
    settle(&mut logs, &mut report);
    // A server that started meanwhile may have batches that are not closed yet.
    let stopped = last == LastWriter::Stopped && LastWriter::of(directory) == LastWriter::Stopped;
    for log in logs.values() {
        log.check_checkpoint(&mut report);
        log.count_unproven(stopped, &mut report);
    }
    check_statements(&logs, &mut report);
    check_elsewhere(&logs, (&identity, trusted), elsewhere, &mut report);
    check_manifests(&logs, &mut report);
    check_strangers(directory, &logs, &mut report);
    Ok(report)
}

fn check_key(key: Option<&Verifier>, own: &Verifier, report: &mut Report) {
    match key {
        None => report.notes.push(
            "key not pinned: the signatures were checked with the key that the directory itself names".to_owned(),
        ),
        Some(trusted) if trusted != own => {
            let what = format!("it names the key {own}, and {trusted} is trusted");
            report.fault(Fault { ledger: LedgerName::Events, shard: 0, place: "identity, key".to_owned(), what });
        }
        Some(_) => {}
    }
}

/// Looks at one ledger, again if it was sealed while it was read.
fn look_at(
    directory: &Path,
    ledger: LedgerName,
    (identity, key): (&Identity, &Verifier),
    progress: &mut dyn FnMut(Progress),
    may_be_torn: bool,
) -> (Log, Report) {
    let mut retries = 0;
    loop {
        let mut report = Report { may_be_torn, ..Report::default() };
        let origin = identity.origin(ledger, 0);
        let context =
            ShardContext { folder: shard_folder(directory, ledger, 0), ledger, shard: 0, origin, key: key.clone() };
        let log = Log::read(context, progress, &mut report);
        retries += 1;
        let done = report.is_clean() && log.whole;
        if !done && log.has_grown() && retries <= TRIES_MAX {
            continue;
        }
        if report.is_clean() && !log.whole {
            report.leave(log.context.at(manifest::FOLDER, "it was replaced again and again while the ledger was read"));
        }
        return (log, report);
    }
}

/// Reads on until no signed checkpoint and no statement of the other ledger is ahead of what was read: a server that runs
/// writes both all the time. In a directory at rest this finds nothing new.
fn settle(logs: &mut Logs, report: &mut Report) {
    for _ in 0..TRIES_MAX {
        let said: BTreeMap<LedgerName, u64> =
            logs.iter().map(|(ledger, log)| (ledger.other(), log.largest_statement())).collect();
        let mut moved = false;
        for (ledger, log) in logs.iter_mut() {
            moved |= log.catch_up(said.get(ledger).copied().unwrap_or(0), report);
        }
        if !moved {
            return;
        }
    }
}
