//! What can go wrong for a person at this portal, and the HTTP status of each case.
//!
//! No case is a 500: each says what happened and gives a way on.

use crate::ambient::NoEntropy;
use crate::provider::Unreachable;
use http::StatusCode;

const CODE_LIMIT: usize = 64;
const DESCRIPTION_LIMIT: usize = 200;

/// A kind of problem; its text is in `problem_text`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `unmet_authentication_requirements` (OpenID Connect Core Error Code UAR 1.0).
    UnmetRequirements,
    /// The login succeeded below the level that was asked for as essential.
    LevelTooLow,
    /// `access_denied` (RFC 6749, section 4.1.2.1).
    AccessDenied,
    /// `login_required` (OpenID Connect Core 1.0, section 3.1.2.6).
    LoginRequired,
    /// `interaction_required`.
    InteractionRequired,
    /// `consent_required`.
    ConsentRequired,
    /// `temporarily_unavailable` (RFC 6749, section 4.1.2.1).
    TemporarilyUnavailable,
    /// `server_error`.
    ServerError,
    /// Any other error code of the exchange.
    OtherError,
    /// An answer with a state that is unknown, used, expired or of another browser.
    StrayAnswer,
    /// An answer that breaks the protocol, or of another issuer (RFC 9207).
    BadAnswer,
    /// A code or a token that the checks refused.
    Refused,
    /// The exchange gives no usable answer.
    Unreachable,
    /// The API was not content with a login that was made as it had asked.
    StillInsufficient,
    /// The API gave neither a receipt nor a reason that a login could mend.
    FilingUnconfirmed,
    /// A form without the token of the session.
    StaleForm,
    /// No such page.
    NotFound,
    /// The page exists, but not for this method.
    WrongMethod,
}

/// Every kind, to look one up by its slug.
const KINDS: [Kind; 18] = [
    Kind::UnmetRequirements,
    Kind::LevelTooLow,
    Kind::AccessDenied,
    Kind::LoginRequired,
    Kind::InteractionRequired,
    Kind::ConsentRequired,
    Kind::TemporarilyUnavailable,
    Kind::ServerError,
    Kind::OtherError,
    Kind::StrayAnswer,
    Kind::BadAnswer,
    Kind::Refused,
    Kind::Unreachable,
    Kind::StillInsufficient,
    Kind::FilingUnconfirmed,
    Kind::StaleForm,
    Kind::NotFound,
    Kind::WrongMethod,
];

impl Kind {
    /// The public code: the one on the wire where a standard names it, else one of ours.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::UnmetRequirements => "unmet_authentication_requirements",
            Self::LevelTooLow => "level_too_low",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
            Self::OtherError => "other_error",
            Self::StrayAnswer => "unknown_state",
            Self::BadAnswer => "bad_answer",
            Self::Refused => "login_refused",
            Self::Unreachable => "login_service_unreachable",
            Self::StillInsufficient => "step_up_insufficient",
            Self::FilingUnconfirmed => "filing_unconfirmed",
            Self::StaleForm => "stale_form",
            Self::NotFound => "not_found",
            Self::WrongMethod => "wrong_method",
        }
    }

    pub(crate) fn by_code(code: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.code() == code)
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::UnmetRequirements | Self::LevelTooLow | Self::StillInsufficient | Self::StaleForm => {
                StatusCode::FORBIDDEN
            }
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable | Self::FilingUnconfirmed => StatusCode::BAD_GATEWAY,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::AccessDenied
            | Self::LoginRequired
            | Self::InteractionRequired
            | Self::ConsentRequired
            | Self::ServerError
            | Self::OtherError
            | Self::StrayAnswer
            | Self::BadAnswer
            | Self::Refused => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether another attempt to log in may help.
    pub(crate) fn login_may_help(self) -> bool {
        !matches!(
            self,
            Self::StillInsufficient | Self::FilingUnconfirmed | Self::StaleForm | Self::NotFound | Self::WrongMethod
        )
    }

    /// What an `error` of an authorization response means. Only codes of the wire are read, so
    /// that the exchange cannot claim one of our own.
    fn of_answer(error: &str) -> Self {
        match error {
            "unmet_authentication_requirements" => Self::UnmetRequirements,
            "access_denied" => Self::AccessDenied,
            "login_required" => Self::LoginRequired,
            "interaction_required" => Self::InteractionRequired,
            "consent_required" => Self::ConsentRequired,
            "temporarily_unavailable" => Self::TemporarilyUnavailable,
            "server_error" => Self::ServerError,
            _ => Self::OtherError,
        }
    }
}

/// One problem of one person.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    /// The public code to show.
    pub(crate) code: String,
    /// What the exchange said, cut to a length; a template must escape it.
    pub(crate) description: Option<String>,
}

impl Problem {
    /// The problem that an error response tells (OpenID Connect Core 1.0, section 3.1.2.6).
    pub(crate) fn of_answer(error: &str, description: Option<&str>) -> Self {
        let kind = Kind::of_answer(error);
        let code = if kind == Kind::OtherError { public_code(error) } else { kind.code().to_owned() };
        Self { kind, code, description: description.and_then(public_description) }
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self { kind, code: kind.code().to_owned(), description: None }
    }
}

impl From<Unreachable> for Problem {
    fn from(Unreachable: Unreachable) -> Self {
        Kind::Unreachable.into()
    }
}

impl From<NoEntropy> for Problem {
    fn from(NoEntropy: NoEntropy) -> Self {
        Kind::TemporarilyUnavailable.into()
    }
}

fn public_code(error: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if error.is_empty() || error.len() > CODE_LIMIT || !error.bytes().all(plain) {
        Kind::OtherError.code().to_owned()
    } else {
        error.to_owned()
    }
}

fn public_description(text: &str) -> Option<String> {
    let cut: String = text.chars().filter(|character| !character.is_control()).take(DESCRIPTION_LIMIT).collect();
    let trimmed = cut.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_map_to_a_kind_a_status_and_a_shown_code() {
        for (error, kind, status, shown) in [
            ("unmet_authentication_requirements", Kind::UnmetRequirements, 403, None),
            ("access_denied", Kind::AccessDenied, 400, None),
            ("login_required", Kind::LoginRequired, 400, None),
            ("interaction_required", Kind::InteractionRequired, 400, None),
            ("consent_required", Kind::ConsentRequired, 400, None),
            ("temporarily_unavailable", Kind::TemporarilyUnavailable, 503, None),
            ("server_error", Kind::ServerError, 400, None),
            ("invalid_scope", Kind::OtherError, 400, None),
            ("not_found", Kind::OtherError, 400, None),
            ("<script>", Kind::OtherError, 400, Some("other_error")),
            ("", Kind::OtherError, 400, Some("other_error")),
        ] {
            let problem = Problem::of_answer(error, None);
            assert_eq!(problem.kind, kind, "{error}");
            assert_eq!(problem.kind.status().as_u16(), status, "{error}");
            assert_eq!(problem.code, shown.unwrap_or(error), "{error}");
        }
        let long = "e".repeat(65);
        assert_eq!(Problem::of_answer(&long, None).code, "other_error");
    }

    #[test]
    fn descriptions_are_cut_and_cleaned() {
        let of = |text: &str| Problem::of_answer("x", Some(text)).description;
        assert_eq!(of(&"ă".repeat(500)).unwrap().chars().count(), 200);
        assert_eq!(of("a\r\nb").unwrap(), "ab");
        assert_eq!(of(" \u{7} "), None);
    }

    #[test]
    fn every_kind_has_its_own_code_and_none_is_a_500() {
        for kind in KINDS {
            assert_eq!(Kind::by_code(kind.code()), Some(kind));
            assert_ne!(kind.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
        assert_eq!(Kind::by_code("nothing"), None);
    }
}
