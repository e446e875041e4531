//! Authorization requests that the client signed (RFC 9101) or pushed (RFC 9126).

use serde_json::{Map, Value};

use crate::client::{Client, RequestProtection};
use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;
use crate::time::Timestamp;

/// What a `request_uri` of ours begins with (RFC 9126 §2.2).
pub const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";
/// How far a client's clock may be off, in seconds.
const LEEWAY: i64 = 10;
/// The longest life of a request object, in seconds.
const LONGEST_LIFE: i64 = 3_600;

fn refuse(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequestObject, description)
}

/// The parameters of a request: those of its request object, when it has one. What stands beside the object is
/// not looked at, but for `client_id`, which must be the same (RFC 9101 §6.3): anybody could have changed it on
/// its way through the browser.
///
/// # Errors
/// `invalid_request_object`, also for one that is not signed; `invalid_request` for one that is missing.
pub fn effective(params: Params, client: &Client, issuer: &str, now: Timestamp) -> Result<Params, OAuthError> {
    let Some(object) = params.get("request") else {
        return match client.request_protection {
            RequestProtection::Signed => Err(refuse("the client's requests must be signed")),
            RequestProtection::None | RequestProtection::Pushed => Ok(params),
        };
    };
    let claims =
        client.verify(object, client.request_object_alg).map_err(|_| refuse("request is not signed by the client"))?;
    check(&claims, client, issuer, now)?;
    Ok(Params::from_claims(&claims))
}

fn check(claims: &Map<String, Value>, client: &Client, issuer: &str, now: Timestamp) -> Result<(), OAuthError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let number = |name: &str| claims.get(name).and_then(Value::as_f64).map(|n| Timestamp(n as i64));
    if text("client_id") != Some(&client.client_id) {
        return Err(refuse("client_id of request is missing or another"));
    }
    // Without these two, an assertion or an ID token that the client has signed could pass for a request.
    if text("iss") != Some(&client.client_id) {
        return Err(refuse("iss of request is not the client"));
    }
    let aud = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().any(|aud| aud.as_str() == Some(issuer)),
        Some(value) => value.as_str() == Some(issuer),
        None => false,
    };
    if !aud {
        return Err(refuse("aud of request is not this server"));
    }
    let expires = number("exp").ok_or_else(|| refuse("exp of request is missing"))?;
    if now >= expires + LEEWAY || expires - now > LONGEST_LIFE + LEEWAY {
        return Err(refuse("exp of request is past or too far"));
    }
    if ["nbf", "iat"].into_iter().any(|name| number(name).is_some_and(|at| at > now + LEEWAY)) {
        return Err(refuse("request is not yet valid"));
    }
    if claims.contains_key("request") || claims.contains_key("request_uri") {
        return Err(refuse("a request object must not hold another one"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::{ClientAuthentication, LocalizedText};
    use crate::jose::{Algorithm, SigningKey};

    const NOW: Timestamp = Timestamp(1_000);

    fn client(key: &SigningKey, request_protection: RequestProtection) -> Client {
        let name = LocalizedText { vi: String::new(), en: String::new() };
        let keys = vec![key.public_jwk()];
        Client { keys, request_protection, ..Client::new("c", name, ClientAuthentication::None) }
    }

    fn claims(change: Value) -> Value {
        let mut claims = json!({
            "client_id": "c", "iss": "c", "aud": "https://op", "exp": 1_300, "max_age": 60, "state": "inside",
            "claims": {"userinfo": {"name": null}}, "resource": ["https://a", "https://b"],
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        claims
    }

    fn with(key: &SigningKey, claims: &Value, protection: RequestProtection) -> Result<Params, OAuthError> {
        let object = key.sign("oauth-authz-req+jwt", claims).unwrap();
        let params = Params::parse(format!("client_id=c&state=outside&nonce=n&request={object}").as_bytes()).unwrap();
        effective(params, &client(key, protection), "https://op", NOW)
    }

    #[test]
    fn what_is_signed_counts_and_nothing_beside_it() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let params = with(&key, &claims(json!({})), RequestProtection::Signed).unwrap();
        assert_eq!(params.get("state"), Some("inside"));
        assert_eq!(params.get("nonce"), None, "it stood beside the object");
        assert_eq!(params.get("max_age"), Some("60"));
        assert_eq!(params.get("claims"), Some(r#"{"userinfo":{"name":null}}"#));
        assert_eq!(params.resources(), ["https://a", "https://b"]);
        let form = params.to_form();
        let again = Params::parse(form.as_bytes()).unwrap();
        assert_eq!((again.get("state"), again.resources()), (params.get("state"), params.resources()));
    }

    #[test]
    fn objects_that_are_refused() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        for bad in [
            json!({"client_id": "d"}),
            json!({"client_id": null}),
            json!({"iss": "d"}),
            json!({"iss": null}),
            json!({"aud": "https://other"}),
            json!({"aud": ["https://other"]}),
            json!({"aud": null}),
            json!({"exp": 990}),
            json!({"exp": 10_000}),
            json!({"exp": null}),
            json!({"nbf": 1_011}),
            json!({"iat": 1_011}),
            json!({"request": "x"}),
            json!({"request_uri": "x"}),
        ] {
            let refused = with(&key, &claims(bad.clone()), RequestProtection::None).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidRequestObject, "{bad}");
        }
        for good in [json!({"aud": ["https://other", "https://op"]}), json!({"nbf": 1_010}), json!({"exp": 991})] {
            assert!(with(&key, &claims(good.clone()), RequestProtection::None).is_ok(), "{good}");
        }
        let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
        let object = stranger.sign("JWT", &claims(json!({}))).unwrap();
        let unsigned = "eyJhbGciOiJub25lIn0.eyJjbGllbnRfaWQiOiJjIn0.".to_owned();
        for object in [object, unsigned, "x".to_owned()] {
            let params = Params::parse(format!("client_id=c&request={object}").as_bytes()).unwrap();
            let refused = effective(params, &client(&key, RequestProtection::None), "https://op", NOW).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidRequestObject);
        }
        let plain = || Params::parse(b"client_id=c").unwrap();
        let protected = |protection| effective(plain(), &client(&key, protection), "https://op", NOW);
        assert!(protected(RequestProtection::None).is_ok() && protected(RequestProtection::Pushed).is_ok());
        assert_eq!(protected(RequestProtection::Signed).unwrap_err().code, ErrorCode::InvalidRequestObject);
    }
}
