//! What can go wrong for a person at this portal, and the HTTP status of each case.
//!
//! No case is a 500: each says what happened and gives a way on. The texts are `problem-CODE-*` in `locales/`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::exchange::Unreachable;

const CODE_LIMIT: usize = 64;
const DESCRIPTION_LIMIT: usize = 200;

/// A kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The public code: the one on the wire where a standard names it, else one of ours.
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    /// Whether another attempt to log in may help.
    pub(crate) login_may_help: bool,
}

const fn of_login(code: &'static str, status: StatusCode) -> Kind {
    Kind { code, status, login_may_help: true }
}

const fn of_portal(code: &'static str, status: StatusCode) -> Kind {
    Kind { code, status, login_may_help: false }
}

/// The login succeeded below the level that was asked for as essential.
pub(crate) const LEVEL_TOO_LOW: Kind = of_login("level_too_low", StatusCode::FORBIDDEN);
/// Also where the session store gives no answer.
pub(crate) const TEMPORARILY_UNAVAILABLE: Kind = of_login("temporarily_unavailable", StatusCode::SERVICE_UNAVAILABLE);
/// Any error code of the exchange that has no text of its own.
const OTHER_ERROR: Kind = of_login("other_error", StatusCode::BAD_REQUEST);
/// An answer with a state that is unknown, used, expired or of another browser.
pub(crate) const UNKNOWN_STATE: Kind = of_login("unknown_state", StatusCode::BAD_REQUEST);
/// An answer that breaks the protocol, or of another issuer (RFC 9207).
pub(crate) const BAD_ANSWER: Kind = of_login("bad_answer", StatusCode::BAD_REQUEST);
/// A code or a token that the checks refused.
pub(crate) const REFUSED: Kind = of_login("login_refused", StatusCode::BAD_REQUEST);
/// The exchange gives no usable answer.
pub(crate) const UNREACHABLE: Kind = of_login("login_service_unreachable", StatusCode::BAD_GATEWAY);
/// The API was not content with a login that was made as it had asked.
pub(crate) const STILL_INSUFFICIENT: Kind = of_portal("step_up_insufficient", StatusCode::FORBIDDEN);
/// The API gave neither a receipt nor a reason that a login could mend.
pub(crate) const FILING_UNCONFIRMED: Kind = of_portal("filing_unconfirmed", StatusCode::BAD_GATEWAY);
/// A form without the token of the session.
pub(crate) const STALE_FORM: Kind = of_portal("stale_form", StatusCode::FORBIDDEN);
/// No page has that address.
pub(crate) const NOT_FOUND: Kind = of_portal("not_found", StatusCode::NOT_FOUND);
/// The page exists, but not for this method.
pub(crate) const WRONG_METHOD: Kind = of_portal("wrong_method", StatusCode::METHOD_NOT_ALLOWED);

/// Error codes of an authorization response (RFC 6749, section 4.1.2.1; OpenID Connect Core 1.0, section 3.1.2.6;
/// OpenID Connect Core Error Code UAR 1.0).
const ON_THE_WIRE: [Kind; 7] = [
    of_login("unmet_authentication_requirements", StatusCode::FORBIDDEN),
    of_login("access_denied", StatusCode::BAD_REQUEST),
    of_login("login_required", StatusCode::BAD_REQUEST),
    of_login("interaction_required", StatusCode::BAD_REQUEST),
    of_login("consent_required", StatusCode::BAD_REQUEST),
    TEMPORARILY_UNAVAILABLE,
    of_login("server_error", StatusCode::BAD_REQUEST),
];

const OF_THIS_PORTAL: [Kind; 11] = [
    LEVEL_TOO_LOW,
    OTHER_ERROR,
    UNKNOWN_STATE,
    BAD_ANSWER,
    REFUSED,
    UNREACHABLE,
    STILL_INSUFFICIENT,
    FILING_UNCONFIRMED,
    STALE_FORM,
    NOT_FOUND,
    WRONG_METHOD,
];

impl Kind {
    pub(crate) fn by_code(code: &str) -> Option<Self> {
        ON_THE_WIRE.into_iter().chain(OF_THIS_PORTAL).find(|kind| kind.code == code)
    }
}

/// One problem of one person. As a response it waits for the layer of `pages` that knows the person's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    /// The public code to show.
    pub(crate) code: String,
    /// What the exchange said, cut to a length; a template must escape it.
    pub(crate) description: Option<String>,
}

impl Problem {
    /// The problem that an error response tells (OpenID Connect Core 1.0, section 3.1.2.6). Only codes of the wire are
    /// read, so that the exchange cannot claim one of our own.
    pub(crate) fn of_response(error: &str, description: Option<&str>) -> Self {
        let kind = ON_THE_WIRE.into_iter().find(|kind| kind.code == error).unwrap_or(OTHER_ERROR);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let is_code = (1..=CODE_LIMIT).contains(&error.len()) && error.bytes().all(is_plain);
        let code = if is_code { error } else { kind.code }.to_owned();
        Self { kind, code, description: description.and_then(cleaned) }
    }
}

fn cleaned(text: &str) -> Option<String> {
    let cut: String = text.chars().filter(|character| !character.is_control()).take(DESCRIPTION_LIMIT).collect();
    let trimmed = cut.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self { kind, code: kind.code.to_owned(), description: None }
    }
}

impl From<Unreachable> for Problem {
    fn from(Unreachable: Unreachable) -> Self {
        UNREACHABLE.into()
    }
}

impl From<tower_sessions::session::Error> for Problem {
    fn from(error: tower_sessions::session::Error) -> Self {
        tracing::error!(%error, "the session store failed");
        TEMPORARILY_UNAVAILABLE.into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Kind {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_map_to_a_kind_a_status_and_a_shown_code() {
        for (error, kind, status, shown) in [
            ("unmet_authentication_requirements", "unmet_authentication_requirements", 403, None),
            ("access_denied", "access_denied", 400, None),
            ("login_required", "login_required", 400, None),
            ("interaction_required", "interaction_required", 400, None),
            ("consent_required", "consent_required", 400, None),
            ("temporarily_unavailable", "temporarily_unavailable", 503, None),
            ("server_error", "server_error", 400, None),
            ("invalid_scope", "other_error", 400, None),
            ("not_found", "other_error", 400, None),
            ("<script>", "other_error", 400, Some("other_error")),
            ("", "other_error", 400, Some("other_error")),
        ] {
            let problem = Problem::of_response(error, None);
            assert_eq!(problem.kind.code, kind, "{error}");
            assert_eq!(problem.kind.status.as_u16(), status, "{error}");
            assert_eq!(problem.code, shown.unwrap_or(error), "{error}");
        }
        assert_eq!(Problem::of_response(&"e".repeat(65), None).code, "other_error");
    }

    #[test]
    fn descriptions_are_cut_and_cleaned() {
        let of = |text: &str| Problem::of_response("x", Some(text)).description;
        assert_eq!(of(&"ă".repeat(500)).unwrap().chars().count(), 200);
        assert_eq!(of("a\r\nb").unwrap(), "ab");
        assert_eq!(of(" \u{7} "), None);
    }

    #[test]
    fn every_kind_has_its_own_code_and_none_is_a_500() {
        for kind in ON_THE_WIRE.into_iter().chain(OF_THIS_PORTAL) {
            assert_eq!(Kind::by_code(kind.code), Some(kind));
            assert_ne!(kind.status, StatusCode::INTERNAL_SERVER_ERROR);
        }
        assert_eq!(Kind::by_code("nothing"), None);
    }
}
