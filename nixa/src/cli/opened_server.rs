//! A server as its operator's commands see it: its configuration and its store.

use std::sync::Arc;

use nixa::compose::{StartError, key_manager, open_store};
use nixa::config::Config;
use nixa::environment::Environment;
use nixa::keys::KeyManager;
use nixa_audit::{AdministrationEvent, AuditEvent};
use nixa_protocol::Timestamp;
use nixa_storage_sql::SqlStore;

use super::failure::Failure;

pub(crate) struct OpenedServer {
    pub(crate) config: Config,
    pub(crate) environment: Environment,
    pub(crate) store: Arc<SqlStore>,
}

impl OpenedServer {
    pub(crate) async fn open(config: Config) -> Result<Self, Failure> {
        let environment = Environment::of_system(&config.server.outbound)?;
        let store = open_store(&config, &environment).await?;
        Ok(Self { config, environment, store })
    }

    pub(crate) fn keys(&self) -> Result<KeyManager, StartError> {
        key_manager(&self.config, &self.environment, self.store.clone())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }
}

/// The audit record of what an administrator did.
pub(crate) fn administration(act: AdministrationEvent) -> AuditEvent {
    AuditEvent::Administration { act, by: account() }
}

/// The account of the machine under which an administrator works, for the record of what was done.
pub(crate) fn account() -> String {
    std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default()
}
