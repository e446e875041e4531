//! The edges of each rule: where one step more or less changes the decision. A mutation run found each of
//! them unwatched.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use assurance_policy::{
    Decision, Evidence, Factor, FactorUse, IdpCapability, Plan, Policy, Proofing, Quality, Reason, Requirement,
    Satisfied, decide, explain_factors, sentence,
};

const NOW: i64 = 1_000;
const DEFAULT: &str = include_str!("../policies/default.toml");

fn factor(method: &str, at: i64) -> Factor {
    Factor { method: method.into(), source: "a".into(), at, in_request: false, qualities: [].into() }
}

fn evidence(identity: Option<u8>, methods: &[&str]) -> Evidence {
    Evidence {
        factors: methods.iter().map(|m| factor(m, NOW)).collect(),
        proofing: identity.map(|level| Proofing::stated("a", level)).into_iter().collect(),
        ..Evidence::default()
    }
}

fn capability(cap: &str, methods: &[&str]) -> IdpCapability {
    IdpCapability {
        source: "a".into(),
        cap: cap.into(),
        channel: None,
        methods: methods.iter().map(|m| (*m).to_owned()).collect(),
        identity: 2,
    }
}

fn level(decision: Decision) -> Option<String> {
    match decision {
        Decision::Satisfied(s) => Some(s.level),
        _ => None,
    }
}

fn default_policy() -> Policy {
    Policy::parse(DEFAULT).unwrap()
}

/// A policy with these methods (name, body) and one level above level 1.
fn policy_of(methods: &[(&str, &str)], level: &str) -> Result<Policy, String> {
    let mut text: String = methods.iter().map(|(name, body)| format!("[methods.{name}]\n{body}\n")).collect();
    text.push_str(
        "[[ladder]]\nacr = \"low\"\nrank = 1\nidentity = 0\nauthentication = [{ level = 1 }]\nfreshness = \"session\"\n",
    );
    text.push_str(&format!("[[ladder]]\nacr = \"high\"\nrank = 2\nidentity = 0\n{level}\n"));
    Policy::parse(&text).map_err(|e| e.to_string())
}

const KNOW: &str = "kinds = [\"knowledge\"]";
const HAVE: &str = "kinds = [\"possession\"]";

#[test]
fn what_a_provider_could_state_is_not_what_it_has_stated() {
    let two = evidence(None, &["password", "totp"]);
    let reached =
        decide(&default_policy(), &Requirement::default(), &two, &[capability("urn:nixa:loa:4", &["password"])], NOW);
    assert_eq!(
        level(reached).as_deref(),
        Some("urn:nixa:loa:1"),
        "identity 0 without a statement, and level 1 with it"
    );
}

#[test]
fn of_two_names_for_one_level_the_first_is_reported() {
    for names in
        [["urn:nixa:loa:1", "http://eidas.europa.eu/LoA/low"], ["http://eidas.europa.eu/LoA/low", "urn:nixa:loa:1"]]
    {
        let requirement =
            Requirement { acr_values: names.map(str::to_owned).to_vec(), essential: true, ..Requirement::default() };
        let decision = decide(
            &default_policy(),
            &requirement,
            &evidence(Some(1), &["password"]),
            &[capability("urn:nixa:loa:4", &[])],
            NOW,
        );
        let Decision::Satisfied(Satisfied { acr, .. }) = decision else { unreachable_outcome() };
        assert_eq!(acr, names[0]);
    }
}

fn unreachable_outcome() -> ! {
    panic!("the decision has another outcome")
}

#[test]
fn a_cap_that_is_just_high_enough_is_no_reason() {
    let need = Requirement::at_least("urn:nixa:loa:2");
    let decision =
        decide(&default_policy(), &need, &evidence(Some(1), &[]), &[capability("urn:nixa:loa:2", &["password"])], NOW);
    let Decision::Unmet { reasons, .. } = decision else { unreachable_outcome() };
    assert_eq!(reasons, [Reason::Methods { source: "a".into() }]);
}

#[test]
fn the_same_quality_or_method_twice_is_still_there() {
    let two_keys =
        Evidence { factors: vec![factor("passkey", NOW), factor("passkey", NOW - 1)], ..evidence(Some(2), &[]) };
    let need = Requirement::at_least("urn:nixa:loa:3");
    let reached = decide(&default_policy(), &need, &two_keys, &[capability("urn:nixa:loa:4", &[])], NOW);
    assert_eq!(level(reached).as_deref(), Some("urn:nixa:loa:3"));

    let signature =
        || Factor { in_request: true, qualities: [Quality::RevocationChecked].into(), ..factor("pki-signature", NOW) };
    let twice = Evidence { factors: vec![signature(), signature(), factor("face", NOW)], ..evidence(Some(2), &[]) };
    let named = DEFAULT.replace("  { level = 4 },\n", "");
    let policy = Policy::parse(&named).unwrap();
    let need = Requirement::at_least("urn:nixa:loa:4");
    assert_eq!(
        level(decide(&policy, &need, &twice, &[capability("urn:nixa:loa:4", &[])], NOW)).as_deref(),
        Some("urn:nixa:loa:4")
    );
}

#[test]
fn a_quality_that_the_method_has_anyway_may_be_stated_too() {
    let both =
        DEFAULT.replace("may = [\"revocation-checked\"]", "may = [\"revocation-checked\", \"phishing-resistant\"]");
    let stated = Factor { qualities: [Quality::PhishingResistant].into(), ..factor("pki-signature", NOW) };
    let evidence = Evidence { factors: vec![stated], ..evidence(Some(2), &[]) };
    let need = Requirement::at_least("urn:nixa:loa:3");
    let reached = decide(&Policy::parse(&both).unwrap(), &need, &evidence, &[capability("urn:nixa:loa:4", &[])], NOW);
    assert_eq!(level(reached).as_deref(), Some("urn:nixa:loa:3"));
}

#[test]
fn the_least_burden_wins_and_of_equal_ones_the_first_name() {
    let methods = [
        ("a", "kinds = [\"knowledge\"]\nburden = 1"),
        ("b", "kinds = [\"possession\"]\nburden = 4"),
        ("c", "kinds = [\"knowledge\"]\nqualities = [\"phishing-resistant\"]\nburden = 5"),
        ("d", "kinds = [\"possession\"]\nqualities = [\"phishing-resistant\"]\nburden = 20"),
    ];
    let rule = "authentication = [{ level = 2, qualities = [\"phishing-resistant\"] }]\nfreshness = \"session\"";
    let policy = policy_of(&methods, rule).unwrap();
    let plan = |policy: &Policy, methods: &[&str]| match decide(
        policy,
        &Requirement::at_least("high"),
        &Evidence::default(),
        &[capability("high", methods)],
        NOW,
    ) {
        Decision::StepUp { plans } => plans.into_iter().next().map(|p| p.methods).unwrap(),
        _ => unreachable_outcome(),
    };
    assert_eq!(plan(&policy, &["a", "b", "c", "d"]), ["b", "c"], "the first that would do is a + d");
    let equal = [("t", HAVE), ("x", KNOW), ("y", KNOW)];
    let policy = policy_of(&equal, "authentication = [{ level = 2 }]\nfreshness = \"session\"").unwrap();
    assert_eq!(plan(&policy, &["y", "x", "t"]), ["t", "x"]);
    let burdens: Vec<u32> = policy.methods().map(|(_, m)| m.burden).collect();
    assert_eq!(burdens, [10, 10, 10], "the burden of a method that states none");
}

#[test]
fn a_rule_that_names_a_method_needs_that_method() {
    let rule = "authentication = [{ level = 1, methods = [\"y\"] }]\nfreshness = \"session\"";
    let policy = policy_of(&[("x", HAVE), ("y", HAVE)], rule).unwrap();
    for (method, reached) in [("x", "low"), ("y", "high")] {
        let decision =
            decide(&policy, &Requirement::default(), &evidence(None, &[method]), &[capability("high", &[])], NOW);
        assert_eq!(level(decision).as_deref(), Some(reached));
    }
}

#[test]
fn five_methods_at_once_are_more_than_a_level_may_need() {
    let methods = ["a", "b", "c", "d", "e"].map(|name| (name, HAVE));
    let rule =
        |names: &str| format!("authentication = [{{ level = 1, methods = [{names}] }}]\nfreshness = \"session\"");
    assert!(policy_of(&methods, &rule("\"a\", \"b\", \"c\", \"d\"")).is_ok());
    let refused = policy_of(&methods, &rule("\"a\", \"b\", \"c\", \"d\", \"e\"")).unwrap_err();
    assert!(refused.starts_with("line ") && refused.contains("no combination of methods reaches it"), "{refused}");
}

#[test]
fn what_a_level_may_not_say() {
    for (level, reason) in [
        ("authentication = []\nfreshness = 5", "authentication is outside its scale"),
        ("authentication = [{ level = 5 }]\nfreshness = 5", "authentication is outside its scale"),
        ("authentication = [{ level = 0 }]\nfreshness = 5", "authentication is outside its scale"),
        ("authentication = [{ level = 2 }]\nfreshness = 0", "above 0"),
        ("authentication = [{ level = 2 }]\nfreshness = \"forever\"", "freshness is"),
        ("authentication = [{ level = 2 }]\nfreshness = 5\nnist = \"IAL1 AAL3\"", "NIST IAL1 AAL3 is more"),
        ("authentication = [{ level = 2 }]\nfreshness = 5\nnist = \"IAL2 AAL1\"", "NIST IAL2 AAL1 is more"),
        ("authentication = [{ level = 2 }]\nfreshness = 5\nfactor_freshness = { x = 6 }", "counts for longer"),
    ] {
        let refused = policy_of(&[("x", HAVE), ("y", KNOW)], level).unwrap_err();
        assert!(refused.contains(reason), "{level}: {refused}");
    }
    let equal = "authentication = [{ level = 2 }]\nfreshness = 5\nfactor_freshness = { x = 5 }\nnist = \"IAL1 AAL2\"";
    assert!(policy_of(&[("x", HAVE), ("y", KNOW)], equal).is_ok(), "as much as the level is");
}

#[test]
fn what_the_policy_knows() {
    let policy = default_policy();
    type Knows<'p> = (&'p dyn Fn(&str) -> bool, &'p str);
    let table: [Knows<'_>; 5] = [
        (&|n| policy.knows_method(n), "passkey:biometric-only"),
        (&|n| policy.knows_level(n), "http://eidas.europa.eu/LoA/high"),
        (&|n| policy.knows_channel(n), "hardened"),
        (&|n| policy.knows_proofing(n), "chip-in-person"),
        (&|n| policy.knows_signal(n), "new-device"),
    ];
    for (knows, name) in table {
        assert!(knows(name) && !knows("gold") && !knows(""), "{name}");
    }
    let names: Vec<&str> = policy.names().collect();
    assert_eq!(names.len(), 7);
    assert_eq!(names[..4], ["urn:nixa:loa:1", "urn:nixa:loa:2", "urn:nixa:loa:3", "urn:nixa:loa:4"]);
    assert!(names[4..].iter().all(|n| n.starts_with("http://eidas.europa.eu/LoA/")), "each name once: {names:?}");
    assert_eq!(policy.level("http://eidas.europa.eu/LoA/high").unwrap().acr, "urn:nixa:loa:4");
    assert!(policy.level("gold").is_none());
}

#[test]
fn factors_at_the_edge_of_their_time_count() {
    let policy = default_policy();
    let other = Factor { source: "b".into(), ..factor("password", NOW) };
    let evidence =
        Evidence { factors: vec![factor("password", NOW), factor("totp", NOW - 60), other], ..evidence(Some(1), &[]) };
    let need = Requirement { max_age: Some(60), ..Requirement::at_least("urn:nixa:loa:2") };
    let capabilities =
        [capability("urn:nixa:loa:4", &[]), IdpCapability { source: "b".into(), ..capability("urn:nixa:loa:4", &[]) }];
    let decision = decide(&policy, &need, &evidence, &capabilities, NOW);
    let uses = explain_factors(&policy, &need, &evidence, &capabilities, NOW, &decision);
    assert_eq!(uses, [FactorUse::Counted, FactorUse::Counted, FactorUse::OtherSource]);
}

#[test]
fn sentences_in_both_languages() {
    let plan =
        |source: &str| Plan { source: source.into(), acr: "x".into(), methods: vec!["totp".into(), "face".into()] };
    let unmet = |reason: Reason| Decision::Unmet { acr: Some("x".into()), reasons: vec![reason] };
    let satisfied = Satisfied {
        acr: "asked".into(),
        level: "x".into(),
        source: "a".into(),
        methods: vec!["password".into()],
        amr: vec![],
        auth_time: 0,
    };
    for (decision, vi, en) in [
        (Decision::Satisfied(satisfied), "Đạt x nhờ password tại a.", "Reached x by password at a."),
        (
            Decision::StepUp { plans: vec![plan("a"), plan("b")] },
            "Cần thêm: totp + face tại a; hoặc totp + face tại b.",
            "Still needed: totp + face at a; or totp + face at b.",
        ),
        (
            unmet(Reason::NoSource),
            "Không thể đạt x: không có nhà cung cấp danh tính nào được phép.",
            "x cannot be reached: no identity provider is allowed.",
        ),
        (
            unmet(Reason::UnknownLevel),
            "Không thể đạt x: mức bảo đảm được yêu cầu không có trong chính sách.",
            "x cannot be reached: the level asked for is not in the policy.",
        ),
        (
            unmet(Reason::Cap { source: "a".into(), cap: None }),
            "Không thể đạt x: a chỉ được công nhận đến không mức nào.",
            "x cannot be reached: a is recognised only up to no level.",
        ),
        (
            unmet(Reason::Identity { source: "a".into(), best: 0, needed: 2 }),
            "Không thể đạt x: a chỉ xác minh danh tính ở mức 0, cần mức 2.",
            "x cannot be reached: a vouches for identity level 0 where 2 is needed.",
        ),
        (
            unmet(Reason::Methods { source: "a".into() }),
            "Không thể đạt x: a không có phương thức xác thực đủ mạnh.",
            "x cannot be reached: a has no methods that are strong enough.",
        ),
    ] {
        let sentence = sentence(&decision);
        assert_eq!((sentence.vi.as_str(), sentence.en.as_str()), (vi, en));
    }
}

#[test]
fn asking_again_is_for_the_same_source_and_level() {
    let plan = Plan { source: "a".into(), acr: "x".into(), methods: vec!["totp".into()] };
    let decision = Decision::StepUp { plans: vec![plan] };
    for (source, acr, asks) in [("a", "x", true), ("a", "y", false), ("b", "x", false)] {
        assert_eq!(decision.asks(source, acr), asks, "{source} {acr}");
    }
    assert!(!Decision::Unmet { acr: Some("x".into()), reasons: vec![] }.asks("a", "x"));
}
