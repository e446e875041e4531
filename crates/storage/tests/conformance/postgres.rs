//! Opens empty databases on one real PostgreSQL server.

use std::sync::{Arc, LazyLock};

use nixa_credentials::Accounts;
use nixa_storage::{Grants, KeyStore, LogoutOutbox, People};
use nixa_storage_sql::{Location, PoolSettings, Role, SqlStore};
use test_servers::Postgres;

use crate::audit::{AuditStore, sealing};
use crate::clients::Registry;
use crate::signals::Both;
use crate::upkeep::Ending;

pub(crate) static SERVER: LazyLock<Postgres> = LazyLock::new(Postgres::start);

/// A store in a database of its own.
pub(crate) struct Opened<P: ?Sized>(Arc<P>);

impl<P: ?Sized> Opened<P> {
    pub(crate) fn port(&self) -> Arc<P> {
        Arc::clone(&self.0)
    }
}

pub(crate) async fn durable(role: Role) -> SqlStore {
    let location = Location::Postgres(SERVER.database());
    SqlStore::open(&location, PoolSettings::default(), role).await.unwrap()
}

pub(crate) async fn grants() -> Opened<dyn Grants> {
    Opened(Arc::new(durable(Role::Idp).await))
}

pub(crate) async fn outbox() -> Opened<dyn LogoutOutbox> {
    Opened(Arc::new(durable(Role::Broker).await))
}

pub(crate) async fn people() -> Opened<dyn People> {
    Opened(Arc::new(durable(Role::Broker).await))
}

pub(crate) async fn signals() -> Opened<dyn Both> {
    Opened(Arc::new(durable(Role::Broker).await))
}

pub(crate) async fn upkeep() -> Opened<dyn Ending> {
    Opened(Arc::new(durable(Role::Broker).await))
}

pub(crate) async fn clients() -> Opened<dyn Registry> {
    Opened(Arc::new(durable(Role::Broker).await))
}

pub(crate) async fn keys() -> Opened<dyn KeyStore> {
    Opened(Arc::new(durable(Role::Idp).await))
}

pub(crate) async fn audit() -> Opened<dyn AuditStore> {
    Opened(Arc::new(sealing(durable(Role::Broker).await)))
}

pub(crate) async fn accounts() -> Opened<dyn Accounts> {
    Opened(Arc::new(durable(Role::Idp).await))
}
