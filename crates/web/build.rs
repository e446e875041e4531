//! Makes a typed function of every text in `locales`, and fails where the languages differ.
//!
//! The generator leaves out a text that a language lacks, with a warning, and lets a translation leave out a value;
//! here each is a fault.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use fluent_syntax::ast::{CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_typed::{BuildOptions, FtlOutputOptions, LintLevel, try_build_from_locales_folder};

const LOCALES: &str = "locales";

/// The values that each text takes, by file and id.
type Texts = BTreeMap<(String, String), BTreeSet<String>>;

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    let options = BuildOptions::default()
        .with_locales_folder(LOCALES)
        .with_default_language("vi")
        .with_lint_level(LintLevel::Strict)
        .with_prefix("")
        // The marks would break copying a name from a page, and no text here runs from right to left.
        .without_bidi_isolation()
        .without_format()
        .with_ftl_output(FtlOutputOptions::single_file(&format!("{out}/texts.ftl")))
        .with_output_file_path(&format!("{out}/texts.rs"));
    try_build_from_locales_folder(options)?;

    let (vi, en) = (read_language("vi")?, read_language("en")?);
    let differs = |key: &&(String, String)| vi.get(*key) != en.get(*key);
    let faults: BTreeSet<_> =
        vi.keys().chain(en.keys()).filter(differs).map(|(file, id)| format!("{file}: {id}")).collect();
    if faults.is_empty() {
        return Ok(());
    }
    let faults = Vec::from_iter(faults).join(", ");
    Err(format!("in one language only, or with other values in the other: {faults}").into())
}

fn read_language(language: &str) -> Result<Texts, Box<dyn Error>> {
    let mut texts = Texts::new();
    for file in fs::read_dir(Path::new(LOCALES).join(language))? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = fs::read_to_string(&path)?;
        let resource =
            fluent_syntax::parser::parse(source.as_str()).map_err(|(_, errors)| format!("{name}: {errors:?}"))?;
        for entry in resource.body {
            let Entry::Message(message) = entry else { continue };
            let id = message.id.name;
            let value = message.value.iter().map(|pattern| (id.to_owned(), pattern));
            let attributes = message.attributes.iter().map(|a| (format!("{id}.{}", a.id.name), &a.value));
            for (id, pattern) in value.chain(attributes) {
                let mut values = BTreeSet::new();
                collect_pattern(pattern, &mut values);
                texts.insert((name.clone(), id), values);
            }
        }
    }
    Ok(texts)
}

fn collect_pattern(pattern: &Pattern<&str>, values: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            collect_expression(expression, values);
        }
    }
}

fn collect_expression(expression: &Expression<&str>, values: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => collect_inline(inline, values),
        Expression::Select { selector, variants } => {
            collect_inline(selector, values);
            variants.iter().for_each(|variant| collect_pattern(&variant.value, values));
        }
    }
}

fn collect_inline(inline: &InlineExpression<&str>, values: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            values.insert(id.name.to_owned());
        }
        InlineExpression::FunctionReference { arguments: CallArguments { positional, .. }, .. } => {
            positional.iter().for_each(|argument| collect_inline(argument, values));
        }
        InlineExpression::Placeable { expression } => collect_expression(expression, values),
        InlineExpression::StringLiteral { .. }
        | InlineExpression::NumberLiteral { .. }
        | InlineExpression::MessageReference { .. }
        | InlineExpression::TermReference { .. } => {}
    }
}
