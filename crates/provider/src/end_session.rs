//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).

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
use crate::state::Provider;
use crate::step::{Chosen, origin, see_other};

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
    provider: &Provider<H>,
    session: &Session,
    chosen: Chosen,
    params: &Params,
    post: bool,
) -> Response {
    let mut browser = match provider.browser(session).await {
        Ok(browser) => browser,
        Err(response) => return response,
    };
    if let Some(lang) = chosen.0
        && let Err(error) = browser.choose_lang(lang).await
    {
        return provider.failed(&error.into(), Text::default());
    }
    let text = provider.text(&browser, &params.list("ui_locales"));
    match act(provider, &mut browser, text, params, post).await {
        Ok(response) => response,
        Err(error) => provider.failed(&error, text),
    }
}

async fn act<H: Host>(
    provider: &Provider<H>,
    browser: &mut Browser,
    text: Text,
    params: &Params,
    post: bool,
) -> Result<Response, ProviderError> {
    if params.refuse_repeated().is_err() {
        return Ok(provider.problem(text, StatusCode::BAD_REQUEST, "bad-request").into_response());
    }
    let hint = params
        .get("id_token_hint")
        .and_then(|t| verify_hint(t, &provider.identity.verifying, &provider.identity.issuer));
    let client = known_client(provider, params, hint.as_ref().map(|h| h.client_id.as_str()));
    let after = redirect_after(params, client.as_deref());
    let hinted: Option<Id<Sso>> = hint.and_then(|h| h.sid).map(Id::from_text);
    let current = provider.sessions.load(browser.sid(), provider.now()).await?.map(|s| s.sid);
    match (&current, &hinted) {
        // The service proves by its ID token that it belongs to this very session: nothing to ask.
        (Some(sid), Some(hinted)) if sid == hinted => log_out(provider, browser, Some(sid)).await?,
        // A cross-site post comes without the cookie; the verified hint names the session.
        (None, Some(hinted)) if post => log_out(provider, browser, Some(hinted)).await?,
        (None, _) => log_out(provider, browser, None).await?,
        (Some(sid), _) if browser.is_csrf_token(PURPOSE, params.get("csrf")) => {
            if params.get("answer") != Some("yes") {
                return Ok(message(provider, text, "still-logged-in"));
            }
            log_out(provider, browser, Some(sid)).await?;
        }
        // Without proof, any page of the web could log people out: ask (RP-Initiated Logout §2).
        (Some(_), _) => return Ok(ask(provider, browser, text, params)),
    }
    Ok(after.map_or_else(|| message(provider, text, "logged-out"), |uri| see_other(&uri)))
}

/// The client that the request is for; none when the hint and `client_id` name two.
fn known_client<H: Host>(provider: &Provider<H>, params: &Params, hinted: Option<&str>) -> Option<Arc<Client>> {
    let named = params.get("client_id");
    match (hinted, named) {
        (Some(a), Some(b)) if a != b => None,
        // A hint that was given but could not be verified leaves the request without a client.
        (None, Some(_)) if params.get("id_token_hint").is_some() => None,
        (hinted, named) => provider.clients.find(hinted.or(named)?),
    }
}

async fn log_out<H: Host>(
    provider: &Provider<H>,
    browser: &mut Browser,
    sid: Option<&Id<Sso>>,
) -> Result<(), ProviderError> {
    if let Some(sid) = sid {
        provider.end_session(sid).await?;
        // Not an error: what is late is delivered from the outbox.
        let _late = tokio::time::timeout(FIRST_DELIVERY, provider.deliver_due()).await;
    }
    if browser.sid().is_some() {
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
        let now = self.now();
        let Some(session) = self.sessions.load(Some(sid), now).await? else { return Ok(()) };
        let wants = |id: &&String| self.clients.find(id).is_some_and(|c| c.backchannel_logout_uri.is_some());
        let deliveries: Vec<DeliveryRecord> = session
            .clients
            .iter()
            .filter(wants)
            .map(|client_id| DeliveryRecord {
                id: Id::random(&*self.entropy),
                client_id: client_id.clone(),
                subject: session.subject.clone(),
                sid: sid.clone(),
                attempts: 0,
            })
            .collect();
        self.stores.outbox.enqueue(&deliveries, now).await?;
        self.stores.grants.revoke_session(sid, now).await?;
        self.sessions.end(sid).await?;
        self.queued.notify_one();
        tracing::info!(services = deliveries.len(), "session ended");
        Ok(())
    }
}

fn ask<H: Host>(provider: &Provider<H>, browser: &Browser, text: Text, params: &Params) -> Response {
    let keep = ["client_id", "post_logout_redirect_uri", "state"];
    // A hint that did not verify must not come back as a plain client_id: then there is no redirect.
    let kept = if params.get("id_token_hint").is_some() { &keep[..0] } else { &keep[..] };
    let client = params.get("client_id").and_then(|id| provider.clients.find(id));
    let after = redirect_after(params, client.as_deref()).map(|uri| origin(&uri)).unwrap_or_default();
    let page = ConfirmPage {
        page: Page::new(&provider.look, text, "logout-title").leading_to(&after),
        csrf: browser.csrf_token(PURPOSE),
        kept: kept.iter().filter_map(|name| Some((*name, params.owned(name)?))).collect(),
    };
    html(&page.page, &page, StatusCode::OK)
}

fn message<H: Host>(provider: &Provider<H>, text: Text, key: &str) -> Response {
    let page = MessagePage {
        page: Page::new(&provider.look, text, &format!("{key}-title")),
        message: text.t(&format!("{key}-text")),
    };
    html(&page.page, &page, StatusCode::OK)
}
