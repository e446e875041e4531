//! Verification of one chain, fed record by record with bounded memory.
//!
//! A record's hash covers its content, its number and the hash before it. A hash that nobody recomputed therefore
//! tells where its record belongs, whatever the columns say now. When a record does not fit, the records after it
//! (a window of [`WINDOW`]) and the checkpoints tell what was done, judged in this order:
//!
//! | what is seen, when the record after number `n - 1` is wanted | finding |
//! |---|---|
//! | the record fits as `n`, its stored number is another and nothing was moved around it | `n` altered (its number) |
//! | the record fits, and so does a later one, which a checkpoint confirms | inserted |
//! | its hash is that of a record already seen | inserted (a copy) |
//! | a later record fits as `n`; this one fits further on as `m` | reordered: this one belongs at `m` |
//! | a later record fits as `n` and this one fits right after it | reordered: that one belongs at `n` |
//! | a later record fits as `n`; this one fits nowhere | inserted |
//! | it fits where an earlier one was accepted, and the rest follows it | the earlier one was inserted, with a hash |
//! | it fits where one was found missing or replaced | reordered: it belongs there |
//! | it does not fit, the next one fits after its stored hash as `n + 1` | altered: this one, or `n - 1` with its hash |
//! | the next one fits after the hash that its content should have | `n` altered (its hash) |
//! | the next one fits after its stored hash as `n + m + 1`, or its number is higher by `m` | `n..n + m` missing |
//! | the next one does not fit either | `n` altered, replaced |
//! | all fits, and a checkpoint has another hash for a number | altered: one after the last confirmed, up to there |
//! | the chain ends before the newest checkpoint | the records up to that one are missing |
//!
//! What a chain cannot tell: an altered record whose hash was recomputed looks like an alteration of the next one
//! with its old hash, so both are named ([`Fault::Altered`]'s `from`), unless a checkpoint confirms one of them or a
//! wrong chain, number or hash gives one away.
//! If hashes were recomputed over several records and not to the end, the place named is where that stopped. A last
//! record without a later checkpoint has no witness: taking it away or rewriting it is not seen, and one that does
//! not fit is called altered also when it was inserted or one before it was taken out.

mod judge;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;

use crate::checkpoint::Head;
use crate::record::Record;

/// How many records are held to tell what was done to one of them.
pub const WINDOW: usize = 64;

/// A place in a chain: the number and hash of its last record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The record's number, 0 before the first.
    pub seq: i64,
    /// The record's hash, empty before the first.
    pub hash: String,
}

impl Anchor {
    /// Before the first record of a chain.
    #[must_use]
    pub fn origin() -> Self {
        Self { seq: 0, hash: String::new() }
    }
}

/// What was done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its content, number or hash was changed. If an earlier record's hash was recomputed after a change, it is
    /// not this one but one from `from` on; equal to the finding's `seq` where that is ruled out.
    Altered {
        /// The first record that can be the changed one.
        from: i64,
    },
    /// It is not there, nor are those after it up to this one.
    Missing {
        /// The last one that is missing.
        up_to: i64,
    },
    /// It was never part of the chain, or is a copy.
    Inserted,
    /// It is part of the chain and stands at the wrong place.
    Reordered {
        /// The number that its hash proves.
        belongs_at: i64,
    },
}

/// A fault and its place. The first finding of a chain is exact as said in this module; those after it can be
/// consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The chain that was verified.
    pub shard: i64,
    /// [`Fault::Inserted`] and [`Fault::Reordered`]: the number under which the record is stored (if that is where
    /// it belongs, the place at which it was fed). [`Fault::Altered`]: the place. [`Fault::Missing`]: the number
    /// that is not there.
    pub seq: i64,
    /// What was done to the record at that place.
    pub fault: Fault,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, seq, fault } = self;
        match fault {
            Fault::Altered { from } if from == seq => write!(f, "chain {shard}: record {seq} was altered"),
            Fault::Altered { from } => write!(f, "chain {shard}: a record from {from} to {seq} was altered"),
            Fault::Missing { up_to } if up_to == seq => write!(f, "chain {shard}: record {seq} is missing"),
            Fault::Missing { up_to } => write!(f, "chain {shard}: records {seq} to {up_to} are missing"),
            Fault::Inserted => write!(f, "chain {shard}: record {seq} was inserted"),
            Fault::Reordered { belongs_at } => write!(f, "chain {shard}: record {seq} belongs at {belongs_at}"),
        }
    }
}

/// What a verification ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The findings that were not given out before.
    pub findings: Vec<Finding>,
    /// How many records were fed.
    pub records: u64,
    /// The last record that was accepted.
    pub head: Anchor,
    /// The last record that a checkpoint confirms; what is after it could have been rewritten unseen.
    pub confirmed: i64,
}

/// A record that waits for its turn.
#[derive(Debug)]
struct WaitingRecord {
    record: Record,
    /// How often it was put elsewhere; once it was, it is named, and its stored number says nothing any more.
    moves: usize,
    /// Its number and the hash before it, once they were found: no record fits at two places.
    place: Option<Anchor>,
}

/// A record that was accepted.
#[derive(Debug)]
struct AcceptedRecord {
    /// What it was accepted after.
    after: Anchor,
    /// Its own hash.
    hash: String,
    /// Its stored number.
    stored: i64,
}

/// Verifies one chain. Feed it the records in the order of the store, then [`ChainVerifier::finish`].
///
/// It holds [`WINDOW`] records and the checkpoint heads that it was given.
#[derive(Debug)]
pub struct ChainVerifier {
    shard: i64,
    /// The last accepted record, counted as the chain counts.
    last: Anchor,
    /// What must be added to a true number to get the stored one; not 0 after a renumbering.
    shift: i64,
    /// Up to here, a wrong stored number is a consequence of a finding.
    numbers_excused_until: i64,
    window: VecDeque<WaitingRecord>,
    /// The last accepted records, for one that was inserted with a fitting hash.
    accepted: VecDeque<AcceptedRecord>,
    /// Where a record was found missing or replaced, in case it comes later.
    holes: VecDeque<Anchor>,
    /// Records that fitted nowhere, in case their place comes later.
    set_aside: VecDeque<Record>,
    /// Checkpoint heads that are still to come, by number.
    heads: BTreeMap<i64, String>,
    /// The number that a checkpoint gives a hash.
    signed: HashMap<String, i64>,
    /// The last record that a checkpoint confirms.
    confirmed: i64,
    /// The chain and the checkpoints differ since a finding.
    diverged: bool,
    records: u64,
    findings: Vec<Finding>,
}

impl ChainVerifier {
    /// Starts after `start`: [`Anchor::origin`], or the last record that retention removed, as kept when it was.
    /// `known` are heads from verified checkpoints; those of other chains or before `start` are ignored.
    #[must_use]
    pub fn new(shard: i64, start: Anchor, known: &[Head]) -> Self {
        let known = known.iter().filter(|head| head.shard == shard);
        let heads: BTreeMap<i64, String> = known.map(|head| (head.seq, head.hash.clone())).collect();
        let wrong_start = heads.get(&start.seq).is_some_and(|hash| *hash != start.hash);
        let mut verifier = Self {
            shard,
            confirmed: start.seq,
            signed: heads.iter().map(|(seq, hash)| (hash.clone(), *seq)).collect(),
            heads,
            last: start,
            shift: 0,
            numbers_excused_until: i64::MIN,
            window: VecDeque::new(),
            accepted: VecDeque::new(),
            holes: VecDeque::new(),
            set_aside: VecDeque::new(),
            diverged: false,
            records: 0,
            findings: Vec::new(),
        };
        if wrong_start {
            verifier.report(verifier.last.seq, Fault::Altered { from: verifier.last.seq });
        }
        verifier
    }

    /// Takes the next record; returns what was found by it, mostly nothing and mostly about earlier records.
    pub fn feed(&mut self, record: Record) -> Vec<Finding> {
        self.records += 1;
        self.window.push_back(WaitingRecord { record, moves: 0, place: None });
        while self.window.len() >= WINDOW {
            self.step();
        }
        std::mem::take(&mut self.findings)
    }

    /// Judges the rest and the end of the chain.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        while !self.window.is_empty() {
            self.step();
        }
        self.place_set_aside();
        let newest = self.heads.last_key_value().map(|(seq, _)| *seq);
        if let Some(up_to) = newest.filter(|seq| *seq > self.last.seq) {
            self.report(self.last.seq + 1, Fault::Missing { up_to });
        }
        Verdict { findings: self.findings, records: self.records, head: self.last, confirmed: self.confirmed }
    }

    fn report(&mut self, seq: i64, fault: Fault) {
        self.findings.push(Finding { shard: self.shard, seq, fault });
    }

    /// Takes a record as number `seq` of the chain; `blamed` when a finding already names it.
    fn accept(&mut self, stored: i64, seq: i64, hash: String, blamed: bool) {
        let after = std::mem::replace(&mut self.last, Anchor { seq, hash: hash.clone() });
        remember(&mut self.accepted, AcceptedRecord { after, hash, stored });
        while let Some(head) = self.heads.first_entry().filter(|head| *head.key() < seq) {
            head.remove();
        }
        match self.heads.get(&seq) {
            Some(hash) if *hash == self.last.hash => {
                self.confirmed = seq;
                self.diverged = false;
            }
            // What follows a rewritten record differs as well: one finding says so.
            Some(_) if !self.diverged && !blamed => {
                self.diverged = true;
                self.report(seq + self.shift, Fault::Altered { from: self.confirmed + 1 + self.shift });
            }
            _ => {}
        }
    }

    fn seen(&self) -> HashSet<&str> {
        self.accepted.iter().map(|link| link.hash.as_str()).collect()
    }
}

/// Adds to a memory that forgets the oldest.
fn remember<T>(memory: &mut VecDeque<T>, item: T) {
    if memory.len() >= WINDOW {
        memory.pop_front();
    }
    memory.push_back(item);
}
