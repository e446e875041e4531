//! The guards that every page of an authorization transaction shares, as extractors.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use nixa_protocol::authorize::{AuthorizationResponse, ResponseMode};
use nixa_protocol::id::Id;
use nixa_protocol::{Client, ErrorCode, OAuthError, Params};
use nixa_web::{BrowserSession, NextLink, Page, Problem, Text, read_form};

use crate::authorize::dispatch::dispatch;
use crate::authorize::transaction::{StoredTransaction, Transaction};
use crate::error::ProviderError;
use crate::http::language::{ChosenLanguage, language_for};
use crate::http::page_error::{PageError, see_other};
use crate::http::visitor::Visitor;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::session::sso::SsoSession;

/// The transaction of a page (its path has the parameter `login`): it exists, is open, in time, and belongs to this
/// browser.
pub struct OpenTransaction<I: Interaction> {
    /// The engine that serves the page.
    pub provider: Arc<Provider<I>>,
    /// The session of the browser that asks for the page.
    pub browser: BrowserSession,
    /// The transaction as it was read: a change is made only if it is still the same.
    pub transaction: StoredTransaction<I::TransactionData>,
    /// The client that the transaction is to answer.
    pub client: Arc<Client>,
    /// The language of the page, with its texts.
    pub text: Text,
}

impl<I: Interaction> FromRequestParts<Arc<Provider<I>>> for OpenTransaction<I> {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, provider: &Arc<Provider<I>>) -> Result<Self, PageError> {
        let path = RawPathParams::from_request_parts(parts, provider).await;
        let path = path.map_err(|_| PageError::refused(StatusCode::NOT_FOUND, Problem::LoginUnknown))?;
        let id = path.iter().find(|(name, _)| *name == "login").map(|(_, id)| id.to_owned()).unwrap_or_default();
        let visitor = Visitor::from_request_parts(parts, provider).await?;
        Self::open(provider.clone(), visitor, &id).await
    }
}

impl<I: Interaction> OpenTransaction<I> {
    /// Opens the transaction with this identifier for a visitor.
    pub async fn open(provider: Arc<Provider<I>>, visitor: Visitor, id: &str) -> Result<Self, PageError> {
        let unknown = || PageError::refused(StatusCode::NOT_FOUND, Problem::LoginUnknown);
        let (now, chosen, page) = (provider.now(), visitor.chosen, visitor.page.clone());
        let found = provider.transactions.load(&Id::from_text(id), now).await?;
        let mut transaction = found.ok_or_else(unknown)?;
        let mut browser = match visitor.browser {
            Some(browser) => browser,
            // The first fetch of a transaction that came by a cross-site post.
            None if transaction.browser.is_none() => visitor.into_browser(&provider).await?,
            None => return Err(unknown()),
        };
        if let Some(lang) = chosen.0 {
            browser.choose_lang(lang).await.map_err(ProviderError::from)?;
        }
        let text = language_for(Some(&browser), ChosenLanguage::default(), &transaction.request.ui_locales);
        if transaction.browser.is_none() {
            let bound = provider.transactions.change(&transaction.id, now, |t| {
                t.browser.get_or_insert_with(|| browser.id().clone());
            });
            transaction = bound.await?.ok_or_else(unknown)?;
        }
        let client = provider.clients.find(&transaction.request.client_id, now).await.map_err(ProviderError::from)?;
        let client = client.ok_or_else(unknown)?;
        if transaction.browser.as_ref() != Some(browser.id()) {
            return Err(unknown());
        }
        // Now that the browser is known to be the right one: another learns nothing of the request.
        page.note(text);
        if transaction.finished || now >= transaction.expires {
            let problem = if transaction.finished { Problem::LoginFinished } else { Problem::LoginExpired };
            let link = link_to_client(&transaction, &client, text, &provider.settings.issuer);
            return Err(PageError::leading_to(StatusCode::GONE, problem, link));
        }
        Ok(Self { provider, browser, transaction, client, text })
    }

    /// The single sign-on session of this browser.
    pub async fn session(&self) -> Result<Option<SsoSession<I::SessionData>>, ProviderError> {
        self.provider.sessions.load(self.browser.sid(), self.provider.now()).await
    }

    /// Goes on: the dispatcher decides from what is stored.
    #[must_use]
    pub fn go_on(&self) -> Response {
        see_other(&self.transaction.continue_path())
    }

    /// Goes to one of the transaction's pages.
    #[must_use]
    pub fn go_to(&self, page: &str) -> Response {
        see_other(&self.path(page))
    }

    /// Changes what is remembered of the transaction and goes on by the dispatcher's own address, where what a
    /// proxy says of that request is noted before anything is issued.
    pub async fn change_and_go_on(
        &self,
        change: impl Fn(&mut I::TransactionData) + Send + Sync,
    ) -> Result<Response, PageError> {
        self.change(change).await?;
        Ok(self.go_on())
    }

    /// Changes what is remembered of the transaction and goes to one of its pages.
    pub async fn change_and_go_to(
        &self,
        page: &str,
        change: impl Fn(&mut I::TransactionData) + Send + Sync,
    ) -> Result<Response, PageError> {
        self.change(change).await?;
        Ok(self.go_to(page))
    }

    /// Changes what is remembered of the transaction and goes on without another request.
    pub async fn change_and_dispatch(
        self,
        change: impl Fn(&mut I::TransactionData) + Send + Sync,
    ) -> Result<Response, PageError> {
        match self.change(change).await? {
            Some(transaction) => dispatch(&self.provider, &self.browser, transaction).await,
            None => Ok(self.go_on()),
        }
    }

    async fn change(
        &self,
        change: impl Fn(&mut I::TransactionData) + Send + Sync,
    ) -> Result<Option<StoredTransaction<I::TransactionData>>, ProviderError> {
        let now = self.provider.now();
        self.provider.transactions.change(&self.transaction.id, now, |t| change(&mut t.data)).await
    }

    /// The path of a page of this transaction.
    #[must_use]
    pub fn path(&self, page: &str) -> String {
        self.transaction.page_path(page)
    }

    /// A form of this transaction: where it is sent, and the token that proves that it was shown here.
    #[must_use]
    pub fn form<F: FormPurpose>(&self) -> FormTarget {
        FormTarget { action: self.path(F::PAGE), csrf: self.browser.csrf_token(&csrf_purpose::<F, I>(self)) }
    }

    /// A page of this transaction with a ready title; its forms may end at the client.
    #[must_use]
    pub fn page(&self, title: String) -> Page {
        let page = Page::new(&self.provider.branding, self.text, title);
        page.leading_to(&origin(&self.transaction.request.redirect_uri))
    }

    /// The client's name in the page's language.
    #[must_use]
    pub fn client_name(&self) -> &str {
        self.text.pick(&self.client.name)
    }

    /// What the client shows of itself.
    #[must_use]
    pub fn client_profile(&self) -> ClientProfile {
        let member = |member: &str| self.client.about.get(member)?.as_str().map(str::to_owned);
        let links = [("policy_uri", self.text.service_policy()), ("tos_uri", self.text.service_terms())];
        ClientProfile {
            logo: member("logo_uri").map(|_| format!("/logo/{}", self.client.client_id)),
            links: links
                .into_iter()
                .filter_map(|(name, label)| Some(NextLink { href: member(name)?, label }))
                .collect(),
        }
    }
}

/// What a client shows of itself.
pub struct ClientProfile {
    /// The address of its logo, here.
    pub logo: Option<String>,
    /// Its privacy policy and its terms, elsewhere, with what each link says.
    pub links: Vec<NextLink>,
}

/// A form on a page of a transaction.
pub struct FormTarget {
    /// The path that the browser posts it to.
    pub action: String,
    /// The value of its hidden field `csrf`.
    pub csrf: String,
}

/// What a form is for. Its CSRF token is good for this purpose and this transaction, so that it is worth nothing
/// anywhere else.
pub trait FormPurpose: Send + 'static {
    /// The page that takes the form.
    const PAGE: &'static str;

    /// Whether it is also bound to the session that it was shown in: "continue as A" must not become "as B"
    /// because another tab switched users meanwhile.
    const OF_SESSION: bool = false;
}

/// Gives the login up: the client is answered with an error.
pub struct Cancel;

impl FormPurpose for Cancel {
    const PAGE: &'static str = "cancel";
}

/// Leaves the account that is logged in, for this transaction.
pub struct SwitchAccount;

impl FormPurpose for SwitchAccount {
    const PAGE: &'static str = "switch";
}

fn csrf_purpose<F: FormPurpose, I: Interaction>(open: &OpenTransaction<I>) -> String {
    let session = open.browser.sid().filter(|_| F::OF_SESSION).map(Id::as_str).unwrap_or_default();
    format!("{} {session} {}", F::PAGE, open.transaction.id.as_str())
}

/// A form of an open transaction whose CSRF token was checked.
pub struct TransactionForm<F, I: Interaction> {
    /// The transaction that the form belongs to.
    pub open: OpenTransaction<I>,
    /// The fields of the form, each there once.
    pub form: Params,
    purpose: PhantomData<F>,
}

impl<F: FormPurpose, I: Interaction> FromRequest<Arc<Provider<I>>> for TransactionForm<F, I> {
    type Rejection = PageError;

    async fn from_request(request: Request, provider: &Arc<Provider<I>>) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let open = OpenTransaction::from_request_parts(&mut parts, provider).await?;
        let headers = parts.headers.clone();
        let body = Bytes::from_request(Request::from_parts(parts, body), provider).await;
        let bad_request = |status| PageError::refused(status, Problem::BadRequest);
        let form = read_form(&headers, body).map_err(|error| bad_request(error.status()))?;
        form.refuse_repeated().map_err(|_| bad_request(StatusCode::BAD_REQUEST))?;
        if !open.browser.is_csrf_token(&csrf_purpose::<F, I>(&open), form.get("csrf")) {
            let again = NextLink { href: open.transaction.continue_path(), label: open.text.start_again() };
            return Err(PageError::leading_to(StatusCode::FORBIDDEN, Problem::FormNotYours, again));
        }
        Ok(Self { open, form, purpose: PhantomData })
    }
}

/// Where a person goes from a transaction that cannot go on: the client's own page, else its redirect URI
/// with an error that it can act on.
fn link_to_client<D>(transaction: &Transaction<D>, client: &Client, text: Text, issuer: &str) -> NextLink {
    let request = &transaction.request;
    let href = client.client_uri.clone().unwrap_or_else(|| {
        let error = OAuthError::new(ErrorCode::LoginRequired, "the login page has expired");
        // A link, whatever mode was asked for.
        let (uri, state) = (&request.redirect_uri, request.state.as_deref());
        AuthorizationResponse::error(uri, ResponseMode::Query, &error, state, issuer).location()
    });
    NextLink { href, label: text.back_to_service(text.pick(&client.name)) }
}

/// The origin of a registered URI.
#[must_use]
pub fn origin(uri: &str) -> String {
    url::Url::parse(uri).map(|u| u.origin().ascii_serialization()).unwrap_or_default()
}
