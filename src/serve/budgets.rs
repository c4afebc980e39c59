//! The budgets of the configuration, set in the ledger when they differ from what stands there.

use std::sync::Arc;

use ledger::AppendError;
use ledger::budget::{Desk, DeskError};

use crate::exit::Failure;
use crate::limits;
use crate::settings::Settings;

/// The part of Tachograph that sets them.
const ACTOR: &str = "serve";

/// Sets the budgets of a configuration and closes all others. On a full disk those that stand there go on, and the change
/// follows when there is space.
pub async fn set(desk: &Arc<Desk>, settings: &Settings) -> Result<(), Failure> {
    match configure(desk, settings).await? {
        Err(DeskError::Append(AppendError::NoSpace { .. })) => {
            tracing::warn!("the disk is full: the budgets stay as they were and are set once there is space");
            let (desk, settings) = (Arc::clone(desk), settings.clone());
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(limits::SPACE_RETRY).await;
                    match configure(&desk, &settings).await {
                        Ok(Err(DeskError::Append(AppendError::NoSpace { .. }))) => {}
                        // It never had space, and the next start sets them.
                        Ok(Ok(_) | Err(DeskError::Append(AppendError::Stopped))) => break,
                        Ok(Err(error)) => break tracing::error!(%error, "the budgets are not set"),
                        Err(failure) => break tracing::error!(reason = failure.message(), "the budgets are not set"),
                    }
                }
            });
            Ok(())
        }
        Ok(0) => Ok(()),
        Ok(changes) => {
            tracing::info!(changes, "budgets were set");
            Ok(())
        }
        Err(error) => Err(anyhow::Error::from(error).context("the budgets could not be set").into()),
    }
}

async fn configure(desk: &Arc<Desk>, settings: &Settings) -> Result<Result<usize, DeskError>, Failure> {
    let wanted = settings.budget_sets().map_err(Failure::config)?;
    let desk = Arc::clone(desk);
    // It reads the ledger and waits for an fsync, which blocks.
    Ok(tokio::task::spawn_blocking(move || desk.configure(&wanted, ACTOR)).await?)
}
