//! Properties that hold for every case, not only for the tables.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::LazyLock;

use assurance_policy::{Decision, Factor, Held, Offer, Policy, Proofing, Quality, Requirement, decide};
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

fn held() -> impl Strategy<Value = Held> {
    (prop::collection::vec(factor(), 0..6), prop::option::of(0u8..=2), 0u8..=2).prop_map(|(factors, a, b)| Held {
        factors,
        proofing: a.map(|level| Proofing::level("a", level)).into_iter().chain([Proofing::level("b", b)]).collect(),
        ..Held::default()
    })
}

fn offer(source: &'static str) -> impl Strategy<Value = Offer> {
    (0usize..4, prop::sample::subsequence(method_names(), 0..=6), 0u8..=2).prop_map(move |(cap, methods, identity)| {
        Offer { source: source.to_owned(), cap: acr(cap), channel: None, methods, identity }
    })
}

fn offers() -> impl Strategy<Value = Vec<Offer>> {
    (offer("a"), offer("b")).prop_map(|(a, b)| vec![a, b])
}

fn requirement() -> impl Strategy<Value = Requirement> {
    (0usize..4, prop::option::of(0i64..3000), any::<bool>(), any::<bool>()).prop_map(|(rank, max_age, again, sso)| {
        Requirement { max_age, reauthenticate: again, sso, ..Requirement::at_least(&acr(rank)) }
    })
}

fn rank(requirement: &Requirement, held: &Held, offers: &[Offer]) -> Option<usize> {
    match decide(&POLICY, requirement, held, offers, NOW) {
        Decision::Satisfied(s) => Some(rank_of(&s.rung)),
        _ => None,
    }
}

/// What is held after a person showed these methods at a source.
fn after(held: &Held, offer: &Offer, methods: &[String]) -> Held {
    let mut then = held.clone();
    if !then.proofing.iter().any(|p| p.source == offer.source) {
        then.proofing.push(Proofing::level(&offer.source, offer.identity));
    }
    then.factors.extend(methods.iter().map(|method| Factor {
        method: method.clone(),
        source: offer.source.clone(),
        at: NOW,
        in_request: true,
        qualities: [].into(),
    }));
    then
}

proptest! {
    #[test]
    fn adding_evidence_never_lowers_a_level(held in held(), more in factor(), offers in offers()) {
        let before = rank(&Requirement::default(), &held, &offers);
        let mut then = held;
        then.factors.push(more);
        prop_assert!(rank(&Requirement::default(), &then, &offers) >= before);
    }

    #[test]
    fn raising_a_cap_never_lowers_a_level(held in held(), offers in offers(), which in 0usize..2) {
        let before = rank(&Requirement::default(), &held, &offers);
        let mut raised = offers;
        raised[which].cap = acr(3);
        prop_assert!(rank(&Requirement::default(), &held, &raised) >= before);
    }

    #[test]
    fn what_is_satisfied_stays_so_under_a_weaker_need(held in held(), offers in offers(), strong in requirement()) {
        if rank(&strong, &held, &offers).is_some() {
            let weaker = [
                Requirement { minimums: vec![acr(0)], ..strong.clone() },
                Requirement { max_age: None, ..strong.clone() },
                Requirement { reauthenticate: false, ..strong.clone() },
                Requirement { sso: true, ..strong.clone() },
            ];
            for requirement in weaker {
                prop_assert!(rank(&requirement, &held, &offers).is_some(), "{requirement:?}");
            }
        }
    }

    #[test]
    fn a_risk_signal_never_lowers_a_level(held in held(), offers in offers(), need in requirement()) {
        let risky = Requirement { risk: vec!["new-device".to_owned()], ..need.clone() };
        if rank(&risky, &held, &offers).is_some() {
            prop_assert!(rank(&need, &held, &offers).is_some());
        }
    }

    #[test]
    fn carrying_out_a_plan_satisfies_it(held in held(), offers in offers(), need in requirement()) {
        if let Decision::StepUp { plans } = decide(&POLICY, &need, &held, &offers, NOW) {
            for plan in plans {
                let offer = offers.iter().find(|o| o.source == plan.source).unwrap();
                let then = after(&held, offer, &plan.methods);
                prop_assert!(rank(&need, &then, &offers).is_some(), "{plan:?}");
            }
        }
    }

    #[test]
    fn no_plan_is_longer_than_needed_and_none_is_overlooked(held in held(), offers in offers(), need in requirement()) {
        let decision = decide(&POLICY, &need, &held, &offers, NOW);
        if matches!(decision, Decision::Satisfied(_)) {
            return Ok(());
        }
        for offer in &offers {
            // Every subset of what can be asked, by brute force.
            let shortest = (1u32..1 << offer.methods.len())
                .filter(|bits| {
                    let chosen: Vec<String> = offer.methods.iter().enumerate()
                        .filter(|(i, _)| bits >> i & 1 == 1).map(|(_, m)| m.clone()).collect();
                    rank(&need, &after(&held, offer, &chosen), &offers).is_some()
                })
                .map(u32::count_ones)
                .min();
            let planned = match &decision {
                Decision::StepUp { plans } => plans.iter().find(|p| p.source == offer.source).map(|p| p.methods.len() as u32),
                _ => None,
            };
            prop_assert_eq!(planned, shortest, "{}", offer.source);
        }
    }

    #[test]
    fn the_same_case_is_always_decided_the_same_way(held in held(), offers in offers(), need in requirement()) {
        let once = decide(&POLICY, &need, &held, &offers, NOW);
        let mut turned = held.clone();
        turned.factors.reverse();
        turned.proofing.reverse();
        let again = decide(&POLICY, &need, &turned, &offers, NOW);
        prop_assert_eq!(once, again);
    }
}
