//! What every store of the audit trail keeps to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use nixa_audit::{AdministrationEvent, AuditEvent, LoginMeans, LoginRefusal, LoginRefusalReason, Record, chain};
use nixa_protocol::encryption::EncryptionKey;
use nixa_protocol::id::Id;
use nixa_protocol::{Entropy, Timestamp};
use nixa_storage::{Audit, Grants, People, Signals, StoredCheckpoint};
use nixa_storage_sql::SqlStore;
use serde_json::json;

use crate::grants::grant;
use crate::people::upstream;
use crate::race::{RACERS, race};

/// A store of the audit trail beside what it records.
pub(crate) trait AuditStore: Audit + Grants + People + Signals {}
impl<T: Audit + Grants + People + Signals> AuditStore for T {}

type Store = Arc<dyn AuditStore>;

/// 2026-10-31 23:59:59 UTC.
const NOW: Timestamp = Timestamp(1_793_491_199);

struct Counting(AtomicU8);
impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

pub(crate) fn sealing(store: SqlStore) -> SqlStore {
    store.with_audit_key(EncryptionKey::new(&[7; 32]).unwrap(), Arc::new(Counting(AtomicU8::new(0))))
}

/// Something in each table of the audit trail.
pub(crate) async fn fill(store: &SqlStore) {
    Audit::append(store, &[login_through("p9", "Nguyễn Văn An")], NOW).await.unwrap();
    Audit::append(store, &[link("p9")], NOW + 1).await.unwrap();
    store.remove_before(202_611, NOW + 1).await.unwrap();
    store.add_checkpoint(&StoredCheckpoint { n: 1, jws: "a.b.c".into(), token: None }).await.unwrap();
}

fn link(person: &str) -> AuditEvent {
    AuditEvent::Link { person: Id::from_text(person), idp: "national".to_owned() }
}

/// A login with personal data: the account at the identity provider.
pub(crate) fn login_through(person: &str, account: &str) -> AuditEvent {
    let (idp, client, account_at_idp) = ("national".to_owned(), "c".to_owned(), account.to_owned());
    AuditEvent::Login {
        person: Id::from_text(person),
        means: LoginMeans::Idp { idp, client, acr_stated: None, account_at_idp },
    }
}

fn refused(idp: &str) -> AuditEvent {
    let (idp, client) = (idp.to_owned(), "c".to_owned());
    let reason = LoginRefusalReason::IdpError;
    AuditEvent::LoginRefused { person: None, refusal: LoginRefusal::Idp { idp, reason, client, acr_stated: None } }
}

/// Every record, chain by chain; each is checked against the one before it and the chain against its head.
async fn all(store: &Store) -> Vec<Record> {
    let mut records = Vec::new();
    let anchors = store.anchors().await.unwrap();
    for head in store.heads().await.unwrap() {
        let anchor = anchors.iter().find(|a| a.shard == head.shard);
        let (mut seq, mut hash) = anchor.map_or((0, String::new()), |a| (a.seq, a.hash.clone()));
        for record in store.records(head.shard, seq, 10_000).await.unwrap() {
            seq += 1;
            assert_eq!(record.draft.seq, seq, "no gap");
            assert_eq!(record.hash, chain(&hash, &record.draft), "linked");
            hash.clone_from(&record.hash);
            records.push(record);
        }
        assert_eq!((seq, hash), (head.seq, head.hash), "the head is the newest record");
    }
    records
}

pub(crate) async fn records_are_linked_and_come_back(store: Store) {
    assert!(all(&store).await.is_empty());
    let events = [link("p1"), refused("số \0 '; --"), link("p1")];
    Audit::append(&*store, &events, NOW).await.unwrap();
    Audit::append(&*store, &[], NOW).await.unwrap();
    let records = all(&store).await;
    assert_eq!(records.len(), 3);
    let kinds: Vec<&str> = records.iter().map(|r| r.draft.kind.as_str()).collect();
    assert_eq!(kinds, ["link", "login-refused", "link"]);
    assert_eq!(records[0].draft.person.as_deref(), Some("p1"));
    assert_eq!(records[0].draft.body, r#"{"idp":"national"}"#);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&records[1].draft.body).unwrap()["idp"], "số \0 '; --");
    assert_eq!(store.records(records[0].draft.shard, 1, 1).await.unwrap(), records[1..2]);
}

pub(crate) async fn writers_at_once_leave_no_gap(store: Store) {
    race(|n| {
        let store = Arc::clone(&store);
        async move { Audit::append(&*store, &[link(&n.to_string()), link(&n.to_string())], NOW).await.unwrap() }
    })
    .await;
    let records = all(&store).await;
    assert_eq!(records.len(), 2 * RACERS);
    for pair in records.chunks(2) {
        assert_eq!(pair[0].draft.person, pair[1].draft.person, "what is recorded together stands together");
    }
}

pub(crate) async fn a_change_and_its_record_are_one(store: Store) {
    assert!(store.insert_grant(&grant("g", "s", true), None, &[link("p")]).await.unwrap());
    assert_eq!(all(&store).await.len(), 1);
    assert!(!store.insert_grant(&grant("g", "s", true), None, &[link("p")]).await.unwrap());
    assert_eq!(all(&store).await.len(), 1, "what did not happen is not recorded");
    // A record that cannot be kept takes the change with it: here its text holds a NUL.
    let bad = link("a\0b");
    assert!(store.insert_grant(&grant("h", "s", true), None, &[bad]).await.is_err());
    assert!(store.live_grant(&Id::from_text("h")).await.unwrap().is_none());
    assert_eq!(all(&store).await.len(), 1);
}

pub(crate) async fn a_login_and_its_link_are_recorded(store: Store) {
    let events = |who: &nixa_storage::Resolution| match who {
        nixa_storage::Resolution::Person(person) => vec![login_through(person.as_str(), "an")],
        nixa_storage::Resolution::Conflict => vec![refused("idp")],
    };
    for (account, match_key) in [("an", Some("1")), ("an", Some("1")), ("an", Some("2"))] {
        let new = Id::from_text("p1");
        store.resolve(&upstream("idp", account, match_key), &new, &events, NOW).await.unwrap();
    }
    let records = all(&store).await;
    let mut kinds: Vec<&str> = records.iter().map(|r| r.draft.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["link", "login", "login", "login-refused"]);
    let sealed: Vec<&Record> = records.iter().filter(|r| r.draft.kind == "login").collect();
    assert_eq!(store.personal(sealed[0]).await.unwrap().unwrap()["account_at_idp"], "an");
}

pub(crate) async fn personal_data_is_erased_and_the_chain_holds(store: Store) {
    let event = |person: &str| login_through(person, "Nguyễn Văn An");
    Audit::append(&*store, &[event("p1"), event("p2"), event("p1")], NOW).await.unwrap();
    let records = all(&store).await;
    for record in &records {
        assert!(!record.draft.body.contains("Nguyễn"));
        assert!(!record.draft.sealed.as_deref().unwrap().contains("Nguy"));
        assert_eq!(
            store.personal(record).await.unwrap().unwrap(),
            *json!({"account_at_idp": "Nguyễn Văn An"}).as_object().unwrap()
        );
    }
    let act = AdministrationEvent::PersonalDataErased { person: Id::from_text("p1") };
    let erased = AuditEvent::Administration { act, by: "root".to_owned() };
    assert!(store.forget("p1", &[erased], NOW).await.unwrap());
    assert!(!store.forget("p1", &[], NOW).await.unwrap());
    assert_eq!(store.personal(&records[0]).await.unwrap(), None);
    assert!(store.personal(&records[1]).await.unwrap().is_some());
    assert_eq!(all(&store).await.len(), 4, "every record is still there and linked");
    // A record moved to another person opens nothing.
    let mut moved = records[1].clone();
    moved.draft.person = Some("p3".into());
    assert_eq!(store.personal(&moved).await.unwrap(), None);
}

pub(crate) async fn old_months_go_and_the_rest_still_verifies(store: Store) {
    store.make_partition(202_610).await.unwrap();
    store.make_partition(202_611).await.unwrap();
    store.make_partition(202_611).await.unwrap();
    for n in 0..40 {
        Audit::append(&*store, &[link("p")], NOW + (n - 20)).await.unwrap();
    }
    assert_eq!(all(&store).await.len(), 40);
    assert_eq!(store.remove_before(202_611, NOW + 60).await.unwrap(), 21);
    let left = all(&store).await;
    let anchors = store.anchors().await.unwrap();
    assert_eq!(left.len(), 19 + anchors.len(), "19 are left, and a record of the removal for each chain");
    for anchor in anchors {
        assert!(left.iter().any(|r| r.draft.kind == "trail" && r.draft.body.contains(&anchor.hash)));
    }
    assert_eq!(store.remove_before(202_611, NOW + 60).await.unwrap(), 0);
    assert_eq!(all(&store).await.len(), left.len());
}

pub(crate) async fn a_checkpoint_has_one_author(store: Store) {
    assert_eq!(store.last_checkpoint().await.unwrap(), None);
    let won = race(|n| {
        let store = Arc::clone(&store);
        async move { store.add_checkpoint(&StoredCheckpoint { n: 1, jws: n.to_string(), token: None }).await.unwrap() }
    })
    .await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert!(store.add_checkpoint(&StoredCheckpoint { n: 2, jws: "second".into(), token: None }).await.unwrap());
    store.stamp_checkpoint(2, b"token").await.unwrap();
    store.stamp_checkpoint(2, b"another").await.unwrap();
    let last = store.last_checkpoint().await.unwrap().unwrap();
    assert_eq!((last.n, last.jws.as_str(), last.token.as_deref()), (2, "second", Some("dG9rZW4")));
    assert_eq!(store.checkpoints(1, 10).await.unwrap(), [last]);
    assert_eq!(store.checkpoints(0, 1).await.unwrap().len(), 1);
}
