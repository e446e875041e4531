//! Which crate may depend on which, read from `cargo metadata` and `cargo tree`; and that levels are compared by the
//! policy's crate alone.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What each crate of the workspace may depend on within the workspace. A crate that is not here may not be there.
const ALLOWED: [(&str, &[&str]); 15] = [
    ("nixa-protocol", &[]),
    ("assurance-policy", &[]),
    ("nixa-http-client", &[]),
    // The sample portals share no type with us: they show what a stranger can build on the standard.
    ("test-rps", &[]),
    ("nixa-audit", &["nixa-protocol"]),
    // Only tests use it: it starts databases.
    ("test-servers", &[]),
    ("nixa-storage", &["nixa-protocol", "nixa-audit"]),
    ("nixa-credentials", &["nixa-protocol", "nixa-audit", "nixa-storage"]),
    ("nixa-storage-sql", &["nixa-protocol", "nixa-audit", "nixa-storage", "nixa-credentials"]),
    ("nixa-storage-redis", &["nixa-protocol", "nixa-audit", "nixa-storage"]),
    ("nixa-web", &["nixa-protocol"]),
    ("nixa-provider", &["nixa-protocol", "nixa-storage", "nixa-web", "nixa-audit", "nixa-http-client"]),
    // Never each other: the broker must not come near a credential.
    (
        "nixa-idp",
        &[
            "nixa-provider",
            "nixa-web",
            "nixa-storage",
            "nixa-credentials",
            "nixa-audit",
            "nixa-protocol",
            "assurance-policy",
        ],
    ),
    (
        "nixa-broker",
        &[
            "nixa-provider",
            "nixa-web",
            "nixa-storage",
            "nixa-audit",
            "nixa-protocol",
            "nixa-http-client",
            "assurance-policy",
        ],
    ),
    (
        "nixa",
        &[
            "nixa-protocol",
            "assurance-policy",
            "test-rps",
            "nixa-audit",
            "nixa-storage",
            "nixa-credentials",
            "nixa-storage-sql",
            "nixa-storage-redis",
            "nixa-http-client",
            "nixa-web",
            "nixa-provider",
            "nixa-idp",
            "nixa-broker",
        ],
    ),
];

/// What the conformance suite, which stands with the ports, runs on.
const TESTED_BY_STORAGE: [&str; 3] = ["nixa-storage-sql", "nixa-storage-redis", "nixa-credentials"];

/// What the engine's own tests store in: they go through its router with the stores that it is given in a server.
const TESTED_WITH_BY_PROVIDER: [&str; 1] = ["nixa-storage-sql"];

const PURE: [&str; 3] = ["nixa-protocol", "nixa-audit", "assurance-policy"];
const IMPURE: [&str; 6] = ["tokio", "async-trait", "axum", "reqwest", "sqlx", "hyper"];

/// How the names of database drivers begin.
const DRIVERS: [&str; 7] = ["sqlx", "redis", "libsqlite3", "rusqlite", "tokio-postgres", "diesel", "nixa-storage-"];

/// One dependency as a manifest states it.
#[derive(Debug, Clone, Copy)]
struct Dependency<'a> {
    from: &'a str,
    to: &'a str,
    dev: bool,
}

/// What is wrong with a workspace of these crates and dependencies.
fn faults(crates: &[&str], dependencies: &[Dependency<'_>]) -> Vec<String> {
    let allowed = BTreeMap::from(ALLOWED);
    let unknown = crates.iter().filter(|name| !allowed.contains_key(*name));
    let mut faults: Vec<String> = unknown.map(|name| format!("{name} is not in the list")).collect();
    for Dependency { from, to, dev } in dependencies {
        // The binary's tests put the whole together; they may use whatever they test with.
        let suite = *from == "nixa-storage" && TESTED_BY_STORAGE.contains(to);
        let flow = *from == "nixa-provider" && TESTED_WITH_BY_PROVIDER.contains(to);
        let exempt = *dev && (*from == "nixa" || *to == "test-servers" || suite || flow);
        let allowed = allowed.get(from).is_some_and(|allowed| allowed.contains(to));
        if crates.contains(to) && !allowed && !exempt {
            faults.push(format!("{from} must not use {to}"));
        }
        if PURE.contains(from) && IMPURE.contains(to) {
            faults.push(format!("{from} is pure and must not use {to}"));
        }
    }
    faults
}

/// What a cargo command prints.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .arg("--offline")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every crate that is compiled into this one, itself included: its dependencies and theirs, those of tests left out.
fn tree(name: &str) -> BTreeSet<String> {
    let printed = cargo(&["tree", "--package", name, "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    printed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn drivers(name: &str) -> Vec<String> {
    tree(name).into_iter().filter(|found| DRIVERS.iter().any(|driver| found.starts_with(driver))).collect()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap()
}

#[test]
fn the_workspace_has_no_other_dependency() {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let crates: Vec<&str> = packages.iter().map(|package| text(package, "name")).collect();
    let mut dependencies = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            let dev = dependency["kind"] == "dev";
            dependencies.push(Dependency { from: text(package, "name"), to: text(dependency, "name"), dev });
        }
    }
    for (name, _) in &ALLOWED {
        assert!(crates.contains(name), "{name} is in the list and not in the workspace");
    }
    assert!(dependencies.iter().any(|found| found.from == "nixa" && found.to == "nixa-broker"), "they are read");
    assert_eq!(faults(&crates, &dependencies), Vec::<String>::new());
}

#[test]
fn neither_server_nor_their_engine_has_a_database_driver() {
    for name in ["nixa-provider", "nixa-idp", "nixa-broker", "nixa-storage", "nixa-credentials"] {
        assert_eq!(drivers(name), Vec::<String>::new(), "{name}");
    }
    assert!(drivers("nixa-storage-sql").contains(&"sqlx".to_owned()), "a driver is seen");
    assert!(drivers("nixa-storage-redis").contains(&"redis".to_owned()), "a driver is seen");
    assert!(drivers("nixa").len() > drivers("nixa-storage-sql").len(), "through another crate too");
}

/// What is not in a crate's tree can be named neither by its own path nor through another crate that passes it on.
#[test]
fn the_broker_cannot_name_the_port_that_reads_credentials() {
    for name in ["nixa-broker", "nixa-provider", "nixa-storage"] {
        assert!(!tree(name).contains("nixa-credentials"), "{name}");
    }
    for name in ["nixa-idp", "nixa-storage-sql", "nixa"] {
        assert!(tree(name).contains("nixa-credentials"), "{name}");
    }
}

#[test]
fn a_forbidden_dependency_is_seen() {
    let crates: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let found = |from, to, dev| faults(&crates, &[Dependency { from, to, dev }]);
    let forbidden = [
        ("nixa-broker", "nixa-idp", "nixa-broker must not use nixa-idp"),
        ("nixa-broker", "nixa-credentials", "nixa-broker must not use nixa-credentials"),
        ("nixa-idp", "nixa-broker", "nixa-idp must not use nixa-broker"),
        ("nixa-idp", "nixa-storage-sql", "nixa-idp must not use nixa-storage-sql"),
        ("nixa-protocol", "nixa-storage", "nixa-protocol must not use nixa-storage"),
        ("test-rps", "nixa-protocol", "test-rps must not use nixa-protocol"),
        ("nixa-web", "nixa-storage", "nixa-web must not use nixa-storage"),
        ("nixa-provider", "assurance-policy", "nixa-provider must not use assurance-policy"),
        ("nixa-provider", "nixa", "nixa-provider must not use nixa"),
        ("nixa-provider", "nixa-storage-redis", "nixa-provider must not use nixa-storage-redis"),
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
    for to in TESTED_BY_STORAGE {
        assert_eq!(found("nixa-storage", to, false), [format!("nixa-storage must not use {to}")]);
        assert_eq!(found("nixa-storage", to, true), Vec::<String>::new(), "for the conformance suite alone");
    }
    for to in TESTED_WITH_BY_PROVIDER {
        assert_eq!(found("nixa-provider", to, false), [format!("nixa-provider must not use {to}")]);
        assert_eq!(found("nixa-provider", to, true), Vec::<String>::new(), "for its tests alone");
    }
}

#[test]
fn only_tests_of_the_binary_are_free() {
    let dependency = |dev| [Dependency { from: "nixa", to: "newcomer", dev }];
    assert_eq!(faults(&["newcomer"], &dependency(true)), ["newcomer is not in the list"]);
    assert_eq!(
        faults(&["newcomer"], &dependency(false)),
        ["newcomer is not in the list", "nixa must not use newcomer"]
    );
}

/// Lines of our sources outside the policy's crate that set two levels against one another or know one by
/// name: whoever does that decides beside the policy.
fn judges_levels(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let words = ["acr", "level", "loa", "eidas", "aal"];
    let is_level = |side: &str| {
        let name = side.trim().trim_end_matches(')').rsplit(['.', ' ', '(', '&']).next().unwrap_or_default();
        words.contains(&name)
    };
    let compares = [" < ", " > ", " <= ", " >= ", " == ", " != "]
        .iter()
        .any(|sign| code.split_once(sign).is_some_and(|(left, _)| is_level(left)));
    compares || code.contains(".rank") || code.contains("\"urn:nixa:loa:")
}

/// Tests, and the texts that name each level for people.
const NAMES_LEVELS: [&str; 2] = ["tests.rs", "broker/src/pages/wording.rs"];

#[test]
fn no_other_place_compares_levels() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    let mut read = 0;
    let further = ["crates/protocol", "crates/provider", "crates/storage", "crates/storage-sql", "crates/web"];
    for folder in ["broker", "idp", "nixa", "crates/credentials"].into_iter().chain(further) {
        let mut folders = vec![root.join(folder).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    // The demo and the tests of configuration write files, which name levels.
                    folders.extend((!path.ends_with("demo") && !path.ends_with("tests")).then_some(path));
                } else if path.extension().is_some_and(|e| e == "rs") && !NAMES_LEVELS.iter().any(|n| path.ends_with(n))
                {
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
        "let enough = reached.level < wanted;",
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
