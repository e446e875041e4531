//! What a portal is told at start, and what is derived from it once.

use crate::cookies::CookieNames;
use http::HeaderValue;
use url::Url;

/// One portal: where it stands, who it is at the login exchange, and what it asks for.
#[derive(Clone)]
pub struct PortalConfig {
    /// The portal's own address with a trailing slash, for instance `http://localhost:8410/`. The
    /// redirect URI to register is this followed by `callback`, the post-logout one by
    /// `logged-out`, the back-channel logout URI by `backchannel-logout`.
    pub public_url: Url,
    /// The issuer identifier of the login exchange (OpenID Connect Discovery 1.0, section 3). An
    /// empty path stands for an identifier without a trailing slash.
    pub issuer: Url,
    /// The client identifier (RFC 6749, section 2.2).
    pub client_id: String,
    /// The client secret (RFC 6749, section 2.3.1).
    pub client_secret: String,
    /// Send the secret as `client_secret_post` instead of `client_secret_basic`.
    pub secret_in_body: bool,
    /// `acr_values` of the authentication request, in order of preference.
    pub acr_values: Vec<String>,
    /// Ask for one of [`Self::acr_values`] as an essential claim too (OpenID Connect Core 1.0,
    /// section 5.5.1.1), and refuse a login below all of them.
    pub essential_acr: bool,
    /// Scopes beside `openid`.
    pub scopes: Vec<String>,
    /// Name of the session cookie, letters, digits, `-` and `_`. It must differ between portals
    /// that share a host name, because cookies ignore ports.
    pub cookie_name: String,
    /// Name of the agency or portal, in Vietnamese.
    pub title_vi: String,
    /// Name of the agency or portal, in English.
    pub title_en: String,
    /// One line on the service, in Vietnamese.
    pub service_vi: String,
    /// One line on the service, in English.
    pub service_en: String,
    /// Colour of the header and of buttons, as `#rrggbb`.
    pub accent: String,
    /// The level this service needs, as shown to people.
    pub level: u8,
    /// Services that are asked for by transaction (RFC 9396): the exchange knows what each needs.
    pub services: Vec<Service>,
    /// The portal's API at `api/returns`, if it has one; its page then offers to call it.
    pub api: Option<Api>,
}

/// A service of a portal's catalogue.
#[derive(Clone)]
pub struct Service {
    /// The code in `authorization_details`.
    pub code: String,
    /// Its name, in Vietnamese.
    pub title_vi: String,
    /// Its name, in English.
    pub title_en: String,
    /// The level that a login for it must have, as agreed with the exchange.
    pub level: u8,
}

/// What a portal's API does and how good a login it needs (RFC 9470).
#[derive(Clone)]
pub struct Api {
    /// The `acr` that the login behind a token must have, or a higher one of the same series.
    pub acr: String,
    /// How old that login may be, in seconds.
    pub max_age: Option<u32>,
    /// What it does, in Vietnamese.
    pub title_vi: String,
    /// What it does, in English.
    pub title_en: String,
}

impl PortalConfig {
    /// The service with this code.
    pub(crate) fn service(&self, code: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.code == code)
    }
}

/// Why a portal cannot be built from its configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortalError {
    /// The public address is not an `http(s)` URL that ends its path with `/` and has no query.
    #[error("public_url must be an http(s) URL with path `/`, without query or fragment")]
    PublicUrl,
    /// The issuer is not an `http(s)` URL without query and fragment (Discovery 1.0, section 3).
    #[error("issuer must be an http(s) URL without query or fragment")]
    Issuer,
    /// The client identifier or the secret is empty.
    #[error("client_id and client_secret must not be empty")]
    Client,
    /// An essential level was asked for, but no level is named.
    #[error("essential_acr needs at least one of acr_values")]
    NoLevel,
    /// A scope or `acr` value is empty or holds a space.
    #[error("scopes and acr_values must be single words")]
    Word,
    /// The cookie name has a character that a cookie name cannot have.
    #[error("cookie_name must be letters, digits, `-` or `_`")]
    CookieName,
    /// The colour is not `#rrggbb`.
    #[error("accent must be a colour such as #0b5394")]
    Accent,
    /// No rustls `CryptoProvider` is installed in this process.
    #[error("install a rustls CryptoProvider before building a portal")]
    NoCryptoProvider,
    /// The HTTP client for calls to the exchange could not be built.
    #[error("the HTTP client could not be built")]
    HttpClient(#[source] reqwest::Error),
}

/// A configuration that was checked, with what follows from it.
pub(crate) struct Settings {
    pub(crate) config: PortalConfig,
    pub(crate) issuer: String,
    pub(crate) redirect_uri: String,
    pub(crate) post_logout_redirect_uri: String,
    /// Where the portal's API stands, if it has one.
    pub(crate) api_address: String,
    pub(crate) cookies: CookieNames,
    pub(crate) content_security_policy: HeaderValue,
    pub(crate) stylesheet: String,
}

impl Settings {
    /// Checks a configuration.
    ///
    /// # Errors
    /// The first [`PortalError`] that applies.
    pub(crate) fn new(config: PortalConfig) -> Result<Self, PortalError> {
        check_urls(&config)?;
        check_words(&config)?;
        let stylesheet = stylesheet(&config.accent).ok_or(PortalError::Accent)?;
        let secure = config.public_url.scheme() == "https";
        let address = |path| config.public_url.join(path).map_err(|_| PortalError::PublicUrl);
        Ok(Self {
            issuer: issuer_identifier(&config.issuer),
            redirect_uri: address("callback")?.into(),
            post_logout_redirect_uri: address("logged-out")?.into(),
            api_address: address("api/returns")?.into(),
            cookies: CookieNames::new(&config.cookie_name, secure),
            content_security_policy: content_security_policy(&config.issuer)?,
            stylesheet,
            config,
        })
    }
}

fn check_urls(config: &PortalConfig) -> Result<(), PortalError> {
    let web = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
    };
    if !web(&config.public_url) || config.public_url.path() != "/" {
        return Err(PortalError::PublicUrl);
    }
    if !web(&config.issuer) {
        return Err(PortalError::Issuer);
    }
    Ok(())
}

fn check_words(config: &PortalConfig) -> Result<(), PortalError> {
    if config.client_id.is_empty() || config.client_secret.is_empty() {
        return Err(PortalError::Client);
    }
    if config.essential_acr && config.acr_values.is_empty() {
        return Err(PortalError::NoLevel);
    }
    let word = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let api = config.api.iter().map(|api| &api.acr);
    if !config.scopes.iter().chain(&config.acr_values).chain(api).all(word) {
        return Err(PortalError::Word);
    }
    let name = &config.cookie_name;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(PortalError::CookieName);
    }
    Ok(())
}

/// `Url` writes an empty path as `/`, but issuers are compared as strings, and the usual form of
/// one without a path has no slash.
fn issuer_identifier(issuer: &Url) -> String {
    let text = issuer.as_str();
    match issuer.path() {
        "/" => text.strip_suffix('/').unwrap_or(text).to_owned(),
        _ => text.to_owned(),
    }
}

/// Chromium holds every redirect after a form's POST to `form-action`, and the forms of a portal
/// (logout, filing) start chains that cross the exchange and, if that goes upstream too, identity
/// providers the portal has never heard of. So beside the issuer the chain may cross any
/// HTTPS origin, or on a development issuer any loopback port. Nothing else is loosened.
fn content_security_policy(issuer: &Url) -> Result<HeaderValue, PortalError> {
    let origin = issuer.origin().ascii_serialization();
    let chain = if issuer.scheme() == "https" { "https:" } else { "http://localhost:* http://127.0.0.1:*" };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; \
         form-action 'self' {origin} {chain}; frame-ancestors 'none'; base-uri 'none'"
    );
    HeaderValue::from_str(&policy).map_err(|_| PortalError::Issuer)
}

/// The stylesheet with the portal's colour, and black or white on it, whichever contrasts more:
/// the better of the two is always above the 4.5 of WCAG 2.2, criterion 1.4.3.
fn stylesheet(accent: &str) -> Option<String> {
    let [red, green, blue] = channels(accent)?;
    let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    let on_white = 1.05 / (luminance + 0.05);
    let on_black = (luminance + 0.05) / 0.05;
    let ink = if on_white >= on_black { "#ffffff" } else { "#000000" };
    let rules = include_str!("style.css");
    Some(format!(":root{{--accent:{accent};--on-accent:{ink}}}\n{rules}"))
}

fn channels(colour: &str) -> Option<[u8; 3]> {
    let digits = colour.strip_prefix('#')?;
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    let [_, red, green, blue] = value.to_be_bytes();
    Some([red, green, blue])
}

fn linear(channel: u8) -> f64 {
    let share = f64::from(channel) / 255.0;
    if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Registration, tax};

    fn valid() -> PortalConfig {
        tax(Registration {
            public_url: Url::parse("http://localhost:8412/").unwrap(),
            issuer: Url::parse("http://localhost:8400").unwrap(),
            client_id: "tax".to_owned(),
            client_secret: "secret".to_owned(),
        })
    }

    #[test]
    fn derived_addresses() {
        let settings = Settings::new(valid()).ok().unwrap();
        assert_eq!(settings.issuer, "http://localhost:8400");
        assert_eq!(settings.redirect_uri, "http://localhost:8412/callback");
        assert_eq!(settings.post_logout_redirect_uri, "http://localhost:8412/logged-out");
        assert_eq!(settings.api_address, "http://localhost:8412/api/returns");
        let policy = settings.content_security_policy.to_str().unwrap();
        assert!(policy.contains("form-action 'self' http://localhost:8400 http://localhost:*"));
        let tenant = Url::parse("https://id.example/tenant/").unwrap();
        assert_eq!(issuer_identifier(&tenant), "https://id.example/tenant/");
        let policy = content_security_policy(&tenant).unwrap();
        assert!(policy.to_str().unwrap().contains("'self' https://id.example https:;"));
    }

    #[test]
    fn mistakes_are_named() {
        type Break = fn(&mut PortalConfig);
        let cases: [(Break, &str); 10] = [
            (|c| c.public_url.set_path("/portal"), "public_url"),
            (|c| c.public_url.set_query(Some("a=b")), "public_url"),
            (|c| c.issuer = Url::parse("data:x").unwrap(), "issuer"),
            (|c| c.client_secret.clear(), "client_id"),
            (|c| c.acr_values.clear(), "essential_acr"),
            (|c| c.scopes.push("two words".to_owned()), "scopes"),
            (|c| c.api.as_mut().unwrap().acr.clear(), "scopes"),
            (|c| c.cookie_name = "a;b".to_owned(), "cookie_name"),
            (|c| c.accent = "red;}".to_owned(), "accent"),
            (|c| c.accent = "#12345g".to_owned(), "accent"),
        ];
        for (mistake, named) in cases {
            let mut config = valid();
            mistake(&mut config);
            let error = Settings::new(config).err().unwrap().to_string();
            assert!(error.starts_with(named), "{error}");
        }
    }

    #[test]
    fn ink_contrasts_with_the_accent() {
        for (accent, ink) in [("#0b5394", "#ffffff"), ("#ffd966", "#000000"), ("#a61c1c", "#ffffff")] {
            let sheet = stylesheet(accent).unwrap();
            assert!(sheet.contains(&format!("--on-accent:{ink}")), "{accent}");
        }
    }
}
