//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nixa_protocol::authorize::{
    AuthorizationRequest, AuthorizationResponse, Bound, REQUEST_URI, Unbound, bind, effective, validate,
};
use nixa_protocol::client::RequestProtection;
use nixa_protocol::error::invalid_request;
use nixa_protocol::id::Id;
use nixa_protocol::logout::verify_hint;
use nixa_protocol::{Client, OAuthError, Params};
use nixa_web::{BrowserSession, FormError, Problem, Text, read_form};

use crate::authorize::dispatch::begin;
use crate::authorize::transaction::Transaction;
use crate::error::ProviderError;
use crate::http::language::{ChosenLanguage, PageLanguage, language_for};
use crate::http::page_error::{PageError, see_other};
use crate::http::visitor::Visitor;
use crate::interaction::Interaction;
use crate::provider::Provider;

/// The longest request that is read, in octets: each one is stored before anybody has logged in.
const LONGEST: usize = 8_192;

/// A request that was read: it is valid, or the client has its error.
enum Received {
    Valid(Box<AuthorizationRequest>),
    Answered(Response),
}

/// In which language whoever sent a request is answered.
struct Reader<'a> {
    browser: Option<&'a BrowserSession>,
    chosen: ChosenLanguage,
    page: PageLanguage,
}

impl Reader<'_> {
    /// The language that parameters ask for, where the person has not chosen another; error pages use it too.
    fn language(&self, params: &Params) -> Text {
        let text = language_for(self.browser, self.chosen, &params.list("ui_locales"));
        self.page.note(text);
        text
    }
}

/// `GET /authorize`
pub(crate) async fn get<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    visitor: Visitor,
    page: PageLanguage,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let query = query.unwrap_or_default();
    if query.len() > LONGEST {
        return Err(bad_request());
    }
    let params = Params::parse(query.as_bytes()).map_err(|_| bad_request())?;
    let reader = Reader { browser: visitor.browser.as_ref(), chosen: visitor.chosen, page };
    let request = match receive(&provider, params, &reader).await? {
        Received::Valid(request) => *request,
        Received::Answered(response) => return Ok(response),
    };
    let browser = visitor.into_browser(&provider).await?;
    let mut transaction = new_transaction(&provider, request, &headers);
    transaction.browser = Some(browser.id().clone());
    begin(&provider, &browser, transaction).await
}

/// `POST /authorize`. It comes from another site, so the browser leaves its `SameSite=Lax` cookie out. The
/// transaction is stored unbound and continued by GET, which brings the cookie; answering here would give the
/// browser a second session in place of the one it has.
pub(crate) async fn post<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    page: PageLanguage,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    if body.as_ref().is_ok_and(|body| body.len() > LONGEST) {
        return Err(PageError::refused(FormError::TooLarge.status(), Problem::BadRequest));
    }
    let params = read_form(&headers, body).map_err(|error| PageError::refused(error.status(), Problem::BadRequest))?;
    let reader = Reader { browser: None, chosen: ChosenLanguage::default(), page };
    let request = match receive(&provider, params, &reader).await? {
        Received::Valid(request) => *request,
        Received::Answered(response) => return Ok(response),
    };
    let transaction = new_transaction(&provider, request, &headers);
    provider.transactions.create(&transaction).await?;
    Ok(see_other(&transaction.continue_path()))
}

fn bad_request() -> PageError {
    PageError::refused(StatusCode::BAD_REQUEST, Problem::BadRequest)
}

/// Reads a request. Where there is no safe place to redirect an error to, it is a page of ours.
async fn receive<I: Interaction>(
    provider: &Provider<I>,
    params: Params,
    reader: &Reader<'_>,
) -> Result<Received, PageError> {
    let text = reader.language(&params);
    let now = provider.now();
    let client = client_of(provider, &params).await?;
    let pushed = params.get("request_uri").is_some_and(|uri| uri.starts_with(REQUEST_URI));
    let params = if pushed {
        let pushed = provider.take_pushed(&params, &client).await?;
        pushed.ok_or_else(|| PageError::refused(StatusCode::BAD_REQUEST, Problem::RequestExpired))?
    } else {
        let issuer = &provider.settings.issuer;
        match effective(params.clone(), &client, issuer, now).and_then(|p| must_be_pushed(&client, p)) {
            Ok(params) => params,
            // Where the plain parameters name an address of the client, the error goes there.
            Err(error) => {
                let bound = bind(&params, client).map_err(|_| bad_request())?;
                return Ok(Received::Answered(redirect_error(provider, text, &bound, &error)));
            }
        }
    };
    let text = reader.language(&params);
    let bound = bind(&params, client).map_err(|unbound| match unbound {
        Unbound::UnregisteredRedirectUri => PageError::refused(StatusCode::BAD_REQUEST, Problem::UnregisteredAddress),
        Unbound::NoRedirectUri => bad_request(),
    })?;
    Ok(match complete(provider, &params, &bound) {
        Ok(request) => Received::Valid(Box::new(request)),
        Err(error) => Received::Answered(redirect_error(provider, text, &bound, &error)),
    })
}

/// The client that a request names, with the keys that it signs requests with.
async fn client_of<I: Interaction>(provider: &Provider<I>, params: &Params) -> Result<Arc<Client>, PageError> {
    let client_id = params.get("client_id").filter(|_| !params.is_repeated("client_id")).ok_or_else(bad_request)?;
    let now = provider.now();
    let found = provider.clients.find(client_id, now).await.map_err(ProviderError::from)?;
    let client = found.ok_or_else(|| PageError::refused(StatusCode::BAD_REQUEST, Problem::UnknownService))?;
    match params.get("request") {
        Some(request) => Ok(provider.clients.with_keys(client, Some(request), now).await),
        None => Ok(client),
    }
}

fn must_be_pushed(client: &Client, params: Params) -> Result<Params, OAuthError> {
    match client.request_protection {
        RequestProtection::Pushed => Err(invalid_request("the client's requests must be pushed")),
        RequestProtection::None | RequestProtection::Signed => Ok(params),
    }
}

/// The checks of a request that is bound to its client and redirect URI.
pub(crate) fn complete<I: Interaction>(
    provider: &Provider<I>,
    params: &Params,
    bound: &Bound,
) -> Result<AuthorizationRequest, OAuthError> {
    let mut request = validate(params, bound)?;
    if let Some(hint) = params.get("id_token_hint") {
        let hint = verify_hint(hint, &provider.keys.current().verifying(), &provider.settings.issuer);
        let hint = hint.filter(|h| h.client_id == bound.client.client_id);
        request.hinted_sub = Some(hint.ok_or_else(|| invalid_request("id_token_hint is not valid"))?.sub);
    }
    Ok(request)
}

fn redirect_error<I: Interaction>(provider: &Provider<I>, text: Text, bound: &Bound, error: &OAuthError) -> Response {
    tracing::info!(client = bound.client.client_id, code = error.code.as_str(), "authorization request refused");
    let (state, issuer) = (bound.state.as_deref(), &provider.settings.issuer);
    let (uri, mode) = (&bound.redirect_uri, bound.response_mode);
    provider.send(text, &bound.client, AuthorizationResponse::error(uri, mode, error, state, issuer))
}

fn new_transaction<I: Interaction>(
    provider: &Provider<I>,
    request: AuthorizationRequest,
    headers: &HeaderMap,
) -> Transaction<I::TransactionData> {
    let created = provider.now();
    let data = I::TransactionData::default();
    Transaction {
        id: Id::random(&*provider.runtime.entropy),
        request,
        browser: None,
        created,
        expires: created + provider.settings.lifetimes.transaction,
        finished: false,
        data: provider.interaction.observe(headers, &data).unwrap_or(data),
    }
}
