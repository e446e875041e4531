//! What the record at the front of the window is, and what follows from it.

use super::{Anchor, ChainVerifier, Fault, WINDOW, WaitingRecord, remember};
use crate::record::{Draft, Record, chain};

/// Most records that are looked for as missing when numbers and checkpoints do not tell how many.
const MOST_MISSING: i64 = 256;

/// Highest number that is reckoned with: columns hold what an attacker likes, and sums must not overflow.
const HIGHEST: i64 = 1 << 48;

/// The stored number of a record, to be reckoned with.
fn stored_seq(record: &Record) -> i64 {
    record.draft.seq.clamp(-HIGHEST, HIGHEST)
}

/// What the front record is; the tests are in this order.
enum Judgement {
    /// The one that is wanted.
    Fits,
    /// A copy of one that was accepted.
    Copy,
    /// The one that is wanted was seen earlier.
    SetAside(usize),
    /// The one that is wanted stands later in the window.
    Displaced(usize),
    /// It follows the record after which this accepted one came, so this one and those after it are forged.
    ExposesForged(usize),
    /// It belongs to a place that is passed.
    FillsHole(usize),
    /// Its content is not the one of its hash.
    AlteredContent,
    /// Its hash is not the one of its content.
    AlteredHash(String),
    /// So many are missing before it.
    Gap(i64),
    /// Nothing fits it.
    Unclear,
}

/// The hash that a record has after `previous` if its number is `seq`.
fn hash_at(previous: &str, record: &Record, seq: i64) -> String {
    if record.draft.seq == seq {
        chain(previous, &record.draft)
    } else {
        chain(previous, &Draft { seq, ..record.draft.clone() })
    }
}

impl ChainVerifier {
    fn links(&self, previous: &str, record: &Record, seq: i64) -> bool {
        record.draft.shard == self.shard && hash_at(previous, record, seq) == record.hash
    }

    fn at(&self, index: usize) -> Option<&Record> {
        self.window.get(index).map(|entry| &entry.record)
    }

    /// Whether the record at `index` of the window is number `seq` after `previous`.
    fn fits(&self, index: usize, previous: &str, seq: i64) -> bool {
        self.window.get(index).is_some_and(|entry| match &entry.place {
            Some(place) => place.seq == seq && place.hash == previous,
            None => self.links(previous, &entry.record, seq),
        })
    }

    /// Whether the record at `index` of the window is the one that is wanted.
    fn wanted(&self, index: usize) -> bool {
        self.fits(index, &self.last.hash, self.last.seq + 1)
    }

    /// Judges the front record and acts on it: it is taken out of the window or moved to its place in it.
    pub(super) fn step(&mut self) {
        let seq = self.last.seq + 1;
        let Some(front) = self.at(0) else { return };
        match self.judge(front, seq) {
            Judgement::Fits => self.take_fitting(seq),
            Judgement::Copy => self.take_inserted(false),
            Judgement::SetAside(index) => self.take_set_aside(index, seq),
            Judgement::Displaced(index) => self.reorder(index, seq),
            Judgement::ExposesForged(index) => self.unwind(index),
            Judgement::FillsHole(index) => self.fill(index),
            Judgement::AlteredContent => self.take_altered(seq, None, self.possibly_before(seq)),
            Judgement::AlteredHash(hash) => self.take_altered(seq, Some(hash), seq),
            Judgement::Gap(missing) => self.skip(seq, missing),
            Judgement::Unclear => self.take_unclear(seq),
        }
    }

    /// Puts those that were set aside at the end, if they belong there.
    pub(super) fn place_set_aside(&mut self) {
        while let Some(index) = self.find_set_aside(self.last.seq + 1) {
            self.take_set_aside(index, self.last.seq + 1);
        }
    }

    fn judge(&self, front: &Record, seq: i64) -> Judgement {
        if self.wanted(0) {
            return self.confirmed_sibling(front, seq).map_or(Judgement::Fits, Judgement::Displaced);
        }
        if self.seen().contains(front.hash.as_str()) {
            return Judgement::Copy;
        }
        if let Some(index) = self.find_set_aside(seq) {
            return Judgement::SetAside(index);
        }
        if let Some(index) = (1..self.window.len()).find(|index| self.wanted(*index)) {
            return Judgement::Displaced(index);
        }
        if let Some(index) = self.first_forged(front) {
            return Judgement::ExposesForged(index);
        }
        if let Some(index) = self.hole_before(front) {
            return Judgement::FillsHole(index);
        }
        let next = self.at(1);
        let next_fits = |previous: &str, seq| next.is_some_and(|next| self.links(previous, next, seq));
        if next_fits(&front.hash, seq + 1) {
            return Judgement::AlteredContent;
        }
        let computed = hash_at(&self.last.hash, front, seq);
        if next_fits(&computed, seq + 1) {
            return Judgement::AlteredHash(computed);
        }
        self.gap(front, seq).map_or(Judgement::Unclear, Judgement::Gap)
    }

    /// Where the front fits and is forged nevertheless: another record fits, and it is the one a checkpoint has.
    fn confirmed_sibling(&self, front: &Record, seq: i64) -> Option<usize> {
        let head = self.heads.get(&seq).filter(|head| **head != front.hash)?;
        (1..self.window.len())
            .find(|index| self.at(*index).is_some_and(|record| record.hash == *head) && self.wanted(*index))
    }

    /// Whether the record was made to follow the last one under a number that does not.
    fn is_hashed_anew(&self, record: &Record) -> bool {
        chain(&self.last.hash, &record.draft) == record.hash
    }

    fn find_set_aside(&self, seq: i64) -> Option<usize> {
        self.set_aside.iter().position(|record| self.links(&self.last.hash, record, seq))
    }

    fn first_forged(&self, front: &Record) -> Option<usize> {
        let next = self.at(1);
        self.accepted.iter().position(|link| {
            // What a checkpoint confirms is not forged.
            link.after.seq >= self.confirmed
                && self.links(&link.after.hash, front, link.after.seq + 1)
                && next.is_none_or(|next| self.links(&front.hash, next, link.after.seq + 2))
        })
    }

    fn hole_before(&self, record: &Record) -> Option<usize> {
        self.holes.iter().position(|hole| self.links(&hole.hash, record, hole.seq + 1))
    }

    /// How many records are missing before the front.
    fn gap(&self, front: &Record, seq: i64) -> Option<i64> {
        let by_checkpoint = self.signed.get(&front.hash).map(|signed| signed - seq).filter(|gap| *gap > 0);
        let by_number = Some(stored_seq(front)).filter(|number| *number < HIGHEST);
        let by_number = by_number.map(|number| number - (seq + self.shift)).filter(|gap| *gap > 0);
        let Some(next) = self.at(1) else {
            // Hashed anew under a number that no checkpoint knows, while one knows the number that is wanted.
            let renumbered = self.heads.contains_key(&seq)
                && !self.heads.contains_key(&front.draft.seq)
                && self.is_hashed_anew(front);
            return by_checkpoint.or(by_number.filter(|_| !renumbered));
        };
        let fits = |missing: &i64| self.links(&front.hash, next, seq + missing + 1);
        // A next record that is numbered as if none was missing says that the front's number is wrong.
        let believable = by_number.filter(|_| next.draft.seq != seq + self.shift + 1);
        by_checkpoint.filter(fits).or(by_number.filter(fits)).or_else(|| (1..=MOST_MISSING).find(fits)).or(believable)
    }

    /// The first record that can be the altered one when number `seq` does not fit: the one before it can have been
    /// changed together with its hash, unless a checkpoint confirms it or it is gone.
    fn possibly_before(&self, seq: i64) -> i64 {
        let this_one = self.at(0).is_some_and(|front| front.draft.shard != self.shard || self.is_hashed_anew(front));
        if this_one || self.confirmed >= seq - 1 { seq } else { seq - 1 }
    }

    fn moves(&self) -> usize {
        self.window.front().map_or(0, |entry| entry.moves)
    }

    fn excuse_numbers(&mut self, until: i64) {
        self.numbers_excused_until = self.numbers_excused_until.max(until);
    }

    fn take_fitting(&mut self, seq: i64) {
        let Some(WaitingRecord { record, moves, .. }) = self.window.pop_front() else { return };
        let stored = stored_seq(&record);
        let mut blamed = false;
        if moves == 0 && stored != seq + self.shift {
            let renumbered = self.at(0).is_some_and(|next| stored_seq(next) == stored + 1);
            if seq <= self.numbers_excused_until {
                self.shift = stored - seq;
            } else {
                blamed = true;
                self.report(seq + self.shift, Fault::Altered { from: seq + self.shift });
                if renumbered {
                    self.shift = stored - seq;
                }
            }
        }
        self.accept(record.draft.seq, seq, record.hash, blamed);
    }

    /// Names the front as inserted. Its place may yet come, beyond the window, if it is no copy.
    fn take_inserted(&mut self, may_belong: bool) {
        let Some(WaitingRecord { record, .. }) = self.window.pop_front() else { return };
        self.report(record.draft.seq, Fault::Inserted);
        if may_belong {
            remember(&mut self.set_aside, record);
        }
        self.excuse_numbers(self.last.seq + 1);
    }

    fn take_set_aside(&mut self, index: usize, seq: i64) {
        let Some(record) = self.set_aside.remove(index) else { return };
        self.reordered(record.draft.seq, record.draft.seq, seq);
        self.accept(record.draft.seq, seq, record.hash, false);
    }

    /// Names a record as reordered.
    fn reordered(&mut self, stored: i64, place: i64, belongs_at: i64) {
        let seq = if stored == belongs_at + self.shift { place } else { stored };
        self.report(seq, Fault::Reordered { belongs_at });
        self.excuse_numbers(belongs_at + 1);
    }

    /// The record at `index` is the one that is wanted: either it was moved back, or the front is out of place.
    fn reorder(&mut self, index: usize, seq: i64) {
        let place = seq + self.shift;
        // No order of a window takes more moves; a bound is nevertheless better than a proof.
        let belongs = self.follow(index, seq).filter(|_| self.moves() < WINDOW);
        if index > 1 && belongs.is_some_and(|(belongs_at, _)| belongs_at == seq + 1) {
            let Some(entry) = self.window.remove(index) else { return };
            let distance = i64::try_from(index).unwrap_or_default();
            self.reordered(entry.record.draft.seq, place + distance, seq);
            self.excuse_numbers(seq + distance + 1);
            self.window.push_front(WaitingRecord { moves: entry.moves + 1, ..entry });
        } else if let Some((belongs_at, after)) = belongs {
            let Some(entry) = self.window.pop_front() else { return };
            if entry.moves == 0 {
                self.reordered(entry.record.draft.seq, place, belongs_at);
            }
            // One was taken from the front: what stood at `after` is now before this index.
            self.window.insert(after, WaitingRecord { moves: entry.moves + 1, ..entry });
        } else if let Some(hole) = self.at(0).and_then(|front| self.hole_before(front)) {
            self.fill(hole);
        } else {
            self.take_inserted(true);
        }
    }

    /// Follows the chain through the window from the record at `start`, which is number `seq`, without the front;
    /// then, whether the front comes next: its number and the index of the record before it.
    fn follow(&mut self, start: usize, seq: i64) -> Option<(i64, usize)> {
        let mut used = vec![start];
        let (mut current, mut seq) = (start, seq);
        loop {
            let previous = self.at(current)?.hash.clone();
            let later = current + 1..self.window.len();
            let mut order = later.chain(1..current).filter(|index| !used.contains(index));
            let next = order.find(|index| self.fits(*index, &previous, seq + 1));
            let Some(next) = next else {
                return self.fits(0, &previous, seq + 1).then_some((seq + 1, current));
            };
            if let Some(entry) = self.window.get_mut(next) {
                entry.place = Some(Anchor { seq: seq + 1, hash: previous });
            }
            used.push(next);
            (current, seq) = (next, seq + 1);
        }
    }

    /// The records accepted from `index` on are forged: the front follows the one before them.
    fn unwind(&mut self, index: usize) {
        let forged = self.accepted.split_off(index);
        let Some(first) = forged.front() else { return };
        self.last = first.after.clone();
        for link in &forged {
            self.report(link.stored, Fault::Inserted);
        }
        self.excuse_numbers(self.last.seq + 1);
    }

    /// The front belongs to a place that is passed.
    fn fill(&mut self, hole: usize) {
        let Some(hole) = self.holes.remove(hole) else { return };
        let Some(WaitingRecord { record, .. }) = self.window.pop_front() else { return };
        let place = self.last.seq + 1 + self.shift;
        self.reordered(record.draft.seq, place, hole.seq + 1);
        self.excuse_numbers(self.last.seq + 1);
    }

    fn take_altered(&mut self, seq: i64, hash: Option<String>, from: i64) {
        let Some(WaitingRecord { record, .. }) = self.window.pop_front() else { return };
        self.report(seq + self.shift, Fault::Altered { from: from + self.shift });
        self.accept(record.draft.seq, seq, hash.unwrap_or(record.hash), true);
    }

    fn skip(&mut self, seq: i64, missing: i64) {
        let Some(WaitingRecord { record, .. }) = self.window.pop_front() else { return };
        self.report(seq, Fault::Missing { up_to: seq + missing - 1 });
        remember(&mut self.holes, self.last.clone());
        self.shift = stored_seq(&record) - (seq + missing);
        self.accept(record.draft.seq, seq + missing, record.hash, false);
    }

    fn take_unclear(&mut self, seq: i64) {
        let next = self.at(1).map(|next| next.draft.seq);
        let passed = self.at(0).is_some_and(|front| front.draft.seq < seq + self.shift && !self.is_hashed_anew(front));
        // A number that is passed, and the numbering does not go on as if this were the one that is wanted.
        if passed && next != Some(seq + self.shift + 1) {
            self.take_inserted(true);
            return;
        }
        let from = if next.is_some() { seq } else { self.possibly_before(seq) };
        if let Some(front) = self.at(0).cloned() {
            remember(&mut self.set_aside, front);
        }
        remember(&mut self.holes, self.last.clone());
        self.take_altered(seq, None, from);
    }
}

const _: () = assert!(WINDOW > 2, "a record is judged by those after it");
