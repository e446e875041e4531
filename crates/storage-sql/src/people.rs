//! People of the broker: links to identity providers, attributes, consents and decisions.

use async_trait::async_trait;
use nixa_audit::AuditEvent;
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Subject};
use nixa_storage::{
    Audit, DecisionRecord, People, Person, Resolution, ResolutionEvents, StorageError, UpstreamAccount,
};
use serde_json::{Map, Value};

use crate::db::{Row, Tx, args};
use crate::store::SqlStore;

/// How often a login that met another one is tried again.
const RETRIES: usize = 4;

const LINKED: &str = "SELECT p.id, p.pivot FROM links l JOIN people p ON p.id = l.person_id
    WHERE l.idp = $1 AND l.upstream_subject = $2";
/// The column of the person match key is called `pivot`: instances of an earlier version use it by that name.
const BY_MATCH_KEY: &str = "SELECT id FROM people WHERE pivot = $1";
const INSERT_PERSON: &str = "INSERT INTO people (id, pivot, attributes, created_at) VALUES ($1, $2, $3, $4)";
const INSERT_LINK: &str = "INSERT INTO links (idp, upstream_subject, person_id, created_at) VALUES ($1, $2, $3, $4)";
const SET_MATCH_KEY: &str = "UPDATE people SET pivot = $2 WHERE id = $1 AND pivot IS NULL";
const SET_ATTRIBUTES: &str = "UPDATE people SET attributes = $2 WHERE id = $1";
const LOCK_ATTRIBUTES: &str = "UPDATE people SET attributes = attributes WHERE id = $1 RETURNING attributes";
const PERSON: &str = "SELECT attributes FROM people WHERE id = $1";
const INSERT_DECISION: &str = "INSERT INTO decisions (id, at, client_id, person_id, policy, record)
    VALUES ($1, $2, $3, $4, $5, $6)";
const COUNT_DECISIONS: &str = "SELECT COUNT(*) AS n FROM decisions WHERE at >= $1 AND at < $2";
const DECISION: &str = "SELECT * FROM decisions WHERE id = $1";
const DECISIONS_OF: &str = "SELECT * FROM decisions WHERE person_id = $1 ORDER BY at DESC, id LIMIT $2";
const CONSENT: &str = "SELECT claims FROM consents WHERE person_id = $1 AND client_id = $2";
const PUT_CONSENT: &str = "INSERT INTO consents (person_id, client_id, claims, granted_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (person_id, client_id) DO UPDATE SET claims = excluded.claims, granted_at = excluded.granted_at";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl People for SqlStore {
    async fn resolve(
        &self,
        account: &UpstreamAccount,
        new_id: &Id<Subject>,
        events: ResolutionEvents<'_>,
        now: Timestamp,
    ) -> Result<Resolution> {
        // Two first logins at once: on PostgreSQL the second to insert fails and then finds the first's rows.
        for _ in 0..RETRIES {
            match self.resolve_once(account, new_id, events, now).await {
                Err(StorageError::Exists | StorageError::Conflict(_)) => {}
                resolved => return resolved,
            }
        }
        self.resolve_once(account, new_id, events, now).await
    }

    async fn person(&self, id: &Id<Subject>) -> Result<Option<Person>> {
        let found = self.db.one(PERSON, args![id]).await?;
        let person =
            |row: Row| Ok(Person { id: id.clone(), attributes: serde_json::from_str(&row.text("attributes")?)? });
        found.map(person).transpose()
    }

    async fn record_decision(&self, decision: &DecisionRecord, events: &[AuditEvent]) -> Result<()> {
        let DecisionRecord { id, at, client_id, person, policy, record } = decision;
        let (person, record) = (person.as_ref().map(Id::as_str), serde_json::to_string(record)?);
        let values = args![id, *at, client_id, person, policy, &record];
        self.recorded(INSERT_DECISION, values, events, *at).await.map(drop)
    }

    async fn count_decisions(&self, from: Timestamp, before: Timestamp) -> Result<i64> {
        self.db.one(COUNT_DECISIONS, args![from, before]).await?.map_or(Ok(0), |row| row.int("n"))
    }

    async fn decision(&self, id: &str) -> Result<Option<DecisionRecord>> {
        self.db.one(DECISION, args![id]).await?.as_ref().map(decision_from_row).transpose()
    }

    async fn decisions_of(&self, person: &Id<Subject>, most: i64) -> Result<Vec<DecisionRecord>> {
        self.db.all(DECISIONS_OF, args![person, most]).await?.iter().map(decision_from_row).collect()
    }

    async fn consent(&self, person: &Id<Subject>, client_id: &str) -> Result<Option<Vec<String>>> {
        let found = self.db.one(CONSENT, args![person, client_id]).await?;
        found.map(|row| Ok(serde_json::from_str(&row.text("claims")?)?)).transpose()
    }

    async fn record_consent(
        &self,
        person: &Id<Subject>,
        client_id: &str,
        claims: &[String],
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()> {
        let claims = serde_json::to_string(claims)?;
        self.recorded(PUT_CONSENT, args![person, client_id, &claims, now], events, now).await.map(drop)
    }
}

impl SqlStore {
    async fn resolve_once(
        &self,
        account: &UpstreamAccount,
        new_id: &Id<Subject>,
        events: ResolutionEvents<'_>,
        now: Timestamp,
    ) -> Result<Resolution> {
        let mut tx = self.db.begin().await?;
        let mut made = Vec::new();
        let person = match tx.one(LINKED, args![&account.idp, &account.subject]).await? {
            Some(row) => {
                let id = row.text("id")?;
                if !agree_on_match_key(&mut tx, &id, row.maybe_text("pivot")?, account.match_key.as_deref()).await? {
                    tx.rollback().await?;
                    Audit::append(self, &events(&Resolution::Conflict), now).await?;
                    return Ok(Resolution::Conflict);
                }
                id
            }
            None => {
                let id = link(&mut tx, account, new_id, now).await?;
                made.push(AuditEvent::Link { person: Id::from_text(&*id), idp: account.idp.clone() });
                id
            }
        };
        // Locks the row, so that of two logins at once neither loses what the other has stated.
        let known = tx.one(LOCK_ATTRIBUTES, args![&person]).await?.map(|row| row.text("attributes")).transpose()?;
        let mut attributes: Map<String, Value> = serde_json::from_str(known.as_deref().unwrap_or("{}"))?;
        for (name, value) in &account.attributes {
            if account.authoritative || !attributes.contains_key(name) {
                attributes.insert(name.clone(), value.clone());
            }
        }
        tx.execute(SET_ATTRIBUTES, args![&person, &serde_json::to_string(&attributes)?]).await?;
        let resolution = Resolution::Person(Id::from_text(person));
        made.extend(events(&resolution));
        self.append(&mut tx, &made, now).await?;
        tx.commit().await?;
        Ok(resolution)
    }
}

/// Whether a linked person's match key and the one stated now name one person; a first one is stored.
async fn agree_on_match_key(tx: &mut Tx, person: &str, stored: Option<String>, stated: Option<&str>) -> Result<bool> {
    match (stored, stated) {
        (Some(stored), Some(stated)) => Ok(stored == stated),
        (None, Some(stated)) => {
            if by_match_key(tx, stated).await?.is_some() {
                return Ok(false);
            }
            // Another login has stated one meanwhile: look again which.
            if tx.execute(SET_MATCH_KEY, args![person, stated]).await? == 0 {
                return Err(StorageError::Exists);
            }
            Ok(true)
        }
        (_, None) => Ok(true),
    }
}

/// Links an upstream account that is seen for the first time: to the person with its match key, else to a
/// new one.
async fn link(tx: &mut Tx, account: &UpstreamAccount, new_id: &Id<Subject>, now: Timestamp) -> Result<String> {
    let found = match &account.match_key {
        Some(match_key) => by_match_key(tx, match_key).await?,
        None => None,
    };
    let id = match found {
        Some(id) => id,
        None => {
            tx.execute(INSERT_PERSON, args![new_id, account.match_key.as_deref(), "{}", now]).await?;
            new_id.as_str().to_owned()
        }
    };
    tx.execute(INSERT_LINK, args![&account.idp, &account.subject, &id, now]).await?;
    Ok(id)
}

fn decision_from_row(row: &Row) -> Result<DecisionRecord> {
    Ok(DecisionRecord {
        id: Id::from_text(row.text("id")?),
        at: Timestamp(row.int("at")?),
        client_id: row.text("client_id")?,
        person: row.maybe_text("person_id")?.map(Id::from_text),
        policy: row.text("policy")?,
        record: serde_json::from_str(&row.text("record")?)?,
    })
}

async fn by_match_key(tx: &mut Tx, match_key: &str) -> Result<Option<String>> {
    tx.one(BY_MATCH_KEY, args![match_key]).await?.map(|row| row.text("id")).transpose()
}
