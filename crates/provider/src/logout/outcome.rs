//! After a logout: frames of services that want them (OpenID Connect Front-Channel Logout 1.0), the way on, and
//! what became of the services, for the person and for each service.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use nixa_protocol::id::{Id, Sso};
use nixa_protocol::logout::frame;
use nixa_protocol::{Client, digest, random_token};
use nixa_storage::{DELIVERED, DeliveryState};
use nixa_web::{Page, Text, html};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_sessions::Session;

use crate::authorize::open_transaction::origin;
use crate::client::authentication::{Call, called};
use crate::error::ProviderError;
use crate::http::json::json_answer;
use crate::http::page_error::see_other;
use crate::http::visitor::ChosenLanguage;
use crate::interaction::Interaction;
use crate::logout::end_session::{Ended, message};
use crate::provider::Provider;

/// How long a person can look up what became of their logout, in seconds.
const LOOKED_UP: i64 = 86_400;
/// How long the browser stays at the frames, in seconds: services answer in far less, and one that does not must
/// not hold the person.
const AT_FRAMES: &str = "4";
/// The days of which a service is told how its logouts went, in seconds.
const HEALTH: i64 = 86_400;
/// The most deliveries that a service is told of at once.
const MOST: i64 = 100;

#[derive(Template)]
#[template(path = "logged_out.html")]
struct LoggedOutPage {
    page: Page,
    message: String,
    /// Names of services, and what became of each.
    services: Vec<(String, String)>,
    frames: Vec<String>,
    href: String,
    label: String,
}

/// A logout that a person may look at again.
#[derive(Serialize, Deserialize)]
struct Looked {
    sid: Id<Sso>,
    clients: Vec<String>,
}

fn key(reference: &str) -> String {
    format!("logged-out:{}", digest(reference).as_str())
}

impl<I: Interaction> Provider<I> {
    /// Leads on: through the frames, if any service wants one, to the address that the service has named or to
    /// the page that shows what became of it.
    pub(crate) async fn after_logout(
        &self,
        text: Text,
        after: Option<String>,
        ended: Ended,
    ) -> Result<Response, ProviderError> {
        let Some(sid) = &ended.sid else {
            return Ok(after.map_or_else(|| message(self, text, "logged-out"), |uri| see_other(&uri)));
        };
        let framed = |client: &Arc<Client>| frame(client, &self.settings.issuer, sid.as_str());
        let frames: Vec<String> = ended.clients.iter().filter_map(framed).collect();
        let next = match after {
            Some(uri) => uri,
            None if ended.alone && frames.is_empty() => return Ok(message(self, text, "logged-out-service")),
            None if ended.alone => "/".to_owned(),
            None => self.look_again(sid, &ended.clients).await?,
        };
        if frames.is_empty() {
            return Ok(see_other(&next));
        }
        let kind = if ended.alone { "logged-out-service" } else { "logged-out" };
        let origins: Vec<String> = frames.iter().map(|uri| origin(uri)).collect();
        let page = Page::new(&self.branding, text, &format!("{kind}-title"));
        let page = LoggedOutPage {
            page: page.with_policy(&format!("frame-src {}", origins.join(" "))),
            message: text.t(&format!("{kind}-text")),
            services: Vec::new(),
            frames,
            href: next.clone(),
            label: text.t("go-on"),
        };
        let mut response = html(&page.page, &page, StatusCode::OK);
        // Without a script: every browser knows it, and the link is there too.
        if let Ok(value) = HeaderValue::from_str(&format!("{AT_FRAMES}; url={next}")) {
            response.headers_mut().insert("refresh", value);
        }
        Ok(response)
    }

    async fn look_again(&self, sid: &Id<Sso>, clients: &[Arc<Client>]) -> Result<String, ProviderError> {
        let reference = random_token(&*self.runtime.entropy);
        let looked = Looked { sid: sid.clone(), clients: clients.iter().map(|c| c.client_id.clone()).collect() };
        let now = self.now();
        self.stores.short.put(&key(&reference), &serde_json::to_vec(&looked)?, now + LOOKED_UP, now).await?;
        Ok(format!("/logout/{reference}"))
    }

    async fn told(&self, reference: &str, text: Text) -> Result<Vec<(String, String)>, ProviderError> {
        let Some(stored) = self.stores.short.get(&key(reference), self.now()).await? else { return Ok(Vec::new()) };
        let Looked { sid, clients } = serde_json::from_slice(&stored)?;
        let states = self.stores.outbox.deliveries_of_session(&sid).await?;
        let clients = self.clients.find_all(&clients, self.now()).await?;
        Ok(clients.iter().map(|c| (text.pick(&c.name).to_owned(), text.t(became(c, &states)))).collect())
    }

    async fn delivery_states(
        &self,
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
    ) -> Result<Value, ProviderError> {
        let Call { form, client, now } = called(self, "logout/deliveries", headers, body).await?;
        if !client.authentication.is_confidential() {
            return Err(nixa_protocol::error::invalid_client("the state of logouts needs client authentication").into());
        }
        let outbox = &self.stores.outbox;
        let mut states = match form.get("sid") {
            Some(sid) => outbox.deliveries_of_session(&Id::from_text(sid.to_owned())).await?,
            None => outbox.deliveries_of_client(&client.client_id, MOST).await?,
        };
        states.retain(|state| state.delivery.client_id == client.client_id);
        let health = outbox
            .delivery_health(Some(&client.client_id), now + -HEALTH)
            .await?
            .remove(&client.client_id)
            .unwrap_or_default();
        Ok(json!({
            "deliveries": states.iter().map(described).collect::<Vec<_>>(),
            "waiting": health.waiting,
            "oldest_waiting_at": health.oldest_waiting_at,
            "delivered_last_day": health.delivered,
            "last_delivered_at": health.last_delivered_at,
            "given_up_last_day": health.given_up,
        }))
    }
}

/// What became of a service, as a key of the texts.
fn became(client: &Client, states: &[DeliveryState]) -> &'static str {
    match states.iter().find(|state| state.delivery.client_id == client.client_id) {
        Some(state) if state.outcome.as_deref() == Some(DELIVERED) => "told-delivered",
        Some(state) if state.done_at.is_some() => "told-not",
        Some(state) if state.delivery.attempts > 1 => "told-again",
        Some(_) => "told-waiting",
        None if client.frontchannel_logout_uri.is_some() => "told-by-browser",
        None => "told-nothing",
    }
}

fn described(state: &DeliveryState) -> Value {
    json!({
        "sid": state.delivery.sid,
        "state": state.outcome.as_deref().unwrap_or("waiting"),
        "attempts": state.delivery.attempts,
        "queued_at": state.queued_at,
        "next_at": state.next_at,
        "done_at": state.done_at,
    })
}

/// `GET /logout/{reference}`
pub(crate) async fn show<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    session: Session,
    chosen: ChosenLanguage,
    Path(reference): Path<String>,
) -> Response {
    let browser = match provider.known_browser(&session).await {
        Ok(browser) => browser,
        Err(response) => return response,
    };
    let text = provider.text_for(browser.as_ref(), chosen, &[]);
    match provider.told(&reference, text).await {
        Ok(services) => {
            let page = LoggedOutPage {
                page: Page::new(&provider.branding, text, "logged-out-title"),
                message: text.t("logged-out-text"),
                services,
                frames: Vec::new(),
                href: "/".to_owned(),
                label: text.t("back-home"),
            };
            html(&page.page, &page, StatusCode::OK)
        }
        Err(error) => provider.failed(&error, text),
    }
}

/// `POST /logout/deliveries`: what became of a service's logouts, for the service itself.
pub(crate) async fn deliveries<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    json_answer(StatusCode::OK, provider.delivery_states(&headers, body).await)
}
