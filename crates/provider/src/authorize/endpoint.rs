//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use nixa_protocol::authorize::{
    AuthorizationRequest, AuthorizationResponse, Bound, REQUEST_URI, Unbound, bind, effective, validate,
};
use nixa_protocol::client::RequestProtection;
use nixa_protocol::error::invalid_request;
use nixa_protocol::id::Id;
use nixa_protocol::logout::verify_hint;
use nixa_protocol::{Client, OAuthError, Params};
use nixa_web::{FormError, Text, read_form};
use tower_sessions::Session;

use crate::authorize::dispatch::begin;
use crate::authorize::page::{Chosen, see_other};
use crate::authorize::transaction::Transaction;
use crate::interaction::Interaction;
use crate::provider::Provider;

/// The longest request that is read, in octets: each one is stored before anybody has logged in.
const LONGEST: usize = 8_192;

pub(crate) async fn get<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    session: Session,
    chosen: Chosen,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let params = if query.len() > LONGEST { None } else { Params::parse(query.as_bytes()).ok() };
    let known = match provider.known_browser(&session).await {
        Ok(known) => known,
        Err(response) => return response,
    };
    let text = |locales: &[String]| provider.text_for(known.as_ref(), chosen, locales);
    let request = match read(&provider, params, &text).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    let browser = match provider.browser(&session).await {
        Ok(browser) => browser,
        Err(response) => return response,
    };
    let mut transaction = provider.transaction(request, &headers);
    transaction.browser = Some(browser.id().clone());
    begin(&provider, &browser, transaction).await
}

/// A request by POST comes from another site, so the browser leaves its `SameSite=Lax` cookie out. The
/// login is stored unbound and continued by GET, which brings the cookie; answering here would give the
/// browser a second session in place of the one it has.
pub(crate) async fn post<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let long = body.as_ref().is_ok_and(|b| b.len() > LONGEST);
    let params = match read_form(&headers, body) {
        Ok(_) if long => {
            return provider.problem(Text::default(), FormError::TooLarge.status(), "bad-request").into_response();
        }
        Ok(params) => params,
        Err(e) => return provider.problem(Text::default(), e.status(), "bad-request").into_response(),
    };
    let text = |locales: &[String]| provider.text_for(None, Chosen::default(), locales);
    let request = match read(&provider, Some(params), &text).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    let transaction = provider.transaction(request, &headers);
    match provider.transactions.create(&transaction).await {
        Ok(()) => see_other(&format!("/continue/{}", transaction.id.as_str())),
        Err(error) => provider.failed(&error, Text::default()),
    }
}

/// Reads a request: a page of ours where there is no safe place to redirect to, else a redirected error.
async fn read<I: Interaction>(
    provider: &Provider<I>,
    params: Option<Params>,
    text: &(dyn Fn(&[String]) -> Text + Sync),
) -> Result<AuthorizationRequest, Response> {
    let refuse = |text, code| Err(provider.problem(text, StatusCode::BAD_REQUEST, code).into_response());
    let Some(params) = params else { return refuse(text(&[]), "bad-request") };
    let words = text(&params.list("ui_locales"));
    let client = params.get("client_id").filter(|_| !params.is_repeated("client_id"));
    let Some(client) = client else { return refuse(words, "bad-request") };
    let now = provider.now();
    let client = match provider.clients.find(client, now).await {
        Ok(Some(client)) if params.get("request").is_some() => {
            provider.clients.with_keys(client, params.get("request"), now).await
        }
        Ok(Some(client)) => client,
        Ok(None) => return refuse(words, "unknown-service"),
        Err(error) => return Err(provider.failed(&error.into(), words)),
    };
    let pushed = params.get("request_uri").is_some_and(|uri| uri.starts_with(REQUEST_URI));
    let params = if pushed {
        match provider.take_pushed(&params, &client).await {
            Ok(Some(pushed)) => pushed,
            Ok(None) => return refuse(words, "request-expired"),
            Err(error) => return Err(provider.failed(&error, words)),
        }
    } else {
        match effective(params.clone(), &client, &provider.settings.issuer, now)
            .and_then(|p| must_be_pushed(&client, p))
        {
            Ok(params) => params,
            // Where the plain parameters name an address of the client, the error goes there.
            Err(error) => match bind(&params, client) {
                Ok(bound) => return Err(redirect_error(provider, words, &bound, &error)),
                Err(_) => return refuse(words, "bad-request"),
            },
        }
    };
    let words = text(&params.list("ui_locales"));
    let bound = match bind(&params, client) {
        Ok(bound) => bound,
        Err(Unbound::UnregisteredRedirectUri) => return refuse(words, "unregistered-address"),
        Err(Unbound::NoRedirectUri) => return refuse(words, "bad-request"),
    };
    complete(provider, &params, &bound).map_err(|error| redirect_error(provider, words, &bound, &error))
}

fn must_be_pushed(client: &Client, params: Params) -> Result<Params, OAuthError> {
    match client.request_protection {
        RequestProtection::Pushed => Err(invalid_request("the client's requests must be pushed")),
        RequestProtection::None | RequestProtection::Signed => Ok(params),
    }
}

/// The rest of the checks.
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

impl<I: Interaction> Provider<I> {
    fn transaction(&self, request: AuthorizationRequest, headers: &HeaderMap) -> Transaction<I::TransactionData> {
        let created = self.now();
        let mut data = I::TransactionData::default();
        self.interaction.observe(headers, &mut data);
        Transaction {
            id: Id::random(&*self.runtime.entropy),
            request,
            browser: None,
            created,
            expires: created + self.settings.lifetimes.transaction,
            finished: false,
            data,
        }
    }
}
