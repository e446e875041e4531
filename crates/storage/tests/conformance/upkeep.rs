//! What every store keeps to when it removes what has ended.

use std::sync::Arc;

use nixa_protocol::id::{Grant, Id};
use nixa_protocol::{Timestamp, digest};
use nixa_storage::{DecisionRecord, Grants, NewRefresh, People, Rotation, Signals, Upkeep};

use crate::grants::{grant, refresh};
use crate::people::{decision, upstream};

/// A store with everything that ends.
pub(crate) trait Ending: Upkeep + Grants + People + Signals {}
impl<T: Upkeep + Grants + People + Signals> Ending for T {}

type Store = Arc<dyn Ending>;

const NOW: Timestamp = Timestamp(1_000_000);
const DAY: i64 = 86_400;

fn id(text: &str) -> Id<Grant> {
    Id::from_text(text)
}

pub(crate) async fn a_grant_goes_a_day_after_its_end(store: Store) {
    store.insert_grant(&grant("g", "s", false), None, &[]).await.unwrap();
    store.insert_grant(&grant("with", "s", true), Some(&refresh("r")), &[]).await.unwrap();
    store.revoke_grant(&id("before it was stored"), &[], NOW).await.unwrap();
    assert_eq!(store.remove_ended(None, NOW + DAY).await.unwrap(), 0, "not before");
    assert!(store.live_grant(&id("g")).await.unwrap().is_some());
    assert_eq!(store.remove_ended(None, NOW + DAY + 1).await.unwrap(), 2);
    assert!(store.live_grant(&id("g")).await.unwrap().is_none());
    assert!(store.live_grant(&id("with")).await.unwrap().is_some(), "its refresh token lived for a minute more");
    assert_eq!(store.remove_ended(None, NOW + 60 + DAY + 1).await.unwrap(), 2, "the token, then its grant");
    assert!(store.live_grant(&id("with")).await.unwrap().is_none());
}

pub(crate) async fn a_grant_lives_as_long_as_its_last_refresh_token(store: Store) {
    store.insert_grant(&grant("g", "s", true), Some(&refresh("r1")), &[]).await.unwrap();
    let next = NewRefresh { digest: digest("r2"), expires_at: NOW + 30 * DAY };
    let rotated = store.rotate(&digest("r1"), &next, 10, &|_| Vec::new(), NOW + 1).await.unwrap();
    assert_eq!(rotated, Rotation::Rotated);
    assert_eq!(store.remove_ended(None, NOW + 29 * DAY).await.unwrap(), 1, "the first token alone");
    assert!(store.grant_of_refresh(&digest("r2")).await.unwrap().is_some());
    assert_eq!(store.remove_ended(None, NOW + 31 * DAY + 1).await.unwrap(), 2);
    assert!(store.grant_of_refresh(&digest("r2")).await.unwrap().is_none());
}

pub(crate) async fn a_browser_goes_when_its_mark_has_ended(store: Store) {
    let an = Id::from_text("an");
    store.resolve(&upstream("idp", "an", None), &an, &|_| Vec::new(), NOW).await.unwrap();
    store.remember_device(&an, &digest("phone"), NOW).await.unwrap();
    store.remember_device(&an, &digest("laptop"), NOW + 1).await.unwrap();
    assert_eq!(store.remove_ended(None, NOW + 400 * DAY + 1).await.unwrap(), 1);
    assert!(!store.knows_device(&an, &digest("phone")).await.unwrap());
    assert!(store.knows_device(&an, &digest("laptop")).await.unwrap());
}

pub(crate) async fn decisions_go_only_by_a_given_time(store: Store) {
    for (name, at) in [("old", NOW), ("edge", NOW + 10), ("new", NOW + 11)] {
        store.record_decision(&DecisionRecord { at, ..decision(name, None) }, &[]).await.unwrap();
    }
    assert_eq!(store.count_decisions(NOW, NOW + 11).await.unwrap(), 2);
    assert_eq!(store.count_decisions(NOW + 1, NOW + 12).await.unwrap(), 2);
    assert_eq!(store.remove_ended(None, NOW + 4_000 * DAY).await.unwrap(), 0, "kept for ever");
    assert_eq!(store.remove_ended(Some(NOW + 10), NOW).await.unwrap(), 1);
    assert!(store.decision("old").await.unwrap().is_none() && store.decision("edge").await.unwrap().is_some());
}

pub(crate) async fn many_go_batch_by_batch(store: Store) {
    for n in 0..501 {
        store.insert_grant(&grant(&format!("g{n}"), "s", false), None, &[]).await.unwrap();
    }
    assert_eq!(store.remove_ended(None, NOW + 2 * DAY).await.unwrap(), 501);
}
