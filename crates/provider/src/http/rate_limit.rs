//! How many requests of an address and of a client are answered, counted across instances.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use nixa_protocol::entropy::keyed_digest;
use nixa_protocol::{Client, Clock, Timestamp};
use nixa_storage::{Prefix, ShortLived};

use crate::error::ProviderError;
use crate::http::json::JsonError;
use crate::settings::{RateLimits, Settings};

/// The window in which requests are counted, in seconds.
const WINDOW: i64 = 60;

/// Counts requests and refuses those beyond the limits.
#[derive(Clone)]
pub(crate) struct RateLimiter {
    settings: Arc<Settings>,
    counters: Arc<dyn ShortLived>,
    clock: Arc<dyn Clock>,
}

impl RateLimiter {
    pub(crate) fn new(settings: &Arc<Settings>, counters: Arc<dyn ShortLived>, clock: Arc<dyn Clock>) -> Self {
        Self { settings: Arc::clone(settings), counters, clock }
    }

    /// Counts a request of an authenticated client.
    ///
    /// # Errors
    /// [`ProviderError::RateLimited`] for one too many.
    pub(crate) async fn count_client(&self, client: &Client, now: Timestamp) -> Result<(), ProviderError> {
        let limit = self.settings.rate_limits.per_client;
        // Anybody can use the name of a public client, and could use up its limit.
        if limit == 0 || !client.authentication.is_confidential() {
            return Ok(());
        }
        let counted = self.count("client", &client.client_id, limit, now).await;
        if let Err(ProviderError::RateLimited { .. }) = counted {
            tracing::warn!(client = client.client_id, "too many requests of a client");
        }
        counted
    }

    /// Counts a request of an address that is counted at all.
    ///
    /// # Errors
    /// [`ProviderError::RateLimited`] for one too many.
    pub(crate) async fn count_address(&self, address: Option<IpAddr>) -> Result<(), ProviderError> {
        let Some(address) = address else { return Ok(()) };
        let limit = self.settings.rate_limits.per_address;
        self.count("address", &address.to_string(), limit, self.clock.now()).await
    }

    async fn count(&self, kind: &str, caller: &str, limit: u64, now: Timestamp) -> Result<(), ProviderError> {
        let window = now.0.div_euclid(WINDOW);
        let ends = Timestamp((window + 1) * WINDOW);
        // Nobody who reads the store reads an address there.
        let caller = keyed_digest(&self.settings.pairwise_key, &["rate", kind, caller]);
        let count = self.counters.count(&Prefix::Rate.key(&format!("{caller}:{window}")), ends, now).await?;
        if count > limit { Err(ProviderError::RateLimited { retry_after: ends - now }) } else { Ok(()) }
    }

    /// The address that a request is counted under, if it is.
    pub(crate) fn counted_address(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let limits = &self.settings.rate_limits;
        sender_address(limits, request.headers(), peer).and_then(|address| counted_as(limits, address))
    }
}

/// The peer, or the address that the proxy in front names.
fn sender_address(limits: &RateLimits, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
    let Some(name) = &limits.address_header else { return peer };
    let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// What an address is counted as; none where it is not counted.
fn counted_as(limits: &RateLimits, address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    if limits.per_address == 0 || limits.exempt.iter().any(|network| network.contains(&address)) {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        // One customer has a whole network of these.
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
    })
}

/// Around what programs call. What they ask rightly is limited by client: the server of a large portal, or a broker,
/// asks for everybody from one address. Of an address, refusals are counted, and too many become one that says when
/// to come back.
pub(crate) async fn limit_programs(State(limiter): State<RateLimiter>, request: Request, next: Next) -> Response {
    let address = limiter.counted_address(&request);
    let response = next.run(request).await;
    if !response.status().is_client_error() || response.status() == StatusCode::TOO_MANY_REQUESTS {
        return response;
    }
    match limiter.count_address(address).await {
        Ok(()) => response,
        Err(error) => JsonError(error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn who_is_counted_as_whom() {
        let limits = RateLimits {
            per_address: 1,
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
            address_header: Some(HeaderName::from_static("x-forwarded-for")),
            ..RateLimits::default()
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
        for (header, expected) in table {
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
            headers.append("x-forwarded-for", HeaderValue::from_str(header).unwrap());
            let counted = sender_address(&limits, &headers, None).and_then(|address| counted_as(&limits, address));
            assert_eq!(counted.map(|a| a.to_string()).as_deref(), expected, "{header}");
        }
        let peer = "203.0.113.9".parse().ok();
        assert_eq!(sender_address(&limits, &HeaderMap::new(), peer), None, "the proxy itself is nobody");
        assert_eq!(sender_address(&RateLimits::default(), &HeaderMap::new(), peer), peer);
        assert_eq!(counted_as(&RateLimits::default(), peer.unwrap()), None, "switched off");
    }
}
