//! What is recorded of a login: once, for the request that answers, before a code exists; and nothing of success
//! where no code is made.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Barrier;

use crate::browser::{Browser, MAI, authorize};
use crate::lab::{Lab, OTHER, PORTAL, Reply, between};
use crate::stub::Recorded;

/// A transaction that waits on its page in a browser in which somebody logged in by another one meanwhile: its
/// continuation needs no page any more.
async fn satisfied(lab: &Lab, browser: &mut Browser, extra: &[(&str, &str)]) -> String {
    let waiting = browser.page(lab, &authorize(OTHER, extra)).await;
    browser.log_in(lab, MAI, &[]).await;
    lab.stub().records.lock().unwrap().clear();
    continue_path(&waiting)
}

fn continue_path(page: &Reply) -> String {
    format!("/continue/{}", between(&page.path, "/login/", "/").unwrap())
}

fn issued(client_id: &str, codes: usize) -> Recorded {
    Recorded { outcome: "issued", client_id: client_id.to_owned(), codes }
}

#[tokio::test]
async fn a_login_is_recorded_before_its_code_exists() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.log_in(&lab, MAI, &[]).await;
    assert_eq!(*lab.stub().records.lock().unwrap(), [issued(PORTAL, 0)]);
    // One that needs no page is never stored as a transaction, and is recorded alike.
    assert!(browser.get(&lab, &authorize(OTHER, &[])).await.answer("code").is_some());
    assert_eq!(*lab.stub().records.lock().unwrap(), [issued(PORTAL, 0), issued(OTHER, 1)]);
    assert_eq!(lab.short.codes(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_at_once_one_is_recorded_and_answered() {
    const MANY: usize = 64;
    let lab = Arc::new(Lab::new().await);
    let mut browser = Browser::default();
    let path = satisfied(&lab, &mut browser, &[]).await;
    let before = lab.short.codes();
    // All have decided that a code may be issued before the first of them answers.
    *lab.stub().decided.lock().unwrap() = Some(Arc::new(Barrier::new(MANY)));
    let requests: Vec<_> = (0..MANY)
        .map(|_| {
            let (lab, path, mut browser) = (lab.clone(), path.clone(), browser.clone());
            tokio::spawn(async move { browser.get(&lab, &path).await })
        })
        .collect();
    let mut codes = 0;
    for request in requests {
        let reply = request.await.unwrap();
        match reply.answer("code") {
            Some(_) => codes += 1,
            None => assert_eq!((reply.status, reply.location()), (303, path.as_str()), "to be judged anew"),
        }
    }
    assert_eq!(codes, 1);
    assert_eq!(lab.short.codes(), before + 1);
    assert_eq!(*lab.stub().records.lock().unwrap(), [issued(OTHER, before)]);
    *lab.stub().decided.lock().unwrap() = None;
    assert_eq!(browser.get(&lab, &path).await.problem(), (410, "login-finished"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_whose_session_ends_before_its_answer_leaves_no_record_of_success() {
    let lab = Arc::new(Lab::new().await);
    let mut browser = Browser::default();
    let path = satisfied(&lab, &mut browser, &[]).await;
    let before = lab.short.codes();
    let decided = Arc::new(Barrier::new(2));
    *lab.stub().decided.lock().unwrap() = Some(decided.clone());
    let answer = {
        let (lab, mut browser) = (lab.clone(), browser.clone());
        tokio::spawn(async move { browser.get(&lab, &path).await })
    };
    decided.wait().await;
    // In another tab, while the first one is about to be answered.
    let question = browser.get(&lab, "/logout").await;
    browser.post(&lab, "/logout", &[("csrf", &question.csrf("/logout")), ("answer", "yes")]).await;
    decided.wait().await;
    let answer = answer.await.unwrap();
    assert_eq!(answer.answer("error").as_deref(), Some("login_required"), "{answer:?}");
    assert_eq!(lab.stub().outcomes(), [""; 0]);
    assert_eq!(lab.short.codes(), before);
    assert_eq!(lab.count_audited("login-refused").await, 1, "the refusal itself is in the audit");
}

#[tokio::test]
async fn a_login_of_another_person_than_the_hint_names_leaves_no_record_of_success() {
    let lab = Lab::new().await;
    let tokens = Browser::default().tokens(&lab, "binh", &[]).await;
    let hint = [("id_token_hint", tokens["id_token"].as_str().unwrap())];
    let mut browser = Browser::default();
    browser.log_in(&lab, MAI, &[]).await;
    lab.stub().records.lock().unwrap().clear();
    let before = lab.short.codes();
    // One that is answered at once.
    let silent = browser.get(&lab, &authorize(PORTAL, &[hint[0], ("prompt", "none")])).await;
    assert_eq!(silent.answer("error").as_deref(), Some("login_required"));
    // One that was stored.
    let begun = browser.get_with_plan(&lab, &authorize(PORTAL, &hint), "prompt").await;
    let page = browser.get(&lab, begun.location()).await;
    let entered = browser.enter(&lab, &page, MAI).await;
    let stored = browser.get(&lab, entered.location()).await;
    assert_eq!(stored.answer("error").as_deref(), Some("login_required"));
    assert_eq!(lab.stub().outcomes(), [""; 0]);
    assert_eq!(lab.short.codes(), before);
    let entered = browser.get(&lab, &authorize(PORTAL, &[])).await;
    assert!(entered.answer("code").is_some(), "without the hint it is good");
    assert_eq!(lab.stub().outcomes(), ["issued"]);
}

#[tokio::test]
async fn a_login_that_cannot_be_recorded_gets_no_code_and_is_over() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.page(&lab, &authorize(PORTAL, &[])).await;
    let path = browser.enter(&lab, &page, MAI).await.location().to_owned();
    lab.stub().record_fails.store(true, Ordering::SeqCst);
    let failed = browser.get(&lab, &path).await;
    assert_eq!(failed.problem(), (503, "try-later"));
    assert_eq!(failed.header("retry-after"), "5");
    // The same address again, while the fault lasts and when it is over.
    for fails in [true, false] {
        lab.stub().record_fails.store(fails, Ordering::SeqCst);
        let over = browser.get(&lab, &path).await;
        assert_eq!(over.problem(), (410, "login-finished"));
        assert!(over.body.contains("href=\"https://portal.example/\""), "it leads back to the service: {}", over.body);
    }
    assert_eq!(lab.short.codes(), 0);
    assert_eq!(lab.stub().outcomes(), [""; 0]);
    assert_eq!(lab.audited().await, [""; 0], "neither a login nor a refusal");
    // The person is logged in; the service asks again.
    let again = browser.get(&lab, &authorize(PORTAL, &[])).await;
    assert!(again.answer("code").is_some());
    assert_eq!(*lab.stub().records.lock().unwrap(), [issued(PORTAL, 0)]);
}

#[tokio::test]
async fn a_request_without_a_page_that_cannot_be_recorded_may_be_sent_again() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.log_in(&lab, MAI, &[]).await;
    lab.stub().record_fails.store(true, Ordering::SeqCst);
    let failed = browser.get(&lab, &authorize(OTHER, &[])).await;
    assert_eq!((failed.problem(), lab.short.codes()), ((503, "try-later"), 1));
    lab.stub().record_fails.store(false, Ordering::SeqCst);
    assert!(browser.get(&lab, &authorize(OTHER, &[])).await.answer("code").is_some());
    assert_eq!(*lab.stub().records.lock().unwrap(), [issued(PORTAL, 0), issued(OTHER, 1)]);
}

#[tokio::test]
async fn a_code_that_cannot_be_stored_is_not_given_out() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.page(&lab, &authorize(PORTAL, &[])).await;
    let path = browser.enter(&lab, &page, MAI).await.location().to_owned();
    lab.short.fail("code:");
    let failed = browser.get(&lab, &path).await;
    assert_eq!((failed.problem(), failed.location()), ((503, "try-later"), ""));
    lab.short.recover();
    assert_eq!(browser.get(&lab, &path).await.problem(), (410, "login-finished"));
    // The record came first: it may stand without a code, never a code without it.
    assert_eq!((lab.stub().outcomes(), lab.short.codes()), (vec!["issued"], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_recorded_once() {
    let lab = Arc::new(Lab::new().await);
    let mut browser = Browser::default();
    let denied = browser.get_with_plan(&lab, &authorize(PORTAL, &[]), "deny").await;
    assert_eq!(denied.answer("error").as_deref(), Some("access_denied"));
    assert_eq!(lab.stub().outcomes(), ["denied"]);
    // Two buttons pressed at one moment.
    let page = browser.page(&lab, &authorize(PORTAL, &[])).await;
    *lab.stub().decided.lock().unwrap() = Some(Arc::new(Barrier::new(2)));
    let cancel = page.path.replace("/enter", "/cancel");
    let csrf = page.csrf("/cancel");
    let press = || {
        let (lab, mut browser, cancel, csrf) = (lab.clone(), browser.clone(), cancel.clone(), csrf.clone());
        tokio::spawn(async move { browser.post(&lab, &cancel, &[("csrf", &csrf)]).await })
    };
    let (first, second) = tokio::join!(press(), press());
    let answers = [first.unwrap(), second.unwrap()].map(|reply| reply.answer("error"));
    assert_eq!(answers.iter().flatten().collect::<Vec<_>>(), ["access_denied"]);
    assert_eq!(lab.stub().outcomes(), ["denied", "denied"], "once for each transaction");
    assert_eq!(lab.short.codes(), 0);
    assert_eq!(lab.count_audited("login-refused").await, 1, "of nobody it is not in the audit where none is stored");
}
