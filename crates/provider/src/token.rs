//! The token endpoint (RFC 6749 §3.2).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use nixa_protocol::error::invalid_grant;
use nixa_protocol::grant::{CodeBinding, TokenRequest, check_redemption, narrowed};
use nixa_protocol::id_token::{IdToken, at_hash};
use nixa_protocol::subject::subject_for;
use nixa_protocol::{Client, ErrorCode, OAuthError, Params, Timestamp, claims, digest, random_token};
use nixa_storage::{GrantRecord, NewRefresh, Rotation};
use nixa_web::{no_store, read_form};
use serde::Serialize;
use serde_json::Value;

use crate::access_token::transaction;
use crate::client::authenticate_client;
use crate::code::{CodeRecord, code_key};
use crate::error::{ProviderError, json_error};
use crate::host::Host;
use crate::state::Provider;
use crate::trail::{issued, revoked, rotated};

/// A successful answer (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
#[derive(Debug, Serialize)]
struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
    id_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What was granted (RFC 9396 §7).
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<Value>,
}

pub(crate) async fn token<H: Host>(
    State(provider): State<Arc<Provider<H>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let form = match read_form(&headers, body) {
        Ok(form) => form,
        Err(error) => {
            let mut response = json_error(&error.into());
            *response.status_mut() = error.status();
            return response;
        }
    };
    match answer(&provider, &headers, &form).await {
        Ok(tokens) => {
            let mut response = Json(tokens).into_response();
            no_store(response.headers_mut());
            response
        }
        Err(error) => json_error(&error),
    }
}

async fn answer<H: Host>(
    provider: &Provider<H>,
    headers: &HeaderMap,
    form: &Params,
) -> Result<TokenResponse, ProviderError> {
    form.refuse_repeated()?;
    let now = provider.now();
    let client = authenticate_client(provider, "token", headers, form, now).await?;
    match TokenRequest::parse(form)? {
        TokenRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
            redeem(provider, &client, &code, redirect_uri.as_deref(), code_verifier.as_deref(), now).await
        }
        TokenRequest::RefreshToken { refresh_token, scope } => {
            refresh(provider, &client, &refresh_token, scope.as_ref(), now).await
        }
    }
}

async fn redeem<H: Host>(
    provider: &Provider<H>,
    client: &Client,
    code: &str,
    redirect_uri: Option<&str>,
    code_verifier: Option<&str>,
    now: Timestamp,
) -> Result<TokenResponse, ProviderError> {
    let unusable = || ProviderError::from(invalid_grant("code is not valid"));
    let key = code_key(code);
    let stored = provider.stores.short.get(&key, now).await?.ok_or_else(unusable)?;
    let record: CodeRecord = serde_json::from_slice(&stored)?;
    let binding = CodeBinding {
        client_id: &record.client_id,
        redirect_uri: &record.redirect_uri,
        code_challenge: record.code_challenge.as_deref(),
    };
    check_redemption(binding, client, redirect_uri, code_verifier)?;
    if record.used || !provider.use_code(&key, &stored, &record, now).await? {
        // A second redemption means that the code leaked: what the first one minted is revoked
        // (RFC 6749 §4.1.2), also when both come at the same moment.
        tracing::warn!(client = client.client_id, "an authorization code was replayed");
        let trail = [revoked(record.grant.as_str(), &client.client_id, "code-replayed").about(record.subject.as_str())];
        provider.stores.grants.revoke_grant(&record.grant, &trail, now).await?;
        return Err(unusable());
    }
    // A session that ended after the code was issued takes the code with it.
    if now >= record.expires || provider.sessions.load(Some(&record.sid), now).await?.is_none() {
        return Err(unusable());
    }
    let offline = record.body.scopes.contains("offline_access");
    let (refresh_token, new_refresh) = offline.then(|| provider.new_refresh(now)).unzip();
    let grant = GrantRecord {
        id: record.grant,
        client_id: record.client_id,
        subject: record.subject,
        sid: record.sid,
        body: record.body,
        offline,
        created_at: now,
        revoked_at: None,
    };
    if !provider.stores.grants.insert_grant(&grant, new_refresh.as_ref(), &[issued(&grant, "code")]).await? {
        return Err(unusable());
    }
    if provider.sessions.load(Some(&grant.sid), now).await?.is_none() {
        // The session ended between the first look and the insert, so that its end did not see the grant.
        let trail = [revoked(grant.id.as_str(), &client.client_id, "session-ended").about(grant.subject.as_str())];
        provider.stores.grants.revoke_grant(&grant.id, &trail, now).await?;
        return Err(unusable());
    }
    provider.respond(client, &grant, &grant.body.scopes, record.nonce.as_deref(), refresh_token, now).await
}

async fn refresh<H: Host>(
    provider: &Provider<H>,
    client: &Client,
    token: &str,
    scope: Option<&BTreeSet<String>>,
    now: Timestamp,
) -> Result<TokenResponse, ProviderError> {
    if !client.refresh_tokens {
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "the client may not use refresh tokens").into());
    }
    let unusable = || ProviderError::from(invalid_grant("refresh_token is not valid"));
    let old = digest(token);
    let grant = provider.stores.grants.grant_of_refresh(&old).await?.ok_or_else(unusable)?;
    if grant.client_id != client.client_id {
        return Err(unusable());
    }
    let scopes = narrowed(&grant.body.scopes, scope)?;
    let (next, record) = provider.new_refresh(now);
    let trail = |outcome| rotated(&grant, outcome);
    match provider.stores.grants.rotate(&old, &record, &trail, now).await? {
        Rotation::Rotated => provider.respond(client, &grant, &scopes, None, Some(next), now).await,
        Rotation::Reused => {
            tracing::warn!(client = client.client_id, "a refresh token was reused: its grant is revoked");
            Err(unusable())
        }
        Rotation::Refused => Err(unusable()),
    }
}

impl<H: Host> Provider<H> {
    fn new_refresh(&self, now: Timestamp) -> (String, NewRefresh) {
        let token = random_token(&*self.entropy);
        let record = NewRefresh { digest: digest(&token), expires_at: now + self.lifetimes.refresh_token };
        (token, record)
    }

    async fn respond(
        &self,
        client: &Client,
        grant: &GrantRecord,
        scopes: &BTreeSet<String>,
        nonce: Option<&str>,
        refresh_token: Option<String>,
        now: Timestamp,
    ) -> Result<TokenResponse, ProviderError> {
        let access_token = self.mint_access(client, grant, scopes, now).await?;
        let requested = if grant.body.id_token_claims.is_empty() {
            serde_json::Map::new()
        } else {
            let names = &grant.body.id_token_claims;
            claims::select(&self.host.claims(&grant.subject, names).await?, names)
        };
        let sub = subject_for(client, grant.subject.as_str(), &self.identity.pairwise_key);
        let id_token = IdToken {
            iss: &self.identity.issuer,
            sub: &sub,
            aud: &client.client_id,
            exp: now + self.lifetimes.id_token,
            iat: now,
            auth_time: grant.body.auth_time,
            nonce,
            acr: grant.body.acr.as_deref(),
            amr: &grant.body.amr,
            sid: Some(grant.sid.as_str()),
            at_hash: Some(at_hash(client.id_token_alg, &access_token)),
            requested,
        };
        Ok(TokenResponse {
            id_token: self.keys().signing(client.id_token_alg, now)?.sign("JWT", &id_token)?,
            access_token,
            token_type: "Bearer",
            expires_in: self.lifetimes.access_token,
            scope: scopes.iter().cloned().collect::<Vec<_>>().join(" "),
            refresh_token,
            authorization_details: transaction(grant),
        })
    }
}
