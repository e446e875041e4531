//! A server that is ready to be served, and the work that it does beside requests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use nixa_provider::{Interaction, Provider};
use nixa_storage::Metered;
use nixa_storage_sql::SqlStore;

use crate::audit::AuditUpkeep;
use crate::keys::KeyManager;

/// How often keys and the audit trail are looked after.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// A server that is ready to be served.
pub struct Server<I: Interaction> {
    /// All its routes, with the layers around them.
    pub router: Router,
    /// Its engine, for the background work.
    pub provider: Arc<Provider<I>>,
    /// The durable store, which commands use too.
    pub store: Arc<SqlStore>,
    /// The short-lived store, which counts its commands.
    pub short: Arc<Metered>,
    /// Makes, rotates and decrypts its keys and secrets.
    pub keys: KeyManager,
    /// Signs checkpoints of its audit trail and removes old records.
    pub audit_upkeep: AuditUpkeep,
    /// After how many days a signing key is replaced; by hand alone without it.
    pub rotate_days: Option<u32>,
}

impl<I: Interaction> Server<I> {
    /// Does what has to be done beside requests, until it is dropped: logout tokens, expired state, and keys
    /// that were rotated here or at another instance.
    pub async fn run_background(&self) {
        let upkeep = async {
            let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
            loop {
                ticks.tick().await;
                self.keep_up().await;
            }
        };
        tokio::join!(self.provider.run_background(), upkeep);
    }

    /// What fails here is tried again at the next tick; the server goes on with the keys that it has.
    async fn keep_up(&self) {
        if let Some(days) = self.rotate_days
            && let Err(error) = self.keys.rotate_on_schedule(days, self.provider.now()).await
        {
            tracing::error!(%error, "signing keys cannot be rotated");
        }
        match self.keys.signing_keys(self.provider.now()).await {
            Ok(keys) => self.provider.keys.replace(keys),
            Err(error) => tracing::error!(%error, "signing keys cannot be read"),
        }
        if let Err(error) = self.audit_upkeep.tick(self.provider.now()).await {
            tracing::error!(%error, "the audit trail cannot be kept");
        }
    }
}
