//! Keys of earlier versions are refused with their new names, all in one pass.

use super::findings;

const SERVER: &str = r#"
[server]
issuer = "https://id.example"
listen = "127.0.0.1:0"
name = { vi = "A", en = "B" }
data_dir = "data"
"#;

/// A portal as it was written before, with every key that has another name or place now.
const PORTAL: &str = r#"
[[broker.portal]]
client_id = "old"
minimum_acr = "gold"
name = { vi = "A", en = "B" }
home = "https://p.example/"
redirect_uris = ["https://p.example/cb"]
post_logout_redirect_uris = ["https://p.example/bye"]
backchannel_logout_uri = "https://p.example/back"
frontchannel_logout_uri = "https://p.example/front"
auth = "client_secret_basic"
secret = "0123456789012345678901"
keys = []
jwks_uri = "https://p.example/jwks"
refresh_tokens = true
request_protection = "pushed"
scopes = ["openid"]
sector_identifier_uri = "https://p.example/sector"
logo = "https://p.example/logo.png"
default_max_age = 300
id_token_alg = "ES256"
id_token_encryption = { alg = "ECDH-ES" }
userinfo_alg = "ES256"
userinfo_encryption = { alg = "ECDH-ES" }
public_subject = true
"#;

const NEW_NAMES: [(&str, &str); 21] = [
    ("name", "client_name"),
    ("home", "client_uri"),
    ("redirect_uris", "redirect_uris"),
    ("post_logout_redirect_uris", "post_logout_redirect_uris"),
    ("backchannel_logout_uri", "backchannel_logout_uri"),
    ("frontchannel_logout_uri", "frontchannel_logout_session_required"),
    ("auth", "token_endpoint_auth_method"),
    ("secret", "client_secret"),
    ("keys", "jwks = { keys = [...] }"),
    ("jwks_uri", "jwks_uri"),
    ("refresh_tokens", "grant_types"),
    ("request_protection", "require_pushed_authorization_requests"),
    ("scopes", "scope"),
    ("sector_identifier_uri", "sector_identifier_uri"),
    ("logo", "logo_uri"),
    ("default_max_age", "default_max_age"),
    ("id_token_alg", "id_token_signed_response_alg"),
    ("id_token_encryption", "id_token_encrypted_response_alg"),
    ("userinfo_alg", "userinfo_signed_response_alg"),
    ("userinfo_encryption", "userinfo_encrypted_response_alg"),
    ("public_subject", "subject_type"),
];

#[test]
fn every_old_key_of_a_portal_is_refused_with_its_new_name() {
    let found = findings(&format!("{SERVER}{PORTAL}"));
    for (old, new) in NEW_NAMES {
        let key = format!("broker.portal[0].{old}: is now ");
        let finding = found.iter().find(|finding| finding.starts_with(&key)).expect(old);
        assert!(finding.contains(new), "{finding}");
    }
    // What else is wrong is said too, and nothing that only comes of the old keys.
    assert_eq!(found.len(), NEW_NAMES.len() + 1, "{found:#?}");
    assert_eq!(found.last().unwrap(), "broker.portal[0].minimum_acr: is not on the policy's ladder");
}

#[test]
fn each_old_key_is_refused_by_itself() {
    let old_lines =
        PORTAL.lines().filter(|line| NEW_NAMES.iter().any(|(old, _)| line.starts_with(&format!("{old} ="))));
    let mut seen = 0;
    for line in old_lines {
        let old = line.split(' ').next().unwrap();
        let found = findings(&super::BROKER.replace("sector = \"p\"", &format!("sector = \"p\"\n{line}")));
        assert!(
            matches!(&found[..], [one] if one.starts_with(&format!("broker.portal[0].{old}: is now "))),
            "{found:?}"
        );
        seen += 1;
    }
    assert_eq!(seen, NEW_NAMES.len());
}

#[test]
fn every_old_key_of_a_broker_at_an_identity_provider_is_refused() {
    let old = r#"
[idp]
[[idp.client]]
client_id = "broker"
name = { vi = "A", en = "B" }
redirect_uris = ["https://broker.example/callback/national"]
keys = []
"#;
    let found = findings(&format!("{SERVER}{old}"));
    assert!(
        matches!(&found[..], [name, keys]
        if name.starts_with("idp.client[0].name: is now `client_name`") && keys.starts_with("idp.client[0].keys: is now `jwks")),
        "{found:?}"
    );
}

#[test]
fn several_portals_are_mended_in_one_pass() {
    let found = findings(&format!("{SERVER}{PORTAL}{PORTAL}"));
    assert!(found.iter().any(|f| f.starts_with("broker.portal[0].secret: ")));
    assert!(found.iter().any(|f| f.starts_with("broker.portal[1].secret: ")));
    let found = findings(&format!("{SERVER}{PORTAL}unheard = 1\n"));
    assert_eq!(found.len(), NEW_NAMES.len() + 1, "{found:#?}");
    assert!(found.last().unwrap().starts_with("broker.portal[0].unheard: unknown field `unheard`"), "{found:#?}");
}
