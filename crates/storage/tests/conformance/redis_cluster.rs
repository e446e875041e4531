//! Opens stores on one Redis Cluster, each in a namespace of its own; and what only a Cluster does.

use std::sync::LazyLock;
use std::time::Duration;

use nixa_protocol::Timestamp;
use nixa_storage::ShortLived as _;
use nixa_storage_redis::{RedisOptions, RedisShortLived};

use tokio::time::{Instant, sleep};

use crate::redis::{Opened, RIGHTS, uses_everything};
use crate::redis_faults::works_within;
use crate::servers::Cluster;

// On a busy machine a node may well be silent for seconds.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(0, 30_000));

const NOW: Timestamp = Timestamp(1_000_000);
const END: Timestamp = Timestamp(1_000_060);

pub(crate) use short_lived as entries;

pub(crate) async fn short_lived() -> Opened {
    Opened::on(&CLUSTER.url())
}

fn open(cluster: &Cluster) -> RedisShortLived {
    let options = RedisOptions { timeout: Duration::from_secs(1), ..RedisOptions::new("n") };
    RedisShortLived::open(&cluster.url(), options).unwrap()
}

/// A key of the store in [`open`] that is on this master.
fn key_on(cluster: &Cluster, master: usize) -> String {
    (0..).map(|n: u32| n.to_string()).find(|key| cluster.place(&format!("n:{key}")).1 == master).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_on_all_nodes() {
    let store = open(&CLUSTER);
    for master in 0..3 {
        let key = key_on(&CLUSTER, master);
        store.put(&key, b"v", END, NOW).await.unwrap();
        assert_eq!(CLUSTER.nodes[master].say(&format!("EXISTS n:{key}")), ":1");
        store.delete(&key).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_few_rights_is_enough() {
    for node in &CLUSTER.nodes {
        node.say(&format!("ACL SETUSER few on >p ~few:* ~few.ping {RIGHTS} +cluster|slots"));
    }
    let url = CLUSTER.url().replace("://", "://few:p@");
    uses_everything(&RedisShortLived::open(&url, RedisOptions::new("few")).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_is_followed() {
    let cluster = Cluster::start(0, 30_000);
    let store = open(&cluster);
    let (stays, moved) = ("{tag}1", "{tag}2");
    let (slot, from) = cluster.place(stays);
    let (source, target) = (&cluster.nodes[from], &cluster.nodes[(from + 1) % 3]);
    store.put(stays, b"old", END, NOW).await.unwrap();

    target.say(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", source.node_id()));
    source.say(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", target.node_id()));
    assert_eq!(store.get(stays, NOW).await.unwrap().unwrap(), b"old", "what is there is served there");
    assert!(store.put_new(moved, b"v", END, NOW).await.unwrap(), "what is not there is asked for elsewhere");
    assert!(!store.put_new(moved, b"w", END, NOW).await.unwrap());
    assert!(store.replace(moved, b"v", b"w", END, NOW).await.unwrap());
    assert_eq!(store.get(moved, NOW).await.unwrap().unwrap(), b"w");
    assert_eq!(source.say(&format!("CLUSTER COUNTKEYSINSLOT {slot}")), ":1");
    assert_eq!(target.say(&format!("CLUSTER COUNTKEYSINSLOT {slot}")), ":1");

    store.delete(stays).await.unwrap();
    for node in [target, source] {
        node.say(&format!("CLUSTER SETSLOT {slot} NODE {}", target.node_id()));
    }
    assert_eq!(store.take(moved, NOW).await.unwrap().unwrap(), b"w");
    assert_eq!(store.take(moved, NOW).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_over() {
    let mut cluster = Cluster::start(1, 1_000);
    let store = open(&cluster);
    let (key, other) = (key_on(&cluster, 0), key_on(&cluster, 1));
    store.put(&key, b"v", END, NOW).await.unwrap();
    cluster.nodes[0].kill();
    store.put(&key, b"v", END, NOW).await.unwrap_err();
    store.put(&other, b"v", END, NOW).await.unwrap();
    works_within(Duration::from_secs(15), || store.put(&key, b"w", END, NOW)).await;
    assert_eq!(store.take(&key, NOW).await.unwrap().unwrap(), b"w");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_node_does_not_silence_the_others() {
    let cluster = Cluster::start(0, 30_000);
    let store = open(&cluster);
    let (key, other) = (key_on(&cluster, 0), key_on(&cluster, 1));
    store.put(&key, b"v", END, NOW).await.unwrap();
    cluster.nodes[0].signal("STOP");
    let end = Instant::now() + Duration::from_secs(4);
    let refused = || async {
        while Instant::now() < end {
            store.put(&key, b"v", END, NOW).await.unwrap_err();
            // Not in step with the other one.
            sleep(Duration::from_millis(130)).await;
        }
    };
    let served = async {
        while Instant::now() < end {
            store.put(&other, b"v", END, NOW).await.unwrap();
        }
    };
    tokio::join!(refused(), refused(), served);
    cluster.nodes[0].signal("CONT");
    works_within(Duration::from_secs(5), || store.put(&key, b"w", END, NOW)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_restart_are_found_again() {
    let mut cluster = Cluster::start(0, 30_000);
    let store = open(&cluster);
    store.put("k", b"v", END, NOW).await.unwrap();
    for node in &mut cluster.nodes {
        node.kill();
    }
    store.get("k", NOW).await.unwrap_err();
    for node in &mut cluster.nodes {
        node.restart();
    }
    works_within(Duration::from_secs(10), || store.put("k", b"v", END, NOW)).await;
}
