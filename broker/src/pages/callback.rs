//! An identity provider's answer.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_audit::LoginRefusalReason;
use nixa_protocol::{Digest, Params, digest, random_token};
use nixa_provider::{PageError, ProviderError, Visitor, continue_path, see_other};
use nixa_web::{BrowserSession, Problem, lasting_cookie, read_cookie};

use super::accept::{Outcome, accept_identity, record_refusal};
use super::login::{BrokerProvider, OpenLogin, callback_uri, upstream_requests};
use crate::transaction::BrokerNotice;
use crate::upstream::{AuthorizationResponse, UpstreamRequest};

/// How long a browser is known, in seconds: 400 days, the longest that browsers keep a cookie.
const DEVICE_LIFE: i64 = 400 * 86_400;

/// `GET /callback/{idp}`
pub(super) async fn receive(
    State(provider): State<Arc<BrokerProvider>>,
    visitor: Visitor,
    Path(idp): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let (device, cookie) = device(&provider, &headers);
    let result = respond(provider, visitor, &idp, device, query).await;
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The mark of the browser, with the cookie to set where it has none yet. Without a signal for new
/// browsers nobody is marked.
fn device(broker: &BrokerProvider, headers: &HeaderMap) -> (Option<Digest>, Option<HeaderValue>) {
    let settings = &broker.interaction.risk.settings;
    if settings.new_device.is_none() {
        return (None, None);
    }
    if let Some(known) = read_cookie(headers, &settings.device_cookie) {
        return (Some(digest(&known)), None);
    }
    let fresh = random_token(&*broker.runtime.entropy);
    let secure = broker.settings.is_secure();
    (Some(digest(&fresh)), lasting_cookie(&settings.device_cookie, &fresh, secure, DEVICE_LIFE))
}

async fn respond(
    provider: Arc<BrokerProvider>,
    visitor: Visitor,
    idp: &str,
    device: Option<Digest>,
    query: Option<String>,
) -> Result<Response, PageError> {
    let refused = |code| PageError::refused(StatusCode::BAD_REQUEST, code);
    let params = Params::parse(query.unwrap_or_default().as_bytes()).map_err(|_| refused(Problem::BadRequest))?;
    params.refuse_repeated().map_err(|_| refused(Problem::BadRequest))?;
    // Forged, foreign or too old: whoever made this request, no login of this browser is touched.
    let browser = visitor.browser.as_ref().ok_or_else(|| refused(Problem::LoginUnknown))?;
    let taken = take_request(&provider, browser, idp, &params).await?;
    let (request, first) = taken.ok_or_else(|| refused(Problem::LoginUnknown))?;
    if !first {
        // The back button, or a reload: what the answer did is done.
        return Ok(see_other(&continue_path(&request.transaction)));
    }
    let mut open = OpenLogin::open(provider, visitor, request.transaction.as_str()).await?;
    let outcome = handle(&mut open, &request, &params, device).await?;
    open.change_and_go_on(|data| match &outcome {
        Outcome::LoggedIn { fell_short } => {
            data.notice = None;
            data.switching = false;
            data.fell_short.extend(fell_short.then(|| request.idp.clone()));
        }
        Outcome::Notice(notice) => data.notice = Some(notice.clone()),
        Outcome::Unmet => data.fell_short.extend([request.idp.clone()]),
        Outcome::SessionEnded => {}
    })
    .await
}

/// The request under the answer's `state`, and whether this is the first answer to it. It must come
/// back with the browser that was sent, at the address of the provider that was asked.
async fn take_request(
    broker: &BrokerProvider,
    browser: &BrowserSession,
    idp: &str,
    params: &Params,
) -> Result<Option<(UpstreamRequest, bool)>, ProviderError> {
    let now = broker.now();
    let Some(state) = params.get("state") else { return Ok(None) };
    let (requests, name) = (upstream_requests(broker), digest(state));
    let Some(stored) = requests.get(name.as_str(), now).await? else { return Ok(None) };
    if stored.browser != *browser.id() || stored.idp != idp {
        tracing::warn!(idp, "an answer came to the wrong browser or address");
        return Ok(None);
    }
    if stored.used {
        return Ok(Some((stored.into_value(), false)));
    }
    let used = UpstreamRequest { used: true, ..UpstreamRequest::clone(&stored) };
    let first = requests.replace(name.as_str(), &stored, used, now).await?.is_some();
    Ok(Some((stored.into_value(), first)))
}

/// What an answer comes to: an error, or a code that is exchanged for an identity.
async fn handle(
    open: &mut OpenLogin,
    request: &UpstreamRequest,
    params: &Params,
    device: Option<Digest>,
) -> Result<Outcome, ProviderError> {
    match params.get("error") {
        Some("access_denied") => return Ok(Outcome::Notice(BrokerNotice::Cancelled)),
        Some("unmet_authentication_requirements") => return Ok(Outcome::Unmet),
        Some(_) => {
            tracing::warn!(idp = request.idp, "an identity provider answered with an error");
            record_refusal(open, &request.idp, LoginRefusalReason::IdpError).await?;
            return Ok(Outcome::Notice(BrokerNotice::IdpFailed));
        }
        None => {}
    }
    let failed = Ok(Outcome::Notice(BrokerNotice::IdpFailed));
    let provider = open.provider.clone();
    let (Some(idp), Some(code)) = (provider.interaction.idp(&request.idp), params.get("code")) else { return failed };
    let response = AuthorizationResponse { code, iss: params.get("iss") };
    let (upstream, redirect_uri) = (&provider.interaction.upstream, callback_uri(&provider, &idp.id));
    match upstream.exchange_code(idp, &redirect_uri, request, response).await {
        Ok(identity) => accept_identity(open, request, idp, identity, device).await,
        Err(error) => {
            tracing::warn!(idp = idp.id, %error, "an identity provider's answer is not valid");
            record_refusal(open, &idp.id, LoginRefusalReason::InvalidIdpAnswer).await?;
            failed
        }
    }
}
