//! Tables of decisions under the default policy, each named for the rule that it holds.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use assurance_policy::{Decision, Factor, Held, Offer, Policy, PolicyError, Proofing, Reason, Requirement, decide};

const NOW: i64 = 1_800_000_000;

fn policy() -> Policy {
    Policy::parse(include_str!("../policies/default.toml")).unwrap()
}

fn loa(n: u8) -> String {
    format!("urn:nixa:loa:{n}")
}

fn held(identity: u8, factors: &[(&str, i64)]) -> Held {
    Held {
        factors: factors
            .iter()
            .map(|(method, age)| Factor {
                method: (*method).to_owned(),
                source: "national".to_owned(),
                at: NOW - age,
                in_request: *age == 0,
            })
            .collect(),
        proofing: vec![Proofing { source: "national".to_owned(), level: identity }],
    }
}

fn offer(cap: u8, identity: u8, methods: &[&str]) -> Offer {
    Offer {
        source: "national".to_owned(),
        cap: loa(cap),
        methods: methods.iter().map(|m| (*m).to_owned()).collect(),
        identity,
    }
}

fn need(level: u8) -> Requirement {
    Requirement { minimum: Some(loa(level)), ..Requirement::default() }
}

fn reached(held: &Held, cap: u8) -> Option<String> {
    match decide(&policy(), &Requirement::default(), held, &[offer(cap, 0, &[])], NOW) {
        Decision::Satisfied(s) => Some(s.acr),
        _ => None,
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
        (2, &[("face", 60)], 4, None, "a biometric alone is nothing"),
        (2, &[("password", 60), ("face", 60)], 4, Some(3), "two kinds, one biometric"),
        (2, &[("passkey", 1801)], 4, Some(2), "too old for level 3"),
        (2, &[("passkey", 1800)], 4, Some(3), "just fresh enough for level 3"),
        (2, &[("password", 0), ("totp", 0), ("face", 0)], 4, Some(4), "three kinds, shown now"),
        (2, &[("password", 9), ("totp", 9), ("face", 9)], 4, Some(3), "level 4 never from single sign-on alone"),
        (2, &[("password", 0), ("totp", 0), ("face", 0)], 2, Some(2), "the cap of the identity provider"),
        (2, &[("telepathy", 0)], 4, None, "an unknown method is nothing"),
        (2, &[("password", -5)], 4, None, "a factor from the future is nothing"),
    ];
    for (identity, factors, cap, level, why) in table {
        assert_eq!(reached(&held(*identity, factors), *cap), level.map(loa), "{why}");
    }
}

#[test]
fn step_up_asks_only_for_what_is_missing() {
    let offers = [offer(2, 1, &["password", "totp", "sms-otp"])];
    let decision = decide(&policy(), &need(2), &held(1, &[("password", 600)]), &offers, NOW);
    let Decision::StepUp { plans } = decision else { panic!("{decision:?}") };
    assert_eq!(plans[0].methods, ["totp"], "the lighter of two possession factors");
    assert_eq!(plans[0].acr, loa(2));
}

#[test]
fn a_provider_that_is_already_used_goes_before_a_lighter_one_that_may_not_know_the_person() {
    let lighter = Offer { source: "another".to_owned(), ..offer(2, 1, &["passkey"]) };
    let offers = [lighter, offer(2, 1, &["password", "totp"])];
    let sources = |held: &Held| match decide(&policy(), &need(2), held, &offers, NOW) {
        Decision::StepUp { plans } => plans.into_iter().map(|p| p.source).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sources(&held(1, &[("password", 600)])), ["national", "another"]);
    assert_eq!(sources(&held(1, &[])), ["another", "national"], "one factor there, two here");
}

#[test]
fn login_again_counts_only_what_was_shown_for_the_request() {
    let requirement = Requirement { reauthenticate: true, ..Requirement::default() };
    let offers = [offer(2, 1, &["password"])];
    let old = decide(&policy(), &requirement, &held(1, &[("password", 5)]), &offers, NOW);
    assert!(matches!(old, Decision::StepUp { .. }), "{old:?}");
    let new = decide(&policy(), &requirement, &held(1, &[("password", 0)]), &offers, NOW);
    assert!(matches!(new, Decision::Satisfied(_)), "{new:?}");
}

#[test]
fn max_age_is_held_against_the_oldest_counted_factor() {
    let requirement = Requirement { max_age: Some(60), ..need(2) };
    let offers = [offer(2, 1, &["password", "totp"])];
    let decision = decide(&policy(), &requirement, &held(1, &[("password", 61), ("totp", 5)]), &offers, NOW);
    let Decision::StepUp { plans } = decision else { panic!("{decision:?}") };
    assert_eq!(plans[0].methods, ["password"]);
}

#[test]
fn unmet_says_why() {
    let offers = [offer(2, 1, &["password", "totp"])];
    let decision = decide(&policy(), &need(3), &held(1, &[("password", 5), ("totp", 5)]), &offers, NOW);
    let Decision::Unmet { acr, reasons } = decision else { panic!("{decision:?}") };
    assert_eq!(acr, Some(loa(3)));
    let source = || "national".to_owned();
    assert_eq!(
        reasons,
        [
            Reason::Cap { source: source(), cap: loa(2) },
            Reason::Identity { source: source(), best: 1, needed: 2 },
            Reason::Methods { source: source() },
        ]
    );
}

#[test]
fn a_wish_falls_back_and_an_essential_level_does_not() {
    let offers = [offer(2, 1, &["password"])];
    let held = held(1, &[("password", 5)]);
    let wish = Requirement { acr_values: vec![loa(3)], ..Requirement::default() };
    assert!(matches!(decide(&policy(), &wish, &held, &offers, NOW), Decision::Satisfied(_)));
    let essential = Requirement { essential: true, ..wish };
    assert!(matches!(decide(&policy(), &essential, &held, &offers, NOW), Decision::Unmet { .. }));
}

#[test]
fn an_unknown_level_is_never_a_default() {
    let offers = [offer(4, 2, &["password"])];
    let held = held(2, &[("password", 5)]);
    for requirement in [
        Requirement { acr_values: vec!["gold".to_owned()], essential: true, ..Requirement::default() },
        Requirement { minimum: Some("gold".to_owned()), ..Requirement::default() },
    ] {
        let decision = decide(&policy(), &requirement, &held, &offers, NOW);
        assert_eq!(decision, Decision::Unmet { acr: None, reasons: vec![Reason::UnknownLevel] });
    }
    assert_eq!(reached(&held, 9), None, "an unknown cap caps to nothing");
}

#[test]
fn evidence_of_a_source_that_is_not_offered_counts_for_nothing() {
    let other = Offer { source: "partner".to_owned(), ..offer(2, 1, &["password"]) };
    let decision = decide(&policy(), &need(1), &held(2, &[("passkey", 5)]), &[other], NOW);
    assert!(matches!(decision, Decision::StepUp { .. }), "{decision:?}");
}

#[test]
fn auth_time_is_the_oldest_factor_that_counted() {
    let offers = [offer(2, 1, &[])];
    let decision = decide(&policy(), &need(2), &held(1, &[("password", 500), ("totp", 5)]), &offers, NOW);
    let Decision::Satisfied(satisfied) = decision else { panic!("{decision:?}") };
    assert_eq!(satisfied.auth_time, NOW - 500);
    assert_eq!(satisfied.amr, ["mfa", "otp", "pwd"]);
}

#[test]
fn bad_policies_are_refused() {
    let good = include_str!("../policies/default.toml");
    let table = [
        ("identity = 1", "identity = 7", "`urn:nixa:loa:2`: identity is outside its scale"),
        ("\"urn:nixa:loa:2\"", "\"urn:nixa:loa:1\"", "defined twice"),
        ("kinds = [\"knowledge\"]", "kinds = []", "no factor kind"),
        ("kinds = [\"knowledge\"]", "kinds = [\"smell\"]", "unknown variant `smell`"),
        ("methods = [\"pki-signature\"]", "methods = [\"pki\"]", "unknown method `pki`"),
        (
            "identity = 1\nauthentication = [{ level = 2 }]",
            "identity = 1\nauthentication = [{ level = 4 }]",
            "easier than",
        ),
        ("freshness = 1800", "freshness = 200", "freshness is longer"),
        ("nist = \"IAL1 AAL1\"", "nits = \"IAL1 AAL1\"", "unknown field `nits`"),
        ("[{ level = 1 }]", "[{ level = 1 }]\nsso = false", "serves it but not the lower one"),
    ];
    for (from, to, expected) in table {
        assert!(good.contains(from), "{from}");
        let error = Policy::parse(&good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
    assert_eq!(Policy::parse("ladder = []\n[methods]").unwrap_err(), PolicyError::Empty);
}
