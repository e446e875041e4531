//! Where the browser goes with the answer (RFC 6749 §4.1.2, RFC 9207).

use url::form_urlencoded;

use crate::error::OAuthError;

/// The location of a successful answer.
#[must_use]
pub fn success_location(redirect_uri: &str, code: &str, state: Option<&str>, issuer: &str) -> String {
    location(redirect_uri, &[("code", Some(code)), ("state", state), ("iss", Some(issuer))])
}

/// The location of an error.
#[must_use]
pub fn error_location(redirect_uri: &str, error: &OAuthError, state: Option<&str>, issuer: &str) -> String {
    let description = ascii(&error.description);
    let parts = [
        ("error", Some(error.code.as_str())),
        ("error_description", Some(description.as_str())),
        ("state", state),
        ("iss", Some(issuer)),
    ];
    location(redirect_uri, &parts)
}

/// The registered URI stays as it is, its own query included (RFC 6749 §3.1.2): parsing and printing it
/// again could change octets that the client compares.
fn location(redirect_uri: &str, parts: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parts {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let join = if redirect_uri.contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{join}{}", query.finish())
}

/// Only the characters of RFC 6749 Appendix A.8.
fn ascii(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect()
}
