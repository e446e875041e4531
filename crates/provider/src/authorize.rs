//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use nixa_protocol::authorize::{AuthorizationRequest, AuthorizationResponse, Bound, Unbound, bind, validate};
use nixa_protocol::error::invalid_request;
use nixa_protocol::id::Id;
use nixa_protocol::logout::verify_hint;
use nixa_protocol::{OAuthError, Params};
use nixa_web::{FormError, Text, read_form};
use tower_sessions::Session;

use crate::dispatch::begin;
use crate::host::Host;
use crate::login::Pending;
use crate::state::Provider;
use crate::step::{Chosen, see_other};

/// The longest request that is read, in octets: each one is stored before anybody has logged in.
const LONGEST: usize = 8_192;

pub(crate) async fn get<H: Host>(
    State(provider): State<Arc<Provider<H>>>,
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
    let request = match read(&provider, params, &text) {
        Ok(request) => request,
        Err(response) => return response,
    };
    let browser = match provider.browser(&session).await {
        Ok(browser) => browser,
        Err(response) => return response,
    };
    let mut pending = provider.pending(request, &headers);
    pending.browser = Some(browser.id().clone());
    begin(&provider, &browser, pending).await
}

/// A request by POST comes from another site, so the browser leaves its `SameSite=Lax` cookie out. The
/// login is stored unbound and continued by GET, which brings the cookie; answering here would give the
/// browser a second session in place of the one it has.
pub(crate) async fn post<H: Host>(
    State(provider): State<Arc<Provider<H>>>,
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
    let request = match read(&provider, Some(params), &text) {
        Ok(request) => request,
        Err(response) => return response,
    };
    let pending = provider.pending(request, &headers);
    match provider.logins.create(&pending).await {
        Ok(()) => see_other(&format!("/continue/{}", pending.id.as_str())),
        Err(error) => provider.failed(&error, Text::default()),
    }
}

/// Reads a request: a page of ours where there is no safe place to redirect to, else a redirected error.
fn read<H: Host>(
    provider: &Provider<H>,
    params: Option<Params>,
    text: &dyn Fn(&[String]) -> Text,
) -> Result<AuthorizationRequest, Response> {
    let refuse = |text, code| Err(provider.problem(text, StatusCode::BAD_REQUEST, code).into_response());
    let Some(params) = params else { return refuse(text(&[]), "bad-request") };
    let text = text(&params.list("ui_locales"));
    let bound = match bind(&params, |id| provider.clients.find(id)) {
        Ok(bound) => bound,
        Err(Unbound::UnknownClient) => return refuse(text, "unknown-service"),
        Err(Unbound::UnregisteredRedirectUri) => return refuse(text, "unregistered-address"),
        Err(Unbound::NoClientId | Unbound::NoRedirectUri) => return refuse(text, "bad-request"),
    };
    let mut request = validate(&params, &bound).map_err(|error| redirect_error(provider, text, &bound, &error))?;
    if let Some(hint) = params.get("id_token_hint") {
        let hint = verify_hint(hint, &provider.keys().verifying(), &provider.identity.issuer)
            .filter(|h| h.client_id == bound.client.client_id);
        let invalid = || redirect_error(provider, text, &bound, &invalid_request("id_token_hint is not valid"));
        request.hinted_sub = Some(hint.ok_or_else(invalid)?.sub);
    }
    Ok(request)
}

fn redirect_error<H: Host>(provider: &Provider<H>, text: Text, bound: &Bound, error: &OAuthError) -> Response {
    tracing::info!(client = bound.client.client_id, code = error.code.as_str(), "authorization request refused");
    let (state, issuer) = (bound.state.as_deref(), &provider.identity.issuer);
    let (uri, mode) = (&bound.redirect_uri, bound.response_mode);
    provider.send(text, AuthorizationResponse::error(uri, mode, error, state, issuer))
}

impl<H: Host> Provider<H> {
    fn pending(&self, request: AuthorizationRequest, headers: &HeaderMap) -> Pending<H::Step> {
        let created = self.now();
        let mut step = H::Step::default();
        self.host.observe(headers, &mut step);
        Pending {
            id: Id::random(&*self.entropy),
            request,
            browser: None,
            created,
            expires: created + self.lifetimes.login,
            finished: false,
            step,
        }
    }
}
