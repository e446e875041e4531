//! Logins that must succeed.

use crate::browser::{Browser, Page};
use crate::simulator::{Simulator, query};
use axum::Router;
use http::header::SET_COOKIE;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// Logs in and gives the home page.
pub(crate) async fn log_in(simulator: &Simulator, browser: &mut Browser) -> Page {
    let login = browser.get("/login").await;
    let answer = simulator.approve(login.location());
    let callback = browser.get(&answer).await;
    assert_eq!(callback.location(), "/");
    browser.get("/").await
}

async fn logged_in(simulator: &Simulator, portal: &Router) -> Page {
    log_in(simulator, &mut Browser::new(portal)).await
}

#[tokio::test]
async fn the_request_asks_for_all_that_is_configured() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    let login = browser.get("/login?prompt=login&max_age=60&redirect_uri=http://evil/").await;
    let asked = query(login.location());
    assert_eq!(asked["redirect_uri"], "http://localhost:8411/callback");
    assert_eq!(asked["scope"], "openid profile personal_number");
    assert_eq!(asked["acr_values"], "urn:nixa:loa:2");
    assert_eq!(asked["ui_locales"], "vi");
    assert_eq!(asked["prompt"], "login");
    assert_eq!(asked["max_age"], "60");
    let claims: Value = serde_json::from_str(&asked["claims"]).unwrap();
    assert_eq!(claims, json!({"id_token": {"acr": {"essential": true, "values": ["urn:nixa:loa:2"]}}}));
    let again = browser.get("/login?lang=en").await;
    let again = query(again.location());
    assert_eq!(again["ui_locales"], "en");
    for secret in ["state", "nonce", "code_challenge"] {
        assert!(asked[secret].len() >= 43, "{secret}");
        assert_ne!(asked[secret], again[secret], "{secret}");
    }
    assert!(!again.contains_key("prompt") && !again.contains_key("max_age"));
}

#[tokio::test]
async fn without_essential_level_none_is_demanded() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal_with(|config| config.essential_acr = false);
    let mut browser = Browser::new(&portal);
    let login = browser.get("/login").await;
    assert!(!query(login.location()).contains_key("claims"));
    let answer = simulator.approve_with(login.location(), |answer| {
        answer.id_token.insert("acr".to_owned(), json!("urn:nixa:loa:1"));
    });
    assert_eq!(browser.get(&answer).await.location(), "/");
    let home = browser.get("/").await;
    assert!(home.has("data-notice=\"below-level\""), "the person is told");
}

#[tokio::test]
async fn a_login_shows_every_claim_exactly() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let mut browser = Browser::new(&portal);
    let before = browser.get("/").await;
    assert!(before.has("href=\"/login\"") && before.has("Đăng nhập"));
    let login = browser.get("/login").await;
    let answer = simulator.approve(login.location());
    let callback = browser.get(&answer).await;
    let cookie = callback.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("baohiemxahoi="), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{cookie}");
    let home = browser.get("/").await;
    assert_eq!(home.claim("acr"), Some("urn:nixa:loa:2"));
    assert_eq!(home.claim("amr"), Some("pwd urn:x:new"));
    assert_eq!(home.claim("sub"), Some("pairwise-1"));
    assert_eq!(home.claim("sid"), Some("sid-1"));
    assert_eq!(home.claim("birthdate"), Some("1990-02-03"));
    assert_eq!(home.claim("urn:vn:claim"), Some("{&#34;a&#34;:[1]}"));
    assert_eq!(home.claim("iss"), Some(simulator.issuer.as_str()));
    let time: u64 = home.claim("auth_time").unwrap().parse().unwrap();
    assert!(time > 1_700_000_000 && home.has("(giờ Việt Nam, UTC+7)"));
    assert!(home.has("Nguyễn Văn An &#60;b&#62;"), "claims are escaped");
    assert!(!home.has("below-level"));
}

#[tokio::test]
async fn each_login_has_its_own_session_id() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let mut browser = Browser::new(&portal);
    let planted = "A".repeat(43);
    browser.cookies.insert("baohiemxahoi".to_owned(), planted.clone());
    log_in(&simulator, &mut browser).await;
    let first = browser.cookies["baohiemxahoi"].clone();
    assert_ne!(first, planted);
    log_in(&simulator, &mut browser).await;
    assert_ne!(browser.cookies["baohiemxahoi"], first);
    browser.cookies.insert("baohiemxahoi".to_owned(), first);
    assert!(browser.get("/").await.claim("sub").is_none(), "the first session ended");
}

#[tokio::test]
async fn two_tabs_both_come_back() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let mut browser = Browser::new(&portal);
    let first = browser.get("/login").await;
    let second = browser.get("/login").await;
    let (first, second) = (simulator.approve(first.location()), simulator.approve(second.location()));
    assert_eq!(browser.get(&second).await.location(), "/");
    assert_eq!(browser.get(&first).await.location(), "/");
    assert_eq!(browser.get("/").await.claim("sub"), Some("pairwise-1"));
}

#[tokio::test]
async fn tabs_opened_at_once_from_the_home_page_share_a_browser_cookie() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let mut browser = Browser::new(&portal);
    browser.get("/").await;
    let mut twin = Browser::new(&portal);
    twin.cookies = browser.cookies.clone();
    let (first, second) = (browser.get("/login").await, twin.get("/login").await);
    twin.cookies.append(&mut browser.cookies);
    for login in [first, second] {
        let answer = simulator.approve(login.location());
        assert_eq!(twin.get(&answer).await.location(), "/");
    }
}

#[tokio::test]
async fn the_secret_may_go_in_the_body() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal_with(|config| config.secret_in_body = true);
    assert_eq!(logged_in(&simulator, &portal).await.claim("sub"), Some("pairwise-1"));
}

#[tokio::test]
async fn a_higher_level_and_a_provider_without_userinfo_are_fine() {
    let simulator = Simulator::start().await;
    simulator.set_metadata("userinfo_endpoint", Value::Null);
    let mut browser = Browser::new(&simulator.portal());
    let login = browser.get("/login").await;
    let answer = simulator.approve_with(login.location(), |answer| {
        answer.id_token.insert("acr".to_owned(), json!("urn:nixa:loa:3"));
    });
    assert_eq!(browser.get(&answer).await.location(), "/");
    let home = browser.get("/").await;
    assert_eq!(home.claim("acr"), Some("urn:nixa:loa:3"));
    assert_eq!(home.claim("name"), None);
}

#[tokio::test]
async fn a_new_key_is_fetched_at_once_and_metadata_is_kept() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let discoveries = || simulator.discoveries.load(Ordering::Relaxed);
    assert_eq!(discoveries(), 0, "nothing is fetched at start");
    logged_in(&simulator, &portal).await;
    logged_in(&simulator, &portal).await;
    assert_eq!(discoveries(), 1);
    simulator.rotate_key();
    assert_eq!(logged_in(&simulator, &portal).await.claim("sub"), Some("pairwise-1"));
    assert_eq!(discoveries(), 2);
}
