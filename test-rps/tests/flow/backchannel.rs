//! Back-channel logout.

use crate::browser::{Browser, Page};
use crate::login::log_in;
use crate::simulator::{Simulator, now};
use axum::Router;
use http::header::CACHE_CONTROL;
use serde_json::{Map, Value, json};

async fn notify(portal: &Router, token: &str) -> Page {
    let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
    Browser::new(portal).post("/backchannel-logout", form).await
}

#[tokio::test]
async fn a_session_ends_and_the_browser_is_told_once() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let (mut here, mut there) = (Browser::new(&portal), Browser::new(&portal));
    log_in(&simulator, &mut here).await;
    let login = there.get("/login").await;
    let answer = simulator.approve_with(login.location(), |answer| {
        answer.id_token.insert("sid".to_owned(), json!("sid-2"));
    });
    there.get(&answer).await;

    let token = simulator.sign(&simulator.logout_claims(), Some("logout+jwt"));
    let page = notify(&portal, &token).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers[CACHE_CONTROL], "no-store");

    let told = here.get("/").await;
    assert!(told.has("data-notice=\"logged-out-elsewhere\""));
    assert!(told.has("Bạn đã đăng xuất ở một dịch vụ khác") && told.has("href=\"/login\""));
    assert!(told.claim("sub").is_none());
    assert!(!here.cookies.contains_key("baohiemxahoi"));
    assert!(!here.get("/").await.has("data-notice"), "told once");
    assert_eq!(there.get("/").await.claim("sid"), Some("sid-2"), "another session stays");
    assert_eq!(log_in(&simulator, &mut here).await.claim("sub"), Some("pairwise-1"));

    assert_eq!(notify(&portal, &token).await.status, 400, "jti used");
    assert_eq!(here.get("/").await.claim("sub"), Some("pairwise-1"));
}

#[tokio::test]
async fn a_token_with_sub_only_ends_every_session_of_the_person() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let mut browsers = [Browser::new(&portal), Browser::new(&portal)];
    for browser in &mut browsers {
        log_in(&simulator, browser).await;
    }
    let mut claims = simulator.logout_claims();
    claims.remove("sid");
    claims.insert("sub".to_owned(), json!("pairwise-1"));
    assert_eq!(notify(&portal, &simulator.sign(&claims, None)).await.status, 200);
    for browser in &mut browsers {
        assert!(browser.get("/").await.has("data-notice=\"logged-out-elsewhere\""));
    }
}

#[tokio::test]
async fn refused_tokens_end_nothing() {
    let simulator = Simulator::start().await;
    let other = Simulator::start().await;
    let portal = simulator.portal();
    let mut browser = Browser::new(&portal);
    log_in(&simulator, &mut browser).await;
    let changed = |name: &str, value: Value| {
        let mut claims: Map<_, _> = simulator.logout_claims();
        claims.insert(name.to_owned(), value);
        simulator.sign(&claims, Some("logout+jwt"))
    };
    let valid = simulator.sign(&simulator.logout_claims(), Some("logout+jwt"));
    let (signed, _) = valid.rsplit_once('.').unwrap();
    let tokens = [
        ("nonce", changed("nonce", json!("n"))),
        ("issuer", changed("iss", json!(other.issuer))),
        ("audience", changed("aud", json!("dvc"))),
        ("old", changed("iat", json!(now() - 700))),
        ("expired", changed("exp", json!(now() - 100))),
        ("event", changed("events", json!({}))),
        ("type", simulator.sign(&simulator.logout_claims(), Some("JWT"))),
        ("foreign key", other.sign(&simulator.logout_claims(), Some("logout+jwt"))),
        ("no signature", format!("{signed}.")),
        ("garbage", "a.b.c".to_owned()),
        ("empty", String::new()),
        ("too large", "x".repeat(70 * 1024)),
    ];
    for (name, token) in tokens {
        let page = notify(&portal, &token).await;
        assert_eq!(page.status, 400, "{name}");
        assert_eq!(page.body, r#"{"error":"invalid_request"}"#, "{name}");
        assert_eq!(page.headers[CACHE_CONTROL], "no-store", "{name}");
    }
    let page = Browser::new(&portal).post("/backchannel-logout", "other=1".to_owned()).await;
    assert_eq!(page.status, 400);
    assert_eq!(browser.get("/").await.claim("sub"), Some("pairwise-1"));
    assert_eq!(notify(&portal, &valid).await.status, 200, "the valid one still counts");
}

#[tokio::test]
async fn an_id_token_is_no_logout_token() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let mut browser = Browser::new(&portal);
    let login = browser.get("/login").await;
    let mut stolen = Map::new();
    simulator.approve_with(login.location(), |answer| stolen = answer.id_token.clone());
    for typ in [None, Some("JWT")] {
        assert_eq!(notify(&portal, &simulator.sign(&stolen, typ)).await.status, 400);
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_for_a_logout_token_too() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let mut browser = Browser::new(&portal);
    log_in(&simulator, &mut browser).await;
    simulator.rotate_key();
    let token = simulator.sign(&simulator.logout_claims(), Some("logout+jwt"));
    assert_eq!(notify(&portal, &token).await.status, 200);
    assert!(browser.get("/").await.has("data-notice=\"logged-out-elsewhere\""));
}
