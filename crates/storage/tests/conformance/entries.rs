//! What typed entries keep to on every short-lived store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use nixa_protocol::Timestamp;
use nixa_storage::{Entries, Entry, Prefix, ShortLived, StorageError, Update};
use serde::{Deserialize, Serialize};

use crate::race::{RACERS, race};

type Store = Arc<dyn ShortLived>;

const NOW: Timestamp = Timestamp(1_000_000);
const MINUTE: i64 = 60;

/// It ends a minute after it was last stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sliding {
    count: usize,
}

impl Entry for Sliding {
    const PREFIX: Prefix = Prefix::Attempts;
    fn expires(&self, now: Timestamp) -> Timestamp {
        now + MINUTE
    }
}

/// It ends when it says, however often it is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fixed {
    count: usize,
    ends: Timestamp,
}

impl Entry for Fixed {
    const PREFIX: Prefix = Prefix::Code;
    fn expires(&self, _now: Timestamp) -> Timestamp {
        self.ends
    }
}

fn one_more(stored: Option<&Sliding>) -> Update<Sliding, ()> {
    Update::Store(Sliding { count: stored.map_or(1, |stored| stored.count + 1) })
}

pub(crate) async fn what_is_put_comes_back_under_its_prefix(store: Store) {
    let entries: Entries<Sliding> = Entries::new(store.clone());
    entries.put("k", &Sliding { count: 3 }, NOW).await.unwrap();
    assert_eq!(entries.get("k", NOW).await.unwrap().unwrap().into_value(), Sliding { count: 3 });
    assert_eq!(store.get("attempts:k", NOW).await.unwrap().unwrap(), br#"{"count":3}"#);
    let others: Entries<Fixed> = Entries::new(store);
    assert!(others.get("k", NOW).await.unwrap().is_none(), "another kind has other keys");
    entries.delete("k").await.unwrap();
    assert!(entries.get("k", NOW).await.unwrap().is_none());
}

pub(crate) async fn a_value_of_an_unknown_form_is_corrupt(store: Store) {
    store.put("attempts:k", b"[]", NOW + MINUTE, NOW).await.unwrap();
    let entries: Entries<Sliding> = Entries::new(store);
    assert!(matches!(entries.get("k", NOW).await, Err(StorageError::Corrupt(_))));
    assert!(matches!(entries.update("k", NOW, one_more).await, Err(StorageError::Corrupt(_))));
}

pub(crate) async fn the_value_says_whether_a_change_prolongs_it(store: Store) {
    let sliding: Entries<Sliding> = Entries::new(store.clone());
    sliding.put("k", &Sliding { count: 1 }, NOW).await.unwrap();
    sliding.update("k", NOW + 30, one_more).await.unwrap().unwrap();
    assert!(sliding.get("k", NOW + 89).await.unwrap().is_some());
    assert!(sliding.get("k", NOW + 90).await.unwrap().is_none());
    let fixed: Entries<Fixed> = Entries::new(store);
    let first = Fixed { count: 1, ends: NOW + MINUTE };
    fixed.put("k", &first, NOW).await.unwrap();
    let stored = fixed.get("k", NOW).await.unwrap().unwrap();
    let second = Fixed { count: 2, ..first };
    assert!(fixed.replace("k", &stored, second, NOW + 30).await.unwrap().is_some());
    assert_eq!(fixed.get("k", NOW + 59).await.unwrap().unwrap().count, 2);
    assert!(fixed.get("k", NOW + 60).await.unwrap().is_none());
}

pub(crate) async fn only_what_was_read_is_replaced(store: Store) {
    let entries: Entries<Sliding> = Entries::new(store);
    entries.put("k", &Sliding { count: 1 }, NOW).await.unwrap();
    let read = entries.get("k", NOW).await.unwrap().unwrap();
    let replaced = entries.replace("k", &read, Sliding { count: 2 }, NOW).await.unwrap().unwrap();
    assert!(entries.replace("k", &read, Sliding { count: 9 }, NOW).await.unwrap().is_none(), "another was first");
    assert!(
        entries.replace("k", &replaced, Sliding { count: 3 }, NOW).await.unwrap().is_some(),
        "what was written counts"
    );
    assert_eq!(entries.get("k", NOW).await.unwrap().unwrap().count, 3);
}

pub(crate) async fn one_of_many_writes_a_new_entry(store: Store) {
    let entries: Entries<Sliding> = Entries::new(store);
    let won = race(|n| {
        let entries = entries.clone();
        async move { entries.put_new("k", &Sliding { count: n }, NOW).await.unwrap().then_some(n) }
    });
    let won: Vec<usize> = won.await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(entries.get("k", NOW).await.unwrap().unwrap().count, won[0]);
}

pub(crate) async fn one_of_many_takes_it(store: Store) {
    let entries: Entries<Sliding> = Entries::new(store);
    entries.put("k", &Sliding { count: 7 }, NOW).await.unwrap();
    let taken = race(|_| {
        let entries = entries.clone();
        async move { entries.take("k", NOW).await.unwrap() }
    });
    let taken: Vec<Sliding> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken, [Sliding { count: 7 }]);
}

pub(crate) async fn changes_by_many_lose_none(store: Store) {
    let entries: Entries<Sliding> = Entries::new(store);
    let changed = race(|_| {
        let entries = entries.clone();
        async move { entries.update("k", NOW, one_more).await }
    });
    let changed = changed.await;
    let done = changed.iter().filter(|changed| matches!(changed, Ok(Ok(_)))).count();
    let contended = changed.iter().filter(|changed| matches!(changed, Err(StorageError::Contended))).count();
    assert_eq!(done + contended, RACERS, "{changed:?}");
    assert_eq!(entries.get("k", NOW).await.unwrap().unwrap().count, done);
}

pub(crate) async fn a_change_that_was_overtaken_is_made_again(store: Store) {
    let entries: Entries<Sliding> = Entries::new(Overtaken::by(3, store.clone()));
    let mut seen = Vec::new();
    let changed = entries.update("k", NOW, |stored| {
        seen.push(stored.map(|stored| stored.count));
        one_more(stored)
    });
    assert_eq!(changed.await.unwrap().unwrap().count, 101, "from what the other has stored");
    assert_eq!(seen, [None, Some(100), Some(100), Some(100)]);
}

pub(crate) async fn a_change_that_is_always_overtaken_is_contended(store: Store) {
    let entries: Entries<Sliding> = Entries::new(Overtaken::by(usize::MAX, store.clone()));
    assert!(matches!(entries.update("k", NOW, one_more).await, Err(StorageError::Contended)));
    let stored = Entries::<Sliding>::new(store).get("k", NOW).await.unwrap().unwrap();
    assert_eq!(stored.count, 100, "nothing of it is stored");
}

pub(crate) async fn what_is_left_is_not_written(store: Store) {
    let entries: Entries<Sliding> = Entries::new(store);
    entries.put("k", &Sliding { count: 1 }, NOW).await.unwrap();
    let left = entries.update("k", NOW + 30, |stored| Update::Leave(stored.map(|stored| stored.count)));
    assert_eq!(left.await.unwrap().unwrap_err(), Some(1));
    assert!(entries.get("k", NOW + MINUTE).await.unwrap().is_none(), "its end neither");
}

/// A store at which another request stores something before a change does, so many times.
struct Overtaken {
    store: Store,
    times: AtomicUsize,
}

impl Overtaken {
    fn by(times: usize, store: Store) -> Arc<Self> {
        Arc::new(Self { store, times: AtomicUsize::new(times) })
    }

    async fn overtake(&self, key: &str, now: Timestamp) -> Result<(), StorageError> {
        let left = self.times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |times| times.checked_sub(1));
        let Ok(left) = left else { return Ok(()) };
        // White space makes it another value each time, though it reads the same.
        let other = format!("{{\"count\":{}100}}", " ".repeat(left % 8));
        self.store.put(key, other.as_bytes(), now + MINUTE, now).await
    }
}

type Done<T> = Result<T, StorageError>;

#[async_trait]
impl ShortLived for Overtaken {
    async fn put(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Done<()> {
        self.store.put(key, value, expires, now).await
    }
    async fn put_new(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Done<bool> {
        self.overtake(key, now).await?;
        self.store.put_new(key, value, expires, now).await
    }
    async fn get(&self, key: &str, now: Timestamp) -> Done<Option<Vec<u8>>> {
        self.store.get(key, now).await
    }
    async fn take(&self, key: &str, now: Timestamp) -> Done<Option<Vec<u8>>> {
        self.store.take(key, now).await
    }
    async fn replace(&self, key: &str, old: &[u8], new: &[u8], expires: Timestamp, now: Timestamp) -> Done<bool> {
        self.overtake(key, now).await?;
        self.store.replace(key, old, new, expires, now).await
    }
    async fn count(&self, key: &str, expires: Timestamp, now: Timestamp) -> Done<u64> {
        self.store.count(key, expires, now).await
    }
    async fn delete(&self, key: &str) -> Done<()> {
        self.store.delete(key).await
    }
    async fn sweep(&self, now: Timestamp) -> Done<()> {
        self.store.sweep(now).await
    }
    async fn ping(&self) -> Done<()> {
        self.store.ping().await
    }
}
