//! What every store of accounts keeps to.

use std::sync::Arc;

use nixa_credentials::{Account, Accounts, Authenticator};
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Subject};
use nixa_storage::StorageError;
use serde_json::{Map, json};

use crate::race::{RACERS, race};

type Store = Arc<dyn Accounts>;

const NOW: Timestamp = Timestamp(1_000_000);

pub(crate) fn account(id: &str, username: &str) -> Account {
    Account {
        id: Id::from_text(id),
        username: username.to_owned(),
        identity_level: 2,
        attributes: Map::from_iter([
            ("name".to_owned(), json!("Nguyễn \"An\" '; --")),
            ("address".to_owned(), json!({ "country": "VN" })),
        ]),
    }
}

pub(crate) fn authenticator(method: &str) -> Authenticator {
    Authenticator { method: method.to_owned(), secret: format!("bí mật của '{method}' %_\"") }
}

fn id(text: &str) -> Id<Subject> {
    Id::from_text(text)
}

/// By name, since their order is not part of the contract.
async fn authenticators(store: &Store, account: &str) -> Vec<Authenticator> {
    let mut found = store.authenticators(&id(account)).await.unwrap();
    found.sort_by(|a, b| a.method.cmp(&b.method));
    found
}

pub(crate) async fn an_account_comes_back(store: Store) {
    store.create(&account("a", "an"), &[authenticator("password"), authenticator("totp")], &[], NOW).await.unwrap();
    for (level, name) in [(0, "binh"), (1, "chi")] {
        let other = Account { identity_level: level, ..account(name, name) };
        store.create(&other, &[authenticator("password")], &[], NOW).await.unwrap();
        assert_eq!(store.account(&id(name)).await.unwrap(), Some(other));
    }
    assert_eq!(store.account(&id("a")).await.unwrap(), Some(account("a", "an")));
    assert_eq!(store.by_username("an").await.unwrap(), Some(account("a", "an")));
    assert_eq!(authenticators(&store, "a").await, [authenticator("password"), authenticator("totp")]);
    assert_eq!(authenticators(&store, "binh").await, [authenticator("password")]);
}

pub(crate) async fn an_unknown_account_is_none(store: Store) {
    store.create(&account("a", "an"), &[authenticator("password")], &[], NOW).await.unwrap();
    assert_eq!(store.account(&id("an")).await.unwrap(), None);
    assert_eq!(store.by_username("a").await.unwrap(), None);
    assert_eq!(store.by_username("AN").await.unwrap(), None, "names are lower case before they come here");
    assert_eq!(authenticators(&store, "b").await, []);
}

pub(crate) async fn a_username_is_unique(store: Store) {
    store.create(&account("a", "an"), &[authenticator("password")], &[], NOW).await.unwrap();
    let outcome = store.create(&account("b", "an"), &[authenticator("password")], &[], NOW).await;
    assert!(matches!(outcome, Err(StorageError::Exists)));
    assert_eq!(store.by_username("an").await.unwrap(), Some(account("a", "an")));
    assert_eq!(store.account(&id("b")).await.unwrap(), None);
    assert_eq!(authenticators(&store, "b").await, []);
}

/// Otherwise a second registration would add a credential of its own to somebody's account.
pub(crate) async fn an_id_is_unique(store: Store) {
    store.create(&account("a", "an"), &[authenticator("password")], &[], NOW).await.unwrap();
    let outcome = store.create(&account("a", "binh"), &[authenticator("totp")], &[], NOW).await;
    assert!(matches!(outcome, Err(StorageError::Exists)));
    assert_eq!(store.account(&id("a")).await.unwrap(), Some(account("a", "an")));
    assert_eq!(authenticators(&store, "a").await, [authenticator("password")]);
}

pub(crate) async fn a_failed_account_leaves_nothing(store: Store) {
    let twice = [authenticator("totp"), authenticator("password"), authenticator("password")];
    let outcome = store.create(&account("a", "an"), &twice, &[], NOW).await;
    assert!(matches!(outcome, Err(StorageError::Exists)));
    assert_eq!(store.account(&id("a")).await.unwrap(), None);
    assert_eq!(store.by_username("an").await.unwrap(), None);
    assert_eq!(authenticators(&store, "a").await, []);
    store.create(&account("a", "an"), &[authenticator("password")], &[], NOW).await.unwrap();
    assert_eq!(authenticators(&store, "a").await, [authenticator("password")]);
}

pub(crate) async fn hostile_usernames_are_only_names(store: Store) {
    let hostile = ["'; DROP TABLE accounts; --", "a", "%", "_", "\"", "an nguyễn", ""];
    assert_eq!(store.by_username("%").await.unwrap(), None);
    for (n, name) in hostile.iter().enumerate() {
        store.create(&account(&n.to_string(), name), &[], &[], NOW).await.unwrap();
    }
    for (n, name) in hostile.iter().enumerate() {
        assert_eq!(store.by_username(name).await.unwrap(), Some(account(&n.to_string(), name)));
    }
}

pub(crate) async fn one_username_by_many_is_one_account(store: Store) {
    let made = race(|n| {
        let store = Arc::clone(&store);
        async move { store.create(&account(&n.to_string(), "an"), &[authenticator("password")], &[], NOW).await }
    })
    .await;
    assert_eq!(made.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(made.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StorageError::Exists))));
    let mut credentials = 0;
    for n in 0..RACERS {
        credentials += store.authenticators(&id(&n.to_string())).await.unwrap().len();
    }
    assert_eq!(credentials, 1);
}
