//! What each target does with the octets that it is given. A panic is a finding, and so is a broken promise: each
//! target says what must hold whatever a stranger sends.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use nixa_protocol::authorize::{AuthorizationResponse, ResponseMode, bind, effective, validate};
use nixa_protocol::client::Client;
use nixa_protocol::client_auth::{self, JWT_BEARER};
use nixa_protocol::grant::{CodeBinding, TokenRequest, check_redemption, client_credentials_scope, restrict_scope};
use nixa_protocol::jose::{Algorithm, SigningKey, VerifyingKey};
use nixa_protocol::logout::{post_logout_redirect, verify_hint};
use nixa_protocol::registration::{RegistrationPolicy, check_sector, describe, read_metadata};
use nixa_protocol::{ClientAuthentication, LocalizedText, OAuthError, Params, Timestamp};
use serde_json::{Map, Value};

const ISSUER: &str = "https://op.example";
const REDIRECT: &str = "https://rp.example/cb?x=1";
const NOW: Timestamp = Timestamp(1_700_000_000);

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).expect("a key"));
static CLIENT: LazyLock<Arc<Client>> = LazyLock::new(|| Arc::new(client(ClientAuthentication::PrivateKeyJwt)));

fn texts(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn client(authentication: ClientAuthentication) -> Client {
    Client {
        redirect_uris: vec![REDIRECT.to_owned()],
        post_logout_redirect_uris: vec!["https://rp.example/bye".to_owned()],
        keys: vec![KEY.public_jwk()],
        require_pkce: false,
        refresh_tokens: true,
        scopes: texts(&["openid", "profile", "offline_access"]),
        own_scopes: texts(&["files:read"]),
        services: texts(&["file-return"]),
        ..Client::new("c", LocalizedText::default(), authentication)
    }
}

/// An error is in the characters of RFC 6749 Appendix A.8.
fn is_plain(error: &OAuthError) {
    let response = AuthorizationResponse::error(REDIRECT, ResponseMode::Query, error, None, ISSUER);
    assert!(response.location().starts_with(REDIRECT));
}

/// Octets of two kinds: claims that the client has signed, or a token as it is.
fn token(data: &[u8]) -> Option<String> {
    match data.split_first()? {
        (b's', claims) => {
            let claims: Map<String, Value> = serde_json::from_slice(claims).ok()?;
            KEY.sign("JWT", &claims).ok()
        }
        (_, token) => Some(String::from_utf8_lossy(token).into_owned()),
    }
}

fn authorize(params: &Params) {
    let Ok(bound) = bind(params, CLIENT.clone()) else { return };
    assert_eq!(bound.redirect_uri, REDIRECT, "only what is registered");
    match validate(params, &bound) {
        Ok(request) => {
            assert!(request.scopes.contains("openid") && request.scopes.is_subset(&CLIENT.scopes));
            assert!(request.max_age.is_none_or(|age| age >= 0));
        }
        Err(error) => is_plain(&error),
    }
}

/// The query or form of an authorization request.
pub fn authorization_request(data: &[u8]) {
    let Ok(params) = Params::parse(data) else { return };
    let again = Params::parse(params.to_form().as_bytes()).expect("what was read can be written");
    assert_eq!(again.to_form(), params.to_form());
    authorize(&params);
}

/// A request object (RFC 9101).
pub fn request_object(data: &[u8]) {
    let Some(token) = token(data) else { return };
    let Ok(outer) = Params::parse(format!("client_id=c&request={token}").as_bytes()) else { return };
    match effective(outer, &CLIENT, ISSUER, NOW) {
        Ok(params) => authorize(&params),
        Err(error) => is_plain(&error),
    }
}

/// The authentication of a client: header and form, divided by a line.
pub fn client_assertion(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (header, form) = text.split_once('\n').unwrap_or(("", &text));
    let form = match token(form.as_bytes()) {
        Some(token) if form.starts_with('s') => {
            format!("client_assertion_type={JWT_BEARER}&client_assertion={token}")
        }
        _ => form.to_owned(),
    };
    let Ok(params) = Params::parse(form.as_bytes()) else { return };
    let header = Some(header).filter(|header| !header.is_empty());
    let presented = match client_auth::present(header, &params) {
        Ok(presented) => presented,
        Err(error) => return is_plain(&error),
    };
    match client_auth::authenticate(&CLIENT, &presented, &[ISSUER], NOW) {
        Ok(assertion) => {
            let assertion = assertion.expect("an assertion, which is then used up");
            assert!(presented.client_id == "c" && assertion.expires > NOW && assertion.expires <= NOW + 700);
        }
        Err(error) => is_plain(&error),
    }
    let secret = client(ClientAuthentication::basic("a secret that nobody guesses"));
    assert!(client_auth::authenticate(&secret, &presented, &[ISSUER], NOW).is_err());
}

/// The form of a token request.
pub fn token_request(data: &[u8]) {
    let Ok(params) = Params::parse(data) else { return };
    match TokenRequest::parse(&params) {
        Ok(TokenRequest::AuthorizationCode(request)) => {
            let binding =
                CodeBinding { client_id: "c", redirect_uri: REDIRECT, code_challenge: Some("x".repeat(43).leak()) };
            let redeemed = check_redemption(binding, &CLIENT, &request);
            is_plain(&redeemed.expect_err("nobody has a verifier of this challenge"));
        }
        Ok(TokenRequest::RefreshToken(request)) => {
            if let Ok(scopes) = restrict_scope(&CLIENT.scopes, request.scope.as_ref()) {
                assert!(scopes.is_subset(&CLIENT.scopes));
            }
        }
        Ok(TokenRequest::ClientCredentials(request)) => {
            if let Ok(scopes) = client_credentials_scope(&CLIENT, request.scope.as_ref()) {
                assert!(scopes.is_subset(&CLIENT.own_scopes));
            }
        }
        Err(error) => is_plain(&error),
    }
}

/// Metadata that a client registers (RFC 7591), and the document of its sector.
pub fn registration(data: &[u8]) {
    let policy = RegistrationPolicy {
        scopes: texts(&["openid", "profile"]),
        acr_values: texts(&["one"]),
        ..RegistrationPolicy::default()
    };
    let Ok(metadata) = serde_json::from_slice::<Map<String, Value>>(data) else { return };
    match read_metadata(&metadata, &policy) {
        Ok((client, method)) => {
            assert!(!client.redirect_uris.is_empty() && client.scopes.is_subset(&policy.scopes));
            assert!(!client.redirect_uris.iter().any(|uri| uri.starts_with("javascript")));
            let _sector = check_sector(data, &client);
            let told = describe(&Client { authentication: method.with_secret(""), ..client.clone() });
            let (again, _) = read_metadata(&told, &policy).expect("what a client was told it can register");
            assert_eq!(again, client);
            let stored = serde_json::to_string(&client).expect("JSON");
            assert_eq!(serde_json::from_str::<Client>(&stored).expect("as it was stored"), client);
        }
        Err(error) => is_plain(&error.into()),
    }
}

/// The hint and the parameters of a logout, divided by a line.
pub fn logout_hint(data: &[u8]) {
    let divide = data.iter().position(|octet| *octet == b'\n').unwrap_or(data.len());
    let (hint, rest) = data.split_at(divide);
    let keys = [VerifyingKey::from_jwk(&KEY.public_jwk()).expect("a key")];
    let hint = token(hint).and_then(|hint| verify_hint(&hint, &keys, ISSUER));
    let Ok(params) = Params::parse(rest.get(1..).unwrap_or_default()) else { return };
    let client = hint.filter(|hint| hint.client_id == "c").map(|_| &**CLIENT);
    match post_logout_redirect(&params, client) {
        Some(uri) => assert!(client.is_some() && uri.starts_with("https://rp.example/bye")),
        None => assert!(client.is_none() || params.get("post_logout_redirect_uri") != Some("https://rp.example/bye")),
    }
}
