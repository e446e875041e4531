//! Where the servers of the demo are.

use url::Url;

use super::error::DemoError;

/// Client identifier, port offset and name of each portal.
pub(super) const PORTALS: [(&str, u16, &str); 3] = [
    ("dich-vu-cong", 10, "National public-service portal (level 1)"),
    ("bao-hiem-xa-hoi", 11, "Social insurance (level 2)"),
    ("thue", 12, "Tax (level 3)"),
];

/// The addresses of the demo.
pub(crate) struct Addresses {
    base: Url,
    pub(super) port: u16,
}

impl Addresses {
    pub(super) fn new(base: &Url, port: u16) -> Result<Self, DemoError> {
        if base.scheme() != "http" || base.host_str().is_none() || base.path() != "/" || base.port().is_some() {
            return Err(DemoError::Address("--base-url must be http://HOST without port and path"));
        }
        if port.checked_add(12).is_none() || port == 0 {
            return Err(DemoError::Address("--base-port must be between 1 and 65523"));
        }
        Ok(Self { base: base.clone(), port })
    }

    pub(super) fn ports(&self) -> [u16; 6] {
        [0, 1, 2, 10, 11, 12].map(|offset| self.port + offset)
    }

    pub(super) fn at(&self, offset: u16) -> String {
        format!("http://{}:{}", self.base.host_str().unwrap_or("localhost"), self.port + offset)
    }

    pub(super) fn issuer(&self) -> Url {
        let mut url = self.base.clone();
        // Only a URL without a host refuses a port, and `new` has seen the host.
        let _refused = url.set_port(Some(self.port));
        url
    }

    pub(super) fn portal(&self, n: usize) -> (&'static str, Url) {
        let (client_id, offset, _) = PORTALS.get(n).copied().unwrap_or(("", 0, ""));
        let mut url = self.base.clone();
        let _refused = url.set_port(Some(self.port + offset));
        (client_id, url)
    }

    pub(super) fn list(&self) -> Vec<(&'static str, String)> {
        let servers = [
            ("Broker", self.at(0)),
            ("National identity provider", self.at(1)),
            ("Partner: mobile identity (level 2 at most)", self.at(2)),
        ];
        servers.into_iter().chain(PORTALS.map(|(_, offset, name)| (name, self.at(offset)))).collect()
    }
}
