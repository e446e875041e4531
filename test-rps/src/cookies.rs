//! Reading and writing the portal's cookies (RFC 6265).

use crate::ambient::is_token;
use http::header::{COOKIE, HeaderMap, HeaderValue};

/// The names of a portal's cookies. Portals share the host `localhost` and cookies ignore ports
/// (RFC 6265, section 8.5), so every name starts with the portal's own.
pub(crate) struct CookieNames {
    /// The session of a person who is logged in.
    pub(crate) session: String,
    /// What binds pending logins to one browser. It outlives a login, so that a second tab that
    /// was already at the login service can still come back.
    pub(crate) browser: String,
    /// The language that was chosen.
    pub(crate) language: String,
    /// The state of a logout under way.
    pub(crate) logout: String,
    secure: bool,
}

impl CookieNames {
    /// Over HTTPS the prefix `__Host-` keeps a sibling host from planting a cookie here.
    pub(crate) fn new(base: &str, secure: bool) -> Self {
        let prefix = if secure { "__Host-" } else { "" };
        Self {
            session: format!("{prefix}{base}"),
            browser: format!("{prefix}{base}_browser"),
            language: format!("{prefix}{base}_lang"),
            logout: format!("{prefix}{base}_logout"),
            secure,
        }
    }

    /// A `Set-Cookie` value; without `max_age` (seconds) the cookie ends with the browser.
    pub(crate) fn set(&self, name: &str, value: &str, max_age: Option<u32>) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = max_age.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::from_str(&text).ok()
    }

    /// A `Set-Cookie` value that removes the cookie.
    pub(crate) fn clear(&self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", Some(0))
    }
}

/// The first cookie of that name, as it came.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// The cookie of that name, if it has the shape of a value that this crate makes.
pub(crate) fn read_token<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    read(headers, name).filter(|value| is_token(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_attributes_follow_the_scheme() {
        let plain = CookieNames::new("dvc", false);
        assert_eq!(plain.set(&plain.session, "v", None).unwrap(), "dvc=v; Path=/; HttpOnly; SameSite=Lax");
        let secure = CookieNames::new("dvc", true);
        assert_eq!(
            secure.clear(&secure.browser).unwrap(),
            "__Host-dvc_browser=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
        );
    }

    #[test]
    fn reading_takes_whole_names_only() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("xdvc=1; dvc=2 ; dvc_lang=en"));
        headers.append(COOKIE, HeaderValue::from_static("late=3"));
        assert_eq!(read(&headers, "dvc"), Some("2"));
        assert_eq!(read(&headers, "dvc_lang"), Some("en"));
        assert_eq!(read(&headers, "late"), Some("3"));
        assert_eq!(read(&headers, "vc"), None);
        assert_eq!(read_token(&headers, "dvc"), None, "not a value made here");
    }
}
