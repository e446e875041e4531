//! What every store of people, decisions and consents keeps to.

use std::collections::BTreeSet;
use std::sync::Arc;

use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Subject};
use nixa_storage::{DecisionRecord, People, Resolution, StorageError, UpstreamAccount};
use serde_json::{Map, Value, json};

use crate::race::{RACERS, race};

type Store = Arc<dyn People>;

const NOW: Timestamp = Timestamp(1_000_000);

/// An account that states its person's match key and no attributes.
pub(crate) fn upstream(idp: &str, subject: &str, match_key: Option<&str>) -> UpstreamAccount {
    UpstreamAccount {
        idp: idp.to_owned(),
        subject: subject.to_owned(),
        match_key: match_key.map(str::to_owned),
        attributes: Map::new(),
        authoritative: false,
    }
}

fn stating(upstream: UpstreamAccount, attributes: Value, authoritative: bool) -> UpstreamAccount {
    let Value::Object(attributes) = attributes else { panic!("attributes are an object") };
    UpstreamAccount { attributes, authoritative, ..upstream }
}

fn id(text: &str) -> Id<Subject> {
    Id::from_text(text)
}

fn person(text: &str) -> Resolution {
    Resolution::Person(id(text))
}

async fn resolve(store: &Store, upstream: &UpstreamAccount, new_id: &str) -> Resolution {
    store.resolve(upstream, &id(new_id), &|_| Vec::new(), NOW).await.unwrap()
}

async fn attributes(store: &Store, who: &str) -> Value {
    Value::Object(store.person(&id(who)).await.unwrap().unwrap().attributes)
}

pub(crate) async fn a_stranger_becomes_a_person(store: Store) {
    assert!(store.person(&id("p1")).await.unwrap().is_none());
    let an = stating(upstream("idp", "an", Some("key")), json!({ "name": "Nguyễn An" }), true);
    assert_eq!(resolve(&store, &an, "p1").await, person("p1"));
    let stored = store.person(&id("p1")).await.unwrap().unwrap();
    assert_eq!(stored.id, id("p1"));
    assert_eq!(attributes(&store, "p1").await, json!({ "name": "Nguyễn An" }));
}

pub(crate) async fn the_same_account_is_the_same_person(store: Store) {
    let an = upstream("idp", "an", Some("key"));
    assert_eq!(resolve(&store, &an, "p1").await, person("p1"));
    assert_eq!(resolve(&store, &an, "p2").await, person("p1"));
    assert!(store.person(&id("p2")).await.unwrap().is_none());
    assert_eq!(resolve(&store, &upstream("idp", "an", None), "p3").await, person("p1"));
    assert_eq!(resolve(&store, &an, "p4").await, person("p1"), "a login without the match key does not forget it");
}

pub(crate) async fn the_same_match_key_is_the_same_person(store: Store) {
    assert_eq!(resolve(&store, &upstream("idp", "an", Some("key")), "p1").await, person("p1"));
    assert_eq!(resolve(&store, &upstream("other", "x", Some("key")), "p2").await, person("p1"));
    assert_eq!(resolve(&store, &upstream("other", "x", None), "p3").await, person("p1"), "the account is linked now");
    assert!(store.person(&id("p2")).await.unwrap().is_none());
}

pub(crate) async fn without_a_match_key_accounts_stay_apart(store: Store) {
    assert_eq!(resolve(&store, &upstream("idp", "an", None), "p1").await, person("p1"));
    assert_eq!(resolve(&store, &upstream("other", "an", None), "p2").await, person("p2"));
    assert_eq!(resolve(&store, &upstream("idp", "binh", Some("b")), "p3").await, person("p3"));
    assert_eq!(resolve(&store, &upstream("idp", "chi", Some("B")), "p4").await, person("p4"));
}

/// An account that was handed to someone else, or a provider that mixed two people up.
pub(crate) async fn another_match_key_is_a_conflict_and_changes_nothing(store: Store) {
    let an = stating(upstream("idp", "an", Some("key")), json!({ "name": "An" }), true);
    assert_eq!(resolve(&store, &an, "p1").await, person("p1"));
    let other = stating(upstream("idp", "an", Some("else")), json!({ "name": "Bình", "email": "b@example.vn" }), true);
    assert_eq!(resolve(&store, &other, "p2").await, Resolution::Conflict);
    assert_eq!(attributes(&store, "p1").await, json!({ "name": "An" }));
    assert!(store.person(&id("p2")).await.unwrap().is_none());
    assert_eq!(resolve(&store, &upstream("x", "an", Some("key")), "p3").await, person("p1"));
    assert_eq!(resolve(&store, &upstream("x", "binh", Some("else")), "p4").await, person("p4"));
    assert_eq!(resolve(&store, &other, "p5").await, Resolution::Conflict, "also when the other person is known");
}

pub(crate) async fn a_match_key_is_learned_later(store: Store) {
    assert_eq!(resolve(&store, &upstream("idp", "an", None), "p1").await, person("p1"));
    assert_eq!(resolve(&store, &upstream("idp", "an", Some("key")), "p2").await, person("p1"));
    assert_eq!(resolve(&store, &upstream("other", "x", Some("key")), "p3").await, person("p1"));
    assert_eq!(resolve(&store, &upstream("idp", "an", Some("else")), "p4").await, Resolution::Conflict);
}

pub(crate) async fn a_match_key_of_another_person_is_not_learned(store: Store) {
    let an = stating(upstream("idp", "an", None), json!({ "name": "An" }), true);
    assert_eq!(resolve(&store, &an, "p1").await, person("p1"));
    assert_eq!(resolve(&store, &upstream("idp", "binh", Some("key")), "p2").await, person("p2"));
    let claims = stating(upstream("idp", "an", Some("key")), json!({ "name": "Bình" }), true);
    assert_eq!(resolve(&store, &claims, "p3").await, Resolution::Conflict);
    assert_eq!(attributes(&store, "p1").await, json!({ "name": "An" }));
    assert_eq!(resolve(&store, &upstream("x", "x", Some("key")), "p4").await, person("p2"));
    assert_eq!(resolve(&store, &upstream("idp", "an", Some("own")), "p5").await, person("p1"));
}

pub(crate) async fn an_authority_replaces_and_others_fill_gaps(store: Store) {
    let state = |value, authoritative| stating(upstream("idp", "an", None), value, authoritative);
    resolve(&store, &state(json!({ "name": "a", "email": "a" }), false), "p").await;
    resolve(&store, &state(json!({ "name": "b", "gender": "b" }), false), "p").await;
    assert_eq!(attributes(&store, "p").await, json!({ "name": "a", "email": "a", "gender": "b" }));
    let said = json!({ "name": "Nguyễn \"An\" '; --", "address": { "country": "VN" } });
    resolve(&store, &state(said, true), "p").await;
    let now = json!({ "name": "Nguyễn \"An\" '; --", "email": "a", "gender": "b", "address": { "country": "VN" } });
    assert_eq!(attributes(&store, "p").await, now);
    resolve(&store, &state(json!({ "name": "c", "address": null }), false), "p").await;
    assert_eq!(attributes(&store, "p").await, now);
}

pub(crate) async fn one_account_by_many_is_one_person(store: Store) {
    let resolved =
        race(|n| {
            let store = Arc::clone(&store);
            async move {
                store.resolve(&upstream("idp", "an", None), &id(&n.to_string()), &|_| Vec::new(), NOW).await.unwrap()
            }
        })
        .await;
    one_person(&store, &resolved).await;
}

pub(crate) async fn one_match_key_by_many_is_one_person(store: Store) {
    let resolved = race(|n| {
        let store = Arc::clone(&store);
        let account = upstream(&format!("idp{n}"), "an", Some("key"));
        async move { store.resolve(&account, &id(&n.to_string()), &|_| Vec::new(), NOW).await.unwrap() }
    })
    .await;
    one_person(&store, &resolved).await;
}

async fn one_person(store: &Store, resolved: &[Resolution]) {
    let ids: BTreeSet<&str> =
        resolved.iter().filter_map(|l| if let Resolution::Person(id) = l { Some(id.as_str()) } else { None }).collect();
    assert_eq!((resolved.len(), ids.len()), (RACERS, 1));
    assert!(!resolved.contains(&Resolution::Conflict));
    let mut stored = 0;
    for n in 0..RACERS {
        stored += usize::from(store.person(&id(&n.to_string())).await.unwrap().is_some());
    }
    assert_eq!(stored, 1, "no person is left over whom nothing links to");
}

pub(crate) async fn a_consent_replaces_the_earlier_one(store: Store) {
    resolve(&store, &upstream("idp", "an", None), "p").await;
    assert_eq!(store.consent(&id("p"), "portal").await.unwrap(), None);
    for claims in [vec!["name".to_owned(), "số \"%_'".to_owned()], vec!["email".to_owned()], Vec::new()] {
        store.record_consent(&id("p"), "portal", &claims, &[], NOW).await.unwrap();
        assert_eq!(store.consent(&id("p"), "portal").await.unwrap(), Some(claims));
    }
}

pub(crate) async fn consents_are_apart_by_person_and_client(store: Store) {
    resolve(&store, &upstream("idp", "an", None), "p1").await;
    resolve(&store, &upstream("idp", "binh", None), "p2").await;
    store.record_consent(&id("p1"), "a", &["name".to_owned()], &[], NOW).await.unwrap();
    store.record_consent(&id("p1"), "b", &["email".to_owned()], &[], NOW).await.unwrap();
    assert_eq!(store.consent(&id("p1"), "a").await.unwrap(), Some(vec!["name".to_owned()]));
    assert_eq!(store.consent(&id("p1"), "b").await.unwrap(), Some(vec!["email".to_owned()]));
    assert_eq!(store.consent(&id("p2"), "a").await.unwrap(), None);
    assert_eq!(store.consent(&id("p1"), "_").await.unwrap(), None);
}

pub(crate) fn decision(id: &str, person: Option<&str>) -> DecisionRecord {
    DecisionRecord {
        id: Id::from_text(id),
        at: NOW,
        client_id: "cổng".to_owned(),
        person: person.map(Id::from_text),
        policy: "2026-07".to_owned(),
        record: json!({ "outcome": "met", "sentence": "Đạt mức 2 \"'; --", "nested": [1, null, { "a": 1.5 }] }),
    }
}

pub(crate) async fn a_decision_comes_back(store: Store) {
    for stored in [decision("d1", Some("p")), decision("d2", None)] {
        store.record_decision(&stored, &[]).await.unwrap();
        assert_eq!(store.decision(stored.id.as_str()).await.unwrap(), Some(stored));
    }
    assert_eq!(store.decision("d").await.unwrap(), None);
    assert_eq!(store.decision("d_").await.unwrap(), None);
}

pub(crate) async fn a_person_sees_their_own_newest_decisions(store: Store) {
    for (n, person) in [("1", "p"), ("2", "p"), ("3", "q"), ("4", "p")] {
        let at = NOW + n.parse().unwrap();
        store.record_decision(&DecisionRecord { at, ..decision(n, Some(person)) }, &[]).await.unwrap();
    }
    let seen = store.decisions_of(&id("p"), 2).await.unwrap();
    assert_eq!(seen.iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), ["4", "2"]);
    assert_eq!(store.decisions_of(&id("nobody"), 2).await.unwrap(), []);
}

/// The record of why a login had its level is evidence.
pub(crate) async fn a_decision_is_not_written_over(store: Store) {
    store.record_decision(&decision("d", Some("p")), &[]).await.unwrap();
    let outcome = store.record_decision(&decision("d", Some("other")), &[]).await;
    assert!(matches!(outcome, Err(StorageError::Exists)));
    assert_eq!(store.decision("d").await.unwrap(), Some(decision("d", Some("p"))));
}

pub(crate) async fn a_text_with_a_nul_is_refused_whole(store: Store) {
    let account = upstream("idp", "a\0b", Some("key"));
    assert!(matches!(store.resolve(&account, &id("p1"), &|_| Vec::new(), NOW).await, Err(StorageError::NotText)));
    assert!(store.person(&id("p1")).await.unwrap().is_none());
    // In an attribute it is JSON's escape.
    let account = stating(upstream("idp", "an", None), json!({ "name": "a\0b" }), true);
    assert_eq!(resolve(&store, &account, "p1").await, person("p1"));
    assert_eq!(attributes(&store, "p1").await, json!({ "name": "a\0b" }));
}

pub(crate) async fn logins_at_once_lose_no_attribute(store: Store) {
    resolve(&store, &upstream("idp", "an", None), "p1").await;
    race(|n| {
        let store = Arc::clone(&store);
        let account = stating(upstream("idp", "an", None), json!({ (n.to_string()): n }), true);
        async move { store.resolve(&account, &id("new"), &|_| Vec::new(), NOW).await.unwrap() }
    })
    .await;
    assert_eq!(attributes(&store, "p1").await.as_object().unwrap().len(), RACERS);
}

pub(crate) async fn hostile_text_is_only_text(store: Store) {
    let hostile = ["'; DROP TABLE people; --", "a", "%", "_", "\"", "số 🇻🇳", ""];
    for (n, text) in hostile.iter().enumerate() {
        let account = stating(upstream(text, text, Some(text)), json!({ *text: *text }), true);
        assert_eq!(resolve(&store, &account, &n.to_string()).await, person(&n.to_string()), "{text:?}");
    }
    for (n, text) in hostile.iter().enumerate() {
        let again = upstream(text, text, Some(text));
        assert_eq!(resolve(&store, &again, "new").await, person(&n.to_string()), "{text:?}");
        assert_eq!(attributes(&store, &n.to_string()).await, json!({ *text: *text }));
    }
}
