//! Portals that ask for encrypted answers, signed userinfo or public subjects.

use josekit::jwe::{self, ECDH_ES};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use nixa_protocol::jose::{VerifyingKey, verify};
use serde_json::{Map, Value};

use crate::browser::{Browser, authorize_url, redeem};
use crate::lab::{BROKER, Lab, SECRET, query};

/// A portal, with lines of its own.
fn portal(id: &str, lines: &str) -> String {
    format!(
        r#"
[[broker.portal]]
client_id = "{id}"
client_secret = "{SECRET}"
sector = "{id}"
sso_confirmation = "never"
[broker.portal.client]
client_name = "Portal"
"client_name#vi" = "Cổng"
client_uri = "https://{id}.example/"
redirect_uris = ["https://{id}.example/cb"]
scope = "openid profile"
{lines}
"#
    )
}

/// Logs in at a portal; the ID token, the userinfo answer and its media type, as they come.
async fn answers(lab: &Lab, browser: &mut Browser, id: &str) -> (String, String, String) {
    let url = authorize_url(id, &[("scope", "openid profile")]);
    let end = browser.log_in(lab, &url).await.location();
    let tokens = redeem(lab, id, &query(&end, "code").unwrap(), &[]).await.json();
    let userinfo = lab.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(userinfo.status, 200);
    (tokens["id_token"].as_str().unwrap().to_owned(), userinfo.body.clone(), userinfo.header("content-type").to_owned())
}

async fn verified(lab: &Lab, jwt: &str, typ: Option<&str>) -> Map<String, Value> {
    let jwks = Browser::default().get(lab, &format!("{BROKER}/jwks")).await.json();
    verify(jwt, &VerifyingKey::from_jwks(&jwks).unwrap(), typ).unwrap()
}

/// What the portal's private key opens: always a signed JWT, so that the portal knows who made it.
fn opened(key: &Jwk, sealed: &str) -> String {
    let (content, header) = jwe::deserialize_compact(sealed, &ECDH_ES.decrypter_from_jwk(key).unwrap()).unwrap();
    assert_eq!(header.content_type(), Some("JWT"));
    String::from_utf8(content).unwrap()
}

#[tokio::test]
async fn answers_are_signed_and_then_encrypted_to_the_portal() {
    let key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    let member = |name: &str| key.parameter(name).unwrap().as_str().unwrap().to_owned();
    let sealed = format!(
        r#"jwks.keys = [{{ kty = "EC", crv = "P-256", use = "enc", x = "{}", y = "{}" }}]
id_token_encrypted_response_alg = "ECDH-ES"
userinfo_encrypted_response_alg = "ECDH-ES"
userinfo_encrypted_response_enc = "A256GCM"
userinfo_signed_response_alg = "ES256""#,
        member("x"),
        member("y")
    );
    let lab = Lab::with(&portal("sealed", &sealed)).await;
    let (id_token, userinfo, media) = answers(&lab, &mut Browser::default(), "sealed").await;
    assert_eq!(media, "application/jwt");
    let id_token = verified(&lab, &opened(&key, &id_token), Some("JWT")).await;
    let userinfo = verified(&lab, &opened(&key, &userinfo), None).await;
    for claims in [&id_token, &userinfo] {
        assert_eq!((&claims["iss"], &claims["aud"]), (&BROKER.into(), &"sealed".into()));
    }
    // The client must see that both are about one person (OpenID Connect Core §5.3.2).
    assert_eq!(id_token["sub"], userinfo["sub"]);
    assert_eq!(userinfo["name"], "Name of mai");
}

#[tokio::test]
async fn public_subjects_are_one_and_pairwise_ones_differ() {
    let signed = "userinfo_signed_response_alg = \"PS256\"";
    let public = format!("subject_type = \"public\"\n{signed}");
    let more = portal("first", &public) + &portal("second", &public) + &portal("third", signed);
    let lab = Lab::with(&more).await;
    let mut subjects = Vec::new();
    for id in ["first", "second", "third"] {
        let (id_token, userinfo, media) = answers(&lab, &mut Browser::default(), id).await;
        assert_eq!(media, "application/jwt");
        let subject = verified(&lab, &id_token, Some("JWT")).await["sub"].clone();
        assert_eq!(subject, verified(&lab, &userinfo, None).await["sub"]);
        subjects.push(subject);
    }
    assert_eq!(subjects[0], subjects[1]);
    assert_ne!(subjects[0], subjects[2]);
}
