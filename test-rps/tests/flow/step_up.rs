//! A filing through the portal's page: challenge, step-up, retry (RFC 9470, section 4).

use crate::browser::{Browser, Page};
use crate::simulator::{Answer, Simulator, now, query};
use axum::Router;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A person who came by the service of level 1.
struct Person {
    simulator: Arc<Simulator>,
    browser: Browser,
    home: Page,
}

fn set(answer: &mut Answer, name: &str, value: Value) {
    answer.id_token.insert(name.to_owned(), value);
}

fn level_1(answer: &mut Answer) {
    set(answer, "acr", json!("urn:nixa:loa:1"));
}

fn expired(answer: &mut Answer) {
    answer.introspection.insert("active".to_owned(), json!(false));
}

impl Person {
    async fn at_level_1() -> Self {
        let simulator = Simulator::start().await;
        let portal = simulator.tax().await;
        Self::came(simulator, &portal, level_1).await
    }

    async fn came(simulator: Arc<Simulator>, portal: &Router, login: impl FnOnce(&mut Answer)) -> Self {
        let mut browser = Browser::new(portal);
        let asked = browser.get("/login?service=look-up-debt").await;
        let answer = simulator.approve_with(asked.location(), login);
        assert_eq!(browser.get(&answer).await.location(), "/");
        let home = browser.get("/").await;
        Self { simulator, browser, home }
    }

    async fn file(&mut self) -> Page {
        self.browser.post("/returns", format!("csrf={}", self.home.csrf())).await
    }

    /// Approves the login that `page` leads to, and gives where the portal then leads.
    async fn come_back(&mut self, page: &Page, login: impl FnOnce(&mut Answer)) -> Page {
        let answer = self.simulator.approve_with(page.location(), login);
        self.browser.get(&answer).await
    }

    fn calls(&self) -> u64 {
        self.simulator.introspections.load(Ordering::Relaxed)
    }

    /// Nothing waits and nothing more is sent.
    async fn has_nothing_waiting(&mut self) {
        let calls = self.calls();
        assert_eq!(self.browser.get("/returns").await.location(), "/");
        assert_eq!(self.calls(), calls);
    }
}

#[tokio::test]
async fn a_login_that_is_good_enough_files_at_once() {
    let simulator = Simulator::start().await;
    let portal = simulator.tax().await;
    let mut person = Person::came(simulator, &portal, |_| {}).await;
    assert!(person.home.has("Nộp tờ khai thuế</button>") && person.home.has(" data-file-return>"));
    let filed = person.file().await;
    assert_eq!(filed.status, 200);
    assert_eq!(filed.receipt().unwrap().len(), 12);
    assert!(filed.has("Nộp tờ khai thuế: đã nhận"));
    person.has_nothing_waiting().await;
    person.browser.get("/?lang=en").await;
    let again = person.file().await;
    assert!(again.has("File a tax return: received") && again.receipt() != filed.receipt());
}

#[tokio::test]
async fn a_challenge_leads_to_a_step_up_and_the_filing_goes_on_once() {
    let mut person = Person::at_level_1().await;
    let challenged = person.file().await;
    let asked = query(challenged.location());
    assert_eq!(asked["acr_values"], "urn:nixa:loa:2");
    assert_eq!(asked["max_age"], "900");
    let claims: Value = serde_json::from_str(&asked["claims"]).unwrap();
    assert_eq!(claims, json!({"id_token": {"acr": {"essential": true, "values": ["urn:nixa:loa:2"]}}}));
    assert!(!asked.contains_key("authorization_details") && !asked.contains_key("prompt"));
    person.has_nothing_waiting().await;
    let back = person.come_back(&challenged, |_| {}).await;
    assert_eq!(back.location(), "/returns");
    assert_eq!(person.calls(), 1, "not sent before the browser asks");
    let filed = person.browser.get("/returns").await;
    assert_eq!((filed.status.as_u16(), filed.receipt().unwrap().len()), (200, 12));
    assert_eq!(person.calls(), 2);
    person.has_nothing_waiting().await;
    assert_eq!(person.browser.get("/").await.claim("acr"), Some("urn:nixa:loa:2"));
}

#[tokio::test]
async fn an_old_login_is_challenged_too_and_the_new_one_must_be_new() {
    let simulator = Simulator::start().await;
    let portal = simulator.tax().await;
    let old = |answer: &mut Answer| set(answer, "auth_time", json!(now() - 1_000));
    let mut person = Person::came(simulator, &portal, old).await;
    let challenged = person.file().await;
    assert_eq!(query(challenged.location())["max_age"], "900");
    let refused = person.come_back(&challenged, old).await;
    assert_eq!((refused.status.as_u16(), refused.error_code()), (400, Some("login_refused")));
    person.has_nothing_waiting().await;
    let challenged = person.file().await;
    assert_eq!(person.come_back(&challenged, |_| {}).await.location(), "/returns");
    assert!(person.browser.get("/returns").await.receipt().is_some());
}

#[tokio::test]
async fn two_tabs_send_a_waiting_filing_once() {
    let mut person = Person::at_level_1().await;
    let challenged = person.file().await;
    person.come_back(&challenged, |_| {}).await;
    let mut twin = person.browser.twin();
    let (one, two) = tokio::join!(person.browser.get("/returns"), twin.get("/returns"));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 303]);
    assert_eq!(person.calls(), 2);
}

#[tokio::test]
async fn a_step_up_that_comes_back_below_what_was_asked_is_refused() {
    for acr in [json!("urn:nixa:loa:1"), json!("urn:x:loa:9"), Value::Null] {
        let mut person = Person::at_level_1().await;
        let challenged = person.file().await;
        let refused = person.come_back(&challenged, |answer| set(answer, "acr", acr)).await;
        assert_eq!((refused.status.as_u16(), refused.error_code()), (403, Some("level_too_low")));
        person.has_nothing_waiting().await;
        assert_eq!(person.browser.get("/").await.claim("acr"), Some("urn:nixa:loa:1"), "the old login stays");
    }
}

#[tokio::test]
async fn an_api_that_is_still_not_content_ends_in_a_page_and_no_loop() {
    let mut person = Person::at_level_1().await;
    let challenged = person.file().await;
    let back = person
        .come_back(&challenged, |answer| {
            answer.introspection.insert("acr".to_owned(), json!("urn:nixa:loa:1"));
        })
        .await;
    assert_eq!(back.location(), "/returns");
    let page = person.browser.get("/returns").await;
    assert_eq!((page.status.as_u16(), page.error_code()), (403, Some("step_up_insufficient")));
    assert!(page.has("vẫn chưa đủ") && page.has("data-still-logged-in") && !page.has("href=\"/login\""));
    assert!(page.receipt().is_none());
    let english = person.browser.get("/problem/step_up_insufficient?lang=en").await;
    assert!(english.has("still not enough for filing"));
    person.has_nothing_waiting().await;
}

#[tokio::test]
async fn without_essential_level_the_step_up_demands_none() {
    let simulator = Simulator::start().await;
    let portal = simulator.tax_with(|config| config.essential_acr = false).await;
    let mut person = Person::came(simulator, &portal, level_1).await;
    let challenged = person.file().await;
    let asked = query(challenged.location());
    assert_eq!(asked["acr_values"], "urn:nixa:loa:2");
    assert!(!asked.contains_key("claims"));
    assert_eq!(person.come_back(&challenged, level_1).await.location(), "/returns");
    assert_eq!(person.browser.get("/returns").await.error_code(), Some("step_up_insufficient"));
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_by_a_login_like_the_last() {
    let simulator = Simulator::start().await;
    let portal = simulator.tax().await;
    let mut person = Person::came(simulator, &portal, expired).await;
    let renewal = person.file().await;
    let asked = query(renewal.location());
    assert!(asked["authorization_details"].contains("look-up-debt"));
    for other in ["prompt", "acr_values", "max_age", "claims"] {
        assert!(!asked.contains_key(other), "{other}");
    }
    assert_eq!(person.come_back(&renewal, level_1).await.location(), "/returns");
    let challenged = person.browser.get("/returns").await;
    assert_eq!(query(challenged.location())["acr_values"], "urn:nixa:loa:2", "a new token of the old level");
    person.come_back(&challenged, |_| {}).await;
    assert!(person.browser.get("/returns").await.receipt().is_some());
}

#[tokio::test]
async fn a_token_that_is_refused_twice_ends_in_a_page() {
    let simulator = Simulator::start().await;
    let portal = simulator.tax_with(|config| config.acr_values = vec!["urn:nixa:loa:2".to_owned()]).await;
    let mut browser = Browser::new(&portal);
    let login = browser.get("/login").await;
    browser.get(&simulator.approve_with(login.location(), expired)).await;
    let home = browser.get("/").await;
    let mut person = Person { simulator, browser, home };
    let renewal = person.file().await;
    assert_eq!(query(renewal.location())["acr_values"], "urn:nixa:loa:2", "the portal's own login again");
    assert_eq!(person.come_back(&renewal, expired).await.location(), "/returns");
    let page = person.browser.get("/returns").await;
    assert_eq!((page.status.as_u16(), page.error_code()), (502, Some("filing_unconfirmed")));
    person.has_nothing_waiting().await;
}

#[tokio::test]
async fn someone_else_who_comes_back_files_nothing() {
    let mut person = Person::at_level_1().await;
    let challenged = person.file().await;
    let back = person
        .come_back(&challenged, |answer| {
            set(answer, "sub", json!("pairwise-2"));
            answer.user_info["sub"] = json!("pairwise-2");
        })
        .await;
    assert_eq!(back.location(), "/");
    person.has_nothing_waiting().await;
    assert_eq!(person.browser.get("/").await.claim("sub"), Some("pairwise-2"));
}

#[tokio::test]
async fn a_cancelled_step_up_files_nothing() {
    let mut person = Person::at_level_1().await;
    let challenged = person.file().await;
    let state = &query(challenged.location())["state"];
    let answer = format!("/callback?error=access_denied&state={state}&iss={}", person.simulator.issuer);
    let page = person.browser.get(&answer).await;
    assert_eq!((page.status.as_u16(), page.error_code()), (400, Some("access_denied")));
    assert!(page.has("data-still-logged-in"));
    person.has_nothing_waiting().await;
}

#[tokio::test]
async fn a_filing_needs_the_token_of_the_session() {
    let mut person = Person::at_level_1().await;
    let other = Person::at_level_1().await;
    let foreign = format!("csrf={}", other.home.csrf());
    for form in [String::new(), "csrf=".to_owned(), foreign.clone()] {
        let page = person.browser.post("/returns", form).await;
        assert_eq!((page.status.as_u16(), page.error_code()), (403, Some("stale_form")));
    }
    let mut stranger = person.browser.twin();
    stranger.cookies.clear();
    assert_eq!(stranger.post("/returns", foreign).await.location(), "/");
    assert_eq!(stranger.get("/returns").await.location(), "/");
    assert_eq!(person.calls(), 0);
}

#[tokio::test]
async fn without_an_answer_of_the_api_nothing_is_confirmed() {
    let simulator = Simulator::start().await;
    simulator.set_metadata("introspection_endpoint", Value::Null);
    let unavailable = simulator.tax().await;
    let unreachable = simulator.tax_with(|config| config.registration.public_url.set_port(Some(1)).unwrap()).await;
    for portal in [unavailable, unreachable] {
        let mut person = Person::came(Arc::clone(&simulator), &portal, |_| {}).await;
        let page = person.file().await;
        assert_eq!((page.status.as_u16(), page.error_code()), (502, Some("filing_unconfirmed")));
        assert!(page.has("Chưa xác nhận được việc nộp") && page.has("class=\"button\" href=\"/\""));
        let english = person.browser.get("/problem/filing_unconfirmed?lang=en").await;
        assert!(english.has("The filing is not confirmed"));
    }
}
