//! What can go wrong on a page, as the person sees it.

use crate::text::Text;

/// A problem with a public code, a title and an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A request that cannot be read.
    BadRequest,
    /// A client that is not registered.
    UnknownService,
    /// A redirect URI that is not registered.
    UnregisteredAddress,
    /// A login that has ended.
    LoginFinished,
    /// A login that has taken too long.
    LoginExpired,
    /// A login that is not there, or another browser's.
    LoginUnknown,
    /// A form without this browser's CSRF token.
    FormNotYours,
    /// A pushed request that was used or is too old (RFC 9126).
    RequestExpired,
    /// A path that has no page.
    NotFound,
    /// More requests than the network may send.
    TooManyRequests,
    /// A fault of ours: the person is asked to try later.
    TryLater,
}

impl Problem {
    /// The code that the page shows.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::UnknownService => "unknown-service",
            Self::UnregisteredAddress => "unregistered-address",
            Self::LoginFinished => "login-finished",
            Self::LoginExpired => "login-expired",
            Self::LoginUnknown => "login-unknown",
            Self::FormNotYours => "form-not-yours",
            Self::RequestExpired => "request-expired",
            Self::NotFound => "not-found",
            Self::TooManyRequests => "too-many-requests",
            Self::TryLater => "try-later",
        }
    }

    /// What happened, in a few words.
    #[must_use]
    pub fn title(self, text: Text) -> String {
        match self {
            Self::BadRequest => text.problem_bad_request_title(),
            Self::UnknownService => text.problem_unknown_service_title(),
            Self::UnregisteredAddress => text.problem_unregistered_address_title(),
            Self::LoginFinished => text.problem_login_finished_title(),
            Self::LoginExpired => text.problem_login_expired_title(),
            Self::LoginUnknown => text.problem_login_unknown_title(),
            Self::FormNotYours => text.problem_form_not_yours_title(),
            Self::RequestExpired => text.problem_request_expired_title(),
            Self::NotFound => text.problem_not_found_title(),
            Self::TooManyRequests => text.problem_too_many_requests_title(),
            Self::TryLater => text.problem_try_later_title(),
        }
    }

    /// What happened and what to do.
    #[must_use]
    pub fn explanation(self, text: Text) -> String {
        match self {
            Self::BadRequest => text.problem_bad_request_text(),
            Self::UnknownService => text.problem_unknown_service_text(),
            Self::UnregisteredAddress => text.problem_unregistered_address_text(),
            Self::LoginFinished => text.problem_login_finished_text(),
            Self::LoginExpired => text.problem_login_expired_text(),
            Self::LoginUnknown => text.problem_login_unknown_text(),
            Self::FormNotYours => text.problem_form_not_yours_text(),
            Self::RequestExpired => text.problem_request_expired_text(),
            Self::NotFound => text.problem_not_found_text(),
            Self::TooManyRequests => text.problem_too_many_requests_text(),
            Self::TryLater => text.problem_try_later_text(),
        }
    }
}
