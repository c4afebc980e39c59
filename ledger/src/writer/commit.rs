//! One commit: frames are encoded, written, synced and made visible, in this order.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use proof::Header;
use proof::inputs::Input;

use super::{SPACE_CHECK_INTERVAL, Writer};
use crate::appender::Receipt;
use crate::batch::{OpenBatch, Secrets};
use crate::checkpoint::{peer_key, peer_value};
use crate::error::{AppendError, LedgerError, is_no_space};
use crate::limits;
use crate::position::Position;
use crate::queue::Queued;
use crate::seal::SealBatch;
use crate::seq::Seq;
use crate::store::Durable;
use crate::tail::TailBlock;
use crate::timestamp::Timestamp;
use crate::wal::frame::{BlockFrame, Commit, FrameType, Open, Seed, write_frame};

/// What the frames of one commit do besides bringing groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    /// Close the open batch first.
    close: bool,
    /// Open a new batch.
    open: bool,
    /// Close that new batch too: a heartbeat.
    close_new: bool,
}

/// A commit that is encoded in the buffer but not yet written.
struct Encoded {
    closed: Vec<Header>,
    /// What the sealer will need of the batches that are closed.
    sealable: Vec<SealBatch>,
    opened: Option<OpenBatch>,
    recorded: i64,
    events: u32,
}

impl Writer {
    /// Commits groups; refuses them with `NoSpace` when the disk is full. An error poisons the ledger.
    pub(super) fn commit_groups(&mut self, groups: Vec<Queued>) -> Result<(), LedgerError> {
        if self.below_reserve() {
            refuse(groups, &self.no_space());
            return Ok(());
        }
        let mut rest = groups;
        while !rest.is_empty() {
            let (now, later) = split_by_inputs(rest);
            rest = later;
            let full = self.close_is_due();
            let overflow = self.batch.as_ref().is_some_and(|batch| {
                now.iter().any(|queued| batch.inputs_overflow(&queued.group.inputs, limits::BATCH_INPUTS_MAX - 1))
            });
            let close = self.batch.is_some() && (full || overflow);
            let plan = Plan { close, open: close || self.batch.is_none(), close_new: false };
            self.commit(plan, now)?;
        }
        Ok(())
    }

    /// Closes the open batch with a commit of its own.
    pub(super) fn close_batch(&mut self) -> Result<(), LedgerError> {
        self.commit(Plan { close: true, open: false, close_new: false }, Vec::new())
    }

    /// Writes an empty batch, so that a reader sees that the ledger lives and how far it reaches.
    pub(super) fn heartbeat(&mut self) -> Result<(), LedgerError> {
        self.closed_at = Instant::now();
        self.commit(Plan { close: false, open: true, close_new: true }, Vec::new())?;
        self.idle_max = self.context.options.heartbeat;
        Ok(())
    }

    fn commit(&mut self, plan: Plan, groups: Vec<Queued>) -> Result<(), LedgerError> {
        let encoded = self.encode(plan, &groups)?;
        if let Err(error) = self.write() {
            let answer = self.refused_write(&error);
            refuse(groups, &answer);
            return Ok(());
        }
        self.refused.write = None;
        let path = &self.wal.file.path;
        let begun = self.syncer.begin(&self.wal.file.file);
        let absorbed = begun.map_err(LedgerError::io("sync", path)).and_then(|()| {
            let first = encoded.opened.is_some();
            self.absorb(encoded, &groups).map(|closed| (closed, first))
        });
        let synced = self.syncer.finish().map_err(LedgerError::io("sync", &self.wal.file.path));
        match synced.and(absorbed) {
            Ok((closed, first)) => {
                if first {
                    self.batch_since = Instant::now();
                }
                self.publish(groups, &closed);
                Ok(())
            }
            Err(error) => {
                refuse(groups, &AppendError::Poisoned { reason: error.to_string() });
                Err(error)
            }
        }
    }

    /// Remembers that the disk refused a write, and says what those are told whose groups it held.
    fn refused_write(&mut self, error: &io::Error) -> AppendError {
        let now = Instant::now();
        if self.refused.write.replace(now + self.context.options.retry_interval).is_none() {
            let path = self.wal.file.path.display();
            tracing::warn!(ledger = %self.context.table.ledger, %path, %error, "the disk refused a write");
        }
        if !is_no_space(error) {
            return AppendError::WriteRefused { reason: error.to_string() };
        }
        self.space_checked = Some(now);
        self.view.set_no_space(true);
        self.no_space()
    }

    /// Encodes the whole commit into the buffer and changes nothing else.
    fn encode(&mut self, plan: Plan, groups: &[Queued]) -> Result<Encoded, LedgerError> {
        self.buffer.clear();
        let seed = Seed::new(self.wal.file.header.number, self.wal.file.header.nonce, self.wal.commit);
        let recorded = self.clock.now();
        let mut chain = self.chain.clone();
        let (mut closed, mut sealable) = (Vec::new(), Vec::new());
        if plan.close
            && let Some(batch) = &mut self.batch
        {
            let header = close(&self.context, &mut self.buffer, seed, batch, chain.previous, recorded);
            sealable.push(SealBatch::new(header.clone(), batch));
            chain.push(&header).map_err(|what| LedgerError::corrupt(&self.wal.file.path, "chain", what))?;
            closed.push(header);
        }
        let mut opened = None;
        if plan.open {
            let open = Open {
                batch: chain.next_batch,
                first_seq: self.wal.next_seq,
                secrets: Secrets { facts: crate::identity::random()?, content: crate::identity::random()? },
                writer: self.process,
                epoch: self.epoch,
            };
            write_frame(&mut self.buffer, seed, FrameType::Open, |out| open.encode(out));
            let mut batch = OpenBatch::new(self.context.table, self.context.shard, open);
            if plan.close_new {
                let header = close(&self.context, &mut self.buffer, seed, &mut batch, chain.previous, recorded);
                sealable.push(SealBatch::new(header.clone(), &batch));
                closed.push(header);
            } else {
                opened = Some(batch);
            }
        }
        let events = self.encode_groups(seed, recorded, groups);
        let commit = Commit {
            number: self.wal.commit,
            epoch: self.epoch,
            durable_through: self.wal.commit.saturating_sub(1),
            next_seq: self.wal.next_seq + u64::from(events),
            count: events,
        };
        write_frame(&mut self.buffer, seed, FrameType::Commit, |out| commit.encode(out));
        Ok(Encoded { closed, sealable, opened, recorded, events })
    }

    /// Encodes groups and says how many entries they have.
    fn encode_groups(&mut self, seed: Seed, recorded: i64, groups: &[Queued]) -> u32 {
        let mut events = 0;
        for Queued { group, .. } in groups {
            if group.block.is_some() {
                let prefix = BlockFrame::prefix(self.wal.next_seq + u64::from(events), recorded);
                write_frame(&mut self.buffer, seed, FrameType::Block, |out| {
                    out.extend_from_slice(&prefix);
                    out.extend_from_slice(&group.bytes);
                });
                events += group.entries() as u32;
            }
            for input in &group.inputs {
                write_frame(&mut self.buffer, seed, FrameType::Input, |out| input.encode(out));
            }
        }
        events
    }

    /// Reserves space, then writes. On failure the file is cut back, so that a later commit starts where this one did.
    fn write(&mut self) -> io::Result<()> {
        let file = Arc::clone(&self.wal.file.file);
        let end = self.wal.offset + self.buffer.len() as u64;
        if end > self.allocated {
            let step = limits::WAL_ALLOCATE_BYTES.min(self.context.options.segment_wal_bytes_max);
            let mut target = end.next_multiple_of(step.max(1));
            let allocated = file.allocate(self.allocated, target - self.allocated).or_else(|_| {
                // There may be room for this commit where there is none for a whole step.
                target = end;
                file.allocate(self.allocated, target - self.allocated)
            });
            match allocated {
                Ok(()) => self.allocated = target,
                Err(error) if is_no_space(&error) => return Err(error),
                // What else keeps the system from reserving space need not keep it from writing.
                Err(error) => tracing::debug!(%error, "no space was reserved"),
            }
        }
        file.write_at(&self.buffer, self.wal.offset).inspect_err(|_| {
            // Until it is cut off, part of the commit may stand there; the next commit starts at the same place.
            self.torn = true;
            let _ = file.truncate(self.wal.offset);
            self.allocated = self.wal.offset;
        })
    }

    /// Takes the written commit into the batch, the chain and the hot tail. Runs while the disk syncs; nobody is kept waiting while it
    /// hashes.
    fn absorb(&mut self, encoded: Encoded, groups: &[Queued]) -> Result<Vec<Header>, LedgerError> {
        for header in &encoded.closed {
            self.chain.push(header).map_err(|what| LedgerError::corrupt(&self.wal.file.path, "chain", what))?;
        }
        self.closed.extend(encoded.sealable);
        if !encoded.closed.is_empty() {
            self.batch = None;
            (self.closed_at, self.idle_max) = (Instant::now(), limits::HEARTBEAT_FIRST);
        }
        if encoded.opened.is_some() {
            self.batch = encoded.opened;
        }
        let Some(batch) = &mut self.batch else {
            return Ok(encoded.closed);
        };
        let file = self.wal.file.header.number;
        let (mut seq, mut blocks) = (self.wal.next_seq, Vec::new());
        for Queued { group, .. } in groups {
            if let Some(block) = &group.block {
                batch.add_block(block, encoded.recorded, &group.digests);
                let at = (seq, encoded.recorded);
                let checks = Some(Arc::clone(&group.checks));
                let place = (self.context.shard, file);
                blocks.push(TailBlock::new(place, Arc::clone(block), at, batch.open(), checks));
                seq += block.len() as u64;
            }
            self.view.set_positions(&group.inputs);
            group.inputs.iter().for_each(|input| batch.add_input(input.clone()));
        }
        self.view.add(blocks);
        if self.wal.entries == 0 && encoded.events > 0 {
            self.file_since = Instant::now();
        }
        self.wal.entries += u64::from(encoded.events);
        Ok(encoded.closed)
    }

    /// Makes the synced commit visible, answers who waits, and signs if a batch was closed.
    fn publish(&mut self, groups: Vec<Queued>, closed: &[Header]) {
        let recorded = Timestamp::from_unix_micros(self.clock.last());
        let mut seq = self.wal.next_seq;
        self.wal.offset += self.buffer.len() as u64;
        self.wal.commit += 1;
        self.wal.next_seq += groups.iter().map(|queued| queued.group.entries() as u64).sum::<u64>();
        self.view.publish(Durable {
            next_seq: Seq::new(self.wal.next_seq),
            recorded_until: recorded,
            batches: self.chain.next_batch,
        });
        for Queued { group, reply, .. } in groups {
            let first = Position { ledger: self.context.table.ledger, shard: self.context.shard, seq: Seq::new(seq) };
            seq += group.entries() as u64;
            // A sender that no longer waits has nothing to be told.
            let _ = reply.send(Ok(Receipt { first, count: group.entries() as u32, recorded }));
        }
        if !closed.is_empty() {
            self.sign();
        }
    }

    fn below_reserve(&mut self) -> bool {
        if self.space_checked.is_some_and(|checked| checked.elapsed() < SPACE_CHECK_INTERVAL) {
            return self.view.no_space();
        }
        self.space_checked = Some(Instant::now());
        // A disk that cannot be asked shows its state at the next write.
        let available = self.context.disk.available(&self.context.directory).unwrap_or(u64::MAX);
        let below = available < self.context.options.reserve(self.context.table.ledger);
        self.view.set_no_space(below);
        below
    }

    fn no_space(&self) -> AppendError {
        AppendError::NoSpace { reserve_bytes: self.context.options.reserve(self.context.table.ledger) }
    }
}

/// Takes groups from the front as long as their inputs fit one batch.
fn split_by_inputs(groups: Vec<Queued>) -> (Vec<Queued>, Vec<Queued>) {
    let mut keys = std::collections::BTreeSet::new();
    let mut now = groups;
    let fits = now.iter().take_while(|queued| {
        keys.extend(queued.group.inputs.iter().map(|input| input.key.clone()));
        keys.len() < limits::BATCH_INPUTS_MAX
    });
    let count = fits.count().max(1);
    let later = now.split_off(count.min(now.len()));
    (now, later)
}

/// Writes the INPUT of the other ledger's checkpoint and the CLOSE frame of a batch.
fn close(
    context: &Arc<super::ShardContext>,
    buffer: &mut Vec<u8>,
    seed: Seed,
    batch: &mut OpenBatch,
    previous: proof::Digest,
    recorded: i64,
) -> Header {
    if let Some((size, root)) = context.peer_checkpoint.get() {
        let input = Input {
            key: peer_key(context.table.ledger.peer(), context.shard).into_bytes(),
            value: peer_value(size, &root),
        };
        write_frame(buffer, seed, FrameType::Input, |out| input.encode(out));
        batch.add_input(input);
    }
    let header = batch.header(previous, recorded);
    write_frame(buffer, seed, FrameType::Close, |out| out.extend_from_slice(&header.encode()));
    header
}

fn refuse(groups: Vec<Queued>, error: &AppendError) {
    for queued in groups {
        // A sender that no longer waits has nothing to be told.
        let _ = queued.reply.send(Err(error.clone()));
    }
}
