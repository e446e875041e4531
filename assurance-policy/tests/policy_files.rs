//! Policy files that are refused, each with the line and the reason.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use assurance_policy::Policy;

const GOOD: &str = include_str!("../policies/default.toml");

fn findings(text: &str) -> Vec<(usize, String)> {
    let error = Policy::parse(text).unwrap_err();
    error.findings.into_iter().map(|f| (f.line, f.reason)).collect()
}

/// The line at which a place of the good file stands in a changed one.
fn line_of(place: &str, changed: &str) -> usize {
    let text = if changed.contains(place) { changed } else { GOOD };
    text.split(place).next().unwrap().matches('\n').count() + 1
}

/// Each row: what is replaced by what, the place whose line is named, the reason.
fn refused_as(table: &[(&str, &str, &str, &str)]) {
    for (from, to, place, reason) in table {
        assert!(GOOD.contains(from), "{from}");
        let changed = GOOD.replacen(from, to, 1);
        let found = findings(&changed);
        let line = line_of(place, &changed);
        assert!(found.iter().any(|(l, r)| *l == line && r.contains(reason)), "{to}: wanted {line}, got {found:?}");
    }
}

#[test]
fn each_fault_is_named_with_its_line() {
    refused_as(&[
        (
            "identity = 1",
            "identity = 7",
            "[[ladder]]\nacr = \"urn:nixa:loa:2\"",
            "`urn:nixa:loa:2`: identity is outside its scale",
        ),
        (
            "acr = \"urn:nixa:loa:2\"",
            "acr = \"urn:nixa:loa:1\"",
            "[[ladder]]\nacr = \"urn:nixa:loa:2\"",
            "defined twice",
        ),
        ("kinds = [\"knowledge\"]", "kinds = []", "[methods.password]", "methods.password: has no factor kind"),
        ("kinds = [\"knowledge\"]", "kinds = [\"smell\"]", "kinds = [\"knowledge\"]", "unknown variant `smell`"),
        (
            "methods = [\"pki-signature\"]",
            "methods = [\"pki\"]",
            "[[ladder]]\nacr = \"urn:nixa:loa:4\"",
            "unknown method `pki`",
        ),
        ("freshness = 1800", "freshness = 200", "[[ladder]]\nacr = \"urn:nixa:loa:4\"", "its freshness is longer"),
        ("freshness = 1800", "freshness = -1", "freshness = 1800", "a number of seconds above 0"),
        (
            "freshness = 1800",
            "freshness = 1800\nfactor_freshness = { face = 100 }",
            "[[ladder]]\nacr = \"urn:nixa:loa:4\"",
            "its freshness is longer",
        ),
        (
            "freshness = 300",
            "freshness = 300\nfactor_freshness = { face = 900 }",
            "[[ladder]]\nacr = \"urn:nixa:loa:4\"",
            "`face` counts for longer",
        ),
        (
            "[{ level = 1 }]",
            "[{ level = 1 }]\nsso = false",
            "[[ladder]]\nacr = \"urn:nixa:loa:2\"",
            "serves it but not the lower one",
        ),
        ("rank = 3", "rank = 2", "[[ladder]]\nacr = \"urn:nixa:loa:3\"", "it has the same rank"),
        (
            "[methods.\"passkey:biometric-only\"]",
            "[methods.\"pass:biometric-only\"]",
            "[methods.\"passkey:biometric-only\"]",
            "a class of `pass`, which is not defined",
        ),
        (
            "raise_to = \"urn:nixa:loa:2\"",
            "raise_to = \"up\"",
            "[risk.new-device]",
            "risk.new-device: `up` is not a level",
        ),
        ("cap = \"urn:nixa:loa:3\"", "cap = \"all\"", "[channels.standard]", "channels.standard: `all` is not a level"),
        (
            "[proofing.register-match]\nlevel = 1",
            "[proofing.register-match]\nlevel = 3",
            "[proofing.register-match]",
            "level is outside its scale",
        ),
    ]);
}

#[test]
fn a_cross_walk_may_not_claim_more_than_the_level_is() {
    refused_as(&[
        ("nist = \"IAL1 AAL1\"", "nits = \"IAL1 AAL1\"", "nist = \"IAL1 AAL1\"", "unknown field `nits`"),
        (
            "nist = \"IAL1 AAL1\"",
            "nist = \"IAL1 AAL2\"",
            "[[ladder]]\nacr = \"urn:nixa:loa:1\"",
            "NIST IAL1 AAL2 is more than the level is",
        ),
        (
            "nist = \"IAL1 AAL1\"",
            "nist = \"gold\"",
            "[[ladder]]\nacr = \"urn:nixa:loa:1\"",
            "not of the form IALn AALn",
        ),
        (
            "eidas = \"substantial\"",
            "eidas = \"high\"",
            "[[ladder]]\nacr = \"urn:nixa:loa:3\"",
            "eIDAS high is more than the level is",
        ),
        (
            "eidas = \"substantial\"",
            "eidas = \"solid\"",
            "[[ladder]]\nacr = \"urn:nixa:loa:3\"",
            "`solid` is not an eIDAS level",
        ),
        (
            "LoA/substantial\" = \"urn:nixa:loa:3\"",
            "LoA/substantial\" = \"urn:nixa:loa:2\"",
            "\"http://eidas.europa.eu/LoA/substantial\"",
            "claims more than `urn:nixa:loa:2` is",
        ),
        (
            "LoA/low\" = \"urn:nixa:loa:1\"",
            "LoA/low\" = \"urn:nixa:loa:0\"",
            "\"http://eidas.europa.eu/LoA/low\"",
            "`urn:nixa:loa:0` is not on the ladder",
        ),
        (
            "\"http://eidas.europa.eu/LoA/low\" =",
            "\"urn:nixa:loa:2\" =",
            "\"http://eidas.europa.eu/LoA/low\"",
            "`urn:nixa:loa:2` is defined twice",
        ),
    ]);
}

#[test]
fn a_ladder_that_is_not_monotone_or_not_reachable_is_refused_with_what_shows_it() {
    // Level 2 made harder than level 3: what reaches 3 by phishing resistance does not reach 2.
    let upside_down = GOOD.replacen("authentication = [{ level = 2 }]", "authentication = [{ level = 4 }]", 1);
    let found = findings(&upside_down);
    assert!(found.iter().any(|(_, r)| r.contains("`urn:nixa:loa:3`: is easier than `urn:nixa:loa:2`")), "{found:?}");
    let no_biometrics = GOOD.replace("\"inherence\"", "\"knowledge\"");
    let found = findings(&no_biometrics);
    assert!(
        found.iter().any(|(_, r)| r.contains("`urn:nixa:loa:4`: no combination of methods reaches it")),
        "{found:?}"
    );
}

#[test]
fn all_findings_come_at_once_in_the_order_of_lines() {
    let text = GOOD.replacen("identity = 0", "identity = 9", 1).replacen(
        "raise_to = \"urn:nixa:loa:2\"",
        "raise_to = \"x\"",
        1,
    );
    let found = findings(&text);
    assert!(found.len() >= 2 && found.is_sorted(), "{found:?}");
    assert!(findings("ladder = []\n[methods]").iter().any(|(_, r)| r.contains("has no level")));
}

#[test]
fn the_order_of_lines_does_not_matter() {
    let mut tables: Vec<String> = Vec::new();
    for line in GOOD.lines() {
        if line.starts_with('[') && !line.starts_with("[{") || tables.is_empty() {
            tables.push(String::new());
        }
        let table = tables.last_mut().unwrap();
        table.push_str(line);
        table.push('\n');
    }
    tables.reverse();
    let shuffled = Policy::parse(&tables.concat()).unwrap();
    let straight = Policy::parse(GOOD).unwrap();
    assert!(shuffled.ladder().eq(straight.ladder()));
    assert!(shuffled.methods().eq(straight.methods()));
    assert!(shuffled.names().eq(straight.names()));
    assert_ne!(shuffled.version(), straight.version(), "the version names the file as it is");
}
