//! The token endpoint (RFC 6749 §3.2).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nixa_audit::{AuditEvent, GrantType, RevocationReason};
use nixa_protocol::encryption::EncryptionKey;
use nixa_protocol::entropy::keyed_bytes;
use nixa_protocol::error::invalid_grant;
use nixa_protocol::grant::{CodeBinding, TokenRequest, check_redemption, narrowed, own_scopes};
use nixa_protocol::id::{Id, Sso};
use nixa_protocol::id_token::{IdToken, at_hash};
use nixa_protocol::subject::subject_for;
use nixa_protocol::{Client, ErrorCode, OAuthError, Params, Timestamp, claims, digest, random_token};
use nixa_storage::{GrantRecord, NewRefresh, Rotation};
use nixa_web::read_form;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::{grant_revoked, refresh_token_used, tokens_issued};
use crate::authorize::code::{CodeRecord, code_key};
use crate::client::authentication::authenticate_client;
use crate::error::{ProviderError, json_answer, json_error};
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::token::access_token::{Wanted, transaction};

/// A successful answer (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
#[derive(Debug, Serialize, Deserialize)]
struct TokenResponse {
    access_token: String,
    token_type: String,
    expires_in: i64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What was granted (RFC 9396 §7).
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<Value>,
}

pub(crate) async fn token<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
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
    json_answer(StatusCode::OK, answer(&provider, &headers, &form).await)
}

async fn answer<I: Interaction>(
    provider: &Provider<I>,
    headers: &HeaderMap,
    form: &Params,
) -> Result<TokenResponse, ProviderError> {
    form.refuse_repeated()?;
    let now = provider.now();
    let client = authenticate_client(provider, "token", headers, form, now).await?;
    let asked = form.resources();
    match TokenRequest::parse(form)? {
        TokenRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
            let shown =
                Shown { code: &code, redirect_uri: redirect_uri.as_deref(), verifier: code_verifier.as_deref() };
            redeem(provider, &client, shown, asked, now).await
        }
        TokenRequest::RefreshToken { refresh_token, scope } => {
            refresh(provider, &client, &refresh_token, (scope.as_ref(), asked), now).await
        }
        TokenRequest::ClientCredentials { scope } => own(provider, &client, scope.as_ref(), asked, now).await,
    }
}

/// A token for the client itself (RFC 6749 §4.4): no person, no refresh token.
async fn own<I: Interaction>(
    provider: &Provider<I>,
    client: &Client,
    scope: Option<&BTreeSet<String>>,
    asked: &[String],
    now: Timestamp,
) -> Result<TokenResponse, ProviderError> {
    let scopes = own_scopes(client, scope)?;
    let audience = client.audience(asked, &provider.identity.issuer)?;
    let issued = AuditEvent::TokensIssued {
        client: client.client_id.clone(),
        by: GrantType::ClientCredentials,
        scopes: scopes.clone(),
        grant: None,
    };
    provider.record(issued, now).await?;
    let access_token = provider.mint_access(client, Wanted { grant: None, scopes: &scopes, audience }, now).await?;
    Ok(TokenResponse {
        access_token,
        token_type: BEARER.to_owned(),
        expires_in: provider.lifetimes.access_token,
        scope: joined(&scopes),
        id_token: None,
        refresh_token: None,
        authorization_details: None,
    })
}

/// How long two redemptions of one code count as one request that was sent twice, in seconds.
const AT_ONCE: i64 = 2;

/// What a client shows to redeem a code.
struct Shown<'a> {
    code: &'a str,
    redirect_uri: Option<&'a str>,
    verifier: Option<&'a str>,
}

async fn redeem<I: Interaction>(
    provider: &Provider<I>,
    client: &Client,
    shown: Shown<'_>,
    asked: &[String],
    now: Timestamp,
) -> Result<TokenResponse, ProviderError> {
    let unusable = || ProviderError::from(invalid_grant("code is not valid"));
    let key = code_key(shown.code);
    let stored = provider.stores.short.get(&key, now).await?.ok_or_else(unusable)?;
    let record: CodeRecord = serde_json::from_slice(&stored)?;
    let binding = CodeBinding {
        client_id: &record.client_id,
        redirect_uri: &record.redirect_uri,
        code_challenge: record.code_challenge.as_deref(),
    };
    check_redemption(binding, client, shown.redirect_uri, shown.verifier)?;
    // Before the code is used up: a mistake here must not cost the person a login.
    let audience = audience_of(client, record.body.resource.as_deref(), asked, &provider.identity.issuer)?.to_owned();
    match record.used {
        None if provider.use_code(&key, &stored, &record, now).await? => {}
        // The same request twice at one moment, by whoever has all that the client has: one is answered.
        None => return Err(unusable()),
        Some(at) if now < at + AT_ONCE => return Err(unusable()),
        Some(_) => {
            // A second redemption means that the code leaked: what the first one minted is revoked (RFC 6749
            // §4.1.2).
            tracing::warn!(client = client.client_id, "an authorization code was replayed");
            let reason = RevocationReason::CodeReplayed;
            let audit = [grant_revoked(&record.grant, &record.subject, &client.client_id, reason)];
            provider.stores.grants.revoke_grant(&record.grant, &audit, now).await?;
            return Err(unusable());
        }
    }
    // A session that ended after the code was issued takes the code with it; so does leaving the service alone.
    if now >= record.expires || !provider.is_in_session(&record.sid, client, now).await? {
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
    // Made before the grant is stored, without which it is worth nothing: a short-lived store that is away then
    // leaves nothing half done.
    let wanted = Wanted { grant: Some(&grant), scopes: &grant.body.scopes, audience: &audience };
    let access_token = provider.mint_access(client, wanted, now).await?;
    let audit = [tokens_issued(&grant, GrantType::AuthorizationCode)];
    if !provider.stores.grants.insert_grant(&grant, new_refresh.as_ref(), &audit).await? {
        return Err(unusable());
    }
    if !provider.is_in_session(&grant.sid, client, now).await? {
        // The session ended between the first look and the insert, so that its end did not see the grant.
        let audit = [grant_revoked(&grant.id, &grant.subject, &client.client_id, RevocationReason::SessionEnded)];
        provider.stores.grants.revoke_grant(&grant.id, &audit, now).await?;
        return Err(unusable());
    }
    let scopes = &grant.body.scopes;
    provider.respond(client, &grant, (scopes, access_token), record.nonce.as_deref(), refresh_token, now).await
}

/// The API that a token of a grant is for: the one that was asked for at the authorization endpoint, of which
/// a token request may only ask the same (RFC 8707 §2.2).
fn audience_of<'a>(
    client: &'a Client,
    granted: Option<&'a str>,
    asked: &'a [String],
    issuer: &'a str,
) -> Result<&'a str, OAuthError> {
    match granted {
        None => client.audience(asked, issuer),
        Some(granted) if asked.iter().all(|one| one == granted) => Ok(granted),
        Some(_) => Err(OAuthError::new(ErrorCode::InvalidTarget, "resource is not the one that was granted")),
    }
}

async fn refresh<I: Interaction>(
    provider: &Provider<I>,
    client: &Client,
    token: &str,
    (scope, asked): (Option<&BTreeSet<String>>, &[String]),
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
    let audience = audience_of(client, grant.body.resource.as_deref(), asked, &provider.identity.issuer)?;
    let (next, record) = provider.new_refresh(now);
    // Made and kept before the old token is used up: a short-lived store that is away must not cost the portal
    // its grant. Nobody sees any of it unless the rotation holds.
    let access_token =
        provider.mint_access(client, Wanted { grant: Some(&grant), scopes: &scopes, audience }, now).await?;
    let response = provider.respond(client, &grant, (&scopes, access_token), None, Some(next), now).await?;
    let sealed = sealed_for_retry(provider, token, &response)?;
    provider.stores.short.put_new(&retry_key(token), &sealed, now + GRACE, now).await?;
    let audit = |outcome| refresh_token_used(&grant, outcome);
    match provider.stores.grants.rotate(&old, &record, GRACE, &audit, now).await? {
        Rotation::Rotated => {
            // Over what another request has kept there, at the same moment or before it failed.
            if let Err(error) = provider.stores.short.put(&retry_key(token), &sealed, now + GRACE, now).await {
                ProviderError::from(error).log();
            }
            Ok(response)
        }
        Rotation::Recent => kept_for_retry(provider, token, now).await?.ok_or_else(unusable),
        Rotation::Reused => {
            tracing::warn!(client = client.client_id, "a refresh token was reused: its grant is revoked");
            Err(unusable())
        }
        Rotation::Refused => Err(unusable()),
    }
}

/// How long after its use a refresh token still brings the answer that its first use brought, in seconds: the
/// answer may have been lost on its way. Whoever has stolen the token gains no more than they would by being
/// first.
const GRACE: i64 = 10;

fn retry_key(token: &str) -> String {
    format!("retry:{}", digest(token).as_str())
}

/// The answer is kept under a key that only the old token gives: the store alone opens it for nobody.
fn retry_seal(token: &str) -> Result<EncryptionKey, ProviderError> {
    let bytes = keyed_bytes(token.as_bytes(), &["retry"]);
    EncryptionKey::new(&bytes).map_err(|_| ProviderError::Busy)
}

fn sealed_for_retry<I: Interaction>(
    provider: &Provider<I>,
    token: &str,
    response: &TokenResponse,
) -> Result<Vec<u8>, ProviderError> {
    let plain = serde_json::to_vec(response)?;
    let sealed = retry_seal(token)?.seal(&*provider.entropy, "retry", &plain).map_err(|_| ProviderError::Busy)?;
    Ok(sealed.into_bytes())
}

/// The first answer; waits a little for one that is being made at this moment.
async fn kept_for_retry<I: Interaction>(
    provider: &Provider<I>,
    token: &str,
    now: Timestamp,
) -> Result<Option<TokenResponse>, ProviderError> {
    for _ in 0..20 {
        if let Some(sealed) = provider.stores.short.get(&retry_key(token), now).await? {
            let sealed = String::from_utf8(sealed).unwrap_or_default();
            let Ok(plain) = retry_seal(token)?.open("retry", &sealed) else { return Ok(None) };
            let kept: TokenResponse = serde_json::from_slice(&plain)?;
            // What a request that lost has kept names a refresh token that was never stored.
            let next = digest(kept.refresh_token.as_deref().unwrap_or_default());
            if provider.stores.grants.grant_of_refresh(&next).await?.is_some() {
                return Ok(Some(kept));
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(None)
}

const BEARER: &str = "Bearer";

fn joined(scopes: &BTreeSet<String>) -> String {
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

impl<I: Interaction> Provider<I> {
    async fn is_in_session(&self, sid: &Id<Sso>, client: &Client, now: Timestamp) -> Result<bool, ProviderError> {
        let session = self.sessions.load(Some(sid), now).await?;
        Ok(session.is_some_and(|session| session.clients.contains(&client.client_id)))
    }

    fn new_refresh(&self, now: Timestamp) -> (String, NewRefresh) {
        let token = random_token(&*self.entropy);
        let record = NewRefresh { digest: digest(&token), expires_at: now + self.lifetimes.refresh_token };
        (token, record)
    }

    async fn respond(
        &self,
        client: &Client,
        grant: &GrantRecord,
        (scopes, access_token): (&BTreeSet<String>, String),
        nonce: Option<&str>,
        refresh_token: Option<String>,
        now: Timestamp,
    ) -> Result<TokenResponse, ProviderError> {
        let requested = if grant.body.id_token_claims.is_empty() {
            serde_json::Map::new()
        } else {
            let names = &grant.body.id_token_claims;
            claims::select(&self.interaction.claims(&grant.subject, names).await?, names)
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
        let signed = self.keys().signing(client.id_token_alg, now)?.sign("JWT", &id_token)?;
        Ok(TokenResponse {
            id_token: Some(match client.encrypter(client.id_token_encryption)? {
                Some(encrypter) => encrypter.encrypt(&signed, true)?,
                None => signed,
            }),
            access_token,
            token_type: BEARER.to_owned(),
            expires_in: self.lifetimes.access_token,
            scope: joined(scopes),
            refresh_token,
            authorization_details: transaction(grant),
        })
    }
}
