//! Opens the stores that a configuration names.

use std::sync::Arc;

use nixa_audit::{month_after, month_of};
use nixa_storage::{Audit as _, ShortLived, StorageError};
use nixa_storage_redis::{RedisOptions, RedisShortLived};
use nixa_storage_sql::{SqlStore, SqliteShortLived};

use super::error::StartError;
use crate::config::Config;
use crate::environment::Environment;
use crate::keys::KeyError;
use crate::private_file::create_private_folder;

/// The durable store of a server, with its schema brought up to date.
pub async fn open_store(config: &Config, environment: &Environment) -> Result<Arc<SqlStore>, StartError> {
    let (location, limits) = config.server.durable();
    create_private_folder(&config.server.data_dir).map_err(KeyError::from)?;
    let failed = |error: StorageError| StartError::durable(config, &error);
    let store = SqlStore::open(&location, limits, config.role()).await.map_err(failed)?;
    // Before anything is recorded in it.
    let month = month_of(environment.clock.now());
    for month in [month, month_after(month)] {
        store.make_partition(month).await.map_err(failed)?;
    }
    let master = config.server.master_key(&*environment.entropy)?;
    Ok(Arc::new(store.with_audit_key(master, environment.entropy.clone())))
}

/// The durable store of a server as it is, without bringing its schema up to date.
pub async fn connect_store(config: &Config) -> Result<SqlStore, StartError> {
    let (location, limits) = config.server.durable();
    create_private_folder(&config.server.data_dir).map_err(KeyError::from)?;
    SqlStore::connect(&location, limits, config.role()).await.map_err(|error| StartError::durable(config, &error))
}

/// The short-lived store: in a Redis that the instances share, or in a file of this one.
pub(super) async fn open_short_lived(config: &Config) -> Result<Arc<dyn ShortLived>, StartError> {
    let settings = &config.server.store;
    if let Some(url) = settings.shared_short_lived() {
        let options = RedisOptions { timeout: settings.patience(), ..RedisOptions::new(&settings.namespace) };
        let store = RedisShortLived::open(&url, options);
        return Ok(Arc::new(store.map_err(|error| StartError::database("the short-lived store", &error))?));
    }
    let file = config.server.data_dir.join("short-lived.db");
    let store = SqliteShortLived::open(&file).await;
    Ok(Arc::new(store.map_err(|error| StartError::database(file.display().to_string(), &error))?))
}
