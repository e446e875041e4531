use serde_json::json;

use super::*;
use crate::error::OAuthError;
use crate::jose::SigningKey;

fn policy() -> RegistrationPolicy {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    RegistrationPolicy {
        scopes: texts(&["openid", "profile", "offline_access"]),
        acr_values: texts(&["two"]),
        require_pkce: true,
        ..RegistrationPolicy::default()
    }
}

fn read_with(change: &Value) -> Result<(Client, AuthenticationMethod), OAuthError> {
    let mut metadata = json!({ "redirect_uris": ["https://rp.example/cb"] }).as_object().unwrap().clone();
    metadata.extend(change.as_object().unwrap().clone());
    Ok(read_metadata(&metadata, &policy())?)
}

#[test]
fn the_defaults_are_those_of_the_specifications() {
    let (client, method) = read_with(&json!({ "unknown": 1, "client_uri": null })).unwrap();
    assert_eq!(method, AuthenticationMethod::SecretBasic);
    assert_eq!((client.id_token_alg, client.public_subject), (Algorithm::Rs256, false));
    assert_eq!((client.sector.as_str(), client.name.en.as_str()), ("host:rp.example", "rp.example"));
    assert!(client.require_pkce && !client.refresh_tokens && !client.declared);
    assert_eq!(client.scopes, policy().scopes);
}

#[test]
fn what_was_registered_is_what_is_described() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap().public_jwk();
    let mut encrypts = key.clone();
    encrypts["use"] = json!("enc");
    encrypts.as_object_mut().unwrap().remove("alg");
    let metadata = json!({
        "redirect_uris": ["https://rp.example/cb", "https://rp.example/cb?x=1"],
        "response_types": ["code"],
        "grant_types": ["authorization_code", "refresh_token"],
        "application_type": "web",
        "contacts": ["a@rp.example"],
        "client_name": "Tax", "client_name#vi": "Thuế",
        "logo_uri": "https://rp.example/logo.png",
        "client_uri": "https://rp.example/",
        "policy_uri": "https://rp.example/policy",
        "tos_uri": "https://rp.example/terms",
        "jwks": { "keys": [key, encrypts] },
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "request_object_signing_alg": "ES256",
        "id_token_signed_response_alg": "PS256",
        "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM",
        "userinfo_signed_response_alg": "ES256",
        "subject_type": "pairwise",
        "sector_identifier_uri": "https://sector.example/uris",
        "default_max_age": 3600, "require_auth_time": true, "default_acr_values": ["two"],
        "initiate_login_uri": "https://rp.example/start",
        "post_logout_redirect_uris": ["https://rp.example/bye"],
        "backchannel_logout_uri": "https://rp.example/back", "backchannel_logout_session_required": true,
        "frontchannel_logout_uri": "https://rp.example/front", "frontchannel_logout_session_required": true,
        "require_pushed_authorization_requests": true, "require_signed_request_object": false,
        "scope": "openid profile", "software_id": "s", "software_version": "1",
    });
    let (client, method) = read_metadata(metadata.as_object().unwrap(), &policy()).unwrap();
    assert_eq!(client.sector, "host:sector.example");
    let described =
        describe(&Client { authentication: method.with_secret(""), client_id: "c".into(), ..client.clone() });
    for (member, value) in metadata.as_object().unwrap() {
        assert_eq!(described.get(member), Some(value), "{member}");
    }
    let (again, _) = read_metadata(&described, &policy()).unwrap();
    assert_eq!(again, client, "what is described can be registered");
    let stored = serde_json::to_string(&client).unwrap();
    assert_eq!(serde_json::from_str::<Client>(&stored).unwrap(), client, "and comes back from a store");
}

#[test]
fn each_refusal_names_its_member() {
    let private = json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA" });
    let rsa = SigningKey::generate(Algorithm::Rs256).unwrap().public_jwk();
    let table = [
        (json!({"redirect_uris": []}), "redirect_uris"),
        (json!({"redirect_uris": "https://rp.example/cb"}), "redirect_uris"),
        (json!({"redirect_uris": ["/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": ["http://rp.example/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": ["http://localhost/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": ["https://rp.example/cb#"]}), "redirect_uris"),
        (json!({"redirect_uris": ["https://a@rp.example/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "redirect_uris"),
        (json!({"redirect_uris": ["app.example:/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": vec!["https://rp.example/"; 21]}), "redirect_uris"),
        (json!({"response_types": ["code", "token"]}), "response_types"),
        (json!({"response_types": ["id_token"]}), "response_types"),
        (json!({"grant_types": ["implicit"]}), "grant_types"),
        (json!({"grant_types": ["refresh_token"]}), "grant_types"),
        (json!({"application_type": "desktop"}), "application_type"),
        (json!({"contacts": ["nobody"]}), "contacts"),
        (json!({"client_name": 1}), "client_name"),
        (json!({"client_name": "a\nb"}), "client_name"),
        (json!({"client_name#vi": ""}), "client_name#vi"),
        (json!({"logo_uri": "ftp://rp.example/"}), "logo_uri"),
        (json!({"client_uri": "rp.example"}), "client_uri"),
        (json!({"policy_uri": "http://rp.example/"}), "policy_uri"),
        (json!({"tos_uri": ["https://rp.example/"]}), "tos_uri"),
        (json!({"jwks_uri": "http://rp.example/jwks"}), "jwks_uri"),
        (json!({"jwks": {}}), "jwks"),
        (json!({"jwks": {"keys": [private]}}), "jwks"),
        (json!({"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}), "jwks"),
        (
            json!({"jwks": {"keys": [{"kty": "EC", "crv": "P-521"}]}, "token_endpoint_auth_method": "private_key_jwt"}),
            "jwks",
        ),
        (json!({"jwks": {"keys": []}, "jwks_uri": "https://rp.example/jwks"}), "jwks"),
        (json!({"token_endpoint_auth_method": "client_secret_jwt"}), "token_endpoint_auth_method"),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), "jwks"),
        (json!({"token_endpoint_auth_signing_alg": "none"}), "token_endpoint_auth_signing_alg"),
        (json!({"request_object_signing_alg": "HS256"}), "request_object_signing_alg"),
        (json!({"request_object_encryption_alg": "RSA-OAEP-256"}), "request_object_encryption_alg"),
        (json!({"id_token_signed_response_alg": "none"}), "id_token_signed_response_alg"),
        (json!({"id_token_encrypted_response_alg": "RSA1_5"}), "id_token_encrypted_response_alg"),
        (json!({"id_token_encrypted_response_alg": "ECDH-ES"}), "id_token_encrypted_response_alg"),
        (
            json!({"id_token_encrypted_response_alg": "ECDH-ES", "jwks": {"keys": [rsa]}}),
            "id_token_encrypted_response_alg",
        ),
        (json!({"id_token_encrypted_response_enc": "A256GCM"}), "id_token_encrypted_response_enc"),
        (json!({"userinfo_signed_response_alg": "RS512"}), "userinfo_signed_response_alg"),
        (json!({"userinfo_encrypted_response_enc": "A999GCM"}), "userinfo_encrypted_response_enc"),
        (json!({"subject_type": "transient"}), "subject_type"),
        (json!({"subject_type": "public"}), "subject_type"),
        (json!({"redirect_uris": ["https://d\u{1ecb}chv\u{1ee5}.vn/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": ["https://a;b/cb"]}), "redirect_uris"),
        (json!({"redirect_uris": ["https://*/cb"]}), "redirect_uris"),
        (json!({"client_uri": "https://a,b/"}), "client_uri"),
        (json!({"redirect_uris": ["https://a.example/", "https://b.example/"]}), "sector_identifier_uri"),
        (json!({"sector_identifier_uri": "http://rp.example/"}), "sector_identifier_uri"),
        (json!({"default_max_age": -1}), "default_max_age"),
        (json!({"default_max_age": "60"}), "default_max_age"),
        (json!({"require_auth_time": "yes"}), "require_auth_time"),
        (json!({"default_acr_values": ["nine"]}), "default_acr_values"),
        (json!({"initiate_login_uri": "http://rp.example/"}), "initiate_login_uri"),
        (json!({"post_logout_redirect_uris": ["http://rp.example/"]}), "post_logout_redirect_uris"),
        (json!({"backchannel_logout_uri": "https://rp.example/#x"}), "backchannel_logout_uri"),
        (json!({"backchannel_logout_session_required": 1}), "backchannel_logout_session_required"),
        (json!({"frontchannel_logout_uri": "https://other.example/"}), "frontchannel_logout_uri"),
        (json!({"frontchannel_logout_session_required": 1}), "frontchannel_logout_session_required"),
        (json!({"require_pushed_authorization_requests": 1}), "require_pushed_authorization_requests"),
        (json!({"require_signed_request_object": 1}), "require_signed_request_object"),
        (json!({"scope": "openid admin\u{e9}"}), "scope"),
        (json!({"software_id": []}), "software_id"),
    ];
    for (change, member) in table {
        let refused = read_with(&change).expect_err(&change.to_string());
        assert!(refused.description.starts_with(&format!("{member}: ")), "{change}: {refused}");
        let code = if member == "redirect_uris" { "invalid_redirect_uri" } else { "invalid_client_metadata" };
        assert_eq!(refused.code.as_str(), code, "{change}");
        assert!(refused.description.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\'), "{refused}");
    }
}

#[test]
fn native_and_public_clients() {
    for uri in [
        "http://127.0.0.1:4000/cb",
        "http://[::1]/cb",
        "http://localhost/cb",
        "vn.example.app:/cb",
        "com.evil.app://portal.gov.vn/cb",
    ] {
        let native = json!({ "application_type": "native", "redirect_uris": [uri] });
        let (client, _) = read_with(&native).expect(uri);
        assert_eq!(client.sector, "", "{uri}: the client is its own sector");
    }
    let foreign = json!({ "jwks": { "keys": [{ "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA" }] } });
    assert!(read_with(&foreign).is_ok(), "a key that is not understood is nobody's fault");
    let public = RegistrationPolicy { public_subjects: true, ..policy() };
    let wanted = json!({ "redirect_uris": ["https://rp.example/"], "subject_type": "public" });
    assert!(read_metadata(wanted.as_object().unwrap(), &public).unwrap().0.public_subject);
    let relaxed = RegistrationPolicy { require_pkce: false, ..policy() };
    let needs_pkce = |change: Value| read_metadata(change.as_object().unwrap(), &relaxed).unwrap().0.require_pkce;
    assert!(!needs_pkce(json!({ "redirect_uris": ["https://rp.example/"] })));
    assert!(needs_pkce(json!({ "redirect_uris": ["https://rp.example/"], "token_endpoint_auth_method": "none" })));
}

#[test]
fn a_sector_lists_every_redirect_uri() {
    let (client, _) = read_with(&json!({})).unwrap();
    assert!(check_sector(br#"["https://rp.example/cb", "https://other.example/"]"#, &client).is_ok());
    for document in [&br#"["https://rp.example/cb/"]"#[..], b"[]", b"{}", b"[1]", b"\xff"] {
        assert!(check_sector(document, &client).is_err());
    }
}
