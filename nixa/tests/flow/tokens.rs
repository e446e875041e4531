//! What a well-behaved client sees: metadata, tokens, userinfo, refresh, prompts.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use nixa_protocol::jose::{VerifyingKey, verify};
use nixa_protocol::{Clock, random_token};
use serde_json::{Value, json};

use crate::browser::{Browser, authorize_url, redeem, token};
use crate::lab::{BROKER, Lab, query};

/// The claims of an ID token, verified with the published keys.
pub(crate) async fn id_token(lab: &Lab, tokens: &Value) -> serde_json::Map<String, Value> {
    let jwks = Browser::default().get(lab, &format!("{BROKER}/jwks")).await.json();
    let keys = VerifyingKey::from_jwks(&jwks).unwrap();
    verify(tokens["id_token"].as_str().unwrap(), &keys, Some("JWT")).unwrap()
}

#[tokio::test]
async fn metadata_names_only_endpoints_that_answer() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let metadata = browser.get(&lab, &format!("{BROKER}/.well-known/openid-configuration")).await;
    assert_eq!(metadata.header("access-control-allow-origin"), "*");
    let metadata = metadata.json();
    assert_eq!(metadata["issuer"], BROKER);
    let other = browser.get(&lab, &format!("{BROKER}/.well-known/oauth-authorization-server")).await.json();
    assert_eq!(metadata, other, "RFC 8414 says the same");
    let members = metadata.as_object().unwrap().iter();
    let endpoints: Vec<_> = members.filter(|(n, _)| n.ends_with("_endpoint") || *n == "jwks_uri").collect();
    assert!(endpoints.len() >= 8, "{endpoints:?}");
    for (endpoint, url) in endpoints {
        let reply = browser.get(&lab, url.as_str().unwrap()).await;
        assert_ne!(reply.status, 404, "{endpoint}");
    }
    let jwks = browser.get(&lab, metadata["jwks_uri"].as_str().unwrap()).await.json();
    let algorithms: Vec<&str> = jwks["keys"].as_array().unwrap().iter().map(|k| k["alg"].as_str().unwrap()).collect();
    assert_eq!(algorithms.len(), 4);
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        assert!(algorithms.contains(&algorithm), "{algorithm}");
    }
    assert_eq!(metadata["acr_values_supported"][1], "urn:nixa:loa:2");
}

#[tokio::test]
async fn a_login_gives_tokens_that_say_what_they_must() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let end = browser.log_in(&lab, &authorize_url("basic", &[])).await.location();
    assert!(end.starts_with("https://basic.example/cb?"), "{end}");
    assert_eq!(query(&end, "state").as_deref(), Some("the-state"));
    assert_eq!(query(&end, "iss").as_deref(), Some(BROKER));
    let reply = redeem(&lab, "basic", &query(&end, "code").unwrap(), &[]).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"));
    let tokens = reply.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["scope"], "openid profile");
    assert!(tokens.get("refresh_token").is_none(), "no offline_access was asked for");
    let claims = id_token(&lab, &tokens).await;
    let now = lab.clock.now().0;
    assert_eq!(claims["iss"], BROKER);
    assert_eq!(claims["aud"], "basic");
    assert_eq!(claims["nonce"], "the-nonce");
    assert_eq!(claims["acr"], "urn:nixa:loa:1");
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert_eq!((claims["auth_time"].as_i64(), claims["iat"].as_i64()), (Some(now), Some(now)));
    assert!(claims.get("name").is_none(), "nothing in the ID token that was not asked for");

    let userinfo = lab.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(userinfo.header("cache-control"), "no-store");
    let userinfo = userinfo.json();
    assert_eq!(userinfo["sub"], claims["sub"]);
    assert_eq!(userinfo["name"], "Name of mai");
    assert!(userinfo.get("personal_number").is_none(), "it was not asked for");
}

#[tokio::test]
async fn subjects_are_pairwise_and_stable() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let first = browser.tokens(&lab, "basic", &[]).await;
    let other = browser.tokens(&lab, "legacy", &[]).await;
    let again = Browser::default().tokens(&lab, "basic", &[]).await;
    let subs = [id_token(&lab, &first).await, id_token(&lab, &other).await, id_token(&lab, &again).await];
    assert_ne!(subs[0]["sub"], subs[1]["sub"]);
    assert_eq!(subs[0]["sub"], subs[2]["sub"]);
}

#[tokio::test]
async fn every_client_authentication_method_works() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    for client in ["basic", "other", "public", "legacy"] {
        browser.tokens(&lab, client, &[]).await;
    }
    let code = browser.code(&lab, "jwt", &[]).await;
    let now = lab.clock.now();
    let claims = json!({"iss": "jwt", "sub": "jwt", "aud": BROKER, "iat": now, "exp": now + 60, "jti": "once"});
    let assertion = lab.client_key.sign("JWT", &claims).unwrap();
    let callback = crate::browser::callback("jwt");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", callback.as_str()),
        ("code_verifier", crate::browser::VERIFIER),
        ("client_assertion_type", nixa_protocol::client_auth::JWT_BEARER),
        ("client_assertion", assertion.as_str()),
    ];
    let first = lab.post(&format!("{BROKER}/token"), &[], &form).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let replay = lab.post(&format!("{BROKER}/token"), &[], &form).await;
    assert_eq!((replay.status, &replay.json()["error"]), (401, &json!("invalid_client")), "an assertion works once");
}

#[tokio::test]
async fn a_client_may_be_configured_without_pkce() {
    let lab = Lab::new().await;
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = Browser::default().code(&lab, "legacy", &without).await;
    assert_eq!(redeem(&lab, "legacy", &code, &[("code_verifier", "")]).await.status, 200);
    for client in ["basic", "public"] {
        let reply = Browser::default().get(&lab, &authorize_url(client, &without)).await;
        assert_eq!(query(&reply.location(), "error").as_deref(), Some("invalid_request"), "{client}");
    }
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_reused_one_ends_the_family() {
    let lab = Lab::new().await;
    let scope = [("scope", "openid profile offline_access")];
    let tokens = Browser::default().tokens(&lab, "basic", &scope).await;
    let first = tokens["refresh_token"].as_str().unwrap();
    let refresh = |t: String| {
        let lab = &lab;
        async move { token(lab, "basic", vec![("grant_type", "refresh_token"), ("refresh_token", &t)]).await }
    };
    let second = refresh(first.to_owned()).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let second = second.json();
    assert_ne!(second["refresh_token"], tokens["refresh_token"]);
    assert_eq!(id_token(&lab, &second).await["sub"], id_token(&lab, &tokens).await["sub"]);
    lab.clock.advance(10);
    let reused = refresh(first.to_owned()).await;
    assert_eq!((reused.status, &reused.json()["error"]), (400, &json!("invalid_grant")));
    let successor = refresh(second["refresh_token"].as_str().unwrap().to_owned()).await;
    assert_eq!(successor.status, 400, "the whole family is revoked");
    assert_eq!(lab.userinfo(second["access_token"].as_str().unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_refreshed_scope_can_be_narrowed_but_not_widened() {
    let lab = Lab::new().await;
    let tokens = Browser::default().tokens(&lab, "basic", &[("scope", "openid profile offline_access")]).await;
    let refresh = |t: &Value, scope: &'static str| {
        let (lab, t) = (&lab, t["refresh_token"].as_str().unwrap().to_owned());
        async move {
            token(lab, "basic", vec![("grant_type", "refresh_token"), ("refresh_token", &t), ("scope", scope)]).await
        }
    };
    let wider = refresh(&tokens, "openid email").await;
    assert_eq!(wider.json()["error"], "invalid_scope");
    let narrow = refresh(&tokens, "openid").await.json();
    let userinfo = lab.userinfo(narrow["access_token"].as_str().unwrap()).await.json();
    assert!(userinfo.get("name").is_none(), "{userinfo}");
}

#[tokio::test]
async fn prompt_none_never_shows_a_page() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let silent = authorize_url("basic", &[("prompt", "none")]);
    let before = browser.get(&lab, &silent).await;
    assert_eq!(query(&before.location(), "error").as_deref(), Some("login_required"));
    assert_eq!(query(&before.location(), "state").as_deref(), Some("the-state"));
    browser.tokens(&lab, "basic", &[]).await;
    let after = browser.get(&lab, &silent).await;
    assert!(query(&after.location(), "code").is_some(), "{}", after.location());
    let level = browser.get(&lab, &authorize_url("two", &[("prompt", "none")])).await;
    assert_eq!(query(&level.location(), "error").as_deref(), Some("login_required"), "a second factor is missing");
    let unmet = browser.get(&lab, &authorize_url("three", &[("prompt", "none")])).await;
    assert_eq!(query(&unmet.location(), "error").as_deref(), Some("unmet_authentication_requirements"));
    let confirm = browser.get(&lab, &authorize_url("other", &[("prompt", "none")])).await;
    assert_eq!(query(&confirm.location(), "error").as_deref(), Some("interaction_required"));
    let consent = browser.get(&lab, &authorize_url("asking", &[("prompt", "none")])).await;
    assert_eq!(query(&consent.location(), "error").as_deref(), Some("consent_required"));
}

#[tokio::test]
async fn nobody_but_the_hinted_person_is_answered_for() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let mine = browser.tokens(&lab, "basic", &[]).await;
    let other = Browser::default().log_in_as(&lab, "binh", &authorize_url("basic", &[])).await.location();
    let other = redeem(&lab, "basic", &query(&other, "code").unwrap(), &[]).await.json();
    let silent = |hint: &Value| {
        let hint = hint["id_token"].as_str().unwrap().to_owned();
        authorize_url("basic", &[("prompt", "none"), ("id_token_hint", &hint)])
    };
    let own = browser.get(&lab, &silent(&mine)).await.location();
    assert!(query(&own, "code").is_some(), "{own}");
    let foreign = browser.get(&lab, &silent(&other)).await.location();
    assert_eq!(query(&foreign, "error").as_deref(), Some("login_required"));
    let forged = browser.get(&lab, &authorize_url("basic", &[("id_token_hint", "x.y.z")])).await.location();
    assert_eq!(query(&forged, "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_small_max_age_ends_also_for_a_slow_person() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    // The code page alone takes the lab's person 30 seconds.
    let tokens = browser.tokens(&lab, "two", &[("max_age", "0")]).await;
    assert_eq!(id_token(&lab, &tokens).await["acr"], "urn:nixa:loa:2");
}

#[tokio::test]
async fn a_max_age_shorter_than_the_login_takes_is_met_inside_a_session() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "two", &[]).await;
    for max_age in ["0", "1"] {
        lab.clock.advance(60);
        let page = browser.open(&lab, &authorize_url("two", &[("max_age", max_age)])).await;
        assert!(page.url.ends_with("/password"), "{}", page.url);
        browser.tokens(&lab, "two", &[("max_age", max_age)]).await;
    }
}

#[tokio::test]
async fn prompt_login_and_an_outlived_max_age_ask_for_the_password_again() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    for again in [("prompt", "login"), ("max_age", "0")] {
        let page = browser.open(&lab, &authorize_url("basic", &[again])).await;
        assert!(page.url.ends_with("/password"), "{again:?}: {}", page.url);
    }
    lab.clock.advance(100);
    let young = browser.get(&lab, &authorize_url("basic", &[("max_age", "100")])).await;
    assert!(query(&young.location(), "code").is_some(), "{}", young.location());
    let old = browser.open(&lab, &authorize_url("basic", &[("max_age", "99")])).await;
    assert!(old.url.ends_with("/password"), "{}", old.url);
    let tokens = browser.tokens(&lab, "basic", &[("max_age", "99")]).await;
    assert_eq!(id_token(&lab, &tokens).await["auth_time"].as_i64(), Some(lab.clock.now().0));
}

#[tokio::test]
async fn consent_is_asked_once_and_again_on_demand() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    let page = browser.open(&lab, &authorize_url("asking", &[])).await;
    assert!(page.url.ends_with("/confirm"), "{}", page.url);
    let end = browser.submit(&lab, &page, &[]).await;
    assert!(query(&end.location(), "code").is_some());
    let silent = browser.get(&lab, &authorize_url("asking", &[])).await;
    assert!(query(&silent.location(), "code").is_some(), "remembered");
    let more = browser.open(&lab, &authorize_url("asking", &[("scope", "openid profile offline_access")])).await;
    assert!(more.url.is_empty() || query(&more.location(), "code").is_some(), "offline_access was not granted");
    let asked = browser.open(&lab, &authorize_url("asking", &[("prompt", "consent")])).await;
    assert!(asked.url.ends_with("/confirm"));
    let cancelled = browser.press(&lab, &asked, "cancel").await;
    assert_eq!(query(&cancelled.location(), "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_request_by_post_keeps_the_browsers_session() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    let callback = crate::browser::callback("basic");
    let challenge = nixa_protocol::pkce::challenge(crate::browser::VERIFIER);
    let form = crate::browser::authorize_form("basic", &[], &callback, &challenge);
    // A cross-site post comes without the SameSite=Lax cookie.
    let posted = Browser::default().post(&lab, &format!("{BROKER}/authorize"), &form).await;
    assert_eq!(posted.status, 303);
    let end = browser.open(&lab, &posted.location()).await;
    assert!(query(&end.location(), "code").is_some(), "{}", end.location());
}

#[tokio::test]
async fn errors_of_the_endpoints_are_those_of_the_rfcs() {
    let lab = Lab::new().await;
    let url = format!("{BROKER}/token");
    let unknown = lab.post(&url, &[("authorization", &crate::browser::basic("nobody"))], &[("grant_type", "x")]).await;
    assert_eq!((unknown.status, &unknown.json()["error"]), (401, &json!("invalid_client")));
    assert!(unknown.header("www-authenticate").starts_with("Basic"));
    let table = [
        (vec![], "invalid_request"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![("grant_type", "authorization_code")], "invalid_request"),
        (vec![("grant_type", "authorization_code"), ("code", "x")], "invalid_grant"),
        (vec![("grant_type", "refresh_token"), ("refresh_token", "x")], "invalid_grant"),
    ];
    for (form, code) in table {
        let reply = token(&lab, "basic", form).await;
        assert_eq!((reply.status, reply.json()["error"].as_str().unwrap()), (400, code));
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    let none = Browser::default().get(&lab, &format!("{BROKER}/userinfo")).await;
    assert_eq!(none.status, 401);
    assert_eq!(none.header("www-authenticate"), "Bearer realm=\"userinfo\"", "no code when there was no token");
    let bad = lab.userinfo("nonsense").await;
    assert!(bad.header("www-authenticate").contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn scripts_of_other_origins_may_read_tokens_but_not_authorize() {
    let lab = Lab::new().await;
    let preflight = |path: &str| {
        http::Request::options(format!("{BROKER}{path}"))
            .header("origin", "https://spa.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
            .body(axum::body::Body::empty())
            .unwrap()
    };
    for path in ["/token", "/userinfo"] {
        let reply = lab.send(preflight(path)).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, "*"), "{path}");
        assert_eq!(reply.header("access-control-allow-credentials"), "");
    }
    assert_eq!(lab.send(preflight("/authorize")).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn stored_tokens_are_digests() {
    // What is random in a token must not stand in the store: see ShortLivedSessions and code_key.
    let lab = Lab::new().await;
    let code = Browser::default().code(&lab, "basic", &[]).await;
    let short = &lab.broker.provider.stores.short;
    assert!(short.get(&format!("code:{code}"), lab.clock.now()).await.unwrap().is_none());
    let digest = nixa_protocol::digest(&code);
    assert!(short.get(&format!("code:{}", digest.as_str()), lab.clock.now()).await.unwrap().is_some());
    assert_eq!(URL_SAFE_NO_PAD.decode(&code).unwrap().len(), 32);
    assert_ne!(random_token(&*lab.broker.provider.runtime.entropy), code);
}
