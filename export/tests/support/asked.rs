//! What a destination gives back when it is asked, compared with what the receipts of a sink say.

use export::SinkConfig;
use export::receipts::ask::ask;
use export::receipts::compare::{Comparison, Extent, compare};
use export::receipts::{Evidence, ReceiptsError};
use ledger::{Store, Timestamp};
use serde_json::Value;

/// Asks the destination of a sink, whose records were made with the key of tests.
pub fn asked(store: &Store, sink: &Value) -> Result<Comparison, ReceiptsError> {
    let sink = SinkConfig::from_settings(sink.as_object().unwrap().clone()).unwrap();
    let (events, operations) = (store.events().reader(), store.operations().reader());
    let evidence =
        Evidence { sink: &sink, events: &events, operations: &operations, key: [3; 32], until: Timestamp::MAX };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let copy = runtime.block_on(ask(&evidence))?;
    compare(&evidence, copy, Extent::Whole)
}
