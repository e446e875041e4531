//! Logout at the person's wish.

use crate::browser::Browser;
use crate::login::log_in;
use crate::simulator::{CLIENT, Simulator, query};
use serde_json::Value;

#[tokio::test]
async fn a_logout_goes_on_to_the_exchange_and_comes_back() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    let home = log_in(&simulator, &mut browser).await;
    let page = browser.post("/logout", format!("csrf={}", home.csrf())).await;
    assert!(page.location().starts_with(&format!("{}/logout?tenant=vn&", simulator.issuer)));
    let sent = query(page.location());
    assert_eq!(sent["client_id"], CLIENT);
    assert_eq!(sent["post_logout_redirect_uri"], "http://localhost:8411/logged-out");
    assert_eq!(sent["id_token_hint"].split('.').count(), 3);
    assert!(browser.get("/").await.claim("sub").is_none());
    let back = browser.get(&format!("/logged-out?state={}", sent["state"])).await;
    assert!(back.has("data-logout=\"confirmed\"") && back.has("href=\"/login\""));
    let forged = browser.get("/logged-out?state=x").await;
    assert!(forged.has("data-logout=\"local\""));
}

#[tokio::test]
async fn a_logout_needs_the_token_of_the_session() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal();
    let mut browser = Browser::new(&portal);
    let mut other = Browser::new(&portal);
    let foreign = log_in(&simulator, &mut other).await;
    log_in(&simulator, &mut browser).await;
    for form in [String::new(), "csrf=".to_owned(), format!("csrf={}", foreign.csrf())] {
        let page = browser.post("/logout", form).await;
        assert_eq!((page.status.as_u16(), page.error_code()), (403, Some("stale_form")));
    }
    assert_eq!(browser.get("/").await.claim("sub"), Some("pairwise-1"));
    assert_eq!(browser.get("/logged-out").await.location(), "/", "still logged in");
    let no_session = Browser::new(&portal).post("/logout", String::new()).await;
    assert_eq!(no_session.location(), "/logged-out?only=here");
}

#[tokio::test]
async fn without_an_end_session_endpoint_the_logout_is_local() {
    let simulator = Simulator::start().await;
    simulator.set_metadata("end_session_endpoint", Value::Null);
    let mut browser = Browser::new(&simulator.portal());
    let home = log_in(&simulator, &mut browser).await;
    let page = browser.post("/logout", format!("csrf={}", home.csrf())).await;
    assert_eq!(page.location(), "/logged-out?only=here");
    assert!(browser.get("/logged-out?only=here").await.has("data-logout=\"local\""));
    assert!(browser.get("/").await.claim("sub").is_none());
}
