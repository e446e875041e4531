//! Opens stores on one Redis server, each in a namespace of its own; and what Redis is asked to do.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use nixa_protocol::Timestamp;
use nixa_storage::{ShortLived, StorageError};
use nixa_storage_redis::{RedisOptions, RedisShortLived};

use crate::servers::Server;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start(&[]));
static NAMESPACES: AtomicU32 = AtomicU32::new(0);

const NOW: Timestamp = Timestamp(1_000_000);
const END: Timestamp = Timestamp(1_000_060);

pub(crate) struct Opened(Arc<dyn ShortLived>);

impl Opened {
    pub(crate) fn on(url: &str) -> Self {
        Self(Arc::new(RedisShortLived::open(url, RedisOptions::new(fresh_namespace())).unwrap()))
    }

    pub(crate) fn port(&self) -> Arc<dyn ShortLived> {
        Arc::clone(&self.0)
    }
}

pub(crate) fn fresh_namespace() -> String {
    format!("test-{}", NAMESPACES.fetch_add(1, Ordering::Relaxed))
}

pub(crate) use short_lived as entries;

pub(crate) async fn short_lived() -> Opened {
    Opened::on(&SERVER.url())
}

/// Everything that an error says, and what it says of its causes.
pub(crate) fn told(error: &StorageError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(|cause| format!("{cause} {cause:?} ")).collect()
}

#[tokio::test]
async fn namespaces_do_not_see_one_another() {
    let open = |name: &str| RedisShortLived::open(&SERVER.url(), RedisOptions::new(name)).unwrap();
    let (broker, idp) = (open("broker"), open("broker2"));
    broker.put("k", b"broker's", END, NOW).await.unwrap();
    assert_eq!(idp.get("k", NOW).await.unwrap(), None);
    assert!(idp.put_new("k", b"idp's", END, NOW).await.unwrap());
    idp.delete("k").await.unwrap();
    assert_eq!(broker.take("k", NOW).await.unwrap().unwrap(), b"broker's");
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named_without_the_password() {
    let refused = |url: &str, options: RedisOptions| match RedisShortLived::open(url, options) {
        Err(error @ StorageError::Settings(_)) => told(&error),
        other => panic!("{other:?}"),
    };
    let url = "redis://an:hunter2@cache:port";
    let text = refused(url, RedisOptions::new("broker"));
    assert!(text.contains("port is not a number") && !text.contains("hunter2"), "{text}");
    for namespace in ["", "a:b", "a b", "số"] {
        assert!(refused("redis://cache", RedisOptions::new(namespace)).contains("namespace"));
    }
    let ca = SERVER.file("broken.pem", "-----BEGIN CERTIFICATE-----\nAA\n");
    for scheme in ["rediss", "rediss-cluster"] {
        let text = refused(&format!("{scheme}://:hunter2@cache?ca={ca}"), RedisOptions::new("broker"));
        assert!(text.contains("certificate") && !text.contains("hunter2"), "{text}");
    }
    let store = RedisShortLived::open("redis://:hunter2@cache", RedisOptions::new("broker")).unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
}

#[tokio::test]
async fn redis_forgets_an_entry_soon_after_its_end() {
    let (store, namespace) = {
        let namespace = fresh_namespace();
        (RedisShortLived::open(&SERVER.url(), RedisOptions::new(&namespace)).unwrap(), namespace)
    };
    store.put("put", b"v", END, NOW).await.unwrap();
    store.put("ended", b"v", NOW, END).await.unwrap();
    store.put_new("new", b"v", END, NOW).await.unwrap();
    store.put("replaced", b"v", Timestamp(i64::MAX), Timestamp(i64::MIN)).await.unwrap();
    assert!(store.replace("replaced", b"v", b"w", END, NOW).await.unwrap());
    let left =
        |key: &str| -> i64 { SERVER.say(&format!("PTTL {namespace}:{key}")).trim_start_matches(':').parse().unwrap() };
    for key in ["put", "new", "replaced"] {
        assert!((60_000..=70_000).contains(&left(key)), "{key}: {}", left(key));
    }
    assert!((1..=10_000).contains(&left("ended")));
}

#[tokio::test]
async fn a_forgotten_script_is_sent_again() {
    let store = short_lived().await.port();
    assert!(store.put_new("k", b"v", END, NOW).await.unwrap());
    SERVER.say("SCRIPT FLUSH");
    assert!(store.replace("k", b"v", b"w", END, NOW).await.unwrap());
    assert!(!store.put_new("k", b"v", END, NOW).await.unwrap());
}

#[tokio::test]
async fn a_value_of_somebody_else_is_an_error() {
    let namespace = fresh_namespace();
    let store = RedisShortLived::open(&SERVER.url(), RedisOptions::new(&namespace)).unwrap();
    SERVER.say(&format!("SET {namespace}:short secret"));
    SERVER.say(&format!("RPUSH {namespace}:list secret"));
    for key in ["short", "list"] {
        for outcome in [
            store.get(key, NOW).await.map(|_| ()),
            store.put_new(key, b"v", END, NOW).await.map(|_| ()),
            store.replace(key, b"v", b"w", END, NOW).await.map(|_| ()),
            store.take(key, NOW).await.map(|_| ()),
        ] {
            let text = told(&outcome.unwrap_err());
            assert!(!text.contains("secret") && !text.contains(key), "{text}");
        }
    }
    store.ping().await.unwrap();
}

/// What the documentation of [`RedisShortLived`] says that its user has to be allowed to.
pub(crate) const RIGHTS: &str = "+@string +@scripting +@connection +del";

pub(crate) async fn uses_everything(store: &RedisShortLived) {
    store.ping().await.unwrap();
    store.put("k", b"v", END, NOW).await.unwrap();
    assert!(store.replace("k", b"v", b"w", END, NOW).await.unwrap());
    assert_eq!(store.get("k", NOW).await.unwrap().unwrap(), b"w");
    assert_eq!(store.take("k", NOW).await.unwrap().unwrap(), b"w");
    assert!(store.put_new("k", b"v", END, NOW).await.unwrap());
    store.delete("k").await.unwrap();
}

#[tokio::test]
async fn a_user_with_few_rights_is_enough() {
    SERVER.say(&format!("ACL SETUSER few on >p ~few:* ~few.ping {RIGHTS}"));
    SERVER.say("SCRIPT FLUSH");
    let url = SERVER.url().replace("://", "://few:p@") + "/3";
    uses_everything(&RedisShortLived::open(&url, RedisOptions::new("few")).unwrap()).await;
    let other = RedisShortLived::open(&url, RedisOptions::new("other")).unwrap();
    assert!(told(&other.ping().await.unwrap_err()).contains("NOPERM"));
}
