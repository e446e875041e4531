//! Tables of decisions under the default policy, each named for the rule that it holds.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use assurance_policy::{
    Decision, Evidence, Factor, FactorUse, IdpCapability, Policy, Proofing, Quality, Reason, Requirement, decide,
    explain_factors,
};

const NOW: i64 = 1_800_000_000;
const DEFAULT: &str = include_str!("../policies/default.toml");

fn policy() -> Policy {
    Policy::parse(DEFAULT).unwrap()
}

fn loa(n: u8) -> String {
    format!("urn:nixa:loa:{n}")
}

fn factor(method: &str, age: i64) -> Factor {
    Factor {
        method: method.to_owned(),
        source: "national".to_owned(),
        at: NOW - age,
        in_request: age == 0,
        qualities: [].into(),
    }
}

fn evidence(identity: u8, factors: &[(&str, i64)]) -> Evidence {
    Evidence {
        factors: factors.iter().map(|(method, age)| factor(method, *age)).collect(),
        proofing: vec![Proofing::stated("national", identity)],
        ..Evidence::default()
    }
}

fn capability(cap: u8, identity: u8, methods: &[&str]) -> IdpCapability {
    IdpCapability {
        source: "national".to_owned(),
        cap: loa(cap),
        channel: None,
        methods: methods.iter().map(|m| (*m).to_owned()).collect(),
        identity,
    }
}

fn need(level: u8) -> Requirement {
    Requirement::at_least(&loa(level))
}

fn reached_with(requirement: &Requirement, evidence: &Evidence, capability: IdpCapability) -> Option<String> {
    match decide(&policy(), requirement, evidence, &[capability], NOW) {
        Decision::Satisfied(s) => Some(s.acr),
        _ => None,
    }
}

fn reached(evidence: &Evidence, cap: u8) -> Option<String> {
    reached_with(&Requirement::default(), evidence, capability(cap, 0, &[]))
}

/// The methods of the first plan.
fn plan(decision: Decision) -> Vec<String> {
    match decision {
        Decision::StepUp { plans } => plans.into_iter().next().unwrap().methods,
        other => panic!("{other:?}"),
    }
}

#[test]
fn levels_reached_by_evidence() {
    type Row<'r> = (u8, &'r [(&'r str, i64)], u8, Option<u8>, &'r str);
    let table: &[Row<'_>] = &[
        (2, &[], 4, None, "nothing shown"),
        (0, &[("password", 60)], 4, Some(1), "one factor, identity unchecked"),
        (1, &[("totp", 60), ("sms-otp", 60)], 4, Some(1), "two factors of one kind are one kind"),
        (0, &[("password", 60), ("totp", 60)], 4, Some(1), "two kinds without proofing"),
        (1, &[("password", 60), ("totp", 60)], 4, Some(2), "two kinds, matched with the register"),
        (1, &[("passkey", 60)], 4, Some(2), "a passkey is two kinds, not biometric"),
        (2, &[("passkey", 60)], 4, Some(3), "two kinds, phishing-resistant"),
        (2, &[("password", 60), ("totp", 60)], 4, Some(2), "two kinds, but not phishing-resistant"),
        (2, &[("passkey", 0), ("face", 0)], 4, Some(3), "a passkey's own check may have been a biometric too"),
        (2, &[("passkey", 0), ("face", 0), ("password", 0)], 4, Some(4), "knowledge beyond doubt"),
        (2, &[("passkey:biometric-only", 60)], 4, Some(3), "a certified class is biometric"),
        (1, &[("passkey:made-up", 60)], 4, Some(2), "an unknown class is the careful one"),
        (2, &[("face", 60)], 4, None, "a biometric alone is nothing"),
        (2, &[("password", 60), ("face", 60)], 4, Some(3), "two kinds, one biometric"),
        (2, &[("passkey", 1801)], 4, Some(2), "too old for level 3"),
        (2, &[("passkey", 1800)], 4, Some(3), "just fresh enough for level 3"),
        (2, &[("password", 0), ("totp", 0), ("face", 0)], 4, Some(4), "three kinds, shown now"),
        (2, &[("password", 9), ("totp", 9), ("face", 9)], 4, Some(3), "level 4 never from single sign-on alone"),
        (2, &[("password", 9), ("totp", 0), ("face", 301)], 4, Some(3), "one of three too old for level 4"),
        (2, &[("password", 0), ("totp", 0), ("face", 0)], 2, Some(2), "the cap of the identity provider"),
        (2, &[("telepathy", 0)], 4, None, "an unknown method is nothing"),
        (2, &[("password", -5)], 4, None, "a factor from the future is nothing"),
    ];
    for (identity, factors, cap, level, why) in table {
        assert_eq!(reached(&evidence(*identity, factors), *cap), level.map(loa), "{why}");
    }
}

#[test]
fn revocation_counts_when_it_was_checked_at_this_use() {
    let signature = |qualities: &[Quality]| Evidence {
        factors: vec![
            Factor { qualities: qualities.iter().copied().collect(), ..factor("pki-signature", 0) },
            factor("face", 0),
        ],
        proofing: vec![Proofing::stated("national", 2)],
        ..Evidence::default()
    };
    // PKI signature (possession and knowledge) with a biometric is three kinds in any case; the rule by
    // name is seen with the PIN left out.
    let by_name = DEFAULT.replace("{ level = 4 },", "").replace("amr = [\"hwk\", \"pin\"]", "amr = []");
    let policy = Policy::parse(&by_name).unwrap();
    let reached =
        |evidence: &Evidence| match decide(&policy, &Requirement::default(), evidence, &[capability(4, 0, &[])], NOW) {
            Decision::Satisfied(s) => s.acr,
            other => panic!("{other:?}"),
        };
    assert_eq!(reached(&signature(&[])), loa(3));
    assert_eq!(reached(&signature(&[Quality::RevocationChecked])), loa(4));
    let mut claimed = evidence(2, &[("password", 0), ("face", 0)]);
    claimed.factors[0].qualities.insert(Quality::RevocationChecked);
    assert_eq!(reached(&claimed), loa(3), "a password cannot have it, whatever its evidence says");
}

#[test]
fn proofing_counts_by_method_and_age() {
    let text = DEFAULT.replacen("rank = 4\n", "rank = 4\nproofing_age = 1000\n", 1);
    let aged = Policy::parse(&text).unwrap();
    let strong = |method: Option<&str>, at: Option<i64>| Evidence {
        factors: vec![factor("password", 0), factor("totp", 0), factor("face", 0)],
        proofing: vec![Proofing { source: "national".into(), identity_level: 2, method: method.map(Into::into), at }],
        ..Evidence::default()
    };
    let table = [
        (Some("chip-in-person"), Some(NOW - 1000), Some(4)),
        (Some("chip-in-person"), Some(NOW - 1001), Some(3)),
        (Some("chip-in-person"), None, Some(3)),
        (Some("chip-in-person"), Some(NOW + 1), Some(3)),
        (Some("register-match"), Some(NOW), Some(2)),
        (Some("hearsay"), Some(NOW), Some(1)),
        (None, Some(NOW), Some(4)),
    ];
    for (method, at, level) in table {
        let decision = decide(&aged, &Requirement::default(), &strong(method, at), &[capability(4, 0, &[])], NOW);
        let Decision::Satisfied(s) = decision else { panic!("{decision:?}") };
        assert_eq!(Some(s.acr), level.map(loa), "{method:?} {at:?}");
    }
}

#[test]
fn the_lowest_of_evidence_cap_and_channel() {
    let evidence = evidence(2, &[("password", 0), ("totp", 0), ("face", 0)]);
    let table = [
        (4, None, Some(4)),
        (4, Some("hardened"), Some(4)),
        (4, Some("standard"), Some(3)),
        (2, Some("hardened"), Some(2)),
        (4, Some("smoke-signals"), None),
        (9, None, None),
    ];
    for (cap, channel, level) in table {
        let capability = IdpCapability { channel: channel.map(Into::into), ..capability(cap, 0, &[]) };
        assert_eq!(reached_with(&Requirement::default(), &evidence, capability), level.map(loa), "{cap} {channel:?}");
    }
}

#[test]
fn step_up_asks_only_for_what_is_missing() {
    let capabilities = [capability(2, 1, &["password", "totp", "sms-otp"])];
    let decision = decide(&policy(), &need(2), &evidence(1, &[("password", 600)]), &capabilities, NOW);
    assert_eq!(plan(decision), ["totp"], "the lighter of two possession factors");
    let nothing = decide(&policy(), &need(2), &Evidence::default(), &capabilities, NOW);
    assert_eq!(plan(nothing), ["password", "totp"]);
    let single = [capability(2, 1, &["password", "totp", "passkey"])];
    assert_eq!(
        plan(decide(&policy(), &need(2), &Evidence::default(), &single, NOW)),
        ["passkey"],
        "one is fewer than two"
    );
}

#[test]
fn a_plan_respects_what_the_person_has_and_is() {
    let capabilities = [capability(4, 2, &["password", "totp", "passkey", "face"])];
    let mut known = evidence(1, &[("password", 5)]);
    let decision = decide(&policy(), &need(3), &known, &capabilities, NOW);
    assert!(matches!(decision, Decision::Unmet { .. }), "the account is proofed at level 1, whatever others are");
    known.proofing = vec![Proofing::stated("national", 2)];
    assert_eq!(plan(decide(&policy(), &need(3), &known, &capabilities, NOW)), ["passkey"]);
    known.enrolled = [("national".to_owned(), ["password", "face"].map(String::from).into())].into();
    assert_eq!(plan(decide(&policy(), &need(3), &known, &capabilities, NOW)), ["face"]);
}

#[test]
fn a_provider_that_is_already_used_goes_before_a_lighter_one_that_may_not_know_the_person() {
    let lighter = IdpCapability { source: "another".to_owned(), ..capability(2, 1, &["passkey"]) };
    let capabilities = [lighter, capability(2, 1, &["password", "totp"])];
    let sources = |evidence: &Evidence| match decide(&policy(), &need(2), evidence, &capabilities, NOW) {
        Decision::StepUp { plans } => plans.into_iter().map(|p| p.source).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sources(&evidence(1, &[("password", 600)])), ["national", "another"]);
    assert_eq!(sources(&Evidence::default()), ["another", "national"], "one factor there, two here");
}

#[test]
fn login_again_counts_only_what_was_shown_for_the_request() {
    let requirement = Requirement { reauthenticate: true, ..Requirement::default() };
    let capabilities = [capability(2, 1, &["password"])];
    assert_eq!(
        plan(decide(&policy(), &requirement, &evidence(1, &[("password", 5)]), &capabilities, NOW)),
        ["password"]
    );
    let new = decide(&policy(), &requirement, &evidence(1, &[("password", 0)]), &capabilities, NOW);
    assert!(matches!(new, Decision::Satisfied(_)), "{new:?}");
}

#[test]
fn a_service_may_refuse_single_sign_on() {
    let requirement = Requirement { sso: false, ..need(2) };
    let capabilities = [capability(2, 1, &["password", "totp"])];
    let old = evidence(1, &[("password", 5), ("totp", 5)]);
    assert_eq!(
        plan(decide(&policy(), &requirement, &old, &capabilities, NOW)),
        ["password"],
        "one factor anew is enough"
    );
    assert!(
        reached_with(&requirement, &evidence(1, &[("password", 5), ("totp", 0)]), capabilities[0].clone()).is_some()
    );
}

#[test]
fn max_age_is_held_against_the_oldest_counted_factor() {
    let requirement = Requirement { max_age: Some(60), ..need(2) };
    let capabilities = [capability(2, 1, &["password", "totp"])];
    let decision = decide(&policy(), &requirement, &evidence(1, &[("password", 61), ("totp", 5)]), &capabilities, NOW);
    assert_eq!(plan(decision), ["password"]);
}

#[test]
fn the_strictest_minimum_wins_and_risk_only_raises() {
    let strong = evidence(2, &[("passkey", 5)]);
    let weak = evidence(1, &[("password", 5)]);
    let capabilities = capability(4, 2, &[]);
    let both = Requirement { minimums: vec![loa(3), loa(1)], ..Requirement::default() };
    assert!(reached_with(&both, &strong, capabilities.clone()).is_some());
    assert!(reached_with(&both, &evidence(2, &[("password", 5), ("totp", 5)]), capabilities.clone()).is_none());
    let risk = |signal: &str| Requirement { risk: vec![signal.to_owned()], ..need(1) };
    assert!(reached_with(&risk("new-device"), &weak, capabilities.clone()).is_none());
    assert!(reached_with(&risk("new-device"), &strong, capabilities.clone()).is_some());
    assert!(reached_with(&risk("never-heard-of"), &strong, capabilities.clone()).is_none(), "unknown: the top");
    let lower = Requirement { risk: vec!["new-device".to_owned()], ..need(3) };
    assert!(
        reached_with(&lower, &evidence(1, &[("password", 5), ("totp", 5)]), capabilities).is_none(),
        "never lowers"
    );
}

#[test]
fn unmet_says_why() {
    let capabilities = [capability(2, 1, &["password", "totp"])];
    let decision = decide(&policy(), &need(3), &evidence(1, &[("password", 5), ("totp", 5)]), &capabilities, NOW);
    let Decision::Unmet { acr, reasons } = decision else { panic!("{decision:?}") };
    assert_eq!(acr, Some(loa(3)));
    let source = || "national".to_owned();
    assert_eq!(
        reasons,
        [
            Reason::Cap { source: source(), cap: Some(loa(2)) },
            Reason::Identity { source: source(), best: 1, needed: 2 },
            Reason::Methods { source: source() },
        ]
    );
    let none = decide(&policy(), &need(1), &Evidence::default(), &[], NOW);
    assert_eq!(none, Decision::Unmet { acr: Some(loa(1)), reasons: vec![Reason::NoSource] });
}

#[test]
fn a_voluntary_level_falls_back_and_an_essential_one_does_not() {
    let capabilities = [capability(2, 1, &["password"])];
    let evidence = evidence(1, &[("password", 5)]);
    let voluntary = Requirement { acr_values: vec![loa(3)], ..Requirement::default() };
    assert!(matches!(decide(&policy(), &voluntary, &evidence, &capabilities, NOW), Decision::Satisfied(_)));
    let essential = Requirement { essential: true, ..voluntary };
    assert!(matches!(decide(&policy(), &essential, &evidence, &capabilities, NOW), Decision::Unmet { .. }));
    // Any of several essential values will do; the first known one is aimed at.
    let either = Requirement { acr_values: vec![loa(3), loa(1)], ..essential };
    assert!(matches!(decide(&policy(), &either, &evidence, &capabilities, NOW), Decision::Satisfied(_)));
}

#[test]
fn relying_parties_may_ask_by_the_cross_walk() {
    let capabilities = capability(4, 2, &[]);
    let ask = |name: &str| Requirement { acr_values: vec![name.to_owned()], essential: true, ..Requirement::default() };
    let substantial = ask("http://eidas.europa.eu/LoA/substantial");
    assert_eq!(
        reached_with(&substantial, &evidence(2, &[("passkey", 5)]), capabilities.clone()),
        Some(substantial.acr_values[0].clone())
    );
    assert_eq!(reached_with(&substantial, &evidence(1, &[("passkey", 5)]), capabilities), None);
}

#[test]
fn the_answer_to_an_essential_request_is_one_of_its_values() {
    let evidence = evidence(2, &[("passkey", 5)]);
    let essential = |names: &[u8], minimums: Vec<String>| Requirement {
        acr_values: names.iter().map(|n| loa(*n)).collect(),
        essential: true,
        minimums,
        ..Requirement::default()
    };
    let table = [(essential(&[1], vec![]), 1), (essential(&[1, 2], vec![]), 2), (essential(&[4, 1], vec![]), 1)];
    for (requirement, level) in table {
        assert_eq!(reached_with(&requirement, &evidence, capability(4, 0, &[])), Some(loa(level)), "{requirement:?}");
    }
    let voluntary = Requirement { essential: false, ..essential(&[1], vec![]) };
    assert_eq!(
        reached_with(&voluntary, &evidence, capability(4, 0, &[])),
        Some(loa(3)),
        "a voluntary request is told what was reached"
    );
}

#[test]
fn a_factor_shown_for_the_request_is_young_enough_for_it() {
    let requirement = Requirement { max_age: Some(0), ..need(2) };
    let mut slow = evidence(1, &[("password", 20), ("totp", 0)]);
    assert!(reached_with(&requirement, &slow, capability(2, 1, &[])).is_none());
    slow.factors[0].in_request = true;
    assert!(reached_with(&requirement, &slow, capability(2, 1, &[])).is_some(), "typing the code took 20 seconds");
}

#[test]
fn an_unknown_level_is_never_a_default() {
    let capabilities = [capability(4, 2, &["password"])];
    let evidence = evidence(2, &[("password", 5)]);
    for requirement in [
        Requirement { acr_values: vec!["gold".to_owned()], essential: true, ..Requirement::default() },
        Requirement::at_least("gold"),
        Requirement { minimums: vec![loa(1), "gold".to_owned()], ..Requirement::default() },
    ] {
        let decision = decide(&policy(), &requirement, &evidence, &capabilities, NOW);
        assert_eq!(decision, Decision::Unmet { acr: None, reasons: vec![Reason::UnknownLevel] });
    }
}

#[test]
fn evidence_of_a_source_that_is_not_offered_counts_for_nothing() {
    let other = IdpCapability { source: "partner".to_owned(), ..capability(2, 1, &["password"]) };
    let decision = decide(&policy(), &need(1), &evidence(2, &[("passkey", 5)]), &[other], NOW);
    assert!(matches!(decision, Decision::StepUp { .. }), "{decision:?}");
}

#[test]
fn factors_of_two_sources_are_not_added_up() {
    let mut mixed = evidence(1, &[("password", 5)]);
    mixed.factors.push(Factor { source: "partner".to_owned(), ..factor("totp", 5) });
    mixed.proofing.push(Proofing::stated("partner", 1));
    let partner = IdpCapability { source: "partner".to_owned(), ..capability(4, 1, &[]) };
    let decision = decide(&policy(), &need(2), &mixed, &[capability(4, 1, &[]), partner], NOW);
    assert!(matches!(decision, Decision::Unmet { .. }), "{decision:?}");
}

#[test]
fn auth_time_is_the_oldest_factor_that_counted_and_the_newest_of_each_method() {
    let capabilities = [capability(2, 1, &[])];
    let factors = [("password", 500), ("totp", 5), ("password", 900)];
    let decision = decide(&policy(), &need(2), &evidence(1, &factors), &capabilities, NOW);
    let Decision::Satisfied(satisfied) = decision else { panic!("{decision:?}") };
    assert_eq!(satisfied.auth_time, NOW - 500);
    assert_eq!(satisfied.methods, ["password", "totp"]);
    assert_eq!(satisfied.amr, ["mfa", "otp", "pwd"]);
    let mut at_once = evidence(1, &[("password", 20), ("totp", 0)]);
    at_once.factors[0].in_request = true;
    let Decision::Satisfied(at_once) = decide(&policy(), &need(2), &at_once, &capabilities, NOW) else { panic!() };
    assert_eq!(at_once.auth_time, NOW, "shown for one request: one authentication");
    let single = decide(&policy(), &need(1), &evidence(1, &[("totp", 5), ("sms-otp", 5)]), &capabilities, NOW);
    let Decision::Satisfied(single) = single else { panic!("{single:?}") };
    assert_eq!(single.amr, ["otp", "sms"], "two of one kind are not mfa");
}

#[test]
fn every_factor_is_accounted_for() {
    let mut evidence = evidence(2, &[("password", 5), ("totp", 90), ("telepathy", 0), ("face", -9), ("passkey", 2000)]);
    evidence.factors.push(Factor { source: "stranger".to_owned(), ..factor("totp", 1) });
    let capabilities = [capability(4, 2, &["passkey"])];
    let uses = |requirement: &Requirement| {
        let decision = decide(&policy(), requirement, &evidence, &capabilities, NOW);
        explain_factors(&policy(), requirement, &evidence, &capabilities, NOW, &decision)
    };
    let rest = [FactorUse::UnknownMethod, FactorUse::FromTheFuture];
    let reached = uses(&need(2));
    assert_eq!(reached[..2], [FactorUse::Counted, FactorUse::Counted]);
    assert_eq!(reached[2..4], rest);
    assert_eq!(reached[4..], [FactorUse::Counted, FactorUse::SourceNotAllowed]);
    let missing = uses(&need(3));
    assert_eq!((missing[0], missing[4]), (FactorUse::NotEnough, FactorUse::TooOldForLevel));
    let young = uses(&Requirement { max_age: Some(60), ..need(2) });
    assert_eq!(young[1], FactorUse::OlderThanMaxAge);
    let again = uses(&Requirement { reauthenticate: true, ..need(1) });
    assert_eq!(again[0], FactorUse::NotShownAgain);
}
