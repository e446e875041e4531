//! The texts of the pages: both languages say the same things, and the program asks for what is there.
//!
//! A missing text does not fail anything: the page shows the key. So this reads the sources.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Keys that the program puts together: what stands before and after the part that varies. The part itself
/// is a literal somewhere in the sources, a `:` in it written as `-` in the key.
const COMPOSED: [(&str, &str); 6] =
    [("problem-", "-title"), ("problem-", "-text"), ("", "-title"), ("", "-text"), ("level-", ""), ("claim-", "")];

/// Families whose every literal is a key, also one that is passed on before it is looked up.
const FAMILIES: [&str; 4] = ["choose-", "help-", "notice-", "reason-"];

type Texts = BTreeMap<String, String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The texts of one language, by file.
fn texts(lang: &str) -> BTreeMap<String, Texts> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(lang);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    files.map(|f| (f.file_name().into_string().unwrap(), read(&fs::read_to_string(f.path()).unwrap()))).collect()
}

/// One text per line, as all are written; a key that is there twice would hide one of its texts.
fn read(file: &str) -> Texts {
    let mut texts = Texts::new();
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, text) = line.split_once('=').unwrap();
        let earlier = texts.insert(key.trim().to_owned(), text.trim().to_owned());
        assert_eq!(earlier, None, "{key} is there twice");
    }
    texts
}

/// The names of the values that a text takes.
fn values(text: &str) -> BTreeSet<&str> {
    text.split("{ $").skip(1).filter_map(|rest| rest.split(" }").next()).collect()
}

/// All sources that a key may be in: Rust and templates, and the policy whose levels have names.
fn sources() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["crates", "idp", "broker"] {
        collect(&root().join(folder), &mut found);
    }
    found.push(fs::read_to_string(root().join("assurance-policy/policies/default.toml")).unwrap());
    found
}

fn collect(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("tests") {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs" || e == "html") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

fn mentioned(sources: &[String], word: &str) -> bool {
    let literal = format!("\"{word}\"");
    sources.iter().any(|source| source.contains(&literal))
}

/// Whether a key is a literal, or composed of a part that is.
fn used(sources: &[String], key: &str) -> bool {
    let composed = |(before, after): &(&str, &str)| {
        let part = key.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        part.is_some_and(|part| mentioned(sources, part) || mentioned(sources, &part.replace('-', ":")))
    };
    mentioned(sources, key) || COMPOSED.iter().any(composed)
}

/// The literal that a text starts with.
fn literal(text: &str) -> Option<&str> {
    text.strip_prefix('"').and_then(|rest| rest.split('"').next())
}

/// Words joined by hyphens.
fn is_key(literal: &str) -> bool {
    literal.contains('-') && literal.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '_' | '0'..='9'))
}

/// The literals in each call that look like a key; a call ends where its statement or block does.
fn literals_of<'a>(source: &'a str, call: &str) -> Vec<&'a str> {
    let calls = source.split(call).skip(1).filter_map(|rest| rest.split([';', '}']).next());
    calls.flat_map(|call| call.split('"').skip(1).step_by(2)).filter(|literal| is_key(literal)).collect()
}

/// The keys that a source asks for, each with the value that it puts in, if one.
fn asked(source: &str) -> Vec<(String, Option<&str>)> {
    let mut asked = Vec::new();
    for call in source.split(".t(").skip(1).chain(source.split("text.find(").skip(1)) {
        asked.extend(literal(call).map(|key| (key.to_owned(), None)));
    }
    for call in source.split(".with(").skip(1) {
        let mut parts = call.splitn(5, '"').skip(1).step_by(2);
        if let (Some(_), Some(key), Some(value)) = (literal(call), parts.next(), parts.next()) {
            asked.push((key.to_owned(), Some(value)));
        }
    }
    for key in literals_of(source, "Page::new(") {
        asked.push((key.to_owned(), None));
    }
    for call in [".problem(", " problem(", "Problem::new(", "refuse(", "let code ="] {
        for code in literals_of(source, call) {
            asked.extend([(format!("problem-{code}-title"), None), (format!("problem-{code}-text"), None)]);
        }
    }
    for key in literals_of(source, " message(") {
        asked.extend([(format!("{key}-title"), None), (format!("{key}-text"), None)]);
    }
    asked
}

#[test]
fn both_languages_say_the_same_things() {
    let (vi, en) = (texts("vi"), texts("en"));
    assert_eq!(vi.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>());
    for (file, vi) in &vi {
        let en = &en[file];
        assert_eq!(vi.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>(), "{file}");
        for (key, text) in vi {
            assert!(!text.is_empty() && !en[key].is_empty(), "{key} is empty");
            assert_eq!(values(text), values(&en[key]), "the values of {key}");
        }
    }
}

#[test]
fn a_key_is_in_one_file() {
    let mut seen = BTreeSet::new();
    for key in texts("vi").values().flat_map(Texts::keys) {
        assert!(seen.insert(key.clone()), "{key} is in two files");
    }
}

#[test]
fn every_text_is_used() {
    let sources = sources();
    let texts = texts("vi");
    let unused: Vec<&String> = texts.values().flat_map(Texts::keys).filter(|key| !used(&sources, key)).collect();
    assert_eq!(unused, Vec::<&String>::new());
}

#[test]
fn every_text_that_is_asked_for_is_there() {
    let texts: Texts = texts("vi").into_values().flatten().collect();
    let (mut faults, mut count) = (BTreeSet::new(), 0);
    for source in sources() {
        for (key, value) in asked(&source) {
            count += 1;
            let given = BTreeSet::from_iter(value);
            match texts.get(&key) {
                None => faults.insert(format!("{key} is missing")),
                Some(text) if values(text) != given => faults.insert(format!("{key} does not take {given:?}")),
                Some(_) => true,
            };
        }
        for literal in source.split('"').filter(|l| is_key(l) && FAMILIES.iter().any(|f| l.starts_with(f))) {
            if !texts.contains_key(literal) {
                faults.insert(format!("{literal} is missing"));
            }
        }
    }
    assert_eq!(faults, BTreeSet::new());
    assert!(count > 60, "only {count} found: the sources are written in another way now");
}

#[test]
fn what_is_asked_for_is_found_in_sources() {
    let source = r#"
        let a = text.t("one-key"); let b = page.text.with("two-key", "name", client);
        Page::new(&look, text, "three-title");
        Err(Unbound::X) => return refuse(text, "four-code"),
        Ok(_) => Err(self.problem(step.text, StatusCode::BAD_REQUEST, "five-code").into_response()),
        map_or_else(|| message(provider, text, "six-message"), |uri| see_other(&uri));
        text.t(key); text.with(key, "name", x);
    "#;
    let keys: BTreeSet<(String, Option<&str>)> = asked(source).into_iter().collect();
    let expected = [
        ("one-key", None),
        ("two-key", Some("name")),
        ("three-title", None),
        ("problem-four-code-title", None),
        ("problem-four-code-text", None),
        ("problem-five-code-title", None),
        ("problem-five-code-text", None),
        ("six-message-title", None),
        ("six-message-text", None),
    ];
    for (key, value) in expected {
        assert!(keys.contains(&(key.to_owned(), value)), "{key}");
    }
    let sources = [source.to_owned(), "\"urn:nixa:loa:2\" \"name\"".to_owned()];
    for key in ["one-key", "problem-five-code-text", "six-message-title", "level-urn-nixa-loa-2", "claim-name"] {
        assert!(used(&sources, key), "{key}");
    }
    for key in ["one", "problem-six-code-text", "level-urn-nixa-loa-3", "claim-email", "one-key-title-title"] {
        assert!(!used(&sources, key), "{key}");
    }
}
