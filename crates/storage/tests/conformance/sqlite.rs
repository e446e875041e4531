//! Opens empty SQLite stores, each in a folder of its own.

use std::sync::Arc;

use nixa_credentials::Accounts;
use nixa_storage::{Grants, KeyStore, LogoutOutbox, People, ShortLived};
use nixa_storage_sql::{Location, PoolSettings, Role, SqlStore, SqliteShortLived};
use tempfile::TempDir;

use crate::audit::{AuditStore, sealing};
use crate::clients::Registry;
use crate::signals::Both;
use crate::upkeep::Ending;

/// A store and the folder that goes away with it.
pub(crate) struct Opened<P: ?Sized> {
    port: Arc<P>,
    _folder: TempDir,
}

impl<P: ?Sized> Opened<P> {
    pub(crate) fn port(&self) -> Arc<P> {
        Arc::clone(&self.port)
    }
}

pub(crate) use short_lived as entries;

pub(crate) async fn short_lived() -> Opened<dyn ShortLived> {
    let folder = TempDir::new().unwrap();
    let store = SqliteShortLived::open(&folder.path().join("short-lived.db")).await.unwrap();
    Opened { port: Arc::new(store), _folder: folder }
}

pub(crate) async fn grants() -> Opened<dyn Grants> {
    let (store, folder) = durable(Role::Idp).await;
    Opened { port: Arc::new(store), _folder: folder }
}

pub(crate) async fn outbox() -> Opened<dyn LogoutOutbox> {
    let (store, folder) = durable(Role::Broker).await;
    Opened { port: Arc::new(store), _folder: folder }
}

pub(crate) async fn people() -> Opened<dyn People> {
    let (store, folder) = durable(Role::Broker).await;
    Opened { port: Arc::new(store), _folder: folder }
}

pub(crate) async fn signals() -> Opened<dyn Both> {
    let (store, folder) = durable(Role::Broker).await;
    Opened { port: Arc::new(store), _folder: folder }
}

pub(crate) async fn upkeep() -> Opened<dyn Ending> {
    let (store, folder) = durable(Role::Broker).await;
    Opened { port: Arc::new(store), _folder: folder }
}

pub(crate) async fn clients() -> Opened<dyn Registry> {
    let (store, folder) = durable(Role::Broker).await;
    Opened { port: Arc::new(store), _folder: folder }
}

pub(crate) async fn keys() -> Opened<dyn KeyStore> {
    let (store, folder) = durable(Role::Idp).await;
    Opened { port: Arc::new(store), _folder: folder }
}

pub(crate) async fn audit() -> Opened<dyn AuditStore> {
    let (store, folder) = durable(Role::Broker).await;
    Opened { port: Arc::new(sealing(store)), _folder: folder }
}

pub(crate) async fn accounts() -> Opened<dyn Accounts> {
    let (store, folder) = durable(Role::Idp).await;
    Opened { port: Arc::new(store), _folder: folder }
}

async fn durable(role: Role) -> (SqlStore, TempDir) {
    let folder = TempDir::new().unwrap();
    let store =
        SqlStore::open(&Location::File(folder.path().join("durable.db")), PoolSettings::default(), role).await.unwrap();
    (store, folder)
}
