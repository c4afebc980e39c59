//! Which configuration is in effect: recorded at the start and at each change.

use ledger::Store;
use serde_json::json;

use crate::control::protocol::Operation;
use crate::exit::Failure;
use crate::settings::{Loaded, Settings};

/// The kind of a configuration's entries in `operations`.
const KIND: &str = "config";
/// The part of Tachograph that writes them.
const ACTOR: &str = "serve";

/// Records that `new` is in effect from now on, in place of `old`.
pub async fn record(store: &Store, old: Option<&Loaded>, new: &Loaded, needs_restart: &[&str]) -> Result<(), Failure> {
    let entry = Operation {
        kind: KIND.to_owned(),
        subject: new.path.display().to_string(),
        revision: None,
        from: old.map(|old| old.hash.clone()),
        to: Some(new.hash.clone()),
        record: json!({ "sha256": new.hash, "version": env!("CARGO_PKG_VERSION"), "needs_restart": needs_restart }),
    };
    store.operations().appender().append(entry.group(ACTOR)?).await?;
    Ok(())
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
