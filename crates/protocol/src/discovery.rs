//! The metadata document (OpenID Connect Discovery 1.0 §3, RFC 8414): exactly what is supported.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::authorize::TRANSACTION;
use crate::claims::SCOPES;
use crate::jose::Algorithm;
use crate::jwe::{ContentEncryption, KeyManagement};

/// The metadata of a provider whose endpoints hang below its issuer, and which gives the claims of these
/// scopes; with an endpoint to register at, where clients may.
#[must_use]
pub fn metadata(issuer: &str, acr_values: &[String], scopes: &BTreeSet<String>, registers: bool) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    let algorithms: Vec<&str> = Algorithm::ALL.iter().map(|a| a.as_str()).collect();
    let given = || SCOPES.iter().filter(|(scope, _)| scopes.contains(*scope));
    let mut claims: Vec<&str> = given().flat_map(|(_, claims)| claims.iter().copied()).collect();
    claims.extend(["iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"]);
    let mut metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "pushed_authorization_request_endpoint": at("/par"),
        "require_pushed_authorization_requests": false,
        "revocation_endpoint": at("/revoke"),
        "revocation_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint": at("/introspect"),
        "introspection_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "jwks_uri": at("/jwks"),
        "registration_endpoint": registers.then(|| at("/register")),
        "end_session_endpoint": at("/logout"),
        "scopes_supported": given().map(|(scope, _)| *scope).collect::<Vec<_>>(),
        "claims_supported": claims,
        "claim_types_supported": ["normal"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "acr_values_supported": acr_values,
        "subject_types_supported": ["pairwise", "public"],
        "id_token_signing_alg_values_supported": algorithms,
        "id_token_encryption_alg_values_supported": KeyManagement::NAMES,
        "id_token_encryption_enc_values_supported": ContentEncryption::NAMES,
        "userinfo_signing_alg_values_supported": algorithms,
        "userinfo_encryption_alg_values_supported": KeyManagement::NAMES,
        "userinfo_encryption_enc_values_supported": ContentEncryption::NAMES,
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["vi", "en"],
        "authorization_details_types_supported": [TRANSACTION],
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_object_signing_alg_values_supported": algorithms,
        "require_signed_request_object": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
    });
    if let Some(members) = metadata.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    metadata
}
