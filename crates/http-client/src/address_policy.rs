//! Which addresses the guarded client may ask.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

/// The public internet by https, and what the operator allows beside it.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    /// Whether `http` is allowed.
    pub allow_http: bool,
    /// Networks that are allowed though they are private.
    pub allowed_networks: Vec<IpNet>,
}

impl AddressPolicy {
    /// Whether an address on the network may be asked.
    pub(crate) fn allows_address(&self, address: IpAddr) -> bool {
        // An IPv4 address in IPv6 clothes is the IPv4 address.
        let address = address.to_canonical();
        self.allowed_networks.iter().any(|network| network.contains(&address)) || is_public(address)
    }

    /// Whether a URL may be asked: its scheme, and its host where that is an address. Names are judged when they
    /// are resolved.
    pub(crate) fn allows_url(&self, url: &Url) -> bool {
        let scheme = url.scheme() == "https" || (self.allow_http && url.scheme() == "http");
        let host = match url.host() {
            Some(Host::Ipv4(address)) => self.allows_address(address.into()),
            Some(Host::Ipv6(address)) => self.allows_address(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        scheme && host && url.username().is_empty() && url.password().is_none()
    }
}

/// Addresses of the public internet: nothing of this machine, a private or shared network, a link, a group, or
/// a documentation or test range (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            let special = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_unspecified()
                || a == 0
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19));
            !special
        }
        IpAddr::V6(address) => {
            let first = address.segments()[0];
            // Global unicast is 2000::/3; of it, not the ways to embed IPv4 (6to4, Teredo), nor documentation.
            let embeds = first == 0x2002 || (first == 0x2001 && address.segments()[1] == 0);
            (first & 0xe000) == 0x2000 && !embeds && !(first == 0x2001 && address.segments()[1] == 0xdb8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow_http: bool, networks: &[&str]) -> AddressPolicy {
        let allowed_networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        AddressPolicy { allow_http, allowed_networks }
    }

    #[test]
    fn only_public_addresses_unless_configured() {
        let table = [
            ("8.8.8.8", true),
            ("203.113.0.1", true),
            ("2001:ee0::1", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("192.0.0.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
            ("2001:db8::1", false),
        ];
        for (address, public) in table {
            assert_eq!(policy(false, &[]).allows_address(address.parse().unwrap()), public, "{address}");
        }
        assert!(policy(false, &["10.1.0.0/16"]).allows_address("10.1.2.3".parse().unwrap()));
        assert!(!policy(false, &["10.1.0.0/16"]).allows_address("10.2.2.3".parse().unwrap()));
        assert!(policy(false, &["10.1.0.0/16"]).allows_address("::ffff:10.1.2.3".parse().unwrap()));
    }

    #[test]
    fn only_https_unless_configured() {
        for (http, url, admitted) in [
            (false, "https://rp.example/jwks", true),
            (false, "http://rp.example/jwks", false),
            (true, "http://rp.example/jwks", true),
            (true, "ftp://rp.example/jwks", false),
            (true, "file:///etc/passwd", false),
            (true, "http://127.0.0.1/", false),
            (true, "http://2130706433/", false),
            (true, "http://[::ffff:127.0.0.1]/", false),
            (true, "http://user@rp.example/", false),
        ] {
            assert_eq!(policy(http, &[]).allows_url(&Url::parse(url).unwrap()), admitted, "{url}");
        }
    }
}
