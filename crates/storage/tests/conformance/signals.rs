//! What every store of risk signals keeps to.

use std::sync::Arc;

use nixa_protocol::id::{Id, Subject};
use nixa_protocol::{Timestamp, digest};
use nixa_storage::{People, Signals};

use crate::people::upstream;
use crate::race::race;

/// A store of signals that knows the people whose devices they are.
pub(crate) trait Both: People + Signals {}
impl<T: People + Signals> Both for T {}

type Store = Arc<dyn Both>;

const NOW: Timestamp = Timestamp(1_000_000);

async fn person(store: &Store, name: &str) -> Id<Subject> {
    let id = Id::from_text(name);
    store.resolve(&upstream("idp", name, None), &id, &|_| Vec::new(), NOW).await.unwrap();
    id
}

pub(crate) async fn a_device_is_known_to_its_person_only(store: Store) {
    let (an, binh) = (person(&store, "an").await, person(&store, "binh").await);
    let (phone, laptop) = (digest("phone"), digest("laptop"));
    assert!(!store.knows_device(&an, &phone).await.unwrap());
    store.remember_device(&an, &phone, NOW).await.unwrap();
    assert!(store.knows_device(&an, &phone).await.unwrap());
    assert!(!store.knows_device(&an, &laptop).await.unwrap());
    assert!(!store.knows_device(&binh, &phone).await.unwrap());
}

pub(crate) async fn a_device_may_be_remembered_by_many_at_once(store: Store) {
    let an = person(&store, "an").await;
    race(|_| {
        let (store, an) = (Arc::clone(&store), an.clone());
        async move { store.remember_device(&an, &digest("phone"), NOW).await.unwrap() }
    })
    .await;
    assert!(store.knows_device(&an, &digest("phone")).await.unwrap());
}

pub(crate) async fn a_signal_is_raised_until_it_is_cleared(store: Store) {
    assert!(store.raised().await.unwrap().is_empty());
    assert!(store.raise("alert", &[], NOW).await.unwrap());
    assert!(!store.raise("alert", &[], NOW + 1).await.unwrap(), "it is raised already");
    assert!(store.raise("'; --", &[], NOW).await.unwrap());
    assert_eq!(store.raised().await.unwrap(), ["'; --", "alert"].map(String::from).into());
    assert!(store.clear("alert", &[], NOW).await.unwrap());
    assert!(!store.clear("alert", &[], NOW).await.unwrap());
    assert_eq!(store.raised().await.unwrap(), ["'; --".to_owned()].into());
}
