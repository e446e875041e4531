//! The API alone, called by anyone with or without a token.

use crate::browser::{Browser, Page, fetch};
use crate::login::log_in;
use crate::simulator::{Simulator, now};
use axum::Router;
use axum::body::Body;
use http::Request;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const INSUFFICIENT: &str = "Bearer error=\"insufficient_user_authentication\", error_description=\"";
const WANTED: &str = "\", acr_values=\"urn:nixa:loa:2\", max_age=\"900\"";

async fn call(portal: &Router, authorization: Option<&str>) -> Page {
    let mut request = Request::post("/api/returns");
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    let page = fetch(portal, request.body(Body::empty()).unwrap()).await;
    assert_eq!(page.headers[CACHE_CONTROL], "no-store");
    assert_eq!(page.headers[CONTENT_TYPE], "application/json");
    assert!(page.headers.get(SET_COOKIE).is_none() && page.body.len() < 100);
    page
}

fn challenge(page: &Page) -> &str {
    page.headers[WWW_AUTHENTICATE].to_str().unwrap()
}

fn error(page: &Page) -> Value {
    serde_json::from_str::<Value>(&page.body).unwrap()["error"].clone()
}

#[tokio::test]
async fn a_good_token_files_whichever_way_the_portal_shows_its_secret() {
    let simulator = Simulator::start().await;
    for secret_in_body in [true, false] {
        let portal = simulator.tax_with(|config| config.secret_in_body = secret_in_body).await;
        for acr in ["urn:nixa:loa:2", "urn:nixa:loa:3"] {
            let token = simulator.issue("acr", json!(acr));
            let page = call(&portal, Some(&format!("Bearer {token}"))).await;
            assert_eq!(page.status, 201, "{acr} {secret_in_body}");
            let body: Value = serde_json::from_str(&page.body).unwrap();
            let receipt = body["receipt"].as_str().unwrap();
            assert!(receipt.len() == 12 && receipt.bytes().all(|byte| byte.is_ascii_digit()), "{receipt}");
            assert_eq!(body.as_object().unwrap().len(), 1, "nothing about the person");
        }
    }
}

#[tokio::test]
async fn without_a_well_formed_token_the_exchange_is_not_asked() {
    let simulator = Simulator::start().await;
    let portal = simulator.tax().await;
    for (authorization, expected) in
        [(None, "Bearer"), (Some("Basic YTpi"), "Bearer"), (Some("Bearer a b"), "Bearer error=\"invalid_token\"")]
    {
        let page = call(&portal, authorization).await;
        assert_eq!((page.status.as_u16(), challenge(&page)), (401, expected), "{authorization:?}");
    }
    assert_eq!(simulator.introspections.load(Ordering::Relaxed), 0);
    assert_eq!(simulator.discoveries.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_session_cookie_is_no_token() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.tax_with(|config| config.essential_acr = false).await);
    assert!(log_in(&simulator, &mut browser).await.has("data-file-return"));
    assert_eq!(challenge(&browser.post("/api/returns", String::new()).await), "Bearer");
}

#[tokio::test]
async fn bad_tokens_are_told_apart_from_good_tokens_of_poor_logins() {
    let simulator = Simulator::start().await;
    let portal = simulator.tax().await;
    let invalid = "Bearer error=\"invalid_token\"".to_owned();
    let higher = format!("{INSUFFICIENT}A higher level of authentication is required{WANTED}");
    let newer = format!("{INSUFFICIENT}A more recent authentication is required{WANTED}");
    for (member, value, expected) in [
        ("client_id", json!("dvc"), &invalid),
        ("client_id", Value::Null, &invalid),
        ("active", json!(false), &invalid),
        ("exp", json!(now() - 1), &invalid),
        ("exp", Value::Null, &invalid),
        ("token_type", json!("DPoP"), &invalid),
        ("acr", json!("urn:nixa:loa:1"), &higher),
        ("acr", json!("urn:x:loa:9"), &higher),
        ("acr", Value::Null, &higher),
        ("auth_time", json!(now() - 1_000), &newer),
        ("auth_time", Value::Null, &newer),
    ] {
        let token = simulator.issue(member, value.clone());
        let page = call(&portal, Some(&format!("Bearer {token}"))).await;
        assert_eq!((page.status.as_u16(), challenge(&page)), (401, &**expected), "{member} = {value}");
        assert!(challenge(&page).contains(error(&page).as_str().unwrap()), "{member} = {value}");
    }
    let unknown = call(&portal, Some("Bearer never-issued")).await;
    assert_eq!(challenge(&unknown), invalid);
}

#[tokio::test]
async fn an_exchange_that_cannot_be_asked_is_a_503_and_never_a_receipt() {
    for (member, value) in [
        ("introspection_endpoint", Value::Null),
        ("introspection_endpoint", json!("http://127.0.0.1:1/introspect")),
        ("introspection_endpoint", json!("file:///introspect")),
        ("issuer", json!("http://127.0.0.1:1")),
    ] {
        let simulator = Simulator::start().await;
        simulator.set_metadata(member, value.clone());
        unavailable(&simulator, &simulator.tax().await, &value.to_string()).await;
    }
    let simulator = Simulator::start().await;
    let wrong_secret = simulator.tax_with(|config| config.registration.client_secret.push('x')).await;
    unavailable(&simulator, &wrong_secret, "a wrong secret").await;
    simulator.set_metadata("introspection_endpoint", json!(format!("{}/jwks", simulator.issuer)));
    unavailable(&simulator, &simulator.tax().await, "not an introspection endpoint").await;
}

async fn unavailable(simulator: &Simulator, portal: &Router, what: &str) {
    let token = simulator.issue("active", json!(true));
    let page = call(portal, Some(&format!("Bearer {token}"))).await;
    assert_eq!(page.status, 503, "{what}");
    assert_eq!(page.headers[RETRY_AFTER], "5", "{what}");
    assert!(page.headers.get(WWW_AUTHENTICATE).is_none(), "{what}: the token may be good");
    assert_eq!(error(&page), "temporarily_unavailable", "{what}");
}

#[tokio::test]
async fn a_portal_without_an_api_has_neither_its_address_nor_its_page() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    let home = log_in(&simulator, &mut browser).await;
    assert!(!home.has("data-file-return") && !home.has("/returns"));
    for path in ["/api/returns", "/returns"] {
        assert_eq!(browser.post(path, format!("csrf={}", home.csrf())).await.status, 404, "{path}");
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    let mut tax = Browser::new(&simulator.tax().await);
    assert_eq!(tax.get("/api/returns").await.status, 405);
}
