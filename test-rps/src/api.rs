//! `POST /api/returns`: the portal's API, a resource server of the exchange like any other. It knows no session and no
//! cookie, only the token it is shown (RFC 6750, RFC 7662, RFC 9470).

use std::slice;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use openidconnect::core::CoreTokenType;
use openidconnect::{AccessToken, TokenIntrospectionResponse as _};
use serde_json::json;
use time::OffsetDateTime;

use crate::assurance::{is_recent, satisfies};
use crate::config::Api;
use crate::exchange::Introspection;
use crate::portal::Portal;

const PAUSE_SECONDS: u32 = 5;

/// Why nothing was filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// No bearer token at all: a challenge without an error (RFC 6750, section 3.1).
    NoToken,
    /// A token that is malformed, not active, or not for this portal.
    InvalidToken,
    /// A good token of a login that is not good enough, and what is missing (RFC 9470, section 3).
    Insufficient(&'static str),
    /// The exchange could not be asked. Never an answer of 401: the token may be good.
    Unavailable,
}

pub(crate) async fn file(
    State(portal): State<Arc<Portal>>,
    Extension(api): Extension<Api>,
    headers: HeaderMap,
) -> Response {
    match accept_return(&portal, &api, &headers).await {
        Ok(receipt) => (StatusCode::CREATED, Json(json!({"receipt": receipt}))).into_response(),
        Err(refusal) => refusal.response(&api),
    }
}

async fn accept_return(portal: &Portal, api: &Api, headers: &HeaderMap) -> Result<String, Refusal> {
    let token = bearer(headers)?;
    let answer = introspect(portal, &token).await?;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    check_token(&answer, &portal.config.registration.client_id, api, now)?;
    // It says nothing about the person, and is no secret.
    Ok(format!("{:012}", rand::random_range(0..1_000_000_000_000_u64)))
}

fn bearer(headers: &HeaderMap) -> Result<AccessToken, Refusal> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let line = lines.next().ok_or(Refusal::NoToken)?.to_str().unwrap_or_default();
    let (scheme, token) = line.split_once(' ').unwrap_or((line, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(Refusal::NoToken);
    }
    // With two tokens, a gateway before the API could have judged the other one.
    if lines.next().is_some() || !is_token68(token) {
        return Err(Refusal::InvalidToken);
    }
    Ok(AccessToken::new(token.to_owned()))
}

/// The grammar of RFC 6750, section 2.1. What breaks it was not issued by anyone, so the exchange is not troubled with
/// it.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

async fn introspect(portal: &Portal, token: &AccessToken) -> Result<Introspection, Refusal> {
    let unavailable = |cause: &'static str| {
        tracing::warn!(cause, "a token could not be introspected");
        Refusal::Unavailable
    };
    let provider = portal.exchange.provider().await.map_err(|_| unavailable("no exchange"))?;
    let introspector = provider.introspector.as_ref().ok_or_else(|| unavailable("no introspection endpoint"))?;
    let request = introspector.introspect(token).set_token_type_hint("access_token");
    request.request_async(&portal.exchange.http).await.map_err(|_| unavailable("no usable answer"))
}

/// The token first, the login behind it second: a token of another client must not learn from a challenge what this API
/// wants.
fn check_token(answer: &Introspection, client_id: &str, api: &Api, now: i64) -> Result<(), Refusal> {
    let is_ours = answer.client_id().is_some_and(|id| id.as_str() == client_id);
    let lives = answer.exp().is_some_and(|end| end.timestamp() > now);
    // A token bound to a key proves nothing when it comes without the proof (RFC 9449, section 7.1).
    let is_bearer = answer.token_type().is_none_or(|kind| *kind == CoreTokenType::Bearer);
    if !(answer.active() && is_ours && lives && is_bearer) {
        return Err(Refusal::InvalidToken);
    }
    let login = answer.extra_fields();
    if !satisfies(login.acr.as_deref(), slice::from_ref(&api.acr)) {
        return Err(Refusal::Insufficient("A higher level of authentication is required"));
    }
    if api.max_age.is_some_and(|max_age| !is_recent(login.auth_time, max_age, now)) {
        return Err(Refusal::Insufficient("A more recent authentication is required"));
    }
    Ok(())
}

impl Refusal {
    fn response(self, api: &Api) -> Response {
        let (status, error) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, None),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
            Self::Insufficient(_) => (StatusCode::UNAUTHORIZED, Some("insufficient_user_authentication")),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some("temporarily_unavailable")),
        };
        let body = error.map_or_else(|| json!({}), |error| json!({"error": error}));
        let header = match self {
            Self::Unavailable => (RETRY_AFTER, HeaderValue::from(PAUSE_SECONDS)),
            _ => (WWW_AUTHENTICATE, self.challenge(error, api)),
        };
        (status, [header], Json(body)).into_response()
    }

    fn challenge(self, error: Option<&str>, api: &Api) -> HeaderValue {
        let mut params: Vec<_> = error.map(|error| format!("error=\"{error}\"")).into_iter().collect();
        if let Self::Insufficient(description) = self {
            params.push(format!("error_description=\"{description}\", acr_values=\"{}\"", api.acr));
            params.extend(api.max_age.map(|seconds| format!("max_age=\"{seconds}\"")));
        }
        let challenge = format!("Bearer {}", params.join(", "));
        HeaderValue::from_str(challenge.trim_end()).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn api(max_age: Option<u32>) -> Api {
        Api { acr: "urn:nixa:loa:2".to_owned(), max_age }
    }

    const HIGHER: Result<(), Refusal> = Err(Refusal::Insufficient("A higher level of authentication is required"));
    const NEWER: Result<(), Refusal> = Err(Refusal::Insufficient("A more recent authentication is required"));
    const INVALID: Result<(), Refusal> = Err(Refusal::InvalidToken);

    #[test]
    fn a_token_is_judged_before_its_login() {
        for (name, value, verdict) in [
            ("scope", json!("openid"), Ok(())),
            ("active", json!(false), INVALID),
            ("client_id", json!("other"), INVALID),
            ("client_id", Value::Null, INVALID),
            ("exp", json!(10_000), INVALID),
            ("exp", json!(10_001), Ok(())),
            ("exp", Value::Null, INVALID),
            ("token_type", json!("Bearer"), Ok(())),
            ("token_type", json!("DPoP"), INVALID),
            ("acr", json!("urn:nixa:loa:3"), Ok(())),
            ("acr", json!("urn:nixa:loa:1"), HIGHER),
            ("acr", json!("urn:x:loa:9"), HIGHER),
            ("acr", Value::Null, HIGHER),
            ("auth_time", json!(10_000 - 960), Ok(())),
            ("auth_time", json!(10_000 - 961), NEWER),
            ("auth_time", Value::Null, NEWER),
        ] {
            let mut answer = json!({
                "active": true, "client_id": "tax", "exp": 10_300, "acr": "urn:nixa:loa:2", "auth_time": 9_990,
            });
            answer[name] = value.clone();
            let read: Introspection = serde_json::from_value(answer.clone()).unwrap();
            assert_eq!(check_token(&read, "tax", &api(Some(900)), 10_000), verdict, "{name} = {value}");
            answer["client_id"] = json!("other");
            let foreign: Introspection = serde_json::from_value(answer).unwrap();
            assert_eq!(check_token(&foreign, "tax", &api(Some(900)), 10_000), INVALID, "{name} = {value}");
        }
        let inactive: Introspection = serde_json::from_value(json!({"active": false})).unwrap();
        assert_eq!(check_token(&inactive, "tax", &api(None), 0), INVALID);
        let old = json!({"active": true, "client_id": "tax", "exp": 10_300, "acr": "urn:nixa:loa:2"});
        let old: Introspection = serde_json::from_value(old).unwrap();
        assert_eq!(check_token(&old, "tax", &api(None), 10_000), Ok(()), "no max_age, no auth_time needed");
    }

    #[test]
    fn tokens_come_in_one_well_formed_header() {
        let read = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(AUTHORIZATION, HeaderValue::from_static(line));
            }
            bearer(&headers).map(|token| token.secret().clone())
        };
        for (lines, expected) in [
            (&["Bearer a-._~+/9=="][..], Ok("a-._~+/9==")),
            (&["bearer x"], Ok("x")),
            (&[], Err(Refusal::NoToken)),
            (&[""], Err(Refusal::NoToken)),
            (&["Basic eDp5"], Err(Refusal::NoToken)),
            (&["Bearerx"], Err(Refusal::NoToken)),
            (&["Bearer"], Err(Refusal::InvalidToken)),
            (&["Bearer ="], Err(Refusal::InvalidToken)),
            (&["Bearer a b"], Err(Refusal::InvalidToken)),
            (&["Bearer a=b"], Err(Refusal::InvalidToken)),
            (&["Bearer a,b"], Err(Refusal::InvalidToken)),
            (&["Bearer a", "Bearer a"], Err(Refusal::InvalidToken)),
        ] {
            assert_eq!(read(lines), expected.map(str::to_owned), "{lines:?}");
        }
    }

    #[test]
    fn challenges_say_what_is_missing() {
        let header = |refusal: Refusal, max_age| {
            let response = refusal.response(&api(max_age));
            response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header(Refusal::NoToken, None).unwrap(), "Bearer");
        assert_eq!(header(Refusal::InvalidToken, None).unwrap(), r#"Bearer error="invalid_token""#);
        assert_eq!(header(Refusal::Unavailable, None), None);
        let start = r#"Bearer error="insufficient_user_authentication", error_description="d""#;
        for (max_age, end) in [(None, ""), (Some(900), r#", max_age="900""#)] {
            let expected = format!(r#"{start}, acr_values="urn:nixa:loa:2"{end}"#);
            assert_eq!(header(Refusal::Insufficient("d"), max_age).unwrap(), expected);
        }
    }
}
