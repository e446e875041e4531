//! Authorization codes in the short-lived store.

use std::collections::BTreeSet;
use std::sync::Arc;

use nixa_protocol::authorize::AuthorizationRequest;
use nixa_protocol::grant::CodeBinding;
use nixa_protocol::id::{Grant, Id, Sso, Subject};
use nixa_protocol::{Client, Timestamp, claims, digest};
use nixa_storage::{Entries, Entry, GrantBody, Prefix, ShortLived, Stored};
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;
use crate::interaction::Authenticated;

/// How long a used code is remembered, in seconds, so that its replay revokes what it minted.
const REPLAY_MEMORY: i64 = 3_600;

/// What an authorization code stands for; kept for a while after its use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CodeRecord {
    pub(crate) grant: Id<Grant>,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) code_challenge: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) subject: Id<Subject>,
    pub(crate) sid: Id<Sso>,
    pub(crate) body: GrantBody,
    pub(crate) expires: Timestamp,
    pub(crate) used: Option<Timestamp>,
}

impl CodeRecord {
    /// What the code was issued for.
    pub(crate) fn binding(&self) -> CodeBinding<'_> {
        CodeBinding {
            client_id: &self.client_id,
            redirect_uri: &self.redirect_uri,
            code_challenge: self.code_challenge.as_deref(),
        }
    }

    /// What a code for a satisfied request stands for.
    pub(crate) fn new(
        grant: Id<Grant>,
        request: &AuthorizationRequest,
        client: &Client,
        login: Authenticated,
        expires: Timestamp,
    ) -> Self {
        Self {
            grant,
            client_id: request.client_id.clone(),
            redirect_uri: request.redirect_uri.clone(),
            code_challenge: request.code_challenge.clone(),
            nonce: request.nonce.clone(),
            subject: login.subject,
            sid: login.sid,
            body: GrantBody {
                scopes: request.scopes.clone(),
                service: request.service.clone(),
                resource: request.resource.clone(),
                acr: login.acr,
                amr: login.amr,
                auth_time: login.auth_time,
                id_token_claims: claims::released(client, &BTreeSet::new(), request.claims.id_token.keys()),
                userinfo_claims: claims::released(client, &request.scopes, request.claims.userinfo.keys()),
            },
            expires,
            used: None,
        }
    }
}

impl Entry for CodeRecord {
    const PREFIX: Prefix = Prefix::Code;

    fn expires(&self, now: Timestamp) -> Timestamp {
        now + REPLAY_MEMORY
    }
}

/// The codes by their digest: a read of the store gives no usable code.
pub(crate) struct Codes {
    entries: Entries<CodeRecord>,
}

impl Codes {
    pub(crate) fn new(store: Arc<dyn ShortLived>) -> Self {
        Self { entries: Entries::new(store) }
    }

    pub(crate) async fn insert(&self, code: &str, record: &CodeRecord, now: Timestamp) -> Result<(), ProviderError> {
        Ok(self.entries.put(digest(code).as_str(), record, now).await?)
    }

    /// What a code stands for, used or not.
    pub(crate) async fn get(&self, code: &str, now: Timestamp) -> Result<Option<Stored<CodeRecord>>, ProviderError> {
        Ok(self.entries.get(digest(code).as_str(), now).await?)
    }

    /// Marks a code as used, once: `false` when another request was first.
    pub(crate) async fn redeem(
        &self,
        code: &str,
        record: &Stored<CodeRecord>,
        now: Timestamp,
    ) -> Result<bool, ProviderError> {
        let used = CodeRecord { used: Some(now), ..CodeRecord::clone(record) };
        Ok(self.entries.replace(digest(code).as_str(), record, used, now).await?.is_some())
    }
}
