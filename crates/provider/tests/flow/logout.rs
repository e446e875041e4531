//! The end of a session: who may end it, and what ends with it.

use crate::browser::{Browser, MAI, VERIFIER, authorize, redeem, refresh, userinfo};
use crate::lab::{Lab, PORTAL, encode};

#[tokio::test]
async fn a_client_with_a_hint_ends_the_session_and_what_was_given_in_it() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, MAI, &[]).await;
    let offline = browser.get(&lab, &authorize(PORTAL, &[("scope", "openid offline_access")])).await;
    let offline = redeem(&lab, PORTAL, &offline.answer("code").unwrap(), VERIFIER).await.json();
    let unused = browser.get(&lab, &authorize(PORTAL, &[])).await.answer("code").unwrap();
    let hint = tokens["id_token"].as_str().unwrap();
    let end = browser.get(&lab, &format!("/logout?{}", encode(&[("id_token_hint", hint)]))).await;
    assert!(end.status == 200 || end.status == 303, "{}", end.body);
    assert_eq!(lab.count_audited("logout").await, 1);
    let silent = browser.get(&lab, &authorize(PORTAL, &[("prompt", "none")])).await;
    assert_eq!(silent.answer("error").as_deref(), Some("login_required"));
    assert_eq!(userinfo(&lab, tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(redeem(&lab, PORTAL, &unused, VERIFIER).await.json()["error"], "invalid_grant");
    assert_eq!(refresh(&lab, offline["refresh_token"].as_str().unwrap()).await.status, 200, "it outlives the session");
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.log_in(&lab, MAI, &[]).await;
    let silent = authorize(PORTAL, &[("prompt", "none")]);
    let page = browser.get(&lab, "/logout").await;
    browser.post(&lab, "/logout", &[("csrf", "forged"), ("answer", "yes")]).await;
    browser.post(&lab, "/logout", &[("csrf", &page.csrf("/logout")), ("answer", "no")]).await;
    assert!(browser.get(&lab, &silent).await.answer("code").is_some(), "neither a forged answer nor a no");
    browser.post(&lab, "/logout", &[("csrf", &page.csrf("/logout")), ("answer", "yes")]).await;
    assert_eq!(browser.get(&lab, &silent).await.answer("error").as_deref(), Some("login_required"));
}
