//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use nixa_protocol::id::{Id, Sso};
use nixa_protocol::logout::{redirect_after, verify_hint};
use nixa_protocol::{Client, Params};
use nixa_storage::DeliveryRecord;
use nixa_web::{Browser, Page, Text, html, read_form};
use tower_sessions::Session;

use crate::error::ProviderError;
use crate::host::Host;
use crate::sso::SsoSession;
use crate::state::Provider;
use crate::step::{Chosen, origin, see_other};
use crate::trail::session_ended;

/// How long the browser waits for the first delivery of logout tokens, so that the services it visits
/// next know already. Slower ones are told by the outbox.
const FIRST_DELIVERY: Duration = Duration::from_secs(2);
/// What the confirmation's CSRF token is for.
const PURPOSE: &str = "logout";

#[derive(Template)]
#[template(path = "logout.html")]
struct ConfirmPage {
    page: Page,
    csrf: String,
    /// The parameters to act on after the confirmation; they are checked again then.
    kept: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    page: Page,
    message: String,
}

/// `GET /logout`
pub(crate) async fn get<H: Host>(
    State(provider): State<Arc<Provider<H>>>,
    session: Session,
    chosen: Chosen,
    RawQuery(query): RawQuery,
) -> Response {
    match Params::parse(query.unwrap_or_default().as_bytes()) {
        Ok(params) => respond(&provider, &session, chosen, &params, false).await,
        Err(_) => provider.problem(Text::default(), StatusCode::BAD_REQUEST, "bad-request").into_response(),
    }
}

/// `POST /logout`
pub(crate) async fn post<H: Host>(
    State(provider): State<Arc<Provider<H>>>,
    session: Session,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match read_form(&headers, body) {
        Ok(params) => respond(&provider, &session, Chosen::default(), &params, true).await,
        Err(e) => provider.problem(Text::default(), e.status(), "bad-request").into_response(),
    }
}

async fn respond<H: Host>(
    provider: &Arc<Provider<H>>,
    session: &Session,
    chosen: Chosen,
    params: &Params,
    post: bool,
) -> Response {
    let mut browser = match provider.known_browser(session).await {
        Ok(browser) => browser,
        Err(response) => return response,
    };
    let text = provider.text_for(browser.as_ref(), chosen, &params.list("ui_locales"));
    if let (Some(browser), Some(lang)) = (&mut browser, chosen.0)
        && let Err(error) = browser.choose_lang(lang).await
    {
        return provider.failed(&error.into(), text);
    }
    match act(provider, browser.as_mut(), text, params, post).await {
        Ok(response) => response,
        Err(error) => provider.failed(&error, text),
    }
}

async fn act<H: Host>(
    provider: &Arc<Provider<H>>,
    browser: Option<&mut Browser>,
    text: Text,
    params: &Params,
    post: bool,
) -> Result<Response, ProviderError> {
    if params.refuse_repeated().is_err() {
        return Ok(provider.problem(text, StatusCode::BAD_REQUEST, "bad-request").into_response());
    }
    let hint = params
        .get("id_token_hint")
        .and_then(|t| verify_hint(t, &provider.keys().verifying(), &provider.identity.issuer));
    let client = known_client(provider, params, hint.as_ref().map(|h| h.client_id.as_str())).await?;
    let after = redirect_after(params, client.as_deref());
    let hinted: Option<Id<Sso>> = hint.and_then(|h| h.sid).map(Id::from_text);
    let sid = browser.as_ref().and_then(|b| b.sid());
    let current = provider.sessions.load(sid, provider.now()).await?.map(|s| s.sid);
    let confirmed = browser.as_ref().is_some_and(|b| b.is_csrf_token(PURPOSE, params.get("csrf")));
    match (&current, &hinted) {
        // The service proves by its ID token that it belongs to this very session: nothing to ask.
        (Some(sid), Some(hinted)) if sid == hinted => log_out(provider, browser, Some(sid)).await?,
        (None, _) if post && browser.is_none() => match &hinted {
            // A cross-site post comes without the cookie; the verified hint names the session.
            Some(hinted) => log_out(provider, None, Some(hinted)).await?,
            // By GET the cookie comes along, and the page can ask.
            None => return Ok(see_other(&format!("/logout?{}", kept_query(&kept(params, client.as_deref()))))),
        },
        (None, _) => log_out(provider, browser, None).await?,
        (Some(sid), _) if confirmed => {
            if params.get("answer") != Some("yes") {
                return Ok(message(provider, text, "still-logged-in"));
            }
            log_out(provider, browser, Some(sid)).await?;
        }
        // Without proof, any page of the web could log people out: ask (RP-Initiated Logout §2).
        (Some(_), _) => {
            let csrf = browser.map(|b| b.csrf_token(PURPOSE)).unwrap_or_default();
            return Ok(ask(provider, csrf, text, kept(params, client.as_deref()), after.as_deref()));
        }
    }
    Ok(after.map_or_else(|| message(provider, text, "logged-out"), |uri| see_other(&uri)))
}

/// The client that the request is for; none when the hint and `client_id` name two.
async fn known_client<H: Host>(
    provider: &Provider<H>,
    params: &Params,
    hinted: Option<&str>,
) -> Result<Option<Arc<Client>>, ProviderError> {
    let named = params.get("client_id");
    let one = match (hinted, named) {
        (Some(a), Some(b)) if a != b => None,
        // A hint that was given but could not be verified leaves the request without a client.
        (None, Some(_)) if params.get("id_token_hint").is_some() => None,
        (hinted, named) => hinted.or(named),
    };
    match one {
        Some(one) => Ok(provider.clients.find(one, provider.now()).await?),
        None => Ok(None),
    }
}

async fn log_out<H: Host>(
    provider: &Arc<Provider<H>>,
    browser: Option<&mut Browser>,
    sid: Option<&Id<Sso>>,
) -> Result<(), ProviderError> {
    if let Some(sid) = sid {
        // Not by way of the background: were it first to claim the deliveries, nobody would wait for them.
        provider.close_session(sid).await?;
        // A task of its own: a delivery that takes longer goes on when the browser no longer waits.
        let provider = provider.clone();
        let delivery = tokio::spawn(async move { provider.deliver_due().await });
        let _late = tokio::time::timeout(FIRST_DELIVERY, delivery).await;
    }
    if let Some(browser) = browser.filter(|b| b.sid().is_some()) {
        browser.log_out().await?;
    }
    Ok(())
}

impl<H: Host> Provider<H> {
    /// Ends a session: its services are told, its tokens revoked. Deliveries are stored first, so that a
    /// crash on the way leaves a session that can be ended again, never a service that is not told.
    ///
    /// # Errors
    /// [`ProviderError`] when a store fails.
    pub async fn end_session(&self, sid: &Id<Sso>) -> Result<(), ProviderError> {
        self.close_session(sid).await?;
        self.queued.notify_one();
        Ok(())
    }

    async fn close_session(&self, sid: &Id<Sso>) -> Result<(), ProviderError> {
        let now = self.now();
        let Some(session) = self.sessions.load(Some(sid), now).await? else { return Ok(()) };
        let trail = [session_ended(session.subject.as_str(), sid, session.clients.len())];
        let deliveries = self.deliveries(&session, &session.clients).await?;
        self.stores.outbox.end_session(sid, &deliveries, &trail, now).await?;
        if let Some(last) = self.sessions.end(sid, now).await? {
            // A service that joined between the first look and the end is told too.
            let joined: BTreeSet<String> = last.clients.difference(&session.clients).cloned().collect();
            self.stores.outbox.enqueue(&self.deliveries(&last, &joined).await?, &[], now).await?;
        }
        // After the end: a code that is being redeemed meets one of the two, see `redeem`.
        self.stores.grants.revoke_session(sid, &[], now).await?;
        tracing::info!(services = session.clients.len(), "session ended");
        Ok(())
    }

    async fn deliveries(
        &self,
        session: &SsoSession<H::Login>,
        clients: &BTreeSet<String>,
    ) -> Result<Vec<DeliveryRecord>, ProviderError> {
        let clients = self.clients.find_all(clients, self.now()).await?;
        let wants = |client: &&Arc<Client>| client.backchannel_logout_uri.is_some();
        let delivery = |client: &Arc<Client>| DeliveryRecord {
            id: Id::random(&*self.entropy),
            client_id: client.client_id.clone(),
            subject: session.subject.clone(),
            sid: session.sid.clone(),
            attempts: 0,
        };
        Ok(clients.iter().filter(wants).map(delivery).collect())
    }
}

/// The parameters to act on after the question, checked again then. The client is the one that was
/// recognised: a hint that did not verify must not come back as a plain `client_id`.
fn kept(params: &Params, client: Option<&Client>) -> Vec<(&'static str, String)> {
    let Some(client) = client else { return Vec::new() };
    let others = ["post_logout_redirect_uri", "state", "ui_locales"];
    let others = others.into_iter().filter_map(|name| Some((name, params.owned(name)?)));
    std::iter::once(("client_id", client.client_id.clone())).chain(others).collect()
}

fn kept_query(kept: &[(&'static str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

fn ask<H: Host>(
    provider: &Provider<H>,
    csrf: String,
    text: Text,
    kept: Vec<(&'static str, String)>,
    after: Option<&str>,
) -> Response {
    let page = Page::new(&provider.look, text, "logout-title").keeping(&kept_query(&kept));
    let page = ConfirmPage { page: page.leading_to(&after.map(origin).unwrap_or_default()), csrf, kept };
    html(&page.page, &page, StatusCode::OK)
}

fn message<H: Host>(provider: &Provider<H>, text: Text, key: &str) -> Response {
    let page = MessagePage {
        page: Page::new(&provider.look, text, &format!("{key}-title")),
        message: text.t(&format!("{key}-text")),
    };
    html(&page.page, &page, StatusCode::OK)
}
