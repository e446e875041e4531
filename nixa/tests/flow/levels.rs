//! The right level: single sign-on where it is enough, only the missing factor where it is not.

use serde_json::{Value, json};

use crate::browser::{Browser, authorize_url, redeem};
use crate::lab::{Lab, PASSWORD, query};
use crate::tokens::id_token;

#[tokio::test]
async fn single_sign_on_then_only_the_missing_factor() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    let silent = browser.get(&lab, &authorize_url("legacy", &[])).await;
    assert!(query(&silent.location(), "code").is_some(), "one request, no page");
    let page = browser.open(&lab, &authorize_url("two", &[])).await;
    assert!(page.url.ends_with("/totp"), "{}", page.url);
    let tokens = browser.tokens(&lab, "two", &[]).await;
    let claims = id_token(&lab, &tokens).await;
    assert_eq!(claims["acr"], "urn:nixa:loa:2");
    assert_eq!(claims["amr"], json!(["mfa", "otp", "pwd"]));
}

#[tokio::test]
async fn a_step_up_long_after_the_password_is_not_followed_by_another_question() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    lab.clock.advance(600);
    let page = browser.open(&lab, &authorize_url("other", &[("acr_values", "urn:nixa:loa:2")])).await;
    assert!(page.url.ends_with("/totp"), "{}", page.url);
    let code = nixa_idp::totp::code_at(crate::lab::TOTP, nixa_protocol::Clock::now(&*lab.clock)).unwrap();
    let end = browser.submit(&lab, &page, &[("code", &code)]).await;
    assert!(query(&end.location(), "code").is_some(), "{}", end.url);
}

#[tokio::test]
async fn a_password_given_in_one_tab_is_not_asked_for_again_in_another() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let mut tabs = Vec::new();
    for client in ["basic", "two"] {
        let page = browser.open(&lab, &authorize_url(client, &[])).await;
        tabs.push(browser.submit(&lab, &page, &[("idp", "national")]).await);
    }
    let password = [("username", "mai"), ("password", PASSWORD)];
    let code_page = browser.submit(&lab, &tabs[1], &password).await;
    assert!(code_page.url.ends_with("/totp"));
    assert!(query(&browser.submit(&lab, &tabs[0], &password).await.location(), "code").is_some());
    let code = nixa_idp::totp::code_at(crate::lab::TOTP, nixa_protocol::Clock::now(&*lab.clock)).unwrap();
    let end = browser.submit(&lab, &code_page, &[("code", &code)]).await;
    assert!(query(&end.location(), "code").is_some(), "{}", end.url);
}

#[tokio::test]
async fn acr_values_ask_and_the_minimum_insists() {
    let lab = Lab::new().await;
    let acr = |tokens: Value| {
        let lab = &lab;
        async move { id_token(lab, &tokens).await["acr"].as_str().unwrap().to_owned() }
    };
    let asked = Browser::default().tokens(&lab, "basic", &[("acr_values", "urn:nixa:loa:2")]).await;
    assert_eq!(acr(asked).await, "urn:nixa:loa:2");
    // A voluntary level that nobody can fulfil falls back; an unknown name is passed over.
    let voluntary = Browser::default().tokens(&lab, "basic", &[("acr_values", "urn:nixa:loa:4 gold")]).await;
    assert_eq!(acr(voluntary).await, "urn:nixa:loa:1");
    // The portal cannot ask for less than its minimum.
    let less = Browser::default().tokens(&lab, "two", &[("acr_values", "urn:nixa:loa:1")]).await;
    assert_eq!(acr(less).await, "urn:nixa:loa:2");
}

#[tokio::test]
async fn an_essential_acr_that_cannot_be_reached_is_explained_and_refused() {
    let lab = Lab::new().await;
    let claims = r#"{"id_token":{"acr":{"essential":true,"values":["urn:nixa:loa:3"]}}}"#;
    for url in [authorize_url("three", &[]), authorize_url("basic", &[("claims", claims)])] {
        let mut browser = Browser::default();
        let page = browser.open(&lab, &url).await;
        assert!(page.url.ends_with("/unmet"), "{}", page.url);
        assert!(page.body.contains("mức 3"));
        let end = browser.submit(&lab, &page, &[]).await.location();
        assert_eq!(query(&end, "error").as_deref(), Some("unmet_authentication_requirements"), "{end}");
        assert_eq!(query(&end, "state").as_deref(), Some("the-state"));
    }
}

#[tokio::test]
async fn a_step_up_by_another_person_changes_nothing() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let first = id_token(&lab, &browser.tokens(&lab, "basic", &[]).await).await;
    let page = browser.open(&lab, &authorize_url("two", &[])).await;
    let page = browser.press(&lab, &page, "switch").await;
    assert!(page.url.ends_with("/password"), "{}", page.url);
    let page = browser.submit(&lab, &page, &[("username", "binh"), ("password", PASSWORD)]).await;
    lab.clock.advance(30);
    let code = nixa_idp::totp::code_at(crate::lab::TOTP, nixa_protocol::Clock::now(&*lab.clock)).unwrap();
    let page = browser.submit(&lab, &page, &[("code", &code)]).await;
    assert!(page.url.ends_with("/choose") && page.body.contains("role=\"alert\""), "{}", page.url);
    let still = browser.get(&lab, &authorize_url("basic", &[("prompt", "none")])).await.location();
    let tokens = redeem(&lab, "basic", &query(&still, "code").unwrap(), &[]).await.json();
    assert_eq!(id_token(&lab, &tokens).await["sub"], first["sub"]);
}

#[tokio::test]
async fn every_issued_level_leaves_a_record_with_its_reason() {
    let lab = Lab::new().await;
    Browser::default().tokens(&lab, "two", &[]).await;
    // Strangers cannot fill the store with refusals.
    for client in ["three", "two"] {
        Browser::default().get(&lab, &authorize_url(client, &[("prompt", "none")])).await;
    }
    let pool = database(&lab, "broker").await;
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT client_id, policy, record FROM decisions").fetch_all(&pool).await.unwrap();
    assert_eq!(rows.len(), 1);
    let record: Value = serde_json::from_str(&rows[0].2).unwrap();
    assert_eq!(rows[0].0, "two");
    assert_eq!(rows[0].1, lab.broker.provider.interaction.policy.version());
    assert_eq!(record["decision"]["outcome"], "satisfied");
    assert_eq!(record["uses"], json!(["counted", "counted"]));
    assert_eq!(record["requirement"]["minimums"][0], "urn:nixa:loa:2");
    assert_eq!(record["sentence"]["en"], "Reached urn:nixa:loa:2 by password + totp at national.");
    assert!(!rows[0].2.contains("Name of mai") && !rows[0].2.contains(crate::lab::NUMBER), "no personal data");
}

async fn database(lab: &Lab, server: &str) -> sqlx::SqlitePool {
    let file = lab.folder().join(server).join("durable.db");
    sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap()
}

#[tokio::test]
async fn a_step_up_leaves_a_record_too() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    browser.open(&lab, &authorize_url("two", &[])).await;
    let rows: Vec<String> = sqlx::query_scalar("SELECT record FROM decisions WHERE client_id = 'two'")
        .fetch_all(&database(&lab, "broker").await)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    let record: Value = serde_json::from_str(&rows[0]).unwrap();
    assert_eq!(record["decision"]["outcome"], "step-up");
    assert_eq!(record["uses"], json!(["not-enough"]));
    assert_eq!(record["sentence"]["en"], "Still needed: totp at national; or passkey:biometric-only at simulator.");
}

#[tokio::test]
async fn nobody_is_sent_for_a_factor_that_they_do_not_have() {
    let lab = Lab::new().await;
    let accounts = database(&lab, "idp").await;
    sqlx::query("DELETE FROM authenticators WHERE method = 'totp'").execute(&accounts).await.unwrap();
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[("scope", "openid profile personal_number")]).await;
    let next = browser.get(&lab, &authorize_url("two", &[])).await.location();
    assert!(next.ends_with("/choose"), "another provider has to help: {next}");
    // What a person has is for the broker alone.
    let metadata = browser.get(&lab, "https://broker.example/.well-known/openid-configuration").await;
    assert!(!metadata.body.contains("authenticators"));
    let userinfo = lab.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert!(userinfo.body.contains("personal_number") && !userinfo.body.contains("authenticators"));
}

fn transaction(service: &str) -> String {
    json!([{ "type": "urn:nixa:transaction", "service": service }]).to_string()
}

#[tokio::test]
async fn the_catalogue_sets_what_a_transaction_needs() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let look = browser.tokens(&lab, "basic", &[("authorization_details", &transaction("look"))]).await;
    assert_eq!(look["authorization_details"][0]["service"], "look", "the answer says what was granted");
    assert_eq!(id_token(&lab, &look).await["acr"], "urn:nixa:loa:1");
    // The same portal, another service: the missing factor, whatever else the portal asks for.
    let file = [("authorization_details", &*transaction("file")), ("acr_values", "urn:nixa:loa:1")];
    let filed = browser.tokens(&lab, "basic", &file).await;
    assert_eq!(id_token(&lab, &filed).await["acr"], "urn:nixa:loa:2");
    let silent = browser.get(&lab, &authorize_url("basic", &file)).await.location();
    assert!(query(&silent, "code").is_some(), "fresh enough: {silent}");
    lab.clock.advance(301);
    let page = browser.open(&lab, &authorize_url("basic", &file)).await;
    assert!(page.url.ends_with("/password"), "older than the catalogue allows: {}", page.url);
}

#[tokio::test]
async fn a_service_that_refuses_single_sign_on_asks_anew_and_says_what_for() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "two", &[]).await;
    let again = [("authorization_details", &*transaction("again"))];
    let silent = authorize_url("basic", &[again[0], ("prompt", "none")]);
    let refused = browser.get(&lab, &silent).await.location();
    assert_eq!(query(&refused, "error").as_deref(), Some("login_required"));
    let page = Browser::default().open(&lab, &authorize_url("basic", &again)).await;
    assert!(page.url.ends_with("/choose") && page.body.contains("data-transaction>Ký"), "{}", page.body);
    let signed = browser.tokens(&lab, "basic", &again).await;
    assert_eq!(id_token(&lab, &signed).await["acr"], "urn:nixa:loa:2");
    // What was shown for one transaction does not serve the next.
    let once_more = browser.get(&lab, &silent).await.location();
    assert_eq!(query(&once_more, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn a_service_that_is_not_in_the_catalogue_is_refused() {
    let lab = Lab::new().await;
    let url = authorize_url("basic", &[("authorization_details", &transaction("nothing"))]);
    let end = Browser::default().get(&lab, &url).await.location();
    assert_eq!(query(&end, "error").as_deref(), Some("invalid_authorization_details"));
}
