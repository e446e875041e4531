//! What happens to callers while Redis is away, and that it is found again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nixa_protocol::Timestamp;
use nixa_storage::{ShortLived, StorageError};
use nixa_storage_redis::{RedisOptions, RedisShortLived};
use tokio::time::{Instant, sleep, timeout};

use crate::race::race;
use crate::redis::{Opened, fresh_namespace, told};
use crate::servers::{Cluster, Server, sentinels};

const NOW: Timestamp = Timestamp(1_000_000);
const END: Timestamp = Timestamp(1_000_060);
const TIMEOUT: Duration = Duration::from_secs(1);
const BACK: Duration = Duration::from_secs(5);

fn open(url: &str) -> RedisShortLived {
    let options = RedisOptions { timeout: TIMEOUT, ..RedisOptions::new(fresh_namespace()) };
    RedisShortLived::open(url, options).unwrap()
}

/// Tries again until it succeeds.
pub(crate) async fn works_within<F>(patience: Duration, attempt: impl Fn() -> F)
where
    F: Future<Output = Result<(), StorageError>>,
{
    let tries = async {
        while attempt().await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(timeout(patience, tries).await.is_ok(), "does not work again within {patience:?}");
}

/// Every method fails as it should, within about the timeout.
async fn is_unavailable(store: &RedisShortLived) {
    let begin = Instant::now();
    let outcomes = tokio::join!(
        store.ping(),
        async { store.get("k", NOW).await.map(|_| ()) },
        async { store.take("k", NOW).await.map(|_| ()) },
        async { store.put_new("k", b"v", END, NOW).await.map(|_| ()) },
        async { store.replace("k", b"v", b"w", END, NOW).await.map(|_| ()) },
        store.put("k", b"v", END, NOW),
        store.delete("k"),
    );
    let (a, b, c, d, e, f, g) = outcomes;
    for outcome in [a, b, c, d, e, f, g] {
        assert!(matches!(outcome, Err(StorageError::Unavailable(_) | StorageError::TooSlow)), "{outcome:?}");
    }
    assert!(begin.elapsed() < TIMEOUT * 2, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_paused_server() {
    let server = Server::start(&[]);
    let store = open(&server.url());
    store.put("k2", b"v", END, NOW).await.unwrap();
    server.signal("STOP");
    is_unavailable(&store).await;
    is_unavailable(&store).await;
    server.signal("CONT");
    works_within(BACK, || store.ping()).await;
    assert_eq!(store.take("k2", NOW).await.unwrap().unwrap(), b"v");
}

#[tokio::test]
async fn a_restarted_server() {
    let mut server = Server::start(&[]);
    let store = open(&server.url());
    store.ping().await.unwrap();
    server.kill();
    is_unavailable(&store).await;
    server.restart();
    works_within(BACK, || store.put("k", b"v", END, NOW)).await;
    assert_eq!(store.get("k", NOW).await.unwrap().unwrap(), b"v");
}

#[tokio::test]
async fn a_restart_that_nobody_saw() {
    let mut server = Server::start(&[]);
    let store = open(&server.url());
    store.ping().await.unwrap();
    server.kill();
    server.restart();
    // The library has heard of the end of the connection meanwhile, if its task could run.
    sleep(Duration::from_millis(100)).await;
    store.put("k", b"v", END, NOW).await.unwrap();
}

#[tokio::test]
async fn a_server_that_comes_up_later() {
    let mut server = Server::prepared(&[]);
    let store = open(&server.url());
    is_unavailable(&store).await;
    server.restart();
    works_within(BACK, || store.ping()).await;
    store.put("k", b"v", END, NOW).await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_comes_up_later() {
    let mut cluster = Cluster::start(0, 30_000);
    for node in &mut cluster.nodes {
        node.kill();
    }
    let store = open(&cluster.url());
    is_unavailable(&store).await;
    for node in &mut cluster.nodes {
        node.restart();
    }
    works_within(BACK * 2, || store.ping()).await;
}

#[tokio::test]
async fn a_failover_by_sentinel() {
    let mut master = Server::start(&[]);
    let port = master.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
    let sentinels = sentinels(master.port);
    let hosts: Vec<String> = sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
    let store = open(&format!("redis-sentinel://{}/state", hosts.join(",")));
    store.put("k", b"v", END, NOW).await.unwrap();
    let known = |what: &str| sentinels.iter().all(|s| s.say("SENTINEL MASTER state").contains(what));
    test_servers::wait_until("the sentinels know the replica", Duration::from_secs(20), || {
        known("num-slaves\r\n$1\r\n1") && known("num-other-sentinels\r\n$1\r\n2")
    });
    test_servers::wait_until("the replica follows", Duration::from_secs(20), || {
        replica.say("ROLE").contains("connected") && replica.say("DBSIZE") == ":1"
    });

    master.kill();
    is_unavailable(&store).await;
    works_within(Duration::from_secs(15), || store.put("k2", b"w", END, NOW)).await;
    assert_eq!(store.take("k", NOW).await.unwrap().unwrap(), b"v");
    assert_eq!(replica.say("DBSIZE"), ":1");

    // The old master comes back, still thinks that it is one, and is not mistaken for it.
    master.restart();
    assert!(master.say("ROLE").contains("master"));
    replica.say("CLIENT KILL TYPE normal");
    works_within(BACK, || store.put("k3", b"w", END, NOW)).await;
    assert_eq!(master.say("DBSIZE"), ":0");
    assert_eq!(store.take("k2", NOW).await.unwrap().unwrap(), b"w");
}

#[tokio::test]
async fn a_server_that_refuses() {
    let server = Server::start(&[]);
    let store = open(&server.url());
    store.put("k", b"v", END, NOW).await.unwrap();
    server.say("REPLICAOF 127.0.0.1 1");
    assert!(told(&store.put("k", b"w", END, NOW).await.unwrap_err()).contains("READONLY"));
    store.ping().await.unwrap_err();
    server.say("REPLICAOF NO ONE");
    store.ping().await.unwrap();
    server.say("CONFIG SET maxmemory 1");
    for outcome in [store.put("new", b"v", END, NOW).await, store.put_new("new", b"v", END, NOW).await.map(|_| ())] {
        let text = told(&outcome.unwrap_err());
        assert!(text.contains("OOM"), "{text}");
    }
    store.ping().await.unwrap_err();
    assert_eq!(store.take("k", NOW).await.unwrap().unwrap(), b"v", "what is there can be taken");
}

#[tokio::test]
async fn no_error_tells_a_key_or_a_password() {
    let server = Server::start(&["--rename-command", "GETDEL", ""]);
    server.say("CONFIG SET requirepass hunter2");
    let url = |login: &str| format!("redis://{login}@127.0.0.1:{}", server.port);
    let store = open(&url("default:hunter2"));
    store.ping().await.unwrap();
    // Redis' answer repeats the arguments of a command that it does not know.
    let text = told(&store.take("secret", NOW).await.unwrap_err());
    assert!(text.contains("ERR") && !text.contains("secret"), "{text}");
    for login in ["default:wrong-hunter3", ":wrong-hunter3"] {
        let text = told(&open(&url(login)).ping().await.unwrap_err());
        assert!(text.contains("WRONGPASS") && !text.contains("hunter"), "{text}");
    }
    let old = Server::start(&["--rename-command", "HELLO", ""]);
    let text = told(&open(&format!("redis://an:hunter2@127.0.0.1:{}", old.port)).ping().await.unwrap_err());
    assert!(!text.contains("hunter"), "{text}");
}

#[tokio::test]
async fn tls_with_its_own_roots() {
    let mut server = Server::prepared(&[]);
    let folder = server.folder().display().to_string();
    let openssl = |arguments: &str| {
        let arguments = arguments.replace("DIR", &folder);
        let output = std::process::Command::new("openssl").args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1";
    openssl(&format!("req -x509 {key} -subj /CN=ca -keyout DIR/ca.key -out DIR/ca.pem"));
    openssl(&format!("req -x509 {key} -subj /CN=other -keyout DIR/other.key -out DIR/other.pem"));
    openssl(&format!(
        "req -x509 {key} -subj /CN=redis -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
         -CA DIR/ca.pem -CAkey DIR/ca.key -keyout DIR/redis.key -out DIR/redis.pem"
    ));
    let tls = test_servers::free_port();
    server.set(&["--tls-port", &tls.to_string(), "--tls-auth-clients", "no"]);
    for (setting, file) in [("cert", "redis.pem"), ("key", "redis.key"), ("ca-cert", "ca.pem")] {
        server.set(&[&format!("--tls-{setting}-file"), &format!("{folder}/{file}")]);
    }
    server.restart();

    let store = open(&format!("rediss://127.0.0.1:{tls}?ca={folder}/ca.pem"));
    store.put("k", b"v", END, NOW).await.unwrap();
    assert_eq!(store.take("k", NOW).await.unwrap().unwrap(), b"v");
    let stranger = open(&format!("rediss://127.0.0.1:{tls}?ca={folder}/other.pem"));
    let text = told(&stranger.ping().await.unwrap_err());
    assert!(text.contains("certificate"), "{text}");
}

/// Races for keys while connections are cut in the midst of commands.
async fn cuts_make_no_second_winner(store: Arc<dyn ShortLived>, servers: Vec<Server>) {
    let done = Arc::new(AtomicBool::new(false));
    let cutter = std::thread::spawn({
        let done = Arc::clone(&done);
        move || {
            while !done.load(Ordering::Relaxed) {
                for server in &servers {
                    server.try_say("CLIENT KILL TYPE normal");
                }
                std::thread::sleep(Duration::from_millis(3));
            }
        }
    });
    let (mut won, mut failed) = (0, 0);
    for round in 0..40 {
        let (new, held) = (format!("new-{round}"), format!("held-{round}"));
        works_within(BACK, || store.put(&held, b"v", END, NOW)).await;
        let outcomes = race(|n| {
            let (store, new, held) = (Arc::clone(&store), new.clone(), held.clone());
            async move {
                match n % 3 {
                    0 => store.put_new(&new, b"v", END, NOW).await.map(|first| first.then_some("new")),
                    // Whoever replaces leaves nothing to take as it was.
                    1 => store.replace(&held, b"v", b"w", END, NOW).await.map(|first| first.then_some("replaced")),
                    _ => store.take(&held, NOW).await.map(|value| value.map(|_| "taken")),
                }
            }
        })
        .await;
        for kind in ["new", "replaced", "taken"] {
            let winners = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Some(one)) if *one == kind)).count();
            assert!(winners <= 1, "{winners} in round {round}: {kind}");
            won += winners;
        }
        failed += outcomes.iter().filter(|outcome| outcome.is_err()).count();
    }
    done.store(true, Ordering::Relaxed);
    cutter.join().unwrap();
    assert!(won > 0 && failed > 0, "{won} won, {failed} failed: nothing was shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cuts_make_no_second_winner_on_a_server() {
    let server = Server::start(&[]);
    cuts_make_no_second_winner(Opened::on(&server.url()).port(), vec![server]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cuts_make_no_second_winner_on_a_cluster() {
    let cluster = Cluster::start(0, 30_000);
    cuts_make_no_second_winner(Opened::on(&cluster.url()).port(), cluster.nodes).await;
}
