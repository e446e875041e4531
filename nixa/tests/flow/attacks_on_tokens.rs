//! Attacks on codes, tokens and client authentication, each named for what the attacker does.

use nixa_protocol::Clock;
use nixa_protocol::jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::browser::{Browser, VERIFIER, authorize_url, basic, redeem, token};
use crate::lab::{BROKER, Lab, query};

fn error(reply: &crate::lab::Reply) -> (u16, String) {
    (reply.status, reply.json()["error"].as_str().unwrap_or_default().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn wrong_pkce_verifier() {
    let lab = Lab::new().await;
    let code = Browser::default().code(&lab, "public", &[]).await;
    let wrong = VERIFIER.replace("code", "evil");
    assert_eq!(error(&redeem(&lab, "public", &code, &[("code_verifier", &wrong)]).await), is(400, "invalid_grant"));
    assert_eq!(redeem(&lab, "public", &code, &[]).await.status, 200, "the owner of the verifier is not locked out");
}

#[tokio::test]
async fn missing_pkce_verifier() {
    let lab = Lab::new().await;
    let code = Browser::default().code(&lab, "basic", &[]).await;
    assert_eq!(error(&redeem(&lab, "basic", &code, &[("code_verifier", "")]).await), is(400, "invalid_grant"));
}

#[tokio::test]
async fn pkce_downgrade_by_removing_the_challenge() {
    let lab = Lab::new().await;
    let code = Browser::default().code(&lab, "legacy", &[("code_challenge", ""), ("code_challenge_method", "")]).await;
    assert_eq!(error(&redeem(&lab, "legacy", &code, &[]).await), is(400, "invalid_grant"));
}

#[tokio::test]
async fn redirect_uri_with_one_character_more() {
    let lab = Lab::new().await;
    let url = authorize_url("basic", &[("redirect_uri", "https://basic.example/cb/")]);
    let reply = Browser::default().get(&lab, &url).await;
    assert_eq!((reply.status, reply.problem()), (400, "unregistered-address"));
    assert_eq!(reply.header("location"), "", "never redirected");
    let code = Browser::default().code(&lab, "basic", &[]).await;
    let other = redeem(&lab, "basic", &code, &[("redirect_uri", "https://basic.example/cb/")]).await;
    assert_eq!(error(&other), is(400, "invalid_grant"));
    assert_eq!(error(&redeem(&lab, "basic", &code, &[("redirect_uri", "")]).await), is(400, "invalid_grant"));
}

#[tokio::test]
async fn replayed_code_revokes_what_it_minted() {
    let lab = Lab::new().await;
    let code = Browser::default().code(&lab, "basic", &[("scope", "openid profile offline_access")]).await;
    let tokens = redeem(&lab, "basic", &code, &[]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(lab.userinfo(access).await.status, 200);
    assert_eq!(error(&redeem(&lab, "basic", &code, &[]).await), is(400, "invalid_grant"));
    assert_eq!(lab.userinfo(access).await.status, 200, "a request that was sent twice at one moment");
    lab.clock.advance(2);
    assert_eq!(error(&redeem(&lab, "basic", &code, &[]).await), is(400, "invalid_grant"));
    assert_eq!(lab.userinfo(access).await.status, 401);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let refreshed = token(&lab, "basic", vec![("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!(error(&refreshed), is(400, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_redeemed_many_times_at_one_moment_is_answered_once() {
    let lab = std::sync::Arc::new(Lab::new().await);
    let code = Browser::default().code(&lab, "basic", &[]).await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (lab, code) = (lab.clone(), code.clone());
            tokio::spawn(async move { redeem(&lab, "basic", &code, &[]).await })
        })
        .collect();
    let mut won = Vec::new();
    for task in tasks {
        let reply = task.await.unwrap();
        if reply.status == 200 {
            won.push(reply.json()["access_token"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(lab.userinfo(&won[0]).await.status, 200);
    lab.clock.advance(2);
    assert_eq!(error(&redeem(&lab, "basic", &code, &[]).await), is(400, "invalid_grant"));
    assert_eq!(lab.userinfo(&won[0]).await.status, 401, "a replay ends what it brought");
}

#[tokio::test]
async fn code_of_another_client() {
    let lab = Lab::new().await;
    let code = Browser::default().code(&lab, "basic", &[]).await;
    let stolen = redeem(&lab, "other", &code, &[("redirect_uri", "https://basic.example/cb")]).await;
    assert_eq!(error(&stolen), is(400, "invalid_grant"));
    assert_eq!(redeem(&lab, "basic", &code, &[]).await.status, 200, "the thief's try costs the owner nothing");
}

#[tokio::test]
async fn refresh_token_of_another_client() {
    let lab = Lab::new().await;
    let tokens = Browser::default().tokens(&lab, "basic", &[("scope", "openid offline_access")]).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh)];
    assert_eq!(error(&token(&lab, "other", form.clone()).await), is(400, "unauthorized_client"));
    assert_eq!(token(&lab, "basic", form).await.status, 200);
}

#[tokio::test]
async fn expired_code_and_expired_tokens() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let late = browser.code(&lab, "basic", &[]).await;
    lab.clock.advance(60);
    assert_eq!(error(&redeem(&lab, "basic", &late, &[]).await), is(400, "invalid_grant"));
    let tokens = browser.tokens(&lab, "basic", &[("scope", "openid offline_access")]).await;
    let access = tokens["access_token"].as_str().unwrap();
    lab.clock.advance(599);
    assert_eq!(lab.userinfo(access).await.status, 200);
    lab.clock.advance(1);
    assert_eq!(lab.userinfo(access).await.status, 401);
    lab.clock.advance(30 * 86_400);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let refreshed = token(&lab, "basic", vec![("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!(error(&refreshed), is(400, "invalid_grant"));
}

#[tokio::test]
async fn wrong_secret_and_wrong_method() {
    let lab = Lab::new().await;
    let url = format!("{BROKER}/token");
    let form = [("grant_type", "authorization_code"), ("code", "x")];
    let wrong = basic("basic").replace("Basic ", "Basic YQ");
    assert_eq!(error(&lab.post(&url, &[("authorization", &wrong)], &form).await), is(401, "invalid_client"));
    let header = basic("other");
    assert_eq!(error(&lab.post(&url, &[("authorization", &header)], &form).await), is(401, "invalid_client"));
    let post = [("client_id", "basic"), ("client_secret", crate::lab::SECRET), ("grant_type", "x")];
    assert_eq!(error(&lab.post(&url, &[], &post).await), is(401, "invalid_client"));
    let none = [("client_id", "basic"), ("grant_type", "x")];
    assert_eq!(error(&lab.post(&url, &[], &none).await), is(401, "invalid_client"));
    let both = [("client_id", "basic"), ("client_secret", crate::lab::SECRET), ("grant_type", "x")];
    let twice = lab.post(&url, &[("authorization", &basic("basic"))], &both).await;
    assert_eq!(error(&twice), is(400, "invalid_request"));
}

#[tokio::test]
async fn forged_client_assertions() {
    let lab = Lab::new().await;
    let now = lab.clock.now();
    let good = json!({"iss": "jwt", "sub": "jwt", "aud": BROKER, "iat": now, "exp": now + 60, "jti": "a"});
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let sign = |key: &SigningKey, change: Value| {
        let mut claims = good.as_object().unwrap().clone();
        claims.extend(change.as_object().unwrap().clone());
        key.sign("JWT", &claims).unwrap()
    };
    let valid = sign(&lab.client_key, json!({}));
    let parts: Vec<&str> = valid.split('.').collect();
    let none = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    let forged = [
        ("another key", sign(&stranger, json!({}))),
        ("alg none", none),
        ("expired", sign(&lab.client_key, json!({"exp": now + -11}))),
        ("from the future", sign(&lab.client_key, json!({"iat": now + 11}))),
        ("for another server", sign(&lab.client_key, json!({"aud": "https://other.example"}))),
        ("for another client", sign(&lab.client_key, json!({"iss": "basic", "sub": "basic"}))),
    ];
    for (why, assertion) in forged {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", "x"),
            ("client_assertion_type", nixa_protocol::client_auth::JWT_BEARER),
            ("client_assertion", &assertion),
        ];
        let reply = lab.post(&format!("{BROKER}/token"), &[], &form).await;
        assert_eq!(error(&reply), is(401, "invalid_client"), "{why}");
    }
}

#[tokio::test]
async fn access_token_in_the_query_or_twice() {
    let lab = Lab::new().await;
    let tokens = Browser::default().tokens(&lab, "basic", &[]).await;
    let access = tokens["access_token"].as_str().unwrap();
    let url = format!("{BROKER}/userinfo?access_token={access}");
    assert_eq!(Browser::default().get(&lab, &url).await.status, 401);
    let header = format!("Bearer {access}");
    let url = format!("{BROKER}/userinfo");
    let twice = lab.post(&url, &[("authorization", &header)], &[("access_token", access)]).await;
    assert_eq!(twice.status, 400);
    assert_eq!(lab.post(&url, &[], &[("access_token", access)]).await.status, 200, "in the form alone it may stand");
}

#[tokio::test]
async fn oversized_body_non_utf8_and_repeated_parameters() {
    let lab = Lab::new().await;
    let url = format!("{BROKER}/token");
    let header = basic("basic");
    let long = "x".repeat(70_000);
    let reply = lab.post(&url, &[("authorization", &header)], &[("code", &long)]).await;
    assert_eq!(error(&reply), is(413, "invalid_request"));
    let send = |body: &'static str| {
        let request = http::Request::post(&url)
            .header("authorization", &header)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(body))
            .unwrap();
        lab.send(request)
    };
    assert_eq!(error(&send("grant_type=authorization_code&code=%ff").await), is(400, "invalid_request"));
    assert_eq!(error(&send("grant_type=x&code=a&code=b").await), is(400, "invalid_request"));
    let json = http::Request::post(&url).header("content-type", "application/json");
    let json = lab.send(json.body(axum::body::Body::from("{}")).unwrap()).await;
    assert_eq!(error(&json), is(415, "invalid_request"));
}

#[tokio::test]
async fn authorization_requests_that_cannot_be_trusted_are_never_redirected() {
    let lab = Lab::new().await;
    let good = authorize_url("basic", &[]);
    let table = [
        (good.replace("client_id=basic", "client_id=unknown"), "unknown-service"),
        (good.replace("client_id=basic", "x=y"), "bad-request"),
        (format!("{good}&client_id=other"), "bad-request"),
        (format!("{good}&redirect_uri=https%3A%2F%2Fevil.example"), "bad-request"),
        (good.replace("https%3A%2F%2Fbasic.example%2Fcb", "https%3A%2F%2Fevil.example%2Fcb"), "unregistered-address"),
        (format!("{good}&x=%ff"), "bad-request"),
    ];
    for (url, problem) in table {
        let reply = Browser::default().get(&lab, &url).await;
        assert_eq!((reply.status, reply.problem()), (400, problem), "{url}");
        assert_eq!(reply.header("location"), "");
    }
    let repeated = Browser::default().get(&lab, &format!("{good}&state=other")).await.location();
    assert_eq!(query(&repeated, "error").as_deref(), Some("invalid_request"));
    assert_eq!(query(&repeated, "state"), None, "which state was meant cannot be told");
    let object = Browser::default().get(&lab, &format!("{good}&request=eyJ")).await.location();
    assert_eq!(query(&object, "error").as_deref(), Some("invalid_request_object"));
    assert_eq!(query(&object, "state").as_deref(), Some("the-state"));
}
