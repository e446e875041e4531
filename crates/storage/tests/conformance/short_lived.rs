//! What every short-lived store keeps to.

use std::sync::Arc;

use nixa_protocol::Timestamp;
use nixa_storage::ShortLived;

use crate::race::{RACERS, race};

type Store = Arc<dyn ShortLived>;

const NOW: Timestamp = Timestamp(1_000_000);
const END: Timestamp = Timestamp(1_000_060);
const LAST: Timestamp = Timestamp(1_000_059);
const LATER: Timestamp = Timestamp(1_000_600);

/// Texts that end a statement, match as a pattern or end a C string, where a key is pasted somewhere.
const HOSTILE: [&str; 11] =
    ["'", "\"", "'; DROP TABLE entries; --", "a\0b", "a", "%", "_", "\\", "*", "số định danh 🇻🇳", ""];

pub(crate) async fn answers(store: Store) {
    store.ping().await.unwrap();
}

pub(crate) async fn put_writes_over_what_was_there(store: Store) {
    store.put("k", b"long", LATER, NOW).await.unwrap();
    store.put("k", b"short", END, NOW).await.unwrap();
    assert_eq!(store.get("k", NOW).await.unwrap().unwrap(), b"short");
    assert_eq!(store.get("k", END).await.unwrap(), None, "the new end holds, also when it is nearer");
    store.put("k", b"again", LATER, NOW).await.unwrap();
    assert_eq!(store.get("k", END).await.unwrap().unwrap(), b"again");
}

pub(crate) async fn an_entry_ends_at_its_second(store: Store) {
    store.put("k", b"v", END, NOW).await.unwrap();
    assert_eq!(store.get("k", LAST).await.unwrap().unwrap(), b"v");
    assert_eq!(store.get("k", END).await.unwrap(), None);
    assert_eq!(store.get("other", NOW).await.unwrap(), None);
}

pub(crate) async fn put_new_only_where_nothing_lives(store: Store) {
    assert!(store.put_new("k", b"first", END, NOW).await.unwrap());
    assert!(!store.put_new("k", b"second", LATER, LAST).await.unwrap());
    assert_eq!(store.get("k", LAST).await.unwrap().unwrap(), b"first");
    assert_eq!(store.get("k", END).await.unwrap(), None, "a refused entry does not prolong the one that is there");
    assert!(store.put_new("k", b"third", LATER, END).await.unwrap());
    assert_eq!(store.get("k", END).await.unwrap().unwrap(), b"third");
    assert_eq!(store.get("k", LATER).await.unwrap(), None);
}

pub(crate) async fn put_new_by_many_has_one_winner(store: Store) {
    store.put("k", b"ended", NOW, NOW).await.unwrap();
    let won = race(|n| {
        let store = Arc::clone(&store);
        async move { store.put_new("k", n.to_string().as_bytes(), END, NOW).await.unwrap().then_some(n) }
    })
    .await;
    let winners: Vec<usize> = won.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    let left = store.get("k", NOW).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(left).unwrap(), winners.first().unwrap().to_string());
}

pub(crate) async fn a_counter_counts_everybody(store: Store) {
    let counts = race(|_| {
        let store = Arc::clone(&store);
        async move { store.count("k", END, NOW).await.unwrap() }
    })
    .await;
    let seen: std::collections::BTreeSet<u64> = counts.iter().copied().collect();
    assert_eq!((seen.len(), seen.first(), seen.last()), (RACERS, Some(&1), Some(&(RACERS as u64))));
    assert_eq!(store.count("other", END, NOW).await.unwrap(), 1);
    store.put("k", b"an entry", END, NOW).await.unwrap();
    assert_eq!(store.count("k", END, NOW).await.unwrap(), RACERS as u64 + 1, "apart from the entries");
    assert_eq!(store.get("k", NOW).await.unwrap().unwrap(), b"an entry");
}

pub(crate) async fn take_empties(store: Store) {
    store.put("k", b"v", END, NOW).await.unwrap();
    store.put("other", b"w", END, NOW).await.unwrap();
    assert_eq!(store.take("k", LAST).await.unwrap().unwrap(), b"v");
    assert_eq!(store.take("k", LAST).await.unwrap(), None);
    assert_eq!(store.get("k", NOW).await.unwrap(), None);
    assert_eq!(store.get("other", NOW).await.unwrap().unwrap(), b"w");
}

pub(crate) async fn take_of_an_ended_entry_gives_nothing(store: Store) {
    store.put("k", b"v", END, NOW).await.unwrap();
    assert_eq!(store.take("k", END).await.unwrap(), None);
}

pub(crate) async fn take_by_many_has_one_winner(store: Store) {
    store.put("k", b"v", END, NOW).await.unwrap();
    let taken = race(|_| {
        let store = Arc::clone(&store);
        async move { store.take("k", NOW).await.unwrap() }
    })
    .await;
    let winners: Vec<Vec<u8>> = taken.into_iter().flatten().collect();
    assert_eq!(winners, [b"v"]);
}

pub(crate) async fn replace_only_what_still_is_there(store: Store) {
    assert!(!store.replace("k", b"", b"new", END, NOW).await.unwrap(), "what is absent cannot be replaced");
    store.put("k", b"old", END, NOW).await.unwrap();
    store.put("other", b"old", END, NOW).await.unwrap();
    assert!(!store.replace("k", b"OLD", b"new", LATER, NOW).await.unwrap());
    assert_eq!(store.get("k", NOW).await.unwrap().unwrap(), b"old");
    assert_eq!(store.get("k", END).await.unwrap(), None, "a refused replacement does not prolong");
    assert!(store.replace("k", b"old", b"new", LATER, LAST).await.unwrap());
    assert_eq!(store.get("k", END).await.unwrap().unwrap(), b"new");
    assert_eq!(store.get("k", LATER).await.unwrap(), None);
    assert!(!store.replace("k", b"old", b"newer", LATER, NOW).await.unwrap());
    assert_eq!(store.get("other", NOW).await.unwrap().unwrap(), b"old");
}

pub(crate) async fn replace_never_revives_an_ended_entry(store: Store) {
    store.put("k", b"old", END, NOW).await.unwrap();
    assert!(!store.replace("k", b"old", b"new", LATER, END).await.unwrap());
    assert_eq!(store.get("k", END).await.unwrap(), None);
}

pub(crate) async fn replace_by_many_has_one_winner(store: Store) {
    store.put("k", b"old", END, NOW).await.unwrap();
    let won = race(|n| {
        let store = Arc::clone(&store);
        async move { store.replace("k", b"old", n.to_string().as_bytes(), END, NOW).await.unwrap().then_some(n) }
    })
    .await;
    let winners: Vec<usize> = won.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    let left = store.get("k", NOW).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(left).unwrap(), winners.first().unwrap().to_string());
}

pub(crate) async fn delete_removes_one(store: Store) {
    store.put("k", b"v", END, NOW).await.unwrap();
    store.put("k2", b"w", END, NOW).await.unwrap();
    store.delete("k").await.unwrap();
    store.delete("k").await.unwrap();
    assert_eq!(store.get("k", NOW).await.unwrap(), None);
    assert_eq!(store.get("k2", NOW).await.unwrap().unwrap(), b"w");
}

pub(crate) async fn sweep_removes_only_what_has_ended(store: Store) {
    store.put("ended", b"v", END, NOW).await.unwrap();
    store.put("open", b"w", END + 1, NOW).await.unwrap();
    store.sweep(END).await.unwrap();
    assert_eq!(store.get("open", END).await.unwrap().unwrap(), b"w");
    assert_eq!(store.get("ended", END).await.unwrap(), None);
    assert!(store.put_new("ended", b"x", LATER, END).await.unwrap());
}

pub(crate) async fn long_values_come_back_whole(store: Store) {
    let long: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 20).collect();
    let mut other = long.clone();
    if let Some(last) = other.last_mut() {
        *last ^= 1;
    }
    store.put("k", &long, END, NOW).await.unwrap();
    assert!(store.get("k", NOW).await.unwrap().unwrap() == long);
    assert!(!store.replace("k", &other, b"x", END, NOW).await.unwrap(), "they differ in the last byte only");
    assert!(store.replace("k", &long, &other, END, NOW).await.unwrap());
    assert!(store.take("k", NOW).await.unwrap().unwrap() == other);
}

pub(crate) async fn any_bytes_come_back_as_they_were(store: Store) {
    let not_text: &[u8] = &[0, 0xff, 0xfe, 0, 0x80];
    for value in HOSTILE.iter().map(|text| text.as_bytes()).chain([not_text]) {
        store.put("k", value, END, NOW).await.unwrap();
        assert_eq!(store.get("k", NOW).await.unwrap().unwrap(), value);
        assert!(store.replace("k", value, b"next", END, NOW).await.unwrap());
        assert!(store.replace("k", b"next", value, END, NOW).await.unwrap());
        assert_eq!(store.take("k", NOW).await.unwrap().unwrap(), value);
        assert!(store.put_new("k", value, END, NOW).await.unwrap());
        assert_eq!(store.get("k", NOW).await.unwrap().unwrap(), value);
    }
}

pub(crate) async fn hostile_keys_are_only_keys(store: Store) {
    for (n, key) in HOSTILE.iter().enumerate() {
        assert!(store.put_new(key, n.to_string().as_bytes(), END, NOW).await.unwrap(), "{key:?} is a key of its own");
    }
    for (n, key) in HOSTILE.iter().enumerate() {
        let left = HOSTILE.len() - n;
        assert_eq!(count(&store).await, left, "before {key:?}");
        assert_eq!(store.get(key, NOW).await.unwrap().unwrap(), n.to_string().as_bytes());
        if n % 2 == 0 {
            store.delete(key).await.unwrap();
        } else {
            assert_eq!(store.take(key, NOW).await.unwrap().unwrap(), n.to_string().as_bytes());
        }
    }
    assert_eq!(count(&store).await, 0);
}

async fn count(store: &Store) -> usize {
    let mut found = 0;
    for key in HOSTILE {
        found += usize::from(store.get(key, NOW).await.unwrap().is_some());
    }
    found
}
