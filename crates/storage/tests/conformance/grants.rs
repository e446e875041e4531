//! What every store of grants and refresh tokens keeps to.

use std::collections::BTreeSet;
use std::sync::Arc;

use nixa_protocol::id::{Grant, Id};
use nixa_protocol::{Digest, Timestamp, digest};
use nixa_storage::{GrantBody, GrantRecord, Grants, NewRefresh, Rotation, StorageError};

use crate::race::{RACERS, race};

type Store = Arc<dyn Grants>;

const NOW: Timestamp = Timestamp(1_000_000);
const END: Timestamp = Timestamp(1_000_060);
const LAST: Timestamp = Timestamp(1_000_059);

pub(crate) fn grant(id: &str, sid: &str, offline: bool) -> GrantRecord {
    GrantRecord {
        id: Id::from_text(id),
        client_id: "cổng'; DROP TABLE grants; --".to_owned(),
        subject: Id::from_text("person"),
        sid: Id::from_text(sid),
        body: GrantBody {
            resource: Some("https://api.example".to_owned()),
            service: None,
            scopes: BTreeSet::from(["openid".to_owned(), "email".to_owned()]),
            acr: Some("urn:nixa:loa:2".to_owned()),
            amr: vec!["pwd".to_owned(), "otp".to_owned()],
            auth_time: Timestamp(999_000),
            id_token_claims: BTreeSet::from(["name".to_owned()]),
            userinfo_claims: BTreeSet::from(["địa chỉ \"%_".to_owned()]),
        },
        offline,
        created_at: NOW,
        revoked_at: None,
    }
}

pub(crate) fn refresh(token: &str) -> NewRefresh {
    NewRefresh { digest: digest(token), expires_at: END }
}

fn id(text: &str) -> Id<Grant> {
    Id::from_text(text)
}

async fn revoked_at(store: &Store, token: &Digest) -> Option<Timestamp> {
    store.grant_of_refresh(token).await.unwrap().unwrap().revoked_at
}

pub(crate) async fn answers(store: Store) {
    store.ping().await.unwrap();
}

pub(crate) async fn a_stored_grant_is_live(store: Store) {
    assert!(store.insert_grant(&grant("g", "s", false), None, &[]).await.unwrap());
    assert!(store.insert_grant(&grant("offline", "s", true), Some(&refresh("r")), &[]).await.unwrap());
    assert_eq!(store.live_grant(&id("g")).await.unwrap().unwrap(), grant("g", "s", false));
    assert_eq!(store.live_grant(&id("offline")).await.unwrap().unwrap(), grant("offline", "s", true));
    assert_eq!(store.live_grant(&id("G")).await.unwrap(), None);
    assert_eq!(store.live_grant(&id("%")).await.unwrap(), None);
}

pub(crate) async fn a_known_id_is_not_stored_again(store: Store) {
    assert!(store.insert_grant(&grant("g", "s", false), None, &[]).await.unwrap());
    assert!(!store.insert_grant(&grant("g", "other", true), Some(&refresh("r")), &[]).await.unwrap());
    assert_eq!(store.live_grant(&id("g")).await.unwrap().unwrap(), grant("g", "s", false));
    assert_eq!(store.grant_of_refresh(&digest("r")).await.unwrap(), None);
}

pub(crate) async fn a_revoked_grant_is_not_live(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r")), &[]).await.unwrap();
    store.insert_grant(&grant("other", "s", false), None, &[]).await.unwrap();
    store.revoke_grant(&id("g"), &[], NOW).await.unwrap();
    assert_eq!(store.live_grant(&id("g")).await.unwrap(), None);
    assert!(store.live_grant(&id("other")).await.unwrap().is_some());
    store.revoke_grant(&id("g"), &[], LAST).await.unwrap();
    assert_eq!(revoked_at(&store, &digest("r")).await, Some(NOW), "the first revocation is the one on record");
}

/// A code that is replayed while it is being redeemed: the revocation may come before the grant.
pub(crate) async fn revoked_before_it_was_stored(store: Store) {
    store.revoke_grant(&id("g"), &[], NOW).await.unwrap();
    assert_eq!(store.live_grant(&id("g")).await.unwrap(), None);
    assert!(!store.insert_grant(&grant("g", "s", true), Some(&refresh("r")), &[]).await.unwrap());
    assert_eq!(store.live_grant(&id("g")).await.unwrap(), None);
    assert_eq!(store.grant_of_refresh(&digest("r")).await.unwrap(), None);
}

pub(crate) async fn storing_and_revoking_at_once_ends_revoked(store: Store) {
    race(|n| {
        let store = Arc::clone(&store);
        async move {
            let name = format!("g{}", n / 2);
            if n % 2 == 0 {
                store.insert_grant(&grant(&name, "s", true), Some(&refresh(&name)), &[]).await.map(|_| ()).unwrap();
            } else {
                store.revoke_grant(&id(&name), &[], NOW).await.unwrap();
            }
        }
    })
    .await;
    for n in 0..RACERS / 2 {
        assert_eq!(store.live_grant(&id(&format!("g{n}"))).await.unwrap(), None);
    }
}

pub(crate) async fn a_session_takes_only_its_own_grants(store: Store) {
    store.insert_grant(&grant("mine", "s", false), Some(&refresh("r")), &[]).await.unwrap();
    store.insert_grant(&grant("offline", "s", true), None, &[]).await.unwrap();
    store.insert_grant(&grant("other", "s2", false), None, &[]).await.unwrap();
    store.revoke_session(&Id::from_text("s"), &[], NOW).await.unwrap();
    store.revoke_session(&Id::from_text("s"), &[], LAST).await.unwrap();
    store.revoke_session(&Id::from_text("%"), &[], NOW).await.unwrap();
    assert_eq!(store.live_grant(&id("mine")).await.unwrap(), None);
    assert_eq!(revoked_at(&store, &digest("r")).await, Some(NOW));
    assert!(store.live_grant(&id("offline")).await.unwrap().is_some());
    assert!(store.live_grant(&id("other")).await.unwrap().is_some());
}

pub(crate) async fn a_refresh_token_names_its_grant(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r")), &[]).await.unwrap();
    store.insert_grant(&grant("g2", "s", true), Some(&refresh("r2")), &[]).await.unwrap();
    assert_eq!(store.grant_of_refresh(&digest("r")).await.unwrap().unwrap(), grant("g", "s", true));
    assert_eq!(store.grant_of_refresh(&digest("unknown")).await.unwrap(), None);
    store.revoke_grant(&id("g"), &[], LAST).await.unwrap();
    let revoked = GrantRecord { revoked_at: Some(LAST), ..grant("g", "s", true) };
    assert_eq!(store.grant_of_refresh(&digest("r")).await.unwrap().unwrap(), revoked);
}

pub(crate) async fn rotation_replaces(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r0")), &[]).await.unwrap();
    assert_eq!(store.rotate(&digest("r0"), &refresh("r1"), 0, &|_| Vec::new(), LAST).await.unwrap(), Rotation::Rotated);
    assert_eq!(store.rotate(&digest("r1"), &refresh("r2"), 0, &|_| Vec::new(), LAST).await.unwrap(), Rotation::Rotated);
    for token in ["r0", "r1", "r2"] {
        assert_eq!(store.grant_of_refresh(&digest(token)).await.unwrap().unwrap(), grant("g", "s", true));
    }
    assert!(store.live_grant(&id("g")).await.unwrap().is_some());
}

/// RFC 9700 §4.14.2: who of the two has the stolen token cannot be known, so neither keeps the grant.
pub(crate) async fn a_use_repeated_within_the_grace_revokes_nothing(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r0")), &[]).await.unwrap();
    let rotate = |next: &'static str, at: Timestamp| {
        let store = Arc::clone(&store);
        async move { store.rotate(&digest("r0"), &refresh(next), 10, &|_| Vec::new(), at).await.unwrap() }
    };
    assert_eq!(rotate("r1", NOW).await, Rotation::Rotated);
    assert_eq!(rotate("r2", NOW + 9).await, Rotation::Recent);
    assert!(store.live_grant(&Id::from_text("g")).await.unwrap().is_some());
    assert_eq!(store.grant_of_refresh(&digest("r2")).await.unwrap(), None, "nothing more is stored");
    assert_eq!(rotate("r3", NOW + 10).await, Rotation::Reused);
    assert!(store.live_grant(&Id::from_text("g")).await.unwrap().is_none());
    assert_eq!(rotate("r4", NOW + 1).await, Rotation::Reused, "a revoked grant has no grace");
}

pub(crate) async fn reuse_revokes(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r0")), &[]).await.unwrap();
    store.insert_grant(&grant("other", "s", true), Some(&refresh("other")), &[]).await.unwrap();
    assert_eq!(store.rotate(&digest("r0"), &refresh("r1"), 0, &|_| Vec::new(), NOW).await.unwrap(), Rotation::Rotated);
    assert_eq!(
        store.rotate(&digest("r0"), &refresh("thief"), 0, &|_| Vec::new(), NOW).await.unwrap(),
        Rotation::Reused
    );
    assert_eq!(store.live_grant(&id("g")).await.unwrap(), None);
    assert_eq!(store.grant_of_refresh(&digest("thief")).await.unwrap(), None);
    assert_eq!(store.rotate(&digest("r1"), &refresh("r2"), 0, &|_| Vec::new(), NOW).await.unwrap(), Rotation::Refused);
    assert_eq!(store.rotate(&digest("r0"), &refresh("r3"), 0, &|_| Vec::new(), LAST).await.unwrap(), Rotation::Reused);
    assert_eq!(revoked_at(&store, &digest("r0")).await, Some(NOW));
    assert!(store.live_grant(&id("other")).await.unwrap().is_some());
}

pub(crate) async fn reuse_is_seen_after_the_end(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r0")), &[]).await.unwrap();
    let next = NewRefresh { digest: digest("r1"), expires_at: END + 600 };
    assert_eq!(store.rotate(&digest("r0"), &next, 0, &|_| Vec::new(), NOW).await.unwrap(), Rotation::Rotated);
    assert_eq!(
        store.rotate(&digest("r0"), &refresh("thief"), 0, &|_| Vec::new(), END + 1).await.unwrap(),
        Rotation::Reused
    );
    assert_eq!(
        store.rotate(&digest("r1"), &refresh("r2"), 0, &|_| Vec::new(), END + 1).await.unwrap(),
        Rotation::Refused
    );
}

pub(crate) async fn an_expired_token_is_refused(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r")), &[]).await.unwrap();
    assert_eq!(store.rotate(&digest("r"), &refresh("late"), 0, &|_| Vec::new(), END).await.unwrap(), Rotation::Refused);
    assert_eq!(store.grant_of_refresh(&digest("late")).await.unwrap(), None);
    assert!(store.live_grant(&id("g")).await.unwrap().is_some(), "an end is no theft");
    assert_eq!(
        store.rotate(&digest("r"), &refresh("next"), 0, &|_| Vec::new(), LAST).await.unwrap(),
        Rotation::Rotated
    );
}

pub(crate) async fn an_unknown_token_is_refused(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r")), &[]).await.unwrap();
    assert_eq!(
        store.rotate(&digest("unknown"), &refresh("next"), 0, &|_| Vec::new(), NOW).await.unwrap(),
        Rotation::Refused
    );
    assert_eq!(store.grant_of_refresh(&digest("next")).await.unwrap(), None);
    assert!(store.live_grant(&id("g")).await.unwrap().is_some());
}

pub(crate) async fn a_revoked_grant_does_not_rotate(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r")), &[]).await.unwrap();
    store.revoke_grant(&id("g"), &[], NOW).await.unwrap();
    assert_eq!(store.rotate(&digest("r"), &refresh("next"), 0, &|_| Vec::new(), NOW).await.unwrap(), Rotation::Refused);
    assert_eq!(store.grant_of_refresh(&digest("next")).await.unwrap(), None);
}

pub(crate) async fn rotation_to_a_known_token_changes_nothing(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r")), &[]).await.unwrap();
    store.insert_grant(&grant("other", "s", true), Some(&refresh("taken")), &[]).await.unwrap();
    let outcome = store.rotate(&digest("r"), &refresh("taken"), 0, &|_| Vec::new(), NOW).await;
    assert!(matches!(outcome, Err(StorageError::Exists)));
    assert_eq!(store.rotate(&digest("r"), &refresh("next"), 0, &|_| Vec::new(), NOW).await.unwrap(), Rotation::Rotated);
    assert_eq!(store.grant_of_refresh(&digest("taken")).await.unwrap().unwrap().id, id("other"));
}

pub(crate) async fn rotation_by_many_has_one_winner_and_revokes(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r")), &[]).await.unwrap();
    let outcomes = race(|n| {
        let store = Arc::clone(&store);
        async move { store.rotate(&digest("r"), &refresh(&format!("next{n}")), 0, &|_| Vec::new(), NOW).await.unwrap() }
    })
    .await;
    let count = |wanted| outcomes.iter().filter(|o| **o == wanted).count();
    assert_eq!((count(Rotation::Rotated), count(Rotation::Reused)), (1, RACERS - 1));
    assert_eq!(store.live_grant(&id("g")).await.unwrap(), None);
    for n in 0..RACERS {
        let next = digest(&format!("next{n}"));
        assert_eq!(store.rotate(&next, &refresh("after"), 0, &|_| Vec::new(), NOW).await.unwrap(), Rotation::Refused);
    }
}
