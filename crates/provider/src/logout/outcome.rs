//! What became of the clients of a session that ended, for the person to look up.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use nixa_protocol::id::{Id, Sso};
use nixa_protocol::{Client, Timestamp, digest, random_token};
use nixa_storage::{DeliveryState, Entries, Entry, LogoutOutbox, Prefix};
use nixa_web::{Page, Text, html};
use serde::{Deserialize, Serialize};

use crate::client::registry::Clients;
use crate::error::ProviderError;
use crate::http::page_error::PageError;
use crate::http::visitor::Visitor;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::runtime::Runtime;

/// How long a person can look up what became of their logout, in seconds.
const KEPT: i64 = 86_400;

#[derive(Template)]
#[template(path = "logged_out.html")]
pub(crate) struct LoggedOutPage {
    pub(crate) page: Page,
    pub(crate) message: String,
    /// Names of clients, and what became of each.
    pub(crate) services: Vec<(String, String)>,
    pub(crate) frames: Vec<String>,
    pub(crate) href: String,
    pub(crate) label: String,
}

/// A session that ended, with the clients that took part in it.
#[derive(Serialize, Deserialize)]
struct EndedSession {
    sid: Id<Sso>,
    clients: Vec<String>,
}

impl Entry for EndedSession {
    const PREFIX: Prefix = Prefix::LogoutOutcome;

    fn expires(&self, now: Timestamp) -> Timestamp {
        now + KEPT
    }
}

/// The logouts that can be looked up.
pub(crate) struct LogoutOutcomes {
    runtime: Runtime,
    clients: Arc<Clients>,
    outbox: Arc<dyn LogoutOutbox>,
    ended: Entries<EndedSession>,
}

impl LogoutOutcomes {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self {
            runtime: provider.runtime.clone(),
            clients: provider.clients.clone(),
            outbox: provider.stores.outbox.clone(),
            ended: Entries::new(provider.stores.short.clone()),
        }
    }

    /// Keeps a logout; the path of its page.
    pub(crate) async fn keep(&self, sid: &Id<Sso>, clients: &[Arc<Client>]) -> Result<String, ProviderError> {
        let reference = random_token(&*self.runtime.entropy);
        let clients = clients.iter().map(|client| client.client_id.clone()).collect();
        let ended = EndedSession { sid: sid.clone(), clients };
        self.ended.put(digest(&reference).as_str(), &ended, self.runtime.now()).await?;
        Ok(format!("/logout/{reference}"))
    }

    /// The names of the clients of a logout, and what became of each.
    async fn describe(&self, reference: &str, text: Text) -> Result<Vec<(String, String)>, ProviderError> {
        let now = self.runtime.now();
        let Some(ended) = self.ended.get(digest(reference).as_str(), now).await? else { return Ok(Vec::new()) };
        let deliveries = self.outbox.deliveries_of_session(&ended.sid).await?;
        let clients = self.clients.find_all(&ended.clients, now).await?;
        let described =
            |client: &Arc<Client>| (text.pick(&client.name).to_owned(), outcome_text(text, client, &deliveries));
        Ok(clients.iter().map(described).collect())
    }
}

/// What became of a client.
fn outcome_text(text: Text, client: &Client, deliveries: &[DeliveryState]) -> String {
    match deliveries.iter().find(|state| state.delivery.client_id == client.client_id) {
        Some(state) if state.is_delivered() => text.told_delivered(),
        Some(state) if state.done_at.is_some() => text.told_not(),
        Some(state) if state.delivery.attempts > 1 => text.told_again(),
        Some(_) => text.told_waiting(),
        None if client.frontchannel_logout_uri.is_some() => text.told_by_browser(),
        None => text.told_nothing(),
    }
}

/// `GET /logout/{reference}`
pub(crate) async fn show<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    visitor: Visitor,
    Path(reference): Path<String>,
) -> Result<Response, PageError> {
    let text = visitor.text;
    let services = LogoutOutcomes::new(&provider).describe(&reference, text).await?;
    let page = LoggedOutPage {
        page: Page::new(&provider.branding, text, text.logged_out_title()),
        message: text.logged_out_text(),
        services,
        frames: Vec::new(),
        href: "/".to_owned(),
        label: text.back_home(),
    };
    Ok(html(&page.page, &page, StatusCode::OK))
}
