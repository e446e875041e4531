//! Access tokens: made at the token endpoint, read at userinfo and introspection.
//!
//! A JWT is kept like an opaque token: an API may read it by itself, but here it ends with its grant.

use std::collections::BTreeSet;

use nixa_protocol::access_token::{ACCESS_TOKEN_TYPE, AccessClaims, AccessTokenFormat};
use nixa_protocol::authorize::TRANSACTION;
use nixa_protocol::id::{Grant, Id};
use nixa_protocol::{Client, Timestamp, digest, random_token};
use nixa_storage::GrantRecord;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;

/// An access token as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessRecord {
    pub(crate) client_id: String,
    /// What a person's login gave; none for a token of the client itself.
    grant: Option<Id<Grant>>,
    pub(crate) scopes: BTreeSet<String>,
    aud: String,
    iat: Timestamp,
    exp: Timestamp,
}

/// A token that is valid now.
pub(crate) struct LiveToken {
    pub(crate) access: AccessRecord,
    pub(crate) grant: Option<GrantRecord>,
}

fn key(token: &str) -> String {
    format!("access:{}", digest(token).as_str())
}

/// What was granted beside scopes (RFC 9396 §7).
pub(crate) fn transaction(grant: &GrantRecord) -> Option<Value> {
    let service = grant.body.service.as_ref()?;
    Some(json!([{ "type": TRANSACTION, "service": service }]))
}

impl LiveToken {
    /// What the token says, with `sub` as its holder knows the person.
    pub(crate) fn claims<'a>(&'a self, issuer: &'a str, sub: &'a str, jti: Option<&'a str>) -> AccessClaims<'a> {
        let scopes: Vec<&str> = self.access.scopes.iter().map(String::as_str).collect();
        let login = self.grant.as_ref().map(|grant| &grant.body);
        AccessClaims {
            iss: issuer,
            aud: &self.access.aud,
            sub,
            client_id: &self.access.client_id,
            exp: self.access.exp,
            iat: self.access.iat,
            jti,
            scope: scopes.join(" "),
            acr: login.and_then(|login| login.acr.as_deref()),
            amr: login.map(|login| login.amr.as_slice()).unwrap_or_default(),
            auth_time: login.map(|login| login.auth_time),
            authorization_details: self.grant.as_ref().and_then(transaction),
        }
    }
}

impl AccessRecord {
    /// The API that it is for.
    pub(crate) fn audience(&self) -> &str {
        &self.aud
    }
}

/// What an access token is to be for.
pub(crate) struct Wanted<'a> {
    pub(crate) grant: Option<&'a GrantRecord>,
    pub(crate) scopes: &'a BTreeSet<String>,
    pub(crate) audience: &'a str,
}

impl<I: Interaction> Provider<I> {
    /// Mints an access token.
    pub(crate) async fn mint_access(
        &self,
        client: &Client,
        wanted: Wanted<'_>,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let access = AccessRecord {
            client_id: client.client_id.clone(),
            grant: wanted.grant.map(|grant| grant.id.clone()),
            scopes: wanted.scopes.clone(),
            aud: wanted.audience.to_owned(),
            iat: now,
            exp: now + self.settings.lifetimes.access_token,
        };
        let record = serde_json::to_vec(&access)?;
        let random = random_token(&*self.runtime.entropy);
        let token = match client.access_tokens {
            AccessTokenFormat::Opaque => random,
            AccessTokenFormat::Jwt => {
                let live = LiveToken { access, grant: wanted.grant.cloned() };
                let sub = self.holder(&live, client);
                let keys = self.keys.current();
                let signer = keys.signing(client.id_token_alg, now)?;
                signer.sign(ACCESS_TOKEN_TYPE, &live.claims(&self.settings.issuer, &sub, Some(&random)))?
            }
        };
        self.stores.short.put(&key(&token), &record, now + self.settings.lifetimes.access_token, now).await?;
        Ok(token)
    }

    /// Whom a token speaks for: the person as the client knows them, or the client itself (RFC 9068 §2.2).
    pub(crate) fn holder(&self, live: &LiveToken, client: &Client) -> String {
        match &live.grant {
            Some(grant) => self.settings.subject_for(client, &grant.subject),
            None => client.client_id.clone(),
        }
    }

    /// What a token stands for, while its grant lives.
    pub(crate) async fn live_token(&self, token: &str, now: Timestamp) -> Result<Option<LiveToken>, ProviderError> {
        let Some(stored) = self.stores.short.get(&key(token), now).await? else { return Ok(None) };
        let access: AccessRecord = serde_json::from_slice(&stored)?;
        let Some(id) = &access.grant else { return Ok(Some(LiveToken { access, grant: None })) };
        let grant = self.stores.grants.live_grant(id).await?;
        Ok(grant.map(|grant| LiveToken { access, grant: Some(grant) }))
    }

    /// Ends an access token.
    pub(crate) async fn forget_access(&self, token: &str) -> Result<(), ProviderError> {
        Ok(self.stores.short.delete(&key(token)).await?)
    }
}
