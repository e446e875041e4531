//! From a code to tokens: what they give, and what becomes of them when one is used twice.

use serde_json::{Value, json};

use crate::browser::{Browser, MAI, VERIFIER, authorize, redeem, refresh, userinfo};
use crate::lab::{Lab, OTHER, PORTAL};

const OFFLINE: [(&str, &str); 1] = [("scope", "openid profile offline_access")];

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name}: {tokens}"))
}

async fn introspect(lab: &Lab, client_id: &str, token: &str) -> Value {
    let reply = lab.call(client_id, "/introspect", &[("token", token)]).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

#[tokio::test]
async fn a_login_gives_tokens_that_tell_who_it_is() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let end = browser.log_in(&lab, MAI, &[]).await;
    assert!(end.location().starts_with("https://portal.example/cb?"), "{}", end.location());
    assert_eq!(end.answer("state").as_deref(), Some("the-state"));
    assert_eq!(end.answer("iss").as_deref(), Some(crate::lab::ISSUER));
    let tokens = redeem(&lab, PORTAL, &end.answer("code").unwrap(), VERIFIER).await;
    assert_eq!((tokens.status, tokens.header("cache-control")), (200, "no-store"));
    let tokens = tokens.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(tokens["refresh_token"], Value::Null, "offline access was not asked for");
    let keys = lab.provider.keys.current().verifying();
    let claims = nixa_protocol::jose::verify(text(&tokens, "id_token"), &keys, Some("JWT")).unwrap();
    assert_eq!(
        (&claims["nonce"], &claims["aud"], &claims["acr"]),
        (&json!("the-nonce"), &json!(PORTAL), &json!("stub"))
    );
    let person = userinfo(&lab, text(&tokens, "access_token")).await.json();
    assert_eq!(person, json!({ "sub": claims["sub"], "name": "Name of mai" }));
    assert_ne!(claims["sub"], MAI, "pairwise");
    lab.clock.advance(600);
    assert_eq!(userinfo(&lab, text(&tokens, "access_token")).await.status, 401, "it has expired");
}

#[tokio::test]
async fn a_code_is_for_whoever_asked_and_for_a_minute() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let code = browser.log_in(&lab, MAI, &[]).await.answer("code").unwrap();
    let refused = [
        redeem(&lab, PORTAL, &code, "another-verifier-of-at-least-forty-three-characters").await,
        redeem(&lab, PORTAL, &code, "").await,
        redeem(&lab, OTHER, &code, VERIFIER).await,
    ];
    for reply in refused {
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!("invalid_grant")));
    }
    assert_eq!(redeem(&lab, PORTAL, &code, VERIFIER).await.status, 200, "a mistake does not use it up");
    let late = browser.get(&lab, &authorize(PORTAL, &[])).await.answer("code").unwrap();
    lab.clock.advance(60);
    assert_eq!(redeem(&lab, PORTAL, &late, VERIFIER).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_replayed_code_takes_back_what_it_gave() {
    let lab = Lab::new().await;
    let code = Browser::default().log_in(&lab, MAI, &OFFLINE).await.answer("code").unwrap();
    let tokens = redeem(&lab, PORTAL, &code, VERIFIER).await.json();
    let access = text(&tokens, "access_token");
    // A request that was sent twice at one moment is no replay.
    assert_eq!(redeem(&lab, PORTAL, &code, VERIFIER).await.json()["error"], "invalid_grant");
    assert_eq!(userinfo(&lab, access).await.status, 200);
    lab.clock.advance(2);
    assert_eq!(redeem(&lab, PORTAL, &code, VERIFIER).await.json()["error"], "invalid_grant");
    assert_eq!(userinfo(&lab, access).await.status, 401);
    assert_eq!(introspect(&lab, PORTAL, access).await, json!({ "active": false }));
    assert_eq!(refresh(&lab, text(&tokens, "refresh_token")).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_is_replaced_and_its_response_may_be_fetched_again_for_a_moment() {
    let lab = Lab::new().await;
    let first = Browser::default().tokens(&lab, MAI, &OFFLINE).await;
    let second = refresh(&lab, text(&first, "refresh_token")).await.json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    lab.clock.advance(9);
    let lost = refresh(&lab, text(&first, "refresh_token")).await.json();
    assert_eq!(lost, second, "the response was lost on its way");
    let third = refresh(&lab, text(&second, "refresh_token")).await.json();
    assert_eq!(userinfo(&lab, text(&third, "access_token")).await.status, 200);
    assert_eq!(lab.call(OTHER, "/token", &[("grant_type", "refresh_token"), ("refresh_token", "x")]).await.status, 400);
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_later_ends_the_grant() {
    let lab = Lab::new().await;
    let first = Browser::default().tokens(&lab, MAI, &OFFLINE).await;
    let second = refresh(&lab, text(&first, "refresh_token")).await.json();
    lab.clock.advance(11);
    assert_eq!(refresh(&lab, text(&first, "refresh_token")).await.json()["error"], "invalid_grant");
    assert_eq!(
        refresh(&lab, text(&second, "refresh_token")).await.json()["error"],
        "invalid_grant",
        "the good one too"
    );
    assert_eq!(userinfo(&lab, text(&second, "access_token")).await.status, 401);
}

#[tokio::test]
async fn introspection_tells_the_level_to_whom_it_concerns() {
    let lab = Lab::new().await;
    let tokens = Browser::default().tokens(&lab, MAI, &[]).await;
    let access = text(&tokens, "access_token");
    let active = introspect(&lab, PORTAL, access).await;
    assert_eq!((&active["active"], &active["acr"]), (&json!(true), &json!("stub")));
    assert_eq!((&active["client_id"], &active["scope"]), (&json!(PORTAL), &json!("openid profile")));
    let sub = &userinfo(&lab, access).await.json()["sub"];
    assert_eq!(&active["sub"], sub);
    assert_eq!(introspect(&lab, OTHER, access).await, json!({ "active": false }));
    assert_eq!(introspect(&lab, PORTAL, "unknown").await, json!({ "active": false }));
    lab.call(PORTAL, "/revoke", &[("token", access)]).await;
    assert_eq!(introspect(&lab, PORTAL, access).await, json!({ "active": false }));
}
