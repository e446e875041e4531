//! What people read, in Vietnamese and English.

use std::ops::Deref;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::messages::{L10n, Messages};

static VI: LazyLock<Messages> = LazyLock::new(|| L10n::Vi.load());
static EN: LazyLock<Messages> = LazyLock::new(|| L10n::En.load());

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

    /// The other language, to which each page has a link.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Vi => Self::En,
            Self::En => Self::Vi,
        }
    }
}

/// The texts in one language: each is a method that takes its values, such as `text.for_service(name)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Text(pub Lang);

impl Text {
    /// The language of the texts.
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
}

impl Deref for Text {
    type Target = Messages;

    fn deref(&self) -> &Messages {
        match self.0 {
            Lang::Vi => &VI,
            Lang::En => &EN,
        }
    }
}
