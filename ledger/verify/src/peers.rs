//! What is known of a log from elsewhere: the other ledger's batches name its checkpoints, and somebody may have kept one.

use proof::note::{Checkpoint, Verifier};

use crate::identity::Identity;
use crate::log::{Log, Logs};
use crate::name::LedgerName;
use crate::report::{Fault, Report};

/// What each ledger saw of the other one's log must be in it.
pub(crate) fn check_statements(logs: &Logs, report: &mut Report) {
    let Some(operations) = logs.get(&LedgerName::Operations) else { return };
    for (ledger, log) in logs {
        let Some(peer) = logs.get(&ledger.other()).filter(|peer| log.whole && peer.whole) else { continue };
        for gap in operations.gaps(*ledger) {
            let what = format!(
                "{ledger}: a server started on a torn copy that had {} batches, where {} had been signed; the batches between \
                 are lost, and the log goes on without them",
                gap.kept, gap.signed
            );
            if !report.notes.contains(&what) {
                report.notes.push(what);
            }
        }
        for statement in peer.statements() {
            if operations.gaps(*ledger).any(|gap| gap.explains(statement)) {
                continue;
            }
            match log.head(statement.size) {
                Some(head) if head.root == statement.root => {}
                Some(_) => {
                    let what = format!(
                        "batch {} of {} saw other batches than those on the disk when it closed",
                        statement.batch, peer.context.ledger
                    );
                    report.fault(log.context.at("log", what));
                    break;
                }
                None if log.has_grown() => {}
                None => {
                    let what = format!(
                        "batch {} of {} saw {} batches and the disk has {}: it was rolled back alone",
                        statement.batch,
                        peer.context.ledger,
                        statement.size,
                        log.batches()
                    );
                    report.absence(log.context.at("log", what));
                    break;
                }
            }
        }
    }
}

/// Compares the logs with signed checkpoints that were kept elsewhere.
pub(crate) fn check_elsewhere(
    logs: &Logs,
    (identity, key): (&Identity, &Verifier),
    notes: &[String],
    report: &mut Report,
) {
    for (number, note) in notes.iter().enumerate() {
        let place = format!("checkpoint {} that was kept elsewhere", number + 1);
        let unusable = |what: String| Fault { ledger: LedgerName::Events, shard: 0, place: place.clone(), what };
        let checkpoint = match Checkpoint::open(note, key) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                report.leave(unusable(error.to_string()));
                continue;
            }
        };
        let log = logs.values().find(|log| identity.origin(log.context.ledger, log.context.shard) == checkpoint.origin);
        let Some(log) = log else {
            report.leave(unusable(format!("it is of the log {:?}, which is not here", checkpoint.origin)));
            continue;
        };
        check_one(log, logs, &checkpoint, &place, report);
    }
}

fn check_one(log: &Log, logs: &Logs, checkpoint: &Checkpoint, place: &str, report: &mut Report) {
    if !log.whole {
        let what = "the log is not whole, so that it cannot be compared";
        report.leave(log.context.at(place, what));
        return;
    }
    let found = log.head(checkpoint.size);
    if found.is_some_and(|head| head.root == checkpoint.root) {
        return;
    }
    let lost = logs.get(&LedgerName::Operations).and_then(|operations| {
        operations.gaps(log.context.ledger).find(|gap| gap.kept < checkpoint.size && checkpoint.size <= gap.signed)
    });
    if let Some(gap) = lost {
        let what = format!("it covers {} batches, of which a torn copy had kept {}", checkpoint.size, gap.kept);
        report.leave(log.context.at(place, what));
    } else if found.is_some() {
        let what = format!(
            "the first {} batches are not those that it was signed over: the log was written anew",
            checkpoint.size
        );
        report.fault(log.context.at(place, what));
    } else {
        let what = format!(
            "it was signed over {} batches and the disk has {}: the ledger was cut or rolled back",
            checkpoint.size,
            log.batches()
        );
        report.absence(log.context.at(place, what));
    }
}
