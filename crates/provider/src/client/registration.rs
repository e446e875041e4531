//! The endpoints at which clients register (RFC 7591) and manage their registrations (RFC 7592).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_protocol::{ErrorCode, OAuthError, Params};
use nixa_web::no_store;
use serde_json::{Map, Value};

use crate::client::registrar::{Registrar, Registration, invalid_token};
use crate::error::ProviderError;
use crate::http::bearer::bearer;
use crate::http::json::JsonError;
use crate::interaction::Interaction;
use crate::provider::Provider;

type Body = Result<Bytes, BytesRejection>;

/// `POST /register`
pub(crate) async fn register<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, RegistrationError> {
    let registrar = provider.registrar()?;
    let initial_token = access_token(&headers)?;
    let registration = registrar.register(&read_body(&headers, body)?, &initial_token).await?;
    Ok(information(StatusCode::CREATED, &registrar, &registration))
}

/// `GET /register/{client_id}`
pub(crate) async fn show<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, RegistrationError> {
    let registrar = provider.registrar()?;
    let registration = registrar.find(&client_id, access_token(&headers)?).await?;
    Ok(information(StatusCode::OK, &registrar, &registration))
}

/// `PUT /register/{client_id}`
pub(crate) async fn update<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, RegistrationError> {
    let registrar = provider.registrar()?;
    let registration = registrar.find(&client_id, access_token(&headers)?).await?;
    let registration = registrar.update(registration, &read_body(&headers, body)?).await?;
    Ok(information(StatusCode::OK, &registrar, &registration))
}

/// `DELETE /register/{client_id}`
pub(crate) async fn remove<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, RegistrationError> {
    let registrar = provider.registrar()?;
    let registration = registrar.find(&client_id, access_token(&headers)?).await?;
    registrar.remove(registration).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    no_store(response.headers_mut());
    Ok(response)
}

/// An error of these endpoints: JSON, with the challenge of a bearer token where that was the fault.
pub(crate) struct RegistrationError(ProviderError);

impl<E: Into<ProviderError>> From<E> for RegistrationError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for RegistrationError {
    fn into_response(self) -> Response {
        let code = self.0.public().code;
        let mut response = JsonError(self.0).into_response();
        if code == ErrorCode::InvalidToken {
            let challenge = HeaderValue::from_static("Bearer realm=\"registration\", error=\"invalid_token\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl<I: Interaction> Provider<I> {
    fn registrar(&self) -> Result<Registrar<'_>, OAuthError> {
        Ok(Registrar {
            clients: &self.clients,
            policy: self.settings.registration.as_ref().ok_or_else(invalid_token)?,
            issuer: &self.settings.issuer,
            entropy: &*self.runtime.entropy,
            now: self.now(),
        })
    }
}

fn access_token(headers: &HeaderMap) -> Result<String, OAuthError> {
    bearer(headers, &Params::default())?.ok_or_else(invalid_token)
}

fn read_body(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, OAuthError> {
    let refuse = |reason| OAuthError::new(ErrorCode::InvalidClientMetadata, reason);
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(refuse("the body must be application/json"));
    }
    let body = body.map_err(|_| refuse("the body cannot be read"))?;
    serde_json::from_slice(&body).map_err(|_| refuse("the body must be a JSON object"))
}

fn information(status: StatusCode, registrar: &Registrar<'_>, registration: &Registration) -> Response {
    let mut response = (status, Json(registrar.describe(registration))).into_response();
    no_store(response.headers_mut());
    response
}
