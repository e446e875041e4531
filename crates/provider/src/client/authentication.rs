//! Client authentication at the endpoints that clients call themselves (RFC 6749 §2.3).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderMap, header};
use nixa_protocol::error::invalid_client;
use nixa_protocol::{Client, Params, Timestamp, client_auth, digest};
use nixa_storage::{Entries, Entry, Prefix};
use nixa_web::read_form;
use serde::{Deserialize, Serialize};

use crate::client::registry::Clients;
use crate::error::ProviderError;
use crate::http::json::JsonError;
use crate::http::rate_limit::RateLimiter;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::runtime::Runtime;
use crate::settings::Settings;

/// A form, and the client that has proved to have sent it.
pub(crate) struct AuthenticatedClient {
    pub(crate) client: Arc<Client>,
    pub(crate) form: Params,
    /// When it was authenticated: the time of the whole request.
    pub(crate) now: Timestamp,
}

impl<S: Send + Sync> FromRequest<S> for AuthenticatedClient
where
    ClientAuthenticator: FromRef<S>,
{
    type Rejection = JsonError;

    async fn from_request(request: Request, state: &S) -> Result<Self, JsonError> {
        let authenticator = ClientAuthenticator::from_ref(state);
        let (endpoint, headers) = (request.uri().path().to_owned(), request.headers().clone());
        let form = read_form(&headers, Bytes::from_request(request, state).await)?;
        form.refuse_repeated()?;
        let now = authenticator.runtime.now();
        let client = authenticator.authenticate(&endpoint, &headers, &form, now).await?;
        Ok(Self { client, form, now })
    }
}

impl<I: Interaction> FromRef<Arc<Provider<I>>> for ClientAuthenticator {
    fn from_ref(provider: &Arc<Provider<I>>) -> Self {
        Self::new(provider)
    }
}

/// A client assertion that was used, so that it is not used again (RFC 7523 §3).
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct UsedAssertion {
    expires: Timestamp,
}

impl Entry for UsedAssertion {
    const PREFIX: Prefix = Prefix::ClientAssertion;

    fn expires(&self, _now: Timestamp) -> Timestamp {
        self.expires
    }
}

#[derive(Clone)]
pub(crate) struct ClientAuthenticator {
    settings: Arc<Settings>,
    runtime: Runtime,
    clients: Arc<Clients>,
    used_assertions: Entries<UsedAssertion>,
    rate_limiter: RateLimiter,
}

impl ClientAuthenticator {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self {
            settings: provider.settings.clone(),
            runtime: provider.runtime.clone(),
            clients: provider.clients.clone(),
            used_assertions: Entries::new(provider.stores.short.clone()),
            rate_limiter: provider.rate_limiter.clone(),
        }
    }

    /// Authenticates the client of a request to an endpoint, which is named by its path, and uses up its assertion
    /// before anything else is looked at.
    async fn authenticate(
        &self,
        endpoint: &str,
        headers: &HeaderMap,
        form: &Params,
        now: Timestamp,
    ) -> Result<Arc<Client>, ProviderError> {
        let authorization = match headers.get(header::AUTHORIZATION) {
            Some(value) => Some(value.to_str().map_err(|_| invalid_client("Authorization is malformed"))?),
            None => None,
        };
        let presented = client_auth::present(authorization, form)?;
        let unknown = || invalid_client("client authentication failed");
        let client = self.clients.find(&presented.client_id, now).await?.ok_or_else(unknown)?;
        let client = self.clients.with_keys(client, form.get("client_assertion"), now).await;
        let issuer = &self.settings.issuer;
        // The token endpoint counts everywhere (RFC 9126 §2).
        let (token_endpoint, endpoint) = (format!("{issuer}/token"), format!("{issuer}{endpoint}"));
        let audiences = [issuer.as_str(), &token_endpoint, &endpoint];
        if let Some(assertion) = client_auth::authenticate(&client, &presented, &audiences, now)? {
            let name = format!("{}:{}", client.client_id, digest(&assertion.jti).as_str());
            let used = UsedAssertion { expires: assertion.expires };
            if !self.used_assertions.put_new(&name, &used, now).await? {
                return Err(invalid_client("client_assertion was used before").into());
            }
        }
        self.rate_limiter.count_client(&client, now).await?;
        Ok(client)
    }
}
