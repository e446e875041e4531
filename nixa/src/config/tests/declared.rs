//! A client that an operator declares and one that registers by API are read by the same rules.

use nixa_protocol::registration::read_metadata;
use nixa_protocol::{Client, OAuthError};
use serde_json::{Value, json};

use super::super::broker::{BrokerSection, PortalSection};
use super::super::client::Metadata;
use super::super::server::RegistrationSection;
use super::super::{Finding, portal_scopes};

const SECRET: &str = "0123456789012345678901";

fn metadata(change: &Value) -> Metadata {
    let metadata = json!({
        "client_name": "Tax", "client_name#vi": "Thuế",
        "client_uri": "https://rp.example/",
        "redirect_uris": ["https://rp.example/cb"],
        "sector_identifier_uri": "https://rp.example/sector.json",
        "scope": "openid profile",
    });
    let mut metadata = metadata.as_object().unwrap().clone();
    metadata.extend(change.as_object().unwrap().clone());
    metadata
}

/// As it is declared: by way of the TOML of a file.
fn declared(metadata: &Metadata) -> Result<Client, Vec<Finding>> {
    let file = json!({ "client_id": "c", "client_secret": SECRET, "client": metadata });
    let portal: PortalSection = toml::from_str(&toml::to_string(&file).unwrap()).unwrap();
    portal.read_client(Some(&super::super::default_policy().unwrap()))
}

/// As it is registered.
fn registered(metadata: &Metadata) -> Result<Client, Vec<String>> {
    let levels: Vec<String> = super::super::default_policy().unwrap().names().map(str::to_owned).collect();
    let scopes = portal_scopes().map(str::to_owned).collect();
    let section = RegistrationSection { scopes, public_subjects: true, require_pkce: true };
    match read_metadata(metadata, &section.policy(&levels, true)) {
        Ok((client, method)) => {
            // What a declaration has beside the metadata.
            let client_id = "c".to_owned();
            Ok(Client { client_id, declared: true, authentication: method.with_secret(SECRET), ..client })
        }
        Err(invalid) => {
            let member = |r: nixa_protocol::registration::MetadataRefusal| {
                let entry = r.entry.map_or_else(String::new, |entry| format!("[{entry}]"));
                format!("client.{}{entry}: {}", r.member, r.reason)
            };
            assert!(OAuthError::from(invalid.clone()).description.starts_with(&invalid.0[0].member));
            Err(invalid.0.into_iter().map(member).collect())
        }
    }
}

fn compare(change: &Value) -> Result<Client, Vec<String>> {
    let metadata = metadata(change);
    let text = |f: Finding| format!("{}: {}", f.key, f.reason);
    let declared = declared(&metadata).map_err(|findings| findings.into_iter().map(text).collect::<Vec<_>>());
    assert_eq!(declared, registered(&metadata), "{change}");
    declared
}

#[test]
fn the_same_metadata_give_the_same_client() {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    for change in [
        json!({}),
        json!({ "application_type": "native", "redirect_uris": ["http://127.0.0.1/cb", "vn.example.app:/cb"] }),
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "token_endpoint_auth_method": "client_secret_post", "grant_types": ["authorization_code", "refresh_token"] }),
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key] },
            "token_endpoint_auth_signing_alg": "EdDSA", "request_object_signing_alg": "EdDSA",
            "require_signed_request_object": true }),
        json!({ "jwks_uri": "https://rp.example/jwks", "id_token_encrypted_response_alg": "ECDH-ES",
            "userinfo_encrypted_response_alg": "RSA-OAEP-256", "userinfo_encrypted_response_enc": "A256GCM" }),
        json!({ "id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "PS256" }),
        json!({ "post_logout_redirect_uris": ["https://rp.example/bye"], "backchannel_logout_uri": "https://rp.example/back",
            "backchannel_logout_session_required": true, "frontchannel_logout_uri": "https://rp.example/front",
            "frontchannel_logout_session_required": true }),
        json!({ "subject_type": "public", "default_max_age": 300, "default_acr_values": ["urn:nixa:loa:2"],
            "require_auth_time": true, "require_pushed_authorization_requests": true }),
        json!({ "logo_uri": "https://rp.example/logo.png", "policy_uri": "https://rp.example/p",
            "tos_uri": "https://rp.example/t", "contacts": ["a@rp.example"], "software_id": "s",
            "software_version": "1", "initiate_login_uri": "https://rp.example/start", "response_types": ["code"] }),
    ] {
        let client = compare(&change).unwrap();
        assert_eq!(client.sector, "host:rp.example");
    }
}

/// What no client may have as an address, each for another reason.
const BAD_URIS: [&str; 13] = [
    "nowhere",
    "http://rp.example/",
    "ftp://rp.example/",
    "javascript:alert(1)",
    "https://user@rp.example/",
    "https://user:word@rp.example/",
    "https://rp.example/#fragment",
    "https://rp.example/cb#",
    "https://d\u{1ecb}chv\u{1ee5}.vn/",
    "https://*.example/",
    "https://a;b/",
    "https://a,b/",
    "https://rp.example/a\nb",
];

#[test]
fn the_same_addresses_are_refused() {
    for uri in BAD_URIS {
        for member in ["redirect_uris", "post_logout_redirect_uris"] {
            let refused = compare(&json!({ member: ["https://rp.example/cb", uri] })).expect_err(uri);
            assert!(refused[0].starts_with(&format!("client.{member}[1]: ")), "{uri}: {refused:?}");
        }
        for member in [
            "client_uri",
            "logo_uri",
            "policy_uri",
            "tos_uri",
            "initiate_login_uri",
            "jwks_uri",
            "sector_identifier_uri",
            "backchannel_logout_uri",
            "frontchannel_logout_uri",
        ] {
            let refused = compare(&json!({ member: uri })).expect_err(uri);
            assert!(refused[0].starts_with(&format!("client.{member}: ")), "{uri}: {refused:?}");
        }
    }
}

#[test]
fn the_same_values_are_refused() {
    for (change, member) in [
        (json!({ "client_name": "a\nb" }), "client_name"),
        (json!({ "client_name#vi": "" }), "client_name#vi"),
        (json!({ "grant_types": ["implicit"] }), "grant_types"),
        (json!({ "response_types": ["token"] }), "response_types"),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt" }), "token_endpoint_auth_method"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "jwks"),
        (json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AA" }] } }), "jwks"),
        (json!({ "require_signed_request_object": true }), "require_signed_request_object"),
        (json!({ "id_token_signed_response_alg": "none" }), "id_token_signed_response_alg"),
        (json!({ "userinfo_encrypted_response_enc": "A256GCM" }), "userinfo_encrypted_response_enc"),
        (json!({ "scope": "openid everything" }), "scope"),
        (json!({ "default_acr_values": ["gold"] }), "default_acr_values"),
        (json!({ "default_max_age": "60" }), "default_max_age"),
        (json!({ "contacts": ["nobody"] }), "contacts"),
        (json!({ "frontchannel_logout_uri": "https://other.example/" }), "frontchannel_logout_uri"),
        (json!({ "redirect_uris": vec!["https://rp.example/cb"; 21] }), "redirect_uris"),
    ] {
        let refused = compare(&change).expect_err(member);
        assert!(refused[0].starts_with(&format!("client.{member}: ")), "{change}: {refused:?}");
    }
}

#[test]
fn a_declaration_may_have_what_a_client_cannot_register() {
    let loopback = json!({ "redirect_uris": ["http://127.0.0.1:9000/cb"], "client_uri": "http://localhost:9000/" });
    assert!(declared(&metadata(&loopback)).is_ok() && registered(&metadata(&loopback)).is_err());
    let unknown = metadata(&json!({ "unknown": 1 }));
    assert!(declared(&unknown).is_err() && registered(&unknown).is_ok(), "in a file it is a slip of the pen");
    let named = r#"
portal = [{ client_id = "c", client_secret = "0123456789012345678901", sector = "tax", require_pkce = false, client = {
    client_name = "B", "client_name#vi" = "A", client_uri = "https://a.example/", scope = "openid",
    redirect_uris = ["https://a.example/cb", "https://b.example/cb"] } }]"#;
    let broker: BrokerSection = toml::from_str(named).unwrap();
    let clients = broker.clients(&super::super::default_policy().unwrap());
    assert_eq!(
        (clients[0].sector.as_str(), clients[0].require_pkce),
        ("tax", false),
        "several hosts in a named sector"
    );
}
