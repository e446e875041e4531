//! How often an address and a client may ask, counted across instances.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use nixa_protocol::entropy::keyed_digest;
use nixa_protocol::{Client, Timestamp};
use nixa_web::Text;

use crate::error::{ProviderError, json_error};
use crate::interaction::Interaction;
use crate::provider::Provider;

/// The window in which requests are counted, in seconds.
const WINDOW: i64 = 60;

/// How often may be asked, in a minute; nothing is counted where it is zero.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// By one address (of IPv6, one network of 64 bits): requests of browsers, and refused ones of programs.
    pub per_address: u64,
    /// By one client that has authenticated.
    pub per_client: u64,
    /// Addresses that are not counted.
    pub exempt: Vec<IpNet>,
    /// The header in which a proxy in front puts the address; the last one in it counts.
    pub address_header: Option<HeaderName>,
}

impl Limits {
    /// Who asks: the peer, or whoever the proxy names.
    fn address(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        let Some(name) = &self.address_header else { return peer };
        let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    }

    fn counted(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        if self.per_address == 0 || self.exempt.iter().any(|network| network.contains(&address)) {
            return None;
        }
        Some(match address {
            IpAddr::V4(_) => address,
            // One customer has a whole network of these.
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        })
    }
}

impl<I: Interaction> Provider<I> {
    /// Counts one more; the seconds to wait when that was too many.
    async fn over(&self, kind: &str, who: &str, most: u64, now: Timestamp) -> Result<Option<i64>, ProviderError> {
        let window = now.0.div_euclid(WINDOW);
        let ends = Timestamp((window + 1) * WINDOW);
        // Nobody who reads the store reads an address there.
        let who = keyed_digest(&self.identity.pairwise_key, &["rate", kind, who]);
        let count = self.stores.short.count(&format!("rate:{who}:{window}"), ends, now).await?;
        Ok((count > most).then(|| ends - now))
    }

    /// # Errors
    /// [`ProviderError::TooMany`].
    pub(crate) async fn limit_client(&self, client: &Client, now: Timestamp) -> Result<(), ProviderError> {
        let most = self.limits.per_client;
        // Anybody can use the name of a public client, and could use up its limit.
        if most == 0 || !client.authentication.is_confidential() {
            return Ok(());
        }
        match self.over("client", &client.client_id, most, now).await? {
            Some(wait) => {
                tracing::warn!(client = client.client_id, "too many requests of a client");
                Err(ProviderError::TooMany(wait))
            }
            None => Ok(()),
        }
    }

    fn asker(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        self.limits.address(request.headers(), peer).and_then(|address| self.limits.counted(address))
    }

    async fn limit_address(&self, address: Option<IpAddr>) -> Result<(), ProviderError> {
        let Some(address) = address else { return Ok(()) };
        match self.over("address", &address.to_string(), self.limits.per_address, self.now()).await? {
            Some(wait) => Err(ProviderError::TooMany(wait)),
            None => Ok(()),
        }
    }
}

/// Around what programs call. What they ask rightly is limited by client: the server of a large portal, or a broker,
/// asks for everybody from one address. Of an address, refusals are counted, and too many become one that says when
/// to come back.
pub(crate) async fn for_scripts<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    request: Request,
    next: Next,
) -> Response {
    let address = provider.asker(&request);
    let response = next.run(request).await;
    if !response.status().is_client_error() || response.status() == StatusCode::TOO_MANY_REQUESTS {
        return response;
    }
    match provider.limit_address(address).await {
        Ok(()) => response,
        Err(error) => json_error(&error),
    }
}

/// Around what people see.
pub(crate) async fn for_browsers<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    request: Request,
    next: Next,
) -> Response {
    let address = provider.asker(&request);
    match provider.limit_address(address).await {
        Ok(()) => next.run(request).await,
        Err(ProviderError::TooMany(wait)) => {
            let problem = provider.problem(Text::default(), StatusCode::TOO_MANY_REQUESTS, "too-many-requests");
            let mut response = problem.in_both_languages().into_response();
            retry_after(&mut response, wait);
            response
        }
        Err(error) => provider.failed(&error, Text::default()),
    }
}

pub(crate) fn retry_after(response: &mut Response, seconds: i64) {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_counted_as_whom() {
        let limits = Limits {
            per_address: 1,
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
            address_header: Some(HeaderName::from_static("x-forwarded-for")),
            ..Limits::default()
        };
        let table = [
            ("203.0.113.9", Some("203.0.113.9")),
            ("198.51.100.1, 203.0.113.9", Some("203.0.113.9")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::")),
            ("::ffff:203.0.113.9", Some("203.0.113.9")),
            ("10.1.2.3", None),
            ("::ffff:10.1.2.3", None),
            ("unknown", None),
        ];
        for (said, expected) in table {
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
            headers.append("x-forwarded-for", HeaderValue::from_str(said).unwrap());
            let counted = limits.address(&headers, None).and_then(|address| limits.counted(address));
            assert_eq!(counted.map(|a| a.to_string()).as_deref(), expected, "{said}");
        }
        let peer = "203.0.113.9".parse().ok();
        assert_eq!(limits.address(&HeaderMap::new(), peer), None, "the proxy itself is nobody");
        assert_eq!(Limits::default().address(&HeaderMap::new(), peer), peer);
        assert_eq!(Limits::default().counted(peer.unwrap()), None, "switched off");
    }
}
