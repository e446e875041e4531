//! The logout request (OpenID Connect RP-Initiated Logout 1.0 §2), as far as it is proven.

use std::collections::BTreeSet;
use std::sync::Arc;

use nixa_protocol::id::{Id, Sso};
use nixa_protocol::logout::{post_logout_redirect, verify_hint};
use nixa_protocol::{Client, Params, Timestamp, digest, random_token};
use nixa_storage::{Entries, Entry, Prefix};
use serde::{Deserialize, Serialize};

use crate::client::registry::Clients;
use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::runtime::{Runtime, SigningKeys};
use crate::settings::Settings;

/// How long a request is kept whose browser has not yet brought its cookie, in seconds.
const SUSPENDED: i64 = 300;

/// A logout request (OpenID Connect RP-Initiated Logout 1.0 §2).
pub(crate) struct LogoutRequest {
    params: Params,
    pub(crate) client: Option<Arc<Client>>,
    /// The session that a verified hint names.
    pub(crate) hinted_sid: Option<Id<Sso>>,
    /// Whether it was suspended until the browser brought its cookie.
    pub(crate) resumed: bool,
}

impl LogoutRequest {
    /// The parameters to act on after the question, checked again then. The client is the one that was
    /// recognised: a hint that did not verify must not come back as a plain `client_id`.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let Some(client) = &self.client else { return Vec::new() };
        let others = ["post_logout_redirect_uri", "state", "ui_locales"];
        let others = others.into_iter().filter_map(|name| Some((name, self.params.owned(name)?)));
        std::iter::once(("client_id", client.client_id.clone())).chain(others).collect()
    }

    /// [`parameters`](Self::parameters) as a query.
    pub(crate) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(self.parameters()).finish()
    }

    /// Where the browser goes after the logout.
    pub(crate) fn redirect(&self) -> Option<String> {
        post_logout_redirect(&self.params, self.client.as_deref())
    }
}

/// A request that came without its cookie, until the browser brings it.
#[derive(Serialize, Deserialize)]
struct SuspendedRequest {
    sid: Id<Sso>,
    form: String,
}

impl Entry for SuspendedRequest {
    const PREFIX: Prefix = Prefix::LogoutRequest;

    fn expires(&self, now: Timestamp) -> Timestamp {
        now + SUSPENDED
    }
}

/// The clients of a session, as a logout request sees them.
#[derive(Default)]
pub(crate) struct Participants {
    pub(crate) clients: Vec<Arc<Client>>,
    /// Whether there are others than the client of the request.
    pub(crate) has_others: bool,
    /// The client of the request, when it is one of several: then the person can leave it alone.
    pub(crate) separable: Option<Arc<Client>>,
}

/// Reads logout requests, and suspends those that cannot be acted on yet.
pub(crate) struct LogoutRequests {
    settings: Arc<Settings>,
    runtime: Runtime,
    keys: Arc<SigningKeys>,
    clients: Arc<Clients>,
    suspended: Entries<SuspendedRequest>,
}

impl LogoutRequests {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self {
            settings: provider.settings.clone(),
            runtime: provider.runtime.clone(),
            keys: provider.keys.clone(),
            clients: provider.clients.clone(),
            suspended: Entries::new(provider.stores.short.clone()),
        }
    }

    pub(crate) async fn read(&self, params: &Params) -> Result<LogoutRequest, ProviderError> {
        if let Some(reference) = params.get("request")
            && let Some(suspended) = self.suspended.take(digest(reference).as_str(), self.runtime.now()).await?
        {
            let params = Params::parse(suspended.form.as_bytes()).unwrap_or_default();
            let client = self.known_client(&params, None).await?;
            return Ok(LogoutRequest { params, client, hinted_sid: Some(suspended.sid), resumed: true });
        }
        let hint = params
            .get("id_token_hint")
            .and_then(|hint| verify_hint(hint, &self.keys.current().verifying(), &self.settings.issuer));
        let client = self.known_client(params, hint.as_ref().map(|hint| hint.client_id.as_str())).await?;
        let hinted_sid = hint.and_then(|hint| hint.sid).map(Id::from_text);
        Ok(LogoutRequest { params: params.clone(), client, hinted_sid, resumed: false })
    }

    /// Keeps a request that came without its cookie; the path to which the browser brings the cookie.
    pub(crate) async fn suspend(&self, request: &LogoutRequest, sid: &Id<Sso>) -> Result<String, ProviderError> {
        let reference = random_token(&*self.runtime.entropy);
        let suspended = SuspendedRequest { sid: sid.clone(), form: request.query() };
        self.suspended.put(digest(&reference).as_str(), &suspended, self.runtime.now()).await?;
        Ok(format!("/logout?request={reference}"))
    }

    /// The clients of a session that are still there: one that was removed has no session that anybody could want
    /// to keep.
    pub(crate) async fn participants(
        &self,
        request: &LogoutRequest,
        clients: &BTreeSet<String>,
    ) -> Result<Participants, ProviderError> {
        let clients = self.clients.find_all(clients, self.runtime.now()).await?;
        let client_id = request.client.as_ref().map(|client| client.client_id.as_str());
        let is_requester = |client: &Client| client_id == Some(client.client_id.as_str());
        let has_others = clients.iter().any(|client| !is_requester(client));
        let separable = clients.iter().find(|client| has_others && is_requester(client)).cloned();
        Ok(Participants { clients, has_others, separable })
    }

    /// The client that the request is for; none when the hint and `client_id` name two.
    async fn known_client(&self, params: &Params, hinted: Option<&str>) -> Result<Option<Arc<Client>>, ProviderError> {
        let client_id = match (hinted, params.get("client_id")) {
            (Some(hinted), Some(named)) if hinted != named => None,
            // A hint that was given but could not be verified leaves the request without a client.
            (None, Some(_)) if params.get("id_token_hint").is_some() => None,
            (hinted, named) => hinted.or(named),
        };
        match client_id {
            Some(client_id) => Ok(self.clients.find(client_id, self.runtime.now()).await?),
            None => Ok(None),
        }
    }
}
