//! The guards of a transaction's pages: whose it is, whether it is open, and whose forms it takes.

use crate::browser::{Browser, MAI, authorize};
use crate::lab::{Lab, OTHER, PORTAL};

#[tokio::test]
async fn a_forms_token_is_good_for_its_own_form_and_transaction_only() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.page(&lab, &authorize(PORTAL, &[])).await;
    let another = browser.page(&lab, &authorize(PORTAL, &[])).await;
    for token in [String::new(), "forged".to_owned(), page.csrf("/cancel"), another.csrf("/enter")] {
        let refused = browser.post(&lab, &page.path, &[("csrf", &token), ("subject", MAI)]).await;
        assert_eq!(refused.problem(), (403, "form-not-yours"), "{token}");
    }
    let repeated = [("csrf", &*page.csrf("/enter")), ("subject", MAI), ("subject", "binh")];
    assert_eq!(browser.post(&lab, &page.path, &repeated).await.problem(), (400, "bad-request"));
    let entered = browser.enter(&lab, &page, MAI).await;
    assert!(browser.get(&lab, entered.location()).await.answer("code").is_some());
}

#[tokio::test]
async fn a_transaction_belongs_to_one_browser() {
    let lab = Lab::new().await;
    let page = Browser::default().page(&lab, &authorize(PORTAL, &[])).await;
    let mut thief = Browser::default();
    thief.log_in(&lab, "binh", &[]).await;
    let path = page.path.replace("/login/", "/continue/").replace("/enter", "");
    for path in [&page.path, &path] {
        assert_eq!(thief.get(&lab, path).await.problem(), (404, "login-unknown"), "{path}");
        assert_eq!(Browser::default().get(&lab, path).await.problem(), (404, "login-unknown"), "{path}");
    }
    assert_eq!(thief.enter(&lab, &page, MAI).await.problem(), (404, "login-unknown"));
    assert_eq!(thief.get(&lab, "/login/unknown/enter").await.problem(), (404, "login-unknown"));
}

#[tokio::test]
async fn a_finished_transaction_says_so_and_leads_back() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.page(&lab, &authorize(PORTAL, &[])).await;
    let entered = browser.enter(&lab, &page, MAI).await;
    browser.get(&lab, entered.location()).await;
    for path in [&*page.path, entered.location()] {
        let over = browser.get(&lab, path).await;
        assert_eq!(over.problem(), (410, "login-finished"));
        assert!(over.body.contains("href=\"https://portal.example/\""), "{}", over.body);
    }
    assert_eq!(browser.enter(&lab, &page, MAI).await.problem(), (410, "login-finished"));
}

#[tokio::test]
async fn an_expired_transaction_says_so_and_leads_back() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.page(&lab, &authorize(OTHER, &[("ui_locales", "en")])).await;
    lab.clock.advance(1_799);
    assert_eq!(browser.get(&lab, &page.path).await.status, 200);
    lab.clock.advance(1);
    let over = browser.get(&lab, &page.path).await;
    assert_eq!(over.problem(), (410, "login-expired"));
    assert_eq!(over.language(), "en", "as the client wishes");
    let foreign = Browser::default().get(&lab, &page.path).await;
    assert_eq!(
        (foreign.problem(), foreign.language()),
        ((404, "login-unknown"), "vi"),
        "another browser learns nothing"
    );
    // This client has no page of its own: it is given an error that it can act on.
    assert!(over.body.contains("https://other.example/cb?error=login_required"), "{}", over.body);
    assert_eq!(browser.enter(&lab, &page, MAI).await.problem(), (410, "login-expired"));
    lab.clock.advance(6 * 3_600);
    assert_eq!(browser.get(&lab, &page.path).await.problem(), (404, "login-unknown"), "then it is forgotten");
}

#[tokio::test]
async fn who_logs_in_gets_another_cookie() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.page(&lab, &authorize(PORTAL, &[])).await;
    let planted = browser.clone();
    let entered = browser.enter(&lab, &page, MAI).await;
    assert!(entered.header("set-cookie").starts_with("__Host-op="), "{}", entered.header("set-cookie"));
    let silent = planted.clone().get(&lab, &authorize(PORTAL, &[("prompt", "none")])).await;
    assert_eq!(silent.answer("error").as_deref(), Some("login_required"), "one that was planted is worth nothing");
}
