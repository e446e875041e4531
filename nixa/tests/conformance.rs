//! `docs/conformance.md` names tests that exist.
#![expect(clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;

/// Whether a source has a test of this name: in Rust with its attribute in the line before.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    lines.windows(2).any(|pair| {
        let attribute = pair[0] == "#[test]" || pair[0].starts_with("#[tokio::test");
        attribute && [format!("fn {name}()"), format!("async fn {name}()")].iter().any(|f| pair[1].starts_with(f))
    }) || lines.iter().any(|line| line.starts_with(&format!("def {name}(")))
}

#[test]
fn each_test_that_is_listed_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let document = std::fs::read_to_string(root.join("docs/conformance.md")).unwrap();
    let (mut sources, mut listed, mut missing) = (BTreeMap::new(), 0, Vec::new());
    for row in document.lines().filter(|line| line.starts_with('|')) {
        let tests: Vec<&str> = row.split('`').skip(1).step_by(2).filter(|code| code.contains("::")).collect();
        let heading = row.starts_with("|---") || row.ends_with("| test |");
        assert!(heading || !tests.is_empty(), "a row without a test: {row}");
        for test in tests {
            listed += 1;
            let (file, name) = test.split_once("::").unwrap();
            let file = if file.contains('/') { file.to_owned() } else { format!("nixa/tests/flow/{file}") };
            let source = sources
                .entry(file.clone())
                .or_insert_with(|| std::fs::read_to_string(root.join(&file)).unwrap_or_default());
            if !has_test(source, name) {
                missing.push(test.to_owned());
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(listed > 80, "only {listed} found: the document is written in another way now");
}

#[test]
fn what_is_no_test_is_not_taken_for_one() {
    assert!(has_test("#[test]\nfn a() {", "a") && has_test("  #[tokio::test]\n  async fn a() {", "a"));
    assert!(has_test("def test_a(demo):", "test_a"));
    for source in ["fn a() {", "#[test]\nfn ab() {", "// #[test]\nfn a() {", "def a_test():"] {
        assert!(!has_test(source, "a"), "{source}");
    }
}
