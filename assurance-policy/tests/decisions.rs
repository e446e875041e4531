//! Tables of decisions under the default policy, each named for the rule that it holds.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use assurance_policy::{
    Decision, Factor, Held, Offer, Policy, Proofing, Quality, Reason, Requirement, Use, decide, weigh,
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

fn held(identity: u8, factors: &[(&str, i64)]) -> Held {
    Held {
        factors: factors.iter().map(|(method, age)| factor(method, *age)).collect(),
        proofing: vec![Proofing::level("national", identity)],
        ..Held::default()
    }
}

fn offer(cap: u8, identity: u8, methods: &[&str]) -> Offer {
    Offer {
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

fn reached_with(requirement: &Requirement, held: &Held, offer: Offer) -> Option<String> {
    match decide(&policy(), requirement, held, &[offer], NOW) {
        Decision::Satisfied(s) => Some(s.acr),
        _ => None,
    }
}

fn reached(held: &Held, cap: u8) -> Option<String> {
    reached_with(&Requirement::default(), held, offer(cap, 0, &[]))
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
        assert_eq!(reached(&held(*identity, factors), *cap), level.map(loa), "{why}");
    }
}

#[test]
fn revocation_counts_when_it_was_checked_at_this_use() {
    let signature = |qualities: &[Quality]| Held {
        factors: vec![
            Factor { qualities: qualities.iter().copied().collect(), ..factor("pki-signature", 0) },
            factor("face", 0),
        ],
        proofing: vec![Proofing::level("national", 2)],
        ..Held::default()
    };
    // PKI signature (possession and knowledge) with a biometric is three kinds in any case; the rule by
    // name is seen with the PIN left out.
    let by_name = DEFAULT.replace("{ level = 4 },", "").replace("amr = [\"hwk\", \"pin\"]", "amr = []");
    let policy = Policy::parse(&by_name).unwrap();
    let reached = |held: &Held| match decide(&policy, &Requirement::default(), held, &[offer(4, 0, &[])], NOW) {
        Decision::Satisfied(s) => s.acr,
        other => panic!("{other:?}"),
    };
    assert_eq!(reached(&signature(&[])), loa(3));
    assert_eq!(reached(&signature(&[Quality::RevocationChecked])), loa(4));
    let mut claimed = held(2, &[("password", 0), ("face", 0)]);
    claimed.factors[0].qualities.insert(Quality::RevocationChecked);
    assert_eq!(reached(&claimed), loa(3), "a password cannot have it, whatever its evidence says");
}

#[test]
fn proofing_counts_by_method_and_age() {
    let text = DEFAULT.replacen("rank = 4\n", "rank = 4\nproofing_age = 1000\n", 1);
    let aged = Policy::parse(&text).unwrap();
    let strong = |method: Option<&str>, at: Option<i64>| Held {
        factors: vec![factor("password", 0), factor("totp", 0), factor("face", 0)],
        proofing: vec![Proofing { source: "national".into(), level: 2, method: method.map(Into::into), at }],
        ..Held::default()
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
        let decision = decide(&aged, &Requirement::default(), &strong(method, at), &[offer(4, 0, &[])], NOW);
        let Decision::Satisfied(s) = decision else { panic!("{decision:?}") };
        assert_eq!(Some(s.acr), level.map(loa), "{method:?} {at:?}");
    }
}

#[test]
fn the_lowest_of_evidence_cap_and_channel() {
    let held = held(2, &[("password", 0), ("totp", 0), ("face", 0)]);
    let table = [
        (4, None, Some(4)),
        (4, Some("hardened"), Some(4)),
        (4, Some("standard"), Some(3)),
        (2, Some("hardened"), Some(2)),
        (4, Some("smoke-signals"), None),
        (9, None, None),
    ];
    for (cap, channel, level) in table {
        let offer = Offer { channel: channel.map(Into::into), ..offer(cap, 0, &[]) };
        assert_eq!(reached_with(&Requirement::default(), &held, offer), level.map(loa), "{cap} {channel:?}");
    }
}

#[test]
fn step_up_asks_only_for_what_is_missing() {
    let offers = [offer(2, 1, &["password", "totp", "sms-otp"])];
    let decision = decide(&policy(), &need(2), &held(1, &[("password", 600)]), &offers, NOW);
    assert_eq!(plan(decision), ["totp"], "the lighter of two possession factors");
    let nothing = decide(&policy(), &need(2), &Held::default(), &offers, NOW);
    assert_eq!(plan(nothing), ["password", "totp"]);
    let single = [offer(2, 1, &["password", "totp", "passkey"])];
    assert_eq!(plan(decide(&policy(), &need(2), &Held::default(), &single, NOW)), ["passkey"], "one is fewer than two");
}

#[test]
fn a_plan_respects_what_the_person_has_and_is() {
    let offers = [offer(4, 2, &["password", "totp", "passkey", "face"])];
    let mut known = held(1, &[("password", 5)]);
    let decision = decide(&policy(), &need(3), &known, &offers, NOW);
    assert!(matches!(decision, Decision::Unmet { .. }), "the account is proofed at level 1, whatever others are");
    known.proofing = vec![Proofing::level("national", 2)];
    assert_eq!(plan(decide(&policy(), &need(3), &known, &offers, NOW)), ["passkey"]);
    known.enrolled = [("national".to_owned(), ["password", "face"].map(String::from).into())].into();
    assert_eq!(plan(decide(&policy(), &need(3), &known, &offers, NOW)), ["face"]);
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
    assert_eq!(sources(&Held::default()), ["another", "national"], "one factor there, two here");
}

#[test]
fn login_again_counts_only_what_was_shown_for_the_request() {
    let requirement = Requirement { reauthenticate: true, ..Requirement::default() };
    let offers = [offer(2, 1, &["password"])];
    assert_eq!(plan(decide(&policy(), &requirement, &held(1, &[("password", 5)]), &offers, NOW)), ["password"]);
    let new = decide(&policy(), &requirement, &held(1, &[("password", 0)]), &offers, NOW);
    assert!(matches!(new, Decision::Satisfied(_)), "{new:?}");
}

#[test]
fn a_service_may_refuse_single_sign_on() {
    let requirement = Requirement { sso: false, ..need(2) };
    let offers = [offer(2, 1, &["password", "totp"])];
    let old = held(1, &[("password", 5), ("totp", 5)]);
    assert_eq!(plan(decide(&policy(), &requirement, &old, &offers, NOW)), ["password"], "one factor anew is enough");
    assert!(reached_with(&requirement, &held(1, &[("password", 5), ("totp", 0)]), offers[0].clone()).is_some());
}

#[test]
fn max_age_is_held_against_the_oldest_counted_factor() {
    let requirement = Requirement { max_age: Some(60), ..need(2) };
    let offers = [offer(2, 1, &["password", "totp"])];
    let decision = decide(&policy(), &requirement, &held(1, &[("password", 61), ("totp", 5)]), &offers, NOW);
    assert_eq!(plan(decision), ["password"]);
}

#[test]
fn the_strictest_minimum_wins_and_risk_only_raises() {
    let strong = held(2, &[("passkey", 5)]);
    let weak = held(1, &[("password", 5)]);
    let offers = offer(4, 2, &[]);
    let both = Requirement { minimums: vec![loa(3), loa(1)], ..Requirement::default() };
    assert!(reached_with(&both, &strong, offers.clone()).is_some());
    assert!(reached_with(&both, &held(2, &[("password", 5), ("totp", 5)]), offers.clone()).is_none());
    let risk = |signal: &str| Requirement { risk: vec![signal.to_owned()], ..need(1) };
    assert!(reached_with(&risk("new-device"), &weak, offers.clone()).is_none());
    assert!(reached_with(&risk("new-device"), &strong, offers.clone()).is_some());
    assert!(reached_with(&risk("never-heard-of"), &strong, offers.clone()).is_none(), "unknown: the top");
    let lower = Requirement { risk: vec!["new-device".to_owned()], ..need(3) };
    assert!(reached_with(&lower, &held(1, &[("password", 5), ("totp", 5)]), offers).is_none(), "never lowers");
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
            Reason::Cap { source: source(), cap: Some(loa(2)) },
            Reason::Identity { source: source(), best: 1, needed: 2 },
            Reason::Methods { source: source() },
        ]
    );
    let none = decide(&policy(), &need(1), &Held::default(), &[], NOW);
    assert_eq!(none, Decision::Unmet { acr: Some(loa(1)), reasons: vec![Reason::NoSource] });
}

#[test]
fn a_wish_falls_back_and_an_essential_level_does_not() {
    let offers = [offer(2, 1, &["password"])];
    let held = held(1, &[("password", 5)]);
    let wish = Requirement { acr_values: vec![loa(3)], ..Requirement::default() };
    assert!(matches!(decide(&policy(), &wish, &held, &offers, NOW), Decision::Satisfied(_)));
    let essential = Requirement { essential: true, ..wish };
    assert!(matches!(decide(&policy(), &essential, &held, &offers, NOW), Decision::Unmet { .. }));
    // Any of several essential values will do; the first known one is aimed at.
    let either = Requirement { acr_values: vec![loa(3), loa(1)], ..essential };
    assert!(matches!(decide(&policy(), &either, &held, &offers, NOW), Decision::Satisfied(_)));
}

#[test]
fn relying_parties_may_ask_by_the_cross_walk() {
    let offers = offer(4, 2, &[]);
    let ask = |name: &str| Requirement { acr_values: vec![name.to_owned()], essential: true, ..Requirement::default() };
    let substantial = ask("http://eidas.europa.eu/LoA/substantial");
    assert_eq!(
        reached_with(&substantial, &held(2, &[("passkey", 5)]), offers.clone()),
        Some(substantial.acr_values[0].clone())
    );
    assert_eq!(reached_with(&substantial, &held(1, &[("passkey", 5)]), offers), None);
}

#[test]
fn the_answer_to_an_essential_request_is_one_of_its_values() {
    let held = held(2, &[("passkey", 5)]);
    let essential = |names: &[u8], minimums: Vec<String>| Requirement {
        acr_values: names.iter().map(|n| loa(*n)).collect(),
        essential: true,
        minimums,
        ..Requirement::default()
    };
    let table = [(essential(&[1], vec![]), 1), (essential(&[1, 2], vec![]), 2), (essential(&[4, 1], vec![]), 1)];
    for (requirement, level) in table {
        assert_eq!(reached_with(&requirement, &held, offer(4, 0, &[])), Some(loa(level)), "{requirement:?}");
    }
    let wished = Requirement { essential: false, ..essential(&[1], vec![]) };
    assert_eq!(reached_with(&wished, &held, offer(4, 0, &[])), Some(loa(3)), "a wish is told what was reached");
}

#[test]
fn a_factor_shown_for_the_request_is_young_enough_for_it() {
    let requirement = Requirement { max_age: Some(0), ..need(2) };
    let mut slow = held(1, &[("password", 20), ("totp", 0)]);
    assert!(reached_with(&requirement, &slow, offer(2, 1, &[])).is_none());
    slow.factors[0].in_request = true;
    assert!(reached_with(&requirement, &slow, offer(2, 1, &[])).is_some(), "typing the code took 20 seconds");
}

#[test]
fn an_unknown_level_is_never_a_default() {
    let offers = [offer(4, 2, &["password"])];
    let held = held(2, &[("password", 5)]);
    for requirement in [
        Requirement { acr_values: vec!["gold".to_owned()], essential: true, ..Requirement::default() },
        Requirement::at_least("gold"),
        Requirement { minimums: vec![loa(1), "gold".to_owned()], ..Requirement::default() },
    ] {
        let decision = decide(&policy(), &requirement, &held, &offers, NOW);
        assert_eq!(decision, Decision::Unmet { acr: None, reasons: vec![Reason::UnknownLevel] });
    }
}

#[test]
fn evidence_of_a_source_that_is_not_offered_counts_for_nothing() {
    let other = Offer { source: "partner".to_owned(), ..offer(2, 1, &["password"]) };
    let decision = decide(&policy(), &need(1), &held(2, &[("passkey", 5)]), &[other], NOW);
    assert!(matches!(decision, Decision::StepUp { .. }), "{decision:?}");
}

#[test]
fn factors_of_two_sources_are_not_added_up() {
    let mut mixed = held(1, &[("password", 5)]);
    mixed.factors.push(Factor { source: "partner".to_owned(), ..factor("totp", 5) });
    mixed.proofing.push(Proofing::level("partner", 1));
    let partner = Offer { source: "partner".to_owned(), ..offer(4, 1, &[]) };
    let decision = decide(&policy(), &need(2), &mixed, &[offer(4, 1, &[]), partner], NOW);
    assert!(matches!(decision, Decision::Unmet { .. }), "{decision:?}");
}

#[test]
fn auth_time_is_the_oldest_factor_that_counted_and_the_newest_of_each_method() {
    let offers = [offer(2, 1, &[])];
    let factors = [("password", 500), ("totp", 5), ("password", 900)];
    let decision = decide(&policy(), &need(2), &held(1, &factors), &offers, NOW);
    let Decision::Satisfied(satisfied) = decision else { panic!("{decision:?}") };
    assert_eq!(satisfied.auth_time, NOW - 500);
    assert_eq!(satisfied.methods, ["password", "totp"]);
    assert_eq!(satisfied.amr, ["mfa", "otp", "pwd"]);
    let mut at_once = held(1, &[("password", 20), ("totp", 0)]);
    at_once.factors[0].in_request = true;
    let Decision::Satisfied(at_once) = decide(&policy(), &need(2), &at_once, &offers, NOW) else { panic!() };
    assert_eq!(at_once.auth_time, NOW, "shown for one request: one authentication");
    let single = decide(&policy(), &need(1), &held(1, &[("totp", 5), ("sms-otp", 5)]), &offers, NOW);
    let Decision::Satisfied(single) = single else { panic!("{single:?}") };
    assert_eq!(single.amr, ["otp", "sms"], "two of one kind are not mfa");
}

#[test]
fn every_factor_is_accounted_for() {
    let mut held = held(2, &[("password", 5), ("totp", 90), ("telepathy", 0), ("face", -9), ("passkey", 2000)]);
    held.factors.push(Factor { source: "stranger".to_owned(), ..factor("totp", 1) });
    let offers = [offer(4, 2, &["passkey"])];
    let uses = |requirement: &Requirement| {
        let decision = decide(&policy(), requirement, &held, &offers, NOW);
        weigh(&policy(), requirement, &held, &offers, NOW, &decision)
    };
    let rest = [Use::UnknownMethod, Use::FromTheFuture];
    let reached = uses(&need(2));
    assert_eq!(reached[..2], [Use::Counted, Use::Counted]);
    assert_eq!(reached[2..4], rest);
    assert_eq!(reached[4..], [Use::Counted, Use::SourceNotAllowed]);
    let missing = uses(&need(3));
    assert_eq!((missing[0], missing[4]), (Use::NotEnough, Use::TooOldForLevel));
    let young = uses(&Requirement { max_age: Some(60), ..need(2) });
    assert_eq!(young[1], Use::OlderThanMaxAge);
    let again = uses(&Requirement { reauthenticate: true, ..need(1) });
    assert_eq!(again[0], Use::NotShownAgain);
}
