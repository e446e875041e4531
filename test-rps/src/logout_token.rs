//! The checks of a logout token (Back-Channel Logout 1.0, section 2.6).
//!
//! The `openidconnect` crate reads no logout token: its ID token type demands `sub`, which a
//! logout token may lack. So the envelope is opened here, and the crate's keys verify it.

use crate::sessions::Target;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey as _, JsonWebKeyAlgorithm, JsonWebKeyUse as _};
use serde::Deserialize;
use serde_json::{Map, Value};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const OLDEST_SECONDS: i64 = 10 * 60;
const LEEWAY_SECONDS: i64 = 60;

/// How long an identifier must be remembered so that no acceptable token can be used twice.
pub(crate) const REPLAY_WINDOW_SECONDS: i64 = OLDEST_SECONDS + 2 * LEEWAY_SECONDS;

/// Why a logout token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogoutTokenError {
    #[error("not a signed token")]
    Malformed,
    #[error("not a logout token by its type")]
    Type,
    #[error("signature")]
    Signature,
    #[error("another issuer")]
    Issuer,
    #[error("another audience")]
    Audience,
    #[error("too old, expired, or from the future")]
    Time,
    #[error("no logout event")]
    Event,
    #[error("a nonce, as in an ID token")]
    Nonce,
    #[error("neither sid nor sub")]
    Target,
    #[error("no identifier")]
    Identifier,
}

/// What a valid logout token says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogoutToken {
    pub(crate) identifier: String,
    pub(crate) target: Target,
}

/// What a logout token is held against.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) keys: &'a CoreJsonWebKeySet,
    pub(crate) algorithms: &'a [CoreJwsSigningAlgorithm],
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// Verifies a logout token. That its identifier is new is for the caller to see.
///
/// # Errors
/// The first [`LogoutTokenError`] that applies.
pub(crate) fn verify(token: &str, expected: &Expected<'_>, now: i64) -> Result<LogoutToken, LogoutTokenError> {
    let claims = open(token, expected)?;
    check_claims(&claims, expected, now)
}

/// The payload, once its signature holds.
fn open(token: &str, expected: &Expected<'_>) -> Result<Map<String, Value>, LogoutTokenError> {
    let malformed = LogoutTokenError::Malformed;
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let header: Header = serde_json::from_slice(&header).map_err(|_| malformed)?;
    if header.crit.is_some() {
        return Err(malformed);
    }
    check_type(header.typ.as_deref())?;
    let signed_by = |key: &&CoreJsonWebKey| {
        may_sign(key, &header) && key.verify_signature(&header.alg, signed.as_bytes(), &signature).is_ok()
    };
    if !expected.algorithms.contains(&header.alg) || !expected.keys.keys().iter().any(|key| signed_by(&key)) {
        return Err(LogoutTokenError::Signature);
    }
    serde_json::from_slice(&payload).map_err(|_| malformed)
}

/// An explicit type keeps an ID token from being played as a logout token (RFC 8725, section
/// 3.11); older providers send none.
fn check_type(typ: Option<&str>) -> Result<(), LogoutTokenError> {
    let known = |typ: &str| {
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").unwrap_or(&typ) == "logout+jwt"
    };
    match typ {
        Some(typ) if !known(typ) => Err(LogoutTokenError::Type),
        _ => Ok(()),
    }
}

fn may_sign(key: &CoreJsonWebKey, header: &Header) -> bool {
    let named = header.kid.as_deref().is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid));
    let for_signatures = key.key_use().is_none_or(|usage| usage.allows_signature());
    let for_algorithm = match key.signing_alg() {
        JsonWebKeyAlgorithm::Algorithm(algorithm) => *algorithm == header.alg,
        JsonWebKeyAlgorithm::Unspecified => true,
        JsonWebKeyAlgorithm::Unsupported => false,
    };
    named && for_signatures && for_algorithm
}

fn check_claims(
    claims: &Map<String, Value>,
    expected: &Expected<'_>,
    now: i64,
) -> Result<LogoutToken, LogoutTokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(LogoutTokenError::Issuer);
    }
    if !names_audience(claims.get("aud"), expected.client_id) {
        return Err(LogoutTokenError::Audience);
    }
    check_time(seconds(claims, "iat"), seconds(claims, "exp"), now)?;
    let event = claims.get("events").and_then(|events| events.get(EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(LogoutTokenError::Event);
    }
    if claims.contains_key("nonce") {
        return Err(LogoutTokenError::Nonce);
    }
    let filled = |name| text(name).filter(|value| !value.is_empty());
    let target = match (filled("sid"), filled("sub")) {
        (Some(sid), _) => Target::Session(sid.to_owned()),
        (None, Some(subject)) => Target::Subject(subject.to_owned()),
        (None, None) => return Err(LogoutTokenError::Target),
    };
    let identifier = filled("jti").ok_or(LogoutTokenError::Identifier)?.to_owned();
    Ok(LogoutToken { identifier, target })
}

fn names_audience(audience: Option<&Value>, client_id: &str) -> bool {
    match audience {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(client_id)),
        _ => false,
    }
}

fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    value.as_i64().or_else(|| {
        // NumericDate may have a fraction (RFC 7519, section 2); beyond 2^53 it is no date.
        let value = value.as_f64()?;
        (0.0..9.0e15).contains(&value).then_some(value as i64)
    })
}

fn check_time(iat: Option<i64>, exp: Option<i64>, now: i64) -> Result<(), LogoutTokenError> {
    let (Some(iat), Some(exp)) = (iat, exp) else {
        return Err(LogoutTokenError::Time);
    };
    let oldest = now - OLDEST_SECONDS - LEEWAY_SECONDS;
    let issued_in_time = (oldest..=now + LEEWAY_SECONDS).contains(&iat);
    if issued_in_time && exp > now - LEEWAY_SECONDS { Ok(()) } else { Err(LogoutTokenError::Time) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn valid() -> Map<String, Value> {
        let claims = json!({
            "iss": "http://issuer", "aud": "portal", "iat": NOW, "exp": NOW + 120, "jti": "j",
            "events": {EVENT: {}}, "sid": "s", "sub": "u",
        });
        claims.as_object().unwrap().clone()
    }

    fn verdict(claims: &Map<String, Value>) -> Result<LogoutToken, LogoutTokenError> {
        let expected = Expected {
            issuer: "http://issuer",
            client_id: "portal",
            keys: &CoreJsonWebKeySet::default(),
            algorithms: &[],
        };
        check_claims(claims, &expected, NOW)
    }

    #[test]
    fn each_claim_is_checked() {
        use LogoutTokenError as E;
        assert_eq!(verdict(&valid()).unwrap().target, Target::Session("s".to_owned()));
        for (name, value, error) in [
            ("iss", json!("http://issuer/"), E::Issuer),
            ("iss", Value::Null, E::Issuer),
            ("aud", json!("other"), E::Audience),
            ("aud", json!(["other"]), E::Audience),
            ("aud", json!({"portal": 1}), E::Audience),
            ("iat", json!(NOW - 661), E::Time),
            ("iat", json!(NOW + 61), E::Time),
            ("iat", json!("now"), E::Time),
            ("exp", json!(NOW - 60), E::Time),
            ("exp", Value::Null, E::Time),
            ("events", json!({}), E::Event),
            ("events", json!({EVENT: true}), E::Event),
            ("events", json!([EVENT]), E::Event),
            ("nonce", json!("n"), E::Nonce),
            ("nonce", Value::Null, E::Nonce),
            ("jti", json!(""), E::Identifier),
            ("jti", json!(7), E::Identifier),
        ] {
            let mut claims = valid();
            claims.insert(name.to_owned(), value.clone());
            assert_eq!(verdict(&claims), Err(error), "{name} = {value}");
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
        assert_eq!(verdict(&claims), Err(LogoutTokenError::Target));
        claims.insert("sid".to_owned(), json!("only"));
        assert_eq!(verdict(&claims).unwrap().target, Target::Session("only".to_owned()));
    }

    #[test]
    fn types() {
        for typ in [None, Some("logout+jwt"), Some("Logout+JWT"), Some("application/logout+jwt")] {
            assert_eq!(check_type(typ), Ok(()), "{typ:?}");
        }
        for typ in ["JWT", "at+jwt", "", "x/logout+jwt"] {
            assert_eq!(check_type(Some(typ)), Err(LogoutTokenError::Type), "{typ}");
        }
    }
}
