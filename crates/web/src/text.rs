//! What people read, in Vietnamese and English.

use std::borrow::Cow;
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, langid, static_loader};
use serde::{Deserialize, Serialize};

static_loader! {
    static TEXTS = {
        locales: "./locales",
        fallback_language: "vi",
        // Without this, values are wrapped in invisible marks, which break copying a name from a page.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static VI: LanguageIdentifier = langid!("vi");
static EN: LanguageIdentifier = langid!("en");

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Vietnamese, the first.
    #[default]
    Vi,
    /// English.
    En,
}

impl Lang {
    /// The language of a tag such as `en-GB`.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "vi" => Some(Self::Vi),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// Its BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Vi => Self::En,
            Self::En => Self::Vi,
        }
    }
}

/// Looks texts up in one language.
#[derive(Debug, Clone, Copy, Default)]
pub struct Text(pub Lang);

impl Text {
    /// The text with this key.
    #[must_use]
    pub fn t(&self, key: &str) -> String {
        TEXTS.lookup(self.id(), key)
    }

    /// The text with this key, if there is one.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<String> {
        TEXTS.try_lookup(self.id(), key)
    }

    /// The text with one value put in.
    #[must_use]
    pub fn with(&self, key: &str, name: &'static str, value: impl AsRef<str>) -> String {
        let value = FluentValue::from(value.as_ref().to_owned());
        let args = HashMap::from([(Cow::Borrowed(name), value)]);
        TEXTS.lookup_with_args(self.id(), key, &args)
    }

    /// The language.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.0
    }

    /// The one of two stored texts that is in this language.
    #[must_use]
    pub fn pick<'a>(&self, text: &'a nixa_protocol::LocalizedText) -> &'a str {
        match self.0 {
            Lang::Vi => &text.vi,
            Lang::En => &text.en,
        }
    }

    fn id(&self) -> &'static LanguageIdentifier {
        match self.0 {
            Lang::Vi => &VI,
            Lang::En => &EN,
        }
    }
}
