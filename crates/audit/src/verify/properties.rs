//! Any single manipulation of any chain is found, and the first finding names the right place.

use proptest::prelude::*;

use super::tests::{Chain, SHARD, forged, genuine, head, ix, rehash, rehash_from, renumber, verify};
use super::*;

/// One thing that is done to a table. Numbers are those of the untouched chain.
#[derive(Debug, Clone)]
enum Manipulation {
    Delete { seq: i64, count: i64, renumber: bool, rehash: bool },
    Truncate { seq: i64 },
    Insert { seq: i64, renumber: bool, rehash: bool },
    Copy { of: i64, seq: i64, renumber: bool },
    Swap { a: i64, b: i64, renumber: bool },
    Move { from: i64, to: i64, renumber: bool },
    Edit { seq: i64, field: usize, rehash: bool },
    Rewrite { seq: i64, field: usize },
}

use Manipulation as M;

fn edit(record: &mut Record, field: usize) {
    match field {
        0 => record.draft.at += 1,
        1 => record.draft.kind.push('x'),
        2 => record.draft.person = record.draft.person.is_none().then(String::new),
        3 => record.draft.body.push(' '),
        4 => record.draft.sealed = record.draft.sealed.is_none().then(String::new),
        5 => record.draft.seq += 1_000,
        6 => record.draft.shard += 1,
        _ => record.hash = forged(1).hash,
    }
}

impl Manipulation {
    fn apply(&self, chain: &mut Chain) {
        let again = match *self {
            M::Delete { seq, count, renumber, rehash: next } => {
                chain.drain(ix(seq)..ix(seq + count));
                (renumber, next.then_some(seq))
            }
            M::Truncate { seq } => {
                chain.truncate(ix(seq));
                (false, None)
            }
            M::Insert { seq, renumber, rehash } => {
                chain.insert(ix(seq), forged(seq));
                (renumber, rehash.then_some(seq))
            }
            M::Copy { of, seq, renumber } => {
                chain.insert(ix(seq), chain[ix(of)].clone());
                (renumber, None)
            }
            M::Swap { a, b, renumber } => {
                chain.swap(ix(a), ix(b));
                (renumber, None)
            }
            M::Move { from, to, renumber } => {
                let record = chain.remove(ix(from));
                chain.insert(ix(to), record);
                (renumber, None)
            }
            M::Edit { seq, field, rehash } => {
                edit(&mut chain[ix(seq)], field);
                (false, rehash.then_some(seq))
            }
            M::Rewrite { seq, field } => {
                edit(&mut chain[ix(seq)], field);
                rehash_from(chain, ix(seq));
                (false, None)
            }
        };
        if again.0 {
            renumber(chain);
        }
        if let Some(seq) = again.1.filter(|seq| ix(*seq) < chain.len()) {
            rehash(chain, ix(seq));
        }
    }

    /// Whether a finding names what was done. `confirmed` says whether a checkpoint has the last record.
    fn is_named_by(&self, finding: Finding, length: i64, confirmed: bool) -> bool {
        let Finding { shard, seq, fault } = finding;
        let around = |place: i64| matches!(fault, Fault::Altered { from } if from <= place && place <= seq);
        let near = |place: i64| around(place) && matches!(fault, Fault::Altered { from } if seq - from <= 1);
        let far = |a: i64, b: i64| (a - b).abs() >= 62;
        let right = match *self {
            // The last record shows its number only to a checkpoint.
            M::Delete { seq: at, count, renumber: true, .. } if at + count == length && !confirmed => near(at),
            M::Delete { seq: at, count, renumber: true, rehash: true } if at + count == length - 1 && !confirmed => {
                near(at) || near(at + 1)
            }
            // One that was deleted and one with a new hash: it cannot be told which is which.
            M::Delete { seq: at, count, renumber: true, rehash: true } => {
                // A checkpoint of the first one shows that another stands for it.
                (confirmed && around(at))
                    || matches!(fault, Fault::Missing { up_to } if seq <= at + 1 && at + count - 1 <= up_to)
            }
            M::Delete { seq: at, count, .. } => seq == at && fault == Fault::Missing { up_to: at + count - 1 },
            M::Truncate { seq: at } => seq == at && fault == Fault::Missing { up_to: length },
            M::Insert { seq: at, rehash: false, .. } if at == length + 1 => near(at),
            M::Copy { of, seq: at, .. } if at == length + 1 && far(of, at) => near(at) || fault == Fault::Inserted,
            M::Insert { seq: at, .. } => seq == at && fault == Fault::Inserted,
            // Both fit into one window by a hair, or not: then the copy goes for the record, and that one for a copy.
            M::Copy { of, seq: at, .. } if far(of, at) && fault != Fault::Inserted => {
                seq == at && fault == Fault::Reordered { belongs_at: of }
            }
            // Of two that are the same and stand together, the second is the copy.
            M::Copy { of, seq: at, renumber: true } => seq == at + i64::from(of == at) && fault == Fault::Inserted,
            M::Copy { of, .. } => seq == of && fault == Fault::Inserted,
            // A place that is beyond the window comes to light later than what is wrong at the first one.
            M::Swap { a, b, .. } if far(a, b) => near(a.min(b)) || (seq == a.min(b) && fault != Fault::Inserted),
            M::Swap { a, b, .. } => {
                [a, b].contains(&seq) && [a, b].iter().any(|at| fault == Fault::Reordered { belongs_at: *at })
            }
            M::Move { from, to, .. } if far(from, to) => {
                (from < to && seq == from && matches!(fault, Fault::Missing { .. }))
                    || near(to)
                    || [from, to].contains(&seq)
            }
            M::Move { from, to, .. } => matches!(fault, Fault::Reordered { belongs_at }
                if [from, to].contains(&seq) && [from, to].contains(&belongs_at)),
            M::Edit { seq: at, rehash: true, .. } if at == length => around(at),
            M::Edit { seq: at, rehash: true, .. } => around(at),
            M::Edit { seq: at, .. } => near(at),
            M::Rewrite { seq: at, .. } => around(at),
        };
        shard == SHARD && right
    }

    /// Whether a chain without checkpoints can show it.
    fn shows(&self, length: i64) -> bool {
        match *self {
            M::Truncate { .. } | M::Rewrite { .. } => false,
            M::Delete { seq, count, renumber, rehash } => {
                let last = seq + count == length + 1;
                let hidden = renumber && rehash && seq + count == length;
                !last && !hidden
            }
            M::Edit { seq, rehash, .. } => !(seq == length && rehash),
            _ => true,
        }
    }
}

fn manipulation(length: i64) -> impl Strategy<Value = Manipulation> {
    let at = || 1..=length;
    let two = || (at(), at()).prop_filter("two places", |(a, b)| a != b);
    let yes = any::<bool>;
    prop_oneof![
        (at(), 1..=5_i64, yes(), yes()).prop_map(move |(seq, count, renumber, rehash)| {
            let count = count.min(length - seq + 1);
            M::Delete { seq, count, renumber, rehash }
        }),
        at().prop_map(|seq| M::Truncate { seq }),
        // With a hash at the end it is a record like any other.
        (1..=length + 1, yes(), yes()).prop_map(move |(seq, renumber, rehash)| M::Insert {
            seq,
            renumber,
            rehash: rehash && seq <= length
        }),
        (at(), 1..=length + 1, yes()).prop_map(|(of, seq, renumber)| M::Copy { of, seq, renumber }),
        (two(), yes()).prop_map(|((a, b), renumber)| M::Swap { a, b, renumber }),
        (two(), yes()).prop_map(|((from, to), renumber)| M::Move { from, to, renumber }),
        (at(), 0..8_usize).prop_map(|(seq, field)| M::Edit { seq, field, rehash: false }),
        // A hash that is recomputed is the right one.
        (at(), 0..7_usize).prop_map(|(seq, field)| M::Edit { seq, field, rehash: true }),
        (at(), 0..7_usize).prop_map(|(seq, field)| M::Rewrite { seq, field }),
    ]
}

fn case() -> impl Strategy<Value = (i64, Manipulation, Vec<i64>)> {
    (2..=180_i64).prop_flat_map(|length| (Just(length), manipulation(length), prop::collection::vec(1..=length, 0..6)))
}

fn heads(chain: &Chain, checkpoints: &[i64]) -> Vec<Head> {
    checkpoints.iter().map(|seq| head(chain, *seq)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_untouched_chain_has_no_finding((length, _, checkpoints) in case()) {
        let chain = genuine(length);
        let known = heads(&chain, &checkpoints);
        prop_assert_eq!(verify(chain, Anchor::origin(), &known), []);
    }

    #[test]
    fn one_manipulation_under_a_checkpoint_is_named((length, manipulation, mut checkpoints) in case()) {
        let mut chain = genuine(length);
        checkpoints.push(length);
        let known = heads(&chain, &checkpoints);
        manipulation.apply(&mut chain);
        let findings = verify(chain, Anchor::origin(), &known);
        let named = findings.first().is_some_and(|first| manipulation.is_named_by(*first, length, true));
        prop_assert!(named, "{:?}: {:?}", manipulation, findings);
    }

    #[test]
    fn one_manipulation_that_leaves_a_trace_is_named(
        (length, manipulation, _) in case().prop_filter("leaves a trace", |(length, done, _)| done.shows(*length))
    ) {
        let mut chain = genuine(length);
        manipulation.apply(&mut chain);
        let findings = verify(chain, Anchor::origin(), &[]);
        let named = findings.first().is_some_and(|first| manipulation.is_named_by(*first, length, false));
        prop_assert!(named, "{:?}: {:?}", manipulation, findings);
    }
}
