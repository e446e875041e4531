//! Logout: who may ask for it, where the browser goes, and that the portals are told.

use nixa_protocol::Clock;
use nixa_protocol::jose::{Algorithm, SigningKey, VerifyingKey, verify};
use serde_json::{Value, json};

use crate::browser::{Browser, authorize_url, basic};
use crate::lab::{BROKER, Lab, Reply, between, encode, query};
use crate::tokens::id_token;

fn logout_url(params: &[(&str, &str)]) -> String {
    format!("{BROKER}/logout?{}", encode(params))
}

async fn logged_in(lab: &Lab, browser: &mut Browser) -> bool {
    let end = browser.get(lab, &authorize_url("basic", &[("prompt", "none")])).await.location();
    query(&end, "code").is_some()
}

/// Presses a button of the page that asks, as a browser does: with every hidden field.
async fn choose(lab: &Lab, browser: &mut Browser, page: &Reply, answer: &str) -> Reply {
    let hidden = page.body.split("<input type=\"hidden\" name=\"").skip(1).map(|rest| {
        let value = between(rest, "value=\"", "\"").unwrap().replace("&#38;", "&");
        (rest.split('"').next().unwrap(), value)
    });
    let hidden: Vec<(&str, String)> = hidden.collect();
    let mut form: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
    form.push(("answer", answer));
    browser.post(lab, &format!("{BROKER}/logout"), &form).await
}

#[tokio::test]
async fn the_person_may_leave_one_service_alone() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    let other = browser.tokens(&lab, "legacy", &[]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let params = [("id_token_hint", hint), ("post_logout_redirect_uri", "https://basic.example/bye"), ("state", "s")];
    let page = browser.get(&lab, &logout_url(&params)).await;
    let stay = choose(&lab, &mut browser, &page, "no").await;
    assert!(stay.status == 200 && lab.net.logouts.lock().unwrap().is_empty());
    let reply = choose(&lab, &mut browser, &page, "service").await;
    assert_eq!(reply.location(), "https://basic.example/bye?state=s");
    let told: Vec<String> = lab.net.logouts.lock().unwrap().iter().map(|(uri, _)| uri.clone()).collect();
    assert_eq!(told, ["https://basic.example/backchannel"]);
    assert_eq!(lab.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(lab.userinfo(other["access_token"].as_str().unwrap()).await.status, 200);
    assert!(logged_in(&lab, &mut browser).await, "the session goes on");
    // `logged_in` has been at the service again; without an address to go to, the page says what happened.
    let page = browser.get(&lab, &logout_url(&[("client_id", "legacy")])).await;
    let left = choose(&lab, &mut browser, &page, "service").await;
    assert!(left.body.contains("Bạn đã rời khỏi dịch vụ"), "{}", left.body);
}

#[tokio::test]
async fn a_service_that_was_left_does_not_end_the_others() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    browser.tokens(&lab, "legacy", &[]).await;
    // Issued before the service is left, redeemed after.
    let code = browser.code(&lab, "basic", &[]).await;
    let url = logout_url(&[("id_token_hint", tokens["id_token"].as_str().unwrap())]);
    let page = browser.get(&lab, &url).await;
    choose(&lab, &mut browser, &page, "service").await;
    assert_eq!(crate::browser::redeem(&lab, "basic", &code, &[]).await.json()["error"], "invalid_grant");
    // The same hint again, by the back button or by intent.
    let again = browser.get(&lab, &url).await;
    assert!(again.body.contains("name=\"answer\"") && !again.body.contains("value=\"service\""), "{}", again.body);
    assert!(logged_in(&lab, &mut browser).await);
}

#[tokio::test]
async fn a_late_logout_does_not_end_a_later_login() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    browser.tokens(&lab, "legacy", &[]).await;
    *lab.net.deaf.lock().unwrap() = true;
    let page = browser.get(&lab, &logout_url(&[("id_token_hint", tokens["id_token"].as_str().unwrap())])).await;
    choose(&lab, &mut browser, &page, "service").await;
    let tries = || lab.net.logouts.lock().unwrap().len();
    assert_eq!(tries(), 1);
    browser.tokens(&lab, "basic", &[]).await;
    *lab.net.deaf.lock().unwrap() = false;
    lab.clock.advance(10);
    lab.broker.provider.back_channel.deliver_due().await.unwrap();
    assert_eq!(tries(), 1, "the person is there again");
}

#[tokio::test]
async fn a_logout_posted_by_a_portal_also_lets_the_person_choose() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    browser.tokens(&lab, "legacy", &[]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let form = [("id_token_hint", hint), ("post_logout_redirect_uri", "https://basic.example/bye"), ("state", "s")];
    // A cross-site post: without the cookie.
    let post = async || Browser::default().post(&lab, &format!("{BROKER}/logout"), &form).await.location();
    let aside = post().await;
    assert!(aside.contains("/logout?request=") && !aside.contains(hint), "{aside}");
    let page = browser.get(&lab, &aside).await;
    assert!(page.body.contains("value=\"service\""), "{}", page.body);
    // The reference is used up; what it held is in the page.
    assert_eq!(choose(&lab, &mut browser, &page, "service").await.location(), "https://basic.example/bye?state=s");
    browser.tokens(&lab, "basic", &[]).await;
    let aside = post().await;
    let nobody = Browser::default().get(&lab, &aside).await;
    assert_eq!(nobody.location(), "https://basic.example/bye?state=s", "a browser that never brings a cookie");
    assert!(logged_in(&lab, &mut browser).await, "nobody was asked: the service has left, and no other");
}

const FRAMED: &str = r#"
[[broker.portal]]
client_id = "framed"
client_secret = "a-client-secret-of-sufficient-length"
sector = "framed"
sso_confirmation = "never"
[broker.portal.client]
client_name = "Portal framed"
"client_name#vi" = "Cổng framed"
client_uri = "https://framed.example/"
redirect_uris = ["https://framed.example/cb"]
post_logout_redirect_uris = ["https://framed.example/bye"]
frontchannel_logout_uri = "https://framed.example/front?x=1"
frontchannel_logout_session_required = true
scope = "openid profile"
"#;

#[tokio::test]
async fn services_that_want_a_frame_get_one_with_the_session() {
    let lab = Lab::with(FRAMED).await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "framed", &[]).await;
    let sid = id_token(&lab, &tokens).await["sid"].as_str().unwrap().to_owned();
    let hint = tokens["id_token"].as_str().unwrap();
    let bye = "https://framed.example/bye";
    let page = browser.get(&lab, &logout_url(&[("id_token_hint", hint), ("post_logout_redirect_uri", bye)])).await;
    let frame = between(&page.body, "<iframe hidden title=\"\" src=\"", "\"").unwrap().replace("&#38;", "&");
    assert_eq!(frame, format!("https://framed.example/front?x=1&iss=https%3A%2F%2Fbroker.example&sid={sid}"));
    assert_eq!(page.header("refresh"), format!("4; url={bye}"));
    assert!(page.body.contains(&format!("href=\"{bye}\"")), "and a link for who does not wait");
    assert!(page.header("content-security-policy").ends_with("; frame-src https://framed.example"));
    assert!(!logged_in(&lab, &mut browser).await);
}

#[tokio::test]
async fn what_became_of_a_logout_is_shown_to_the_person_and_told_to_the_portal() {
    let lab = Lab::with(FRAMED).await;
    let mut browser = Browser::default();
    for portal in ["basic", "framed", "legacy"] {
        browser.tokens(&lab, portal, &[]).await;
    }
    *lab.net.deaf.lock().unwrap() = true;
    let page = browser.get(&lab, &logout_url(&[])).await;
    let page = choose(&lab, &mut browser, &page, "yes").await;
    let look = page.header("refresh").split_once("url=").unwrap().1.to_owned();
    let shown = browser.get(&lab, &format!("{BROKER}{look}")).await.body;
    assert!(shown.contains("<dt>Cổng basic</dt><dd>đang được thông báo</dd>"), "{shown}");
    assert!(shown.contains("<dt>Cổng framed</dt><dd>đã được trình duyệt của bạn thông báo</dd>"), "{shown}");
    let ask = async |portal: &str, form: &[(&str, &str)]| {
        lab.post(&format!("{BROKER}/logout/deliveries"), &[("authorization", &basic(portal))], form).await
    };
    let told = ask("basic", &[]).await.json();
    assert_eq!((&told["waiting"], &told["delivered_last_day"]), (&json!(1), &json!(0)));
    let waiting = &told["deliveries"][0];
    assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("waiting"), &json!(1)));
    assert_eq!(waiting["next_at"].as_i64().unwrap(), lab.clock.now().0 + 10);
    let sid = waiting["sid"].as_str().unwrap().to_owned();

    *lab.net.deaf.lock().unwrap() = false;
    lab.clock.advance(10);
    lab.broker.provider.back_channel.deliver_due().await.unwrap();
    let told = ask("basic", &[("sid", &sid)]).await.json();
    assert_eq!(told["deliveries"].as_array().unwrap().len(), 1, "its own alone: {told}");
    assert_eq!(told["deliveries"][0]["state"], "delivered");
    assert_eq!((&told["waiting"], &told["delivered_last_day"]), (&json!(0), &json!(1)));
    let shown = browser.get(&lab, &format!("{BROKER}{look}")).await.body;
    assert!(shown.contains("<dt>Cổng basic</dt><dd>đã kết thúc phiên</dd>"), "{shown}");

    let wrong = lab.post(&format!("{BROKER}/logout/deliveries"), &[("authorization", "Basic YTpi")], &[]).await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (401, &json!("invalid_client")));
    let public = lab.post(&format!("{BROKER}/logout/deliveries"), &[], &[("client_id", "public")]).await;
    assert_eq!(public.status, 401);
    let nothing = browser.get(&lab, &format!("{BROKER}/logout/unknown")).await;
    assert!(nothing.status == 200 && !nothing.body.contains("<dt>"));
}

#[tokio::test]
async fn a_portals_logout_ends_the_session_and_tells_every_portal() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    let other = browser.tokens(&lab, "legacy", &[]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let params = [("id_token_hint", hint), ("post_logout_redirect_uri", "https://basic.example/bye"), ("state", "s&1")];
    let page = browser.get(&lab, &logout_url(&params)).await;
    assert!(page.body.contains("<li>Cổng legacy</li>") && page.body.contains("Chỉ Cổng basic"), "{}", page.body);
    let reply = choose(&lab, &mut browser, &page, "yes").await;
    assert_eq!(reply.location(), "https://basic.example/bye?state=s%261");
    assert!(!logged_in(&lab, &mut browser).await);

    let sent = lab.net.logouts.lock().unwrap().clone();
    let mut uris: Vec<&str> = sent.iter().map(|(uri, _)| uri.as_str()).collect();
    uris.sort_unstable();
    assert_eq!(uris, ["https://basic.example/backchannel", "https://legacy.example/backchannel"]);
    let jwks = Browser::default().get(&lab, &format!("{BROKER}/jwks")).await.json();
    let keys = VerifyingKey::from_jwks(&jwks).unwrap();
    let (_, token) = sent.iter().find(|(uri, _)| uri.contains("legacy")).unwrap();
    let claims = verify(token, &keys, Some("logout+jwt")).unwrap();
    let expected = id_token(&lab, &other).await;
    assert_eq!(
        (&claims["sub"], &claims["sid"], &claims["aud"]),
        (&expected["sub"], &expected["sid"], &json!("legacy"))
    );
    assert!(claims["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object());
    assert!(claims.get("nonce").is_none());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
    // What the session gave is worth nothing now.
    assert_eq!(lab.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_code_that_outlived_its_session_is_worth_nothing() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    let code = browser.code(&lab, "basic", &[]).await;
    browser.get(&lab, &logout_url(&[("id_token_hint", tokens["id_token"].as_str().unwrap())])).await;
    assert_eq!(crate::browser::redeem(&lab, "basic", &code, &[]).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn offline_access_survives_the_logout() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[("scope", "openid offline_access")]).await;
    browser.get(&lab, &logout_url(&[("id_token_hint", tokens["id_token"].as_str().unwrap())])).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh)];
    assert_eq!(crate::browser::token(&lab, "basic", form).await.status, 200);
}

#[tokio::test]
async fn open_redirect_at_logout() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    let hint = tokens["id_token"].as_str().unwrap().to_owned();
    let stranger = SigningKey::generate(Algorithm::Rs256).unwrap();
    let claims = serde_json::Map::from_iter(id_token(&lab, &tokens).await);
    let forged = stranger.sign("JWT", &claims).unwrap();
    let parts: Vec<&str> = hint.split('.').collect();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    let bye = "https://basic.example/bye";
    let table: [(&str, Vec<(&str, &str)>); 7] = [
        ("no client", vec![("post_logout_redirect_uri", bye)]),
        ("unknown client", vec![("client_id", "nobody"), ("post_logout_redirect_uri", bye)]),
        ("unregistered URI", vec![("id_token_hint", &hint), ("post_logout_redirect_uri", "https://evil.example/")]),
        (
            "one character more",
            vec![("id_token_hint", &hint), ("post_logout_redirect_uri", "https://basic.example/bye/")],
        ),
        ("forged hint", vec![("id_token_hint", &forged), ("post_logout_redirect_uri", bye)]),
        ("alg none", vec![("id_token_hint", &unsigned), ("post_logout_redirect_uri", bye), ("client_id", "basic")]),
        (
            "another client's URI",
            vec![("id_token_hint", &hint), ("client_id", "legacy"), ("post_logout_redirect_uri", bye)],
        ),
    ];
    for (why, params) in table {
        let mut fresh = Browser::default();
        let reply = fresh.get(&lab, &logout_url(&params)).await;
        assert_eq!(reply.header("location"), "", "{why}");
        assert_eq!(reply.status, 200, "{why}");
    }
    let forged_here = browser.get(&lab, &logout_url(&[("id_token_hint", &forged)])).await;
    assert!(forged_here.body.contains("name=\"answer\""), "a forged hint leads to the page that asks");
    assert!(logged_in(&lab, &mut browser).await);
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    let params = [("client_id", "basic"), ("post_logout_redirect_uri", "https://basic.example/bye"), ("state", "s")];
    let page = browser.get(&lab, &logout_url(&params)).await;
    assert_eq!(page.status, 200);
    let token = crate::browser::csrf(&page);
    let url = format!("{BROKER}/logout");
    let mut form = params.to_vec();
    form.push(("answer", "yes"));
    let forged = browser.post(&lab, &url, &form).await;
    assert!(forged.body.contains("name=\"answer\""), "without the page's token it only asks again");
    form.push(("csrf", &token));
    let mut no = form.clone();
    no.retain(|(n, _)| *n != "answer");
    no.push(("answer", "no"));
    browser.post(&lab, &url, &no).await;
    assert!(logged_in(&lab, &mut browser).await);
    let end = browser.post(&lab, &url, &form).await;
    assert_eq!(end.location(), "https://basic.example/bye?state=s");
    assert!(!logged_in(&lab, &mut browser).await);
}

#[tokio::test]
async fn a_portal_whose_session_outlived_ours_gets_the_browser_back() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let old = browser.tokens(&lab, "basic", &[]).await;
    lab.clock.advance(3_600);
    browser.tokens(&lab, "legacy", &[]).await;
    let hint = old["id_token"].as_str().unwrap();
    let params = [("id_token_hint", hint), ("post_logout_redirect_uri", "https://basic.example/bye"), ("state", "s")];
    let page = browser.get(&lab, &logout_url(&params)).await;
    let link = crate::lab::between(&page.body, "class=\"lang\" href=\"", "\"").unwrap().replace("&#38;", "&");
    assert!(link.contains("client_id=basic") && link.contains("state=s") && link.ends_with("&lang=en"), "{link}");
    let page = browser.get(&lab, &format!("{BROKER}/logout{link}")).await;
    assert!(page.body.contains("<html lang=\"en\">"));
    let token = crate::browser::csrf(&page);
    let form = [
        ("csrf", token.as_str()),
        ("answer", "yes"),
        ("client_id", "basic"),
        ("post_logout_redirect_uri", "https://basic.example/bye"),
        ("state", "s"),
    ];
    let end = browser.post(&lab, &format!("{BROKER}/logout"), &form).await;
    assert_eq!(end.location(), "https://basic.example/bye?state=s");
}

#[tokio::test]
async fn a_hint_of_another_session_does_not_end_this_one() {
    let lab = Lab::new().await;
    let mut victim = Browser::default();
    victim.tokens(&lab, "basic", &[]).await;
    let attackers = Browser::default().tokens(&lab, "basic", &[]).await;
    let page = victim.get(&lab, &logout_url(&[("id_token_hint", attackers["id_token"].as_str().unwrap())])).await;
    assert!(page.body.contains("name=\"answer\""));
    assert!(logged_in(&lab, &mut victim).await);
}

#[tokio::test]
async fn a_portal_that_is_down_is_told_later_by_a_fresh_token() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    *lab.net.deaf.lock().unwrap() = true;
    browser.get(&lab, &logout_url(&[("id_token_hint", tokens["id_token"].as_str().unwrap())])).await;
    let tries = || lab.net.logouts.lock().unwrap().len();
    assert_eq!(tries(), 1);
    lab.broker.provider.back_channel.deliver_due().await.unwrap();
    assert_eq!(tries(), 1, "not before its time");
    lab.clock.advance(10);
    lab.broker.provider.back_channel.deliver_due().await.unwrap();
    assert_eq!(tries(), 2);
    *lab.net.deaf.lock().unwrap() = false;
    lab.clock.advance(30);
    lab.broker.provider.back_channel.deliver_due().await.unwrap();
    lab.clock.advance(86_400);
    lab.broker.provider.back_channel.deliver_due().await.unwrap();
    assert_eq!(tries(), 3, "delivered once it listens, and never again");
    let sent = lab.net.logouts.lock().unwrap().clone();
    let claims = |n: usize| -> Value {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let payload = sent[n].1.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    };
    assert_ne!(claims(0)["jti"], claims(2)["jti"]);
    assert!(claims(2)["iat"].as_i64().unwrap() < lab.clock.now().0);
    assert_eq!(claims(2)["iat"].as_i64().unwrap() - claims(0)["iat"].as_i64().unwrap(), 40);
}
