//! What every outbox of logout tokens keeps to.

use std::collections::BTreeSet;
use std::sync::Arc;

use nixa_audit::DeliveryOutcome;
use nixa_protocol::Timestamp;
use nixa_protocol::id::Id;
use nixa_storage::{DeliveryHealth, DeliveryRecord, LogoutOutbox, StorageError};

use crate::race::{RACERS, race};

type Store = Arc<dyn LogoutOutbox>;

const NOW: Timestamp = Timestamp(1_000_000);
const LEASE: Timestamp = Timestamp(1_000_030);

pub(crate) fn delivery(id: &str) -> DeliveryRecord {
    DeliveryRecord {
        id: Id::from_text(id),
        client_id: "cổng \"'; DROP TABLE logout_deliveries; --".to_owned(),
        subject: Id::from_text("person"),
        sid: Id::from_text("session"),
        attempts: 0,
    }
}

async fn claimed(store: &Store, now: Timestamp) -> BTreeSet<String> {
    let taken = store.claim(now, now + 30, 1000).await.unwrap();
    let ids: BTreeSet<String> = taken.iter().map(|d| d.id.as_str().to_owned()).collect();
    assert_eq!(ids.len(), taken.len(), "a claim names each delivery once");
    ids
}

fn names(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) async fn queued_is_due_at_once(store: Store) {
    store.enqueue(&[], &[], NOW).await.unwrap();
    store.enqueue(&[delivery("d")], &[], NOW).await.unwrap();
    assert_eq!(claimed(&store, NOW + -1).await, names(&[]));
    let taken = store.claim(NOW, LEASE, 10).await.unwrap();
    assert_eq!(taken, [DeliveryRecord { attempts: 1, ..delivery("d") }]);
}

pub(crate) async fn a_batch_is_queued_whole_or_not(store: Store) {
    store.enqueue(&[delivery("known")], &[], NOW).await.unwrap();
    let outcome = store.enqueue(&[delivery("new"), delivery("known")], &[], NOW).await;
    assert!(matches!(outcome, Err(StorageError::Exists)));
    assert_eq!(claimed(&store, NOW).await, names(&["known"]));
}

pub(crate) async fn a_lease_holds_until_its_second(store: Store) {
    store.enqueue(&[delivery("d")], &[], NOW).await.unwrap();
    assert_eq!(store.claim(NOW, LEASE, 10).await.unwrap().len(), 1);
    assert_eq!(store.claim(NOW, LEASE, 10).await.unwrap(), []);
    assert_eq!(store.claim(LEASE + -1, LEASE, 10).await.unwrap(), []);
    let again = store.claim(LEASE, LEASE + 30, 10).await.unwrap();
    assert_eq!(again, [DeliveryRecord { attempts: 2, ..delivery("d") }]);
    assert_eq!(store.claim(LEASE + 29, LEASE + 60, 10).await.unwrap(), []);
    let third = store.claim(LEASE + 30, LEASE + 60, 10).await.unwrap();
    assert_eq!(third, [DeliveryRecord { attempts: 3, ..delivery("d") }]);
}

pub(crate) async fn the_longest_due_go_first_up_to_the_limit(store: Store) {
    store.enqueue(&[delivery("late")], &[], NOW + 2).await.unwrap();
    store.enqueue(&[delivery("early")], &[], NOW).await.unwrap();
    store.enqueue(&[delivery("middle")], &[], NOW + 1).await.unwrap();
    for expected in ["early", "middle", "late"] {
        let taken = store.claim(NOW + 5, NOW + 60, 1).await.unwrap();
        assert_eq!(taken, [DeliveryRecord { attempts: 1, ..delivery(expected) }]);
    }
    assert_eq!(store.claim(NOW + 5, NOW + 60, 1).await.unwrap(), []);
}

pub(crate) async fn done_is_gone(store: Store) {
    store.enqueue(&[delivery("a"), delivery("b")], &[], NOW).await.unwrap();
    assert_eq!(claimed(&store, NOW).await, names(&["a", "b"]));
    store.done(&Id::from_text("a"), DeliveryOutcome::Delivered, &[], NOW).await.unwrap();
    store.done(&Id::from_text("a"), DeliveryOutcome::GivenUp, &[], NOW).await.unwrap();
    store.done(&Id::from_text("%"), DeliveryOutcome::Delivered, &[], NOW).await.unwrap();
    assert_eq!(claimed(&store, NOW + 1000).await, names(&["b"]));
    store.put_off(&Id::from_text("a"), NOW, &[], NOW).await.unwrap();
    assert_eq!(claimed(&store, NOW + 10).await, names(&[]), "what is done is not put off");
}

pub(crate) async fn what_became_of_it_can_be_asked(store: Store) {
    let of = |id: &str, client: &str, sid: &str| DeliveryRecord {
        client_id: client.to_owned(),
        sid: Id::from_text(sid),
        ..delivery(id)
    };
    store.enqueue(&[of("1", "tax", "s1"), of("2", "city", "s1")], &[], NOW).await.unwrap();
    store.enqueue(&[of("3", "tax", "s2")], &[], NOW + 5).await.unwrap();
    store.claim(NOW + 5, NOW + 35, 10).await.unwrap();
    store.done(&Id::from_text("1"), DeliveryOutcome::Delivered, &[], NOW + 6).await.unwrap();
    store.done(&Id::from_text("2"), DeliveryOutcome::GivenUp, &[], NOW + 7).await.unwrap();
    let of_session = store.deliveries_of_session(&Id::from_text("s1")).await.unwrap();
    let seen: Vec<_> = of_session.iter().map(|s| (s.delivery.client_id.as_str(), s.outcome.as_deref())).collect();
    assert_eq!(seen, [("city", Some("given-up")), ("tax", Some("delivered"))]);
    let of_client = store.deliveries_of_client("tax", 10).await.unwrap();
    assert_eq!(of_client[0].next_at, Some(NOW + 35));
    assert_eq!((of_client[0].delivery.attempts, of_client[0].done_at), (1, None));
    assert_eq!((of_client[1].queued_at, of_client[1].done_at), (Some(NOW), Some(NOW + 6)));
    assert_eq!(store.deliveries_of_client("tax", 1).await.unwrap().len(), 1);
    let health = store.delivery_health(None, NOW).await.unwrap();
    let tax = DeliveryHealth {
        waiting: 1,
        oldest_waiting_at: Some(NOW + 5),
        delivered: 1,
        last_delivered_at: Some(NOW + 6),
        given_up: 0,
    };
    assert_eq!(health["tax"], tax);
    let alone = store.delivery_health(Some("tax"), NOW).await.unwrap();
    assert!(alone.len() == 1 && alone["tax"] == tax);
    assert_eq!((health["city"].given_up, health["city"].waiting), (1, 0));
    assert!(!store.delivery_health(None, NOW + 8).await.unwrap().contains_key("city"));
}

pub(crate) async fn put_off_waits(store: Store) {
    store.enqueue(&[delivery("a"), delivery("b")], &[], NOW).await.unwrap();
    assert_eq!(claimed(&store, NOW).await, names(&["a", "b"]));
    store.put_off(&Id::from_text("a"), NOW + 100, &[], NOW).await.unwrap();
    store.put_off(&Id::from_text("unknown"), NOW, &[], NOW).await.unwrap();
    assert_eq!(claimed(&store, NOW + 99).await, names(&["b"]));
    assert_eq!(claimed(&store, NOW + 100).await, names(&["a"]));
}

pub(crate) async fn claimers_never_share_a_delivery(store: Store) {
    let queued: Vec<DeliveryRecord> = (0..RACERS * 3).map(|n| delivery(&n.to_string())).collect();
    store.enqueue(&queued, &[], NOW).await.unwrap();
    let claims = race(|_| {
        let store = Arc::clone(&store);
        async move { store.claim(NOW, LEASE, 5).await.unwrap() }
    })
    .await;
    let taken: Vec<&str> = claims.iter().flatten().map(|d| d.id.as_str()).collect();
    assert_eq!(taken.len(), queued.len());
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), queued.len());
    assert!(claims.iter().all(|claim| claim.len() <= 5));
    assert!(claims.iter().flatten().all(|d| d.attempts == 1));
}
