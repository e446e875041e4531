//! The metadata of a client, as a response to its registration states it.

use serde_json::{Map, Value, json};

use crate::client::{Client, RequestProtection};

/// The registered metadata as the client is told (RFC 7591 §3.2.1): what holds, whatever was asked.
#[must_use]
pub fn describe(client: &Client) -> Map<String, Value> {
    let mut metadata: Map<String, Value> = client.about.clone().into_iter().collect();
    let mut put = |member: &str, value: Value| {
        if !value.is_null() {
            metadata.insert(member.to_owned(), value);
        }
    };
    put("client_id", json!(client.client_id));
    put("client_name", json!(client.name.en));
    put("client_name#vi", json!(client.name.vi));
    put("redirect_uris", json!(client.redirect_uris));
    put("response_types", json!(["code"]));
    let refresh = client.refresh_tokens.then_some("refresh_token");
    put("grant_types", json!(["authorization_code"].into_iter().chain(refresh).collect::<Vec<_>>()));
    put("application_type", json!(if client.native { "native" } else { "web" }));
    put("token_endpoint_auth_method", json!(client.authentication.as_str()));
    put("token_endpoint_auth_signing_alg", json!(client.assertion_alg));
    put("scope", json!(client.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")));
    if !client.keys.is_empty() {
        put("jwks", json!({ "keys": client.keys }));
    }
    put("jwks_uri", json!(client.jwks_uri));
    put("subject_type", json!(if client.public_subject { "public" } else { "pairwise" }));
    put("sector_identifier_uri", json!(client.sector_identifier_uri));
    put("id_token_signed_response_alg", json!(client.id_token_alg));
    put("userinfo_signed_response_alg", json!(client.userinfo_alg));
    put("request_object_signing_alg", json!(client.request_object_alg));
    for (prefix, encryption) in [
        ("id_token_encrypted_response", client.id_token_encryption),
        ("userinfo_encrypted_response", client.userinfo_encryption),
    ] {
        put(&format!("{prefix}_alg"), json!(encryption.map(|e| e.alg)));
        put(&format!("{prefix}_enc"), json!(encryption.map(|e| e.enc)));
    }
    put("client_uri", json!(client.client_uri));
    put("default_max_age", json!(client.default_max_age));
    if !client.default_acr_values.is_empty() {
        put("default_acr_values", json!(client.default_acr_values));
    }
    if !client.post_logout_redirect_uris.is_empty() {
        put("post_logout_redirect_uris", json!(client.post_logout_redirect_uris));
    }
    put("backchannel_logout_uri", json!(client.backchannel_logout_uri));
    put("frontchannel_logout_uri", json!(client.frontchannel_logout_uri));
    if client.frontchannel_logout_uri.is_some() {
        put("frontchannel_logout_session_required", json!(client.frontchannel_logout_session_required));
    }
    let protection = client.request_protection;
    put("require_pushed_authorization_requests", json!(protection == RequestProtection::Pushed));
    put("require_signed_request_object", json!(protection == RequestProtection::Signed));
    metadata
}
