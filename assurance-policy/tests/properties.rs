//! Properties that hold for every case, not only for the tables.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::LazyLock;

use assurance_policy::{Decision, Evidence, Factor, IdpCapability, Policy, Proofing, Quality, Requirement, decide};
use proptest::prelude::*;

const NOW: i64 = 1_800_000_000;
static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::parse(include_str!("../policies/default.toml")).unwrap());

fn method_names() -> Vec<String> {
    POLICY.methods().map(|(name, _)| name.to_owned()).collect()
}

fn acr(rank: usize) -> String {
    POLICY.ladder().nth(rank).unwrap().acr.clone()
}

fn rank_of(acr: &str) -> usize {
    POLICY.ladder().position(|r| r.acr == acr).unwrap()
}

fn factor() -> impl Strategy<Value = Factor> {
    let methods = method_names().into_iter().chain(["unknown".to_owned()]).collect::<Vec<_>>();
    let source = prop::sample::select(vec!["a", "b"]);
    (prop::sample::select(methods), source, 0i64..4000, any::<bool>(), any::<bool>()).prop_map(
        |(method, source, age, in_request, checked)| Factor {
            method,
            source: source.to_owned(),
            at: NOW - age,
            in_request,
            qualities: if checked { [Quality::RevocationChecked].into() } else { [].into() },
        },
    )
}

fn evidence() -> impl Strategy<Value = Evidence> {
    (prop::collection::vec(factor(), 0..6), prop::option::of(0u8..=2), 0u8..=2).prop_map(|(factors, a, b)| Evidence {
        factors,
        proofing: a.map(|level| Proofing::stated("a", level)).into_iter().chain([Proofing::stated("b", b)]).collect(),
        ..Evidence::default()
    })
}

fn capability(source: &'static str) -> impl Strategy<Value = IdpCapability> {
    (0usize..4, prop::sample::subsequence(method_names(), 0..=6), 0u8..=2).prop_map(move |(cap, methods, identity)| {
        IdpCapability { source: source.to_owned(), cap: acr(cap), channel: None, methods, identity }
    })
}

fn capabilities() -> impl Strategy<Value = Vec<IdpCapability>> {
    (capability("a"), capability("b")).prop_map(|(a, b)| vec![a, b])
}

fn requirement() -> impl Strategy<Value = Requirement> {
    (0usize..4, prop::option::of(0i64..3000), any::<bool>(), any::<bool>()).prop_map(|(rank, max_age, again, sso)| {
        Requirement { max_age, reauthenticate: again, sso, ..Requirement::at_least(&acr(rank)) }
    })
}

fn rank(requirement: &Requirement, evidence: &Evidence, capabilities: &[IdpCapability]) -> Option<usize> {
    match decide(&POLICY, requirement, evidence, capabilities, NOW) {
        Decision::Satisfied(s) => Some(rank_of(&s.level)),
        _ => None,
    }
}

/// What is held after a person showed these methods at a source.
fn after(evidence: &Evidence, capability: &IdpCapability, methods: &[String]) -> Evidence {
    let mut then = evidence.clone();
    if !then.proofing.iter().any(|p| p.source == capability.source) {
        then.proofing.push(Proofing::stated(&capability.source, capability.identity));
    }
    then.factors.extend(methods.iter().map(|method| Factor {
        method: method.clone(),
        source: capability.source.clone(),
        at: NOW,
        in_request: true,
        qualities: [].into(),
    }));
    then
}

proptest! {
    #[test]
    fn adding_evidence_never_lowers_a_level(evidence in evidence(), more in factor(), capabilities in capabilities()) {
        let before = rank(&Requirement::default(), &evidence, &capabilities);
        let mut then = evidence;
        then.factors.push(more);
        prop_assert!(rank(&Requirement::default(), &then, &capabilities) >= before);
    }

    #[test]
    fn raising_a_cap_never_lowers_a_level(evidence in evidence(), capabilities in capabilities(), which in 0usize..2) {
        let before = rank(&Requirement::default(), &evidence, &capabilities);
        let mut raised = capabilities;
        raised[which].cap = acr(3);
        prop_assert!(rank(&Requirement::default(), &evidence, &raised) >= before);
    }

    #[test]
    fn what_is_satisfied_stays_so_under_a_weaker_need(evidence in evidence(), capabilities in capabilities(), strong in requirement()) {
        if rank(&strong, &evidence, &capabilities).is_some() {
            let weaker = [
                Requirement { minimums: vec![acr(0)], ..strong.clone() },
                Requirement { max_age: None, ..strong.clone() },
                Requirement { reauthenticate: false, ..strong.clone() },
                Requirement { sso: true, ..strong.clone() },
            ];
            for requirement in weaker {
                prop_assert!(rank(&requirement, &evidence, &capabilities).is_some(), "{requirement:?}");
            }
        }
    }

    #[test]
    fn a_risk_signal_never_lowers_a_level(evidence in evidence(), capabilities in capabilities(), need in requirement()) {
        let risky = Requirement { risk: vec!["new-device".to_owned()], ..need.clone() };
        if rank(&risky, &evidence, &capabilities).is_some() {
            prop_assert!(rank(&need, &evidence, &capabilities).is_some());
        }
    }

    #[test]
    fn carrying_out_a_plan_satisfies_it(evidence in evidence(), capabilities in capabilities(), need in requirement()) {
        if let Decision::StepUp { plans } = decide(&POLICY, &need, &evidence, &capabilities, NOW) {
            for plan in plans {
                let capability = capabilities.iter().find(|o| o.source == plan.source).unwrap();
                let then = after(&evidence, capability, &plan.methods);
                prop_assert!(rank(&need, &then, &capabilities).is_some(), "{plan:?}");
            }
        }
    }

    #[test]
    fn no_plan_is_longer_than_needed_and_none_is_overlooked(evidence in evidence(), capabilities in capabilities(), need in requirement()) {
        let decision = decide(&POLICY, &need, &evidence, &capabilities, NOW);
        if matches!(decision, Decision::Satisfied(_)) {
            return Ok(());
        }
        for capability in &capabilities {
            // Every subset of what can be asked, by brute force.
            let shortest = (1u32..1 << capability.methods.len())
                .filter(|bits| {
                    let chosen: Vec<String> = capability.methods.iter().enumerate()
                        .filter(|(i, _)| bits >> i & 1 == 1).map(|(_, m)| m.clone()).collect();
                    rank(&need, &after(&evidence, capability, &chosen), &capabilities).is_some()
                })
                .map(u32::count_ones)
                .min();
            let planned = match &decision {
                Decision::StepUp { plans } => plans.iter().find(|p| p.source == capability.source).map(|p| p.methods.len() as u32),
                _ => None,
            };
            prop_assert_eq!(planned, shortest, "{}", capability.source);
        }
    }

    #[test]
    fn the_same_case_is_always_decided_the_same_way(evidence in evidence(), capabilities in capabilities(), need in requirement()) {
        let once = decide(&POLICY, &need, &evidence, &capabilities, NOW);
        let mut turned = evidence.clone();
        turned.factors.reverse();
        turned.proofing.reverse();
        let again = decide(&POLICY, &need, &turned, &capabilities, NOW);
        prop_assert_eq!(once, again);
    }
}
