//! The two languages of a portal: Vietnamese first, English second.

use crate::cookies;
use crate::portal::Portal;
use axum::extract::FromRequestParts;
use http::request::Parts;
use std::convert::Infallible;
use std::sync::Arc;
use url::form_urlencoded;

/// A language a person reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Vietnamese,
    English,
}

impl Language {
    /// The BCP 47 tag.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Vietnamese => Self::English,
            Self::English => Self::Vietnamese,
        }
    }

    fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "vi" => Some(Self::Vietnamese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The one of two texts that is in this language.
    pub(crate) fn pick<T>(self, vietnamese: T, english: T) -> T {
        match self {
            Self::Vietnamese => vietnamese,
            Self::English => english,
        }
    }

    /// What `?lang=` asks for, if it names a language of ours.
    pub(crate) fn asked(query: Option<&str>) -> Option<Self> {
        form_urlencoded::parse(query?.as_bytes())
            .filter(|(name, _)| name == "lang")
            .find_map(|(_, value)| Self::from_tag(&value))
    }
}

impl FromRequestParts<Arc<Portal>> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, Self::Rejection> {
        let remembered = || cookies::read(&parts.headers, &portal.settings.cookies.language).and_then(Self::from_tag);
        Ok(Self::asked(parts.uri.query()).or_else(remembered).unwrap_or(Self::Vietnamese))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_tags_are_asked() {
        for (query, expected) in [
            (None, None),
            (Some("lang=en"), Some(Language::English)),
            (Some("a=b&lang=vi"), Some(Language::Vietnamese)),
            (Some("lang=fr"), None),
            (Some("lang=EN"), None),
            (Some("xlang=en"), None),
        ] {
            assert_eq!(Language::asked(query), expected, "{query:?}");
        }
    }
}
