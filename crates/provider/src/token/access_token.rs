//! Access tokens: issued at the token endpoint, read at userinfo and introspection.
//!
//! A JWT is kept like an opaque token: an API may read it by itself, but here it ends with its grant.

use std::collections::BTreeSet;
use std::sync::Arc;

use nixa_protocol::access_token::{ACCESS_TOKEN_TYPE, AccessClaims, AccessTokenFormat};
use nixa_protocol::authorize::TRANSACTION;
use nixa_protocol::id::{Grant, Id};
use nixa_protocol::{Client, Timestamp, digest, random_token};
use nixa_storage::{Entries, Entry, GrantRecord, Grants, Prefix};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::runtime::{Runtime, SigningKeys};
use crate::settings::Settings;

/// An access token as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessTokenRecord {
    pub(crate) client_id: String,
    /// What a person granted; none for a token of the client itself.
    grant: Option<Id<Grant>>,
    pub(crate) scopes: BTreeSet<String>,
    /// The API that it is for.
    #[serde(rename = "aud")]
    pub(crate) audience: String,
    iat: Timestamp,
    exp: Timestamp,
}

impl Entry for AccessTokenRecord {
    const PREFIX: Prefix = Prefix::AccessToken;

    fn expires(&self, _now: Timestamp) -> Timestamp {
        self.exp
    }
}

/// What an access token is issued for.
pub(crate) struct AccessTokenScope<'a> {
    /// What a person granted; none for a token of the client itself.
    pub(crate) grant: Option<&'a GrantRecord>,
    pub(crate) scopes: &'a BTreeSet<String>,
    pub(crate) audience: &'a str,
}

/// A token that is valid now, with its grant (RFC 7662 §2.2).
pub(crate) struct ActiveToken {
    pub(crate) access: AccessTokenRecord,
    pub(crate) grant: Option<GrantRecord>,
}

impl ActiveToken {
    /// The claims, with `sub` as the holder knows the person.
    pub(crate) fn claims<'a>(&'a self, issuer: &'a str, sub: &'a str, jti: Option<&'a str>) -> AccessClaims<'a> {
        let scopes: Vec<&str> = self.access.scopes.iter().map(String::as_str).collect();
        let granted = self.grant.as_ref().map(|grant| &grant.body);
        AccessClaims {
            iss: issuer,
            aud: &self.access.audience,
            sub,
            client_id: &self.access.client_id,
            exp: self.access.exp,
            iat: self.access.iat,
            jti,
            scope: scopes.join(" "),
            acr: granted.and_then(|granted| granted.acr.as_deref()),
            amr: granted.map(|granted| granted.amr.as_slice()).unwrap_or_default(),
            auth_time: granted.map(|granted| granted.auth_time),
            authorization_details: self.grant.as_ref().and_then(authorization_details),
        }
    }
}

/// What was granted beside scopes (RFC 9396 §7).
pub(crate) fn authorization_details(grant: &GrantRecord) -> Option<Value> {
    let service = grant.body.service.as_ref()?;
    Some(json!([{ "type": TRANSACTION, "service": service }]))
}

/// Issues, finds and revokes access tokens.
#[derive(Clone)]
pub(crate) struct AccessTokens {
    settings: Arc<Settings>,
    runtime: Runtime,
    keys: Arc<SigningKeys>,
    entries: Entries<AccessTokenRecord>,
    grants: Arc<dyn Grants>,
}

impl AccessTokens {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self {
            settings: provider.settings.clone(),
            runtime: provider.runtime.clone(),
            keys: provider.keys.clone(),
            entries: Entries::new(provider.stores.short.clone()),
            grants: provider.stores.grants.clone(),
        }
    }

    /// Issues a token in the client's format and keeps it under its digest.
    pub(crate) async fn issue(
        &self,
        client: &Client,
        scope: &AccessTokenScope<'_>,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let access = AccessTokenRecord {
            client_id: client.client_id.clone(),
            grant: scope.grant.map(|grant| grant.id.clone()),
            scopes: scope.scopes.clone(),
            audience: scope.audience.to_owned(),
            iat: now,
            exp: now + self.settings.lifetimes.access_token,
        };
        let random = random_token(&*self.runtime.entropy);
        let token = match client.access_tokens {
            AccessTokenFormat::Opaque => random,
            AccessTokenFormat::Jwt => {
                let token = ActiveToken { access: access.clone(), grant: scope.grant.cloned() };
                let sub = self.subject_of(&token, client);
                let claims = token.claims(&self.settings.issuer, &sub, Some(&random));
                self.keys.current().signing(client.id_token_alg, now)?.sign(ACCESS_TOKEN_TYPE, &claims)?
            }
        };
        self.entries.put(digest(&token).as_str(), &access, now).await?;
        Ok(token)
    }

    /// Whom a token speaks for: the person as the client knows them, or the client itself (RFC 9068 §2.2).
    pub(crate) fn subject_of(&self, token: &ActiveToken, client: &Client) -> String {
        match &token.grant {
            Some(grant) => self.settings.subject_for(client, &grant.subject),
            None => client.client_id.clone(),
        }
    }

    /// The token with this text, while it and its grant live.
    pub(crate) async fn find(&self, token: &str, now: Timestamp) -> Result<Option<ActiveToken>, ProviderError> {
        let Some(stored) = self.entries.get(digest(token).as_str(), now).await? else { return Ok(None) };
        let access = stored.into_value();
        let Some(id) = &access.grant else { return Ok(Some(ActiveToken { access, grant: None })) };
        let grant = self.grants.live_grant(id).await?;
        Ok(grant.map(|grant| ActiveToken { access, grant: Some(grant) }))
    }

    /// Ends a token; its grant goes on.
    pub(crate) async fn revoke(&self, token: &str) -> Result<(), ProviderError> {
        Ok(self.entries.delete(digest(token).as_str()).await?)
    }
}
