//! Requests that are pushed, signed, or answered by a form; tokens for an API or for the client itself; the end
//! of tokens that a client gives back.

use nixa_protocol::Clock;
use nixa_protocol::pkce;
use serde_json::{Value, json};

use crate::browser::{Browser, VERIFIER, authorize_form, authorize_url, basic, callback, redeem, token};
use crate::lab::{API, BROKER, Lab, Reply, SECRET, between, query};

async fn push(lab: &Lab, client: &str, extra: &[(&str, &str)]) -> Reply {
    let (callback, challenge) = (callback(client), pkce::challenge(VERIFIER));
    let form = authorize_form(client, extra, &callback, &challenge);
    lab.post(&format!("{BROKER}/par"), &[("authorization", &basic(client))], &form).await
}

fn by_reference(client: &str, pushed: &Reply) -> String {
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    format!("{BROKER}/authorize?{}", crate::lab::encode(&[("client_id", client), ("request_uri", &uri)]))
}

#[tokio::test]
async fn a_pushed_request_is_used_once_by_its_client() {
    let lab = Lab::new().await;
    let pushed = push(&lab, "basic", &[("state", "pushed-state")]).await;
    assert_eq!((pushed.status, pushed.header("cache-control")), (201, "no-store"));
    assert_eq!(pushed.json()["expires_in"], 90);
    let url = by_reference("basic", &pushed);
    let end = Browser::default().log_in(&lab, &format!("{url}&state=beside&scope=openid")).await.location();
    assert_eq!(query(&end, "state").as_deref(), Some("pushed-state"), "what stands beside it does not count");
    let tokens = redeem(&lab, "basic", &query(&end, "code").unwrap(), &[]).await.json();
    assert_eq!(tokens["scope"], "openid profile");
    assert_eq!(Browser::default().get(&lab, &url).await.problem(), "request-expired", "a second time");
    let foreign = by_reference("basic", &push(&lab, "legacy", &[]).await);
    assert_eq!(Browser::default().get(&lab, &foreign).await.problem(), "request-expired", "another client's");
    let late = by_reference("basic", &push(&lab, "basic", &[]).await);
    lab.clock.advance(90);
    assert_eq!(Browser::default().get(&lab, &late).await.problem(), "request-expired", "too late");
    let made_up = format!("{BROKER}/authorize?client_id=basic&request_uri=urn:ietf:params:oauth:request_uri:x");
    assert_eq!(Browser::default().get(&lab, &made_up).await.problem(), "request-expired");
}

#[tokio::test]
async fn what_is_pushed_is_checked_at_once() {
    let lab = Lab::new().await;
    for (extra, code) in [
        (("scope", "profile"), "invalid_scope"),
        (("redirect_uri", "https://evil.example/"), "invalid_request"),
        (("redirect_uri", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("request", "x.y.z"), "invalid_request_object"),
    ] {
        let refused = push(&lab, "basic", &[extra]).await;
        assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some(code)), "{extra:?}");
    }
    let stranger = lab.post(&format!("{BROKER}/par"), &[], &[("client_id", "basic")]).await;
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn a_client_that_must_push_or_sign_cannot_do_without() {
    let lab = Lab::new().await;
    let plain = Browser::default().get(&lab, &authorize_url("pushing", &[])).await.location();
    assert_eq!(query(&plain, "error").as_deref(), Some("invalid_request"), "{plain}");
    let url = by_reference("pushing", &push(&lab, "pushing", &[]).await);
    let end = Browser::default().log_in(&lab, &url).await.location();
    assert!(query(&end, "code").is_some(), "{end}");

    let plain = Browser::default().get(&lab, &authorize_url("signing", &[])).await.location();
    assert_eq!(query(&plain, "error").as_deref(), Some("invalid_request_object"), "{plain}");
    let refused = push(&lab, "signing", &[]).await;
    assert_eq!(refused.json()["error"], "invalid_request_object");
    let object = signed(&lab, "signing", json!({}));
    let end = Browser::default().log_in(&lab, &by_value("signing", &object)).await.location();
    assert_eq!(query(&end, "state").as_deref(), Some("signed-state"), "{end}");
    let pushed = push(&lab, "signing", &[("request", &object)]).await;
    let end = Browser::default().log_in(&lab, &by_reference("signing", &pushed)).await.location();
    assert!(query(&end, "code").is_some(), "signed and pushed: {end}");
}

fn signed(lab: &Lab, client: &str, change: Value) -> String {
    let now = lab.clock.now().0;
    let mut claims = json!({
        "iss": client, "aud": BROKER, "exp": now + 300, "client_id": client, "response_type": "code",
        "redirect_uri": callback(client), "scope": "openid profile", "state": "signed-state",
        "code_challenge": pkce::challenge(VERIFIER), "code_challenge_method": "S256",
    });
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    lab.client_key.sign("oauth-authz-req+jwt", &claims).unwrap()
}

fn by_value(client: &str, object: &str) -> String {
    authorize_url(client, &[("request", object), ("state", "plain-state"), ("scope", "openid personal_number")])
}

#[tokio::test]
async fn a_signed_request_counts_and_its_errors_go_where_the_client_reads_them() {
    let lab = Lab::new().await;
    let end = Browser::default().log_in(&lab, &by_value("signing", &signed(&lab, "signing", json!({})))).await;
    let tokens = redeem(&lab, "signing", &query(&end.location(), "code").unwrap(), &[]).await.json();
    assert_eq!(tokens["scope"], "openid profile", "what stands beside the object does not count");
    for bad in [json!({"aud": "https://other.example"}), json!({"exp": 1}), json!({"iss": "basic"})] {
        let end = Browser::default().get(&lab, &by_value("signing", &signed(&lab, "signing", bad.clone()))).await;
        assert_eq!(query(&end.location(), "error").as_deref(), Some("invalid_request_object"), "{bad}");
    }
    let elsewhere = signed(&lab, "signing", json!({"redirect_uri": "https://evil.example/"}));
    let page = Browser::default().get(&lab, &by_value("signing", &elsewhere)).await;
    assert_eq!(page.problem(), "unregistered-address", "never redirected");
}

#[tokio::test]
async fn an_answer_by_form_works_without_scripts() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.log_in(&lab, &authorize_url("basic", &[("response_mode", "form_post")])).await;
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://idp.example https://simulator.example https://basic.example"));
    assert!(policy.contains("script-src 'self'") && policy.contains("default-src 'none'"), "{policy}");
    let field = |name: &str| between(&page.body, &format!("name=\"{name}\" value=\""), "\"").map(str::to_owned);
    assert!(page.body.contains("action=\"https://basic.example/cb\"") && page.body.contains("<button"));
    assert_eq!((field("state").as_deref(), field("iss").as_deref()), (Some("the-state"), Some(BROKER)));
    let tokens = redeem(&lab, "basic", &field("code").unwrap(), &[]).await;
    assert_eq!(tokens.status, 200);
    let url = authorize_url("legacy", &[("response_mode", "form_post"), ("prompt", "none"), ("max_age", "x")]);
    let error = browser.get(&lab, &url).await;
    assert!(error.body.contains("name=\"error\" value=\"invalid_request\""), "{}", error.body);
}

#[tokio::test]
async fn tokens_are_for_the_api_that_was_asked_for() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let aud = async |tokens: &Value| {
        let form = [("token", tokens["access_token"].as_str().unwrap())];
        let headers = [("authorization", basic("signing"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        lab.post(&format!("{BROKER}/introspect"), &headers, &form).await.json()["aud"].clone()
    };
    let object = |resource: Value| signed(&lab, "signing", json!({ "resource": resource }));
    let end = browser.log_in(&lab, &by_value("signing", &object(json!(API)))).await.location();
    let code = query(&end, "code").unwrap();
    let other = redeem(&lab, "signing", &code, &[("resource", "https://else.example/")]).await;
    assert_eq!(other.json()["error"], "invalid_target", "another than was granted");
    let tokens = redeem(&lab, "signing", &code, &[("resource", API)]).await.json();
    assert_eq!(aud(&tokens).await, API, "the refusal has not used up the code");
    for resource in [json!("https://else.example/"), json!([API, API])] {
        let end = browser.get(&lab, &by_value("signing", &object(resource))).await.location();
        assert_eq!(query(&end, "error").as_deref(), Some("invalid_target"), "{end}");
    }
}

#[tokio::test]
async fn a_back_end_has_tokens_of_its_own() {
    let lab = Lab::new().await;
    let ask = async |client: &'static str, extra: &[(&'static str, &'static str)]| {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(extra);
        token(&lab, client, form).await
    };
    let tokens = ask("signing", &[]).await.json();
    assert_eq!((tokens["scope"].as_str(), tokens.get("id_token")), (Some("files:read files:write"), None));
    assert!(tokens.get("refresh_token").is_none());
    let form = [("token", tokens["access_token"].as_str().unwrap())];
    let said = lab.post(&format!("{BROKER}/introspect"), &[("authorization", &basic("signing"))], &form).await.json();
    assert_eq!((said["sub"].as_str(), said["active"].as_bool()), (Some("signing"), Some(true)));
    assert!(said.get("acr").is_none() && said.get("auth_time").is_none());
    assert_eq!(lab.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401, "it speaks for no person");
    let narrow = ask("signing", &[("scope", "files:read")]).await.json();
    assert_eq!(narrow["scope"], "files:read");
    assert_eq!(ask("signing", &[("scope", "openid")]).await.json()["error"], "invalid_scope");
    assert_eq!(ask("signing", &[("resource", "https://else.example/")]).await.json()["error"], "invalid_target");
    for client in ["basic", "public"] {
        assert_eq!(ask(client, &[]).await.json()["error"], "unauthorized_client", "{client}");
    }
}

#[tokio::test]
async fn a_client_gives_its_tokens_back() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let url = format!("{BROKER}/revoke");
    let scope = [("scope", "openid profile offline_access")];
    let first = browser.tokens(&lab, "basic", &scope).await;
    let text = |tokens: &Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let revoke = async |client: &str, token: &str| {
        lab.post(&url, &[("authorization", &basic(client))], &[("token", token), ("token_type_hint", "x")]).await
    };
    for token in [text(&first, "access_token"), text(&first, "refresh_token")] {
        let foreign = revoke("legacy", &token).await;
        assert_eq!((foreign.status, foreign.json()["error"].as_str()), (400, Some("unauthorized_client")));
    }
    assert_eq!(revoke("basic", &text(&first, "access_token")).await.status, 200);
    assert_eq!(lab.userinfo(&text(&first, "access_token")).await.status, 401);
    let refresh = async |tokens: &Value| {
        let old = text(tokens, "refresh_token");
        token(&lab, "basic", vec![("grant_type", "refresh_token"), ("refresh_token", &old)]).await
    };
    let second = refresh(&first).await.json();
    assert_eq!(revoke("basic", &text(&second, "refresh_token")).await.status, 200);
    assert_eq!(lab.userinfo(&text(&second, "access_token")).await.status, 401, "its access token ends too");
    assert_eq!(refresh(&second).await.status, 400);
    assert_eq!(revoke("basic", "unknown").await.status, 200, "the wish is fulfilled");
    let wrong = lab.post(&url, &[], &[("token", "x"), ("client_id", "basic"), ("client_secret", SECRET)]).await;
    assert_eq!(wrong.status, 401, "another method than the registered one");
}

#[tokio::test]
async fn a_lost_answer_to_a_refresh_is_given_again_for_seconds() {
    let lab = Lab::new().await;
    let tokens = Browser::default().tokens(&lab, "basic", &[("scope", "openid offline_access")]).await;
    let old = tokens["refresh_token"].as_str().unwrap();
    let refresh = async |refresh_token: &str| {
        token(&lab, "basic", vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    };
    let first = refresh(old).await.json();
    lab.clock.advance(9);
    let again = refresh(old).await.json();
    assert_eq!(first, again, "the same pair");
    let file = lab.folder().join("broker/short-lived.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let kept: Vec<u8> =
        sqlx::query_scalar("SELECT value FROM entries WHERE key LIKE 'retry:%'").fetch_one(&pool).await.unwrap();
    assert!(!String::from_utf8_lossy(&kept).contains("access_token"), "the store alone opens it for nobody");
    lab.clock.advance(1);
    assert_eq!(refresh(old).await.status, 400, "then it is a reuse");
    assert_eq!(refresh(first["refresh_token"].as_str().unwrap()).await.status, 400, "and ends the family");
}
