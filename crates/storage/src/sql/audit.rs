use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use nixa_audit::{Draft, Event, Record, month_of};
use nixa_protocol::seal::SealingKey;
use nixa_protocol::{Entropy, Timestamp};

use super::SqlStore;
use super::db::{Arg, Pools, Row, Tx, args};
use crate::StorageError;
use crate::ports::Audit;
use crate::records::{AuditHead, StoredCheckpoint};

/// How many chains PostgreSQL has: as many transactions can be on their way at once without waiting for one
/// another's head. On SQLite there is one writer anyway.
const SHARDS: i64 = 16;

const ADVANCE: &str = "UPDATE audit_heads SET seq = seq + $2 WHERE shard = $1 RETURNING seq, hash";
const FIRST_HEAD: &str = "INSERT INTO audit_heads (shard, seq, hash) VALUES ($1, 0, '') ON CONFLICT (shard) DO NOTHING";
const INSERT: &str = "INSERT INTO audit_records (shard, seq, month, at, kind, person, body, sealed, hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const SET_HEAD: &str = "UPDATE audit_heads SET hash = $2 WHERE shard = $1";
const HEADS: &str = "SELECT shard, seq, hash FROM audit_heads WHERE seq > 0 ORDER BY shard";
const ANCHORS: &str = "SELECT shard, seq, hash FROM audit_anchors ORDER BY shard";
const RECORDS: &str = "SELECT * FROM audit_records WHERE shard = $1 AND seq > $2 ORDER BY seq LIMIT $3";
const CHECKPOINTS: &str = "SELECT n, jws, token FROM audit_checkpoints WHERE n > $1 ORDER BY n LIMIT $2";
const LAST_CHECKPOINT: &str = "SELECT n, jws, token FROM audit_checkpoints ORDER BY n DESC LIMIT 1";
const ADD_CHECKPOINT: &str = "INSERT INTO audit_checkpoints (n, jws, token) VALUES ($1, $2, $3)
    ON CONFLICT (n) DO NOTHING";
const STAMP: &str = "UPDATE audit_checkpoints SET token = $2 WHERE n = $1 AND token IS NULL";
const PERSON_KEY: &str = "SELECT sealed FROM person_keys WHERE person = $1";
const ADD_PERSON_KEY: &str = "INSERT INTO person_keys (person, sealed) VALUES ($1, $2)
    ON CONFLICT (person) DO NOTHING";
const FORGET: &str = "DELETE FROM person_keys WHERE person = $1";
const CONFIGURATION: &str = "INSERT INTO configurations (hash, first_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
const LAST_BEFORE: &str = "SELECT seq, hash FROM audit_records WHERE shard = $1 AND month < $2
    ORDER BY seq DESC LIMIT 1";
const ANCHOR: &str = "INSERT INTO audit_anchors (shard, seq, hash) VALUES ($1, $2, $3)
    ON CONFLICT (shard) DO UPDATE SET seq = excluded.seq, hash = excluded.hash";
const REMOVE: &str = "DELETE FROM audit_records WHERE shard = $1 AND month < $2";

type Result<T> = std::result::Result<T, StorageError>;

/// What encrypts the personal data of records.
pub(crate) struct Sealer {
    pub(crate) master: SealingKey,
    pub(crate) entropy: std::sync::Arc<dyn Entropy>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

/// Spreads the transactions of this process over the chains.
static TURN: AtomicI64 = AtomicI64::new(0);

fn place(person: &str) -> String {
    format!("person-key:{person}")
}

impl SqlStore {
    /// Adds records of what this transaction does. It comes last in a transaction: the chain's head stays
    /// locked until the commit.
    pub(super) async fn append(&self, tx: &mut Tx, events: &[Event], now: Timestamp) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let shards = if matches!(self.db.pools, Pools::Postgres(_)) { SHARDS } else { 1 };
        let shard = TURN.fetch_add(1, Ordering::Relaxed).rem_euclid(shards);
        let mut sealed = Vec::with_capacity(events.len());
        for event in events {
            sealed.push(self.sealed(tx, event).await?);
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let head = match tx.one(ADVANCE, args![shard, count]).await? {
            Some(head) => head,
            None => {
                tx.execute(FIRST_HEAD, args![shard]).await?;
                tx.one(ADVANCE, args![shard, count]).await?.ok_or(StorageError::TooSlow)?
            }
        };
        let (mut seq, mut hash) = (head.int("seq")? - count, head.text("hash")?);
        for (event, sealed) in events.iter().zip(sealed) {
            seq += 1;
            let draft = Draft {
                shard,
                seq,
                at: now.0,
                kind: event.kind.as_str().to_owned(),
                person: event.person.clone(),
                body: serde_json::to_string(&event.details)?,
                sealed,
            };
            let Record { draft, hash: linked } = draft.after(&hash);
            let (person, sealed) = (draft.person.as_deref(), draft.sealed.as_deref());
            let month = month_of(now);
            let values = args![shard, seq, month, now, &draft.kind, person, &draft.body, sealed, &linked];
            tx.execute(INSERT, values).await?;
            hash = linked;
        }
        tx.execute(SET_HEAD, args![shard, &hash]).await?;
        Ok(())
    }

    /// Runs one statement and records it; what changes nothing is recorded too, since somebody asked for it.
    pub(super) async fn recorded(
        &self,
        sql: &'static str,
        args: &[Arg<'_>],
        trail: &[Event],
        now: Timestamp,
    ) -> Result<u64> {
        if trail.is_empty() {
            return self.db.execute(sql, args).await;
        }
        let mut tx = self.db.begin().await?;
        let changed = tx.execute(sql, args).await?;
        self.append(&mut tx, trail, now).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// The personal data of an event under its person's key, which is made with the first one.
    async fn sealed(&self, tx: &mut Tx, event: &Event) -> Result<Option<String>> {
        if event.personal.is_empty() {
            return Ok(None);
        }
        let (Some(sealer), Some(person)) = (&self.sealer, &event.person) else { return Err(StorageError::NoKey) };
        let key = match tx.one(PERSON_KEY, args![person]).await? {
            Some(row) => row.text("sealed")?,
            None => {
                let mut fresh = [0; 32];
                sealer.entropy.fill(&mut fresh);
                let fresh = sealer.master.seal(&*sealer.entropy, &place(person), &fresh);
                tx.execute(ADD_PERSON_KEY, args![person, &fresh.map_err(|_| StorageError::NoKey)?]).await?;
                tx.one(PERSON_KEY, args![person]).await?.ok_or(StorageError::NoKey)?.text("sealed")?
            }
        };
        let key = open_key(sealer, person, &key)?;
        let plain = serde_json::to_vec(&event.personal)?;
        key.seal(&*sealer.entropy, person, &plain).map(Some).map_err(|_| StorageError::NoKey)
    }
}

fn open_key(sealer: &Sealer, person: &str, sealed: &str) -> Result<SealingKey> {
    let bytes = sealer.master.open(&place(person), sealed).map_err(|_| StorageError::NoKey)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| StorageError::NoKey)?;
    SealingKey::new(&bytes).map_err(|_| StorageError::NoKey)
}

#[async_trait]
impl Audit for SqlStore {
    async fn append(&self, events: &[Event], now: Timestamp) -> Result<()> {
        let mut tx = self.db.begin().await?;
        self.append(&mut tx, events, now).await?;
        tx.commit().await
    }

    async fn heads(&self) -> Result<Vec<AuditHead>> {
        self.db.all(HEADS, args![]).await?.iter().map(read_head).collect()
    }

    async fn anchors(&self) -> Result<Vec<AuditHead>> {
        self.db.all(ANCHORS, args![]).await?.iter().map(read_head).collect()
    }

    async fn records(&self, shard: i64, after: i64, most: i64) -> Result<Vec<Record>> {
        self.db.all(RECORDS, args![shard, after, most]).await?.iter().map(read_record).collect()
    }

    async fn checkpoints(&self, after: i64, most: i64) -> Result<Vec<StoredCheckpoint>> {
        self.db.all(CHECKPOINTS, args![after, most]).await?.iter().map(read_checkpoint).collect()
    }

    async fn last_checkpoint(&self) -> Result<Option<StoredCheckpoint>> {
        self.db.one(LAST_CHECKPOINT, args![]).await?.as_ref().map(read_checkpoint).transpose()
    }

    async fn add_checkpoint(&self, checkpoint: &StoredCheckpoint) -> Result<bool> {
        let StoredCheckpoint { n, jws, token } = checkpoint;
        Ok(self.db.execute(ADD_CHECKPOINT, args![*n, jws, token.as_deref()]).await? == 1)
    }

    async fn stamp_checkpoint(&self, n: i64, token: &[u8]) -> Result<()> {
        self.db.execute(STAMP, args![n, &URL_SAFE_NO_PAD.encode(token)]).await.map(drop)
    }

    async fn personal(&self, record: &Record) -> Result<Option<serde_json::Map<String, serde_json::Value>>> {
        let (Some(sealed), Some(person), Some(sealer)) = (&record.draft.sealed, &record.draft.person, &self.sealer)
        else {
            return Ok(None);
        };
        let Some(row) = self.db.one(PERSON_KEY, args![person]).await? else { return Ok(None) };
        let key = open_key(sealer, person, &row.text("sealed")?)?;
        let plain = key.open(person, sealed).map_err(|_| StorageError::NoKey)?;
        Ok(Some(serde_json::from_slice(&plain)?))
    }

    async fn forget(&self, person: &str, trail: &[Event], now: Timestamp) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let known = tx.execute(FORGET, args![person]).await? == 1;
        self.append(&mut tx, trail, now).await?;
        tx.commit().await?;
        Ok(known)
    }

    async fn configuration(&self, hash: &str, trail: &[Event], now: Timestamp) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let new = tx.execute(CONFIGURATION, args![hash, now]).await? == 1;
        if new {
            self.append(&mut tx, trail, now).await?;
        }
        tx.commit().await?;
        Ok(new)
    }

    async fn remove_before(&self, month: i64, trail: &[Event], now: Timestamp) -> Result<u64> {
        let mut tx = self.db.begin().await?;
        let shards: Vec<i64> =
            tx.all(HEADS, args![]).await?.iter().map(|row| row.int("shard")).collect::<Result<_>>()?;
        let mut removed = 0;
        for shard in shards {
            let Some(last) = tx.one(LAST_BEFORE, args![shard, month]).await? else { continue };
            tx.execute(ANCHOR, args![shard, last.int("seq")?, &last.text("hash")?]).await?;
            removed += tx.execute(REMOVE, args![shard, month]).await?;
        }
        if removed > 0 {
            self.append(&mut tx, trail, now).await?;
        }
        tx.commit().await?;
        Ok(removed)
    }

    async fn make_partition(&self, month: i64) -> Result<()> {
        // SQLite has no partitions. On PostgreSQL a month whose first records have gone into the table for all
        // others stays there: its own partition can no longer be made, and is not needed.
        if let Pools::Postgres(pool) = &self.db.pools {
            let sql = format!(
                "CREATE TABLE IF NOT EXISTS audit_records_{month} PARTITION OF audit_records FOR VALUES IN ({month})"
            );
            // Made of a number alone.
            if let Err(error) = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await
                && error.as_database_error().is_none()
            {
                return Err(error.into());
            }
        }
        Ok(())
    }
}

fn read_head(row: &Row) -> Result<AuditHead> {
    Ok(AuditHead { shard: row.int("shard")?, seq: row.int("seq")?, hash: row.text("hash")? })
}

fn read_checkpoint(row: &Row) -> Result<StoredCheckpoint> {
    Ok(StoredCheckpoint { n: row.int("n")?, jws: row.text("jws")?, token: row.maybe_text("token")? })
}

fn read_record(row: &Row) -> Result<Record> {
    Ok(Record {
        draft: Draft {
            shard: row.int("shard")?,
            seq: row.int("seq")?,
            at: row.int("at")?,
            kind: row.text("kind")?,
            person: row.maybe_text("person")?,
            body: row.text("body")?,
            sealed: row.maybe_text("sealed")?,
        },
        hash: row.text("hash")?,
    })
}
