//! Requests: what is accepted, in which form, and what a client reads that forbids pages.

use serde_json::json;

use crate::browser::{Browser, MAI, authorize};
use crate::lab::{Lab, OTHER, PORTAL, Reply, encode, post};

/// Pushes the parameters of a good request of the portal.
async fn push(lab: &Lab, extra: &[(&str, &str)]) -> Reply {
    let path = authorize(PORTAL, extra);
    let form: Vec<_> = url::form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).collect();
    // The client's name comes with its secret.
    let form: Vec<_> = form.iter().filter(|(name, _)| name != "client_id").map(|(n, v)| (&**n, &**v)).collect();
    lab.call(PORTAL, "/par", &form).await
}

#[tokio::test]
async fn without_pages_the_client_reads_what_is_needed() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let silent = authorize(PORTAL, &[("prompt", "none")]);
    let nobody = browser.get(&lab, &silent).await;
    assert_eq!(nobody.answer("error").as_deref(), Some("login_required"));
    assert_eq!(nobody.answer("state").as_deref(), Some("the-state"));
    assert_eq!(lab.count_audited("login-refused").await, 0, "a stranger could have it written all day");
    browser.log_in(&lab, MAI, &[]).await;
    assert!(browser.get(&lab, &silent).await.answer("code").is_some());
    let prompted = browser.get_with_plan(&lab, &silent, "prompt").await;
    assert_eq!(prompted.answer("error").as_deref(), Some("login_required"));
    assert_eq!(lab.count_audited("login-refused").await, 1);
}

#[tokio::test]
async fn a_mistake_goes_to_the_client_unless_its_address_is_not_registered() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let refused = browser.get(&lab, &authorize(PORTAL, &[("code_challenge_method", "plain")])).await;
    assert!(refused.location().starts_with("https://portal.example/cb?"), "{}", refused.location());
    assert_eq!(refused.answer("error").as_deref(), Some("invalid_request"));
    let elsewhere = browser.get(&lab, &authorize(PORTAL, &[("redirect_uri", "https://attacker.example/cb")])).await;
    assert_eq!((elsewhere.problem(), elsewhere.location()), ((400, "unregistered-address"), ""));
    let unknown = browser.get(&lab, &authorize("nobody", &[])).await;
    assert_eq!((unknown.problem(), unknown.location()), ((400, "unknown-service"), ""));
}

#[tokio::test]
async fn a_pushed_request_is_good_for_its_client_once() {
    let lab = Lab::new().await;
    let push = async || {
        let reply = push(&lab, &[]).await;
        assert_eq!((reply.status, &reply.json()["expires_in"]), (201, &json!(90)));
        reply.json()["request_uri"].as_str().unwrap().to_owned()
    };
    let path =
        |client_id, uri: &str| format!("/authorize?{}", encode(&[("client_id", client_id), ("request_uri", uri)]));
    let mut browser = Browser::default();
    let uri = push().await;
    assert!(browser.get(&lab, &path(PORTAL, &uri)).await.location().ends_with("/enter"));
    assert_eq!(browser.get(&lab, &path(PORTAL, &uri)).await.problem(), (400, "request-expired"), "once");
    let uri = push().await;
    assert_eq!(browser.get(&lab, &path(OTHER, &uri)).await.problem(), (400, "request-expired"), "another client");
    let uri = push().await;
    lab.clock.advance(90);
    assert_eq!(browser.get(&lab, &path(PORTAL, &uri)).await.problem(), (400, "request-expired"), "too old");
}

#[tokio::test]
async fn a_request_is_at_most_8_kilobytes() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let sized = |octets: usize| {
        let rest = authorize(PORTAL, &[("state", "")]).len() - "/authorize?".len();
        authorize(PORTAL, &[("state", &"x".repeat(octets - rest))])
    };
    assert_eq!(browser.get(&lab, &sized(8_192)).await.status, 303);
    assert_eq!(browser.get(&lab, &sized(8_193)).await.problem(), (400, "bad-request"));
    for (octets, expected) in [(8_192, 303), (8_193, 413)] {
        let form = sized(octets).split_once('?').unwrap().1.to_owned();
        assert_eq!(lab.send(post("/authorize").body(form.into()).unwrap()).await.status, expected);
    }
    let pushed = push(&lab, &[("state", &"x".repeat(8_192))]).await;
    assert_eq!((pushed.status, &pushed.json()["error"]), (400, &json!("invalid_request")));
    assert_eq!(push(&lab, &[("state", &"x".repeat(7_000))]).await.status, 201);
}

#[tokio::test]
async fn a_request_by_a_cross_site_post_is_continued_by_the_browser_that_comes_first() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.log_in(&lab, MAI, &[]).await;
    let (path, form) = authorize(OTHER, &[]).split_once('?').map(|(p, f)| (p.to_owned(), f.to_owned())).unwrap();
    let posted = lab.send(post(&path).body(form.into()).unwrap()).await;
    assert_eq!(posted.header("set-cookie"), "", "the browser keeps the session that it has");
    assert!(browser.get(&lab, posted.location()).await.answer("code").is_some());
}
