//! Which configuration is in effect: recorded at the start and at each change.

use ledger::{AppendError, Appender, Store};
use serde_json::json;

use crate::control::protocol::Operation;
use crate::limits;
use crate::settings::{Loaded, Settings};

/// The kind of a configuration's entries in `operations`.
const KIND: &str = "config";
/// The part of Tachograph that writes them.
const ACTOR: &str = "serve";

/// Records that `new` is in effect from now on, in place of `old`.
pub async fn record(
    store: &Store,
    old: Option<&Loaded>,
    new: &Loaded,
    needs_restart: &[&str],
) -> Result<(), AppendError> {
    append(&store.operations().appender(), &entry(old, new, needs_restart)).await
}

/// Records with which configuration the server starts. On a full disk it starts all the same, because questions and forwarding
/// need no space, and the entry follows when there is some.
pub async fn record_start(store: &Store, loaded: &Loaded) -> Result<(), AppendError> {
    let (appender, entry) = (store.operations().appender(), entry(None, loaded, &[]));
    match append(&appender, &entry).await {
        Err(AppendError::NoSpace { .. }) => {
            tracing::warn!(
                "the disk is full: events are refused, and the configuration is recorded once there is space"
            );
            tokio::spawn(async move {
                loop {
                    match append(&appender, &entry).await {
                        Err(AppendError::NoSpace { .. }) => tokio::time::sleep(limits::SPACE_RETRY).await,
                        // It never had space, and the next start records its own configuration.
                        Ok(()) | Err(AppendError::Stopped) => break,
                        Err(error) => break tracing::error!(%error, "the configuration of this start is not on record"),
                    }
                }
            });
            Ok(())
        }
        result => result,
    }
}

fn entry(old: Option<&Loaded>, new: &Loaded, needs_restart: &[&str]) -> Operation {
    Operation {
        kind: KIND.to_owned(),
        subject: new.path.display().to_string(),
        revision: None,
        from: old.map(|old| old.hash.clone()),
        to: Some(new.hash.clone()),
        record: json!({ "sha256": new.hash, "version": env!("CARGO_PKG_VERSION"), "needs_restart": needs_restart }),
    }
}

async fn append(appender: &Appender, entry: &Operation) -> Result<(), AppendError> {
    appender.append(entry.group(ACTOR)?).await.map(|_| ())
}

/// The tables that differ and are read at the start only.
pub fn needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let differs = [
        ("store", old.store != new.store),
        ("listen", old.listen != new.listen),
        ("query", old.query != new.query),
        ("collector", old.collectors != new.collectors),
        ("ingest.prices", old.ingest.prices != new.ingest.prices),
    ];
    differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_waits_for_a_restart_is_named() {
        let mut new = Settings::default();
        assert_eq!(needs_restart(&Settings::default(), &new), [""; 0]);
        new.store.data = "elsewhere".into();
        new.ingest.names = Some("names.toml".into());
        assert_eq!(needs_restart(&Settings::default(), &new), ["store"]);
    }
}
