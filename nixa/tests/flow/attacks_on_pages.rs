//! Attacks on the browser's side: forged forms, planted sessions, stolen pages, guessed secrets.

use nixa_protocol::Clock;

use crate::browser::{Browser, authorize_url, csrf};
use crate::lab::{BROKER, Lab, PASSWORD, TOTP, query};

#[tokio::test]
async fn cross_site_form_post() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.open(&lab, &authorize_url("basic", &[])).await;
    for form in [vec![("idp", "national")], vec![("idp", "national"), ("csrf", "forged")]] {
        let reply = browser.post(&lab, &page.url, &form).await;
        assert_eq!((reply.status, reply.problem()), (403, "form-not-yours"));
    }
    // Without the SameSite=Lax cookie the browser is a stranger, and keeps the session that it has.
    for url in [page.url.clone(), format!("{BROKER}/logout"), format!("{BROKER}/authorize")] {
        let reply = Browser::default().post(&lab, &url, &[("idp", "national"), ("csrf", &csrf(&page))]).await;
        assert_eq!(reply.header("set-cookie"), "", "{url}");
    }
    let reply = Browser::default().post(&lab, &page.url, &[("idp", "national"), ("csrf", &csrf(&page))]).await;
    assert_eq!((reply.status, reply.problem()), (404, "login-unknown"));
}

#[tokio::test]
async fn a_forms_token_is_good_for_its_own_step_and_login_only() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let first = browser.open(&lab, &authorize_url("basic", &[])).await;
    let second = browser.open(&lab, &authorize_url("basic", &[])).await;
    let token = csrf(&first);
    let reply = browser.post(&lab, &second.url, &[("idp", "national"), ("csrf", &token)]).await;
    assert_eq!(reply.problem(), "form-not-yours", "another login's token");
    let cancel = first.url.replace("/choose", "/cancel");
    let reply = browser.post(&lab, &cancel, &[("csrf", &token)]).await;
    assert_eq!(reply.problem(), "form-not-yours", "another step's token");
}

#[tokio::test]
async fn continue_as_one_person_never_means_another() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    let page = browser.open(&lab, &authorize_url("other", &[])).await;
    assert!(page.url.ends_with("/confirm") && page.body.contains("Name of mai"));
    // Another tab switches users.
    let chooser = browser.open(&lab, &authorize_url("basic", &[("prompt", "select_account")])).await;
    let chooser = browser.press(&lab, &chooser, "switch").await;
    let password = browser.submit(&lab, &chooser, &[("idp", "national")]).await;
    browser.submit(&lab, &password, &[("username", "binh"), ("password", PASSWORD)]).await;
    let reply = browser.post(&lab, &page.url, &[("csrf", &csrf(&page))]).await;
    assert_eq!((reply.status, reply.problem()), (403, "form-not-yours"));
    assert!(browser.open(&lab, &page.url).await.body.contains("Name of binh"));
}

#[tokio::test]
async fn session_fixation() {
    let lab = Lab::new().await;
    let mut attacker = Browser::default();
    attacker.open(&lab, &authorize_url("basic", &[])).await;
    let planted = attacker.jars.clone();
    let mut victim = Browser { jars: planted.clone(), ..Browser::default() };
    victim.tokens(&lab, "basic", &[]).await;
    for host in ["broker.example", "idp.example"] {
        assert_ne!(victim.jars.get(host), planted.get(host), "{host}: a new id at login");
    }
    let end = attacker.get(&lab, &authorize_url("basic", &[("prompt", "none")])).await.location();
    assert_eq!(query(&end, "error").as_deref(), Some("login_required"));
    let login = Browser { jars: planted, ..Browser::default() }.open(&lab, &authorize_url("basic", &[])).await;
    assert!(login.url.ends_with("/choose"));
}

#[tokio::test]
async fn cookies_are_host_bound_and_out_of_reach_of_scripts() {
    let lab = Lab::new().await;
    let reply = Browser::default().get(&lab, &authorize_url("basic", &[])).await;
    let cookie = reply.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-nixa="), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    assert!(!cookie.contains("Domain"));
}

#[tokio::test]
async fn a_page_runs_no_script_and_loads_nothing_from_elsewhere() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.open(&lab, &authorize_url("basic", &[])).await;
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe") && !page.body.contains("<script"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.header("strict-transport-security").contains("max-age"));
    assert_eq!(page.header("x-request-id").len(), 16);
    // What a page repeats of a request is escaped: here the state, in the logout page's hidden fields.
    browser.tokens(&lab, "basic", &[]).await;
    let state = "\"><script>alert(1)</script>";
    let params = [("client_id", "basic"), ("post_logout_redirect_uri", "https://basic.example/bye"), ("state", state)];
    let page = browser.get(&lab, &format!("{BROKER}/logout?{}", crate::lab::encode(&params))).await;
    assert!(page.body.contains("alert(1)") && !page.body.contains("<script"), "{}", page.body);
}

#[tokio::test]
async fn a_login_page_in_another_browser() {
    let lab = Lab::new().await;
    let page = Browser::default().open(&lab, &authorize_url("basic", &[])).await;
    let stolen = Browser::default().get(&lab, &page.url).await;
    assert_eq!((stolen.status, stolen.problem()), (404, "login-unknown"));
}

#[tokio::test]
async fn an_expired_page_says_so_and_leads_on() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let choose = browser.open(&lab, &authorize_url("basic", &[])).await;
    let password = browser.submit(&lab, &choose, &[("idp", "national")]).await;
    lab.clock.advance(1_800);
    let reply = browser.get(&lab, &choose.url).await;
    assert_eq!((reply.status, reply.problem()), (410, "login-expired"));
    assert!(reply.body.contains("https://basic.example/"));
    // The provider's page leads back to the broker, which knows the service.
    let form = [("csrf", csrf(&password)), ("username", "mai".into()), ("password", PASSWORD.into())];
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let reply = browser.post(&lab, &password.url, &form).await;
    assert_eq!((reply.status, reply.problem()), (410, "login-expired"));
    let on = crate::lab::between(&reply.body, "class=\"button\" href=\"", "\"").unwrap().replace("&#38;", "&");
    let reply = browser.open(&lab, &on).await;
    assert_eq!(reply.problem(), "login-expired");
    assert!(reply.url.starts_with(BROKER) && reply.body.contains("https://basic.example/"));
}

#[tokio::test]
async fn guessing_passwords() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.open(&lab, &authorize_url("basic", &[])).await;
    let page = browser.submit(&lab, &page, &[("idp", "national")]).await;
    for username in ["mai", "nobody"] {
        for _ in 0..5 {
            let again = browser.submit(&lab, &page, &[("username", username), ("password", "wrong")]).await;
            assert!(again.body.contains("role=\"alert\""));
        }
        let locked = browser.submit(&lab, &page, &[("username", username), ("password", PASSWORD)]).await;
        assert!(locked.url.ends_with("/password"), "the right password does not help while locked");
        assert!(locked.body.contains("1 phút"), "names that do not exist lock alike: {}", locked.body);
    }
    lab.clock.advance(60);
    let end = browser.submit(&lab, &page, &[("username", "mai"), ("password", PASSWORD)]).await;
    assert!(query(&end.location(), "code").is_some(), "{}", end.url);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_many_at_once() {
    let lab = std::sync::Arc::new(Lab::new().await);
    let mut browser = Browser::default();
    let page = browser.open(&lab, &authorize_url("basic", &[])).await;
    let page = browser.submit(&lab, &page, &[("idp", "national")]).await;
    let token = csrf(&page);
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (lab, jars, url, token) = (lab.clone(), browser.jars.clone(), page.url.clone(), token.clone());
            let form = [("csrf", token), ("username", "mai".to_owned()), ("password", "wrong".to_owned())];
            tokio::spawn(async move {
                let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
                Browser { jars, ..Browser::default() }.post(&lab, &url, &form).await
            })
        })
        .collect();
    for one in tries {
        one.await.unwrap();
    }
    let locked = browser.submit(&lab, &page, &[("username", "mai"), ("password", PASSWORD)]).await;
    assert!(locked.body.contains("role=\"alert\"") && locked.url.ends_with("/password"));
}

#[tokio::test]
async fn a_code_seen_over_the_shoulder() {
    let lab = Lab::new().await;
    let code = nixa_idp::totp::code_at(TOTP, lab.clock.now()).unwrap();
    let mut first = Browser::default();
    let mut second = Browser::default();
    let mut ends = Vec::new();
    for browser in [&mut first, &mut second] {
        let page = browser.open(&lab, &authorize_url("two", &[])).await;
        let page = browser.submit(&lab, &page, &[("idp", "national")]).await;
        let page = browser.submit(&lab, &page, &[("username", "mai"), ("password", PASSWORD)]).await;
        assert!(page.url.ends_with("/totp"), "{}", page.url);
        ends.push(browser.submit(&lab, &page, &[("code", &code)]).await);
    }
    assert!(query(&ends[0].location(), "code").is_some());
    assert!(ends[1].url.ends_with("/totp") && ends[1].body.contains("role=\"alert\""), "a code works once");
    let before = nixa_idp::totp::code_at(TOTP, lab.clock.now() + -30).unwrap();
    let older = second.submit(&lab, &ends[1], &[("code", &before)]).await;
    assert!(older.url.ends_with("/totp"), "nor does the one before it");
}

#[tokio::test]
async fn addresses_that_are_none_get_a_page() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    for (path, status) in [("/login/%ff/choose", 404), ("/login/%0d%0a/cancel", 404), ("/nowhere?lang=en", 404)] {
        let reply = browser.open(&lab, &format!("{BROKER}{path}")).await;
        assert_eq!(reply.status, status, "{path}");
        assert!(!reply.problem().is_empty(), "{path}: {}", reply.body);
        assert_eq!(reply.body.contains("<html lang=\"en\">"), path.contains("lang=en"), "{path}");
    }
    let reply = browser.post(&lab, &format!("{BROKER}/continue/x"), &[]).await;
    assert_eq!((reply.status, reply.problem()), (405, "not-found"));
}

#[tokio::test]
async fn oversized_and_malformed_forms_get_a_page() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.open(&lab, &authorize_url("basic", &[])).await;
    let reply = browser.post(&lab, &page.url, &[("idp", &"x".repeat(70_000))]).await;
    assert_eq!((reply.status, reply.problem()), (413, "bad-request"));
    let token = csrf(&page);
    let reply = browser.post(&lab, &page.url, &[("csrf", &token), ("idp", "a"), ("idp", "b")]).await;
    assert_eq!((reply.status, reply.problem()), (400, "bad-request"));
}
