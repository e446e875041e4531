//! The audit trail: records are appended to chains in the transaction of what they record, read back and removed.

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use nixa_audit::{AuditEvent, Draft, Head, Record, RetentionChange, first_second_of, month_of};
use nixa_protocol::Timestamp;
use nixa_protocol::encryption::EncryptionKey;
use nixa_storage::{Audit, AuditHead, Cause, StorageError, StoredCheckpoint};

use crate::audit_encryption::AuditEncryption;
use crate::db::{Arg, Pools, Row, Tx, args};
use crate::error::of_statement;
use crate::store::SqlStore;

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
const RECORDS: &str = "SELECT * FROM audit_records WHERE shard = $1 AND seq > $2 ORDER BY seq, month LIMIT $3";
const CHECKPOINTS: &str = "SELECT n, jws, token FROM audit_checkpoints WHERE n > $1 ORDER BY n LIMIT $2";
const LAST_CHECKPOINT: &str = "SELECT n, jws, token FROM audit_checkpoints ORDER BY n DESC LIMIT 1";
const ADD_CHECKPOINT: &str = "INSERT INTO audit_checkpoints (n, jws, token) VALUES ($1, $2, $3)
    ON CONFLICT (n) DO NOTHING";
const STAMP: &str = "UPDATE audit_checkpoints SET token = $2 WHERE n = $1 AND token IS NULL";
const PERSON_KEY: &str = "SELECT sealed FROM person_keys WHERE person = $1";
const ADD_PERSON_KEY: &str = "INSERT INTO person_keys (person, sealed) VALUES ($1, $2)
    ON CONFLICT (person) DO NOTHING";
const FORGET: &str = "DELETE FROM person_keys WHERE person = $1";
const SHARDS_THERE: &str = "SELECT DISTINCT shard FROM audit_records ORDER BY shard";
const OLDEST: &str = "SELECT seq, month FROM audit_records WHERE shard = $1 ORDER BY seq LIMIT 1";
/// By the time as well, which the hash covers: a month that somebody has changed takes no record away.
const LAST_BEFORE: &str = "SELECT seq, hash FROM audit_records
    WHERE shard = $1 AND seq < $4 AND month < $2 AND at < $3 ORDER BY seq DESC LIMIT 1";
const ANCHOR: &str = "INSERT INTO audit_anchors (shard, seq, hash) VALUES ($1, $2, $3)
    ON CONFLICT (shard) DO UPDATE SET seq = excluded.seq, hash = excluded.hash";
const REMOVE: &str = "DELETE FROM audit_records WHERE shard = $1 AND seq <= $2";
const PARTITION: &str = "SELECT 1 FROM pg_class WHERE relname = $1";
/// How many records of a chain are removed at once.
const REMOVED_AT_ONCE: i64 = 5_000;

type Result<T> = std::result::Result<T, StorageError>;

/// Spreads the transactions of this process over the chains.
static TURN: AtomicI64 = AtomicI64::new(0);

fn place_of_key(person: &str) -> String {
    format!("person-key:{person}")
}

impl SqlStore {
    /// Adds records of what this transaction does. It comes last in a transaction: the chain's head stays
    /// locked until the commit.
    pub(crate) async fn append(&self, tx: &mut Tx, events: &[AuditEvent], now: Timestamp) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let shards = if matches!(self.db.pools, Pools::Postgres(_)) { SHARDS } else { 1 };
        let shard = TURN.fetch_add(1, Ordering::Relaxed).rem_euclid(shards);
        let mut encrypted = Vec::with_capacity(events.len());
        for event in events {
            encrypted.push(self.encrypted(tx, event).await?);
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let head = match tx.one(ADVANCE, args![shard, count]).await? {
            Some(head) => head,
            None => {
                tx.execute(FIRST_HEAD, args![shard]).await?;
                tx.one(ADVANCE, args![shard, count])
                    .await?
                    .ok_or_else(|| StorageError::Corrupt(Cause::new("a chain of the audit trail has no head")))?
            }
        };
        let (mut seq, mut hash) = (head.int("seq")? - count, head.text("hash")?);
        for (event, sealed) in events.iter().zip(encrypted) {
            seq += 1;
            let draft = Draft {
                shard,
                seq,
                at: now.0,
                kind: event.kind().as_str().to_owned(),
                person: event.person().map(|person| person.as_str().to_owned()),
                body: event.body()?,
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
    pub(crate) async fn recorded(
        &self,
        sql: &'static str,
        args: &[Arg<'_>],
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<u64> {
        if events.is_empty() {
            return self.db.execute(sql, args).await;
        }
        let mut tx = self.db.begin().await?;
        let changed = tx.execute(sql, args).await?;
        self.append(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// The personal data of an event under its person's key, which is made with the first one.
    async fn encrypted(&self, tx: &mut Tx, event: &AuditEvent) -> Result<Option<String>> {
        let personal = event.personal_data();
        if personal.is_empty() {
            return Ok(None);
        }
        let (Some(encryption), Some(person)) = (&self.audit_encryption, event.person()) else {
            return Err(StorageError::NoKey);
        };
        let person = person.as_str();
        let key = match tx.one(PERSON_KEY, args![person]).await? {
            Some(row) => row.text("sealed")?,
            None => {
                let mut fresh = [0; 32];
                encryption.entropy.fill(&mut fresh);
                let fresh = encryption.master.encrypt(&*encryption.entropy, &place_of_key(person), &fresh);
                tx.execute(ADD_PERSON_KEY, args![person, &fresh.map_err(|_| StorageError::NoKey)?]).await?;
                tx.one(PERSON_KEY, args![person]).await?.ok_or(StorageError::NoKey)?.text("sealed")?
            }
        };
        let key = person_key(encryption, person, &key)?;
        let plain = serde_json::to_vec(&personal)?;
        key.encrypt(&*encryption.entropy, person, &plain).map(Some).map_err(|_| StorageError::NoKey)
    }
}

fn person_key(encryption: &AuditEncryption, person: &str, encrypted: &str) -> Result<EncryptionKey> {
    let bytes = encryption.master.decrypt(&place_of_key(person), encrypted).map_err(|_| StorageError::NoKey)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| StorageError::NoKey)?;
    EncryptionKey::new(&bytes).map_err(|_| StorageError::NoKey)
}

#[async_trait]
impl Audit for SqlStore {
    async fn append(&self, events: &[AuditEvent], now: Timestamp) -> Result<()> {
        let mut tx = self.db.begin().await?;
        self.append(&mut tx, events, now).await?;
        tx.commit().await
    }

    async fn heads(&self) -> Result<Vec<AuditHead>> {
        self.db.all(HEADS, args![]).await?.iter().map(head_from_row).collect()
    }

    async fn anchors(&self) -> Result<Vec<AuditHead>> {
        self.db.all(ANCHORS, args![]).await?.iter().map(head_from_row).collect()
    }

    async fn records(&self, shard: i64, after: i64, most: i64) -> Result<Vec<Record>> {
        let rows = self.db.all(RECORDS, args![shard, after, most]).await?;
        let full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= most;
        let mut records: Vec<Record> = rows.iter().map(record_from_row).collect::<Result<_>>()?;
        // Two records with one number must not be parted by the end of a page: the second would not be seen.
        if let (true, Some(last)) = (full, records.last().map(|r| r.draft.seq))
            && records.first().is_some_and(|r| r.draft.seq != last)
        {
            records.retain(|r| r.draft.seq != last);
        }
        Ok(records)
    }

    async fn checkpoints(&self, after: i64, most: i64) -> Result<Vec<StoredCheckpoint>> {
        self.db.all(CHECKPOINTS, args![after, most]).await?.iter().map(checkpoint_from_row).collect()
    }

    async fn last_checkpoint(&self) -> Result<Option<StoredCheckpoint>> {
        self.db.one(LAST_CHECKPOINT, args![]).await?.as_ref().map(checkpoint_from_row).transpose()
    }

    async fn add_checkpoint(&self, checkpoint: &StoredCheckpoint) -> Result<bool> {
        let StoredCheckpoint { n, jws, token } = checkpoint;
        Ok(self.db.execute(ADD_CHECKPOINT, args![*n, jws, token.as_deref()]).await? == 1)
    }

    async fn stamp_checkpoint(&self, n: i64, token: &[u8]) -> Result<()> {
        self.db.execute(STAMP, args![n, &URL_SAFE_NO_PAD.encode(token)]).await.map(drop)
    }

    async fn personal(&self, record: &Record) -> Result<Option<serde_json::Map<String, serde_json::Value>>> {
        let (Some(sealed), Some(person), Some(encryption)) =
            (&record.draft.sealed, &record.draft.person, &self.audit_encryption)
        else {
            return Ok(None);
        };
        let Some(row) = self.db.one(PERSON_KEY, args![person]).await? else { return Ok(None) };
        let key = person_key(encryption, person, &row.text("sealed")?)?;
        let plain = key.decrypt(person, sealed).map_err(|_| StorageError::NoKey)?;
        Ok(Some(serde_json::from_slice(&plain)?))
    }

    async fn forget(&self, person: &str, events: &[AuditEvent], now: Timestamp) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let known = tx.execute(FORGET, args![person]).await? == 1;
        self.append(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(known)
    }

    async fn remove_before(&self, month: i64, now: Timestamp) -> Result<u64> {
        let mut removed = 0;
        for shard in self.shards().await? {
            // Looked at before a transaction: most of the time there is nothing to remove.
            let Some(oldest) = self.db.one(OLDEST, args![shard]).await? else { continue };
            if oldest.int("month")? >= month {
                continue;
            }
            let mut tx = self.db.begin().await?;
            let (end, most) = (first_second_of(month), oldest.int("seq")? + REMOVED_AT_ONCE);
            let Some(last) = tx.one(LAST_BEFORE, args![shard, month, end, most]).await? else {
                tx.rollback().await?;
                continue;
            };
            let (seq, hash) = (last.int("seq")?, last.text("hash")?);
            tx.execute(ANCHOR, args![shard, seq, &hash]).await?;
            removed += tx.execute(REMOVE, args![shard, seq]).await?;
            // The record that names where the chain now begins, without which nobody believes the anchor.
            let change = RetentionChange::RecordsRemoved;
            let event = AuditEvent::Retention { change, last: Head { shard, seq, hash } };
            self.append(&mut tx, &[event], now).await?;
            tx.commit().await?;
        }
        Ok(removed)
    }

    async fn shards(&self) -> Result<Vec<i64>> {
        self.db.all(SHARDS_THERE, args![]).await?.iter().map(|row| row.int("shard")).collect()
    }

    async fn make_partition(&self, month: i64) -> Result<()> {
        // SQLite has no partitions. On PostgreSQL a month whose first records have gone into the table for all
        // others stays there: its own partition can no longer be made, and is not needed.
        let Pools::Postgres(pool) = &self.db.pools else { return Ok(()) };
        let name = format!("audit_records_{month}");
        if self.db.one(PARTITION, args![&name]).await?.is_some() {
            return Ok(());
        }
        let make = async {
            let mut tx = pool.begin().await?;
            // It needs the table for itself: logins that come meanwhile queue behind it.
            sqlx::query("SET LOCAL lock_timeout = 500").execute(&mut *tx).await?;
            let sql = format!("CREATE TABLE {name} PARTITION OF audit_records FOR VALUES IN ({month})");
            // Made of a number alone.
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await?;
            tx.commit().await
        };
        match tokio::time::timeout(self.db.timeout, make).await {
            Ok(Err(error)) if error.as_database_error().is_none() => Err(of_statement(error)),
            // Another instance was first, the table is in use, or the month is in the table for all others.
            Ok(_) => Ok(()),
            Err(_) => Err(StorageError::TooSlow),
        }
    }
}

fn head_from_row(row: &Row) -> Result<AuditHead> {
    Ok(AuditHead { shard: row.int("shard")?, seq: row.int("seq")?, hash: row.text("hash")? })
}

fn checkpoint_from_row(row: &Row) -> Result<StoredCheckpoint> {
    Ok(StoredCheckpoint { n: row.int("n")?, jws: row.text("jws")?, token: row.maybe_text("token")? })
}

/// A record that stands in another month than its time is given without its hash: no verification takes it.
fn record_from_row(row: &Row) -> Result<Record> {
    let in_its_month = row.int("month")? == month_of(Timestamp(row.int("at")?));
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
        hash: if in_its_month { row.text("hash")? } else { String::new() },
    })
}
