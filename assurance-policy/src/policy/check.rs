//! Loading a policy: every finding at once, each with its line.

use std::collections::BTreeMap;

use toml::Spanned;

use super::file::{File, Rung};
use super::{Entry, MOST_METHODS, Policy, PolicyError, PolicyFinding, Shown, Step};
use crate::level::Traits;

struct Findings<'t> {
    text: &'t str,
    found: Vec<PolicyFinding>,
}

impl Findings<'_> {
    fn add<T>(&mut self, place: &Spanned<T>, reason: impl Into<String>) {
        let line = self.text.get(..place.span().start).map_or(1, |before| before.matches('\n').count() + 1);
        self.found.push(PolicyFinding { line, reason: reason.into() });
    }
}

pub(super) fn load(text: &str, version: String) -> Result<Policy, PolicyError> {
    let mut file: File = toml::from_str(text).map_err(|e| {
        let start = e.span().map_or(0, |s| s.start);
        let line = text.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
        PolicyError { findings: vec![PolicyFinding { line, reason: e.message().to_owned() }] }
    })?;
    file.ladder.sort_by_key(|r| r.get_ref().rank);
    let mut findings = Findings { text, found: Vec::new() };
    check_parts(&file, &mut findings);
    let entries = entries(&file);
    let steps: Vec<Step> = file.ladder.iter().map(|r| step(r.get_ref(), &entries)).collect();
    let names = names(&file, &mut findings);
    check_order(&file, &mut findings);
    check_crosswalk(&file, &names, &mut findings);
    if entries.len() <= MOST_METHODS {
        check_combinations(&file, &entries, &steps, &mut findings);
    }
    let mut place = |table: &str, name: &str, at: &Spanned<String>| {
        let found = names.get(at.get_ref()).copied();
        if found.is_none() {
            findings.add(at, format!("{table}.{name}: `{}` is not a level", at.get_ref()));
        }
        Some((name.to_owned(), found?))
    };
    let named = |value: &str, span: std::ops::Range<usize>| Spanned::new(span, value.to_owned());
    let channels = file.channels.iter();
    let channels = channels.filter_map(|(n, c)| place("channels", n, &named(&c.get_ref().cap, c.span()))).collect();
    let risk = file.risk.iter();
    let risk = risk.filter_map(|(n, r)| place("risk", n, &named(&r.get_ref().raise_to, r.span()))).collect();
    let proofing = file.proofing.iter().map(|(n, p)| (n.clone(), p.get_ref().level)).collect();
    let mut found = findings.found;
    if found.is_empty() {
        return Ok(Policy { version, entries, steps, names, channels, proofing, risk });
    }
    found.sort();
    found.dedup();
    Err(PolicyError { findings: found })
}

/// What can be said of each part by itself.
fn check_parts(file: &File, findings: &mut Findings<'_>) {
    if file.ladder.is_empty() {
        findings.found.push(PolicyFinding { line: 1, reason: "ladder: has no rung".to_owned() });
    }
    if let Some(last) = file.methods.values().nth(MOST_METHODS) {
        findings.add(last, format!("methods: more than {MOST_METHODS}"));
    }
    for (name, method) in &file.methods {
        if method.get_ref().kinds.is_empty() {
            findings.add(method, format!("methods.{name}: has no factor kind"));
        }
        if let Some((base, _)) = name.split_once(':')
            && !file.methods.contains_key(base)
        {
            findings.add(method, format!("methods.{name}: is a class of `{base}`, which is not defined"));
        }
    }
    for (name, proofing) in &file.proofing {
        if proofing.get_ref().level > 2 {
            findings.add(proofing, format!("proofing.{name}: level is outside its scale"));
        }
    }
    for spanned in &file.ladder {
        let rung = spanned.get_ref();
        let acr = &rung.acr;
        if rung.identity > 2 {
            findings.add(spanned, format!("ladder `{acr}`: identity is outside its scale"));
        }
        if rung.authentication.is_empty() || rung.authentication.iter().any(|r| !(1..=4).contains(&r.level)) {
            findings.add(spanned, format!("ladder `{acr}`: authentication is outside its scale"));
        }
        let used = rung.authentication.iter().flat_map(|r| r.methods.iter()).chain(rung.factor_freshness.keys());
        for unknown in used.filter(|m| !file.methods.contains_key(*m)) {
            findings.add(spanned, format!("ladder `{acr}`: unknown method `{unknown}`"));
        }
        for (method, freshness) in &rung.factor_freshness {
            if freshness.limit() > rung.freshness.limit() {
                findings.add(spanned, format!("ladder `{acr}`: `{method}` counts for longer than the rung allows"));
            }
        }
    }
}

fn entries(file: &File) -> Vec<Entry> {
    let bit = |name: &str| file.methods.keys().position(|n| n == name).map_or(0, |i| 1u64.wrapping_shl(i as u32));
    let entry = |(name, method): (&String, &Spanned<super::Method>)| {
        let method = method.get_ref().clone();
        let base = name.split_once(':').map_or(0, |(base, _)| bit(base));
        Entry {
            traits: Traits::new(&method.kinds, &method.qualities),
            may: Traits::new(&Default::default(), &method.may),
            bits: bit(name) | base,
            name: name.clone(),
            method,
        }
    };
    file.methods.iter().map(entry).collect()
}

fn step(rung: &Rung, entries: &[Entry]) -> Step {
    let bits = |name: &String| entries.iter().position(|e| &e.name == name).map_or(0, |i| 1u64.wrapping_shl(i as u32));
    let rule = |rule: &super::Rule| {
        let qualities = Traits::new(&Default::default(), &rule.qualities);
        (rule.level, qualities, rule.methods.iter().fold(0, |all, m| all | bits(m)))
    };
    let limit = |entry: &Entry| {
        let base = entry.name.split_once(':').map_or(entry.name.as_str(), |(base, _)| base);
        let own = rung.factor_freshness.get(&entry.name).or_else(|| rung.factor_freshness.get(base));
        own.unwrap_or(&rung.freshness).limit()
    };
    Step {
        rules: rung.authentication.iter().map(rule).collect(),
        limits: entries.iter().map(limit).collect(),
        rung: rung.clone(),
    }
}

/// Every name of a level with its place, each name once.
fn names(file: &File, findings: &mut Findings<'_>) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for (place, rung) in file.ladder.iter().enumerate() {
        if names.insert(rung.get_ref().acr.clone(), place).is_some() {
            findings.add(rung, format!("ladder: the name `{}` is defined twice", rung.get_ref().acr));
        }
    }
    let rungs = names.clone();
    for (name, acr) in &file.crosswalk {
        match rungs.get(acr.get_ref()) {
            None => findings.add(acr, format!("crosswalk: `{}` is not on the ladder", acr.get_ref())),
            Some(_) if rungs.contains_key(name) => {
                findings.add(acr, format!("crosswalk: the name `{name}` is defined twice"));
            }
            Some(place) => {
                names.insert(name.clone(), *place);
            }
        }
    }
    names
}

/// A higher rung must not be easier than the one below it, part by part.
fn check_order(file: &File, findings: &mut Findings<'_>) {
    for (lower, higher) in file.ladder.iter().zip(file.ladder.iter().skip(1)) {
        let (low, high) = (lower.get_ref(), higher.get_ref());
        let mut refuse = |why: &str| {
            findings.add(higher, format!("ladder `{}`: is easier than `{}` below it ({why})", high.acr, low.acr));
        };
        if high.rank == low.rank {
            refuse("it has the same rank");
        }
        if high.identity < low.identity {
            refuse("its identity level is lower");
        }
        if high.proofing_age.unwrap_or(i64::MAX) > low.proofing_age.unwrap_or(i64::MAX) {
            refuse("its proofing may be older");
        }
        if high.sso && !low.sso {
            refuse("single sign-on serves it but not the lower one");
        }
        let undercut = |method: &String| {
            let limit = |rung: &Rung| rung.factor_freshness.get(method).unwrap_or(&rung.freshness).limit();
            limit(high) > limit(low)
        };
        if high.freshness.limit() > low.freshness.limit() || file.methods.keys().any(undercut) {
            refuse("its freshness is longer");
        }
    }
}

/// What a rung may claim at most, from its two axes; a name of the cross-walk may not claim more.
fn check_crosswalk(file: &File, names: &BTreeMap<String, usize>, findings: &mut Findings<'_>) {
    for spanned in &file.ladder {
        let rung = spanned.get_ref();
        let weakest = rung.authentication.iter().map(|r| r.level).min().unwrap_or(0);
        if let Some(eidas) = &rung.eidas {
            let most = match (rung.identity, weakest) {
                (2, 3..) => 2,
                (2, 2) => 1,
                _ => 0,
            };
            match eidas_rank(eidas) {
                None => findings.add(spanned, format!("ladder `{}`: `{eidas}` is not an eIDAS level", rung.acr)),
                Some(claimed) if claimed > most => {
                    findings.add(spanned, format!("ladder `{}`: eIDAS {eidas} is more than the level is", rung.acr));
                }
                Some(_) => {}
            }
        }
        if let Some(nist) = &rung.nist {
            let (ial, aal) = (
                if rung.identity == 2 { 2 } else { 1 },
                match weakest {
                    0 | 1 => 1,
                    2 => 2,
                    _ => 3,
                },
            );
            match nist_levels(nist) {
                None => findings.add(spanned, format!("ladder `{}`: `{nist}` is not of the form IALn AALn", rung.acr)),
                Some((i, a)) if i > ial || a > aal => {
                    findings.add(spanned, format!("ladder `{}`: NIST {nist} is more than the level is", rung.acr));
                }
                Some(_) => {}
            }
        }
    }
    // A published eIDAS name must lead to a rung that states at least that level.
    for (name, acr) in &file.crosswalk {
        let Some(claimed) = name.strip_prefix("http://eidas.europa.eu/LoA/").and_then(eidas_rank) else { continue };
        let rung = names.get(acr.get_ref()).and_then(|place| file.ladder.get(*place));
        let stated = rung.and_then(|r| r.get_ref().eidas.as_deref()).and_then(eidas_rank);
        if stated.is_none_or(|stated| stated < claimed) {
            findings.add(acr, format!("crosswalk: `{name}` claims more than `{}` is", acr.get_ref()));
        }
    }
}

fn eidas_rank(name: &str) -> Option<u8> {
    match name {
        "low" => Some(0),
        "substantial" => Some(1),
        "high" => Some(2),
        _ => None,
    }
}

fn nist_levels(text: &str) -> Option<(u8, u8)> {
    let (ial, aal) = text.split_once(' ')?;
    let number = |text: &str, prefix| text.strip_prefix(prefix)?.parse().ok().filter(|n| (1..=3).contains(n));
    Some((number(ial, "IAL")?, number(aal, "AAL")?))
}

/// Tries every combination of up to four methods, each with all qualities that it may have. Three kinds
/// and one named method are the most that the rules of a real ladder ask for.
fn check_combinations(file: &File, entries: &[Entry], steps: &[Step], findings: &mut Findings<'_>) {
    let mut reached = vec![false; steps.len()];
    let mut easier = vec![None; steps.len()];
    let full = |entry: &Entry| Shown::default().with(entry, entry.traits.with_qualities(entry.may, entry.may));
    let all: Vec<Shown> = entries.iter().map(full).collect();
    let mut look = |chosen: &[usize], shown: Shown| {
        let mut below = true;
        for ((place, step), seen) in steps.iter().enumerate().zip(&mut reached) {
            let met = step.meets(shown);
            *seen |= met;
            if met
                && !below
                && let Some(slot) = easier.get_mut(place)
            {
                slot.get_or_insert_with(|| chosen.to_vec());
            }
            below = met;
        }
    };
    walk(&all, 0, &mut Vec::new(), Shown::default(), &mut look);
    for (place, rung) in file.ladder.iter().enumerate() {
        let acr = &rung.get_ref().acr;
        if reached.get(place) == Some(&false) {
            findings.add(rung, format!("ladder `{acr}`: no combination of methods reaches it"));
        }
        if let Some(Some(chosen)) = easier.get(place) {
            let lower = place.checked_sub(1).and_then(|p| file.ladder.get(p)).map_or("", |r| &r.get_ref().acr);
            let names: Vec<&str> = chosen.iter().filter_map(|i| entries.get(*i)).map(|e| e.name.as_str()).collect();
            let names = names.join(" + ");
            findings.add(rung, format!("ladder `{acr}`: is easier than `{lower}` below it ({names})"));
        }
    }
}

fn walk(all: &[Shown], from: usize, chosen: &mut Vec<usize>, shown: Shown, look: &mut impl FnMut(&[usize], Shown)) {
    for (i, next) in all.iter().enumerate().skip(from) {
        chosen.push(i);
        look(chosen, shown.and(*next));
        if chosen.len() < 4 {
            walk(all, i + 1, chosen, shown.and(*next), look);
        }
        chosen.pop();
    }
}
