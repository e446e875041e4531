//! Registration of clients by API (RFC 7591) and its management (RFC 7592).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_audit::ClientChange;
use nixa_protocol::registration::{Allowed, Method, check_update, describe, read, refuse};
use nixa_protocol::{Client, ErrorCode, OAuthError, Params, Timestamp, digest, random_token, same_secret};
use nixa_storage::ClientRecord;
use nixa_web::no_store;
use serde_json::{Map, Value, json};

use crate::audit::client_changed;
use crate::error::{ProviderError, json_error};
use crate::http::bearer::bearer;
use crate::interaction::Interaction;
use crate::provider::Provider;

type Body = Result<Bytes, BytesRejection>;

/// `POST /register`
pub(crate) async fn register<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    said(StatusCode::CREATED, provider.register(&headers, body).await.map(Some))
}

/// `GET /register/{client_id}`
pub(crate) async fn show<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let shown = async {
        let (record, token) = provider.own_registration(&client_id, &headers).await?;
        Ok(Some(provider.information(&record.client, record.created_at, &token, None)))
    };
    said(StatusCode::OK, shown.await)
}

/// `PUT /register/{client_id}`
pub(crate) async fn update<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    said(StatusCode::OK, provider.change_registration(&client_id, &headers, body).await.map(Some))
}

/// `DELETE /register/{client_id}`
pub(crate) async fn remove<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let removed = async {
        let (record, _) = provider.own_registration(&client_id, &headers).await?;
        let audit = [client_changed(&record.client.client_id, ClientChange::Removed)];
        provider.clients.store.remove_client(&client_id, &audit, provider.now()).await?;
        provider.clients.forget(&client_id);
        Ok(None)
    };
    said(StatusCode::NO_CONTENT, removed.await)
}

fn said(status: StatusCode, outcome: Result<Option<Value>, ProviderError>) -> Response {
    let mut response = match outcome {
        Ok(Some(body)) => (status, Json(body)).into_response(),
        Ok(None) => status.into_response(),
        Err(error) => {
            let mut response = json_error(&error);
            if error.public().code == ErrorCode::InvalidToken {
                let challenge = HeaderValue::from_static("Bearer realm=\"registration\", error=\"invalid_token\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
    };
    no_store(response.headers_mut());
    response
}

fn invalid_token() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidToken, "the access token is missing or not valid")
}

fn metadata(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, OAuthError> {
    let bad = |reason| OAuthError::new(ErrorCode::InvalidClientMetadata, reason);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(bad("the body must be application/json"));
    }
    let body = body.map_err(|_| bad("the body cannot be read"))?;
    serde_json::from_slice(&body).map_err(|_| bad("the body must be a JSON object"))
}

impl<I: Interaction> Provider<I> {
    async fn register(&self, headers: &HeaderMap, body: Body) -> Result<Value, ProviderError> {
        let allowed = self.identity.registration.as_ref().ok_or_else(invalid_token)?;
        let initial = bearer(headers, &Params::default())?.ok_or_else(invalid_token)?;
        let metadata = metadata(headers, body)?;
        let now = self.now();
        // The token is used up with the registration, in one step; before, so that a stranger does not make this
        // server fetch anything.
        if !self.clients.store.knows_registration_token(&digest(&initial), now).await? {
            return Err(invalid_token().into());
        }
        let (client, method) = self.checked(&metadata, allowed).await?;
        let secret = method.needs_secret().then(|| random_token(&*self.entropy));
        let client_id: String = random_token(&*self.entropy).chars().take(22).collect();
        let client = Client {
            sector: or_own(&client.sector, &client_id),
            client_id,
            authentication: method.authentication(secret.as_deref().unwrap_or_default()),
            ..client
        };
        let token = random_token(&*self.entropy);
        let audit = [client_changed(&client.client_id, ClientChange::Registered)];
        if !self.clients.store.register_client(&client, &digest(&token), &digest(&initial), &audit, now).await? {
            return Err(invalid_token().into());
        }
        Ok(self.information(&client, now, &token, secret))
    }

    /// The metadata of a request, also what only a fetch can show.
    async fn checked(
        &self,
        metadata: &Map<String, Value>,
        allowed: &Allowed,
    ) -> Result<(Client, Method), ProviderError> {
        let (client, method) = read(metadata, allowed)?;
        self.clients.check_sector(&client).await?;
        if let Some(uri) = &client.jwks_uri
            && self.clients.documents.fetch(uri).await.is_err()
        {
            return Err(refuse("jwks_uri", "cannot be fetched").into());
        }
        Ok((client, method))
    }

    /// The registration that a request's token manages. Whether a client exists is not told to others (RFC 7592
    /// §2.1).
    async fn own_registration(
        &self,
        client_id: &str,
        headers: &HeaderMap,
    ) -> Result<(ClientRecord, String), ProviderError> {
        let token = bearer(headers, &Params::default())?.ok_or_else(invalid_token)?;
        if client_id.contains('\0') {
            return Err(invalid_token().into());
        }
        let record = self.clients.store.client(client_id).await?.ok_or_else(invalid_token)?;
        let known = record.token.as_ref().is_some_and(|known| same_secret(known.as_str(), digest(&token).as_str()));
        if known { Ok((record, token)) } else { Err(invalid_token().into()) }
    }

    async fn change_registration(
        &self,
        client_id: &str,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Value, ProviderError> {
        let allowed = self.identity.registration.as_ref().ok_or_else(invalid_token)?;
        let (record, token) = self.own_registration(client_id, headers).await?;
        let metadata = metadata(headers, body)?;
        check_update(&metadata, &record.client)?;
        let (client, method) = self.checked(&metadata, allowed).await?;
        let held = record.client.authentication.secret();
        let fresh = (method.needs_secret() && held.is_none()).then(|| random_token(&*self.entropy));
        let authentication = match held {
            Some(held) => method.keeping(held),
            None => method.authentication(fresh.as_deref().unwrap_or_default()),
        };
        let sector = or_own(&client.sector, client_id);
        let client = Client { client_id: client_id.to_owned(), sector, authentication, ..client };
        let audit = [client_changed(client_id, ClientChange::Updated)];
        if !self.clients.store.update_client(&client, &digest(&token), &audit, self.now()).await? {
            return Err(invalid_token().into());
        }
        self.clients.forget(client_id);
        Ok(self.information(&client, record.created_at, &token, fresh))
    }

    /// What a client is told of its registration (RFC 7591 §3.2.1, RFC 7592 §3). A secret is told once: only its
    /// digest is kept.
    fn information(&self, client: &Client, issued_at: Timestamp, token: &str, secret: Option<String>) -> Value {
        let mut told = describe(client);
        told.insert("client_id_issued_at".to_owned(), json!(issued_at));
        if client.authentication.secret().is_some() {
            told.insert("client_secret_expires_at".to_owned(), json!(0));
        }
        if let Some(secret) = secret {
            told.insert("client_secret".to_owned(), json!(secret));
        }
        let uri = format!("{}/register/{}", self.identity.issuer, client.client_id);
        told.insert("registration_client_uri".to_owned(), json!(uri));
        told.insert("registration_access_token".to_owned(), json!(token));
        Value::Object(told)
    }
}

/// A client whose redirect URIs have no host is a sector of its own.
fn or_own(sector: &str, client_id: &str) -> String {
    if sector.is_empty() { format!("client:{client_id}") } else { sector.to_owned() }
}
