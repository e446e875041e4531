//! Answers of the exchange that a portal must refuse, and what the person then sees.

use crate::browser::Browser;
use crate::login::log_in;
use crate::simulator::{Answer, Simulator, now, portal_config};
use serde_json::{Value, json};
use std::time::Duration;
use test_rps::router;
use tokio::net::TcpListener;

/// Runs a login whose answer is changed, and holds the page against what it must be.
async fn refused(what: &str, lie: impl FnOnce(&mut Answer), status: u16, code: &str) {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    let login = browser.get("/login").await;
    let answer = simulator.approve_with(login.location(), lie);
    let page = browser.get(&answer).await;
    assert_eq!(page.status, status, "{what}");
    assert_eq!(page.error_code(), Some(code), "{what}");
    assert!(page.has("href=\"/login\"") && page.has("href=\"/\""), "{what}");
    assert!(browser.get("/").await.claim("sub").is_none(), "{what}");
}

#[tokio::test]
async fn id_tokens_that_lie_are_refused() {
    for (name, value, status, code) in [
        ("nonce", json!("other"), 400, "login_refused"),
        ("nonce", Value::Null, 400, "login_refused"),
        ("iss", json!("http://127.0.0.1:1"), 400, "login_refused"),
        ("aud", json!("other"), 400, "login_refused"),
        ("aud", json!(["bhxh", "other"]), 400, "login_refused"),
        ("exp", json!(now() - 1), 400, "login_refused"),
        ("at_hash", json!("AAAA"), 400, "login_refused"),
        ("acr", json!("urn:nixa:loa:1"), 403, "level_too_low"),
        ("acr", json!("urn:x:loa:9"), 403, "level_too_low"),
        ("acr", Value::Null, 403, "level_too_low"),
    ] {
        let what = format!("{name} = {value}");
        refused(&what, |answer| claim(answer, name, value), status, code).await;
    }
}

#[tokio::test]
async fn answers_that_lie_are_refused() {
    let evil = Some("http://evil.example".to_owned());
    refused("iss", |answer| answer.iss = evil, 400, "bad_answer").await;
    refused("no iss", |answer| answer.iss = None, 400, "bad_answer").await;
    let unknown = "A".repeat(43);
    refused("state", |answer| answer.state = unknown, 400, "unknown_state").await;
    let other = |answer: &mut Answer| answer.user_info["sub"] = json!("pairwise-2");
    refused("userinfo", other, 400, "login_refused").await;
}

fn claim(answer: &mut Answer, name: &str, value: Value) {
    answer.id_token.insert(name.to_owned(), value);
}

#[tokio::test]
async fn an_old_login_does_not_satisfy_max_age() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    let login = browser.get("/login?max_age=10").await;
    let answer = simulator.approve_with(login.location(), |answer| {
        claim(answer, "auth_time", json!(now() - 100));
    });
    assert_eq!(browser.get(&answer).await.error_code(), Some("login_refused"));
}

#[tokio::test]
async fn a_foreign_browser_neither_logs_in_nor_spoils_the_login() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let (mut owner, mut stranger) = (Browser::new(&portal), Browser::new(&portal));
    let login = owner.get("/login").await;
    stranger.get("/login").await;
    let answer = simulator.approve(login.location());
    for mut other in [Browser::new(&portal), stranger] {
        let page = other.get(&answer).await;
        assert_eq!((page.status.as_u16(), page.error_code()), (400, Some("unknown_state")));
        assert!(other.get("/").await.claim("sub").is_none());
    }
    assert_eq!(owner.get(&answer).await.location(), "/");
}

#[tokio::test]
async fn a_replayed_callback_says_that_one_is_still_logged_in() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    let login = browser.get("/login").await;
    let answer = simulator.approve(login.location());
    assert_eq!(browser.get(&answer).await.location(), "/");
    let replay = browser.get(&answer).await;
    assert_eq!((replay.status.as_u16(), replay.error_code()), (400, Some("unknown_state")));
    assert!(replay.has("data-still-logged-in") && replay.has("class=\"button\" href=\"/\""));
    assert_eq!(browser.get("/").await.claim("sub"), Some("pairwise-1"));
}

#[tokio::test]
async fn callbacks_without_a_login_are_explained() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    for (path, code) in [
        ("/callback", "unknown_state"),
        ("/callback?error=access_denied", "unknown_state"),
        ("/callback?state=x&state=y&code=z", "bad_answer"),
    ] {
        let page = browser.get(path).await;
        assert_eq!((page.status.as_u16(), page.error_code()), (400, Some(code)), "{path}");
    }
}

#[tokio::test]
async fn errors_of_the_exchange_have_their_own_pages() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    for (error, status, words) in [
        ("unmet_authentication_requirements", 403, "Không có gì bị mất"),
        ("access_denied", 400, "Bạn đã hủy đăng nhập"),
        ("login_required", 400, "Cần đăng nhập"),
        ("interaction_required", 400, "Cần bạn thao tác thêm"),
        ("consent_required", 400, "Cần bạn đồng ý"),
        ("temporarily_unavailable", 503, "đang tạm ngưng"),
        ("server_error", 400, "gặp sự cố"),
        ("invalid_scope", 400, "Không đăng nhập được"),
    ] {
        let mut browser = Browser::new(&portal);
        let login = browser.get("/login").await;
        let answer = simulator.approve(login.location());
        let state = crate::simulator::query(&answer)["state"].clone();
        let iss = &simulator.issuer;
        let page = browser
            .get(&format!(
                "/callback?error={error}&state={state}&iss={iss}&error_description=%3Cscript%3E{}",
                "d".repeat(400)
            ))
            .await;
        assert_eq!(page.status, status, "{error}");
        assert_eq!(page.error_code(), Some(error));
        assert!(page.has(words), "{error}");
        assert!(page.has("&#60;script&#62;") && !page.has("<script"), "{error}");
        assert!(!page.has(&"d".repeat(200)), "{error}");
        assert!(page.has("href=\"/login\"") && page.has("href=\"/\""), "{error}");
        let used = browser.get(&answer).await;
        assert_eq!(used.error_code(), Some("unknown_state"), "an error uses the login up");
    }
}

#[tokio::test]
async fn a_code_for_another_login_is_refused() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let (mut victim, mut attacker) = (Browser::new(&portal), Browser::new(&portal));
    let mine = victim.get("/login").await;
    let theirs = attacker.get("/login").await;
    let mine = crate::simulator::query(&simulator.approve(mine.location()));
    let theirs = crate::simulator::query(&simulator.approve(theirs.location()));
    let (state, code, iss) = (&mine["state"], &theirs["code"], &mine["iss"]);
    let page = victim.get(&format!("/callback?state={state}&code={code}&iss={iss}")).await;
    assert_eq!(page.error_code(), Some("login_refused"), "PKCE of another login");
}

#[tokio::test]
async fn an_exchange_that_is_down_is_a_502_until_it_is_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut browser = Browser::new(&router(portal_config(&format!("http://{address}"))).unwrap());
    let page = browser.get("/login").await;
    assert_eq!(page.status, 502);
    assert_eq!(page.error_code(), Some("login_service_unreachable"));
    assert_eq!(browser.get("/").await.status, 200);
    let simulator = Simulator::start_on(TcpListener::bind(address).await.unwrap());
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let home = log_in(&simulator, &mut browser).await;
    assert_eq!(home.claim("sub"), Some("pairwise-1"));
}

#[tokio::test]
async fn a_wrong_secret_is_not_a_500() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal_with(|config| config.registration.client_secret.push('x'));
    let mut browser = Browser::new(&portal);
    let login = browser.get("/login").await;
    let answer = simulator.approve(login.location());
    assert_eq!(browser.get(&answer).await.status, 502);
}

#[tokio::test]
async fn a_shared_secret_signature_is_refused_though_the_exchange_lists_it() {
    let simulator = Simulator::start().await;
    simulator.set_metadata("id_token_signing_alg_values_supported", json!(["HS256"]));
    let mut browser = Browser::new(&simulator.portal());
    let login = browser.get("/login").await;
    let answer = simulator.approve(login.location());
    assert_eq!(browser.get(&answer).await.error_code(), Some("login_refused"));
}
