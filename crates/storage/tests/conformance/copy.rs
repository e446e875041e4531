//! Moving an installation from SQLite to PostgreSQL, and schemas that are not what they should be.

use std::collections::BTreeSet;

use nixa_credentials::Accounts;
use nixa_protocol::id::Id;
use nixa_protocol::{Client, ClientAuthentication, LocalizedText, Timestamp, digest};
use nixa_storage::{
    ClientStore, DecisionRecord, Grants, KeyRecord, KeyStore, LogoutOutbox, People, Signals, StorageError,
};
use nixa_storage_sql::{Location, PoolSettings, Role, SqlStore};
use serde_json::json;
use tempfile::TempDir;

use crate::accounts::{account, authenticator};
use crate::grants::{grant, refresh};
use crate::outbox::delivery;
use crate::people::upstream;
use crate::postgres::{self, SERVER};
use crate::{audit, clients};

const NOW: Timestamp = Timestamp(1_000_000);

async fn file(folder: &TempDir, role: Role) -> SqlStore {
    SqlStore::open(&Location::File(folder.path().join("durable.db")), PoolSettings::default(), role).await.unwrap()
}

async fn fill(store: &SqlStore) {
    audit::fill(store).await;
    store.insert_secret("pairwise", "sealed", &[], NOW).await.unwrap();
    let key = |kid: &str| KeyRecord {
        kid: kid.to_owned(),
        algorithm: "ES256".to_owned(),
        encrypted: "sealed".to_owned(),
        active_at: NOW,
        retired_at: None,
    };
    store.insert_first_key(&key("a"), &[], NOW).await.unwrap();
    store.add_key(&key("b"), NOW + 5, Timestamp(i64::MAX), &[], NOW).await.unwrap();
    for n in 0..1_203 {
        let id = format!("g{n}");
        store.insert_grant(&grant(&id, "s", n % 2 == 0), Some(&refresh(&id)), &[]).await.unwrap();
    }
    store.revoke_grant(&Id::from_text("g7"), &[], NOW).await.unwrap();
    store.enqueue(&[delivery("d1"), delivery("d2")], &[], NOW).await.unwrap();
    let mut an = upstream("idp", "Nguyễn | An:5", Some("key"));
    an.attributes.insert("name".to_owned(), json!("Nguyễn Văn An '|\\"));
    store.resolve(&an, &Id::from_text("p1"), &|_| Vec::new(), NOW).await.unwrap();
    store.resolve(&upstream("other", "binh", None), &Id::from_text("p2"), &|_| Vec::new(), NOW).await.unwrap();
    store.record_consent(&Id::from_text("p1"), "portal", &["name".to_owned()], &[], NOW).await.unwrap();
    let decision = DecisionRecord {
        id: Id::from_text("dec"),
        at: NOW,
        client_id: "portal".to_owned(),
        person: None,
        policy: "v".to_owned(),
        record: json!({ "outcome": "unmet" }),
    };
    store.record_decision(&decision, &[]).await.unwrap();
    let portal = Client::new("p", LocalizedText::default(), ClientAuthentication::PrivateKeyJwt);
    store.declare_clients(&[portal], &clients::event, NOW).await.unwrap();
    store.add_registration_token(&digest("initial"), 1, NOW + 10, &[], NOW).await.unwrap();
    store.remember_device(&Id::from_text("p1"), &digest("phone"), NOW).await.unwrap();
    store.raise("alert", &[], NOW).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_moves_whole_and_a_broken_off_copy_is_made_again() {
    let folder = TempDir::new().unwrap();
    let source = audit::sealing(file(&folder, Role::Broker).await);
    fill(&source).await;
    let target = postgres::durable(Role::Broker).await;
    // What a copy that broke off has left: the first grants and nothing else.
    for n in 0..100 {
        let id = format!("g{n}");
        target.insert_grant(&grant(&id, "s", n % 2 == 0), Some(&refresh(&id)), &[]).await.unwrap();
    }
    target.revoke_grant(&Id::from_text("g7"), &[], NOW).await.unwrap();
    let first = source.copy_to(&target).await.unwrap();
    assert!(first.iter().all(|t| t.same), "{first:?}");
    let of = |name: &str| first.iter().find(|t| t.table == name).unwrap().clone();
    assert_eq!((of("grants").rows, of("grants").added), (1_203, 1_103));
    assert!(first.iter().all(|t| t.rows > 0), "every table is tried: {first:?}");
    let again = source.copy_to(&target).await.unwrap();
    assert!(again.iter().all(|t| t.same && t.added == 0), "{again:?}");
    let found = target
        .resolve(&upstream("idp", "Nguyễn | An:5", Some("key")), &Id::from_text("new"), &|_| Vec::new(), NOW)
        .await;
    assert_eq!(found.unwrap(), nixa_storage::Resolution::Person(Id::from_text("p1")));
    // A target that was used meanwhile is not the same.
    target.raise("other", &[], NOW).await.unwrap();
    let third = source.copy_to(&target).await.unwrap();
    let different: Vec<&str> = third.iter().filter(|t| !t.same).map(|t| t.table).collect();
    assert_eq!(different, ["raised_signals"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_move_too_and_back() {
    let (there, back) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let source = file(&there, Role::Idp).await;
    source.create(&account("a", "an"), &[authenticator("password"), authenticator("totp")], &[], NOW).await.unwrap();
    let middle = postgres::durable(Role::Idp).await;
    let end = file(&back, Role::Idp).await;
    assert!(source.copy_to(&middle).await.unwrap().iter().all(|t| t.same));
    assert!(middle.copy_to(&end).await.unwrap().iter().all(|t| t.same));
    assert_eq!(end.authenticators(&Id::from_text("a")).await.unwrap().len(), 2);
}

/// The same on SQLite is a test of the adapter.
#[tokio::test(flavor = "multi_thread")]
async fn no_table_and_no_column_is_forgotten() {
    for role in [Role::Broker, Role::Idp] {
        let url = SERVER.database();
        SqlStore::open(&Location::Postgres(url.clone()), PoolSettings::default(), role).await.unwrap();
        let database = url.rsplit('/').next().unwrap();
        let sql = "SELECT table_name || '.' || column_name FROM information_schema.columns
            JOIN pg_class ON pg_class.oid = format('%I.%I', table_schema, table_name)::regclass
            WHERE table_schema = 'public' AND NOT relispartition AND table_name <> '_sqlx_migrations'";
        let there: BTreeSet<String> = SERVER.psql(database, sql).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(there, SqlStore::copied_columns(role));
        let tables: BTreeSet<&str> = there.iter().filter_map(|column| column.split('.').next()).collect();
        assert_eq!(tables, SqlStore::tables(role).into_iter().collect());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_instances_that_start_at_once_migrate_once() {
    let url = SERVER.database();
    let start = |_| {
        let location = Location::Postgres(url.clone());
        async move { SqlStore::open(&location, PoolSettings::default(), Role::Broker).await.map(drop) }
    };
    let started = futures_util::future::join_all((0..10).map(start)).await;
    assert!(started.iter().all(Result::is_ok), "{started:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_that_start_at_once_on_one_file_migrate_once_too() {
    for _ in 0..20 {
        let folder = TempDir::new().unwrap();
        let start = |_| {
            let location = Location::File(folder.path().join("durable.db"));
            async move { SqlStore::open(&location, PoolSettings::default(), Role::Idp).await }
        };
        let started = futures_util::future::join_all((0..10).map(start)).await;
        assert!(started.iter().all(Result::is_ok), "{started:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused_and_shown() {
    let url = SERVER.database();
    let location = Location::Postgres(url.clone());
    let connect = async || SqlStore::connect(&location, PoolSettings::default(), Role::Broker).await.unwrap();
    let before = connect().await.migrations().await.unwrap();
    assert!(!before.is_empty() && before.iter().all(|s| !s.applied && s.description.is_some()));
    connect().await.migrate().await.unwrap();
    assert!(connect().await.migrations().await.unwrap().iter().all(|s| s.applied));
    let newer = "INSERT INTO _sqlx_migrations VALUES (2999, 'from the future', now(), true, '', 0)";
    SERVER.psql(url.rsplit('/').next().unwrap(), newer).unwrap();
    let opened = SqlStore::open(&location, PoolSettings::default(), Role::Broker).await;
    assert!(matches!(opened, Err(StorageError::Schema(_))));
    let steps = connect().await.migrations().await.unwrap();
    let future = steps.iter().find(|s| s.version == 2_999).unwrap();
    assert!(future.applied && future.description.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_keeps_its_password_to_itself() {
    let location = Location::Postgres("postgres://user:very-secret@127.0.0.1:1/db".to_owned());
    let error = SqlStore::open(&location, PoolSettings::default(), Role::Broker).await.unwrap_err();
    let shown = format!("{location:?} {error:?} {error}");
    assert!(!shown.contains("very-secret"), "{shown}");
}
