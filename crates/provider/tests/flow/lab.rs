//! An engine with the stub on embedded stores, two clients, and what comes back from its router.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request};
use nixa_http_client::{HttpClient, HttpClients, HttpError};
use nixa_protocol::encryption::EncryptionKey;
use nixa_protocol::jose::{Algorithm, SigningKey};
use nixa_protocol::keyset::{KeySet, TimedKey};
use nixa_protocol::{Client, ClientAuthentication, Clock, Entropy, LocalizedText, Timestamp, digest};
use nixa_provider::{Clients, Lifetimes, Provider, ProviderParts, RateLimits, Runtime, Settings, Stores, router};
use nixa_storage_sql::{Location, PoolSettings, Role, SqlStore, SqliteShortLived};
use nixa_web::Branding;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tower::ServiceExt;

use crate::store::WatchedStore;
use crate::stub::{Stub, pages};

pub(crate) const ISSUER: &str = "https://op.example";
pub(crate) const SECRET: &str = "a-client-secret-of-sufficient-length";
/// The client of most tests; it has a page of its own and may refresh.
pub(crate) const PORTAL: &str = "portal";
/// A client without a page, whose requests are as good.
pub(crate) const OTHER: &str = "other";

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

struct SeededEntropy(Mutex<StdRng>);

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(buffer);
    }
}

/// The network: nobody is there.
struct Nowhere;

#[async_trait]
impl HttpClient for Nowhere {
    async fn send(&self, _: nixa_http_client::Request) -> Result<nixa_http_client::Response, HttpError> {
        Err(HttpError::Connect("no such host".into()))
    }
}

pub(crate) struct Lab {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) short: Arc<WatchedStore>,
    pub(crate) provider: Arc<Provider<Stub>>,
    router: Router,
    /// Where the stores are, until the test ends.
    _folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::with(RateLimits::default()).await
    }

    pub(crate) async fn with(rate_limits: RateLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000)));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy(Mutex::new(StdRng::seed_from_u64(7))));
        let short = SqliteShortLived::open(&folder.path().join("short-lived.db")).await.unwrap();
        let short = Arc::new(WatchedStore::new(short));
        let location = Location::File(folder.path().join("durable.db"));
        let store = SqlStore::open(&location, PoolSettings::default(), Role::Broker).await.unwrap();
        let store = Arc::new(store.with_audit_key(EncryptionKey::new(&[1; 32]).unwrap(), entropy.clone()));
        let nowhere: Arc<dyn HttpClient> = Arc::new(Nowhere);
        let provider = Arc::new(Provider::new(ProviderParts {
            settings: Settings {
                issuer: ISSUER.to_owned(),
                pairwise_key: [2; 32],
                acr_values: vec!["stub".to_owned()],
                scopes: scopes(),
                registration: None,
                lifetimes: Lifetimes::default(),
                rate_limits,
            },
            runtime: Runtime { clock: clock.clone(), entropy },
            clients: Clients::new(store.clone(), nowhere.clone(), vec![portal(), other()]),
            stores: Stores { short: short.clone(), grants: store.clone(), outbox: store.clone(), audit: store },
            branding: Branding {
                name: LocalizedText { vi: "Máy chủ".to_owned(), en: "Server".to_owned() },
                accent: "#1f4e79".to_owned(),
                form_targets: String::new(),
            },
            http: HttpClients { trusted: nowhere.clone(), guarded: nowhere },
            interaction: Stub::new(short.clone()),
        }));
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        provider.keys.replace(KeySet::new(vec![TimedKey::new(key, Timestamp(0), None).unwrap()]));
        Self { clock, short, router: router(provider.clone(), pages(), "op"), provider, _folder: folder }
    }

    pub(crate) fn stub(&self) -> &Stub {
        &self.provider.interaction
    }

    /// Sends a request as a server hands it over: with the address of the peer.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Reply {
        let path = request.uri().path().to_owned();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([198, 51, 100, 7], 4000))));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        Reply { path, status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Calls an endpoint of programs as a client that authenticates by its secret in the form.
    pub(crate) async fn call(&self, client_id: &str, path: &str, form: &[(&str, &str)]) -> Reply {
        let mut form = form.to_vec();
        form.extend([("client_id", client_id), ("client_secret", SECRET)]);
        self.send(post(path).body(Body::from(encode(&form))).unwrap()).await
    }

    /// The names of what the audit trail holds, in order.
    pub(crate) async fn audited(&self) -> Vec<String> {
        let records = self.provider.stores.audit.records(0, 0, 10_000).await.unwrap();
        records.into_iter().map(|record| record.draft.kind).collect()
    }

    pub(crate) async fn count_audited(&self, kind: &str) -> usize {
        self.audited().await.iter().filter(|found| *found == kind).count()
    }
}

fn scopes() -> std::collections::BTreeSet<String> {
    ["openid", "profile", "offline_access"].map(str::to_owned).into()
}

fn client(client_id: &str) -> Client {
    let name = LocalizedText { vi: format!("Cổng {client_id}"), en: format!("Portal {client_id}") };
    Client {
        redirect_uris: vec![callback(client_id)],
        scopes: scopes(),
        id_token_alg: Algorithm::Es256,
        declared: true,
        ..Client::new(client_id, name, ClientAuthentication::SecretPost(digest(SECRET)))
    }
}

fn portal() -> Client {
    Client { client_uri: Some("https://portal.example/".to_owned()), refresh_tokens: true, ..client(PORTAL) }
}

fn other() -> Client {
    client(OTHER)
}

pub(crate) fn callback(client_id: &str) -> String {
    format!("https://{client_id}.example/cb")
}

pub(crate) fn encode(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// The head of a request with a form.
pub(crate) fn post(path: &str) -> axum::http::request::Builder {
    Request::post(path).header("content-type", "application/x-www-form-urlencoded")
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    /// A parameter of the address that it leads to.
    pub(crate) fn answer(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(self.location()).ok()?;
        url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.body))
    }

    /// The status and the public code of an error page.
    pub(crate) fn problem(&self) -> (u16, &str) {
        (self.status, between(&self.body, "data-problem=\"", "\"").unwrap_or_default())
    }

    /// The language of a page.
    pub(crate) fn language(&self) -> &str {
        between(&self.body, "<html lang=\"", "\"").unwrap_or_default()
    }

    /// The CSRF token of the form with this action's end.
    pub(crate) fn csrf(&self, action: &str) -> String {
        let form = &self.body[self.body.find(&format!("{action}\"")).unwrap_or_else(|| panic!("no {action}"))..];
        between(form, "name=\"csrf\" value=\"", "\"").unwrap().to_owned()
    }
}

pub(crate) fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = &text[text.find(before)? + before.len()..];
    rest.split_once(after).map(|(found, _)| found)
}
