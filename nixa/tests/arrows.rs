//! Which crate may use which: the arrows of the architecture, read from `cargo metadata`.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What each crate of the workspace may use of the workspace. A crate that is not here may not be there.
const ROOMS: [(&str, &[&str]); 12] = [
    ("nixa-protocol", &[]),
    ("assurance-policy", &[]),
    // The sample portals share no type with us: they show what a stranger can build on the standard.
    ("test-rps", &[]),
    ("nixa-http-client", &[]),
    ("nixa-audit", &["nixa-protocol"]),
    // Only tests use it: it starts databases.
    ("test-servers", &[]),
    ("nixa-storage", &["nixa-protocol", "nixa-audit"]),
    ("nixa-web", &["nixa-protocol"]),
    ("nixa-provider", &["nixa-protocol", "nixa-http-client", "nixa-storage", "nixa-web", "nixa-audit"]),
    // Never each other: the broker must not come near a credential.
    ("nixa-idp", &["nixa-provider", "nixa-web", "nixa-storage", "nixa-audit", "nixa-protocol", "assurance-policy"]),
    (
        "nixa-broker",
        &[
            "nixa-provider",
            "nixa-web",
            "nixa-storage",
            "nixa-audit",
            "nixa-http-client",
            "nixa-protocol",
            "assurance-policy",
        ],
    ),
    (
        "nixa",
        &[
            "nixa-protocol",
            "nixa-http-client",
            "assurance-policy",
            "test-rps",
            "nixa-audit",
            "nixa-storage",
            "nixa-web",
            "nixa-provider",
            "nixa-idp",
            "nixa-broker",
        ],
    ),
];

const PURE: [&str; 3] = ["nixa-protocol", "nixa-audit", "assurance-policy"];
const IMPURE: [&str; 6] = ["tokio", "async-trait", "axum", "reqwest", "sqlx", "hyper"];

/// One dependency as a manifest states it.
#[derive(Debug, Clone, Copy)]
struct Arrow<'a> {
    from: &'a str,
    to: &'a str,
    dev: bool,
}

/// What is wrong with a workspace of these crates and arrows.
fn faults(crates: &[&str], arrows: &[Arrow<'_>]) -> Vec<String> {
    let rooms = BTreeMap::from(ROOMS);
    let mut faults: Vec<String> =
        crates.iter().filter(|name| !rooms.contains_key(*name)).map(|name| format!("{name} has no room")).collect();
    for Arrow { from, to, dev } in arrows {
        // The binary's tests put the whole together; they may use whatever they test with.
        let exempt = *dev && (*from == "nixa" || *to == "test-servers");
        let allowed = rooms.get(from).is_some_and(|allowed| allowed.contains(to));
        if crates.contains(to) && !allowed && !exempt {
            faults.push(format!("{from} must not use {to}"));
        }
        if PURE.contains(from) && IMPURE.contains(to) {
            faults.push(format!("{from} is pure and must not use {to}"));
        }
    }
    faults
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap()
}

#[test]
fn the_workspace_keeps_to_its_arrows() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let crates: Vec<&str> = packages.iter().map(|package| text(package, "name")).collect();
    let mut arrows = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            let dev = dependency["kind"] == "dev";
            arrows.push(Arrow { from: text(package, "name"), to: text(dependency, "name"), dev });
        }
    }
    for (room, _) in ROOMS {
        assert!(crates.contains(&room), "{room} is in the list and not in the workspace");
    }
    assert!(arrows.iter().any(|arrow| arrow.from == "nixa" && arrow.to == "nixa-broker"), "arrows are read");
    assert_eq!(faults(&crates, &arrows), Vec::<String>::new());
}

#[test]
fn a_forbidden_arrow_is_seen() {
    let crates: Vec<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
    let found = |from, to, dev| faults(&crates, &[Arrow { from, to, dev }]);
    let forbidden = [
        ("nixa-broker", "nixa-idp", "nixa-broker must not use nixa-idp"),
        ("nixa-idp", "nixa-broker", "nixa-idp must not use nixa-broker"),
        ("nixa-http-client", "nixa-protocol", "nixa-http-client must not use nixa-protocol"),
        ("nixa-protocol", "nixa-storage", "nixa-protocol must not use nixa-storage"),
        ("test-rps", "nixa-protocol", "test-rps must not use nixa-protocol"),
        ("nixa-web", "nixa-storage", "nixa-web must not use nixa-storage"),
        ("nixa-provider", "assurance-policy", "nixa-provider must not use assurance-policy"),
        ("nixa-provider", "nixa", "nixa-provider must not use nixa"),
        ("nixa-protocol", "tokio", "nixa-protocol is pure and must not use tokio"),
        ("assurance-policy", "sqlx", "assurance-policy is pure and must not use sqlx"),
    ];
    for (from, to, fault) in forbidden {
        assert_eq!(found(from, to, false), [fault]);
        assert_eq!(found(from, to, true), [fault], "nor for its tests");
    }
    for (from, to) in [("nixa-storage", "nixa-protocol"), ("nixa-web", "tokio"), ("nixa-protocol", "serde")] {
        assert_eq!(found(from, to, false), Vec::<String>::new());
    }
}

#[test]
fn only_tests_of_the_binary_are_free() {
    let arrow = |dev| [Arrow { from: "nixa", to: "newcomer", dev }];
    assert_eq!(faults(&["newcomer"], &arrow(true)), ["newcomer has no room"]);
    assert_eq!(faults(&["newcomer"], &arrow(false)), ["newcomer has no room", "nixa must not use newcomer"]);
}

/// Lines of our sources outside the policy's crate that set two levels against one another or know one by
/// name: whoever does that decides beside the policy.
fn judges_levels(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let words = ["acr", "rung", "loa", "eidas", "aal"];
    let is_level = |side: &str| {
        let name = side.trim().trim_end_matches(')').rsplit(['.', ' ', '(', '&']).next().unwrap_or_default();
        words.contains(&name)
    };
    let compares = [" < ", " > ", " <= ", " >= ", " == ", " != "]
        .iter()
        .any(|sign| code.split_once(sign).is_some_and(|(left, _)| is_level(left)));
    compares || code.contains(".rank") || code.contains("\"urn:nixa:loa:")
}

#[test]
fn no_other_place_compares_levels() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    let mut read = 0;
    for folder in ["broker", "idp", "nixa", "crates/protocol", "crates/provider", "crates/storage", "crates/web"] {
        let mut folders = vec![root.join(folder).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    // The demo writes configuration files, which name levels.
                    folders.extend((!path.ends_with("demo")).then_some(path));
                } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                    read += 1;
                    let text = std::fs::read_to_string(&path).unwrap();
                    let lines = text.lines().enumerate().filter(|(_, line)| judges_levels(line));
                    found.extend(lines.map(|(n, line)| format!("{}:{}: {line}", path.display(), n + 1)));
                }
            }
        }
    }
    assert!(read > 80, "sources are read");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_comparison_of_levels_is_seen() {
    for line in [
        "if session.acr >= needed {",
        "let enough = reached.rung < wanted;",
        "    (acr == \"x\").then_some(1)",
        "level.rank()",
        "let acr = \"urn:nixa:loa:2\";",
    ] {
        assert!(judges_levels(line), "{line}");
    }
    for line in ["let acr = reached.acr.clone();", "// acr > other", "if age <= max_age {", "acr: Some(acr)"] {
        assert!(!judges_levels(line), "{line}");
    }
}
