//! Opening and submitting a step: the guards that every page of an open login shares.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::extract::rejection::BytesRejection;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_protocol::authorize::{AuthorizationResponse, ResponseMode};
use nixa_protocol::id::Id;
use nixa_protocol::{Client, ErrorCode, OAuthError, Params};
use nixa_web::{Branding, BrowserSession, ErrorPage, Lang, NextLink, Page, Text, read_form};
use tower_sessions::Session;

use crate::authorize::transaction::{StoredTransaction, Transaction};
use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;

/// The language that a request chooses by `?lang=`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chosen(pub Option<Lang>);

impl<S: Sync> FromRequestParts<S> for Chosen {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let params = Params::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
        Ok(Self(params.get("lang").and_then(Lang::parse)))
    }
}

/// An open login at a page of it, in the browser that it belongs to.
pub struct Step<S> {
    /// The browser.
    pub browser: BrowserSession,
    /// The open login.
    pub current: StoredTransaction<S>,
    /// The client that asked.
    pub client: Arc<Client>,
    /// The language.
    pub text: Text,
}

/// Sends the browser on with a GET, whatever the method was: a 307 would send a password on
/// (RFC 9700 §4.12).
#[must_use]
pub fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(value) => (StatusCode::SEE_OTHER, [(header::LOCATION, value)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

impl<I: Interaction> Provider<I> {
    /// Opens a page of a login: it must exist, be open, in time, and belong to this browser.
    ///
    /// # Errors
    /// The page that says what is wrong and leads on.
    pub async fn open_step(
        &self,
        session: &Session,
        id: &str,
        chosen: Chosen,
    ) -> Result<Step<I::TransactionData>, Response> {
        let known = self.known_browser(session).await?;
        let text = self.text_for(known.as_ref(), chosen, &[]);
        let now = self.now();
        let found = self.transactions.load(&Id::from_text(id), now).await.map_err(|e| self.failed(&e, text))?;
        let Some(mut current) = found else { return Err(self.unknown_login(text)) };
        let mut browser = match known {
            Some(browser) => browser,
            // The first fetch of a login that came by a cross-site post.
            None if current.browser.is_none() => self.browser(session).await?,
            None => return Err(self.unknown_login(text)),
        };
        if let Some(lang) = chosen.0 {
            browser.choose_lang(lang).await.map_err(|e| self.failed(&e.into(), text))?;
        }
        let text = self.text(&browser, &current.request.ui_locales);
        if current.browser.is_none() {
            let bind = |p: &mut Transaction<I::TransactionData>| {
                p.browser.get_or_insert_with(|| browser.id().clone());
            };
            let bound = self.transactions.change(&current.id, now, bind).await.map_err(|e| self.failed(&e, text))?;
            current = bound.ok_or_else(|| self.unknown_login(text))?;
        }
        let client = self.clients.find(&current.request.client_id, now).await;
        let Some(client) = client.map_err(|e| self.failed(&e.into(), text))? else {
            return Err(self.unknown_login(text));
        };
        if current.browser.as_ref() != Some(browser.id()) {
            return Err(self.unknown_login(text));
        }
        if current.finished || now >= current.expires {
            let code = if current.finished { "login-finished" } else { "login-expired" };
            let way_on = self.way_back(&current, &client, text);
            let problem = ErrorPage::new(&self.branding, text, StatusCode::GONE, code).way_on(way_on);
            return Err(problem.into_response());
        }
        Ok(Step { browser, current, client, text })
    }

    /// Opens a step for a form that was sent to it: the form must carry the step's token.
    ///
    /// # Errors
    /// The page that says what is wrong and leads on.
    pub async fn submit_step(
        &self,
        session: &Session,
        id: &str,
        purpose: &str,
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
    ) -> Result<(Step<I::TransactionData>, Params), Response> {
        let step = self.open_step(session, id, Chosen::default()).await?;
        let form = match read_form(headers, body) {
            Ok(form) if form.refuse_repeated().is_ok() => form,
            Ok(_) => return Err(self.problem(step.text, StatusCode::BAD_REQUEST, "bad-request").into_response()),
            Err(e) => return Err(self.problem(step.text, e.status(), "bad-request").into_response()),
        };
        if !step.browser.is_csrf_token(&step_purpose(purpose, id), form.get("csrf")) {
            let again = NextLink { href: format!("/continue/{id}"), label: step.text.t("start-again") };
            let problem = self.problem(step.text, StatusCode::FORBIDDEN, "form-not-yours").way_on(again);
            return Err(problem.into_response());
        }
        Ok((step, form))
    }

    /// The browser of a session that has one already. Only a request that begins something makes one: a
    /// cross-site post comes without the cookie, and an answer that set a new one would replace the
    /// session that the browser has.
    ///
    /// # Errors
    /// The page that says to try later.
    pub async fn known_browser(&self, session: &Session) -> Result<Option<BrowserSession>, Response> {
        BrowserSession::existing(session).await.map_err(|e| self.failed(&e.into(), Text::default()))
    }

    /// The language for a request: what it chooses, else what the person chose before, else what the client
    /// wishes, else Vietnamese.
    #[must_use]
    pub fn text_for(&self, browser: Option<&BrowserSession>, chosen: Chosen, ui_locales: &[String]) -> Text {
        let wished = || ui_locales.iter().find_map(|tag| Lang::parse(tag));
        Text(chosen.0.or_else(|| browser.and_then(BrowserSession::lang)).or_else(wished).unwrap_or_default())
    }

    /// The browser of a session, made where there is none.
    ///
    /// # Errors
    /// The page that says to try later.
    pub async fn browser(&self, session: &Session) -> Result<BrowserSession, Response> {
        BrowserSession::load(session, &self.runtime.entropy).await.map_err(|e| self.failed(&e.into(), Text::default()))
    }

    /// The language for a browser: what the person chose, else what the client wishes, else Vietnamese.
    #[must_use]
    pub fn text(&self, browser: &BrowserSession, ui_locales: &[String]) -> Text {
        self.text_for(Some(browser), Chosen::default(), ui_locales)
    }

    /// A page for what went wrong.
    #[must_use]
    pub fn problem(&self, text: Text, status: StatusCode, code: &'static str) -> ErrorPage {
        ErrorPage::new(&self.branding, text, status, code)
    }

    /// The page for a failure inside: the cause goes to the log, the person is asked to try later.
    pub fn failed(&self, error: &ProviderError, text: Text) -> Response {
        error.log();
        // The same address again: what was asked is not lost, and the first page needs the store too.
        let again = NextLink { href: String::new(), label: text.t("try-again") };
        let problem = self.problem(text, StatusCode::SERVICE_UNAVAILABLE, "try-later").way_on(again);
        let mut response = problem.in_both_languages().into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        response
    }

    fn unknown_login(&self, text: Text) -> Response {
        self.problem(text, StatusCode::NOT_FOUND, "login-unknown").into_response()
    }

    /// Where a person goes from a login that cannot go on: the client's own page, else its redirect URI
    /// with an error that it can act on.
    fn way_back(&self, transaction: &Transaction<I::TransactionData>, client: &Client, text: Text) -> NextLink {
        let request = &transaction.request;
        let href = client.client_uri.clone().unwrap_or_else(|| {
            let error = OAuthError::new(ErrorCode::LoginRequired, "the login page has expired");
            // A link, whatever mode was asked for.
            let (uri, state) = (&request.redirect_uri, request.state.as_deref());
            AuthorizationResponse::error(uri, ResponseMode::Query, &error, state, &self.settings.issuer).location()
        });
        NextLink { href, label: text.with("back-to-service", "name", text.pick(&client.name)) }
    }
}

/// What a client shows of itself.
pub struct About {
    /// The address of its logo, here.
    pub logo: Option<String>,
    /// Its privacy policy and its terms, elsewhere.
    pub links: Vec<(&'static str, String)>,
}

impl<S> Step<S> {
    /// What the client shows of itself, with the texts' keys of its links.
    #[must_use]
    pub fn about(&self) -> About {
        let said = |member: &str| self.client.about.get(member)?.as_str().map(str::to_owned);
        let links = [("service-policy", "policy_uri"), ("service-terms", "tos_uri")];
        About {
            logo: said("logo_uri").map(|_| format!("/logo/{}", self.client.client_id)),
            links: links.into_iter().filter_map(|(key, member)| Some((key, said(member)?))).collect(),
        }
    }

    /// The CSRF token for a form of this step.
    #[must_use]
    pub fn csrf(&self, purpose: &str) -> String {
        self.browser.csrf_token(&step_purpose(purpose, self.current.id.as_str()))
    }

    /// The path of a page of this login.
    #[must_use]
    pub fn path(&self, page: &str) -> String {
        format!("/login/{}/{page}", self.current.id.as_str())
    }

    /// A page of this login with a ready title; its forms may end at the client.
    #[must_use]
    pub fn page(&self, branding: &Branding, title: String) -> Page {
        Page::titled(branding, self.text, title).leading_to(&origin(&self.current.request.redirect_uri))
    }

    /// The client's name in the page's language.
    #[must_use]
    pub fn client_name(&self) -> &str {
        self.text.pick(&self.client.name)
    }
}

/// The origin of a registered URI.
#[must_use]
pub fn origin(uri: &str) -> String {
    url::Url::parse(uri).map(|u| u.origin().ascii_serialization()).unwrap_or_default()
}

/// A step's proof names the step and the login, so that it is good for nothing else.
fn step_purpose(purpose: &str, id: &str) -> String {
    format!("{purpose} {id}")
}
