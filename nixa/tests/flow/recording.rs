//! What is recorded of a login at the broker: one decision for each that was answered, and none that says
//! "satisfied" where no code was given.

use std::sync::Arc;

use nixa_storage::Audit as _;
use serde_json::Value;

use crate::browser::{Browser, authorize_url};
use crate::lab::{BROKER, Lab, between, query};

/// The outcomes of the decisions on record about logins at a portal, in the table and in the audit.
async fn decisions(lab: &Lab, client: &str) -> (Vec<String>, Vec<String>) {
    let file = lab.folder().join("broker/durable.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let rows = sqlx::query_scalar("SELECT record FROM decisions WHERE client_id = $1").bind(client);
    let rows: Vec<String> = rows.fetch_all(&pool).await.unwrap();
    let outcome = |row: &String| {
        let record: Value = serde_json::from_str(row).unwrap();
        record["decision"]["outcome"].as_str().unwrap().to_owned()
    };
    // What was decided in this second may still be on its way to the audit trail.
    lab.clock.advance(1);
    let records = lab.broker.store.records(0, 0, 10_000).await.unwrap();
    let decided = records.iter().filter(|record| record.draft.kind == "decision");
    let facts = decided.map(|record| serde_json::from_str::<Value>(&record.draft.body).unwrap());
    let of_client = facts.filter(|facts| facts["client"] == client);
    let audited = of_client.map(|facts| facts["outcome"].as_str().unwrap().to_owned());
    (rows.iter().map(outcome).collect(), audited.collect())
}

/// A transaction of a portal that waits for the choice of an identity provider in a browser in which somebody logged
/// in at another portal meanwhile: its continuation needs no page any more.
async fn satisfied(lab: &Lab, browser: &mut Browser, extra: &[(&str, &str)]) -> String {
    let choose = browser.open(lab, &authorize_url("legacy", extra)).await;
    assert!(choose.url.ends_with("/choose"), "{}", choose.url);
    browser.tokens(lab, "basic", &[]).await;
    format!("{BROKER}/continue/{}", between(&choose.url, "/login/", "/").unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_at_once_one_is_recorded_and_answered() {
    let lab = Arc::new(Lab::new().await);
    let mut browser = Browser::default();
    let url = satisfied(&lab, &mut browser, &[]).await;
    let requests: Vec<_> = (0..64)
        .map(|_| {
            let (lab, jars, url) = (lab.clone(), browser.jars.clone(), url.clone());
            tokio::spawn(async move { Browser { jars, ..Browser::default() }.get(&lab, &url).await })
        })
        .collect();
    let mut codes = 0;
    for request in requests {
        let reply = request.await.unwrap();
        let code = (reply.status == 303 && reply.location() != url).then(|| query(&reply.location(), "code"));
        codes += usize::from(code.flatten().is_some());
    }
    assert_eq!(codes, 1);
    assert_eq!(decisions(&lab, "legacy").await, (vec!["satisfied".into()], vec!["satisfied".into()]));
}

#[tokio::test]
async fn a_login_of_another_person_than_the_hint_names_leaves_no_satisfied_decision() {
    let lab = Lab::new().await;
    let mut other = Browser::default();
    let end = other.log_in_as(&lab, "binh", &authorize_url("legacy", &[])).await.location();
    let tokens = crate::browser::redeem(&lab, "legacy", &query(&end, "code").unwrap(), &[]).await.json();
    let hint = ("id_token_hint", tokens["id_token"].as_str().unwrap());
    let before = decisions(&lab, "legacy").await;
    assert_eq!(before, (vec!["satisfied".into()], vec!["satisfied".into()]));
    let mut browser = Browser::default();
    // One transaction that is stored and one that is answered at once.
    let stored = satisfied(&lab, &mut browser, &[hint]).await;
    let silent = authorize_url("legacy", &[hint, ("prompt", "none")]);
    for url in [stored, silent] {
        let end = browser.get(&lab, &url).await.location();
        assert_eq!(query(&end, "error").as_deref(), Some("login_required"), "{end}");
    }
    assert_eq!(decisions(&lab, "legacy").await, before);
}
