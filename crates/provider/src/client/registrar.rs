//! Registers clients and manages their registrations (RFC 7591, RFC 7592): no HTTP here.

use nixa_audit::ClientChange;
use nixa_protocol::registration::{
    AuthenticationMethod, MetadataRefusal, RegistrationPolicy, check_update, describe, read_metadata,
};
use nixa_protocol::{Client, Entropy, ErrorCode, OAuthError, Timestamp, digest, random_token, same_secret};
use nixa_storage::ClientRecord;
use serde_json::{Map, Value, json};

use crate::audit::client_changed;
use crate::client::registry::Clients;
use crate::error::ProviderError;

/// How many characters of a random token are a client identifier: 128 bits.
const CLIENT_ID_LENGTH: usize = 22;

/// Registers clients in a store, as far as a policy lets them.
pub(crate) struct Registrar<'p> {
    pub(crate) clients: &'p Clients,
    pub(crate) policy: &'p RegistrationPolicy,
    pub(crate) issuer: &'p str,
    pub(crate) entropy: &'p dyn Entropy,
    pub(crate) now: Timestamp,
}

/// A registration, and the access token with which its client manages it.
pub(crate) struct Registration {
    client: Client,
    issued_at: Timestamp,
    access_token: String,
    /// The secret, when it was just made: only its digest is kept, and it is told once.
    new_secret: Option<String>,
}

/// The refusal of an access token, which says nothing of whether the client exists (RFC 7592 §2.1).
pub(crate) fn invalid_token() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidToken, "the access token is missing or not valid")
}

impl Registrar<'_> {
    /// Whether an initial access token is good for one more registration.
    ///
    /// # Errors
    /// `invalid_token` when it is not.
    async fn check_initial_token(&self, token: &str) -> Result<(), ProviderError> {
        let known = self.clients.store.knows_registration_token(&digest(token), self.now).await?;
        if known { Ok(()) } else { Err(invalid_token().into()) }
    }

    /// Registers a client and uses up its initial access token, in one step.
    pub(crate) async fn register(
        &self,
        metadata: &Map<String, Value>,
        initial_token: &str,
    ) -> Result<Registration, ProviderError> {
        // Before the metadata, so that a stranger does not make this server fetch anything.
        self.check_initial_token(initial_token).await?;
        let (client, method) = self.read(metadata).await?;
        let new_secret = method.needs_secret().then(|| random_token(self.entropy));
        let client_id: String = random_token(self.entropy).chars().take(CLIENT_ID_LENGTH).collect();
        let client = Client {
            sector: sector_or_own(client.sector, &client_id),
            client_id,
            authentication: method.with_secret(new_secret.as_deref().unwrap_or_default()),
            ..client
        };
        let access_token = random_token(self.entropy);
        let (token, initial) = (digest(&access_token), digest(initial_token));
        let events = [client_changed(&client.client_id, ClientChange::Registered)];
        if !self.clients.store.register_client(&client, &token, &initial, &events, self.now).await? {
            return Err(invalid_token().into());
        }
        Ok(Registration { client, issued_at: self.now, access_token, new_secret })
    }

    /// The registration that an access token manages.
    ///
    /// # Errors
    /// `invalid_token`, also when there is no such client.
    pub(crate) async fn find(&self, client_id: &str, access_token: String) -> Result<Registration, ProviderError> {
        // No store holds such a name; a stranger's must not look like a fault of the store.
        if client_id.contains('\0') {
            return Err(invalid_token().into());
        }
        let record = self.clients.store.client(client_id).await?.ok_or_else(invalid_token)?;
        let ClientRecord { client, token, created_at, .. } = record;
        let shown = digest(&access_token);
        if !token.is_some_and(|known| same_secret(known.as_str(), shown.as_str())) {
            return Err(invalid_token().into());
        }
        Ok(Registration { client, issued_at: created_at, access_token, new_secret: None })
    }

    /// Replaces the metadata of a client. Its secret stays, if it has one and goes on needing one.
    pub(crate) async fn update(
        &self,
        registration: Registration,
        metadata: &Map<String, Value>,
    ) -> Result<Registration, ProviderError> {
        let Registration { client: earlier, issued_at, access_token, .. } = registration;
        check_update(metadata, &earlier).map_err(OAuthError::from)?;
        let (client, method) = self.read(metadata).await?;
        let secret = earlier.authentication.secret();
        let new_secret = (method.needs_secret() && secret.is_none()).then(|| random_token(self.entropy));
        let authentication = match secret {
            Some(secret) => method.with_digest(secret),
            None => method.with_secret(new_secret.as_deref().unwrap_or_default()),
        };
        let sector = sector_or_own(client.sector, &earlier.client_id);
        let client = Client { client_id: earlier.client_id, sector, authentication, ..client };
        let events = [client_changed(&client.client_id, ClientChange::Updated)];
        if !self.clients.store.update_client(&client, &digest(&access_token), &events, self.now).await? {
            return Err(invalid_token().into());
        }
        self.clients.forget(&client.client_id);
        Ok(Registration { client, issued_at, access_token, new_secret })
    }

    /// Removes a client and revokes what it was granted.
    pub(crate) async fn remove(&self, registration: Registration) -> Result<(), ProviderError> {
        let client_id = &registration.client.client_id;
        let events = [client_changed(client_id, ClientChange::Removed)];
        self.clients.store.remove_client(client_id, &events, self.now).await?;
        self.clients.forget(client_id);
        Ok(())
    }

    /// Reads metadata, and checks what only a fetch can show.
    async fn read(&self, metadata: &Map<String, Value>) -> Result<(Client, AuthenticationMethod), ProviderError> {
        let (client, method) = read_metadata(metadata, self.policy).map_err(OAuthError::from)?;
        self.clients.check_sector(&client).await?;
        if let Some(uri) = &client.jwks_uri
            && self.clients.documents.fetch(uri).await.is_err()
        {
            return Err(OAuthError::from(MetadataRefusal::new("jwks_uri", "cannot be fetched")).into());
        }
        Ok((client, method))
    }

    /// The client information response (RFC 7591 §3.2.1, RFC 7592 §3).
    pub(crate) fn describe(&self, registration: &Registration) -> Map<String, Value> {
        let Registration { client, issued_at, access_token, new_secret } = registration;
        let mut information = describe(client);
        let mut put = |member: &str, value: Value| drop(information.insert(member.to_owned(), value));
        put("client_id_issued_at", json!(issued_at));
        if client.authentication.secret().is_some() {
            put("client_secret_expires_at", json!(0));
        }
        if let Some(secret) = new_secret {
            put("client_secret", json!(secret));
        }
        put("registration_client_uri", json!(format!("{}/register/{}", self.issuer, client.client_id)));
        put("registration_access_token", json!(access_token));
        information
    }
}

/// A client whose redirect URIs have no host is a sector of its own.
fn sector_or_own(sector: String, client_id: &str) -> String {
    if sector.is_empty() { format!("client:{client_id}") } else { sector }
}
