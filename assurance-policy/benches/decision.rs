//! A decision with 8 pieces of evidence and 10 identity providers.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at the first surprise and prints")]

use std::hint::black_box;

use assurance_policy::{Decision, Evidence, Factor, IdpCapability, Policy, Proofing, Requirement, decide};
use criterion::{Criterion, criterion_group, criterion_main};

const NOW: i64 = 1_000;

fn case() -> (Evidence, Vec<IdpCapability>) {
    let shown = [
        ("password", "a"),
        ("totp", "a"),
        ("passkey", "b"),
        ("sms-otp", "b"),
        ("password", "c"),
        ("pki-signature", "d"),
        ("password", "e"),
        ("totp", "f"),
    ];
    let factor = |(n, (method, source)): (usize, &(&str, &str))| Factor {
        method: (*method).to_owned(),
        source: (*source).to_owned(),
        at: NOW - 100 * (n as i64),
        in_request: false,
        qualities: [].into(),
    };
    let evidence = Evidence {
        factors: shown.iter().enumerate().map(factor).collect(),
        proofing: vec![Proofing::stated("a", 1), Proofing::stated("b", 2)],
        ..Evidence::default()
    };
    let capabilities = "abcdefghij".chars().map(|source| IdpCapability {
        source: source.to_string(),
        cap: "urn:nixa:loa:4".to_owned(),
        channel: Some("hardened".to_owned()),
        methods: ["password", "totp", "passkey", "face", "pki-signature"].map(str::to_owned).to_vec(),
        identity: 2,
    });
    (evidence, capabilities.collect())
}

fn decisions(criterion: &mut Criterion) {
    let policy = Policy::parse(include_str!("../policies/default.toml")).unwrap();
    let (evidence, capabilities) = case();
    for (name, level, satisfied) in [("satisfied", 3, true), ("step-up, 10 plans", 4, false)] {
        let requirement = Requirement::at_least(&format!("urn:nixa:loa:{level}"));
        let decision = decide(&policy, &requirement, &evidence, &capabilities, NOW);
        assert_eq!(matches!(decision, Decision::Satisfied(_)), satisfied, "{decision:?}");
        let heap = allocation_counter::measure(|| {
            black_box(decide(&policy, &requirement, &evidence, &capabilities, NOW));
        });
        println!("decision, {name}: {} allocations, {} bytes in all", heap.count_total, heap.bytes_total);
        criterion.bench_function(&format!("decision, 8 factors, 10 providers: {name}"), |b| {
            b.iter(|| decide(&policy, &requirement, &evidence, &capabilities, NOW));
        });
    }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
