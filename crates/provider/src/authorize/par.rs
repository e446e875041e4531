//! Pushed authorization requests (RFC 9126).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use nixa_protocol::authorize::{REQUEST_URI, Unbound, bind, effective};
use nixa_protocol::error::invalid_request;
use nixa_protocol::{Client, Params, Timestamp, digest, random_token};
use nixa_storage::{Entries, Entry, Prefix};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::authorize::endpoint::complete;
use crate::client::authentication::AuthenticatedClient;
use crate::error::ProviderError;
use crate::http::json::{JsonError, NoStoreJson};
use crate::interaction::Interaction;
use crate::provider::Provider;

/// How long a pushed request waits for its browser, in seconds.
const LIFE: i64 = 90;
/// The longest request that is kept, in octets.
const LONGEST: usize = 8_192;

/// A pushed request: its parameters after every check.
#[derive(Debug, Serialize, Deserialize)]
struct Pushed {
    client_id: String,
    form: String,
}

impl Entry for Pushed {
    const PREFIX: Prefix = Prefix::PushedRequest;

    fn expires(&self, now: Timestamp) -> Timestamp {
        now + LIFE
    }
}

/// `POST /par`
pub(crate) async fn push<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    AuthenticatedClient { client, form, now }: AuthenticatedClient,
) -> Result<(StatusCode, NoStoreJson<Value>), JsonError> {
    if form.get("request_uri").is_some() {
        return Err(invalid_request("request_uri must not be pushed").into());
    }
    let client = provider.clients.with_keys(client, form.get("request"), now).await;
    let params = effective(form, &client, &provider.settings.issuer, now)?;
    let bound = bind(&params, client.clone()).map_err(|unbound| match unbound {
        Unbound::NoRedirectUri => invalid_request("redirect_uri is missing"),
        Unbound::UnregisteredRedirectUri => invalid_request("redirect_uri is not registered"),
    })?;
    complete(&provider, &params, &bound)?;
    // Neither credentials nor the signature are needed any more.
    let form = params.without(&["client_secret", "client_assertion", "client_assertion_type"]).to_form();
    if form.len() > LONGEST {
        return Err(invalid_request("the request is too long").into());
    }
    let reference = random_token(&*provider.runtime.entropy);
    let pushed = Pushed { client_id: client.client_id.clone(), form };
    Entries::new(provider.stores.short.clone()).put(digest(&reference).as_str(), &pushed, now).await?;
    let response = json!({ "request_uri": format!("{REQUEST_URI}{reference}"), "expires_in": LIFE });
    Ok((StatusCode::CREATED, NoStoreJson(response)))
}

impl<I: Interaction> Provider<I> {
    /// The parameters that a client pushed, once; none for a reference that is unknown, used, too old or
    /// another client's (RFC 9126 §2.2, §4).
    pub(crate) async fn take_pushed(&self, params: &Params, client: &Client) -> Result<Option<Params>, ProviderError> {
        let reference = params.get("request_uri").and_then(|uri| uri.strip_prefix(REQUEST_URI)).unwrap_or_default();
        let entries: Entries<Pushed> = Entries::new(self.stores.short.clone());
        let Some(pushed) = entries.take(digest(reference).as_str(), self.now()).await? else { return Ok(None) };
        if pushed.client_id != client.client_id {
            tracing::warn!(client = client.client_id, "a client used another one's pushed request");
            return Ok(None);
        }
        Ok(Params::parse(pushed.form.as_bytes()).ok())
    }
}
