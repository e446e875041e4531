//! Client authentication at the token endpoint (RFC 6749 §2.3, RFC 7523 §3, OpenID Connect Core §9).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::client::{Client, ClientAuthentication};
use crate::entropy::{digest, same_secret};
use crate::error::{OAuthError, invalid_client, invalid_request};
use crate::params::Params;
use crate::time::Timestamp;

/// The `client_assertion_type` of RFC 7523 §2.2.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far a client's clock may be off, in seconds.
const LEEWAY: i64 = 10;
/// The longest life of an assertion, in seconds: its `jti` must be remembered that long.
const LONGEST_LIFE: i64 = 600;

/// What the client showed of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Who it says that it is.
    pub client_id: String,
    credential: Credential,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Credential {
    None,
    Basic(String),
    Post(String),
    Assertion(String),
}

/// The `jti` of an assertion, to be consumed once before anything is minted (RFC 7523 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The identifier; unique per client only.
    pub jti: String,
    /// Until when it must be remembered.
    pub expires: Timestamp,
}

/// Reads the credentials of a request; a request may use one method only (RFC 6749 §2.3).
///
/// # Errors
/// `invalid_request` or `invalid_client`.
pub fn present(authorization: Option<&str>, params: &Params) -> Result<Presented, OAuthError> {
    let form_id = params.get("client_id");
    let secret = params.get("client_secret");
    let assertion = params.get("client_assertion");
    let methods = [authorization.is_some(), secret.is_some(), assertion.is_some()];
    if methods.iter().filter(|m| **m).count() > 1 {
        return Err(invalid_request("more than one client authentication method"));
    }
    if let Some(header) = authorization {
        let (client_id, secret) = basic(header).ok_or_else(|| invalid_client("Authorization is malformed"))?;
        return named(form_id, client_id, Credential::Basic(secret));
    }
    if let Some(jwt) = assertion {
        if params.get("client_assertion_type") != Some(JWT_BEARER) {
            return Err(invalid_request("client_assertion_type is not supported"));
        }
        let client_id = unverified_subject(jwt).ok_or_else(|| invalid_client("client_assertion is malformed"))?;
        return named(form_id, client_id, Credential::Assertion(jwt.to_owned()));
    }
    let client_id = form_id.ok_or_else(|| invalid_client("client authentication is missing"))?.to_owned();
    let credential = secret.map_or(Credential::None, |s| Credential::Post(s.to_owned()));
    Ok(Presented { client_id, credential })
}

fn named(form_id: Option<&str>, client_id: String, credential: Credential) -> Result<Presented, OAuthError> {
    if form_id.is_some_and(|id| id != client_id) {
        return Err(invalid_request("client_id names another client"));
    }
    Ok(Presented { client_id, credential })
}

/// Identifier and secret are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(|s| s.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}

/// The subject that an assertion claims, only to look up the key that will verify it.
fn unverified_subject(jwt: &str) -> Option<String> {
    let payload = jwt.split('.').nth(1)?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(&bytes).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

/// Checks the credentials with the method that the client is registered for, and no other.
///
/// `audiences` are the values that an assertion may be addressed to: issuer or endpoint. A returned
/// [`Assertion`] must be consumed by the caller.
///
/// # Errors
/// `invalid_client`.
pub fn authenticate(
    client: &Client,
    presented: &Presented,
    audiences: &[&str],
    now: Timestamp,
) -> Result<Option<Assertion>, OAuthError> {
    let wrong = || invalid_client("client authentication failed");
    match (&client.authentication, &presented.credential) {
        (ClientAuthentication::None, Credential::None) => Ok(None),
        (ClientAuthentication::SecretBasic(stored), Credential::Basic(secret))
        | (ClientAuthentication::SecretPost(stored), Credential::Post(secret))
            if same_secret(stored.as_str(), digest(secret).as_str()) =>
        {
            Ok(None)
        }
        (ClientAuthentication::PrivateKeyJwt, Credential::Assertion(jwt)) => {
            let claims = client.verify(jwt, client.assertion_alg).map_err(|_| wrong())?;
            check_assertion(&claims, &client.client_id, audiences, now).map(Some)
        }
        _ => Err(wrong()),
    }
}

fn check_assertion(
    claims: &Map<String, Value>,
    client_id: &str,
    audiences: &[&str],
    now: Timestamp,
) -> Result<Assertion, OAuthError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let number = |name: &str| claims.get(name).and_then(Value::as_f64).map(|n| Timestamp(n as i64));
    if text("iss") != Some(client_id) || text("sub") != Some(client_id) {
        return Err(invalid_client("client_assertion iss and sub must be the client_id"));
    }
    // One audience only: a list lets the assertion be used at another server too (RFC 9700 §4.10).
    let aud = match claims.get("aud") {
        Some(Value::Array(list)) if list.len() == 1 => list.first().and_then(Value::as_str),
        Some(value) => value.as_str(),
        None => None,
    };
    if !aud.is_some_and(|a| audiences.contains(&a)) {
        return Err(invalid_client("client_assertion aud is not this server"));
    }
    let expires = number("exp").ok_or_else(|| invalid_client("client_assertion exp is missing"))?;
    if now >= expires + LEEWAY || expires - now > LONGEST_LIFE + LEEWAY {
        return Err(invalid_client("client_assertion exp is past or too far"));
    }
    let early = |name: &str| number(name).is_some_and(|t| t > now + LEEWAY);
    if early("nbf") || early("iat") {
        return Err(invalid_client("client_assertion is not yet valid"));
    }
    let jti = text("jti").filter(|j| j.len() <= 256);
    let jti = jti.ok_or_else(|| invalid_client("client_assertion jti is missing"))?.to_owned();
    Ok(Assertion { jti, expires: expires + LEEWAY })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn one_method_and_one_client() {
        let header = format!("Basic {}", STANDARD.encode("a%3Ab:s+%25"));
        let form = |t: &str| Params::parse(t.as_bytes()).unwrap();
        let presented = present(Some(&header), &form("")).unwrap();
        assert_eq!(presented.client_id, "a:b");
        assert_eq!(presented.credential, Credential::Basic("s %".into()));
        let code = |h: Option<&str>, f: &str| present(h, &form(f)).err().map(|e| e.code);
        assert_eq!(code(Some(&header), "client_secret=x"), Some(ErrorCode::InvalidRequest));
        assert_eq!(code(Some(&header), "client_id=other"), Some(ErrorCode::InvalidRequest));
        assert_eq!(code(Some("Bearer x"), ""), Some(ErrorCode::InvalidClient));
        assert_eq!(code(None, ""), Some(ErrorCode::InvalidClient));
        assert_eq!(code(None, "client_assertion=x.y.z&client_assertion_type=saml"), Some(ErrorCode::InvalidRequest));
    }

    #[test]
    fn assertion_claims_table() {
        let now = Timestamp(1000);
        let good = json!({"iss":"c","sub":"c","aud":"https://op","exp":1060,"iat":1000,"jti":"1"});
        let check = |change: Value| {
            let mut claims = good.as_object().unwrap().clone();
            claims.extend(change.as_object().unwrap().clone());
            check_assertion(&claims, "c", &["https://op", "https://op/token"], now).is_ok()
        };
        assert!(check(json!({})));
        assert!(check(json!({"aud": ["https://op/token"]})));
        for bad in [
            json!({"iss": "d"}),
            json!({"sub": "d"}),
            json!({"aud": "https://other"}),
            json!({"aud": ["https://op", "https://other"]}),
            json!({"exp": 980}),
            json!({"exp": 100_000}),
            json!({"exp": null}),
            json!({"nbf": 1060}),
            json!({"iat": 1060}),
            json!({"jti": null}),
        ] {
            assert!(!check(bad.clone()), "{bad}");
        }
    }
}
