use async_trait::async_trait;
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Subject};
use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqlStore;
use crate::StorageError;
use crate::ports::People;
use crate::records::{DecisionRecord, Linked, Person, Upstream};

const LINKED: &str = "SELECT p.id, p.pivot FROM links l JOIN people p ON p.id = l.person_id
    WHERE l.idp = $1 AND l.upstream_subject = $2";
const BY_PIVOT: &str = "SELECT id FROM people WHERE pivot = $1";
const INSERT_PERSON: &str = "INSERT INTO people (id, pivot, attributes, created_at) VALUES ($1, $2, $3, $4)";
const INSERT_LINK: &str = "INSERT INTO links (idp, upstream_subject, person_id, created_at) VALUES ($1, $2, $3, $4)";
const SET_PIVOT: &str = "UPDATE people SET pivot = $2 WHERE id = $1";
const SET_ATTRIBUTES: &str = "UPDATE people SET attributes = $2 WHERE id = $1";
const PERSON: &str = "SELECT attributes FROM people WHERE id = $1";
const INSERT_DECISION: &str = "INSERT INTO decisions (id, at, client_id, person_id, policy, record)
    VALUES ($1, $2, $3, $4, $5, $6)";
const DECISION: &str = "SELECT * FROM decisions WHERE id = $1";
const DECISIONS_OF: &str = "SELECT * FROM decisions WHERE person_id = $1 ORDER BY at DESC, id LIMIT $2";
const CONSENT: &str = "SELECT claims FROM consents WHERE person_id = $1 AND client_id = $2";
const PUT_CONSENT: &str = "INSERT INTO consents (person_id, client_id, claims, granted_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (person_id, client_id) DO UPDATE SET claims = excluded.claims, granted_at = excluded.granted_at";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl People for SqlStore {
    async fn resolve(&self, upstream: &Upstream, new_id: &Id<Subject>, now: Timestamp) -> Result<Linked> {
        let mut tx = self.write.begin_with("BEGIN IMMEDIATE").await?;
        let linked = sqlx::query(LINKED).bind(&upstream.idp).bind(&upstream.subject).fetch_optional(&mut *tx).await?;
        let person = match linked {
            Some(row) => {
                let id: String = row.try_get("id")?;
                if !agree_on_pivot(&mut tx, &id, row.try_get("pivot")?, upstream.pivot.as_deref()).await? {
                    return Ok(Linked::Conflict);
                }
                id
            }
            None => link(&mut tx, upstream, new_id, now).await?,
        };
        let known: String = sqlx::query_scalar(PERSON).bind(&person).fetch_one(&mut *tx).await?;
        let mut attributes: Map<String, Value> = serde_json::from_str(&known)?;
        for (name, value) in &upstream.attributes {
            if upstream.authoritative || !attributes.contains_key(name) {
                attributes.insert(name.clone(), value.clone());
            }
        }
        sqlx::query(SET_ATTRIBUTES).bind(&person).bind(serde_json::to_string(&attributes)?).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Linked::Person(Id::from_text(person)))
    }

    async fn person(&self, id: &Id<Subject>) -> Result<Option<Person>> {
        let found: Option<String> = sqlx::query_scalar(PERSON).bind(id.as_str()).fetch_optional(&self.read).await?;
        found.map(|a| Ok(Person { id: id.clone(), attributes: serde_json::from_str(&a)? })).transpose()
    }

    async fn record_decision(&self, decision: &DecisionRecord) -> Result<()> {
        sqlx::query(INSERT_DECISION)
            .bind(decision.id.as_str())
            .bind(decision.at.0)
            .bind(&decision.client_id)
            .bind(decision.person.as_ref().map(Id::as_str))
            .bind(&decision.policy)
            .bind(serde_json::to_string(&decision.record)?)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn decision(&self, id: &str) -> Result<Option<DecisionRecord>> {
        let row = sqlx::query(DECISION).bind(id).fetch_optional(&self.read).await?;
        row.as_ref().map(read_decision).transpose()
    }

    async fn decisions_of(&self, person: &Id<Subject>, most: i64) -> Result<Vec<DecisionRecord>> {
        let rows = sqlx::query(DECISIONS_OF).bind(person.as_str()).bind(most).fetch_all(&self.read).await?;
        rows.iter().map(read_decision).collect()
    }

    async fn consent(&self, person: &Id<Subject>, client_id: &str) -> Result<Option<Vec<String>>> {
        let query = sqlx::query_scalar(CONSENT).bind(person.as_str()).bind(client_id);
        let found: Option<String> = query.fetch_optional(&self.read).await?;
        found.map(|claims| Ok(serde_json::from_str(&claims)?)).transpose()
    }

    async fn record_consent(
        &self,
        person: &Id<Subject>,
        client_id: &str,
        claims: &[String],
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query(PUT_CONSENT)
            .bind(person.as_str())
            .bind(client_id)
            .bind(serde_json::to_string(claims)?)
            .bind(now.0)
            .execute(&self.write)
            .await?;
        Ok(())
    }
}

/// Whether a linked person's pivot and the one stated now name one person; a first one is stored.
async fn agree_on_pivot(
    tx: &mut SqliteConnection,
    person: &str,
    stored: Option<String>,
    stated: Option<&str>,
) -> Result<bool> {
    match (stored, stated) {
        (Some(stored), Some(stated)) => Ok(stored == stated),
        (None, Some(stated)) => {
            if by_pivot(tx, stated).await?.is_some() {
                return Ok(false);
            }
            sqlx::query(SET_PIVOT).bind(person).bind(stated).execute(tx).await?;
            Ok(true)
        }
        (_, None) => Ok(true),
    }
}

/// Links an upstream account that is seen for the first time: to the person with its pivot, else to a
/// new one.
async fn link(tx: &mut SqliteConnection, upstream: &Upstream, new_id: &Id<Subject>, now: Timestamp) -> Result<String> {
    let found = match &upstream.pivot {
        Some(pivot) => by_pivot(tx, pivot).await?,
        None => None,
    };
    let id = match found {
        Some(id) => id,
        None => {
            let insert = sqlx::query(INSERT_PERSON).bind(new_id.as_str()).bind(&upstream.pivot).bind("{}").bind(now.0);
            insert.execute(&mut *tx).await?;
            new_id.as_str().to_owned()
        }
    };
    let insert = sqlx::query(INSERT_LINK).bind(&upstream.idp).bind(&upstream.subject).bind(&id).bind(now.0);
    insert.execute(tx).await?;
    Ok(id)
}

fn read_decision(row: &SqliteRow) -> Result<DecisionRecord> {
    Ok(DecisionRecord {
        id: Id::from_text(row.try_get::<String, _>("id")?),
        at: Timestamp(row.try_get("at")?),
        client_id: row.try_get("client_id")?,
        person: row.try_get::<Option<String>, _>("person_id")?.map(Id::from_text),
        policy: row.try_get("policy")?,
        record: serde_json::from_str(row.try_get("record")?)?,
    })
}

async fn by_pivot(tx: &mut SqliteConnection, pivot: &str) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(BY_PIVOT).bind(pivot).fetch_optional(tx).await?)
}
