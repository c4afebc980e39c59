//! One membership in the group, from joining it to leaving it: polls, takes records, answers rebalances, tells how it stands.
//!
//! A membership that met an error it cannot mend ends, and the next one begins from what the ledger says. Everything happens on one
//! thread, so what the library says of positions is true between two polls.

mod partitions;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use operations::standing::State;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::time::sleep;

use super::Reader;
use super::context::{Context, Rebalance, list};
use super::place::Notice;
use super::source::{Source, Took, told};
use super::trouble::{Remedy, remedy};
use crate::health::Trouble;
use crate::limits;
use crate::pipeline::PipelineError;

/// Partitions that are named in what is told.
const PLACES_MAX: usize = 4;

/// Why a membership ended.
pub(super) enum Ended {
    /// Intake stops.
    Stopping,
    /// This has to be mended, or waited for, first.
    Trouble(Trouble),
}

impl From<PipelineError> for Ended {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Stopping => Self::Stopping,
            error => Self::Trouble((State::Refused, error.to_string())),
        }
    }
}

/// The way to the brokers, which must be polled all the time: who is silent for long is thrown out of the group.
struct Line {
    consumer: Arc<BaseConsumer<Context>>,
    /// Records that came while the ledger was waited for. There are few, since the partitions are paused then.
    held: VecDeque<OwnedMessage>,
    is_paused: bool,
}

impl Line {
    /// Waits for the ledger. The partitions are paused if that takes long, and the group is told all the time that we live.
    async fn wait<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                output = &mut work => return output,
                () = sleep(limits::KAFKA_ALIVE_EVERY) => self.keep_alive(),
            }
        }
    }

    fn keep_alive(&mut self) {
        if !self.is_paused {
            self.is_paused = true;
            let paused = self.consumer.assignment().and_then(|list| self.consumer.pause(&list));
            paused.unwrap_or_else(|error| tracing::debug!(%error, "partitions are not paused"));
        }
        // An error comes again, or is told by what follows from it.
        if let Some(Ok(message)) = self.consumer.poll(Duration::ZERO) {
            self.held.push_back(message.detach());
        }
    }

    fn resume(&mut self) {
        if std::mem::take(&mut self.is_paused) {
            let resumed = self.consumer.assignment().and_then(|list| self.consumer.resume(&list));
            resumed.unwrap_or_else(|error| tracing::debug!(%error, "partitions are not resumed"));
        }
    }
}

/// What is done now and then.
struct Due {
    look: Instant,
    topics: Option<Instant>,
    commit: Instant,
    append: Instant,
}

/// One membership.
pub(super) struct Session<'a> {
    reader: &'a mut Reader,
    line: Line,
    sources: Vec<Source>,
    /// The source of the last record.
    at: usize,
    /// Partitions that are ours and could not be taken up yet.
    pending: Option<partitions::Pending>,
    cluster: Option<String>,
    /// What the library told of brokers,
    trouble: Option<Trouble>,
    /// and when it told so last.
    told: Instant,
    missing: Vec<String>,
    due: Due,
}

impl<'a> Session<'a> {
    /// Joins the group. `before` is what ended the membership before, until something shows that it is over.
    pub fn join(reader: &'a mut Reader, before: Option<Trouble>) -> Result<Self, Ended> {
        let parked = |message: String| Ended::Trouble((State::Parked, message));
        let name = reader.channel.name().to_owned();
        let config = reader.settings.client(&name).map_err(parked)?;
        let consumer: BaseConsumer<Context> =
            config.create_with_context(Context::new(&name)).map_err(|error| parked(error.to_string()))?;
        let topics: Vec<&str> = reader.settings.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(|error| parked(error.to_string()))?;
        let now = Instant::now();
        Ok(Self {
            reader,
            line: Line { consumer: Arc::new(consumer), held: VecDeque::new(), is_paused: false },
            sources: Vec::new(),
            at: 0,
            pending: None,
            cluster: None,
            trouble: before,
            told: now,
            missing: Vec::new(),
            due: Due { look: now, topics: None, commit: now, append: now },
        })
    }

    /// Reads until intake stops or something has to be mended; then leaves the group. Says whether anything was assigned.
    pub async fn run(mut self) -> (Ended, bool) {
        let ended = loop {
            if self.reader.stop.is_cancelled() {
                break Ended::Stopping;
            }
            if let Err(ended) = self.step().await {
                break ended;
            }
        };
        let had_partitions = !self.sources.is_empty();
        self.leave().await;
        (ended, had_partitions)
    }

    async fn step(&mut self) -> Result<(), Ended> {
        if let Some(message) = self.line.held.pop_front() {
            return self.take(&message).await;
        }
        self.line.resume();
        self.answer().await?;
        let polled = self.poll().await?;
        let is_late = self.due.append.elapsed() >= limits::KAFKA_APPEND_EVERY;
        if !polled || is_late {
            self.flush().await?;
        }
        self.look()
    }

    /// Polls once; says whether a record came.
    async fn poll(&mut self) -> Result<bool, Ended> {
        let consumer = Arc::clone(&self.line.consumer);
        let message = match consumer.poll(limits::QUIET) {
            None => return Ok(false),
            Some(Ok(message)) => message,
            Some(Err(error)) => return self.failed(&error).map(|()| true),
        };
        self.take(&message).await?;
        Ok(true)
    }

    async fn take<M: Message>(&mut self, message: &M) -> Result<(), Ended> {
        let is_of =
            |source: &Source| source.partition().1 == message.partition() && source.partition().0 == message.topic();
        if !self.sources.get(self.at).is_some_and(is_of) {
            // What comes of a partition that is ours no more is read by whoever has it.
            let Some(at) = self.sources.iter().position(is_of) else { return Ok(()) };
            self.at = at;
        }
        let source = &mut self.sources[self.at];
        if let Took::Anew = self.line.wait(source.take(message)).await? {
            let next = u64::try_from(message.offset()).unwrap_or_default().saturating_add(1);
            let message = told(source.partition(), Notice::Anew { next });
            self.reader.anew.insert(source.key().to_owned());
            self.reader.note(message.clone());
            return Err(Ended::Trouble((State::PassedOver, message)));
        }
        Ok(())
    }

    fn failed(&mut self, error: &KafkaError) -> Result<(), Ended> {
        let reason = self.line.consumer.client().context().reason();
        match remedy(error, &reason) {
            Remedy::LookForTopics => self.due.topics = Some(Instant::now()),
            Remedy::JoinAnew(trouble) => return Err(Ended::Trouble(trouble)),
            // That nobody can be reached follows from what has to be mended.
            Remedy::Tell((State::Blocked, _)) if matches!(self.trouble, Some((State::Parked, _))) => {}
            Remedy::Tell(trouble) => self.worry(trouble),
            Remedy::Conclude(trouble) if self.trouble.is_none() => self.worry(trouble),
            Remedy::Conclude(_) | Remedy::Ignore => {}
            Remedy::Stuck(told) => self.worry(self.stuck(told)),
        }
        Ok(())
    }

    fn worry(&mut self, trouble: Trouble) {
        self.told = Instant::now();
        self.trouble = Some(trouble);
    }

    /// What is told of records that cannot be read. The library does not say where they are, but those that go on are soon at their end.
    fn stuck(&self, told: String) -> Trouble {
        let places: Vec<String> = self.sources.iter().filter_map(Source::behind).take(PLACES_MAX).collect();
        if places.is_empty() {
            return (State::Blocked, told);
        }
        let message = format!(
            "a batch of records cannot be unpacked, since it is broken or has more than {} MiB, and nothing after it is read ({}); \
             delete it in Kafka with `kafka-delete-records`, which is recorded as a loss: {told}",
            limits::KAFKA_RECEIVE_BYTES_MAX >> 20,
            places.join(", ")
        );
        (State::Parked, message)
    }

    /// Makes durable what was taken.
    async fn flush(&mut self) -> Result<(), Ended> {
        for source in self.sources.iter_mut().filter(|source| source.is_dirty) {
            self.line.wait(source.append()).await?;
        }
        for source in self.sources.iter_mut().filter(|source| source.is_dirty) {
            self.line.wait(source.finish()).await?;
        }
        self.due.append = Instant::now();
        Ok(())
    }

    /// Looks where everything stands, if it is time.
    fn look(&mut self) -> Result<(), Ended> {
        let now = Instant::now();
        if now < self.due.look || !self.line.held.is_empty() {
            return Ok(());
        }
        self.due.look = now + limits::KAFKA_LOOK_EVERY;
        // The library passes over records of the broker's own and of aborted transactions, and only here says so.
        let positions = self.line.consumer.position().map_err(|error| blocked(&error))?;
        for element in positions.elements() {
            let source = self
                .sources
                .iter_mut()
                .find(|source| source.partition().1 == element.partition() && source.partition().0 == element.topic());
            if let (Some(source), Offset::Offset(offset)) = (source, element.offset()) {
                source.pass(u64::try_from(offset).unwrap_or_default());
            }
        }
        if let Some(numbers) = self.line.consumer.client().context().take_numbers() {
            for source in &mut self.sources {
                let end = numbers.ends.get(source.partition()).copied();
                source.show(end);
            }
            // Who is connected is no more blocked; what keeps it from reading all the same is told again as long as it does.
            let is_over = match &self.trouble {
                Some((State::Blocked, _)) => true,
                _ => self.told.elapsed() >= limits::KAFKA_TOLD_AGAIN,
            };
            if numbers.is_connected && is_over {
                self.trouble = None;
            }
        }
        if now >= self.due.commit {
            self.due.commit = now + limits::KAFKA_COMMIT_EVERY;
            self.commit();
        }
        if self.due.topics.is_some_and(|at| now >= at) {
            self.look_for_topics();
        }
        self.tell();
        Ok(())
    }

    /// Tells the group how far it is, for tools that show its lag; nobody here ever asks for it.
    fn commit(&mut self) {
        let mut list = TopicPartitionList::new();
        for source in &mut self.sources {
            if let Some(offset) = source.uncommitted().and_then(|offset| i64::try_from(offset).ok()) {
                let (topic, number) = source.partition();
                // An offset that is a number is always taken.
                let _ = list.add_partition_offset(topic, *number, Offset::Offset(offset));
            }
        }
        if list.count() > 0 {
            let committed = self.line.consumer.commit(&list, CommitMode::Async);
            committed.unwrap_or_else(|error| tracing::debug!(%error, "offsets are not committed back now"));
        }
    }

    fn look_for_topics(&mut self) {
        self.missing.clear();
        for topic in &self.reader.settings.topics {
            let metadata = self.line.consumer.fetch_metadata(Some(topic), limits::KAFKA_ANSWER);
            // A broker that does not answer is told of elsewhere.
            let Ok(metadata) = metadata else { continue };
            let is_there = metadata.topics().iter().any(|of| of.name() == topic && !of.partitions().is_empty());
            if !is_there {
                self.missing.push(topic.clone());
            }
        }
        self.due.topics = (!self.missing.is_empty()).then(|| Instant::now() + limits::KAFKA_TOPICS_EVERY);
    }

    fn tell(&mut self) {
        let missing = || {
            let topics = self.missing.join(", ");
            (!self.missing.is_empty()).then(|| (State::Missing, format!("the brokers know no topic {topics}")))
        };
        let trouble = self.trouble.clone().or_else(missing).or_else(|| self.reader.notice());
        self.reader.channel.set_trouble(trouble);
    }

    /// Leaves the group. What was taken becomes durable, unless the ledger refuses it; nothing is on its way afterwards.
    async fn leave(mut self) {
        for source in &mut self.sources {
            if self.line.wait(source.give_up()).await.is_err() {
                tracing::debug!(key = source.key(), "what was read last is read again from where the ledger says");
            }
        }
        self.commit();
        let context = Arc::clone(self.line.consumer.client().context());
        context.close();
        // The library waits for an answer to each change before it leaves.
        let mut changes: Vec<Rebalance> = std::iter::from_fn(|| context.next()).collect();
        changes.extend(self.pending.take().map(|_| Rebalance::Assign(Vec::new())));
        for change in changes {
            let answered = match change {
                Rebalance::Assign(_) => super::context::assign(&self.line.consumer, &TopicPartitionList::new()),
                Rebalance::Revoke(partitions) => super::context::unassign(&self.line.consumer, &list(&partitions)),
            };
            answered.unwrap_or_else(|error| tracing::debug!(%error, "a change is not answered"));
        }
    }
}

fn blocked(error: &KafkaError) -> Ended {
    Ended::Trouble((State::Blocked, error.to_string()))
}
