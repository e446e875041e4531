//! `nixa explain` as an auditor runs it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn nixa(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nixa"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn case(methods: &[&str]) -> Value {
    let factor = |m: &&str| json!({ "method": m, "source": "idp", "at": 990 });
    json!({
        "id": methods,
        "held": {
            "factors": methods.iter().map(factor).collect::<Vec<_>>(),
            "proofing": [{ "source": "idp", "level": 2 }],
        },
        "offers": [{ "source": "idp", "cap": "urn:nixa:loa:4", "methods": ["password", "totp"], "identity": 2 }],
        "now": 1000,
    })
}

#[test]
fn a_case_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.json");
    std::fs::write(&file, case(&["password", "totp"]).to_string()).unwrap();
    let file = file.to_str().unwrap();
    let plain = nixa(&["explain", "--evidence", file, "--require", "urn:nixa:loa:2"], "");
    let plain = text(&plain.stdout);
    assert!(plain.contains("Reached urn:nixa:loa:2 by password + totp at idp."), "{plain}");
    assert!(plain.contains("totp at idp (990): counted"), "{plain}");
    let unmet = nixa(&["explain", "--evidence", file, "--require", "urn:nixa:loa:3", "--json"], "");
    let unmet: Value = serde_json::from_slice(&unmet.stdout).unwrap();
    assert_eq!(unmet["decision"]["outcome"], "unmet");
    assert_eq!(unmet["uses"], json!(["not-enough", "not-enough"]));
    assert!(unmet["sentence"]["vi"].as_str().unwrap().starts_with("Không thể đạt"));
    let unknown = nixa(&["explain", "--evidence", file, "--require", "gold", "--json"], "");
    let unknown: Value = serde_json::from_slice(&unknown.stdout).unwrap();
    assert_eq!(unknown["decision"]["reasons"][0]["reason"], "unknown-level");
}

#[test]
fn a_batch_answers_every_line_and_names_the_bad_ones() {
    let mut typo = case(&["totp"]);
    typo["hold"] = json!({});
    let lines =
        [case(&["password"]).to_string(), typo.to_string(), String::new(), case(&["password", "face"]).to_string()];
    let output = nixa(&["explain", "--batch"], &lines.join("\n"));
    assert!(!output.status.success(), "some lines could not be read");
    assert!(text(&output.stderr).contains("1 of the lines"));
    let answers: Vec<Value> = text(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[0]["decision"]["rung"], "urn:nixa:loa:1");
    assert_eq!(answers[1]["line"], 2);
    assert!(answers[1]["error"].as_str().unwrap().contains("unknown field `hold`"));
    assert_eq!(answers[2]["id"], json!(["password", "face"]));
    assert_eq!(answers[2]["decision"]["rung"], "urn:nixa:loa:3");
}

#[test]
fn the_assurance_matrix_in_the_documents_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let written = std::fs::read_to_string(root.join("docs/assurance-matrix.md")).unwrap();
    let example = root.join("docs/examples/broker.toml");
    let output = nixa(&["explain", "--matrix", "--config", example.to_str().unwrap()], "");
    let hint = "run: nixa explain --matrix --config docs/examples/broker.toml > docs/assurance-matrix.md";
    assert_eq!(written, text(&output.stdout), "{hint}");
    assert!(written.contains("| national | `urn:nixa:loa:4`, amr `face`"), "identity providers are in it");
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    std::fs::write(&file, "ladder = []\n[methods.x]\nkinds = []\n").unwrap();
    let output = nixa(&["explain", "--matrix", "--policy", file.to_str().unwrap()], "");
    assert!(!output.status.success());
    let message = text(&output.stderr);
    assert!(message.contains("line 1: ladder: has no level") && message.contains("line 2: methods.x"), "{message}");
    assert!(!nixa(&["explain"], "").status.success());
    assert!(!nixa(&["explain", "--evidence", "/nonexistent"], "").status.success());
}
