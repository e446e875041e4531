//! Attacks on the way between broker and identity provider. The simulator plays a provider that is
//! careless, captured or impersonated.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use nixa_protocol::Clock;
use nixa_protocol::jose::{Algorithm, SigningKey};
use serde_json::{Map, Value, json};

use crate::browser::{Browser, authorize_url};
use crate::lab::{BROKER, Lab, NUMBER, Reply, SIMULATOR, encode, query};

/// A login that waits for the simulator's answer.
struct Waiting {
    browser: Browser,
    state: String,
    nonce: String,
}

impl Waiting {
    async fn begin(lab: &Lab) -> Self {
        Self::with(lab, Browser::default(), &authorize_url("basic", &[])).await
    }

    async fn with(lab: &Lab, mut browser: Browser, url: &str) -> Self {
        let page = browser.open(lab, url).await;
        let away = browser.submit(lab, &page, &[("idp", "simulator")]).await.location();
        assert!(away.starts_with(SIMULATOR), "{away}");
        assert_eq!(query(&away, "code_challenge_method").as_deref(), Some("S256"));
        assert_eq!(query(&away, "prompt").as_deref(), Some("login"));
        Self { browser, state: query(&away, "state").unwrap(), nonce: query(&away, "nonce").unwrap() }
    }

    fn claims(&self, lab: &Lab, change: Value) -> Map<String, Value> {
        let now = lab.clock.now();
        let mut claims = json!({
            "iss": SIMULATOR, "sub": "s-1", "aud": "broker", "nonce": self.nonce,
            "iat": now, "exp": now + 60, "auth_time": now, "acr": "weak", "amr": ["pwd"],
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        claims.as_object().unwrap().clone()
    }

    /// The simulator answers with this ID token; where the browser ends.
    async fn answer(&mut self, lab: &Lab, id_token: String) -> Reply {
        *lab.net.simulator.id_token.lock().unwrap() = id_token;
        *lab.net.simulator.userinfo.lock().unwrap() = json!({"sub": "s-1", "name": "Simulated"});
        self.callback(lab, &[("code", "c"), ("state", &self.state.clone()), ("iss", SIMULATOR)]).await
    }

    async fn callback(&mut self, lab: &Lab, params: &[(&str, &str)]) -> Reply {
        self.browser.open(lab, &format!("{BROKER}/callback/simulator?{}", encode(params))).await
    }
}

/// Nothing came of the answer: the person is back at the chooser and reads that the provider failed.
fn refused(reply: &Reply) -> bool {
    reply.url.ends_with("/choose") && reply.body.contains("role=\"alert\"")
}

#[tokio::test]
async fn an_honest_answer_logs_in_at_the_mapped_level() {
    let lab = Lab::new().await;
    let mut waiting = Waiting::begin(&lab).await;
    let token = lab.net.simulator.key.sign("JWT", &waiting.claims(&lab, json!({}))).unwrap();
    let end = waiting.answer(&lab, token).await;
    assert!(query(&end.location(), "code").is_some(), "{} {}", end.url, end.body);
}

#[tokio::test]
async fn forged_expired_and_misdirected_id_tokens() {
    let lab = Lab::new().await;
    let now = lab.clock.now();
    let table = [
        ("wrong nonce", json!({"nonce": "another"})),
        ("no nonce", json!({"nonce": null})),
        ("wrong issuer", json!({"iss": "https://evil.example"})),
        ("for another client", json!({"aud": "another"})),
        ("for others too", json!({"aud": ["broker", "another"]})),
        ("expired", json!({"exp": now + -31})),
        ("issued in the future", json!({"iat": now + 31, "exp": now + 90})),
        ("authenticated in the future", json!({"auth_time": now + 31})),
        ("without auth_time", json!({"auth_time": null})),
        ("authenticated before it was asked to", json!({"auth_time": now + -31})),
    ];
    for (why, change) in table {
        let mut waiting = Waiting::begin(&lab).await;
        let token = lab.net.simulator.key.sign("JWT", &waiting.claims(&lab, change)).unwrap();
        let end = waiting.answer(&lab, token).await;
        assert!(refused(&end), "{why}: {} {}", end.url, end.location());
    }
}

#[tokio::test]
async fn alg_none_key_confusion_and_unknown_kid() {
    let lab = Lab::new().await;
    let stranger = SigningKey::generate(Algorithm::Rs256).unwrap();
    let public = lab.net.simulator.key.public_jwk();
    let kid = public["kid"].as_str().unwrap();
    for why in ["alg none", "HS256 with the public key", "unknown kid", "known kid, other key", "changed claims"] {
        let mut waiting = Waiting::begin(&lab).await;
        let claims = waiting.claims(&lab, json!({}));
        let honest = lab.net.simulator.key.sign("JWT", &claims).unwrap();
        let parts: Vec<&str> = honest.split('.').collect();
        let b64 = |v: Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let token = match why {
            "alg none" => format!("{}.{}.", b64(json!({"alg": "none"})), parts[1]),
            "HS256 with the public key" => {
                let signed = format!("{}.{}", b64(json!({"alg": "HS256", "kid": kid})), parts[1]);
                let modulus = URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
                let mut key = [0; 32];
                key.copy_from_slice(&modulus[..32]);
                let mac = nixa_protocol::entropy::keyed_digest(&key, &[&signed]);
                format!("{signed}.{mac}")
            }
            "unknown kid" => stranger.sign("JWT", &claims).unwrap(),
            "known kid, other key" => {
                let mut jwk: Value = serde_json::from_str(&stranger.private_jwk()).unwrap();
                jwk["kid"] = json!(kid);
                SigningKey::from_jwk(&jwk.to_string()).unwrap().sign("JWT", &claims).unwrap()
            }
            _ => format!("{}.{}.{}", parts[0], b64(json!(waiting.claims(&lab, json!({"acr": "strong"})))), parts[2]),
        };
        let end = waiting.answer(&lab, token).await;
        assert!(refused(&end), "{why}: {} {}", end.url, end.location());
    }
}

#[tokio::test]
async fn mixed_up_idp_response() {
    let lab = Lab::new().await;
    for iss in [Some("https://idp.example"), None] {
        let mut waiting = Waiting::begin(&lab).await;
        let token = lab.net.simulator.key.sign("JWT", &waiting.claims(&lab, json!({}))).unwrap();
        *lab.net.simulator.id_token.lock().unwrap() = token;
        let state = waiting.state.clone();
        let mut params = vec![("code", "c"), ("state", state.as_str())];
        params.extend(iss.map(|iss| ("iss", iss)));
        assert!(refused(&waiting.callback(&lab, &params).await), "{iss:?}");
    }
    // The answer of one provider at the address of another.
    let mut waiting = Waiting::begin(&lab).await;
    let url = format!("{BROKER}/callback/national?{}", encode(&[("code", "c"), ("state", &waiting.state)]));
    let reply = waiting.browser.get(&lab, &url).await;
    assert_eq!((reply.status, reply.problem()), (400, "login-unknown"));
}

#[tokio::test]
async fn forged_state_and_the_state_of_another_browser() {
    let lab = Lab::new().await;
    let mut waiting = Waiting::begin(&lab).await;
    for state in ["forged", ""] {
        let reply = waiting.callback(&lab, &[("code", "c"), ("state", state), ("iss", SIMULATOR)]).await;
        assert_eq!((reply.status, reply.problem()), (400, "login-unknown"));
    }
    // Login CSRF: the attacker's own answer, brought to the victim's browser.
    let mut victim = Browser::default();
    let params = [("code", "c"), ("state", waiting.state.as_str()), ("iss", SIMULATOR)];
    let reply = victim.get(&lab, &format!("{BROKER}/callback/simulator?{}", encode(&params))).await;
    assert_eq!((reply.status, reply.problem()), (400, "login-unknown"));
    let repeated = format!("{BROKER}/callback/simulator?{}&state=x", encode(&params));
    assert_eq!(waiting.browser.get(&lab, &repeated).await.problem(), "bad-request");
}

#[tokio::test]
async fn a_replayed_answer_does_nothing_and_leads_on() {
    let lab = Lab::new().await;
    let mut waiting = Waiting::begin(&lab).await;
    let token = lab.net.simulator.key.sign("JWT", &waiting.claims(&lab, json!({}))).unwrap();
    waiting.answer(&lab, token).await;
    let state = waiting.state.clone();
    let replay = waiting.callback(&lab, &[("code", "c"), ("state", &state), ("iss", SIMULATOR)]).await;
    assert_eq!((replay.status, replay.problem()), (410, "login-finished"));
    assert!(replay.body.contains("https://basic.example/"), "with a way on");
}

#[tokio::test]
async fn userinfo_of_another_subject() {
    let lab = Lab::new().await;
    let mut waiting = Waiting::begin(&lab).await;
    let token = lab.net.simulator.key.sign("JWT", &waiting.claims(&lab, json!({"sub": "s-2"}))).unwrap();
    assert!(refused(&waiting.answer(&lab, token).await));
}

#[tokio::test]
async fn an_unknown_acr_is_no_level() {
    let lab = Lab::new().await;
    for acr in [json!("urn:nixa:loa:4"), json!("WEAK"), json!(null)] {
        let mut waiting = Waiting::begin(&lab).await;
        let token = lab.net.simulator.key.sign("JWT", &waiting.claims(&lab, json!({"acr": acr}))).unwrap();
        let end = waiting.answer(&lab, token).await;
        assert!(!end.location().starts_with("https://basic.example"), "{acr}: {}", end.location());
        let silent = waiting.browser.get(&lab, &authorize_url("basic", &[("prompt", "none")])).await;
        assert_eq!(query(&silent.location(), "error").as_deref(), Some("login_required"), "{acr}");
    }
}

#[tokio::test]
async fn a_provider_that_claims_more_than_its_accreditation_is_capped() {
    let lab = Lab::new().await;
    let mut waiting = Waiting::begin(&lab).await;
    let token = lab.net.simulator.key.sign("JWT", &waiting.claims(&lab, json!({"acr": "strong"}))).unwrap();
    let end = waiting.answer(&lab, token).await.location();
    let tokens = crate::browser::redeem(&lab, "basic", &query(&end, "code").unwrap(), &[]).await.json();
    assert_eq!(crate::tokens::id_token(&lab, &tokens).await["acr"], "urn:nixa:loa:2");
}

#[tokio::test]
async fn a_number_that_does_not_fit_the_birth_date_joins_nobody() {
    let lab = Lab::new().await;
    let sub = |tokens: Map<String, Value>| tokens["sub"].as_str().unwrap().to_owned();
    let national = Browser::default().tokens(&lab, "basic", &[]).await;
    let national = sub(crate::tokens::id_token(&lab, &national).await);
    for (subject, birthdate, same) in [("s-1", "1991-01-01", false), ("s-2", "1990-03-15", true)] {
        let url = authorize_url("basic", &[("scope", "openid profile personal_number")]);
        let mut waiting = Waiting::with(&lab, Browser::default(), &url).await;
        let token = lab.net.simulator.key.sign("JWT", &waiting.claims(&lab, json!({"sub": subject}))).unwrap();
        *lab.net.simulator.id_token.lock().unwrap() = token;
        *lab.net.simulator.userinfo.lock().unwrap() =
            json!({"sub": subject, "name": "Other", "personal_number": NUMBER, "birthdate": birthdate});
        let state = waiting.state.clone();
        let end = waiting.callback(&lab, &[("code", "c"), ("state", &state), ("iss", SIMULATOR)]).await.location();
        let tokens = crate::browser::redeem(&lab, "basic", &query(&end, "code").unwrap(), &[]).await.json();
        let claims = crate::tokens::id_token(&lab, &tokens).await;
        assert_eq!(claims["sub"] == national, same, "{birthdate}");
        let userinfo = lab.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
        // Portals key their files on it: a number that may not join people is not released either.
        assert_eq!(userinfo.get("personal_number").is_some(), same, "{userinfo}");
        // A provider that is not authoritative cannot rename a person.
        assert_eq!(userinfo["name"], if same { "Name of mai" } else { "Other" });
    }
}

#[tokio::test]
async fn a_step_up_that_outlives_a_logout_brings_nothing_back() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[]).await;
    let page = browser.open(&lab, &authorize_url("two", &[])).await;
    assert!(page.url.ends_with("/totp"));
    let hint = tokens["id_token"].as_str().unwrap();
    browser.get(&lab, &format!("{BROKER}/logout?{}", encode(&[("id_token_hint", hint)]))).await;
    let code = nixa_idp::totp::code_at(crate::lab::TOTP, lab.clock.now()).unwrap();
    let end = browser.submit(&lab, &page, &[("code", &code)]).await;
    assert!(end.url.ends_with("/choose"), "the password from before the logout does not count: {}", end.url);
}

#[tokio::test]
async fn an_error_of_the_provider_leads_back_to_the_choice() {
    let lab = Lab::new().await;
    for error in ["access_denied", "server_error", "made_up"] {
        let mut waiting = Waiting::begin(&lab).await;
        let state = waiting.state.clone();
        let end = waiting.callback(&lab, &[("error", error), ("state", &state), ("iss", SIMULATOR)]).await;
        assert!(refused(&end), "{error}: {}", end.url);
    }
}
