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
use nixa_protocol::{Client, Params, digest, random_token};
use nixa_storage::DeliveryRecord;
use nixa_web::{BrowserSession, Page, Text, html, read_form};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::audit::session_ended;
use crate::authorize::page::{Chosen, origin, see_other};
use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::session::sso::SsoSession;

/// How long the browser waits for the first delivery of logout tokens, so that the services it visits
/// next know already. Slower ones are told by the outbox.
const FIRST_DELIVERY: Duration = Duration::from_secs(2);
/// How long a request is kept whose browser has not yet brought its cookie, in seconds.
const SET_ASIDE: i64 = 300;
/// What the confirmation's CSRF token is for.
const PURPOSE: &str = "logout";

#[derive(Template)]
#[template(path = "logout.html")]
struct ConfirmPage {
    page: Page,
    csrf: String,
    /// The parameters to act on after the confirmation; they are checked again then.
    kept: Vec<(&'static str, String)>,
    /// The names of the services of the session.
    services: Vec<String>,
    /// The service that can be left alone.
    only: Option<String>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    page: Page,
    message: String,
}

/// `GET /logout`
pub(crate) async fn get<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
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
pub(crate) async fn post<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    session: Session,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match read_form(&headers, body) {
        Ok(params) => respond(&provider, &session, Chosen::default(), &params, true).await,
        Err(e) => provider.problem(Text::default(), e.status(), "bad-request").into_response(),
    }
}

async fn respond<I: Interaction>(
    provider: &Arc<Provider<I>>,
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

async fn act<I: Interaction>(
    provider: &Arc<Provider<I>>,
    browser: Option<&mut BrowserSession>,
    text: Text,
    params: &Params,
    post: bool,
) -> Result<Response, ProviderError> {
    if params.refuse_repeated().is_err() {
        return Ok(provider.problem(text, StatusCode::BAD_REQUEST, "bad-request").into_response());
    }
    let asked = read(provider, params).await?;
    let after = redirect_after(&asked.params, asked.client.as_deref());
    let sid = browser.as_ref().and_then(|b| b.sid());
    let current = provider.sessions.load(sid, provider.now()).await?;
    let here = asked.place(provider, current.as_ref()).await?;
    let confirmed = browser.as_ref().is_some_and(|b| b.is_csrf_token(PURPOSE, params.get("csrf")));
    let ended = match (&current, &asked.sid) {
        (Some(session), _) if confirmed => match (params.get("answer"), here.alone) {
            (Some("yes"), _) => log_out(provider, browser, Some(session)).await?,
            (Some("service"), Some(client)) => leave(provider, session, &client).await?,
            _ => return Ok(message(provider, text, "still-logged-in")),
        },
        // The service proves by its ID token that it belongs to this very session, and there is no other one whose
        // session the person may want to keep: nothing to ask.
        (Some(session), Some(hinted)) if session.sid == *hinted && !here.others => {
            log_out(provider, browser, Some(session)).await?
        }
        // Without proof, any page of the web could log people out: ask (RP-Initiated Logout §2).
        (Some(_), _) => return Ok(ask(provider, browser, text, &asked, here, after.as_deref())),
        (None, Some(hinted)) if post && browser.is_none() => {
            // A cross-site post comes without the cookie; the verified hint names the session.
            let session = provider.sessions.load(Some(hinted), provider.now()).await?;
            if asked.place(provider, session.as_ref()).await?.others {
                // By GET the cookie comes along, and the page can ask.
                return provider.set_aside(&asked, hinted).await;
            }
            log_out(provider, None, session.as_ref()).await?
        }
        (None, None) if post && browser.is_none() => {
            return Ok(see_other(&format!("/logout?{}", kept_query(&asked.kept()))));
        }
        // Set aside by a post, and then the browser came without a session after all.
        (None, Some(hinted)) if asked.set_aside => {
            // Nobody can be asked: the service speaks for itself and for no other.
            let session = provider.sessions.load(Some(hinted), provider.now()).await?;
            match (asked.place(provider, session.as_ref()).await?, &session) {
                (Place { alone: Some(client), .. }, Some(session)) => leave(provider, session, &client).await?,
                (Place { others: false, .. }, session) => log_out(provider, browser, session.as_ref()).await?,
                _ => log_out(provider, browser, None).await?,
            }
        }
        (None, _) => log_out(provider, browser, None).await?,
    };
    provider.after_logout(text, after, ended).await
}

/// What a request asks for, as far as it is proven.
struct UpstreamRequest {
    params: Params,
    client: Option<Arc<Client>>,
    /// The session that a verified hint names.
    sid: Option<Id<Sso>>,
    set_aside: bool,
}

/// A request that came without its cookie, until the browser brings it.
#[derive(Serialize, Deserialize)]
struct SetAside {
    sid: Id<Sso>,
    form: String,
}

impl UpstreamRequest {
    /// The parameters to act on after the question, checked again then. The client is the one that was
    /// recognised: a hint that did not verify must not come back as a plain `client_id`.
    fn kept(&self) -> Vec<(&'static str, String)> {
        let Some(client) = &self.client else { return Vec::new() };
        let others = ["post_logout_redirect_uri", "state", "ui_locales"];
        let others = others.into_iter().filter_map(|name| Some((name, self.params.owned(name)?)));
        std::iter::once(("client_id", client.client_id.clone())).chain(others).collect()
    }

    /// Where the client stands in a session.
    async fn place<I: Interaction>(
        &self,
        provider: &Provider<I>,
        session: Option<&SsoSession<I::SessionData>>,
    ) -> Result<Place, ProviderError> {
        let Some(session) = session else { return Ok(Place::default()) };
        // Those that are still there: a client that was removed has no session that anybody could want to keep.
        let services = provider.clients.find_all(&session.clients, provider.now()).await?;
        let is_it = |service: &&Arc<Client>| self.client.as_ref().is_some_and(|c| c.client_id == service.client_id);
        let others = services.iter().any(|service| !is_it(&service));
        let alone = services.iter().find(is_it).filter(|_| others).cloned();
        Ok(Place { services, others, alone })
    }
}

/// Where the client that asks for a logout stands in the session.
#[derive(Default)]
struct Place {
    /// The services of the session.
    services: Vec<Arc<Client>>,
    /// Whether there are others than the client.
    others: bool,
    /// The client, when it is one of several: then the person can leave it alone.
    alone: Option<Arc<Client>>,
}

async fn read<I: Interaction>(provider: &Provider<I>, params: &Params) -> Result<UpstreamRequest, ProviderError> {
    if let Some(reference) = params.get("request") {
        let stored = provider.stores.short.take(&aside_key(reference), provider.now()).await?;
        if let Some(stored) = stored {
            let SetAside { sid, form } = serde_json::from_slice(&stored)?;
            let params = Params::parse(form.as_bytes()).unwrap_or_default();
            let client = known_client(provider, &params, None).await?;
            return Ok(UpstreamRequest { params, client, sid: Some(sid), set_aside: true });
        }
    }
    let hint = params
        .get("id_token_hint")
        .and_then(|t| verify_hint(t, &provider.keys().verifying(), &provider.identity.issuer));
    let client = known_client(provider, params, hint.as_ref().map(|h| h.client_id.as_str())).await?;
    let sid = hint.and_then(|h| h.sid).map(Id::from_text);
    Ok(UpstreamRequest { params: params.clone(), client, sid, set_aside: false })
}

fn aside_key(reference: &str) -> String {
    format!("logout:{}", digest(reference).as_str())
}

/// The client that the request is for; none when the hint and `client_id` name two.
async fn known_client<I: Interaction>(
    provider: &Provider<I>,
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

/// What was ended.
pub(crate) struct Ended {
    /// The session; none when there was none.
    pub(crate) sid: Option<Id<Sso>>,
    /// Its services.
    pub(crate) clients: Vec<Arc<Client>>,
    /// Whether one service was left, and the session goes on.
    pub(crate) alone: bool,
}

async fn log_out<I: Interaction>(
    provider: &Arc<Provider<I>>,
    browser: Option<&mut BrowserSession>,
    session: Option<&SsoSession<I::SessionData>>,
) -> Result<Ended, ProviderError> {
    let mut ended = Ended { sid: None, clients: Vec::new(), alone: false };
    if let Some(session) = session {
        ended.sid = Some(session.sid.clone());
        ended.clients = provider.clients.find_all(&session.clients, provider.now()).await?;
        // Not by way of the background: were it first to claim the deliveries, nobody would wait for them.
        provider.close_session(&session.sid).await?;
        first_delivery(provider).await;
    }
    if let Some(browser) = browser.filter(|b| b.sid().is_some()) {
        browser.log_out().await?;
    }
    Ok(ended)
}

/// Ends one service's part in a session, which goes on.
async fn leave<I: Interaction>(
    provider: &Arc<Provider<I>>,
    session: &SsoSession<I::SessionData>,
    client: &Arc<Client>,
) -> Result<Ended, ProviderError> {
    let now = provider.now();
    let only = BTreeSet::from([client.client_id.clone()]);
    let event = session_ended(&session.subject, &session.sid, 1, Some(&client.client_id));
    let deliveries = provider.deliveries(session, &only).await?;
    let id = Some(client.client_id.as_str());
    provider.stores.outbox.end_session(&session.sid, id, &deliveries, &[event], now).await?;
    provider
        .sessions
        .change(&session.sid, now, |s| {
            s.clients.remove(&client.client_id);
        })
        .await?;
    // After it is gone from the session: a code that is being redeemed meets one of the two, see `redeem`.
    provider.stores.outbox.end_session(&session.sid, id, &[], &[], now).await?;
    first_delivery(provider).await;
    Ok(Ended { sid: Some(session.sid.clone()), clients: vec![Arc::clone(client)], alone: true })
}

async fn first_delivery<I: Interaction>(provider: &Arc<Provider<I>>) {
    // A task of its own: a delivery that takes longer goes on when the browser no longer waits.
    let provider = provider.clone();
    let delivery = tokio::spawn(async move { provider.deliver_due().await });
    let _late = tokio::time::timeout(FIRST_DELIVERY, delivery).await;
}

impl<I: Interaction> Provider<I> {
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

    /// Keeps a request that came without its cookie, and has the browser bring the cookie.
    async fn set_aside(&self, asked: &UpstreamRequest, sid: &Id<Sso>) -> Result<Response, ProviderError> {
        let reference = random_token(&*self.entropy);
        let kept = SetAside { sid: sid.clone(), form: kept_query(&asked.kept()) };
        let now = self.now();
        self.stores.short.put(&aside_key(&reference), &serde_json::to_vec(&kept)?, now + SET_ASIDE, now).await?;
        Ok(see_other(&format!("/logout?request={reference}")))
    }

    async fn close_session(&self, sid: &Id<Sso>) -> Result<(), ProviderError> {
        let now = self.now();
        let Some(session) = self.sessions.load(Some(sid), now).await? else { return Ok(()) };
        let audit = [session_ended(&session.subject, sid, session.clients.len(), None)];
        let deliveries = self.deliveries(&session, &session.clients).await?;
        self.stores.outbox.end_session(sid, None, &deliveries, &audit, now).await?;
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

    pub(crate) async fn deliveries(
        &self,
        session: &SsoSession<I::SessionData>,
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

fn kept_query(kept: &[(&'static str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

fn ask<I: Interaction>(
    provider: &Provider<I>,
    browser: Option<&mut BrowserSession>,
    text: Text,
    asked: &UpstreamRequest,
    here: Place,
    after: Option<&str>,
) -> Response {
    let csrf = browser.map(|b| b.csrf_token(PURPOSE)).unwrap_or_default();
    let kept = asked.kept();
    let page = Page::new(&provider.branding, text, "logout-title").keeping(&kept_query(&kept));
    let name = |client: &Arc<Client>| text.pick(&client.name).to_owned();
    let page = ConfirmPage {
        page: page.leading_to(&after.map(origin).unwrap_or_default()),
        csrf,
        kept,
        services: here.services.iter().map(name).collect(),
        only: here.alone.as_ref().map(name),
    };
    html(&page.page, &page, StatusCode::OK)
}

pub(crate) fn message<I: Interaction>(provider: &Provider<I>, text: Text, key: &str) -> Response {
    let page = MessagePage {
        page: Page::new(&provider.branding, text, &format!("{key}-title")),
        message: text.t(&format!("{key}-text")),
    };
    html(&page.page, &page, StatusCode::OK)
}
