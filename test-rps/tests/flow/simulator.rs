//! A simulator of the login exchange: a tiny OpenID provider over real HTTP on loopback.
//!
//! It is strict where a portal could go wrong unseen (client authentication, PKCE, redirect URI,
//! single-use codes) and, on demand, gives wrong answers.

use axum::extract::{Form, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap};
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{SystemTime, UNIX_EPOCH};
use test_rps::{PortalConfig, Registration, router, social_insurance, tax};
use tokio::net::TcpListener;
use url::Url;

pub(crate) const CLIENT: &str = "bhxh";
pub(crate) const SECRET: &str = "mật khẩu:+/%";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

static SERIAL: AtomicU64 = AtomicU64::new(1);

fn serial() -> u64 {
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

#[expect(clippy::disallowed_methods, reason = "the simulator is a party of its own with its own clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) struct Simulator {
    pub(crate) issuer: String,
    key: Mutex<Arc<Key>>,
    codes: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, Token>>,
    /// Members of the metadata to replace, or with null to leave out.
    pub(crate) metadata: Mutex<Map<String, Value>>,
    pub(crate) discoveries: AtomicU64,
    pub(crate) introspections: AtomicU64,
}

struct Key {
    id: String,
    private: CoreEdDsaPrivateSigningKey,
}

struct Grant {
    challenge: String,
    redirect_uri: String,
    id_token: String,
    token: Token,
}

/// What the simulator says of an access token.
struct Token {
    user_info: Value,
    introspection: Map<String, Value>,
}

impl Key {
    /// RFC 8410, section 7: the fixed head of a PKCS#8 document, then 32 bytes.
    fn generate() -> Arc<Self> {
        let mut document =
            vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
        document.extend(Sha256::digest(format!("simulator key {} {}", serial(), now())));
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(document));
        let id = format!("key-{}", serial());
        let kid = Some(JsonWebKeyId::new(id.clone()));
        let private = CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, kid).unwrap();
        Arc::new(Self { id, private })
    }
}

/// What the simulator says about a person; tests change members to make it lie.
pub(crate) struct Answer {
    pub(crate) id_token: Map<String, Value>,
    pub(crate) user_info: Value,
    /// Members of the introspection response to add or to replace.
    pub(crate) introspection: Map<String, Value>,
    pub(crate) iss: Option<String>,
    pub(crate) state: String,
}

impl Simulator {
    pub(crate) async fn start() -> Arc<Self> {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn start_on(listener: TcpListener) -> Arc<Self> {
        let simulator = Arc::new(Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            key: Mutex::new(Key::generate()),
            codes: Mutex::default(),
            tokens: Mutex::default(),
            metadata: Mutex::default(),
            discoveries: AtomicU64::new(0),
            introspections: AtomicU64::new(0),
        });
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route("/introspect", post(introspect))
            .with_state(Arc::clone(&simulator));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        simulator
    }

    /// A portal registered here: Social Insurance, level 2 essential.
    pub(crate) fn portal(&self) -> Router {
        self.portal_with(|_| {})
    }

    pub(crate) fn portal_with(&self, change: impl FnOnce(&mut PortalConfig)) -> Router {
        let mut config = portal_config(&self.issuer);
        change(&mut config);
        router(config).unwrap()
    }

    /// The sample tax portal, served over HTTP because its page calls its own API.
    pub(crate) async fn tax(&self) -> Router {
        self.tax_with(|_| {}).await
    }

    pub(crate) async fn tax_with(&self, change: impl FnOnce(&mut PortalConfig)) -> Router {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public_url = format!("http://{}/", listener.local_addr().unwrap());
        let mut config = tax(registration(&self.issuer, &public_url));
        change(&mut config);
        let portal = router(config).unwrap();
        let served = portal.clone();
        tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        portal
    }

    pub(crate) fn rotate_key(&self) {
        *self.key.lock().unwrap() = Key::generate();
    }

    pub(crate) fn set_metadata(&self, name: &str, value: Value) {
        self.metadata.lock().unwrap().insert(name.to_owned(), value);
    }

    /// Approves the authentication request and gives the callback's path and query.
    pub(crate) fn approve(&self, location: &str) -> String {
        self.approve_with(location, |_| {})
    }

    pub(crate) fn approve_with(&self, location: &str, change: impl FnOnce(&mut Answer)) -> String {
        let request = query(location);
        assert!(location.starts_with(&format!("{}/authorize?", self.issuer)));
        assert_eq!(request["response_type"], "code");
        assert_eq!(request["code_challenge_method"], "S256");
        assert_eq!(request["client_id"], CLIENT);
        let mut answer = self.truth(&request);
        change(&mut answer);
        let code = format!("code-{}", serial());
        let grant = Grant {
            challenge: request["code_challenge"].clone(),
            redirect_uri: request["redirect_uri"].clone(),
            id_token: self.sign(&answer.id_token, Some("JWT")),
            token: Token { introspection: introspection(&answer), user_info: answer.user_info },
        };
        self.codes.lock().unwrap().insert(code.clone(), grant);
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.append_pair("code", &code).append_pair("state", &answer.state);
        if let Some(iss) = &answer.iss {
            pairs.append_pair("iss", iss);
        }
        format!("/callback?{}", pairs.finish())
    }

    fn truth(&self, request: &BTreeMap<String, String>) -> Answer {
        let id_token = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "pairwise-1", "sid": "sid-1",
            "iat": now(), "exp": now() + 300, "auth_time": now() - 5,
            "nonce": request["nonce"], "acr": "urn:nixa:loa:2", "amr": ["pwd", "urn:x:new"],
        });
        Answer {
            id_token: id_token.as_object().unwrap().clone(),
            user_info: json!({
                "sub": "pairwise-1", "name": "Nguyễn Văn An <b>", "birthdate": "1990-02-03",
                "urn:vn:claim": {"a": [1]},
            }),
            introspection: Map::new(),
            iss: Some(self.issuer.clone()),
            state: request["state"].clone(),
        }
    }

    /// An access token of a good login, issued outside any login of a browser.
    pub(crate) fn issue(&self, member: &str, value: Value) -> String {
        let request = BTreeMap::from([("nonce".to_owned(), String::new()), ("state".to_owned(), String::new())]);
        let mut answer = self.truth(&request);
        answer.introspection.insert(member.to_owned(), value);
        self.keep(Token { introspection: introspection(&answer), user_info: answer.user_info })
    }

    fn keep(&self, token: Token) -> String {
        let access = format!("access-{}", serial());
        self.tokens.lock().unwrap().insert(access.clone(), token);
        access
    }

    /// The claims of a valid logout token.
    pub(crate) fn logout_claims(&self) -> Map<String, Value> {
        let claims = json!({
            "iss": self.issuer, "aud": CLIENT, "iat": now(), "exp": now() + 120,
            "jti": format!("jti-{}", serial()), "events": {EVENT: {}}, "sid": "sid-1",
        });
        claims.as_object().unwrap().clone()
    }

    pub(crate) fn sign(&self, claims: &Map<String, Value>, typ: Option<&str>) -> String {
        let key = Arc::clone(&self.key.lock().unwrap());
        let mut header = json!({"alg": "EdDSA", "kid": key.id});
        if let Some(typ) = typ {
            header["typ"] = json!(typ);
        }
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(header.to_string()), part(json!(claims).to_string()));
        let signature = key.private.sign(&CoreJwsSigningAlgorithm::EdDsa, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

pub(crate) fn portal_config(issuer: &str) -> PortalConfig {
    social_insurance(registration(issuer, "http://localhost:8411/"))
}

fn registration(issuer: &str, public_url: &str) -> Registration {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
    });
    Registration {
        public_url: Url::parse(public_url).unwrap(),
        issuer: Url::parse(issuer).unwrap(),
        client_id: CLIENT.to_owned(),
        client_secret: SECRET.to_owned(),
    }
}

/// What the token says is what the login was, unless a test wants them to differ.
fn introspection(answer: &Answer) -> Map<String, Value> {
    let mut members = json!({
        "active": true, "client_id": CLIENT, "token_type": "Bearer", "scope": "openid profile",
        "exp": now() + 300, "iat": now(),
    });
    for name in ["sub", "acr", "auth_time"] {
        members[name] = answer.id_token[name].clone();
    }
    let mut members = members.as_object().unwrap().clone();
    members.extend(answer.introspection.clone());
    members
}

pub(crate) fn query(location: &str) -> BTreeMap<String, String> {
    let url = Url::parse("http://localhost:8411/").unwrap().join(location).unwrap();
    url.query_pairs().into_owned().collect()
}

async fn discovery(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    simulator.discoveries.fetch_add(1, Ordering::Relaxed);
    let issuer = &simulator.issuer;
    let mut metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "introspection_endpoint": format!("{issuer}/introspect"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/logout?tenant=vn"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "FUTURE9"],
        "authorization_response_iss_parameter_supported": true,
    });
    for (name, value) in simulator.metadata.lock().unwrap().iter() {
        metadata[name] = value.clone();
    }
    Json(metadata)
}

async fn jwks(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    let key = simulator.key.lock().unwrap().private.as_verification_key();
    Json(json!({"keys": [key, {"kty": "FUTURE", "kid": "x"}]}))
}

async fn token(
    State(simulator): State<Arc<Simulator>>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    if !authenticated(&headers, &form) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    let grant = simulator.codes.lock().unwrap().remove(&form["code"]);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    let grant = grant.filter(|grant| grant.challenge == challenge && grant.redirect_uri == form["redirect_uri"]);
    let Some(grant) = grant else {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    };
    let access = simulator.keep(grant.token);
    let body = json!({"access_token": access, "token_type": "Bearer", "id_token": grant.id_token});
    Json(body).into_response()
}

/// RFC 6749, section 2.3.1: form-encoded before Basic; or both in the body, never both ways.
fn authenticated(headers: &HeaderMap, form: &BTreeMap<String, String>) -> bool {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = STANDARD.encode(format!("{}:{}", encode(CLIENT), encode(SECRET)));
    match (headers.get(AUTHORIZATION), form.get("client_secret")) {
        (Some(header), None) => header.to_str().unwrap() == format!("Basic {basic}"),
        (None, Some(secret)) => secret == SECRET && form["client_id"] == CLIENT,
        _ => false,
    }
}

async fn userinfo(State(simulator): State<Arc<Simulator>>, headers: HeaderMap) -> Response {
    let bearer = headers[AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer ");
    let tokens = simulator.tokens.lock().unwrap();
    match bearer.and_then(|token| tokens.get(token)) {
        Some(token) => Json(token.user_info.clone()).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn introspect(
    State(simulator): State<Arc<Simulator>>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    simulator.introspections.fetch_add(1, Ordering::Relaxed);
    if !authenticated(&headers, &form) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    let tokens = simulator.tokens.lock().unwrap();
    let members = tokens.get(&form["token"]).map(|token| json!(token.introspection));
    Json(members.unwrap_or_else(|| json!({"active": false}))).into_response()
}
