//! Logout: the RP-initiated request and the back-channel token.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::jose::{self, VerifyingKey};
use crate::params::Params;
use crate::time::Timestamp;

/// The `typ` of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4).
pub const LOGOUT_TOKEN_TYPE: &str = "logout+jwt";

/// The claims of a verified `id_token_hint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenHint {
    /// The client that it was issued to.
    pub client_id: String,
    /// The person, as that client knows them.
    pub sub: String,
    /// The session that it was issued in.
    pub sid: Option<String>,
}

/// Verifies an `id_token_hint`: our signature and our `iss`. An expired one is accepted (OpenID Connect
/// RP-Initiated Logout 1.0 §2); one that is forged, foreign or unsigned is as good as none.
#[must_use]
pub fn verify_hint(token: &str, keys: &[VerifyingKey], issuer: &str) -> Option<IdTokenHint> {
    let claims = jose::verify(token, keys, Some("JWT")).ok()?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    (text("iss").as_deref() == Some(issuer)).then_some(())?;
    Some(IdTokenHint { client_id: text("aud")?, sub: text("sub")?, sid: text("sid") })
}

/// Where the browser may go after logout: an exact registered URI with the request's `state`.
///
/// Without a client that is known from the hint or `client_id` there is none: a redirect to a URI that
/// merely stands in the request would be an open redirector (§3).
#[must_use]
pub fn post_logout_redirect(params: &Params, client: Option<&Client>) -> Option<String> {
    let uri = params.get("post_logout_redirect_uri")?;
    client?.post_logout_redirect_uris.iter().any(|r| r == uri).then_some(())?;
    let Some(state) = params.get("state") else { return Some(uri.to_owned()) };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("state", state);
    let join = if uri.contains('?') { '&' } else { '?' };
    Some(format!("{uri}{join}{}", query.finish()))
}

/// The claims of a logout token (§2.4): never with a nonce, so that it cannot pass for an ID token.
#[derive(Debug, Clone, Serialize)]
pub struct LogoutToken<'a> {
    /// The issuer identifier of this server.
    pub iss: &'a str,
    /// The person, as this client knows them.
    pub sub: &'a str,
    /// The identifier of the client that is told.
    pub aud: &'a str,
    /// When it was made, which is when it was sent.
    pub iat: Timestamp,
    /// The second from which it is good no more.
    pub exp: Timestamp,
    /// Random, so that a client can refuse a replay.
    pub jti: &'a str,
    /// The session that ended, at least for this client.
    pub sid: &'a str,
    /// Says that this is a logout token.
    pub events: Map<String, Value>,
}

/// The address of the frame that tells a client of a logout (OpenID Connect Front-Channel Logout 1.0 §2): with
/// `iss` and `sid` where the client wants them.
#[must_use]
pub fn frontchannel_logout_url(client: &Client, issuer: &str, sid: &str) -> Option<String> {
    let uri = client.frontchannel_logout_uri.as_ref()?;
    if !client.frontchannel_logout_session_required {
        return Some(uri.clone());
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("iss", issuer).append_pair("sid", sid);
    let join = if uri.contains('?') { '&' } else { '?' };
    Some(format!("{uri}{join}{}", query.finish()))
}

/// The `events` claim of a logout token.
#[must_use]
pub fn backchannel_logout_event() -> Map<String, Value> {
    Map::from_iter([("http://schemas.openid.net/event/backchannel-logout".to_owned(), json!({}))])
}
