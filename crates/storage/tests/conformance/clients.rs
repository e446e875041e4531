//! What every store of clients keeps to.

use std::sync::Arc;

use nixa_audit::{AuditEvent, ClientChange, ConfigurationEvent};
use nixa_protocol::{Client, ClientAuthentication, LocalizedText, Timestamp, digest};
use nixa_storage::{Audit, ClientStore, GrantRecord, Grants, StorageError};

use crate::audit::login_through;
use crate::grants::grant;
use crate::race::race;

/// A store of clients with what they were granted.
pub(crate) trait Registry: ClientStore + Grants + Audit {}
impl<T: ClientStore + Grants + Audit> Registry for T {}

type Store = Arc<dyn Registry>;

const NOW: Timestamp = Timestamp(1_000_000);

fn client(id: &str, name: &str) -> Client {
    let name = LocalizedText { vi: "Cổng '; --".to_owned(), en: name.to_owned() };
    Client { declared: true, ..Client::new(id, name, ClientAuthentication::basic("secret")) }
}

pub(crate) fn event(id: &str, change: ClientChange) -> AuditEvent {
    AuditEvent::Configuration(ConfigurationEvent::Client { client: id.to_owned(), change, by: None })
}

async fn names(store: &Store) -> Vec<String> {
    store.clients("", 100).await.unwrap().into_iter().map(|r| r.client.client_id).collect()
}

pub(crate) async fn declared_clients_are_those_of_the_last_declaration(store: Store) {
    store.declare_clients(&[client("a", "1"), client("b", "1")], &event, NOW).await.unwrap();
    assert_eq!(store.client("a").await.unwrap().unwrap().client, client("a", "1"));
    store.declare_clients(&[client("b", "2"), client("c", "1")], &event, NOW + 1).await.unwrap();
    assert_eq!(names(&store).await, ["b", "c"]);
    assert_eq!(store.client("b").await.unwrap().unwrap().client, client("b", "2"));
    let records = |shard| store.records(shard, 0, 100);
    let mut said = Vec::new();
    for shard in store.shards().await.unwrap() {
        said.extend(records(shard).await.unwrap().into_iter().map(|r| r.draft.body));
    }
    assert_eq!(said.len(), 5, "two declared, then one changed, one declared, one withdrawn: {said:?}");
    store.declare_clients(&[client("b", "2"), client("c", "1")], &event, NOW + 2).await.unwrap();
    let heads: i64 = store.heads().await.unwrap().iter().map(|head| head.seq).sum();
    assert_eq!(heads, 5, "the same again changes nothing");
}

pub(crate) async fn a_registration_uses_up_its_token(store: Store) {
    let (token, initial) = (digest("token"), digest("initial"));
    store.add_registration_token(&initial, 2, NOW + 10, &[], NOW).await.unwrap();
    let register = async |id: &str, at: Timestamp| {
        let registered = Client { declared: false, ..client(id, "x") };
        store.register_client(&registered, &token, &initial, &[], at).await.unwrap()
    };
    assert!(!store.knows_registration_token(&initial, NOW + 10).await.unwrap(), "at its end");
    assert!(!register("late", NOW + 10).await);
    assert!(register("a", NOW).await);
    let twice = store.register_client(&client("a", "y"), &token, &initial, &[], NOW).await;
    assert!(matches!(twice, Err(StorageError::Exists)));
    assert!(store.knows_registration_token(&initial, NOW).await.unwrap(), "what failed uses nothing up");
    assert!(register("b", NOW).await && !register("c", NOW).await);
    assert_eq!(names(&store).await, ["a", "b"]);
}

pub(crate) async fn one_token_by_many_is_used_once(store: Store) {
    store.add_registration_token(&digest("initial"), 1, NOW + 10, &[], NOW).await.unwrap();
    let won = race(|n| {
        let store = Arc::clone(&store);
        async move {
            let client = client(&n.to_string(), "x");
            store.register_client(&client, &digest("token"), &digest("initial"), &[], NOW).await.unwrap()
        }
    })
    .await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert_eq!(names(&store).await.len(), 1);
}

pub(crate) async fn a_registration_is_changed_and_removed_by_its_token_alone(store: Store) {
    let (token, initial) = (digest("token"), digest("initial"));
    store.add_registration_token(&initial, 1, NOW + 10, &[], NOW).await.unwrap();
    store.register_client(&client("a", "1"), &token, &initial, &[], NOW).await.unwrap();
    assert!(!store.update_client(&client("a", "2"), &digest("other"), &[], NOW).await.unwrap());
    assert!(store.update_client(&client("a", "3"), &token, &[], NOW).await.unwrap());
    assert_eq!(store.client("a").await.unwrap().unwrap().client.name.en, "3");
    assert!(matches!(store.declare_clients(&[client("a", "4")], &event, NOW).await, Err(StorageError::Exists)));
    assert_eq!(store.client("a").await.unwrap().unwrap().client.name.en, "3");
    let of_it = GrantRecord { client_id: "a".to_owned(), ..grant("g", "s", false) };
    store.insert_grant(&of_it, None, &[]).await.unwrap();
    store.insert_grant(&grant("other", "s", false), None, &[]).await.unwrap();
    assert!(store.remove_client("a", &[], NOW).await.unwrap() && !store.remove_client("a", &[], NOW).await.unwrap());
    assert!(store.live_grant(&of_it.id).await.unwrap().is_none());
    assert!(store.live_grant(&grant("other", "s", false).id).await.unwrap().is_some());
    store.declare_clients(&[client("d", "1")], &event, NOW).await.unwrap();
    assert!(!store.remove_client("d", &[], NOW).await.unwrap(), "declared clients are not removed this way");
}

/// The stores of clients are opened without a key for personal data; those of the audit trail have one.
pub(crate) async fn without_a_key_personal_data_is_refused(store: Store) {
    let appended = Audit::append(&*store, &[login_through("p1", "an")], NOW).await;
    assert!(matches!(appended, Err(StorageError::NoKey)));
    assert!(store.shards().await.unwrap().is_empty());
}
