//! The introspection endpoint (RFC 7662), which tells an API the level of a login (RFC 9470 §6.2).

use std::sync::Arc;

use axum::extract::{FromRef, State};
use nixa_protocol::error::invalid_client;
use nixa_protocol::introspection::may_introspect;
use serde_json::{Value, json};

use crate::client::authentication::{AuthenticatedClient, ClientAuthenticator};
use crate::client::registry::Clients;
use crate::http::json::{JsonError, NoStoreJson};
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::settings::Settings;
use crate::token::access_token::AccessTokens;

pub(crate) struct IntrospectionEndpoint {
    authenticator: ClientAuthenticator,
    settings: Arc<Settings>,
    clients: Arc<Clients>,
    access_tokens: AccessTokens,
}

impl IntrospectionEndpoint {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self {
            authenticator: ClientAuthenticator::new(provider),
            settings: provider.settings.clone(),
            clients: provider.clients.clone(),
            access_tokens: AccessTokens::new(provider),
        }
    }
}

impl FromRef<Arc<IntrospectionEndpoint>> for ClientAuthenticator {
    fn from_ref(endpoint: &Arc<IntrospectionEndpoint>) -> Self {
        endpoint.authenticator.clone()
    }
}

/// `POST /introspect`
pub(crate) async fn introspect(
    State(endpoint): State<Arc<IntrospectionEndpoint>>,
    AuthenticatedClient { client: caller, form, now }: AuthenticatedClient,
) -> Result<NoStoreJson<Value>, JsonError> {
    if !caller.authentication.is_confidential() {
        // Anybody can use a public client's name: an open endpoint would try out tokens for them (RFC 7662 §2.1).
        return Err(invalid_client("introspection needs client authentication").into());
    }
    let inactive = Ok(NoStoreJson(json!({ "active": false })));
    let Some(token) = endpoint.access_tokens.find(form.required("token")?, now).await? else { return inactive };
    if !may_introspect(&caller, &token.access.client_id, &token.access.audience) {
        return inactive;
    }
    let Some(holder) = endpoint.clients.find(&token.access.client_id, now).await? else { return inactive };
    let sub = endpoint.access_tokens.subject_of(&token, &holder);
    let mut response = serde_json::to_value(token.claims(&endpoint.settings.issuer, &sub, None))?;
    if let Some(members) = response.as_object_mut() {
        members.insert("active".to_owned(), json!(true));
        members.insert("token_type".to_owned(), json!("Bearer"));
    }
    Ok(NoStoreJson(response))
}
