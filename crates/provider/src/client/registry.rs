//! The registered clients, as every instance sees them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use nixa_http_client::HttpClient;
use nixa_protocol::jose::kid_of;
use nixa_protocol::registration::{MetadataRefusal, check_sector};
use nixa_protocol::{Client, OAuthError, Timestamp};
use nixa_storage::{ClientStore, StorageError};
use serde_json::Value;

use crate::client::documents::Documents;

/// How long a client is taken as it was read, in seconds: so long may another instance go on with what this one
/// has changed.
const REMEMBERED: i64 = 10;
/// How many keys of a set are looked at.
const MOST_KEYS: usize = 50;

/// The clients of this server, declared or registered.
pub struct Clients {
    /// The store of registered clients; the declared ones are noted in it too.
    pub store: Arc<dyn ClientStore>,
    /// What they have published: key sets, sectors, logos.
    pub documents: Documents,
    /// Those of this server's own configuration. They are served as it says and no other instance's: what a
    /// portal needs beside its registration (its level, its catalogue) stands in the same file.
    declared: BTreeMap<String, Arc<Client>>,
    read: RwLock<HashMap<String, (Timestamp, Arc<Client>)>>,
}

impl Clients {
    /// The declared clients, and those registered in a store. What they publish is fetched by the guarded client.
    #[must_use]
    pub fn new(store: Arc<dyn ClientStore>, guarded: Arc<dyn HttpClient>, declared: Vec<Client>) -> Self {
        let declared = declared.into_iter().map(|client| (client.client_id.clone(), Arc::new(client))).collect();
        Self { store, documents: Documents::new(guarded), declared, read: RwLock::default() }
    }

    /// The client with this identifier.
    pub async fn find(&self, client_id: &str, now: Timestamp) -> Result<Option<Arc<Client>>, StorageError> {
        if let Some(client) = self.declared.get(client_id) {
            return Ok(Some(Arc::clone(client)));
        }
        // No store holds such a name; a stranger's must not look like a fault of the store.
        if client_id.contains('\0') {
            return Ok(None);
        }
        if let Some((at, client)) = self.read.read().unwrap_or_else(PoisonError::into_inner).get(client_id)
            && now >= *at
            && now - *at < REMEMBERED
        {
            return Ok(Some(Arc::clone(client)));
        }
        let found = self.store.client(client_id).await?.map(|record| record.client).filter(|client| !client.declared);
        let found = found.map(Arc::new);
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        // One that is not there is not remembered: strangers could fill the memory with names.
        match &found {
            Some(client) => drop(read.insert(client_id.to_owned(), (now, Arc::clone(client)))),
            None => drop(read.remove(client_id)),
        }
        Ok(found)
    }

    /// The clients with these identifiers; those that are gone are left out.
    pub async fn find_all(
        &self,
        ids: impl IntoIterator<Item = &String> + Send,
        now: Timestamp,
    ) -> Result<Vec<Arc<Client>>, StorageError> {
        let ids: Vec<&String> = ids.into_iter().collect();
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.find(id, now).await?);
        }
        Ok(found)
    }

    /// The declared clients, by identifier: those that the server itself speaks of to everybody.
    pub fn declared(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.declared.values()
    }

    /// Whether a client's sector, where it names one, lists its redirect URIs.
    ///
    /// # Errors
    /// `invalid_client_metadata`.
    pub async fn check_sector(&self, client: &Client) -> Result<(), OAuthError> {
        let Some(uri) = &client.sector_identifier_uri else { return Ok(()) };
        match self.documents.fetch(uri).await {
            Ok(document) => Ok(check_sector(&document.body, client)?),
            Err(_) => Err(MetadataRefusal::new("sector_identifier_uri", "cannot be fetched").into()),
        }
    }

    /// Reads a client anew at its next use.
    pub fn forget(&self, client_id: &str) {
        self.read.write().unwrap_or_else(PoisonError::into_inner).remove(client_id);
    }

    /// The client with the keys that it publishes at its `jwks_uri`; when `signed` names a key that is not among
    /// those known, they are fetched anew (OpenID Connect Core §10.1.1).
    pub(crate) async fn with_keys(&self, client: Arc<Client>, signed: Option<&str>, now: Timestamp) -> Arc<Client> {
        let encrypts = client.id_token_encryption.is_some() || client.userinfo_encryption.is_some();
        let Some(uri) = client.jwks_uri.as_ref().filter(|_| encrypts || signed.is_some()) else { return client };
        let mut keys = keys_in(self.documents.get(uri, false, now).await.as_deref());
        if let Some(kid) = signed.and_then(kid_of)
            && !keys.iter().any(|key| key.get("kid").and_then(Value::as_str) == Some(&kid))
        {
            keys = keys_in(self.documents.get(uri, true, now).await.as_deref());
        }
        Arc::new(Client { keys, ..Client::clone(&client) })
    }
}

fn keys_in(document: Option<&crate::client::documents::Document>) -> Vec<Value> {
    let set: Value = document.and_then(|d| serde_json::from_slice(&d.body).ok()).unwrap_or_default();
    set.get("keys").and_then(Value::as_array).into_iter().flatten().take(MOST_KEYS).cloned().collect()
}
