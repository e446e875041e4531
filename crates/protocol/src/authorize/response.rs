//! The answer to an authorization request, and how the browser carries it (RFC 6749 §4.1.2, RFC 9207).

use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::error::{OAuthError, printable_ascii};

/// How the browser carries an answer to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of a redirect: the code flow's default (OAuth 2.0 Multiple Response Types §2.1).
    #[default]
    Query,
    /// In a form that the browser posts (OAuth 2.0 Form Post Response Mode): the code stands in no URL.
    FormPost,
}

impl ResponseMode {
    /// The value of the parameter `response_mode`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }
}

/// An answer on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Where it goes: one of the client's redirect URIs, exactly.
    pub redirect_uri: String,
    /// How the parameters get there.
    pub mode: ResponseMode,
    /// The parameters, `iss` among them (RFC 9207 §2).
    pub parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// Answers with a code (RFC 6749 §4.1.2).
    #[must_use]
    pub fn success(redirect_uri: &str, mode: ResponseMode, code: &str, state: Option<&str>, issuer: &str) -> Self {
        Self::new(redirect_uri, mode, vec![("code", code.to_owned())], state, issuer)
    }

    /// Answers with an error (RFC 6749 §4.1.2.1).
    #[must_use]
    pub fn error(
        redirect_uri: &str,
        mode: ResponseMode,
        error: &OAuthError,
        state: Option<&str>,
        issuer: &str,
    ) -> Self {
        let parameters =
            vec![("error", error.code.as_str().to_owned()), ("error_description", printable_ascii(&error.description))];
        Self::new(redirect_uri, mode, parameters, state, issuer)
    }

    fn new(
        redirect_uri: &str,
        mode: ResponseMode,
        mut parameters: Vec<(&'static str, String)>,
        state: Option<&str>,
        issuer: &str,
    ) -> Self {
        parameters.extend(state.map(|state| ("state", state.to_owned())));
        parameters.push(("iss", issuer.to_owned()));
        Self { redirect_uri: redirect_uri.to_owned(), mode, parameters }
    }

    /// The location of a redirect that carries it.
    ///
    /// The registered URI stays as it is, its own query included (RFC 6749 §3.1.2): parsing and printing it
    /// again could change octets that the client compares.
    #[must_use]
    pub fn location(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish();
        let join = if self.redirect_uri.contains('?') { '&' } else { '?' };
        format!("{}{join}{query}", self.redirect_uri)
    }
}
