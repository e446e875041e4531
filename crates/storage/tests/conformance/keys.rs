//! What every store of keys keeps to.

use std::sync::Arc;

use nixa_protocol::Timestamp;
use nixa_storage::{KeyRecord, KeyStore, StorageError};

use crate::race::race;

type Store = Arc<dyn KeyStore>;

/// However soon the last key began.
const ALWAYS: Timestamp = Timestamp(i64::MAX);
const NOW: Timestamp = Timestamp(1_000_000);

fn key(kid: &str, algorithm: &str, active_at: Timestamp) -> KeyRecord {
    KeyRecord {
        kid: kid.to_owned(),
        algorithm: algorithm.to_owned(),
        encrypted: format!("sealed {kid}"),
        active_at,
        retired_at: None,
    }
}

async fn kids(store: &Store) -> Vec<(String, Option<Timestamp>)> {
    store.signing_keys().await.unwrap().into_iter().map(|k| (k.kid, k.retired_at)).collect()
}

pub(crate) async fn the_first_secret_stays(store: Store) {
    assert_eq!(store.secret("pairwise").await.unwrap(), None);
    race(|n| {
        let store = Arc::clone(&store);
        async move { store.insert_secret("pairwise", &n.to_string(), &[], NOW).await.unwrap() }
    })
    .await;
    let kept = store.secret("pairwise").await.unwrap().unwrap();
    store.insert_secret("pairwise", "later", &[], NOW).await.unwrap();
    assert_eq!(store.secret("pairwise").await.unwrap().unwrap(), kept);
    assert_eq!(store.secret("pivot").await.unwrap(), None);
}

pub(crate) async fn a_key_comes_back(store: Store) {
    store.insert_first_key(&key("a", "RS256", NOW), &[], NOW).await.unwrap();
    store.insert_first_key(&key("b", "RS256", NOW), &[], NOW).await.unwrap();
    store.insert_first_key(&key("c", "ES256", NOW), &[], NOW).await.unwrap();
    assert_eq!(store.signing_keys().await.unwrap(), [key("a", "RS256", NOW), key("c", "ES256", NOW)]);
}

pub(crate) async fn instances_that_start_at_once_have_one_first_key(store: Store) {
    race(|n| {
        let store = Arc::clone(&store);
        async move { store.insert_first_key(&key(&n.to_string(), "RS256", NOW), &[], NOW).await.unwrap() }
    })
    .await;
    assert_eq!(kids(&store).await.len(), 1);
}

pub(crate) async fn a_new_key_retires_those_of_its_algorithm(store: Store) {
    store.insert_first_key(&key("a", "RS256", NOW), &[], NOW).await.unwrap();
    store.insert_first_key(&key("c", "ES256", NOW), &[], NOW).await.unwrap();
    store.add_key(&key("b", "RS256", NOW + 10), NOW + 20, ALWAYS, &[], NOW).await.unwrap();
    let expected = [("a", Some(NOW + 20)), ("c", None), ("b", None)];
    assert_eq!(kids(&store).await, expected.map(|(kid, at)| (kid.to_owned(), at)));
    // One that is retired already keeps its time.
    store.add_key(&key("d", "RS256", NOW + 30), NOW + 40, ALWAYS, &[], NOW).await.unwrap();
    let expected = [("a", Some(NOW + 20)), ("c", None), ("b", Some(NOW + 40)), ("d", None)];
    assert_eq!(kids(&store).await, expected.map(|(kid, at)| (kid.to_owned(), at)));
}

pub(crate) async fn a_key_is_not_written_over(store: Store) {
    store.insert_first_key(&key("a", "RS256", NOW), &[], NOW).await.unwrap();
    let again = store.add_key(&key("a", "RS256", NOW + 10), NOW + 20, ALWAYS, &[], NOW).await;
    assert!(matches!(again, Err(StorageError::Exists)));
    assert_eq!(kids(&store).await, [("a".to_owned(), None)]);
}

pub(crate) async fn a_key_on_schedule_is_made_once(store: Store) {
    store.insert_first_key(&key("a", "RS256", NOW), &[], NOW).await.unwrap();
    let early = store.add_key(&key("b", "RS256", NOW + 10), NOW + 20, NOW, &[], NOW).await.unwrap();
    assert!(!early && store.signing_keys().await.unwrap().len() == 1);
    let made = race(|n| {
        let store = Arc::clone(&store);
        async move { store.add_key(&key(&n.to_string(), "RS256", NOW + 10), NOW + 20, NOW + 1, &[], NOW).await }
    })
    .await;
    let won = made.iter().filter(|made| matches!(made, Ok(true))).count();
    assert!(won == 1 && made.iter().all(|made| matches!(made, Ok(_) | Err(StorageError::Exists))), "{made:?}");
    assert_eq!(store.signing_keys().await.unwrap().len(), 2);
}
