//! The guarded way to addresses that clients have named (their key sets, sectors, logos, logout endpoints): a
//! client must not make this server speak with what only this server can reach (OWASP: server-side request
//! forgery).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use ipnet::IpNet;
use nixa_provider::documents::{Document, FetchError, Outbound};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, StatusCode, header};
use url::{Host, Url};

/// The longest answer that is read, in octets.
const LONGEST: usize = 256 * 1024;
/// How many redirects of a `GET` are followed, each to an address that is allowed.
const REDIRECTS: usize = 3;
/// How long an answer may take in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the client may go.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Whether `http` is allowed.
    pub http: bool,
    /// Networks that are allowed though they are private.
    pub networks: Vec<IpNet>,
}

impl Reach {
    /// Whether an address on the network may be spoken with.
    fn allows(&self, address: IpAddr) -> bool {
        // An IPv4 address in IPv6 clothes is the IPv4 address.
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address)) || is_public(address)
    }

    /// Whether a URL may be asked: its scheme, and its host where that is an address. Names are judged when they
    /// are resolved.
    fn admits(&self, url: &Url) -> bool {
        let scheme = url.scheme() == "https" || (self.http && url.scheme() == "http");
        let host = match url.host() {
            Some(Host::Ipv4(address)) => self.allows(address.into()),
            Some(Host::Ipv6(address)) => self.allows(address.into()),
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

/// Gives only addresses that are allowed: what a name resolves to is judged where it is used, so that a name that
/// changes its address in between gains nothing.
struct Guarded(Arc<Reach>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the address is not allowed".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The guarded client.
pub struct Guard {
    reach: Arc<Reach>,
    client: reqwest::Client,
    /// Follows nothing: an endpoint that redirects has not received what it was sent.
    posting: reqwest::Client,
}

impl Guard {
    /// A client for these networks that also trusts these certificate authorities (PEM).
    ///
    /// # Errors
    /// What cannot be used.
    pub fn new(reach: Reach, authorities: Option<&[u8]>) -> Result<Self, reqwest::Error> {
        let reach = Arc::new(reach);
        let following = Arc::clone(&reach);
        let redirects = Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS || !following.admits(attempt.url()) {
                return attempt.stop();
            }
            attempt.follow()
        });
        let authorities = authorities.map_or_else(|| Ok(Vec::new()), Certificate::from_pem_bundle)?;
        let build = |redirects| {
            let builder = reqwest::Client::builder()
                .dns_resolver(Arc::new(Guarded(Arc::clone(&reach))))
                .redirect(redirects)
                // A proxy of the environment would resolve names by itself.
                .no_proxy()
                .connect_timeout(Duration::from_secs(3))
                .timeout(PATIENCE);
            authorities.iter().cloned().fold(builder, reqwest::ClientBuilder::add_root_certificate).build()
        };
        let (client, posting) = (build(redirects)?, build(Policy::none())?);
        Ok(Self { reach, client, posting })
    }

    fn admitted(&self, url: &str) -> Result<Url, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::NotAllowed)?;
        if self.reach.admits(&url) { Ok(url) } else { Err(FetchError::NotAllowed) }
    }
}

#[async_trait]
impl Outbound for Guard {
    async fn fetch(&self, url: &str) -> Result<Document, FetchError> {
        let answer = self.client.get(self.admitted(url)?).send().await.map_err(failed)?;
        if answer.status() != StatusCode::OK {
            tracing::warn!(status = answer.status().as_u16(), "an address of a client was not fetched");
            return Err(FetchError::Failed);
        }
        let said = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = said(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let max_age = max_age(said(header::CACHE_CONTROL));
        let mut body = Vec::new();
        let mut stream = answer.bytes_stream();
        while let Some(chunk) = stream.next().await {
            body.extend_from_slice(&chunk.map_err(failed)?);
            if body.len() > LONGEST {
                return Err(FetchError::Failed);
            }
        }
        Ok(Document { body, media_type, max_age })
    }

    async fn post(&self, url: &str, form: String) -> bool {
        let Ok(url) = self.admitted(url) else { return false };
        let request = self.posting.post(url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = request.body(form).send().await;
        answer.is_ok_and(|answer| matches!(answer.status(), StatusCode::OK | StatusCode::NO_CONTENT))
    }
}

/// The cause for who reads the log; a client's address may have a secret in its query.
fn failed(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    tracing::warn!(cause = ?std::error::Error::source(&error), %error, "an address of a client was not fetched");
    FetchError::Failed
}

/// How long an answer may be used (RFC 9111 §5.2.2).
fn max_age(cache_control: &str) -> Option<i64> {
    let mut directives = cache_control.split(',').map(|directive| directive.trim().to_ascii_lowercase());
    if directives.clone().any(|directive| directive == "no-store" || directive == "no-cache") {
        return Some(0);
    }
    directives.find_map(|directive| directive.strip_prefix("max-age=")?.trim_matches('"').parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(http: bool, networks: &[&str]) -> Reach {
        Reach { http, networks: networks.iter().map(|network| network.parse().unwrap()).collect() }
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
            assert_eq!(reach(false, &[]).allows(address.parse().unwrap()), public, "{address}");
        }
        assert!(reach(false, &["10.1.0.0/16"]).allows("10.1.2.3".parse().unwrap()));
        assert!(!reach(false, &["10.1.0.0/16"]).allows("10.2.2.3".parse().unwrap()));
        assert!(reach(false, &["10.1.0.0/16"]).allows("::ffff:10.1.2.3".parse().unwrap()));
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
            assert_eq!(reach(http, &[]).admits(&Url::parse(url).unwrap()), admitted, "{url}");
        }
    }

    #[test]
    fn how_long_an_answer_may_be_used() {
        for (said, expected) in [
            ("", None),
            ("public, max-age=60", Some(60)),
            ("Max-Age=\"5\"", Some(5)),
            ("no-store", Some(0)),
            ("max-age=x", None),
        ] {
            assert_eq!(max_age(said), expected, "{said}");
        }
    }
}
