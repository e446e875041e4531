//! What a portal is configured with, and the three sample portals from the lowest level to the highest.

use url::Url;

/// What the login exchange and a portal agree on when the portal is registered.
#[derive(Clone)]
pub struct Registration {
    /// The portal's own address with path `/`. The redirect URI to register is this followed by `callback`, the
    /// post-logout one by `logged-out`, the back-channel logout URI by `backchannel-logout`.
    pub public_url: Url,
    /// The issuer identifier of the exchange (OpenID Connect Discovery 1.0, section 3). An empty path stands for an
    /// identifier without a trailing slash.
    pub issuer: Url,
    /// The client identifier (RFC 6749, section 2.2).
    pub client_id: String,
    /// The client secret (RFC 6749, section 2.3.1).
    pub client_secret: String,
}

/// One portal: how it is registered, and what it asks for.
#[derive(Clone)]
pub struct PortalConfig {
    /// How the exchange knows it.
    pub registration: Registration,
    /// The name of its session cookie and of its texts in `locales/`. It must differ between portals that share a host
    /// name, because cookies ignore ports (RFC 6265, section 8.5).
    pub name: &'static str,
    /// Colour of the header and of buttons, as `#rrggbb`; white must be legible on it.
    pub accent: &'static str,
    /// The level its services need, as shown to people.
    pub level: u8,
    /// `acr_values` of the authentication request, in order of preference.
    pub acr_values: Vec<String>,
    /// Ask for one of [`Self::acr_values`] as an essential claim too (OpenID Connect Core 1.0, section 5.5.1.1), and
    /// refuse a login below all of them.
    pub essential_acr: bool,
    /// Scopes beside `openid`.
    pub scopes: &'static [&'static str],
    /// Send the secret as `client_secret_post` instead of `client_secret_basic`.
    pub secret_in_body: bool,
    /// Services that are asked for by transaction (RFC 9396): the exchange knows what each needs.
    pub services: &'static [Service],
    /// The portal's API at `api/returns`, if it has one; its page then offers to call it.
    pub api: Option<Api>,
}

/// A service of a portal's catalogue.
pub struct Service {
    /// The code in `authorization_details`, and the name of its text.
    pub code: &'static str,
    /// The level that a login for it must have, as agreed with the exchange.
    pub level: u8,
}

/// How good a login the portal's API needs (RFC 9470).
#[derive(Clone)]
pub struct Api {
    /// The `acr` that the login behind a token must have, or a higher one of the same series.
    pub acr: String,
    /// How old that login may be, in seconds.
    pub max_age: Option<u32>,
}

/// Why a portal cannot be built from its configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortalError {
    /// The public address would not lead to the portal's pages.
    #[error("public_url must be an http(s) URL with path `/`, without query or fragment")]
    PublicUrl,
    /// Not an issuer identifier (OpenID Connect Discovery 1.0, section 3).
    #[error("issuer must be an http(s) URL without query or fragment")]
    Issuer,
    /// The portal would send requests that the exchange cannot accept.
    #[error("client_id and client_secret must not be empty")]
    Client,
    /// TLS would panic at the first call.
    #[error("install a rustls CryptoProvider before building a portal")]
    NoCryptoProvider,
    /// The HTTP client for calls to the exchange could not be built.
    #[error("the HTTP client could not be built")]
    HttpClient(#[source] reqwest::Error),
}

impl PortalConfig {
    pub(crate) fn check(&self) -> Result<(), PortalError> {
        let Registration { public_url, issuer, client_id, client_secret } = &self.registration;
        let is_plain = |url: &Url| {
            let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
            is_web && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
        };
        if !is_plain(public_url) || public_url.path() != "/" {
            return Err(PortalError::PublicUrl);
        }
        if !is_plain(issuer) {
            return Err(PortalError::Issuer);
        }
        if client_id.is_empty() || client_secret.is_empty() {
            return Err(PortalError::Client);
        }
        Ok(())
    }

    /// Whether the portal is served over TLS, as anything but a demonstration on loopback must be.
    pub(crate) fn is_secure(&self) -> bool {
        self.registration.public_url.scheme() == "https"
    }

    /// The address of one of the portal's own paths, which has no slash in front.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.registration.public_url)
    }

    /// `Url` writes an empty path as `/`, but issuers are compared as strings, and the usual form of one without a path
    /// has no slash.
    pub(crate) fn issuer(&self) -> &str {
        let issuer = &self.registration.issuer;
        let text = issuer.as_str();
        if issuer.path() == "/" { text.trim_end_matches('/') } else { text }
    }

    pub(crate) fn service(&self, code: &str) -> Option<&'static Service> {
        self.services.iter().find(|service| service.code == code)
    }
}

/// The National Public Service Portal: level 1, not essential, `client_secret_basic`.
#[must_use]
pub fn national_public_service(registration: Registration) -> PortalConfig {
    PortalConfig { essential_acr: false, ..portal(registration, "dichvucong", "#8f1d1d", 1) }
}

/// Social Insurance: level 2, essential, `client_secret_basic`.
#[must_use]
pub fn social_insurance(registration: Registration) -> PortalConfig {
    PortalConfig { scopes: WITH_THE_NUMBER, ..portal(registration, "baohiemxahoi", "#0b5394", 2) }
}

/// Tax: level 3, essential, `client_secret_post`; its API needs level 2 of the last quarter hour.
#[must_use]
pub fn tax(registration: Registration) -> PortalConfig {
    PortalConfig {
        scopes: WITH_THE_NUMBER,
        secret_in_body: true,
        services: &[
            Service { code: "look-up-debt", level: 1 },
            Service { code: "file-return", level: 2 },
            Service { code: "refund-account", level: 3 },
        ],
        api: Some(Api { acr: "urn:nixa:loa:2".to_owned(), max_age: Some(15 * 60) }),
        ..portal(registration, "thue", "#1e5b34", 3)
    }
}

/// Of the two that keep files by personal identification number.
const WITH_THE_NUMBER: &[&str] = &["profile", "personal_number"];

fn portal(registration: Registration, name: &'static str, accent: &'static str, level: u8) -> PortalConfig {
    PortalConfig {
        registration,
        name,
        accent,
        level,
        acr_values: vec![format!("urn:nixa:loa:{level}")],
        essential_acr: true,
        scopes: &["profile"],
        secret_in_body: false,
        services: &[],
        api: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(public_url: &str, issuer: &str, client_secret: &str) -> PortalConfig {
        tax(Registration {
            public_url: Url::parse(public_url).unwrap(),
            issuer: Url::parse(issuer).unwrap(),
            client_id: "tax".to_owned(),
            client_secret: client_secret.to_owned(),
        })
    }

    #[test]
    fn addresses_and_issuers_are_written_as_they_are_compared() {
        let config = at("http://localhost:8412", "http://localhost:8400", "s");
        assert_eq!(config.address("callback"), "http://localhost:8412/callback");
        assert_eq!(config.issuer(), "http://localhost:8400");
        assert_eq!(at("https://a/", "https://id.example/tenant/", "s").issuer(), "https://id.example/tenant/");
    }

    #[test]
    fn mistakes_are_named() {
        const PORTAL: &str = "http://localhost:8412/";
        for (public_url, issuer, secret, named) in [
            ("http://localhost:8412/portal", "http://a", "s", "public_url"),
            ("http://localhost:8412/?a=b", "http://a", "s", "public_url"),
            (PORTAL, "data:x", "s", "issuer"),
            (PORTAL, "http://a", "", "client_id"),
        ] {
            let error = at(public_url, issuer, secret).check().unwrap_err().to_string();
            assert!(error.starts_with(named), "{error}");
        }
        assert!(at(PORTAL, "http://a", "s").check().is_ok());
    }
}
