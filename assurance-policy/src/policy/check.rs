//! Loading a policy: every finding at once, each with its line.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use toml::Spanned;

use super::Policy;
use super::compiled::{CompiledLevel, CompiledMethod, CompiledRule, FactorSet};
use super::error::{PolicyError, PolicyFinding};
use super::file::{File, Level, Method, Rule};
use crate::authentication_level::Traits;

/// The most methods that a policy may have: a set of them fits one machine word.
const MOST_METHODS: usize = 64;

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

impl Policy {
    /// Loads a policy from the text of its TOML file. The order of its lines does not matter.
    ///
    /// # Errors
    /// [`PolicyError`] with every finding.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let digest = Sha256::digest(text.as_bytes());
        let version = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        load(text, version)
    }
}

fn load(text: &str, version: String) -> Result<Policy, PolicyError> {
    let mut file: File = toml::from_str(text).map_err(|e| {
        let start = e.span().map_or(0, |s| s.start);
        let line = text.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
        PolicyError { findings: vec![PolicyFinding { line, reason: e.message().to_owned() }] }
    })?;
    file.ladder.sort_by_key(|level| level.get_ref().rank);
    let mut findings = Findings { text, found: Vec::new() };
    check_parts(&file, &mut findings);
    let methods = compile_methods(&file);
    let levels: Vec<CompiledLevel> = file.ladder.iter().map(|level| compile_level(level.get_ref(), &methods)).collect();
    let names = names(&file, &mut findings);
    check_order(&file, &mut findings);
    check_crosswalk(&file, &names, &mut findings);
    if methods.len() <= MOST_METHODS {
        check_combinations(&file, &methods, &levels, &mut findings);
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
        return Ok(Policy { version, methods, levels, names, channels, proofing, risk });
    }
    found.sort();
    found.dedup();
    Err(PolicyError { findings: found })
}

/// What can be said of each part by itself.
fn check_parts(file: &File, findings: &mut Findings<'_>) {
    if file.ladder.is_empty() {
        findings.found.push(PolicyFinding { line: 1, reason: "ladder: has no level".to_owned() });
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
        let level = spanned.get_ref();
        let acr = &level.acr;
        if level.identity > 2 {
            findings.add(spanned, format!("ladder `{acr}`: identity is outside its scale"));
        }
        if level.authentication.is_empty()
            || level.authentication.iter().any(|r| !(1..=4).contains(&r.authentication_level))
        {
            findings.add(spanned, format!("ladder `{acr}`: authentication is outside its scale"));
        }
        let used = level.authentication.iter().flat_map(|r| r.methods.iter()).chain(level.factor_freshness.keys());
        for unknown in used.filter(|m| !file.methods.contains_key(*m)) {
            findings.add(spanned, format!("ladder `{acr}`: unknown method `{unknown}`"));
        }
        for (method, freshness) in &level.factor_freshness {
            if freshness.limit() > level.freshness.limit() {
                findings.add(spanned, format!("ladder `{acr}`: `{method}` counts for longer than the level allows"));
            }
        }
    }
}

fn compile_methods(file: &File) -> Vec<CompiledMethod> {
    let bit = |name: &str| file.methods.keys().position(|n| n == name).map_or(0, |i| 1u64.wrapping_shl(i as u32));
    let compile = |(name, method): (&String, &Spanned<Method>)| {
        let definition = method.get_ref();
        let base = name.split_once(':').map_or(0, |(base, _)| bit(base));
        CompiledMethod {
            traits: Traits::new(&definition.kinds, &definition.qualities),
            may: Traits::new(&Default::default(), &definition.may),
            bits: bit(name) | base,
            name: name.clone(),
            definition: definition.clone(),
        }
    };
    file.methods.iter().map(compile).collect()
}

fn compile_level(level: &Level, methods: &[CompiledMethod]) -> CompiledLevel {
    let bits = |name: &String| methods.iter().position(|m| &m.name == name).map_or(0, |i| 1u64.wrapping_shl(i as u32));
    let rule = |rule: &Rule| CompiledRule {
        authentication_level: rule.authentication_level,
        qualities: Traits::new(&Default::default(), &rule.qualities),
        methods: rule.methods.iter().fold(0, |all, m| all | bits(m)),
    };
    let limit = |method: &CompiledMethod| {
        let base = method.name.split_once(':').map_or(method.name.as_str(), |(base, _)| base);
        let own = level.factor_freshness.get(&method.name).or_else(|| level.factor_freshness.get(base));
        own.unwrap_or(&level.freshness).limit()
    };
    CompiledLevel {
        rules: level.authentication.iter().map(rule).collect(),
        limits: methods.iter().map(limit).collect(),
        definition: level.clone(),
    }
}

/// Every name of a level with its place, each name once.
fn names(file: &File, findings: &mut Findings<'_>) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for (place, level) in file.ladder.iter().enumerate() {
        if names.insert(level.get_ref().acr.clone(), place).is_some() {
            findings.add(level, format!("ladder: the name `{}` is defined twice", level.get_ref().acr));
        }
    }
    let levels = names.clone();
    for (name, acr) in &file.crosswalk {
        match levels.get(acr.get_ref()) {
            None => findings.add(acr, format!("crosswalk: `{}` is not on the ladder", acr.get_ref())),
            Some(_) if levels.contains_key(name) => {
                findings.add(acr, format!("crosswalk: the name `{name}` is defined twice"));
            }
            Some(place) => {
                names.insert(name.clone(), *place);
            }
        }
    }
    names
}

/// A higher level must not be easier than the one below it, part by part.
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
            let limit = |level: &Level| level.factor_freshness.get(method).unwrap_or(&level.freshness).limit();
            limit(high) > limit(low)
        };
        if high.freshness.limit() > low.freshness.limit() || file.methods.keys().any(undercut) {
            refuse("its freshness is longer");
        }
    }
}

/// What a level may claim at most, from its two axes; a name of the cross-walk may not claim more.
fn check_crosswalk(file: &File, names: &BTreeMap<String, usize>, findings: &mut Findings<'_>) {
    for spanned in &file.ladder {
        let level = spanned.get_ref();
        let weakest = level.authentication.iter().map(|r| r.authentication_level).min().unwrap_or(0);
        if let Some(eidas) = &level.eidas {
            let most = match (level.identity, weakest) {
                (2, 3..) => 2,
                (2, 2) => 1,
                _ => 0,
            };
            match eidas_rank(eidas) {
                None => findings.add(spanned, format!("ladder `{}`: `{eidas}` is not an eIDAS level", level.acr)),
                Some(claimed) if claimed > most => {
                    findings.add(spanned, format!("ladder `{}`: eIDAS {eidas} is more than the level is", level.acr));
                }
                Some(_) => {}
            }
        }
        if let Some(nist) = &level.nist {
            let (ial, aal) = (
                if level.identity == 2 { 2 } else { 1 },
                match weakest {
                    0 | 1 => 1,
                    2 => 2,
                    _ => 3,
                },
            );
            match nist_levels(nist) {
                None => findings.add(spanned, format!("ladder `{}`: `{nist}` is not of the form IALn AALn", level.acr)),
                Some((i, a)) if i > ial || a > aal => {
                    findings.add(spanned, format!("ladder `{}`: NIST {nist} is more than the level is", level.acr));
                }
                Some(_) => {}
            }
        }
    }
    // A published eIDAS name must lead to a level that states at least that level.
    for (name, acr) in &file.crosswalk {
        let Some(claimed) = name.strip_prefix("http://eidas.europa.eu/LoA/").and_then(eidas_rank) else { continue };
        let level = names.get(acr.get_ref()).and_then(|place| file.ladder.get(*place));
        let stated = level.and_then(|level| level.get_ref().eidas.as_deref()).and_then(eidas_rank);
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
fn check_combinations(file: &File, methods: &[CompiledMethod], levels: &[CompiledLevel], findings: &mut Findings<'_>) {
    let mut reached = vec![false; levels.len()];
    let mut easier = vec![None; levels.len()];
    let full = |method: &CompiledMethod| {
        FactorSet::default().with(method, method.traits.with_qualities(method.may, method.may))
    };
    let all: Vec<FactorSet> = methods.iter().map(full).collect();
    let mut visit = |chosen: &[usize], set: FactorSet| {
        let mut below = true;
        for ((place, level), seen) in levels.iter().enumerate().zip(&mut reached) {
            let met = level.meets(set);
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
    walk(&all, 0, &mut Vec::new(), FactorSet::default(), &mut visit);
    for (place, level) in file.ladder.iter().enumerate() {
        let acr = &level.get_ref().acr;
        if reached.get(place) == Some(&false) {
            findings.add(level, format!("ladder `{acr}`: no combination of methods reaches it"));
        }
        if let Some(Some(chosen)) = easier.get(place) {
            let lower = place.checked_sub(1).and_then(|p| file.ladder.get(p)).map_or("", |level| &level.get_ref().acr);
            let names: Vec<&str> = chosen.iter().filter_map(|i| methods.get(*i)).map(|m| m.name.as_str()).collect();
            let names = names.join(" + ");
            findings.add(level, format!("ladder `{acr}`: is easier than `{lower}` below it ({names})"));
        }
    }
}

fn walk(
    all: &[FactorSet],
    from: usize,
    chosen: &mut Vec<usize>,
    set: FactorSet,
    visit: &mut impl FnMut(&[usize], FactorSet),
) {
    for (i, next) in all.iter().enumerate().skip(from) {
        chosen.push(i);
        visit(chosen, set.and(*next));
        if chosen.len() < 4 {
            walk(all, i + 1, chosen, set.and(*next), visit);
        }
        chosen.pop();
    }
}
