//! Intake as a server has it: real records go through dialects, enrichment, redaction and a ledger of their own, whose clock is
//! that of the corpus.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ingest::dialect::{self, Dialect};
use ingest::enrich::Names;
use ingest::event::finish::Finisher;
use ingest::metrics::Metrics;
use ingest::pipeline::{Channel, Intake, Patience, Pipeline, Tally};
use ingest::price::PriceTable;
use ledger::{Options, ReadLimit, Reader, Rows, Seq, Store, TimeSource, Timestamp};
use operations::access::{Principal, Role, Trust};
use serde_json::json;
use tempfile::TempDir;

use crate::fault::Fault;
use crate::fleet::Fleet;
use crate::people::Agent;
use crate::records::Feed;
use crate::unsynced::Unsynced;

/// The key of fingerprints and detectors: the same each time, so that a seed gives the same rows.
pub const KEY: [u8; 32] = [7; 32];
/// How long a group may wait for the ledger.
const PATIENCE: Duration = Duration::from_mins(1);
/// What is read at once.
const LIMIT: ReadLimit = ReadLimit { rows: 8_192, bytes: 16 << 20 };

/// The time of the corpus.
#[derive(Debug)]
struct CorpusClock(AtomicI64);

impl TimeSource for CorpusClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A ledger that holds the records of a fleet; row number `n` is of the record number `n`.
pub struct House {
    store: Option<Store>,
    reader: Reader,
    // Deleted last.
    _directory: TempDir,
}

impl House {
    /// Takes in the records of a fleet.
    pub fn of(fleet: &Fleet) -> Result<Self, Fault> {
        let directory = tempfile::tempdir()?;
        Store::init(directory.path(), "acme.example/evaluation")?;
        let clock = Arc::new(CorpusClock(AtomicI64::new(crate::fleet::START * 1_000_000)));
        let options = Options { disk: Arc::new(Unsynced), clock: clock.clone(), ..Options::default() };
        let store = Store::open(directory.path(), options)?;
        let finisher = Finisher::new(KEY, PriceTable::embedded());
        let pipeline = Pipeline::open(store.events(), &KEY, finisher, names(&fleet.agents), Metrics::default())?;
        let reader = store.events().reader();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(take_in(fleet, &Arc::new(pipeline), &clock))?;
        Ok(Self { store: Some(store), reader, _directory: directory })
    }

    /// The rows from `from` on, as many as are read at once.
    pub fn rows(&self, from: Seq) -> Result<Rows, Fault> {
        Ok(self.reader.read(from, true, LIMIT)?)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            store.stop();
        }
    }
}

async fn take_in(fleet: &Fleet, pipeline: &Arc<Pipeline>, clock: &CorpusClock) -> Result<(), Fault> {
    let mut intakes = Intakes { fleet, pipeline, open: BTreeMap::new() };
    let mut from = 0;
    while from < fleet.records.len() {
        let feed = fleet.records[from].feed;
        let second = fleet.records[from].micros.div_euclid(1_000_000);
        let is_next =
            |record: &&crate::records::Record| record.feed == feed && record.micros.div_euclid(1_000_000) == second;
        let group = fleet.records[from..].iter().take_while(is_next);
        let intake = intakes.of(feed);
        let (before, mut count) = (intake.tally(), 0);
        for record in group {
            clock.0.store(record.micros, Ordering::SeqCst);
            intake.record(record.text.as_bytes(), record.micros, 0).await?;
            count += 1;
        }
        intake.finish().await?;
        check(before, intake.tally(), count).map_err(|became| Fault::Record {
            number: from,
            feed: format!("{feed:?}"),
            became: format!("{became}, because {:?}", intake.channel().samples()),
            text: fleet.records[from..from + count as usize]
                .iter()
                .map(|record| record.text.as_str())
                .collect::<Vec<_>>()
                .join("\n"),
        })?;
        from += count as usize;
    }
    Ok(())
}

/// Each record became one event; otherwise, what else the group became.
fn check(before: Tally, after: Tally, count: u64) -> Result<(), String> {
    let taken = Tally { accepted: before.accepted + count, events: before.events + count, ..before };
    if after == taken { Ok(()) } else { Err(format!("{after:?} instead of {taken:?}")) }
}

/// The sources that are being read.
struct Intakes<'a> {
    fleet: &'a Fleet,
    pipeline: &'a Arc<Pipeline>,
    open: BTreeMap<Feed, Intake<()>>,
}

impl Intakes<'_> {
    fn of(&mut self, feed: Feed) -> &mut Intake<()> {
        let (fleet, pipeline) = (self.fleet, self.pipeline);
        self.open.entry(feed).or_insert_with(|| {
            let (dialect, principal): (&'static dyn Dialect, Principal) = match feed {
                Feed::Hooks(number) => (&dialect::hooks::Hooks, of_workspace(fleet, number, "hooks")),
                Feed::Native(number) => (&dialect::native::Native, of_workspace(fleet, number, "native")),
                Feed::Coder => (&dialect::coder::Coder, of_platform("coderd")),
                Feed::Network => (&dialect::native::Native, of_platform("network")),
            };
            let channel = Channel::new(&principal.name, dialect, pipeline.metrics());
            Intake::new(Arc::clone(pipeline), channel, Arc::new(principal), Patience::For(PATIENCE), (), 0)
        })
    }
}

/// The token of a workspace.
fn of_workspace(fleet: &Fleet, number: usize, name: &str) -> Principal {
    let agent = fleet.agents.iter().find(|agent| agent.number == number);
    Principal {
        token: format!("{name}-{number}"),
        name: name.to_owned(),
        roles: vec![Role::Ingest],
        trust: Trust::Workspace,
        workspace: agent.map(|agent| agent.workspace.clone()),
        user: agent.map(|agent| agent.user.clone()),
        team: agent.map(|agent| agent.team.clone()),
        ..Principal::local()
    }
}

/// The token of a part of the platform.
fn of_platform(name: &str) -> Principal {
    Principal { token: name.to_owned(), name: name.to_owned(), roles: vec![Role::Ingest], ..Principal::local() }
}

/// Who is who, as an operator writes it down.
fn names(agents: &[Agent]) -> Names {
    let workspaces: BTreeMap<&str, _> = agents
        .iter()
        .map(|agent| (agent.workspace.as_str(), json!({ "name": agent.workspace_name, "team": agent.team })))
        .collect();
    let users: BTreeMap<&str, _> = agents
        .iter()
        .map(|agent| (agent.user_id.as_str(), json!({ "name": agent.user, "team": agent.team })))
        .collect();
    serde_json::from_value(json!({ "workspaces": workspaces, "users": users })).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Corpus;
    use crate::day::Amount;
    use crate::fleet::FleetSize;
    use ledger::events::{TABLE, column};

    /// A fleet in which every story of so many happens, with little ordinary work around it.
    fn fleet(seed: u64, of: usize) -> Fleet {
        let corpus = Corpus::own().unwrap();
        let amount = Amount { acts: 8, around: 2, around_more: 3 };
        let size = FleetSize { agents: 10, days: 1, days_before: 0, amount, seed };
        Fleet::new(&corpus, &(0..corpus.stories.len()).step_by(of).collect::<Vec<_>>(), size).unwrap()
    }

    fn values(fleet: &Fleet) -> Vec<Vec<Option<Vec<u8>>>> {
        let house = House::of(fleet).unwrap();
        let (mut values, mut next) = (Vec::new(), Seq::FIRST);
        loop {
            let rows = house.rows(next).unwrap();
            for row in rows.iter() {
                assert_ne!(row.text(column::KIND), Some("unparsed"));
                values.push(TABLE.columns.iter().map(|column| row.value(column.id).map(<[u8]>::to_vec)).collect());
                next = row.position.seq.next();
            }
            if rows.is_empty() {
                return values;
            }
        }
    }

    #[test]
    fn every_record_of_every_story_becomes_one_event() {
        for seed in 1..3 {
            let fleet = fleet(seed, 1);
            assert_eq!(values(&fleet).len(), fleet.records.len(), "seed {seed}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_rows() {
        let (one, two) = (fleet(5, 6), fleet(5, 6));
        assert_eq!(one.records, two.records);
        assert!(values(&one) == values(&two), "the same records became other rows");
        assert_ne!(one.records, fleet(6, 6).records);
    }
}
