//! Brings the clients that a configuration declares into the store.

use std::sync::Arc;

use nixa_protocol::{Client, OAuthError, Timestamp};
use nixa_provider::{Clients, client_changed};
use nixa_storage::{ClientRecord, ClientStore as _, StorageError};
use nixa_storage_sql::SqlStore;

use super::error::StartError;
use crate::config::Config;
use crate::environment::Environment;

/// The clients of a server, with those that its configuration declares. The sector of a declared client is checked
/// when it is new or was changed, and not at each start: that must not wait for another server.
pub(super) async fn declare_clients(
    config: &Config,
    environment: &Environment,
    store: &Arc<SqlStore>,
    declared: Vec<Client>,
    now: Timestamp,
) -> Result<Clients, StartError> {
    let clients = Clients::new(store.clone(), environment.http.guarded.clone(), declared.clone());
    for client in declared.iter().filter(|client| client.sector_identifier_uri.is_some()) {
        let known = store.client(&client.client_id).await.map_err(|e| StartError::durable(config, &e))?;
        let same = |known: &ClientRecord| {
            known.client.redirect_uris == client.redirect_uris
                && known.client.sector_identifier_uri == client.sector_identifier_uri
        };
        if !known.as_ref().is_some_and(same) {
            let refused =
                |error: OAuthError| StartError::Config(format!("{}: {}", client.client_id, error.description));
            clients.check_sector(client).await.map_err(refused)?;
        }
    }
    match store.declare_clients(&declared, &client_changed, now).await {
        Err(StorageError::Exists) => {
            Err(StartError::Config("a client has the client_id of one that was registered by API".to_owned()))
        }
        Err(error) => Err(StartError::durable(config, &error)),
        Ok(()) => Ok(clients),
    }
}
