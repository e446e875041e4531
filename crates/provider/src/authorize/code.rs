//! Authorization codes in the short-lived store.

use std::collections::BTreeSet;

use nixa_protocol::authorize::AuthorizationRequest;
use nixa_protocol::id::{Grant, Id, Sso, Subject};
use nixa_protocol::{Client, Timestamp, claims, digest, random_token};
use nixa_storage::GrantBody;
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;
use crate::interaction::{Authenticated, Interaction};
use crate::provider::Provider;

/// How long a used code is remembered, in seconds, so that its replay revokes what it minted.
const REPLAY_MEMORY: i64 = 3_600;

/// An authorization code.
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

pub(crate) fn code_key(code: &str) -> String {
    format!("code:{}", digest(code).as_str())
}

impl<I: Interaction> Provider<I> {
    /// Issues a code for a satisfied request.
    pub(crate) async fn issue_code(
        &self,
        request: &AuthorizationRequest,
        client: &Client,
        login: Authenticated,
    ) -> Result<String, ProviderError> {
        let now = self.now();
        let code = random_token(&*self.runtime.entropy);
        let record = CodeRecord {
            grant: Id::random(&*self.runtime.entropy),
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
            expires: now + self.settings.lifetimes.code,
            used: None,
        };
        let bytes = serde_json::to_vec(&record)?;
        self.stores.short.put(&code_key(&code), &bytes, now + REPLAY_MEMORY, now).await?;
        Ok(code)
    }

    /// Marks a code as used, once: `false` when another request was first.
    pub(crate) async fn use_code(
        &self,
        key: &str,
        stored: &[u8],
        record: &CodeRecord,
        now: Timestamp,
    ) -> Result<bool, ProviderError> {
        let used = serde_json::to_vec(&CodeRecord { used: Some(now), ..record.clone() })?;
        Ok(self.stores.short.replace(key, stored, &used, now + REPLAY_MEMORY, now).await?)
    }
}
