//! Declared and registered clients, and the initial access tokens with which clients register.

use std::collections::BTreeMap;

use async_trait::async_trait;
use nixa_audit::{AuditEvent, ClientChange};
use nixa_protocol::{Client, Digest, Timestamp};
use nixa_storage::{ClientRecord, ClientStore, DeclarationEvent, StorageError};

use crate::db::{Row, args};
use crate::store::SqlStore;

const CLIENT: &str = "SELECT * FROM clients WHERE client_id = $1";
const CLIENTS: &str = "SELECT * FROM clients WHERE client_id > $1 ORDER BY client_id LIMIT $2";
const DECLARED: &str = "SELECT client_id, body FROM clients WHERE declared";
/// A declared client never takes the place of one that was registered, nor the other way round.
const DECLARE: &str = "INSERT INTO clients (client_id, declared, body, created_at, updated_at)
    VALUES ($1, TRUE, $2, $3, $3)
    ON CONFLICT (client_id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at
    WHERE clients.declared";
const WITHDRAW: &str = "DELETE FROM clients WHERE client_id = $1 AND declared";
const USE_TOKEN: &str = "UPDATE registration_tokens SET uses_left = uses_left - 1
    WHERE digest = $1 AND uses_left > 0 AND expires_at > $2";
const KNOWS_TOKEN: &str = "SELECT 1 FROM registration_tokens WHERE digest = $1 AND uses_left > 0 AND expires_at > $2";
const INSERT: &str = "INSERT INTO clients (client_id, declared, body, token, created_at, updated_at)
    VALUES ($1, FALSE, $2, $3, $4, $4)";
const UPDATE: &str = "UPDATE clients SET body = $3, updated_at = $4
    WHERE client_id = $1 AND token = $2 AND NOT declared";
const REMOVE: &str = "DELETE FROM clients WHERE client_id = $1 AND NOT declared";
const REVOKE: &str = "UPDATE grants SET revoked_at = $2 WHERE client_id = $1 AND revoked_at IS NULL";
const ADD_TOKEN: &str = "INSERT INTO registration_tokens (digest, uses_left, expires_at) VALUES ($1, $2, $3)";
const OLD_TOKENS: &str = "DELETE FROM registration_tokens WHERE expires_at <= $1 OR uses_left <= 0";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl ClientStore for SqlStore {
    async fn client(&self, client_id: &str) -> Result<Option<ClientRecord>> {
        self.db.one(CLIENT, args![client_id]).await?.as_ref().map(client_from_row).transpose()
    }

    async fn clients(&self, after: &str, most: i64) -> Result<Vec<ClientRecord>> {
        self.db.all(CLIENTS, args![after, most]).await?.iter().map(client_from_row).collect()
    }

    async fn declare_clients(&self, clients: &[Client], event: DeclarationEvent<'_>, now: Timestamp) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let mut known = BTreeMap::new();
        for row in tx.all(DECLARED, args![]).await? {
            known.insert(row.text("client_id")?, row.text("body")?);
        }
        let mut events = Vec::new();
        for client in clients {
            let body = serde_json::to_string(client)?;
            let id = &client.client_id;
            let change = match known.remove(id) {
                Some(same) if same == body => continue,
                Some(_) => ClientChange::Changed,
                None => ClientChange::Declared,
            };
            if tx.execute(DECLARE, args![id, &body, now]).await? == 0 {
                return Err(StorageError::Exists);
            }
            events.push(event(id, change));
        }
        for id in known.keys() {
            tx.execute(WITHDRAW, args![id]).await?;
            events.push(event(id, ClientChange::Withdrawn));
        }
        self.append(&mut tx, &events, now).await?;
        tx.commit().await
    }

    async fn register_client(
        &self,
        client: &Client,
        token: &Digest,
        initial: &Digest,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        if tx.execute(USE_TOKEN, args![initial, now]).await? == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        let body = serde_json::to_string(client)?;
        tx.execute(INSERT, args![&client.client_id, &body, token, now]).await?;
        self.append(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn update_client(
        &self,
        client: &Client,
        token: &Digest,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<bool> {
        let body = serde_json::to_string(client)?;
        let mut tx = self.db.begin().await?;
        if tx.execute(UPDATE, args![&client.client_id, token, &body, now]).await? == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        self.append(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn remove_client(&self, client_id: &str, events: &[AuditEvent], now: Timestamp) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        if tx.execute(REMOVE, args![client_id]).await? == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.execute(REVOKE, args![client_id, now]).await?;
        self.append(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn knows_registration_token(&self, token: &Digest, now: Timestamp) -> Result<bool> {
        Ok(self.db.one(KNOWS_TOKEN, args![token, now]).await?.is_some())
    }

    async fn add_registration_token(
        &self,
        token: &Digest,
        uses: i64,
        expires: Timestamp,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        tx.execute(OLD_TOKENS, args![now]).await?;
        tx.execute(ADD_TOKEN, args![token, uses, expires]).await?;
        self.append(&mut tx, events, now).await?;
        tx.commit().await
    }
}

fn client_from_row(row: &Row) -> Result<ClientRecord> {
    Ok(ClientRecord {
        client: serde_json::from_str(&row.text("body")?)?,
        token: row.maybe_text("token")?.map(Digest::from_text),
        created_at: Timestamp(row.int("created_at")?),
    })
}
