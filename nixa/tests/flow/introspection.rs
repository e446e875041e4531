//! What an API learns of an access token: introspection, JWT access tokens, the level of the login.

use nixa_protocol::Clock;
use nixa_protocol::jose::{VerifyingKey, verify};
use serde_json::{Value, json};

use crate::browser::{Browser, authorize_url, basic, redeem};
use crate::lab::{API, BROKER, Lab, Reply, SECRET, query};
use crate::tokens::id_token;

async fn introspect(lab: &Lab, caller: &str, token: &str) -> Reply {
    lab.post(&format!("{BROKER}/introspect"), &[("authorization", &basic(caller))], &[("token", token)]).await
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

#[tokio::test]
async fn the_holder_learns_level_and_time_of_the_login() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let details = json!([{ "type": "urn:nixa:transaction", "service": "look" }]);
    let tokens = browser.tokens(&lab, "basic", &[("authorization_details", &details.to_string())]).await;
    let issued = lab.clock.now().0;
    lab.clock.advance(60);
    let reply = introspect(&lab, "basic", access(&tokens)).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"));
    let said = reply.json();
    assert_eq!(
        said,
        json!({
            "active": true,
            "iss": BROKER,
            "aud": BROKER,
            "sub": id_token(&lab, &tokens).await["sub"],
            "client_id": "basic",
            "iat": issued,
            "exp": issued + 600,
            "scope": "openid profile",
            "acr": "urn:nixa:loa:1",
            "amr": ["pwd"],
            "auth_time": issued,
            "authorization_details": details,
            "token_type": "Bearer",
        })
    );
}

#[tokio::test]
async fn an_api_may_ask_and_nobody_else() {
    let lab = Lab::new().await;
    let tokens = Browser::default().tokens(&lab, "two", &[]).await;
    let token = access(&tokens);
    for (caller, active) in [("two", true), ("three", true), ("basic", false), ("legacy", false)] {
        let reply = introspect(&lab, caller, token).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json()["active"], active, "{caller}");
        if !active {
            assert_eq!(reply.json(), json!({ "active": false }), "an inactive token says nothing more");
        }
    }
    let url = format!("{BROKER}/introspect");
    let wrong = [("authorization", "Basic dHdvOndyb25n")];
    for (headers, client) in [(&[][..], None), (&[], Some("public")), (&wrong, None)] {
        let form: Vec<_> = [("token", token)].into_iter().chain(client.map(|id| ("client_id", id))).collect();
        let reply = lab.post(&url, headers, &form).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (401, Some("invalid_client")), "{form:?}");
    }
    let reply = lab.post(&url, &[("authorization", &basic("two"))], &[]).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (400, Some("invalid_request")));
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_with_its_session() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    assert_eq!(introspect(&lab, "basic", "made-up").await.json(), json!({ "active": false }));
    let id_token = tokens["id_token"].as_str().unwrap();
    assert_eq!(introspect(&lab, "basic", id_token).await.json(), json!({ "active": false }), "not an access token");
    let jwt = browser.tokens(&lab, "two", &[]).await;
    browser.log_out(&lab, id_token).await;
    for (client, tokens) in [("basic", &tokens), ("two", &jwt)] {
        assert_eq!(introspect(&lab, client, access(tokens)).await.json(), json!({ "active": false }), "{client}");
        assert_eq!(lab.userinfo(access(tokens)).await.status, 401, "{client}");
    }
    let later = Browser::default().tokens(&lab, "basic", &[]).await;
    lab.clock.advance(600);
    assert_eq!(introspect(&lab, "basic", access(&later)).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn a_jwt_access_token_speaks_for_itself() {
    let lab = Lab::new().await;
    let tokens = Browser::default().tokens(&lab, "two", &[]).await;
    let jwks = Browser::default().get(&lab, &format!("{BROKER}/jwks")).await.json();
    let keys = VerifyingKey::from_jwks(&jwks).unwrap();
    let claims = verify(access(&tokens), &keys, Some("at+jwt")).unwrap();
    let now = lab.clock.now().0;
    let of_login = id_token(&lab, &tokens).await;
    for (name, value) in [
        ("iss", json!(BROKER)),
        ("aud", json!(API)),
        ("client_id", json!("two")),
        ("sub", of_login["sub"].clone()),
        ("acr", json!("urn:nixa:loa:2")),
        ("amr", json!(["mfa", "otp", "pwd"])),
        ("auth_time", of_login["auth_time"].clone()),
        ("iat", json!(now)),
        ("exp", json!(now + 600)),
        ("scope", json!("openid profile")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert!(claims["jti"].as_str().unwrap().len() > 40);
    assert!(claims.get("name").is_none(), "no claim about the person");
    assert_eq!(lab.userinfo(access(&tokens)).await.json()["name"], "Name of mai");
    // An ID token is no access token and the other way round (RFC 9068 §5).
    assert_eq!(lab.userinfo(tokens["id_token"].as_str().unwrap()).await.status, 401);
    let hint = format!("{BROKER}/logout?id_token_hint={}", access(&tokens));
    assert!(!Browser::default().open(&lab, &hint).await.url.starts_with("https://two.example"));
}

#[tokio::test]
async fn an_apis_challenge_leads_to_the_level_and_age_that_it_names() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let low = browser.tokens(&lab, "basic", &[]).await;
    assert_eq!(introspect(&lab, "basic", access(&low)).await.json()["acr"], "urn:nixa:loa:1");
    lab.clock.advance(1_000);
    // RFC 9470 §4: the client repeats the challenge's acr_values and max_age.
    let asked = [("acr_values", "urn:nixa:loa:2"), ("max_age", "300")];
    let end = browser.log_in(&lab, &authorize_url("basic", &asked)).await.location();
    let high = redeem(&lab, "basic", &query(&end, "code").unwrap(), &[]).await.json();
    let said = introspect(&lab, "basic", access(&high)).await.json();
    assert_eq!(said["acr"], "urn:nixa:loa:2");
    assert!(said["auth_time"].as_i64().unwrap() >= lab.clock.now().0 - 300);
    let form = [("token", access(&high)), ("client_id", "other"), ("client_secret", SECRET)];
    let foreign = lab.post(&format!("{BROKER}/introspect"), &[], &form).await;
    assert_eq!(foreign.json(), json!({ "active": false }));
}
