//! What is ordered of sinks while they run. Orders are obeyed one after the other by whoever runs the sinks, so none of them meets another
//! half-way. What outlives the process is on record before it is obeyed.

use std::sync::Arc;

use ledger::consumer::Monitor;
use ledger::{AppendError, LedgerError, Position};
use operations::kind::sink_order::{BackfillOrder, SinkOrder};
use operations::limits::{BACKFILLS_MAX, REASON_BYTES_MAX, SINKS_ORDERED_MAX};
use tokio::sync::{mpsc, oneshot};

use super::lane::Lane;
use super::{ExportError, Plant, Shown, Status};
use crate::backfill::Ranged;
use crate::config::{Config, SinkConfig};
use crate::receipts::Evidence;
use crate::status::now;

/// Orders to the sinks that run. Clones order the same ones.
#[derive(Clone)]
pub struct Controls {
    plant: Arc<Plant>,
    orders: mpsc::Sender<Order>,
    shown: Shown,
}

/// The sinks of a configuration that is not in effect yet. Nothing of it was read or sent.
pub struct Prepared {
    pub(super) lanes: Vec<Lane>,
}

/// A backfill that began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its name: the subject of its receipts.
    pub name: String,
    /// Its number.
    pub number: u64,
    /// Its first position,
    pub from: Position,
    /// and the one after its last.
    pub to: Position,
}

/// Why an order is not obeyed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no such sink.
    #[error("there is no sink {0}")]
    NoSink(String),
    /// It stands still, so it can send nothing.
    #[error("sink {0} is paused")]
    Paused(String),
    /// Only its configuration can let it go on.
    #[error("sink {0} is paused by its configuration: take `paused` out of it")]
    PausedByConfiguration(String),
    /// Only receivers of everything have a stream that could be sent again.
    #[error("{0} tells people of alerts: nobody wants to be told of old ones again")]
    NoStream(String),
    /// There is nothing to send, or the range is none.
    #[error("{0}")]
    BadRange(String),
    /// What is to be sent again was not sent.
    #[error(
        "from {0} on it was not sent as it came, so it cannot be sent again; a backfill sends it with numbers of its own"
    )]
    NotSent(Position),
    /// What is to be sent again cannot be said as it was.
    #[error(
        "from {0} on it was sent by other settings, so it cannot be sent again as it was; a backfill sends it with numbers of its own"
    )]
    OtherSettings(Position),
    /// As many backfills of the sink are open as there may be.
    #[error("sink {0} has {BACKFILLS_MAX} backfills that are not over; cancel one first")]
    TooManyBackfills(String),
    /// There is no such backfill, or it is over.
    #[error("no backfill {0} of it is under way")]
    NoBackfill(u64),
    /// The reason is too long.
    #[error("a reason has at most {REASON_BYTES_MAX} bytes")]
    LongReason,
    /// Orders stand about as many sinks as are remembered.
    #[error("{SINKS_ORDERED_MAX} sinks are paused; resume others first")]
    TooMany,
    /// The order cannot be recorded.
    #[error("the order cannot be recorded: {0}")]
    Append(#[from] AppendError),
    /// What was ordered before cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Nobody runs the sinks any more.
    #[error("export has ended")]
    Ended,
}

/// What is to be done, with the one who waits for it.
pub(super) enum Order {
    /// Put these in the place of those that run.
    Replace { prepared: Prepared, done: oneshot::Sender<()> },
    /// Say how a sink is configured.
    Configuration { sink: String, done: oneshot::Sender<Option<SinkConfig>> },
    /// Begin a backfill in the name of `actor`.
    Backfill { sink: String, actor: String, ranged: Ranged, done: oneshot::Sender<Result<Begun, ControlError>> },
    /// Do something with one sink in the name of `actor`.
    Sink { sink: String, actor: String, order: SinkOrder, done: oneshot::Sender<Result<(), ControlError>> },
}

impl Controls {
    pub(super) fn new(plant: &Arc<Plant>, shown: &Shown) -> (Self, mpsc::Receiver<Order>) {
        // Whoever orders waits for the answer, so there is never much in it.
        let (orders, receiver) = mpsc::channel(16);
        (Self { plant: Arc::clone(plant), orders, shown: shown.clone() }, receiver)
    }

    /// The status of every sink.
    pub fn status(&self) -> Status {
        Status(self.shown.clone())
    }

    /// How each worker stands as a consumer of its ledger, for health. A new configuration replaces some.
    pub fn monitors(&self) -> Vec<Monitor> {
        self.shown.monitors()
    }

    /// Orders something of a sink in the name of `actor`. Done when the order is on record; what is on its way when a sink is paused arrives
    /// first, as its status shows.
    pub async fn order(&self, sink: &str, actor: &str, order: SinkOrder) -> Result<(), ControlError> {
        let (done, answer) = oneshot::channel();
        let order = Order::Sink { sink: sink.to_owned(), actor: actor.to_owned(), order, done };
        self.orders.send(order).await.map_err(|_| ControlError::Ended)?;
        answer.await.unwrap_or(Err(ControlError::Ended))
    }

    /// Sends a range of a ledger to a sink beside what is new, in the name of `actor`. Done when the order is on record.
    pub async fn backfill(&self, sink: &str, actor: &str, order: BackfillOrder) -> Result<Begun, ControlError> {
        let (done, configuration) = oneshot::channel();
        let asked = Order::Configuration { sink: sink.to_owned(), done };
        self.orders.send(asked).await.map_err(|_| ControlError::Ended)?;
        let configuration = configuration.await.map_err(|_| ControlError::Ended)?;
        let configuration = configuration.ok_or_else(|| ControlError::NoSink(sink.to_owned()))?;
        if configuration.schema().is_none() {
            return Err(ControlError::NoStream(sink.to_owned()));
        }
        let plant = Arc::clone(&self.plant);
        // It reads receipts, and the records of one of them.
        let ranged = tokio::task::spawn_blocking(move || {
            let (events, operations) = (plant.events.reader(), plant.operations.reader());
            let evidence = Evidence {
                sink: &configuration,
                events: &events,
                operations: &operations,
                key: plant.key,
                until: now(),
            };
            crate::backfill::prepare(&evidence, &order)
        });
        // A panic in it was logged by the runtime.
        let ranged = ranged.await.map_err(|_| ControlError::Ended)??;
        let (done, answer) = oneshot::channel();
        let order = Order::Backfill { sink: sink.to_owned(), actor: actor.to_owned(), ranged, done };
        self.orders.send(order).await.map_err(|_| ControlError::Ended)?;
        answer.await.unwrap_or(Err(ControlError::Ended))
    }

    /// Prepares the sinks of another configuration. The error says what of it cannot be meant; nothing has changed then.
    pub fn prepare(&self, config: &Config) -> Result<Prepared, ExportError> {
        Ok(Prepared { lanes: self.plant.lanes(config)? })
    }

    /// Puts them in effect: those that are as before go on with what they are at, others end and start from their cursors.
    pub async fn replace(&self, prepared: Prepared) -> Result<(), ControlError> {
        let (done, answer) = oneshot::channel();
        self.orders.send(Order::Replace { prepared, done }).await.map_err(|_| ControlError::Ended)?;
        answer.await.map_err(|_| ControlError::Ended)
    }
}
