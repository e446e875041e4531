//! `nixa audit verify`: chains, checkpoints, time stamps and the table of decisions held against one another.

use std::collections::BTreeSet;
use std::path::Path;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use nixa_audit::timestamp::{TrustedTsa, verify_token};
use nixa_audit::{
    Anchor, ChainVerifier, Checkpoint, CheckpointFinding, Fault, Finding, Head, Kind, Record, checkpoint_digest,
    last_removed, read_checkpoint, verify_checkpoints,
};
use nixa_protocol::id::Id;
use nixa_protocol::jose::VerifyingKey;
use nixa_protocol::{Timestamp, digest};
use nixa_storage::{Audit, AuditHead, People, StoredCheckpoint};
use serde_json::Value;

use super::error::{AuditError, read_file};

/// How many records or checkpoints are read at once.
const BATCH: i64 = 1_000;

/// What a verification found, and how much it looked at.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong with the chain of checkpoints.
    pub checkpoints: Option<CheckpointFinding>,
    /// What is wrong with the chains of records, chain by chain; the first of each names the place.
    pub records: Vec<Finding>,
    /// A checkpoint that was kept elsewhere and that the audit trail does not have.
    pub missing_checkpoint: Option<i64>,
    /// How many records there are.
    pub read: u64,
    /// How many of them a checkpoint confirms.
    pub confirmed: u64,
    /// How many checkpoints there are.
    pub signed: usize,
    /// How many of them have a time stamp that counts; none without a trusted authority.
    pub stamped: usize,
    /// The checkpoints without a time stamp that shows that they were signed when they say.
    pub bad_stamps: Vec<i64>,
    /// The decisions that are not, or not as the audit trail says, in their table.
    pub decisions: Vec<String>,
    /// How many decisions stand in their table without a record in the audit trail.
    pub unrecorded: i64,
    /// The chains whose beginning is missing without a record that says that it was removed.
    pub unproven: Vec<i64>,
}

impl Report {
    /// Whether there is no finding of any kind.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checkpoints.is_none()
            && self.records.is_empty()
            && self.missing_checkpoint.is_none()
            && self.bad_stamps.is_empty()
            && self.unproven.is_empty()
            && self.decisions.is_empty()
            && self.unrecorded <= 0
    }
}

/// Verifies the whole audit trail: that the checkpoints are one chain, and that each chain of records is whole, in
/// order, and the one that was signed. `kept` is a checkpoint that was kept elsewhere: without one, whoever has
/// the database and its key can cut off the end of the records with its checkpoints. With `trust`, each checkpoint
/// must be covered by a time stamp of its time. `decisions` is their table at a broker, with the first second of
/// which they are kept: each must be what its record says, and none may be there without one.
pub async fn verify(
    store: &dyn Audit,
    key: &VerifyingKey,
    trust: Option<&TrustedTsa>,
    kept: Option<&Path>,
    decisions: Option<(&dyn People, Timestamp)>,
    now: Timestamp,
) -> Result<Report, AuditError> {
    let keys = [key.clone()];
    let mut report = Report::default();
    let mut decisions = match decisions {
        Some((table, from)) => {
            // Before the records: what is counted has its record by now.
            let stored = table.count_decisions(from, now).await?;
            Some(Decisions { table, from, before: now, stored, found: 0 })
        }
        None => None,
    };
    let stored = all_checkpoints(store).await?;
    report.signed = stored.len();
    let jws: Vec<&str> = stored.iter().map(|checkpoint| checkpoint.jws.as_str()).collect();
    let mut checkpoints = match verify_checkpoints(&jws, &keys) {
        Ok(checkpoints) => checkpoints,
        Err(finding) => {
            report.checkpoints = Some(finding);
            // Those before the fault still speak.
            verify_checkpoints(jws.iter().take(finding.position - 1), &keys).unwrap_or_default()
        }
    };
    if let Some(trust) = trust {
        check_stamps(&checkpoints, &stored, trust, now, &mut report);
    }
    if let Some(file) = kept {
        let foreign = |_| AuditError::ForeignCheckpoint(file.to_owned());
        let kept = read_checkpoint(read_file(file)?.trim(), &keys).map_err(foreign)?;
        if !checkpoints.contains(&kept) {
            report.missing_checkpoint = Some(kept.n);
            checkpoints.push(kept);
        }
    }
    let known: Vec<Head> = checkpoints.iter().flat_map(|c: &Checkpoint| c.heads.iter().cloned()).collect();
    // Before the records: what a running server adds meanwhile is more, never less.
    let heads = store.heads().await?;
    let anchors = store.anchors().await?;
    let shards: BTreeSet<i64> = known
        .iter()
        .map(|head| head.shard)
        .chain(heads.iter().chain(&anchors).map(|head| head.shard))
        .chain(store.shards().await?)
        .collect();
    let mut removals = Vec::new();
    for shard in shards {
        let of_shard = |list: &[AuditHead]| list.iter().find(|head| head.shard == shard).cloned();
        let chain = StoredChain { shard, anchor: of_shard(&anchors), head: of_shard(&heads) };
        removals.extend(verify_chain(store, chain, &known, &mut decisions, &mut report).await?);
    }
    report.unrecorded = decisions.map_or(0, |decisions| decisions.stored - decisions.found);
    let unproven = |anchor: &&AuditHead| {
        let proves = |last: &Head| last.shard == anchor.shard && last.seq == anchor.seq && last.hash == anchor.hash;
        !removals.iter().any(proves)
    };
    report.unproven = anchors.iter().filter(unproven).map(|anchor| anchor.shard).collect();
    Ok(report)
}

async fn all_checkpoints(store: &dyn Audit) -> Result<Vec<StoredCheckpoint>, AuditError> {
    let mut stored: Vec<StoredCheckpoint> = Vec::new();
    loop {
        let more = store.checkpoints(stored.last().map_or(0, |last| last.n), BATCH).await?;
        if more.is_empty() {
            return Ok(stored);
        }
        stored.extend(more);
    }
}

/// How long after its own time a checkpoint must be covered by a time stamp, its own or that of a later one, in
/// seconds: so long may the authority be away.
const STAMPED_WITHIN: i64 = 86_400;

/// From the first time stamp on, every checkpoint must have been there within a day of the time that it says:
/// one that was signed anew later, with an old time, cannot show that.
fn check_stamps(
    checkpoints: &[Checkpoint],
    stored: &[StoredCheckpoint],
    trust: &TrustedTsa,
    now: Timestamp,
    report: &mut Report,
) {
    let stamp = |checkpoint: &StoredCheckpoint| {
        let token = URL_SAFE_NO_PAD.decode(checkpoint.token.as_ref()?).ok()?;
        verify_token(&token, &checkpoint_digest(&checkpoint.jws), trust).ok()
    };
    let stamps: Vec<Option<i64>> = stored.iter().map(stamp).collect();
    report.stamped = stamps.iter().flatten().count();
    let invalid = |(checkpoint, stamp): (&StoredCheckpoint, &Option<i64>)| {
        (checkpoint.token.is_some() && stamp.is_none()).then_some(checkpoint.n)
    };
    report.bad_stamps = stored.iter().zip(&stamps).filter_map(invalid).collect();
    let first = stamps.iter().position(Option::is_some).unwrap_or(0);
    let mut earliest_later = None;
    for (place, checkpoint) in checkpoints.iter().enumerate().rev() {
        let own = stamps.get(place).copied().flatten();
        earliest_later = [own, earliest_later].into_iter().flatten().min();
        let deadline = checkpoint.at + STAMPED_WITHIN;
        let covered = earliest_later.is_some_and(|at| at <= deadline) || now.0 <= deadline;
        if place >= first && !covered && !report.bad_stamps.contains(&checkpoint.n) {
            report.bad_stamps.push(checkpoint.n);
        }
    }
    report.bad_stamps.sort_unstable();
}

/// A chain as the database has it, beside its records.
struct StoredChain {
    shard: i64,
    /// Where it begins since the oldest records were removed.
    anchor: Option<AuditHead>,
    head: Option<AuditHead>,
}

/// Verifies one chain; returns the last records that were removed, of any chain, as its records say.
async fn verify_chain(
    store: &dyn Audit,
    chain: StoredChain,
    known: &[Head],
    decisions: &mut Option<Decisions<'_>>,
    report: &mut Report,
) -> Result<Vec<Head>, AuditError> {
    let StoredChain { shard, anchor, head } = chain;
    let start = anchor.map_or_else(Anchor::origin, |a| Anchor { seq: a.seq, hash: a.hash });
    let first = start.seq;
    let mut after = first;
    let mut at_head = head.as_ref().is_some_and(|head| head.seq == first && head.hash == start.hash);
    let mut removals = Vec::new();
    let mut verifier = ChainVerifier::new(shard, start, known);
    loop {
        let records = store.records(shard, after, BATCH).await?;
        let Some(last) = records.last() else { break };
        after = last.draft.seq;
        for record in records {
            at_head |= head.as_ref().is_some_and(|head| head.seq == record.draft.seq && head.hash == record.hash);
            removals.extend(last_removed(&record));
            if let Some(decisions) = decisions {
                report.decisions.extend(decisions.check(&record).await?);
            }
            report.records.extend(verifier.feed(record));
        }
    }
    let verdict = verifier.finish();
    report.records.extend(verdict.findings);
    report.read += verdict.records;
    report.confirmed += u64::try_from(verdict.confirmed - first).unwrap_or(0);
    // The head row is what the next record is linked to: the chain must have come to it.
    if !at_head && report.records.is_empty() {
        let up_to = head.map_or(verdict.head.seq, |head| head.seq).max(verdict.head.seq + 1);
        let fault = Fault::Missing { up_to };
        report.records.push(Finding { shard, seq: verdict.head.seq + 1, fault });
    }
    Ok(removals)
}

/// The table of decisions against the records of them.
struct Decisions<'a> {
    table: &'a dyn People,
    from: Timestamp,
    before: Timestamp,
    stored: i64,
    found: i64,
}

impl Decisions<'_> {
    /// The decision that a record speaks of, if it is not in its table as the record says.
    async fn check(&mut self, record: &Record) -> Result<Option<String>, AuditError> {
        let at = Timestamp(record.draft.at);
        if record.draft.kind != Kind::Decision.as_str() || at < self.from {
            return Ok(None);
        }
        let body: Value = serde_json::from_str(&record.draft.body).unwrap_or_default();
        let fact = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(stored) = self.table.decision(fact("decision")).await? else {
            return Ok(Some(fact("decision").to_owned()));
        };
        self.found += i64::from(at < self.before);
        let same = stored.at == at
            && stored.client_id == fact("client")
            && stored.policy == fact("policy")
            && stored.person.as_ref().map(Id::as_str) == record.draft.person.as_deref()
            && digest(&stored.record.to_string()).as_str() == fact("record");
        Ok((!same).then(|| fact("decision").to_owned()))
    }
}
