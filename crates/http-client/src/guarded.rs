//! The client for addresses that clients have named.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use reqwest::Certificate;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};

use crate::error::Refusal;
use crate::exchange::{Limits, exchange};
use crate::request::Wanted;
use crate::{AddressPolicy, HttpClient, HttpError, Request, Response, SetupError};

/// How many redirects of a `GET` are followed.
const REDIRECTS: usize = 3;

/// Asks only addresses that its policy allows, never through a proxy: that would resolve names by itself.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    policy: Arc<AddressPolicy>,
    /// For `GET`: follows redirects, each to an address that is allowed.
    following: reqwest::Client,
    /// For the rest: an endpoint that redirects has not received what it was sent.
    direct: reqwest::Client,
    limits: Limits,
}

impl GuardedClient {
    /// A client over the network that also trusts these certificate authorities (PEM).
    pub fn new(policy: AddressPolicy, authorities: Option<&[u8]>) -> Result<Self, SetupError> {
        Self::within(Limits::GUARDED, policy, authorities)
    }

    pub(crate) fn within(
        limits: Limits,
        policy: AddressPolicy,
        authorities: Option<&[u8]>,
    ) -> Result<Self, SetupError> {
        let policy = Arc::new(policy);
        let authorities = authorities.map_or_else(|| Ok(Vec::new()), Certificate::from_pem_bundle);
        let authorities = authorities.map_err(SetupError::Authorities)?;
        let build = |redirects| {
            let resolver = Arc::new(GuardedResolver(Arc::clone(&policy)));
            let builder = limits.client().redirect(redirects).dns_resolver(resolver).no_proxy();
            let builder = authorities.iter().cloned().fold(builder, reqwest::ClientBuilder::add_root_certificate);
            // A certificate that is none is seen only here.
            builder
                .build()
                .map_err(|e| if authorities.is_empty() { SetupError::Tls(e) } else { SetupError::Authorities(e) })
        };
        let judge = Arc::clone(&policy);
        let following = build(Policy::custom(move |attempt| follow(&judge, attempt)))?;
        let direct = build(Policy::none())?;
        Ok(Self { policy, following, direct, limits })
    }
}

fn follow(policy: &AddressPolicy, attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > REDIRECTS {
        attempt.error(Refusal::Redirects)
    } else if policy.allows_url(attempt.url()) {
        attempt.follow()
    } else {
        attempt.error(Refusal::Address)
    }
}

#[async_trait]
impl HttpClient for GuardedClient {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let client = if request.method() == Method::GET { &self.following } else { &self.direct };
        let wanted = Wanted::of(&request);
        let request = reqwest::Request::try_from(request).map_err(|_| HttpError::InvalidUrl)?;
        if !self.policy.allows_url(request.url()) {
            return Err(HttpError::AddressRefused);
        }
        exchange(client, request, self.limits, wanted).await
    }
}

/// Gives only addresses that are allowed. What a name resolves to is judged where it is used, so that a name that
/// changes its address in between gains nothing (DNS rebinding).
struct GuardedResolver(Arc<AddressPolicy>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| policy.allows_address(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Refusal::Address.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
