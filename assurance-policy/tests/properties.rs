//! Properties that hold for every evidence, not only for the tables.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use assurance_policy::{Decision, Factor, Held, Offer, Policy, Proofing, Requirement, decide};
use proptest::prelude::*;

const NOW: i64 = 1_800_000_000;

fn policy() -> Policy {
    Policy::parse(include_str!("../policies/default.toml")).unwrap()
}

fn factor() -> impl Strategy<Value = Factor> {
    let methods = policy().methods().keys().cloned().chain(["unknown".to_owned()]).collect::<Vec<_>>();
    (prop::sample::select(methods), 0i64..4000, any::<bool>()).prop_map(|(method, age, in_request)| Factor {
        method,
        source: "s".to_owned(),
        at: NOW - age,
        in_request,
    })
}

fn held() -> impl Strategy<Value = Held> {
    (prop::collection::vec(factor(), 0..6), 0u8..=2)
        .prop_map(|(factors, level)| Held { factors, proofing: vec![Proofing { source: "s".to_owned(), level }] })
}

fn offer(cap: usize, methods: Vec<String>, identity: u8) -> Offer {
    let cap = policy().ladder()[cap].acr.clone();
    Offer { source: "s".to_owned(), cap, methods, identity }
}

fn rank(policy: &Policy, held: &Held, cap: usize) -> Option<usize> {
    match decide(policy, &Requirement::default(), held, &[offer(cap, vec![], 0)], NOW) {
        Decision::Satisfied(s) => policy.rank(&s.acr),
        _ => None,
    }
}

proptest! {
    #[test]
    fn adding_evidence_never_lowers_a_level(held in held(), more in factor()) {
        let policy = policy();
        let before = rank(&policy, &held, 3);
        let mut then = held;
        then.factors.push(more);
        prop_assert!(rank(&policy, &then, 3) >= before);
    }

    #[test]
    fn raising_a_cap_never_lowers_a_level(held in held(), cap in 0usize..3) {
        let policy = policy();
        prop_assert!(rank(&policy, &held, cap + 1) >= rank(&policy, &held, cap));
    }

    #[test]
    fn carrying_out_a_plan_satisfies_it(held in held(), level in 0usize..4, identity in 0u8..=2, max_age in prop::option::of(0i64..3000)) {
        let policy = policy();
        let methods = policy.methods().keys().cloned().collect();
        let offers = [offer(3, methods, identity)];
        let requirement = Requirement {
            minimum: Some(policy.ladder()[level].acr.clone()), max_age, ..Requirement::default()
        };
        if let Decision::StepUp { plans } = decide(&policy, &requirement, &held, &offers, NOW) {
            let mut then = held;
            then.proofing.push(Proofing { source: "s".to_owned(), level: identity });
            then.factors.extend(plans[0].methods.iter().map(|m| Factor {
                method: m.clone(), source: "s".to_owned(), at: NOW, in_request: true,
            }));
            let after = decide(&policy, &requirement, &then, &offers, NOW);
            prop_assert!(matches!(after, Decision::Satisfied(_)), "{after:?}");
        }
    }
}
