//! Each manipulation of a table, and what is said of it.

use super::*;
use crate::Draft;

pub(super) const SHARD: i64 = 3;
pub(super) type Chain = Vec<Record>;

/// An untouched chain.
pub(super) fn genuine(length: i64) -> Chain {
    let mut previous = String::new();
    let mut records = Vec::new();
    for seq in 1..=length {
        let draft = Draft {
            shard: SHARD,
            seq,
            at: 1_800_000_000 + seq / 3,
            kind: "login".into(),
            person: (seq % 4 != 0).then(|| format!("person-{}", seq % 7)),
            body: format!(r#"{{"client":"portal-{}"}}"#, seq % 5),
            sealed: (seq % 2 == 0).then(|| format!("sealed-{seq}")),
        };
        let record = draft.after(&previous);
        previous.clone_from(&record.hash);
        records.push(record);
    }
    records
}

pub(super) fn forged(seq: i64) -> Record {
    let draft =
        Draft { shard: SHARD, seq, at: 5, kind: "logout".into(), person: None, body: "{}".into(), sealed: None };
    draft.after("nothing")
}

/// The index of a record of an untouched chain.
pub(super) fn ix(seq: i64) -> usize {
    usize::try_from(seq - 1).unwrap()
}

/// Numbers all records by their place, as an attacker does who hides a gap.
pub(super) fn renumber(chain: &mut Chain) {
    for (record, seq) in chain.iter_mut().zip(1..) {
        record.draft.seq = seq;
    }
}

/// Recomputes the hash of one record from the one stored before it.
pub(super) fn rehash(chain: &mut Chain, index: usize) {
    let previous = index.checked_sub(1).map(|before| chain[before].hash.clone()).unwrap_or_default();
    chain[index].hash = crate::chain(&previous, &chain[index].draft);
}

pub(super) fn rehash_from(chain: &mut Chain, index: usize) {
    (index..chain.len()).for_each(|index| rehash(chain, index));
}

pub(super) fn head(chain: &Chain, seq: i64) -> Head {
    Head { shard: SHARD, seq, hash: chain[ix(seq)].hash.clone() }
}

pub(super) fn verify(chain: Chain, start: Anchor, known: &[Head]) -> Vec<Finding> {
    let mut verifier = ChainVerifier::new(SHARD, start, known);
    let mut findings: Vec<Finding> = chain.into_iter().flat_map(|record| verifier.feed(record)).collect();
    findings.extend(verifier.finish().findings);
    findings
}

fn altered(from: i64, seq: i64) -> Finding {
    Finding { shard: SHARD, seq, fault: Fault::Altered { from } }
}

fn missing(seq: i64, up_to: i64) -> Finding {
    Finding { shard: SHARD, seq, fault: Fault::Missing { up_to } }
}

fn inserted(seq: i64) -> Finding {
    Finding { shard: SHARD, seq, fault: Fault::Inserted }
}

fn reordered(seq: i64, belongs_at: i64) -> Finding {
    Finding { shard: SHARD, seq, fault: Fault::Reordered { belongs_at } }
}

/// Manipulates a chain of 200 whose records of these numbers are in a checkpoint.
fn after(manipulate: impl Fn(&mut Chain), checkpoints: &[i64]) -> Vec<Finding> {
    let mut chain = genuine(200);
    let known: Vec<Head> = checkpoints.iter().map(|seq| head(&chain, *seq)).collect();
    manipulate(&mut chain);
    verify(chain, Anchor::origin(), &known)
}

type Case = (&'static str, fn(&mut Chain), &'static [i64], Vec<Finding>);

fn check(cases: Vec<Case>) {
    for (name, manipulate, checkpoints, expected) in cases {
        assert_eq!(after(manipulate, checkpoints), expected, "{name}");
    }
}

#[test]
fn untouched() {
    assert_eq!(after(|_| (), &[]), []);
    assert_eq!(after(|_| (), &[1, 7, 64, 65, 200]), []);
    for length in [0, 1, 2, 63, 64, 65] {
        assert_eq!(verify(genuine(length), Anchor::origin(), &[]), [], "{length}");
    }
    let all = genuine(100);
    let mut verifier = ChainVerifier::new(SHARD, Anchor { seq: 40, hash: all[39].hash.clone() }, &[head(&all, 90)]);
    for record in &all[40..] {
        assert_eq!(verifier.feed(record.clone()), []);
        assert!(verifier.window.len() < WINDOW);
    }
    let verdict = verifier.finish();
    let end = Anchor { seq: 100, hash: all[99].hash.clone() };
    assert_eq!(verdict, Verdict { findings: vec![], records: 60, head: end, confirmed: 90 });
}

#[test]
fn deleted() {
    check(vec![
        ("the first", |c| drop(c.remove(0)), &[], vec![missing(1, 1)]),
        ("one", |c| drop(c.remove(ix(100))), &[], vec![missing(100, 100)]),
        ("some", |c| drop(c.drain(ix(50)..=ix(149))), &[], vec![missing(50, 149)]),
        (
            "two far apart",
            |c| drop((c.remove(ix(150)), c.remove(ix(20)))),
            &[],
            vec![missing(20, 20), missing(150, 150)],
        ),
        (
            "one, and the next hash recomputed",
            |c| (drop(c.remove(ix(100))), rehash(c, ix(100))).1,
            &[],
            vec![
                missing(100, 100),
                // The recomputed hash breaks the next link.
                altered(101, 102),
            ],
        ),
        ("the last, unseen", |c| drop(c.pop()), &[], vec![]),
        ("the last", |c| drop(c.pop()), &[200], vec![missing(200, 200)]),
        ("the tail", |c| c.truncate(150), &[120, 180], vec![missing(151, 180)]),
        ("all, unseen", Vec::clear, &[], vec![]),
        ("all", Vec::clear, &[180], vec![missing(1, 180)]),
    ]);
}

#[test]
fn deleted_and_renumbered() {
    check(vec![
        ("the first", |c| (c.remove(0), renumber(c)).1, &[], vec![missing(1, 1)]),
        ("one", |c| (c.remove(ix(100)), renumber(c)).1, &[], vec![missing(100, 100)]),
        ("some", |c| (drop(c.drain(ix(50)..=ix(149))), renumber(c)).1, &[], vec![missing(50, 149)]),
        (
            "in two places",
            |c| (c.remove(ix(150)), c.remove(ix(20)), renumber(c)).2,
            &[],
            vec![missing(20, 20), missing(150, 150)],
        ),
        // Nothing comes after it that shows its number.
        ("the last but one", |c| (c.remove(ix(199)), renumber(c)).1, &[], vec![altered(198, 199)]),
        ("the last but one", |c| (c.remove(ix(199)), renumber(c)).1, &[200], vec![missing(199, 199)]),
        (
            "the next hash recomputed",
            |c| (c.remove(ix(100)), renumber(c), rehash(c, ix(100))).2,
            &[],
            vec![
                // Number 101 looks like 100; the one that is missing is one of the two.
                missing(101, 101),
            ],
        ),
        (
            "all hashes recomputed",
            |c| (c.remove(ix(100)), renumber(c), rehash_from(c, ix(100))).2,
            &[90, 110, 200],
            vec![altered(91, 110), missing(200, 200)],
        ),
    ]);
}

#[test]
fn put_in() {
    check(vec![
        ("first", |c| c.insert(0, forged(1)), &[], vec![inserted(1)]),
        ("with a number that is there", |c| c.insert(ix(100), forged(100)), &[], vec![inserted(100)]),
        ("with any number", |c| c.insert(ix(100), forged(7_000)), &[], vec![inserted(7_000)]),
        ("renumbered", |c| (c.insert(ix(100), forged(0)), renumber(c)).1, &[], vec![inserted(100)]),
        (
            "two",
            |c| (c.insert(ix(100), forged(0)), c.insert(ix(100), forged(1)), renumber(c)).2,
            &[],
            vec![inserted(100), inserted(101)],
        ),
        ("hash computed", |c| (c.insert(ix(100), forged(100)), rehash(c, ix(100))).1, &[], vec![inserted(100)]),
        (
            "hash computed, renumbered",
            |c| (c.insert(ix(100), forged(0)), renumber(c), rehash(c, ix(100))).2,
            &[],
            vec![inserted(100)],
        ),
        (
            "hash computed, renumbered, before a checkpoint's head",
            |c| (c.insert(ix(100), forged(0)), renumber(c), rehash(c, ix(100))).2,
            &[99, 100, 101],
            vec![inserted(100)],
        ),
        (
            "two, hashes computed, renumbered",
            |c| {
                c.insert(ix(100), forged(0));
                c.insert(ix(100), forged(1));
                renumber(c);
                (rehash(c, ix(100)), rehash(c, ix(101))).1
            },
            &[],
            vec![inserted(100), inserted(101)],
        ),
        (
            "all hashes computed",
            |c| (c.insert(ix(100), forged(0)), renumber(c), rehash_from(c, ix(100))).2,
            &[150],
            vec![altered(1, 150)],
        ),
        ("a copy", |c| (c.insert(ix(100), c[ix(98)].clone()), renumber(c)).1, &[], vec![inserted(100)]),
        ("a copy of the one before it", |c| c.insert(ix(100), c[ix(99)].clone()), &[], vec![inserted(99)]),
        ("a copy of a later one", |c| (c.insert(ix(100), c[ix(103)].clone()), renumber(c)).1, &[], vec![inserted(100)]),
        ("a copy at the end", |c| c.push(c[ix(200)].clone()), &[], vec![inserted(200)]),
        // The last one has no witness: it may as well be the real one, altered.
        ("at the end", |c| c.push(forged(201)), &[], vec![altered(200, 201)]),
        ("at the end", |c| c.push(forged(201)), &[200], vec![altered(201, 201)]),
    ]);
}

#[test]
fn put_elsewhere() {
    let moved = |c: &mut Chain, from: i64, to: i64| {
        let record = c.remove(ix(from));
        c.insert(ix(to), record);
    };
    let cases: [(&str, i64, i64, Finding); 3] = [
        ("to an earlier place", 120, 100, reordered(100, 120)),
        ("to a later place", 100, 120, reordered(120, 100)),
        ("by one", 100, 101, reordered(100, 101)),
    ];
    for (name, from, to, finding) in cases {
        let renumbered = |c: &mut Chain| (moved(c, from, to), renumber(c)).1;
        assert_eq!(after(renumbered, &[]), [finding], "{name}");
        assert_eq!(after(renumbered, &[99, 100, 101, 130]), [finding], "{name}, with checkpoints");
        let place = Finding { seq: if from == 100 && to == 101 { 100 } else { finding.seq }, ..finding };
        let first = after(|c| moved(c, from, to), &[]);
        assert_eq!(first, [place], "{name}, numbers kept");
    }
    check(vec![
        ("neighbours", |c| (c.swap(ix(100), ix(101)), renumber(c)).1, &[], vec![reordered(100, 101)]),
        ("neighbours, numbers kept", |c| c.swap(ix(100), ix(101)), &[], vec![reordered(100, 101)]),
        ("the first two", |c| (c.swap(0, 1), renumber(c)).1, &[], vec![reordered(1, 2)]),
        ("the last two", |c| (c.swap(ix(199), ix(200)), renumber(c)).1, &[200], vec![reordered(199, 200)]),
        (
            "two apart",
            |c| (c.swap(ix(100), ix(140)), renumber(c)).1,
            &[],
            vec![reordered(100, 140), reordered(140, 100)],
        ),
        (
            "beyond the window",
            |c| (c.swap(ix(50), ix(150)), renumber(c)).1,
            &[],
            vec![
                // Their places come to light only later.
                altered(50, 50),
                altered(50, 51),
                reordered(50, 150),
                reordered(150, 50),
            ],
        ),
        (
            "moved beyond the window",
            |c| {
                let r = c.remove(ix(50));
                c.insert(ix(150), r);
                renumber(c)
            },
            &[],
            vec![missing(50, 50), reordered(150, 50)],
        ),
        (
            "the number, so that it sorts elsewhere",
            |c| {
                let mut r = c.remove(ix(50));
                r.draft.seq = 300;
                c.push(r)
            },
            &[],
            vec![missing(50, 50), reordered(300, 50)],
        ),
    ]);
    let reversed = after(
        |c| {
            c[ix(100)..=ix(162)].reverse();
            renumber(c)
        },
        &[],
    );
    assert_eq!(reversed.first(), Some(&reordered(100, 162)));
    assert!(reversed.iter().all(|f| matches!(f.fault, Fault::Reordered { .. })), "{reversed:?}");
}

type Edit = fn(&mut Record);

#[test]
fn edited() {
    let edits: [(&str, Edit); 10] = [
        ("at", |r| r.draft.at += 1),
        ("kind", |r| r.draft.kind = "logout".into()),
        ("person", |r| r.draft.person = Some("somebody".into())),
        ("person or none", |r| r.draft.person = r.draft.person.is_none().then(String::new)),
        ("body", |r| r.draft.body = "{ }".into()),
        ("sealed", |r| r.draft.sealed = Some("x".into())),
        ("sealed or not", |r| r.draft.sealed = r.draft.sealed.is_none().then(String::new)),
        ("seq", |r| r.draft.seq = 500),
        ("shard", |r| r.draft.shard += 1),
        ("hash", |r| r.hash = forged(1).hash),
    ];
    for (name, edit) in edits {
        // The number, the chain and the hash can be told for sure; else the one before can be it, with its hash.
        let from = |seq: i64| if ["seq", "shard", "hash"].contains(&name) || seq == 1 { seq } else { seq - 1 };
        for seq in [1, 2, 98, 198] {
            let found = after(|c| edit(&mut c[ix(seq)]), &[]);
            assert_eq!(found, [altered(from(seq), seq)], "{name} of {seq}");
            let confirmed = after(|c| edit(&mut c[ix(seq)]), &[seq - 1, 200][usize::from(seq == 1)..]);
            assert_eq!(confirmed, [altered(seq, seq)], "{name} of {seq}, after a checkpoint");
            let rehashed = after(|c| (edit(&mut c[ix(seq)]), rehash(c, ix(seq))).1, &[]);
            let range = match name {
                "hash" => vec![],
                "seq" | "shard" => vec![altered(seq, seq)],
                _ => vec![altered(seq, seq + 1)],
            };
            assert_eq!(rehashed.first(), range.first(), "{name} of {seq}, hash recomputed: {rehashed:?}");
        }
        let last = after(|c| edit(&mut c[ix(200)]), &[200]);
        assert_eq!(last.len(), 1, "{name} of the last: {last:?}");
    }
    check(vec![
        (
            "two next to one another",
            |c| (c[ix(9)].draft.at = 0, c[ix(10)].draft.at = 0).1,
            &[],
            vec![altered(9, 9), altered(9, 10)],
        ),
        (
            "one with its hash, under a checkpoint",
            |c| (c[ix(9)].draft.at = 0, rehash(c, ix(9))).1,
            &[8, 9],
            vec![altered(9, 9), altered(9, 10)],
        ),
        (
            "all numbers from one on",
            |c| c[ix(100)..].iter_mut().for_each(|r| r.draft.seq += 5),
            &[],
            vec![
                // As if five were taken out, but the hashes go on.
                altered(100, 100),
            ],
        ),
    ]);
}

#[test]
fn rewritten() {
    fn rewrite(chain: &mut Chain) {
        chain[ix(100)].draft.body = "{}".into();
        rehash_from(chain, ix(100));
    }
    check(vec![
        ("unseen", rewrite, &[], vec![]),
        ("the checkpoints are before it", rewrite, &[50, 99], vec![]),
        ("between two checkpoints", rewrite, &[50, 150], vec![altered(51, 150)]),
        ("under three", rewrite, &[99, 100, 150], vec![altered(100, 100)]),
        (
            "to the end, and shorter",
            |c| (rewrite(c), c.truncate(180)).1,
            &[99, 150, 200],
            vec![altered(100, 150), missing(181, 200)],
        ),
        (
            "some, not to the end",
            |c| {
                c[ix(100)].draft.at = 0;
                (ix(100)..ix(110)).for_each(|i| rehash(c, i))
            },
            &[50, 105, 150],
            vec![altered(51, 105), altered(109, 110)],
        ),
    ]);
}

#[test]
fn merged() {
    check(vec![
        (
            "into the second",
            |c| {
                c.remove(ix(100));
                c[ix(100)].draft.body.push_str("{}")
            },
            &[],
            vec![missing(100, 100)],
        ),
        (
            "into the first",
            |c| {
                c.remove(ix(101));
                c[ix(100)].draft.body.push_str("{}")
            },
            &[],
            vec![altered(100, 100), missing(101, 101)],
        ),
        (
            "renumbered",
            |c| {
                c.remove(ix(101));
                c[ix(100)].draft.body.push_str("{}");
                renumber(c)
            },
            &[],
            vec![altered(100, 100), missing(101, 101)],
        ),
        (
            "renumbered, hash computed",
            |c| {
                c.remove(ix(101));
                c[ix(100)].draft.at = 0;
                renumber(c);
                rehash(c, ix(100))
            },
            &[],
            vec![missing(101, 101)],
        ),
    ]);
}

#[test]
fn starts_after_retention() {
    let all = genuine(100);
    let start = Anchor { seq: 40, hash: all[39].hash.clone() };
    assert_eq!(verify(all[40..].to_vec(), start.clone(), &[head(&all, 40), head(&all, 7)]), []);
    assert_eq!(verify(all[41..].to_vec(), start.clone(), &[]), [missing(41, 41)]);
    assert_eq!(verify(all[38..].to_vec(), start, &[]).first(), Some(&inserted(39)), "removed ones are there again");
    let wrong = Anchor { seq: 40, hash: all[38].hash.clone() };
    assert_eq!(verify(all[40..].to_vec(), wrong, &[head(&all, 40)]).first(), Some(&altered(40, 40)));
}

#[test]
fn no_number_overflows() {
    for number in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
        for seq in [1, 2, 100, 199, 200] {
            let found = after(|c| c[ix(seq)].draft.seq = number, &[200]);
            assert_eq!(found, [altered(seq, seq)], "{number} for {seq}");
            let rehashed = after(|c| (c[ix(seq)].draft.seq = number, rehash(c, ix(seq))).1, &[200]);
            assert_eq!(rehashed.first(), Some(&altered(seq, seq)), "{number} for {seq}, hash recomputed");
            assert_eq!(after(|c| c.insert(ix(seq), forged(number)), &[]), [inserted(number)]);
        }
        let all = after(|c| c.iter_mut().for_each(|r| r.draft.seq = number), &[]);
        assert_eq!(all.first(), Some(&altered(1, 1)), "{number} for all");
        let forged = (0..200).map(|_| forged(number)).collect();
        assert!(!verify(forged, Anchor::origin(), &[]).is_empty());
    }
}

#[test]
fn findings_speak() {
    let texts = [
        (altered(3, 3), "chain 3: record 3 was altered"),
        (altered(2, 3), "chain 3: a record from 2 to 3 was altered"),
        (missing(3, 3), "chain 3: record 3 is missing"),
        (missing(3, 9), "chain 3: records 3 to 9 are missing"),
        (inserted(3), "chain 3: record 3 was inserted"),
        (reordered(3, 4), "chain 3: record 3 belongs at 4"),
    ];
    for (finding, text) in texts {
        assert_eq!(finding.to_string(), text);
    }
}
