//! A broker, an identity provider and a simulated one, joined in one process, with a fixed clock and a
//! seeded random number generator.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use http::Method;
use nixa::compose::{self, Server};
use nixa::config::Config;
use nixa::environment::Environment;
use nixa_broker::Broker;
use nixa_http_client::{HttpClient, HttpClients, HttpError, Request, Response};
use nixa_idp::{Idp, NewAccount, enrol};
use nixa_protocol::jose::{Algorithm, SigningKey};
use nixa_protocol::{Clock, Entropy, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::simulator::Simulator;

pub(crate) const BROKER: &str = "https://broker.example";
pub(crate) const IDP: &str = "https://idp.example";
pub(crate) const SIMULATOR: &str = "https://simulator.example";
pub(crate) const SECRET: &str = "a-client-secret-of-sufficient-length";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const TOTP: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
/// The API of "two"; "three" is its back end.
pub(crate) const API: &str = "https://api.example/";
pub(crate) const NUMBER: &str = "001190000001";

pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

struct Seeded(Mutex<StdRng>);

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(buffer);
    }
}

/// Requests between the servers go straight to their routers.
#[derive(Default)]
pub(crate) struct Net {
    routers: Mutex<HashMap<String, Router>>,
    pub(crate) simulator: Simulator,
    pub(crate) logouts: Mutex<Vec<(String, String)>>,
    pub(crate) deaf: Mutex<bool>,
    /// Whether what they publish are pictures.
    pub(crate) pictures: AtomicBool,
    /// What portals publish, and how often it was fetched.
    pub(crate) published: Mutex<HashMap<String, (Vec<u8>, usize)>>,
}

impl Net {
    /// Keeps a logout token; portals that are deaf do not accept it.
    fn receive_logout(&self, request: &Request) -> Response {
        let form = std::str::from_utf8(request.body()).unwrap();
        let token = form.strip_prefix("logout_token=").unwrap();
        self.logouts.lock().unwrap().push((request.uri().to_string(), token.to_owned()));
        let status = if *self.deaf.lock().unwrap() { 503 } else { 200 };
        http::Response::builder().status(status).body(Vec::new()).unwrap()
    }
}

/// The trusted client: the servers, the simulator, and the logout endpoints of declared portals.
#[async_trait]
impl HttpClient for Net {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let host = request.uri().host().unwrap().to_owned();
        if SIMULATOR.ends_with(&host) {
            return Ok(self.simulator.answer(&request));
        }
        if request.uri().path() == "/backchannel" {
            return Ok(self.receive_logout(&request));
        }
        let router = self.routers.lock().unwrap().get(&host).cloned();
        let router = router.ok_or_else(|| HttpError::Connect("no such host".into()))?;
        let response = router.oneshot(from("192.0.2.1:4000", request.map(Body::from))).await.unwrap();
        let (parts, body) = response.into_parts();
        Ok(http::Response::from_parts(parts, to_bytes(body, 1 << 20).await.unwrap().to_vec()))
    }
}

/// The guarded client: what portals publish, and the logout endpoints of registered ones.
struct Portals(Arc<Net>);

#[async_trait]
impl HttpClient for Portals {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        if request.method() == Method::POST {
            return Ok(self.0.receive_logout(&request));
        }
        let mut published = self.0.published.lock().unwrap();
        let found = published.get_mut(&request.uri().to_string());
        let (body, fetched) = found.ok_or_else(|| HttpError::Connect("no such host".into()))?;
        *fetched += 1;
        let picture = self.0.pictures.load(Ordering::SeqCst);
        let media_type = if picture { "image/png" } else { "application/json" };
        Ok(http::Response::builder().header("content-type", media_type).body(body.clone()).unwrap())
    }
}

pub(crate) struct Lab {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) net: Arc<Net>,
    pub(crate) broker: Server<Broker>,
    pub(crate) idp: Server<Idp>,
    pub(crate) client_key: SigningKey,
    pub(crate) environment: Environment,
    folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With more lines in the broker's configuration.
    pub(crate) async fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000)));
        let net = Arc::new(Net::default());
        let environment = Environment {
            clock: clock.clone(),
            entropy: Arc::new(Seeded(Mutex::new(StdRng::seed_from_u64(7)))),
            http: HttpClients { trusted: net.clone(), guarded: Arc::new(Portals(net.clone())) },
        };
        let client_key = SigningKey::generate(Algorithm::Es256).unwrap();
        let broker_file = write(folder.path(), "broker.toml", &(broker_config(&client_key) + more));
        let broker = compose::broker(&Config::load(&broker_file).unwrap(), &environment).await.unwrap();
        let broker_key = broker.keys.client_key(clock.now()).await.unwrap();
        let idp_file = write(folder.path(), "idp.toml", &idp_config(&broker_key));
        let idp = compose::idp(&Config::load(&idp_file).unwrap(), &environment).await.unwrap();
        net.routers.lock().unwrap().insert("broker.example".into(), broker.router.clone());
        net.routers.lock().unwrap().insert("idp.example".into(), idp.router.clone());
        for (username, number) in [("mai", NUMBER), ("binh", "079085000002")] {
            let attributes = json!({
                "name": format!("Name of {username}"),
                "personal_number": number,
                "birthdate": if username == "mai" { "1990-03-15" } else { "1985-11-02" },
            });
            let new = NewAccount {
                username: username.into(),
                password: PASSWORD.into(),
                totp_secret: TOTP.into(),
                identity_level: 1,
                attributes: attributes.as_object().unwrap().clone(),
            };
            enrol(&*idp.store, &*environment.entropy, new, clock.now()).await.unwrap();
        }
        Self { clock, net, broker, idp, client_key, environment, folder }
    }

    pub(crate) async fn send(&self, request: http::Request<Body>) -> Reply {
        let url = request.uri().to_string();
        let request = from("198.51.100.7:4000", request);
        let router = self.net.routers.lock().unwrap()[request.uri().host().unwrap()].clone();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8_lossy(&to_bytes(body, 1 << 20).await.unwrap()).into_owned();
        Reply { url, status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn post(&self, url: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Reply {
        let mut request = http::Request::post(url).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(encode(form))).unwrap()).await
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Reply {
        let request =
            http::Request::get(format!("{BROKER}/userinfo")).header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

/// As a server hands over a request: with the address of the peer.
fn from(peer: &str, mut request: http::Request<Body>) -> http::Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

fn write(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

pub(crate) fn encode(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> String {
        let location = self.header("location");
        if location.starts_with('/') {
            let origin = url::Url::parse(&self.url).unwrap().origin().ascii_serialization();
            return format!("{origin}{location}");
        }
        location.to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.body))
    }

    /// The public code of a problem page.
    pub(crate) fn problem(&self) -> &str {
        between(&self.body, "data-problem=\"", "\"").unwrap_or_default()
    }
}

pub(crate) fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let start = text.find(before)? + before.len();
    let rest = &text[start..];
    Some(&rest[..rest.find(after)?])
}

/// A parameter of a URL's query.
pub(crate) fn query(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}

fn jwk_table(key: &SigningKey) -> String {
    let jwk = key.public_jwk();
    let member = |name: &str| jwk[name].as_str().unwrap().to_owned();
    format!(
        "{{ kty = \"EC\", crv = \"P-256\", x = \"{}\", y = \"{}\", kid = \"{}\" }}",
        member("x"),
        member("y"),
        member("kid")
    )
}

fn broker_config(client_key: &SigningKey) -> String {
    let text = format!(
        r##"
[server]
issuer = "{BROKER}"
listen = "127.0.0.1:0"
name = {{ vi = "Sàn", en = "Exchange" }}
data_dir = "broker"
[[broker.identity_provider]]
id = "national"
name = {{ vi = "Quốc gia", en = "National" }}
description = {{ vi = "A", en = "B" }}
issuer = "{IDP}"
client_id = "broker"
cap = "urn:nixa:loa:4"
states_authenticators = true
states_personal_number = true
authoritative = true
level = [
  {{ acr = "urn:nixa:loa:1", methods = ["password"], identity = 1 }},
  {{ acr = "urn:nixa:loa:2", methods = ["password", "totp"], identity = 1 }},
]
[[broker.identity_provider]]
id = "simulator"
name = {{ vi = "Mô phỏng", en = "Simulator" }}
description = {{ vi = "A", en = "B" }}
issuer = "{SIMULATOR}"
client_id = "broker"
cap = "urn:nixa:loa:2"
states_personal_number = true
level = [
  {{ acr = "weak", methods = ["password"], identity = 1 }},
  {{ acr = "strong", methods = ["passkey:biometric-only"], identity = 2 }},
]
"##
    );
    portals(client_key).iter().fold(text, |text, (id, lines)| text + &portal(id, lines))
}

/// The lines with which a portal authenticates by the secret.
const BY_SECRET: &str = "client_secret = \"a-client-secret-of-sufficient-length\"";
const MAY_REFRESH: &str = "client.grant_types = [\"authorization_code\", \"refresh_token\"]";

fn portals(client_key: &SigningKey) -> [(&'static str, String); 10] {
    let jwks = format!("client.jwks.keys = [{}]", jwk_table(client_key));
    let level = |level: u8| format!("{BY_SECRET}\nminimum_acr = \"urn:nixa:loa:{level}\"\nresource = \"{API}\"");
    [
        ("basic", format!("{BY_SECRET}\n{MAY_REFRESH}")),
        ("other", format!("{BY_SECRET}\nclient.token_endpoint_auth_method = \"client_secret_post\"")),
        ("public", "client.token_endpoint_auth_method = \"none\"".to_owned()),
        ("legacy", format!("{BY_SECRET}\nrequire_pkce = false")),
        ("jwt", format!("client.token_endpoint_auth_method = \"private_key_jwt\"\n{jwks}")),
        ("two", format!("{}\naccess_tokens = \"jwt\"", level(2))),
        ("three", level(3)),
        ("pushing", format!("{BY_SECRET}\nclient.require_pushed_authorization_requests = true")),
        (
            "signing",
            format!(
                "{BY_SECRET}\nclient.require_signed_request_object = true\n{jwks}
audiences = [\"{API}\"]\nown_scopes = [\"files:read\", \"files:write\"]"
            ),
        ),
        ("asking", format!("{BY_SECRET}\nask_consent = true")),
    ]
}

fn portal(id: &str, lines: &str) -> String {
    let confirmation = if id == "other" { "first" } else { "never" };
    format!(
        r#"
[[broker.portal]]
client_id = "{id}"
sector = "{id}"
sso_confirmation = "{confirmation}"
client.client_name = "Portal {id}"
client."client_name#vi" = "Cổng {id}"
client.client_uri = "https://{id}.example/"
client.redirect_uris = ["https://{id}.example/cb"]
client.post_logout_redirect_uris = ["https://{id}.example/bye"]
client.backchannel_logout_uri = "https://{id}.example/backchannel"
client.scope = "openid profile personal_number offline_access"
{lines}
[[broker.portal.service]]
code = "look"
acr = "urn:nixa:loa:1"
text = {{ vi = "Tra cứu", en = "Look up" }}
[[broker.portal.service]]
code = "file"
acr = "urn:nixa:loa:2"
max_age = 300
text = {{ vi = "Nộp tờ khai", en = "File a return" }}
[[broker.portal.service]]
code = "again"
acr = "urn:nixa:loa:2"
sso = false
text = {{ vi = "Ký", en = "Sign" }}
"#
    )
}

fn idp_config(broker_key: &SigningKey) -> String {
    format!(
        r##"
[server]
issuer = "{IDP}"
listen = "127.0.0.1:0"
name = {{ vi = "Quốc gia", en = "National" }}
data_dir = "idp"
[idp]
[[idp.client]]
client_id = "broker"
client_name = "Exchange"
"client_name#vi" = "Sàn"
redirect_uris = ["{BROKER}/callback/national"]
jwks.keys = [{}]
"##,
        jwk_table(broker_key)
    )
}
