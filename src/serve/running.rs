//! What runs, as the API asks for it: how the process is, its sinks, and what is ordered of them.

use std::sync::Arc;

use api::ServerError;
use export::{ControlError, Controls};
use futures::future::BoxFuture;
use ledger::{LedgerError, Reader, Store};
use operations::access::Principal;
use operations::kind::sink_order::{BackfillOrder, SinkOrder};
use serde_json::{Value, json};

use super::Addresses;
use super::health::Health;
use super::verification::Verifications;
use crate::status::{Head, Status};

/// The server while it runs.
pub struct Running {
    /// Where it listens.
    addresses: Addresses,
    /// What is recorded: `events`, then `operations`.
    readers: [Reader; 2],
    /// How its parts are.
    health: Arc<Health>,
    /// The sinks that run.
    sinks: Controls,
    /// Who verifies the directory.
    verifications: Verifications,
}

impl Running {
    /// What runs over this store.
    pub fn of(
        store: &Store,
        addresses: Addresses,
        health: &Arc<Health>,
        sinks: &Controls,
        verifications: &Verifications,
    ) -> Arc<Self> {
        Arc::new(Self {
            addresses,
            readers: [store.events().reader(), store.operations().reader()],
            health: Arc::clone(health),
            sinks: sinks.clone(),
            verifications: verifications.clone(),
        })
    }
}

impl api::Server for Running {
    fn status(&self) -> Result<Value, ServerError> {
        let report = self.health.report();
        let heads = self.readers.iter().map(|reader| Ok((reader.table().ledger.to_string(), Head::of(reader)?)));
        let ledgers = heads.collect::<Result<_, LedgerError>>()?;
        Ok(serde_json::to_value(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            console: self.addresses.console.to_string(),
            tls: self.health.tls().shown().is_some(),
            ingest: self.addresses.ingest.to_string(),
            not_ready: report.not_ready,
            stopped: report.stopped.into_iter().map(|(part, reason)| (part.to_owned(), reason)).collect(),
            endpoints: report.endpoints,
            consumers: self.health.consumers().into_iter().map(Into::into).collect(),
            ledgers,
            verification: self.verification(),
        })?)
    }

    fn sinks(&self) -> Result<Vec<Value>, ServerError> {
        Ok(self.sinks.status().get().iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }

    fn verification(&self) -> Value {
        serde_json::to_value(self.verifications.summary()).unwrap_or_default()
    }

    fn integrity(&self) -> Result<Value, ServerError> {
        super::integrity::shown(&self.readers, &self.verifications)
    }

    fn verify(&self, by: &str) -> Result<Value, ServerError> {
        Ok(serde_json::to_value(self.verifications.ask(by))?)
    }

    fn order<'a>(
        &'a self,
        sink: &'a str,
        order: SinkOrder,
        principal: &'a Principal,
    ) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async move { self.sinks.order(sink, &principal.name, order).await.map_err(refusal) })
    }

    fn backfill<'a>(
        &'a self,
        sink: &'a str,
        order: BackfillOrder,
        principal: &'a Principal,
    ) -> BoxFuture<'a, Result<Value, ServerError>> {
        Box::pin(async move {
            let begun = self.sinks.backfill(sink, &principal.name, order).await.map_err(refusal)?;
            let (from, to) = (begun.from.to_string(), begun.to.to_string());
            Ok(json!({ "sink": sink, "name": begun.name, "number": begun.number, "from": from, "to": to }))
        })
    }
}

/// Why an order is not obeyed, as the API says it.
fn refusal(error: ControlError) -> ServerError {
    match error {
        ControlError::NoSink(sink) => ServerError::NoSink(sink),
        ControlError::NoBackfill(_) => ServerError::NoBackfill(error.to_string()),
        ControlError::Append(error) => ServerError::Append(error),
        ControlError::Ledger(error) => ServerError::Ledger(error),
        ControlError::LongReason | ControlError::BadRange(_) | ControlError::NoStream(_) => {
            ServerError::BadOrder(error.to_string())
        }
        error => ServerError::Refused(error.to_string()),
    }
}
