//! Clients that register themselves (RFC 7591, RFC 7592), and what they publish: key sets and sectors.

use axum::body::Body;
use http::Request;
use nixa_protocol::client_auth::JWT_BEARER;
use nixa_protocol::jose::{Algorithm, SigningKey};
use nixa_protocol::{Clock, digest, pkce};
use nixa_storage::ClientStore;
use serde_json::{Value, json};

use crate::browser::{Browser, VERIFIER};
use crate::lab::{BROKER, Lab, Reply, encode, query};

const MORE: &str = "\n[server.registration]\nscopes = [\"profile\", \"offline_access\"]\n";

async fn lab() -> Lab {
    let lab = Lab::with(MORE).await;
    let expires = lab.clock.now() + 86_400;
    lab.broker.store.add_registration_token(&digest("initial"), 5, expires, &[], lab.clock.now()).await.unwrap();
    lab
}

async fn call(lab: &Lab, method: &str, url: &str, token: &str, body: Option<&Value>) -> Reply {
    let request = Request::builder().method(method).uri(url).header("content-type", "application/json");
    let request = match token {
        "" => request,
        token => request.header("authorization", format!("Bearer {token}")),
    };
    lab.send(request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap()).await
}

async fn register(lab: &Lab, metadata: &Value) -> Reply {
    call(lab, "POST", &format!("{BROKER}/register"), "initial", Some(metadata)).await
}

fn metadata(change: &Value) -> Value {
    let mut metadata =
        json!({ "redirect_uris": ["https://new.example/cb"], "client_name": "New", "contacts": ["a@new.example"] });
    metadata.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    metadata
}

/// A login at a registered client: the answer of the token endpoint.
async fn log_in(lab: &Lab, client_id: &str, credentials: &[(&str, &str)]) -> Reply {
    let challenge = pkce::challenge(VERIFIER);
    let request = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", "https://new.example/cb"),
        ("scope", "openid profile"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let end = Browser::default().log_in(lab, &format!("{BROKER}/authorize?{}", encode(&request))).await.location();
    let code = query(&end, "code").unwrap_or_else(|| panic!("{end}"));
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "https://new.example/cb"),
        ("code_verifier", VERIFIER),
    ];
    form.extend(credentials);
    lab.post(&format!("{BROKER}/token"), &[], &form).await
}

#[tokio::test]
async fn a_client_registers_logs_somebody_in_changes_and_goes() {
    let lab = lab().await;
    let reply = register(&lab, &metadata(&json!({ "token_endpoint_auth_method": "client_secret_post" }))).await;
    assert_eq!((reply.status, reply.header("cache-control")), (201, "no-store"), "{}", reply.body);
    let told = reply.json();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    let (id, secret, token) = (text("client_id"), text("client_secret"), text("registration_access_token"));
    assert_eq!(told["client_secret_expires_at"], 0);
    assert_eq!(told["client_id_issued_at"], lab.clock.now().0);
    let uri = text("registration_client_uri");
    assert_eq!(uri, format!("{BROKER}/register/{id}"));
    let tokens = log_in(&lab, &id, &[("client_id", &id), ("client_secret", &secret)]).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);

    let shown = call(&lab, "GET", &uri, &token, None).await;
    assert_eq!((shown.status, &shown.json()["client_name"]), (200, &json!("New")));
    assert!(shown.json().get("client_secret").is_none(), "a secret is told once");
    for bad in ["", "initial", "x"] {
        let refused = call(&lab, "GET", &uri, bad, None).await;
        assert_eq!(refused.status, 401, "{bad}");
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{bad}");
    }

    let mut changed = metadata(&json!({ "client_id": id, "client_name": "Newer", "client_secret": secret }));
    let updated = call(&lab, "PUT", &uri, &token, Some(&changed)).await;
    assert_eq!((updated.status, &updated.json()["client_name"]), (200, &json!("Newer")), "{}", updated.body);
    assert_eq!(updated.json()["token_endpoint_auth_method"], "client_secret_basic", "what is left out is the default");
    for (member, value) in [
        ("client_secret", json!("another")),
        ("client_id", json!("basic")),
        ("registration_access_token", json!("x")),
        ("client_id_issued_at", json!(1)),
        ("redirect_uris", json!([])),
    ] {
        let before = changed[member].take();
        changed[member] = value;
        let refused = call(&lab, "PUT", &uri, &token, Some(&changed)).await;
        let said = refused.json()["error_description"].as_str().unwrap().to_owned();
        assert!(refused.status == 400 && said.starts_with(&format!("{member}: ")), "{said}");
        changed[member] = before;
        if changed[member].is_null() {
            changed.as_object_mut().unwrap().remove(member);
        }
    }

    assert_eq!(call(&lab, "DELETE", &uri, &token, None).await.status, 204);
    assert_eq!(call(&lab, "GET", &uri, &token, None).await.status, 401);
    let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(lab.userinfo(&access).await.status, 401, "its tokens go with it");
    let records = nixa_storage::Audit::records(&*lab.broker.store, 0, 0, 1_000).await.unwrap();
    let said: String = records.iter().map(|record| record.draft.body.as_str()).collect();
    for change in ["client-registered", "client-updated", "client-removed"] {
        assert!(said.contains(change), "{change}");
    }
    for secret in [&secret, &token, "a@new.example"] {
        assert!(!said.contains(secret));
    }
}

#[tokio::test]
async fn who_may_not_register() {
    let lab = lab().await;
    let url = format!("{BROKER}/register");
    let good = metadata(&json!({}));
    for token in ["", "other"] {
        let refused = call(&lab, "POST", &url, token, Some(&good)).await;
        assert_eq!((refused.status, &refused.json()["error"]), (401, &json!("invalid_token")), "{token}");
    }
    let bad = register(&lab, &metadata(&json!({ "scope": "openid personal_number" }))).await;
    assert_eq!((bad.status, &bad.json()["error"]), (400, &json!("invalid_client_metadata")));
    let form = lab.post(&url, &[("authorization", "Bearer initial")], &[("redirect_uris", "x")]).await;
    assert_eq!((form.status, &form.json()["error"]), (400, &json!("invalid_client_metadata")));
    for _ in 0..5 {
        assert_eq!(register(&lab, &good).await.status, 201, "refusals use nothing up");
    }
    assert_eq!(register(&lab, &good).await.status, 401, "used up");
    // Declared clients are the operator's.
    assert_eq!(call(&lab, "GET", &format!("{url}/basic"), "initial", None).await.status, 401);
    // Where nobody may register, nothing says otherwise.
    let closed = Lab::new().await;
    assert_eq!(call(&closed, "POST", &url, "initial", Some(&good)).await.status, 404);
    let discovery = format!("{BROKER}/.well-known/openid-configuration");
    assert_eq!(call(&lab, "GET", &discovery, "", None).await.json()["registration_endpoint"], json!(url));
    assert!(call(&closed, "GET", &discovery, "", None).await.json().get("registration_endpoint").is_none());
}

#[tokio::test]
async fn an_app_gets_its_answer_by_a_page_and_names_with_a_nul_are_unknown() {
    let lab = lab().await;
    let app = json!({
        "application_type": "native", "redirect_uris": ["vn.example.app:/cb"], "token_endpoint_auth_method": "none",
    });
    let id = register(&lab, &metadata(&app)).await.json()["client_id"].as_str().unwrap().to_owned();
    let challenge = pkce::challenge(VERIFIER);
    let request = [
        ("response_type", "code"),
        ("client_id", id.as_str()),
        ("redirect_uri", "vn.example.app:/cb"),
        ("scope", "openid"),
        ("prompt", "none"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let page = Browser::default().get(&lab, &format!("{BROKER}/authorize?{}", encode(&request))).await;
    assert_eq!(page.status, 200);
    assert!(page.header("refresh").starts_with("0; url=vn.example.app:/cb?error=login_required"), "{page:?}");
    assert!(page.body.contains("href=\"vn.example.app:/cb?error=login_required"));

    // `a%00:x`
    let nul = [("authorization", "Basic YSUwMDp4")];
    let nul = lab.post(&format!("{BROKER}/token"), &nul, &[("grant_type", "x")]).await;
    assert_eq!((nul.status, &nul.json()["error"]), (401, &json!("invalid_client")));
    assert_eq!(call(&lab, "GET", &format!("{BROKER}/register/%00"), "initial", None).await.status, 401);
}

#[tokio::test]
async fn what_a_client_shows_of_itself_is_shown_and_its_logo_comes_from_here() {
    let lab = lab().await;
    let more = json!({
        "logo_uri": "https://new.example/logo.png",
        "policy_uri": "https://new.example/policy",
        "tos_uri": "https://new.example/terms",
    });
    let id = register(&lab, &metadata(&more)).await.json()["client_id"].as_str().unwrap().to_owned();
    let challenge = pkce::challenge(VERIFIER);
    let request = [
        ("response_type", "code"),
        ("client_id", id.as_str()),
        ("redirect_uri", "https://new.example/cb"),
        ("scope", "openid"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let page = Browser::default().open(&lab, &format!("{BROKER}/authorize?{}", encode(&request))).await.body;
    for shown in
        [&format!("src=\"/logo/{id}\""), "href=\"https://new.example/policy\"", "href=\"https://new.example/terms\""]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let logo = async || call(&lab, "GET", &format!("{BROKER}/logo/{id}"), "", None).await;
    assert_eq!(logo().await.status, 404, "it cannot be fetched");
    publish(&lab, "https://new.example/logo.png", &json!("not a picture"));
    lab.clock.advance(10);
    assert_eq!(logo().await.status, 404, "JSON is no picture");
    lab.net.pictures.store(true, std::sync::atomic::Ordering::SeqCst);
    lab.clock.advance(301);
    let shown = logo().await;
    assert_eq!(
        (shown.status, shown.header("content-type"), shown.body.as_str()),
        (200, "image/png", "\"not a picture\"")
    );
    assert_eq!(call(&lab, "GET", &format!("{BROKER}/logo/basic"), "", None).await.status, 404);
}

fn publish(lab: &Lab, url: &str, document: &Value) {
    lab.net.published.lock().unwrap().insert(url.to_owned(), (document.to_string().into_bytes(), 0));
}

#[tokio::test]
async fn keys_at_a_jwks_uri_are_fetched_anew_for_an_unknown_kid_but_seldom() {
    let lab = lab().await;
    let uri = "https://new.example/jwks";
    let change = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri });
    let refused = register(&lab, &metadata(&change)).await;
    assert!(refused.json()["error_description"].as_str().unwrap().starts_with("jwks_uri"), "{}", refused.body);
    let (first, second) =
        (SigningKey::generate(Algorithm::Es256).unwrap(), SigningKey::generate(Algorithm::EdDsa).unwrap());
    publish(&lab, uri, &json!({ "keys": [first.public_jwk()] }));
    let id = register(&lab, &metadata(&change)).await.json()["client_id"].as_str().unwrap().to_owned();
    let mut n = 0;
    let mut attempt = async |key: &SigningKey| {
        n += 1;
        let claims = json!({
            "iss": id, "sub": id, "aud": BROKER, "exp": lab.clock.now().0 + 300, "jti": n.to_string(),
        });
        let assertion = key.sign("JWT", &claims).unwrap();
        log_in(&lab, &id, &[("client_assertion_type", JWT_BEARER), ("client_assertion", &assertion)]).await.status
    };
    assert_eq!(attempt(&first).await, 200);
    // The client changes its key; the last fetch was more than a minute ago.
    lab.net.published.lock().unwrap().get_mut(uri).unwrap().0 =
        json!({ "keys": [second.public_jwk()] }).to_string().into_bytes();
    lab.clock.advance(61);
    assert_eq!(attempt(&second).await, 200, "an unknown kid has the keys fetched anew");
    let fetched = || lab.net.published.lock().unwrap()[uri].1;
    let before = fetched();
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    for _ in 0..3 {
        assert_eq!(attempt(&stranger).await, 401);
    }
    assert_eq!(fetched(), before, "invented keys have nothing fetched");
}

#[tokio::test]
async fn portals_of_one_sector_see_one_subject() {
    let lab = lab().await;
    let sector = "https://ministry.example/sector.json";
    let wanted = |redirect: &str| metadata(&json!({ "redirect_uris": [redirect], "sector_identifier_uri": sector }));
    let refused = register(&lab, &wanted("https://new.example/cb")).await;
    assert!(refused.json()["error_description"].as_str().unwrap().contains("cannot be fetched"));
    publish(&lab, sector, &json!(["https://new.example/cb"]));
    let refused = register(&lab, &wanted("https://new.example/other")).await;
    assert!(refused.json()["error_description"].as_str().unwrap().contains("does not list"), "{}", refused.body);
    let mut subjects = Vec::new();
    for change in [json!({ "sector_identifier_uri": sector }), json!({ "sector_identifier_uri": sector }), json!({})] {
        let mut wanted = metadata(&change);
        wanted["token_endpoint_auth_method"] = json!("client_secret_post");
        let told = register(&lab, &wanted).await.json();
        let (id, secret) = (told["client_id"].as_str().unwrap(), told["client_secret"].as_str().unwrap());
        let tokens = log_in(&lab, id, &[("client_id", id), ("client_secret", secret)]).await.json();
        subjects.push(lab.userinfo(tokens["access_token"].as_str().unwrap()).await.json()["sub"].clone());
    }
    assert!(subjects[0] == subjects[1] && subjects[0] != subjects[2], "{subjects:?}");
}
