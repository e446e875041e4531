//! The audit trail of real logins: what each leaves, that it holds no personal data in the clear, and that
//! a changed one is seen.

use std::collections::BTreeMap;

use nixa_audit::Record;
use nixa_protocol::jose::VerifyingKey;
use nixa_protocol::{Clock, Timestamp};
use nixa_storage::{Audit, People};
use serde_json::Value;

use crate::browser::{Browser, authorize_url, token};
use crate::lab::{Lab, NUMBER, query};

async fn records(lab: &Lab) -> Vec<Record> {
    lab.broker.store.records(0, 0, 10_000).await.unwrap()
}

fn count(records: &[Record]) -> BTreeMap<&str, usize> {
    let mut count = BTreeMap::new();
    for record in records {
        *count.entry(record.draft.kind.as_str()).or_default() += 1;
    }
    count
}

async fn database(lab: &Lab) -> sqlx::SqlitePool {
    let file = lab.folder().join("broker/durable.db");
    sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap()
}

async fn report(lab: &Lab) -> nixa::audit::Report {
    let key = lab.broker.keys.audit_key(lab.clock.now()).await.unwrap();
    let key = VerifyingKey::from_jwk(&key.public_jwk()).unwrap();
    // What was decided in this second may still be on its way to the audit trail.
    lab.clock.advance(1);
    let decisions = (&*lab.broker.store as &dyn People, Timestamp(0));
    nixa::audit::verify(&*lab.broker.store, &key, None, None, Some(decisions), lab.clock.now()).await.unwrap()
}

#[tokio::test]
async fn a_decision_that_is_not_what_was_recorded_is_seen() {
    let lab = Lab::new().await;
    Browser::default().tokens(&lab, "basic", &[]).await;
    Browser::default().tokens(&lab, "two", &[]).await;
    assert!(report(&lab).await.is_sound());
    let pool = database(&lab).await;
    sqlx::query(
        "INSERT INTO decisions SELECT 'false', at, client_id, person_id, policy, record FROM decisions LIMIT 1",
    )
    .execute(&pool)
    .await
    .unwrap();
    let inserted = report(&lab).await;
    assert!(!inserted.is_sound() && inserted.unrecorded == 1 && inserted.decisions.is_empty(), "{inserted:?}");
    sqlx::query("DELETE FROM decisions WHERE id = 'false'").execute(&pool).await.unwrap();
    let id: String = sqlx::query_scalar("SELECT id FROM decisions LIMIT 1").fetch_one(&pool).await.unwrap();
    for alter in [
        "UPDATE decisions SET record = json_set(record, '$.sentence', 'x') WHERE id = $1",
        "UPDATE decisions SET client_id = 'other' WHERE id = $1",
        "DELETE FROM decisions WHERE id = $1",
    ] {
        sqlx::query(alter).bind(&id).execute(&pool).await.unwrap();
        assert_eq!(report(&lab).await.decisions, std::slice::from_ref(&id), "{alter}");
    }
}

#[tokio::test]
async fn who_is_refused_without_a_page_is_recorded_when_it_is_known() {
    let lab = Lab::new().await;
    let refusals = || async { count(&records(&lab).await).get("login-refused").copied().unwrap_or(0) };
    let silent = authorize_url("two", &[("prompt", "none")]);
    Browser::default().get(&lab, &silent).await;
    assert_eq!(refusals().await, 0, "nobody is there");
    let mut browser = Browser::default();
    browser.tokens(&lab, "basic", &[]).await;
    assert!(query(&browser.get(&lab, &silent).await.location(), "error").is_some());
    assert_eq!(refusals().await, 1);
    let all = records(&lab).await;
    let refused = all.iter().find(|r| r.draft.kind == "login-refused").unwrap();
    assert!(refused.draft.person.is_some());
}

#[tokio::test]
async fn each_thing_that_happens_leaves_its_record() {
    let lab = Lab::new().await;
    let start = records(&lab).await;
    assert_eq!(count(&start), [("configuration", 11), ("key", 8)].into());
    let mut browser = Browser::default();
    let tokens = browser.tokens(&lab, "basic", &[("scope", "openid profile offline_access")]).await;
    lab.userinfo(tokens["access_token"].as_str().unwrap()).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    for _ in 0..2 {
        lab.clock.advance(11);
        token(&lab, "basic", vec![("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    }
    browser.tokens(&lab, "asking", &[]).await;
    let page = browser.open(&lab, &authorize_url("three", &[])).await;
    let refused = browser.submit(&lab, &page, &[]).await.location();
    assert!(query(&refused, "error").is_some());
    let hint = tokens["id_token"].as_str().unwrap();
    browser.log_out(&lab, hint).await;
    lab.broker.provider.back_channel.deliver_due().await.unwrap();

    let all = records(&lab).await;
    let expected = [
        ("claims-released", 1),
        ("configuration", 11),
        ("consent", 1),
        ("decision", 3),
        ("grant-revoked", 1),
        ("key", 8),
        ("link", 1),
        ("login", 1),
        ("login-refused", 1),
        ("logout", 1),
        ("logout-delivery", 2),
        ("tokens-issued", 3),
    ];
    assert_eq!(count(&all), expected.into());
    let text: String = all.iter().map(|r| format!("{:?}", r.draft)).collect();
    let sub = tokens["id_token"].as_str().unwrap();
    for secret in ["Name of mai", NUMBER, "mai\"", refresh, tokens["access_token"].as_str().unwrap(), sub] {
        assert!(!text.contains(secret), "{secret}");
    }
    // Whom they are about is the same random identifier, and the account is readable only with the key.
    let login = all.iter().find(|r| r.draft.kind == "login").unwrap();
    let person = login.draft.person.clone().unwrap();
    assert!(all.iter().filter(|r| r.draft.person.as_deref() == Some(&person)).count() > 8);
    let personal = lab.broker.store.personal(login).await.unwrap().unwrap();
    assert!(personal["account_at_idp"].as_str().unwrap().len() > 10);
}

#[tokio::test]
async fn the_identity_provider_records_right_and_wrong_factors() {
    let lab = Lab::new().await;
    let mut browser = Browser::default();
    let page = browser.open(&lab, &authorize_url("two", &[])).await;
    let page = browser.submit(&lab, &page, &[("idp", "national")]).await;
    for username in ["mai", "nobody"] {
        browser.submit(&lab, &page, &[("username", username), ("password", "wrong")]).await;
    }
    browser.tokens(&lab, "two", &[]).await;
    let file = lab.folder().join("idp/durable.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let rows: Vec<(String, Option<String>, String)> =
        sqlx::query_as("SELECT kind, person, body FROM audit_records WHERE kind LIKE 'login%' ORDER BY seq")
            .fetch_all(&pool)
            .await
            .unwrap();
    let seen: Vec<(&str, bool, String)> = rows
        .iter()
        .map(|(kind, person, body)| {
            let body: Value = serde_json::from_str(body).unwrap();
            (kind.as_str(), person.is_some(), body["method"].as_str().unwrap().to_owned())
        })
        .collect();
    let expected = [
        ("login-refused", true, "password"),
        ("login-refused", false, "password"),
        ("login", true, "password"),
        ("login", true, "totp"),
    ];
    assert_eq!(seen, expected.map(|(kind, known, method)| (kind, known, method.to_owned())));
}

#[tokio::test]
async fn a_trail_that_was_altered_is_seen_and_the_place_named() {
    let lab = Lab::new().await;
    Browser::default().tokens(&lab, "basic", &[]).await;
    lab.broker.audit_upkeep.checkpoint(lab.clock.now()).await.unwrap();
    Browser::default().tokens(&lab, "basic", &[]).await;
    lab.broker.audit_upkeep.checkpoint(lab.clock.now()).await.unwrap();
    Browser::default().tokens(&lab, "basic", &[]).await;
    let sound = report(&lab).await;
    assert!(sound.is_sound(), "{sound:?}");
    assert!(sound.signed == 2 && sound.confirmed == 26 && sound.read > sound.confirmed, "{sound:?}");

    let pool = database(&lab).await;
    let all = records(&lab).await;
    let refused = sqlx::query("UPDATE audit_records SET person = 'x' WHERE seq = 11").execute(&pool).await;
    assert!(refused.is_err(), "an accident is refused");
    // Whoever has the database takes the trigger away first.
    sqlx::query("DROP TRIGGER audit_records_are_not_changed").execute(&pool).await.unwrap();
    let tamper = [
        ("UPDATE audit_records SET person = 'x' WHERE seq = 11", "record from 10 to 11 was altered"),
        ("DELETE FROM audit_records WHERE seq = 12", "record 12 is missing"),
        (
            "INSERT INTO audit_records SELECT shard, 100000, month, at, kind, person, body, sealed, hash
             FROM audit_records WHERE seq = 4",
            "record 100000 was inserted",
        ),
        ("DELETE FROM audit_records WHERE seq > 14", "are missing"),
    ];
    for (sql, expected) in tamper {
        sqlx::query(sql).execute(&pool).await.unwrap();
        let report = report(&lab).await;
        let first = report.records.first().map(ToString::to_string).unwrap_or_default();
        assert!(first.contains(expected), "{sql}: {report:?}");
        sqlx::query("DELETE FROM audit_records").execute(&pool).await.unwrap();
        for r in &all {
            let insert = sqlx::query("INSERT INTO audit_records VALUES ($1, $2, 202311, $3, $4, $5, $6, $7, $8)");
            let insert = insert.bind(r.draft.shard).bind(r.draft.seq).bind(r.draft.at).bind(&r.draft.kind);
            let insert = insert.bind(&r.draft.person).bind(&r.draft.body).bind(&r.draft.sealed).bind(&r.hash);
            insert.execute(&pool).await.unwrap();
        }
    }
    // The beginning taken away, with an anchor that nobody has recorded.
    let cut = &all[9];
    sqlx::query("DELETE FROM audit_records WHERE seq <= 10").execute(&pool).await.unwrap();
    let anchor = sqlx::query("INSERT INTO audit_anchors VALUES (0, 10, $1)").bind(&cut.hash);
    anchor.execute(&pool).await.unwrap();
    assert_eq!(report(&lab).await.unproven, [0]);
    sqlx::query("DELETE FROM audit_records").execute(&pool).await.unwrap();
    assert!(!report(&lab).await.is_sound(), "nothing is left, and the anchor says so");
    sqlx::query("DELETE FROM audit_checkpoints WHERE n = 1").execute(&pool).await.unwrap();
    assert!(report(&lab).await.checkpoints.is_some(), "a missing checkpoint is seen by the next one");
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_seen_by_a_checkpoint_kept_elsewhere() {
    let lab = Lab::new().await;
    let store = &lab.broker.store;
    Browser::default().tokens(&lab, "basic", &[]).await;
    lab.broker.audit_upkeep.checkpoint(lab.clock.now()).await.unwrap();
    let before = store.last_checkpoint().await.unwrap().unwrap();
    let (records_then, head) = (records(&lab).await.len(), store.heads().await.unwrap().remove(0));
    Browser::default().tokens(&lab, "basic", &[]).await;
    lab.broker.audit_upkeep.checkpoint(lab.clock.now()).await.unwrap();
    let kept = lab.folder().join("kept.jws");
    std::fs::write(&kept, store.last_checkpoint().await.unwrap().unwrap().jws).unwrap();
    // Everything since the first checkpoint is taken back, with its checkpoint and its head.
    let pool = database(&lab).await;
    sqlx::query("DELETE FROM audit_records WHERE seq > $1").bind(records_then as i64).execute(&pool).await.unwrap();
    sqlx::query("DELETE FROM audit_checkpoints WHERE n > $1").bind(before.n).execute(&pool).await.unwrap();
    assert_eq!(report(&lab).await.unrecorded, 1, "the decision was left");
    sqlx::query("DELETE FROM decisions WHERE rowid = (SELECT MAX(rowid) FROM decisions)").execute(&pool).await.unwrap();
    let reset = sqlx::query("UPDATE audit_heads SET seq = $1, hash = $2").bind(head.seq).bind(&head.hash);
    reset.execute(&pool).await.unwrap();
    assert!(report(&lab).await.is_sound(), "by itself the rest is whole");
    let key = lab.broker.keys.audit_key(lab.clock.now()).await.unwrap();
    let key = VerifyingKey::from_jwk(&key.public_jwk()).unwrap();
    let report = nixa::audit::verify(&**store, &key, None, Some(&kept), None, lab.clock.now()).await.unwrap();
    assert_eq!(report.missing_checkpoint, Some(2));
    assert!(report.records[0].to_string().contains("missing"), "{report:?}");
}
