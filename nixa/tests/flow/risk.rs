//! Risk signals raise the level that a login needs, and never lower it.

use nixa_storage::Signals;
use serde_json::Value;

use crate::browser::{Browser, authorize_url};
use crate::lab::{BROKER, Lab, Reply, query};
use crate::tokens::id_token;

const NEW_DEVICE: &str = "[broker.risk]\nnew_device = \"new-device\"\n";
const HEADER: &str = "[[broker.risk.header]]\nname = \"x-risk\"\nvalue = \"high\"\nsignal = \"new-device\"\n";

async fn acr(lab: &Lab, tokens: &Value) -> String {
    id_token(lab, tokens).await["acr"].as_str().unwrap().to_owned()
}

async fn without_prompt(lab: &Lab, browser: &mut Browser, client: &str) -> Reply {
    browser.get(lab, &authorize_url(client, &[("prompt", "none")])).await
}

#[tokio::test]
async fn a_browser_that_the_person_has_not_used_needs_more() {
    let lab = Lab::with(NEW_DEVICE).await;
    let mut browser = Browser::default();
    let first = browser.tokens(&lab, "basic", &[]).await;
    assert_eq!(acr(&lab, &first).await, "urn:nixa:loa:2", "level 1 would do for the portal");
    let mark = browser.jars["broker.example"]["__Host-nixa_device"].clone();
    // The browser ends its session and comes back.
    browser.jars.get_mut("broker.example").unwrap().retain(|name, _| name.ends_with("_device"));
    browser.jars.remove("idp.example");
    let again = browser.tokens(&lab, "basic", &[]).await;
    assert_eq!(acr(&lab, &again).await, "urn:nixa:loa:1");
    assert_eq!(browser.jars["broker.example"]["__Host-nixa_device"], mark);
    // The mark is of no use to another person, and a stolen level is none.
    let mut other = Browser::default();
    other.jars.entry("broker.example".into()).or_default().insert("__Host-nixa_device".into(), mark);
    let end = other.log_in_as(&lab, "binh", &authorize_url("basic", &[])).await.location();
    let tokens = crate::browser::redeem(&lab, "basic", &query(&end, "code").unwrap(), &[]).await.json();
    assert_eq!(acr(&lab, &tokens).await, "urn:nixa:loa:2");
}

#[tokio::test]
async fn a_new_browser_is_not_known_before_it_has_reached_the_level() {
    let lab = Lab::with(NEW_DEVICE).await;
    let mut browser = Browser::default();
    let page = browser.open(&lab, &authorize_url("basic", &[])).await;
    let page = browser.submit(&lab, &page, &[("idp", "national")]).await;
    let password = [("username", "mai"), ("password", crate::lab::PASSWORD)];
    let page = browser.submit(&lab, &page, &password).await;
    assert!(page.url.ends_with("/totp"), "{}", page.url);
    // The password alone, again and again, does not make the browser a known one.
    let page = browser.open(&lab, &authorize_url("basic", &[])).await;
    assert!(page.url.ends_with("/totp"), "{}", page.url);
    let silent = without_prompt(&lab, &mut browser, "basic").await.location();
    assert_eq!(query(&silent, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn a_browser_is_marked_also_when_the_answer_is_refused() {
    let lab = Lab::with(NEW_DEVICE).await;
    let mut browser = Browser::default();
    let page = browser.get(&lab, &format!("{BROKER}/callback/national?state=forged")).await;
    assert_eq!((page.status, page.problem()), (400, "login-unknown"));
    assert!(browser.jars["broker.example"].contains_key("__Host-nixa_device"), "an error page keeps its cookies");
}

#[tokio::test]
async fn without_the_setting_nobody_is_marked() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    assert!(!browser.jars["broker.example"].keys().any(|name| name.ends_with("_device")));
}

#[tokio::test]
async fn a_proxys_header_raises_the_level_of_that_login() {
    let lab = Lab::with(HEADER).await;
    for (value, error) in [("low", None), ("high", Some("login_required"))] {
        let mut browser = Browser::default();
        browser.tokens(&lab, "basic", &[]).await;
        browser.headers.push(("x-risk".into(), value.into()));
        let end = without_prompt(&lab, &mut browser, "basic").await.location();
        assert_eq!(query(&end, "error").as_deref(), error, "{value}");
    }
    // Once seen it stays for the login, also when later requests come without it.
    let mut browser = Browser::default();
    browser.headers.push(("x-risk".into(), "high".into()));
    let first = browser.get(&lab, &authorize_url("basic", &[])).await;
    browser.headers.clear();
    let page = browser.follow(&lab, first).await;
    let end = browser.walk(&lab, "mai", page).await.location();
    let tokens = crate::browser::redeem(&lab, "basic", &query(&end, "code").unwrap(), &[]).await.json();
    assert_eq!(acr(&lab, &tokens).await, "urn:nixa:loa:2");
}

#[tokio::test]
async fn the_operators_switch_holds_for_everybody_within_seconds() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    let now = nixa_protocol::Clock::now(&*lab.clock);
    lab.broker.store.raise("operator-alert", &[], now).await.unwrap();
    lab.clock.advance(6);
    let silent = without_prompt(&lab, &mut browser, "basic").await.location();
    assert_eq!(query(&silent, "error").as_deref(), Some("unmet_authentication_requirements"));
    let page = browser.open(&lab, &authorize_url("basic", &[])).await;
    assert!(page.url.starts_with(BROKER) && page.url.ends_with("/unmet"), "{}", page.url);
    lab.broker.store.clear("operator-alert", &[], now).await.unwrap();
    lab.clock.advance(6);
    let silent = without_prompt(&lab, &mut browser, "basic").await.location();
    assert!(query(&silent, "code").is_some(), "{silent}");
}
