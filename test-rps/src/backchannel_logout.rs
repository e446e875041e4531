//! `POST /backchannel-logout`: the exchange tells that a session has ended (Back-Channel Logout 1.0, sections 2.5 to
//! 2.8).
//!
//! The `openidconnect` crate reads no logout token: its ID token type demands `sub`, which a logout token may lack. So
//! the envelope is opened here, and the crate's keys verify it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey as _, JsonWebKeyAlgorithm, JsonWebKeyUse as _};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::exchange::Provider;
use crate::portal::Portal;
use crate::session::Target;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const OLDEST_SECONDS: i64 = 10 * 60;
const LEEWAY_SECONDS: i64 = 60;

/// Why a logout token is refused; for the log only, because the caller may be anyone.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct Refused(&'static str);

/// What a valid logout token says.
#[derive(Debug, PartialEq, Eq)]
struct LogoutToken {
    identifier: String,
    target: Target,
}

#[derive(Deserialize)]
pub(crate) struct LogoutNotice {
    logout_token: String,
}

/// Answers 200 when the token is valid, whether or not a session was there to end; else 400 with no detail.
pub(crate) async fn backchannel_logout(
    State(portal): State<Arc<Portal>>,
    form: Result<Form<LogoutNotice>, FormRejection>,
) -> Response {
    let verdict = match form {
        Ok(Form(notice)) => verify(&portal, &notice.logout_token).await,
        Err(_) => Err(Refused("no logout token")),
    };
    match verdict {
        Ok(target) => {
            let ended = portal.sessions.end(&target).await;
            tracing::info!(ended, "sessions ended by the exchange");
            StatusCode::OK.into_response()
        }
        Err(cause) => {
            tracing::warn!(%cause, "a logout token was refused");
            (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_request"}))).into_response()
        }
    }
}

async fn verify(portal: &Portal, token: &str) -> Result<Target, Refused> {
    let unreachable = |_| Refused("the exchange cannot be reached");
    let provider = portal.exchange.provider().await.map_err(unreachable)?;
    let mut claims = verify_signature(token, &provider)?;
    if claims.is_none() && portal.key_fetches_for_strangers.entry(()).or_insert(()).await.is_fresh() {
        let newer = portal.exchange.newer_than(&provider).await.map_err(unreachable)?;
        claims = verify_signature(token, &newer)?;
    }
    let claims = claims.ok_or(Refused("the signature"))?;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let token = check_claims(&claims, portal.config.issuer(), &portal.config.registration.client_id, now)?;
    let is_first_use = portal.used_logout_tokens.entry(token.identifier).or_insert(()).await.is_fresh();
    if is_first_use { Ok(token.target) } else { Err(Refused("used twice")) }
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// The claims of a token (RFC 7515, section 5.2); `None` when none of the keys has signed it.
fn verify_signature(token: &str, provider: &Provider) -> Result<Option<Map<String, Value>>, Refused> {
    const MALFORMED: Refused = Refused("not a signed token");
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED);
    let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let header: Header = serde_json::from_slice(&header).map_err(|_| MALFORMED)?;
    if header.crit.is_some() || !is_logout_type(header.typ.as_deref()) {
        return Err(Refused("not a logout token by its header"));
    }
    let has_signed = |key: &CoreJsonWebKey| {
        may_sign(key, &header) && key.verify_signature(&header.alg, signed.as_bytes(), &signature).is_ok()
    };
    let is_accepted = provider.metadata.id_token_signing_alg_values_supported().contains(&header.alg);
    if !is_accepted || !provider.metadata.jwks().keys().iter().any(has_signed) {
        return Ok(None);
    }
    serde_json::from_slice(&payload).map(Some).map_err(|_| MALFORMED)
}

/// An explicit type keeps an ID token from being played as a logout token (RFC 8725, section 3.11); older providers
/// send none.
fn is_logout_type(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| matches!(&*typ.to_ascii_lowercase(), "logout+jwt" | "application/logout+jwt"))
}

fn may_sign(key: &CoreJsonWebKey, header: &Header) -> bool {
    let is_named = header.kid.as_deref().is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid));
    let is_for_signatures = key.key_use().is_none_or(|usage| usage.allows_signature());
    let is_for_algorithm = match key.signing_alg() {
        JsonWebKeyAlgorithm::Algorithm(algorithm) => *algorithm == header.alg,
        JsonWebKeyAlgorithm::Unspecified => true,
        JsonWebKeyAlgorithm::Unsupported => false,
    };
    is_named && is_for_signatures && is_for_algorithm
}

/// Section 2.6, but for item 8: that the identifier is new is for the caller to see.
fn check_claims(claims: &Map<String, Value>, issuer: &str, client_id: &str, now: i64) -> Result<LogoutToken, Refused> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let names_client = |audience: &Value| match audience {
        Value::Array(many) => many.iter().any(|one| one == client_id),
        one => one == client_id,
    };
    if text("iss") != Some(issuer) {
        return Err(Refused("another issuer"));
    }
    if !claims.get("aud").is_some_and(names_client) {
        return Err(Refused("another audience"));
    }
    let (Some(iat), Some(exp)) = (seconds(claims, "iat"), seconds(claims, "exp")) else {
        return Err(Refused("no time"));
    };
    let oldest = now - OLDEST_SECONDS - LEEWAY_SECONDS;
    if !(oldest..=now + LEEWAY_SECONDS).contains(&iat) || exp <= now - LEEWAY_SECONDS {
        return Err(Refused("too old, expired, or from the future"));
    }
    if !claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object) {
        return Err(Refused("no logout event"));
    }
    if claims.contains_key("nonce") {
        return Err(Refused("a nonce, as in an ID token"));
    }
    let target = match (text("sid"), text("sub")) {
        (Some(sid), _) => Target::Session(sid.to_owned()),
        (None, Some(subject)) => Target::Subject(subject.to_owned()),
        (None, None) => return Err(Refused("neither sid nor sub")),
    };
    let identifier = text("jti").ok_or(Refused("no identifier"))?.to_owned();
    Ok(LogoutToken { identifier, target })
}

/// A NumericDate may have a fraction (RFC 7519, section 2); beyond 2^53 it is no date.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = claims.get(name)?.as_f64()?;
    (0.0..9.0e15).contains(&value).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn valid() -> Map<String, Value> {
        let claims = json!({
            "iss": "http://issuer", "aud": "portal", "iat": NOW, "exp": NOW + 120, "jti": "j",
            "events": {EVENT: {}}, "sid": "s", "sub": "u",
        });
        claims.as_object().unwrap().clone()
    }

    fn verdict(claims: &Map<String, Value>) -> Result<LogoutToken, Refused> {
        check_claims(claims, "http://issuer", "portal", NOW)
    }

    #[test]
    fn each_claim_is_checked() {
        const TIME: &str = "too old, expired, or from the future";
        assert_eq!(verdict(&valid()).unwrap().target, Target::Session("s".to_owned()));
        for (name, value, cause) in [
            ("iss", json!("http://issuer/"), "another issuer"),
            ("iss", Value::Null, "another issuer"),
            ("aud", json!("other"), "another audience"),
            ("aud", json!(["other"]), "another audience"),
            ("aud", json!({"portal": 1}), "another audience"),
            ("iat", json!(NOW - 661), TIME),
            ("iat", json!(NOW + 61), TIME),
            ("iat", json!("now"), "no time"),
            ("exp", json!(NOW - 60), TIME),
            ("exp", Value::Null, "no time"),
            ("events", json!({}), "no logout event"),
            ("events", json!({EVENT: true}), "no logout event"),
            ("events", json!([EVENT]), "no logout event"),
            ("nonce", json!("n"), "a nonce, as in an ID token"),
            ("nonce", Value::Null, "a nonce, as in an ID token"),
            ("jti", json!(""), "no identifier"),
            ("jti", json!(7), "no identifier"),
        ] {
            let mut claims = valid();
            claims.insert(name.to_owned(), value.clone());
            assert_eq!(verdict(&claims), Err(Refused(cause)), "{name} = {value}");
        }
        for (name, value) in [
            ("aud", json!(["x", "portal"])),
            ("iat", json!(NOW - 660)),
            ("iat", json!(NOW + 60)),
            ("iat", json!(1_800_000_000.5)),
            ("exp", json!(NOW - 59)),
        ] {
            let mut claims = valid();
            claims.insert(name.to_owned(), value.clone());
            assert!(verdict(&claims).is_ok(), "{name} = {value}");
        }
    }

    #[test]
    fn the_target_is_the_session_before_the_person() {
        let mut claims = valid();
        claims.remove("sid");
        assert_eq!(verdict(&claims).unwrap().target, Target::Subject("u".to_owned()));
        claims.remove("sub");
        assert_eq!(verdict(&claims), Err(Refused("neither sid nor sub")));
        claims.insert("sid".to_owned(), json!("only"));
        assert_eq!(verdict(&claims).unwrap().target, Target::Session("only".to_owned()));
    }

    #[test]
    fn types() {
        for typ in [None, Some("logout+jwt"), Some("Logout+JWT"), Some("application/logout+jwt")] {
            assert!(is_logout_type(typ), "{typ:?}");
        }
        for typ in ["JWT", "at+jwt", "", "x/logout+jwt"] {
            assert!(!is_logout_type(Some(typ)), "{typ}");
        }
    }
}
