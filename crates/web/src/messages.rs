//! The typed functions that the build script makes of `locales`.
#![expect(missing_docs, reason = "a function's text in Vietnamese says what it is")]
#![expect(unreachable_pub, reason = "the generator writes `pub` throughout")]
#![expect(dead_code, reason = "the generator also writes what lists the languages")]
#![expect(
    clippy::derivable_impls,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the build script has parsed these very texts and checked what each takes"
)]

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

pub use L10nLanguage as Messages;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_ready_to_show_in_both_languages() {
        for language in [L10n::Vi, L10n::En] {
            let messages = language.load();
            for contract in MESSAGE_CONTRACTS {
                let mut args = FluentArgs::new();
                contract.vars.iter().for_each(|name| args.set(*name, "a <value>"));
                let shown = messages.0.msg(contract.message, Some(args)).unwrap();
                assert_eq!(shown.contains("a <value>"), !contract.vars.is_empty(), "{language} {}", contract.message);
                assert!(!shown.contains('\u{2068}'), "{language} {}: an invisible mark", contract.message);
            }
        }
    }
}
