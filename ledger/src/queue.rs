//! The bounded queue between appenders and the writer thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::appender::Receipt;
use crate::entry::{EncodedGroup, Group};
use crate::error::AppendError;
use crate::limits;

/// What a sender of a group waits for.
pub(crate) type Reply = oneshot::Sender<Result<Receipt, AppendError>>;

/// The other end of it.
pub(crate) type Receiver = oneshot::Receiver<Result<Receipt, AppendError>>;

/// A group that waits, with whom to answer.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) group: EncodedGroup,
    pub(crate) reply: Reply,
    /// Bytes that it takes of the queue.
    size: usize,
}

/// Whether the queue takes groups.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Open,
    Stopping,
    /// The writer took everything and is done.
    Finished,
    Poisoned(String),
}

#[derive(Debug)]
struct Inner {
    groups: VecDeque<Queued>,
    /// Bytes of groups that wait, and of those that are on their way into the queue.
    bytes: usize,
    /// Groups that are on their way: they are taken, and are being encoded.
    arriving: usize,
    state: State,
    /// Full WAL files that wait for the sealer. It is counted under this lock, so that a file that is sealed while the
    /// next one is handed over cannot leave the queue closed.
    unsealed: usize,
    /// The sealer has no space to make of them what takes less: how much it leaves free.
    sealing_needs_space: Option<u64>,
}

impl Inner {
    /// What the sealer leaves free, if it is the disk that keeps so many files waiting that nothing more is taken.
    fn needs_space(&self) -> Option<u64> {
        self.sealing_needs_space.filter(|_| self.unsealed >= limits::UNSEALED_FILES_MAX)
    }
}

/// The queue. The mutex is a blocking one because it is held for a few instructions only and the writer is a thread.
#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    work: Condvar,
    space: Notify,
}

/// What the writer is woken for.
#[derive(Debug)]
pub(crate) enum Work {
    /// Groups to commit, in order.
    Groups(Vec<Queued>),
    /// The deadline passed without a group.
    Deadline,
    /// Stop after what was taken before; the queue is empty.
    Stop,
}

impl Queue {
    pub(crate) fn new() -> Self {
        let inner = Inner {
            groups: VecDeque::new(),
            bytes: 0,
            arriving: 0,
            state: State::Open,
            unsealed: 0,
            sealing_needs_space: None,
        };
        Self { inner: Mutex::new(inner), work: Condvar::new(), space: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held cannot leave the queue half changed: every change is a few plain stores.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a group or hands it back with the reason.
    pub(crate) fn push(&self, group: Group) -> Result<Receiver, (Group, AppendError)> {
        self.take_in(group, false)
    }

    /// Takes a group of a sealer, however full the queue is: only a sealer makes space where full files wait, so one that
    /// waited for space would wait for itself. It has one small group on its way at a time.
    pub(crate) fn push_of_sealer(&self, group: Group) -> Result<Receiver, (Group, AppendError)> {
        self.take_in(group, true)
    }

    fn take_in(&self, group: Group, of_sealer: bool) -> Result<Receiver, (Group, AppendError)> {
        if let Err(error) = check(&group) {
            return Err((group, error));
        }
        let size = group.size();
        if let Err(error) = self.reserve(size, of_sealer) {
            return Err((group, error));
        }
        // Compressing takes time: it is done without the lock, on the thread of the source.
        let group = group.encode();
        let (reply, receiver) = oneshot::channel();
        let mut inner = self.lock();
        // Its place was taken before a stop; only a writer that failed refuses it now.
        if let State::Poisoned(reason) = &inner.state {
            let _ = reply.send(Err(AppendError::Poisoned { reason: reason.clone() }));
        } else {
            inner.groups.push_back(Queued { group, reply, size });
        }
        inner.arriving -= 1;
        drop(inner);
        self.work.notify_one();
        Ok(receiver)
    }

    /// Takes a place for a group of this size.
    fn reserve(&self, size: usize, of_sealer: bool) -> Result<(), AppendError> {
        let mut inner = self.lock();
        // An empty queue takes any group, so that a large one is not refused for ever.
        let has_space = inner.unsealed < limits::UNSEALED_FILES_MAX
            && (inner.bytes == 0 || inner.bytes + size <= limits::QUEUE_BYTES_MAX);
        match &inner.state {
            State::Stopping | State::Finished => Err(AppendError::Stopped),
            State::Poisoned(reason) => Err(AppendError::Poisoned { reason: reason.clone() }),
            State::Open if has_space || of_sealer => {
                inner.bytes += size;
                inner.arriving += 1;
                Ok(())
            }
            State::Open => Err(match inner.needs_space() {
                Some(reserve_bytes) => AppendError::NoSpace { reserve_bytes },
                None => AppendError::Full { retry_after: Duration::from_millis(100) },
            }),
        }
    }

    /// Resolves when there may be space, or another answer. Make the future before the push that fails, or a wake-up can be missed.
    pub(crate) fn space(&self) -> tokio::sync::futures::Notified<'_> {
        self.space.notified()
    }

    /// Waits for groups until `deadline` and takes at most `bytes` and `entries` of them, but at least one group.
    pub(crate) fn take(&self, deadline: Instant, bytes: usize, entries: usize) -> Work {
        let mut inner = self.lock();
        loop {
            if !inner.groups.is_empty() {
                break;
            }
            // What was taken before a stop still comes.
            if inner.state != State::Open && inner.arriving == 0 {
                return Work::Stop;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Work::Deadline;
            }
            inner = self.work.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (mut taken, mut taken_bytes, mut taken_entries) = (Vec::new(), 0, 0);
        while let Some(next) = inner.groups.front() {
            let (size, count) = (next.size, next.group.entries());
            if !taken.is_empty() && (taken_bytes + size > bytes || taken_entries + count > entries) {
                break;
            }
            taken_bytes += size;
            taken_entries += count;
            taken.extend(inner.groups.pop_front());
        }
        inner.bytes = inner.bytes.saturating_sub(taken_bytes);
        drop(inner);
        self.space.notify_waiters();
        Work::Groups(taken)
    }

    /// Whether groups wait.
    pub(crate) fn has_groups(&self) -> bool {
        !self.lock().groups.is_empty()
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Counts a WAL file that waits for the sealer. While too many do, groups are answered `Full`: what cannot be sealed
    /// must not be taken.
    pub(crate) fn add_unsealed(&self) {
        self.lock().unsealed += 1;
    }

    /// Counts a WAL file that was sealed.
    pub(crate) fn remove_unsealed(&self) {
        let mut inner = self.lock();
        inner.unsealed = inner.unsealed.saturating_sub(1);
        drop(inner);
        self.space.notify_waiters();
    }

    /// Says that full files wait because the disk has no space for their segments, or that it has some again.
    pub(crate) fn set_sealing_needs_space(&self, reserve_bytes: Option<u64>) {
        self.lock().sealing_needs_space = reserve_bytes;
        // Whoever waits for the sealer is told that it waits for the disk.
        self.space.notify_waiters();
    }

    /// Whether groups are refused because the disk has no space to seal full files.
    pub(crate) fn needs_space(&self) -> bool {
        self.lock().needs_space().is_some()
    }

    /// WAL files that wait for the sealer.
    pub(crate) fn unsealed(&self) -> usize {
        self.lock().unsealed
    }

    /// Takes no more groups; the writer finishes those that wait.
    pub(crate) fn stop(&self) {
        let mut inner = self.lock();
        if inner.state == State::Open {
            inner.state = State::Stopping;
        }
        drop(inner);
        self.work.notify_all();
        self.space.notify_waiters();
    }

    /// Refuses everything from now on, what waits included.
    pub(crate) fn poison(&self, reason: &str) {
        let mut inner = self.lock();
        inner.state = State::Poisoned(reason.to_owned());
        inner.bytes = 0;
        let waiting = std::mem::take(&mut inner.groups);
        drop(inner);
        for queued in waiting {
            // A sender that no longer waits has nothing to be told.
            let _ = queued.reply.send(Err(AppendError::Poisoned { reason: reason.to_owned() }));
        }
        self.work.notify_all();
        self.space.notify_waiters();
    }

    /// Whether it takes no more groups for ever.
    pub(crate) fn stopped(&self) -> bool {
        self.lock().state != State::Open
    }

    /// The writer has closed and signed everything: nothing comes behind it.
    pub(crate) fn finish(&self) {
        let mut inner = self.lock();
        if inner.state == State::Stopping {
            inner.state = State::Finished;
        }
    }

    /// Whether the writer has closed and signed everything.
    pub(crate) fn finished(&self) -> bool {
        self.lock().state == State::Finished
    }

    /// Why the queue is poisoned, if it is.
    pub(crate) fn poisoned(&self) -> Option<String> {
        match &self.lock().state {
            State::Poisoned(reason) => Some(reason.clone()),
            State::Open | State::Stopping | State::Finished => None,
        }
    }
}

fn check(group: &Group) -> Result<(), AppendError> {
    let long = |input: &proof::inputs::Input| {
        input.key.len() > limits::INPUT_BYTES_MAX || input.value.len() > limits::INPUT_BYTES_MAX
    };
    if group.is_empty() {
        return Err(AppendError::InvalidGroup("it is empty"));
    }
    if group.entries() > limits::GROUP_ENTRIES_MAX {
        return Err(AppendError::InvalidGroup("it has too many entries"));
    }
    if group.part_bytes() > limits::GROUP_PART_BYTES_MAX {
        return Err(AppendError::InvalidGroup("it has too many bytes"));
    }
    if group.inputs.len() > limits::GROUP_INPUTS_MAX {
        return Err(AppendError::InvalidGroup("it has too many inputs"));
    }
    if group.inputs.iter().any(long) {
        return Err(AppendError::InvalidGroup("a key or value of an input is too long"));
    }
    Ok(())
}
