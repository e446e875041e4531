//! What only database files can show: they stay, they are shared, they are private.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use nixa_credentials::Accounts;
use nixa_protocol::id::Id;
use nixa_protocol::{Timestamp, digest};
use nixa_storage::{Grants, LogoutOutbox, People, Resolution, Rotation, ShortLived, StorageError};
use nixa_storage_sql::{Location, PoolSettings, Role, SqlStore, SqliteShortLived};
use tempfile::TempDir;

use crate::accounts::{account, authenticator};
use crate::grants::{grant, refresh};
use crate::outbox::delivery;
use crate::people::upstream;
use crate::race::{RACERS, race};

const NOW: Timestamp = Timestamp(1_000_000);
const END: Timestamp = Timestamp(1_000_060);

/// Two stores on one file, as two processes of one machine have them: neither knows the other's memory.
async fn two_short_lived(folder: &TempDir) -> [Arc<SqliteShortLived>; 2] {
    let path = folder.path().join("short-lived.db");
    let open = async || Arc::new(SqliteShortLived::open(&path).await.unwrap());
    [open().await, open().await]
}

async fn two_durable(folder: &TempDir, role: Role) -> [Arc<SqlStore>; 2] {
    let path = folder.path().join("durable.db");
    let opened = async || Arc::new(open(&path, role).await.unwrap());
    [opened().await, opened().await]
}

async fn open(path: &Path, role: Role) -> Result<SqlStore, StorageError> {
    SqlStore::open(&Location::File(path.to_owned()), PoolSettings::default(), role).await
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_database_keeps_everything() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("broker.db");
    let store = open(&path, Role::Broker).await.unwrap();
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r0")), &[]).await.unwrap();
    store.rotate(&digest("r0"), &refresh("r1"), 0, &|_| Vec::new(), NOW).await.unwrap();
    store.enqueue(&[delivery("d")], &[], NOW).await.unwrap();
    store.resolve(&upstream("idp", "an", Some("key")), &Id::from_text("p"), &|_| Vec::new(), NOW).await.unwrap();
    store.record_consent(&Id::from_text("p"), "portal", &["name".to_owned()], &[], NOW).await.unwrap();
    drop(store);

    let store = open(&path, Role::Broker).await.unwrap();
    assert_eq!(store.live_grant(&Id::from_text("g")).await.unwrap(), Some(grant("g", "s", true)));
    assert!(!store.insert_grant(&grant("g", "s", true), None, &[]).await.unwrap());
    assert_eq!(store.rotate(&digest("r0"), &refresh("r2"), 0, &|_| Vec::new(), NOW).await.unwrap(), Rotation::Reused);
    assert_eq!(store.claim(NOW, END, 10).await.unwrap().len(), 1);
    let again =
        store.resolve(&upstream("other", "x", Some("key")), &Id::from_text("p2"), &|_| Vec::new(), NOW).await.unwrap();
    assert_eq!(again, Resolution::Person(Id::from_text("p")));
    assert_eq!(store.consent(&Id::from_text("p"), "portal").await.unwrap(), Some(vec!["name".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idp_database_keeps_everything() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("idp.db");
    let store = open(&path, Role::Idp).await.unwrap();
    store.create(&account("a", "an"), &[authenticator("password")], &[], NOW).await.unwrap();
    drop(store);

    let store = open(&path, Role::Idp).await.unwrap();
    assert_eq!(store.by_username("an").await.unwrap(), Some(account("a", "an")));
    assert_eq!(store.authenticators(&Id::from_text("a")).await.unwrap(), [authenticator("password")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_logins_survive_a_restart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("short-lived.db");
    let store = SqliteShortLived::open(&path).await.unwrap();
    store.put("k", b"v", END, NOW).await.unwrap();
    drop(store);

    let store = SqliteShortLived::open(&path).await.unwrap();
    assert_eq!(store.get("k", NOW).await.unwrap().unwrap(), b"v");
    assert_eq!(store.get("k", END).await.unwrap(), None);
}

/// A backend that ends entries by itself may do nothing, so that this is no contract: in a file nobody
/// else removes them, and it would grow for ever. Reading at an earlier second shows what is still there.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_frees_the_file() {
    let folder = TempDir::new().unwrap();
    let store = SqliteShortLived::open(&folder.path().join("short-lived.db")).await.unwrap();
    store.put("ended", b"v", END, NOW).await.unwrap();
    store.put("open", b"w", END + 1, NOW).await.unwrap();
    store.sweep(END).await.unwrap();
    assert_eq!(store.get("ended", NOW).await.unwrap(), None);
    assert_eq!(store.get("open", NOW).await.unwrap().unwrap(), b"w");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_short_lived_stores_see_one_another() {
    let folder = TempDir::new().unwrap();
    let [one, two] = two_short_lived(&folder).await;
    one.put("k", b"v", END, NOW).await.unwrap();
    assert_eq!(two.get("k", NOW).await.unwrap().unwrap(), b"v");
    assert!(!two.put_new("k", b"w", END, NOW).await.unwrap());
    assert!(two.replace("k", b"v", b"w", END, NOW).await.unwrap());
    assert_eq!(one.get("k", NOW).await.unwrap().unwrap(), b"w");
    assert_eq!(two.take("k", NOW).await.unwrap().unwrap(), b"w");
    assert_eq!(one.take("k", NOW).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn takers_at_two_stores_have_one_winner() {
    let folder = TempDir::new().unwrap();
    let stores = two_short_lived(&folder).await;
    for round in 0..8 {
        let key = format!("k{round}");
        stores.first().unwrap().put(&key, b"v", END, NOW).await.unwrap();
        let taken = race(|n| {
            let (store, key) = (Arc::clone(stores.get(n % 2).unwrap()), key.clone());
            async move { store.take(&key, NOW).await.unwrap() }
        })
        .await;
        assert_eq!(taken.iter().flatten().count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotations_at_two_stores_have_one_winner() {
    let folder = TempDir::new().unwrap();
    let stores = two_durable(&folder, Role::Broker).await;
    let [one, two] = &stores;
    one.insert_grant(&grant("g", "s", true), Some(&refresh("r")), &[]).await.unwrap();
    let outcomes = race(|n| {
        let store = Arc::clone(stores.get(n % 2).unwrap());
        async move { store.rotate(&digest("r"), &refresh(&format!("next{n}")), 0, &|_| Vec::new(), NOW).await.unwrap() }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|o| **o == Rotation::Rotated).count(), 1);
    assert_eq!(outcomes.iter().filter(|o| **o == Rotation::Reused).count(), RACERS - 1);
    assert_eq!(two.live_grant(&Id::from_text("g")).await.unwrap(), None);
}

/// Whoever can read these files can take over sessions, and read what the state knows of people.
#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_private() {
    let folder = TempDir::new().unwrap();
    let [durable, short] = ["durable.db", "short-lived.db"].map(|name| folder.path().join(name));
    let _one = open(&durable, Role::Idp).await.unwrap();
    let _two = SqliteShortLived::open(&short).await.unwrap();
    let mut seen = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 6, "each database has its file, its log and the index of its log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_there_keeps_its_mode() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("short-lived.db");
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let _store = SqliteShortLived::open(&path).await.unwrap();
    assert_eq!(mode(&path), 0o640);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_an_error() {
    let folder = TempDir::new().unwrap();
    let outcome = open(&folder.path().join("no/such.db"), Role::Idp).await;
    assert!(matches!(outcome, Err(StorageError::Unavailable(_))));
}
