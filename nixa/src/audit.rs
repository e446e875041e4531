//! `nixa audit`: the trail verified and exported.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use nixa_audit::timestamp::{TrustedTsa, verify_token};
use nixa_audit::{
    Anchor, ChainVerifier, Checkpoint, CheckpointFinding, Finding, Head, checkpoint_digest, ocsf, read_checkpoint,
    verify_checkpoints,
};
use nixa_protocol::jose::VerifyingKey;
use nixa_storage::{Audit, StorageError, StoredCheckpoint};
use thiserror::Error;

use crate::private_file::write_private;

/// How many records or checkpoints are read at once.
const BATCH: i64 = 1_000;

/// Why the trail could not be read or written out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file or standard output cannot be read or written.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// The state of an export cannot be read.
    #[error("{0}: is not the state of an export")]
    State(PathBuf),
    /// A checkpoint that was kept elsewhere is not one of this trail's.
    #[error("{0}: is not a checkpoint that this trail's key has signed")]
    ForeignCheckpoint(PathBuf),
}

/// What a verification found.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong with the chain of checkpoints.
    pub checkpoints: Option<CheckpointFinding>,
    /// What is wrong with the chains of records, chain by chain; the first of each names the place.
    pub records: Vec<Finding>,
    /// A checkpoint that was kept elsewhere and that the trail does not have.
    pub missing_checkpoint: Option<i64>,
    /// How many records there are.
    pub read: u64,
    /// How many of them a checkpoint confirms.
    pub confirmed: u64,
    /// How many checkpoints there are.
    pub signed: usize,
    /// How many of them have a time stamp that counts; none without a trusted authority.
    pub stamped: usize,
    /// The checkpoints whose time stamp does not count.
    pub bad_stamps: Vec<i64>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checkpoints.is_none()
            && self.records.is_empty()
            && self.missing_checkpoint.is_none()
            && self.bad_stamps.is_empty()
    }
}

/// Verifies the whole trail: that the checkpoints are one chain, and that each chain of records is whole, in
/// order, and the one that was signed. `kept` is a checkpoint that was kept elsewhere: without one, whoever has
/// the database and its key can cut off the end of the trail with its checkpoints.
///
/// # Errors
/// [`AuditError`].
pub async fn verify(
    store: &dyn Audit,
    key: &VerifyingKey,
    trust: Option<&TrustedTsa>,
    kept: Option<&Path>,
) -> Result<Report, AuditError> {
    let keys = [key.clone()];
    let mut stored: Vec<String> = Vec::new();
    let mut report = Report::default();
    loop {
        let after = i64::try_from(stored.len()).unwrap_or(i64::MAX);
        let more = store.checkpoints(after, BATCH).await?;
        if more.is_empty() {
            break;
        }
        for checkpoint in more {
            check_stamp(&checkpoint, trust, &mut report);
            stored.push(checkpoint.jws);
        }
    }
    report.signed = stored.len();
    let mut checkpoints = match verify_checkpoints(&stored, &keys) {
        Ok(checkpoints) => checkpoints,
        Err(finding) => {
            report.checkpoints = Some(finding);
            // Those before the fault still speak.
            verify_checkpoints(stored.iter().take(finding.position - 1), &keys).unwrap_or_default()
        }
    };
    if let Some(file) = kept {
        let foreign = |_| AuditError::ForeignCheckpoint(file.to_owned());
        let kept = read_checkpoint(read(file)?.trim(), &keys).map_err(foreign)?;
        if !checkpoints.contains(&kept) {
            report.missing_checkpoint = Some(kept.n);
            checkpoints.push(kept);
        }
    }
    let known: Vec<Head> = checkpoints.iter().flat_map(|c: &Checkpoint| c.heads.iter().cloned()).collect();
    let anchors: BTreeMap<i64, Anchor> =
        store.anchors().await?.into_iter().map(|a| (a.shard, Anchor { seq: a.seq, hash: a.hash })).collect();
    let mut shards: Vec<i64> = known.iter().map(|head| head.shard).chain(anchors.keys().copied()).collect();
    shards.extend(store.heads().await?.iter().map(|head| head.shard));
    shards.sort_unstable();
    shards.dedup();
    for shard in shards {
        verify_chain(store, shard, anchors.get(&shard), &known, &mut report).await?;
    }
    Ok(report)
}

/// A time stamp counts when it is of this checkpoint, by a trusted authority.
fn check_stamp(checkpoint: &StoredCheckpoint, trust: Option<&TrustedTsa>, report: &mut Report) {
    let (Some(token), Some(trust)) = (&checkpoint.token, trust) else { return };
    let token = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    match verify_token(&token, &checkpoint_digest(&checkpoint.jws), trust) {
        Ok(_) => report.stamped += 1,
        Err(_) => report.bad_stamps.push(checkpoint.n),
    }
}

async fn verify_chain(
    store: &dyn Audit,
    shard: i64,
    anchor: Option<&Anchor>,
    known: &[Head],
    report: &mut Report,
) -> Result<(), AuditError> {
    let start = anchor.cloned().unwrap_or_else(Anchor::origin);
    let mut after = start.seq;
    let first = after;
    let mut verifier = ChainVerifier::new(shard, start, known);
    loop {
        let records = store.records(shard, after, BATCH).await?;
        let Some(last) = records.last() else { break };
        after = last.draft.seq;
        for record in records {
            report.records.extend(verifier.feed(record));
        }
    }
    let verdict = verifier.finish();
    report.records.extend(verdict.findings);
    report.read += verdict.records;
    report.confirmed += u64::try_from(verdict.confirmed - first).unwrap_or(0);
    // The head is what the next record will be linked to.
    if let Some(head) = store.heads().await?.into_iter().find(|head| head.shard == shard)
        && head.seq > verdict.head.seq
        && report.records.is_empty()
    {
        let fault = nixa_audit::Fault::Missing { up_to: head.seq };
        report.records.push(Finding { shard, seq: verdict.head.seq + 1, fault });
    }
    Ok(())
}

/// Writes the records that come after `state` as JSON lines of OCSF events, and the new state when they are
/// out: what broke off goes on where it was, and writes again at most what was not yet noted. With `personal`,
/// also the personal data that was not erased.
///
/// # Errors
/// [`AuditError`].
pub async fn export(
    store: &dyn Audit,
    context: &ocsf::OcsfContext,
    state: &Path,
    personal: bool,
    out: &mut (dyn Write + Send),
) -> Result<u64, AuditError> {
    let mut places: BTreeMap<i64, i64> = if state.exists() {
        serde_json::from_str(&read(state)?).map_err(|_| AuditError::State(state.to_owned()))?
    } else {
        BTreeMap::new()
    };
    let failed = |source| AuditError::Io { file: "standard output".to_owned(), source };
    let mut written = 0;
    for head in store.heads().await? {
        loop {
            let after = places.get(&head.shard).copied().unwrap_or(0);
            let records = store.records(head.shard, after, BATCH).await?;
            let Some(last) = records.last() else { break };
            let place = last.draft.seq;
            for record in &records {
                let known = if personal { store.personal(record).await? } else { None };
                let event = ocsf::event(record, context, known.as_ref());
                writeln!(out, "{event}").map_err(failed)?;
                written += 1;
            }
            out.flush().map_err(failed)?;
            places.insert(head.shard, place);
            let text = serde_json::to_vec(&places).unwrap_or_default();
            write_private(state, &text)
                .map_err(|source| AuditError::Io { file: state.display().to_string(), source })?;
        }
    }
    Ok(written)
}

fn read(file: &Path) -> Result<String, AuditError> {
    fs::read_to_string(file).map_err(|source| AuditError::Io { file: file.display().to_string(), source })
}
