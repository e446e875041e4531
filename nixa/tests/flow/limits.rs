//! How often may be asked: by one address, and by one client.

use crate::browser::{Browser, authorize_url, basic};
use crate::lab::{BROKER, Lab};

const LIMITS: &str = "\n[server.limits]\nper_address = 5\nper_client = 3\nexempt = [\"192.0.2.0/24\"]
address_header = \"x-real-ip\"\n";

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let lab = Lab::with(LIMITS).await;
    let ask = async |address: &str, path: &str| {
        let mut browser = Browser::default();
        browser.headers.push(("x-real-ip".into(), address.into()));
        browser.get(&lab, &format!("{BROKER}{path}")).await
    };
    let path = authorize_url("basic", &[]).strip_prefix(BROKER).unwrap().to_owned();
    for _ in 0..5 {
        assert_eq!(ask("198.51.100.1", &path).await.status, 303);
    }
    let refused = ask("198.51.100.1", &path).await;
    assert_eq!((refused.status, refused.problem()), (429, "too-many-requests"));
    // 1 700 000 000 is 20 s into its minute.
    assert_eq!(refused.header("retry-after"), "40");
    let refused = ask("198.51.100.1", "/userinfo").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "40"), "a refusal counts at all endpoints");
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert_eq!(ask("198.51.100.1", "/jwks").await.status, 200, "what is cached is not counted");
    assert_eq!(ask("198.51.100.2", &path).await.status, 303, "another address");
    for _ in 0..9 {
        assert_eq!(ask("192.0.2.7", &path).await.status, 303, "a portal's own server");
    }
    lab.clock.advance(40);
    assert_eq!(ask("198.51.100.1", &path).await.status, 303, "the next minute");
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_and_others_are_not() {
    let lab = Lab::with(LIMITS).await;
    let introspect = async |client: &str, authorization: &str| {
        let headers = [("authorization", authorization), ("x-real-ip", "192.0.2.7")];
        let reply = lab.post(&format!("{BROKER}/introspect"), &headers, &[("token", "x")]).await;
        assert!(reply.status != 429 || reply.header("retry-after") == "40", "{client}");
        reply.status
    };
    for _ in 0..9 {
        assert_eq!(introspect("basic", "Basic YmFzaWM6eA==").await, 401, "a stranger uses nothing up");
    }
    for _ in 0..3 {
        assert_eq!(introspect("basic", &basic("basic")).await, 200);
    }
    assert_eq!(introspect("basic", &basic("basic")).await, 429);
    assert_eq!(introspect("two", &basic("two")).await, 200);
}
