//! Keys at rest and in time.

use nixa::compose::{self, StartError};
use nixa::config::Config;
use nixa::keys::KeyError;
use nixa_protocol::Clock;
use nixa_protocol::jose::{VerifyingKey, verify};
use serde_json::Value;

use crate::browser::Browser;
use crate::lab::{BROKER, Lab};

async fn jwks(lab: &Lab) -> Value {
    Browser::default().get(lab, &format!("{BROKER}/jwks")).await.json()
}

/// What the background does every few seconds.
async fn reload(lab: &Lab) {
    let keys = lab.broker.keys.signing_keys(lab.clock.now()).await.unwrap();
    lab.broker.provider.keys.replace(keys);
}

#[tokio::test]
async fn a_rotation_is_announced_a_day_before_and_breaks_no_client() {
    let lab = Lab::new().await;
    let old_set = jwks(&lab).await;
    let first = Browser::default().tokens(&lab, "basic", &[]).await;
    lab.broker.keys.rotate("a test", lab.clock.now()).await.unwrap();
    reload(&lab).await;
    let announced = jwks(&lab).await;
    assert_eq!((old_set["keys"].as_array().unwrap().len(), announced["keys"].as_array().unwrap().len()), (4, 8));
    let with = |set: &Value, tokens: &Value| {
        let keys = VerifyingKey::from_jwks(set).unwrap();
        verify(tokens["id_token"].as_str().unwrap(), &keys, Some("JWT")).is_ok()
    };
    lab.clock.advance(86_300);
    let before = Browser::default().tokens(&lab, "basic", &[]).await;
    assert!(with(&old_set, &before), "a client that fetched the set a day ago can verify");
    lab.clock.advance(100);
    let after = Browser::default().tokens(&lab, "basic", &[]).await;
    assert!(!with(&old_set, &after), "the new key signs");
    assert!(with(&announced, &after) && with(&announced, &first));
    assert!(with(&jwks(&lab).await, &before), "the old key is still published");
    lab.clock.advance(2 * 86_400);
    assert_eq!(jwks(&lab).await["keys"].as_array().unwrap().len(), 4);
    // A hint signed with a key that is no longer published is still ours.
    let hint = first["id_token"].as_str().unwrap();
    let page = Browser::default().open(&lab, &format!("{BROKER}/logout?id_token_hint={hint}")).await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn on_schedule_a_key_is_replaced_when_its_days_are_over() {
    let lab = Lab::new().await;
    let count = async || {
        lab.broker.keys.rotate_on_schedule(30, lab.clock.now()).await.unwrap();
        reload(&lab).await;
        jwks(&lab).await["keys"].as_array().unwrap().len()
    };
    lab.clock.advance(29 * 86_400 - 1);
    assert_eq!(count().await, 4, "not yet");
    lab.clock.advance(1);
    assert_eq!(count().await, 8, "announced a day before the thirty are over");
    assert_eq!(count().await, 8, "once");
    let kid = async || {
        let tokens = Browser::default().tokens(&lab, "basic", &[]).await;
        nixa_protocol::jose::kid_of(tokens["id_token"].as_str().unwrap())
    };
    let before = kid().await;
    lab.clock.advance(86_400);
    assert_ne!(kid().await, before);
    lab.clock.advance(2 * 86_400);
    assert_eq!(count().await, 4);
}

#[tokio::test]
async fn no_secret_stands_in_the_database_and_another_master_key_opens_none() {
    let lab = Lab::new().await;
    let file = lab.folder().join("broker/durable.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, sealed FROM secrets UNION SELECT kid, sealed FROM signing_keys")
            .fetch_all(&pool)
            .await
            .unwrap();
    let mut names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).filter(|n| n.len() < 10).collect();
    names.sort_unstable();
    assert_eq!(names, ["audit", "client", "pairwise", "pivot"]);
    assert!(rows.iter().all(|(_, sealed)| !sealed.contains('{') && !sealed.contains("kty")));
    // A secret that is put in another one's place is not taken for it.
    sqlx::query(
        "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'pivot') WHERE name = 'pairwise'",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert!(matches!(restart(&lab).await, Err(StartError::Keys(KeyError::Decryption(_)))));
    let master = lab.folder().join("broker/keys/master.key");
    std::fs::write(&master, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    assert!(matches!(restart(&lab).await, Err(StartError::Keys(KeyError::Decryption(_)))));
    std::fs::write(&master, "no key").unwrap();
    assert!(matches!(restart(&lab).await, Err(StartError::Keys(KeyError::MasterKey))));
}

async fn restart(lab: &Lab) -> Result<(), StartError> {
    let config = Config::load(&lab.folder().join("broker.toml")).unwrap();
    compose::broker(&config, &lab.environment).await.map(drop)
}
