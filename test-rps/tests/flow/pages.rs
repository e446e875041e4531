//! Languages, headers and the small routes.

use crate::browser::Browser;
use crate::login::log_in;
use crate::simulator::Simulator;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};

#[tokio::test]
async fn vietnamese_first_english_on_request_and_remembered() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    let page = browser.get("/").await;
    assert!(page.has("<html lang=\"vi\">") && page.has("Bảo hiểm xã hội"));
    assert!(page.has("href=\"/?lang=en\"") && page.has(">English</a>"));
    let page = browser.get("/?lang=en").await;
    assert!(page.has("<html lang=\"en\">") && page.has("Social Insurance"));
    assert!(page.has("href=\"/?lang=vi\"") && page.has(">Tiếng Việt</a>"));
    let page = browser.get("/nowhere").await;
    assert!(page.status == 404 && page.has("<html lang=\"en\">") && page.has("No such page"));
    let page = browser.get("/problem/access_denied").await;
    assert!(page.status == 400 && page.has("You cancelled the login"));
    assert!(page.has("href=\"/problem/access_denied?lang=vi\""));
    let page = browser.get("/?lang=xx").await;
    assert!(page.has("<html lang=\"en\">") && page.headers.get(SET_COOKIE).is_none());
    let home = log_in(&simulator, &mut browser).await;
    assert!(home.has("Welcome, ") && home.has("Log out") && home.has("Date of birth"));
}

#[tokio::test]
async fn every_page_has_the_headers() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    for path in ["/", "/login", "/callback", "/logged-out", "/nowhere", "/logout", "/problem/x"] {
        let page = browser.get(path).await;
        let policy = page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self';"));
        assert!(policy.contains(&format!("form-action 'self' {}", simulator.issuer)));
        assert!(policy.ends_with("frame-ancestors 'none'; base-uri 'none'"));
        assert_eq!(page.headers[REFERRER_POLICY], "no-referrer");
        assert_eq!(page.headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(page.headers[CACHE_CONTROL], "no-store");
        assert!(!page.has("<script") && !page.has(" style="), "{path}");
        assert!(page.body.is_empty() || page.has("href=\"#main\""), "{path}");
    }
    assert_eq!(browser.get("/logout").await.status, 405);
}

#[tokio::test]
async fn stylesheet_and_health() {
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    let sheet = browser.get("/style.css").await;
    assert_eq!(sheet.headers[CONTENT_TYPE], "text/css; charset=utf-8");
    assert!(sheet.has("--accent:#0b5394") && !sheet.has("url("));
    assert_eq!(browser.get("/healthz").await.body, "ok");
}

#[tokio::test]
async fn over_https_cookies_are_bound_to_the_host() {
    let simulator = Simulator::start().await;
    let portal = simulator.portal_with(|config| {
        config.registration.public_url.set_scheme("https").unwrap();
    });
    let mut browser = Browser::new(&portal);
    let page = browser.get("/").await;
    let cookie = page.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-baohiemxahoi_browser=") && cookie.contains("; Secure"));
    let login = browser.get("/login").await;
    let callback = browser.get(&simulator.approve(login.location())).await;
    let cookie = callback.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-baohiemxahoi="), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{cookie}");
}

#[tokio::test]
async fn both_languages_have_every_text_and_every_problem_its_page() {
    let keys = |texts: &'static str| {
        let lines = texts.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_alphabetic()));
        lines.filter_map(|line| line.split_once(" =")).map(|(key, _)| key).collect::<Vec<_>>()
    };
    let vietnamese = keys(include_str!("../../locales/vi/portal.ftl"));
    assert_eq!(vietnamese, keys(include_str!("../../locales/en/portal.ftl")));
    let simulator = Simulator::start().await;
    let mut browser = Browser::new(&simulator.portal());
    for key in vietnamese {
        if let Some(code) = key.strip_prefix("problem-").and_then(|rest| rest.strip_suffix("-title")) {
            let page = browser.get(&format!("/problem/{code}")).await;
            assert_eq!(page.error_code(), Some(code));
        }
    }
}
