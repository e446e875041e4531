//! A portal in one file, to copy: it logs people in, steps up to a higher level and logs out, with `openidconnect`,
//! `axum` and `tower-sessions`. How to run it: `test-rps/README.md`.

use std::{error::Error, fmt::Display, sync::Arc};

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use openidconnect::core::{CoreAuthenticationFlow as Flow, CoreClient, CoreIdToken, CoreIdTokenClaims};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndSessionUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IssuerUrl, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, TokenResponse as _,
};
use tower_sessions::cookie::{SameSite, time::Duration};
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer};
use url::Url;

/// Assurance levels, lowest first.
const LEVELS: [&str; 3] = ["urn:nixa:loa:1", "urn:nixa:loa:2", "urn:nixa:loa:3"];

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

struct Portal {
    home: PostLogoutRedirectUrl,
    issuer: IssuerUrl,
    client: Client,
    end_session: EndSessionUrl,
    http: reqwest::Client,
}

#[derive(Template)]
#[template(
    source = r#"<!doctype html><title>Portal</title>{% if let Some(claims) = claims %}<p>{{ claims.subject().as_str() }}
<p id="acr">{% if let Some(acr) = claims.auth_context_ref() %}{{ acr.as_str() }}{% endif %}<p><a href="/login/2">Step up</a>
<form method="post" action="/logout"><button>Log out</button></form>{% else %}<a href="/login/1">Log in</a>{% endif %}"#,
    ext = "html"
)]
struct Home {
    claims: Option<CoreIdTokenClaims>,
}

type Refusal = (StatusCode, &'static str);

/// The cause goes to the log, not to the page.
fn refuse(cause: impl Display) -> Refusal {
    tracing::warn!(%cause, "refused");
    (StatusCode::FORBIDDEN, "You are not logged in by this. Go back and start again.")
}

async fn home(session: Session) -> Result<Html<String>, Refusal> {
    let claims = session.get("claims").await.map_err(refuse)?;
    Home { claims }.render().map(Html).map_err(refuse)
}

/// `/login/1` logs in, `/login/2` steps up: people are asked only for what is missing.
async fn login(portal: State<Arc<Portal>>, session: Session, level: Path<usize>) -> Result<Redirect, Refusal> {
    let acr = LEVELS.get(level.wrapping_sub(1)).ok_or_else(|| refuse("no such level"))?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let request = portal.client.authorize_url(Flow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
    let essential = format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{acr}"]}}}}}}"#);
    let (url, state, nonce) = request.set_pkce_challenge(challenge).add_extra_param("claims", essential).url();
    // In the session and under its `state`, so that only this browser can finish this login; the code is good once.
    session.insert(&format!("state {}", state.secret()), (nonce, verifier, *level)).await.map_err(refuse)?;
    Ok(Redirect::to(url.as_str()))
}

#[derive(serde::Deserialize)]
struct Answer {
    state: String,
    iss: String,
    code: Option<String>,
}

async fn callback(portal: State<Arc<Portal>>, session: Session, answer: Query<Answer>) -> Result<Redirect, Refusal> {
    let begun = session.remove(&format!("state {}", answer.state)).await.map_err(refuse)?;
    let (nonce, verifier, level): (Nonce, PkceCodeVerifier, usize) = begun.ok_or_else(|| refuse("another browser"))?;
    // RFC 9207: a code of one issuer must not be redeemed at another.
    if answer.iss != portal.issuer.as_str() {
        return Err(refuse("the answer is of another issuer"));
    }
    let code = answer.code.clone().ok_or_else(|| refuse("cancelled, or the level cannot be reached"))?;
    let request =
        portal.client.exchange_code(AuthorizationCode::new(code)).map_err(refuse)?.set_pkce_verifier(verifier);
    let tokens = request.request_async(&|request| send(portal.http.clone(), request)).await.map_err(refuse)?;
    let id_token = tokens.id_token().ok_or_else(|| refuse("no ID token"))?;
    // Signature, issuer, audience, expiry and nonce. The keys were read at start; read them again when they change.
    let claims = id_token.claims(&portal.client.id_token_verifier(), &nonce).map_err(refuse)?;
    let reached = claims.auth_context_ref().and_then(|acr| LEVELS.iter().position(|known| *known == acr.as_str()));
    if reached.is_none_or(|index| index + 1 < level) {
        return Err(refuse("the login is below the level that was asked for"));
    }
    session.insert("claims", claims).await.map_err(refuse)?;
    session.insert("id_token", id_token).await.map_err(refuse)?;
    // A session id that someone planted before the login is worth nothing after it.
    session.cycle_id().await.map_err(refuse)?;
    Ok(Redirect::to("/"))
}

/// Here, then at the exchange. A post of another site brings no `SameSite=Lax` cookie, so none can log a person out.
async fn logout(portal: State<Arc<Portal>>, session: Session) -> Result<Redirect, Refusal> {
    let id_token: Option<CoreIdToken> = session.remove("id_token").await.map_err(refuse)?;
    session.flush().await.map_err(refuse)?;
    let id_token = id_token.ok_or_else(|| refuse("nobody is logged in"))?;
    let request = LogoutRequest::from(portal.end_session.clone()).set_id_token_hint(&id_token);
    Ok(Redirect::to(request.set_post_logout_redirect_uri(portal.home.clone()).http_get_url().as_str()))
}

/// HTTP for `openidconnect`; its own features `reqwest` and `rustls-tls` would do as well.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let response = http.execute(request.try_into()?).await?;
    let mut answer = HttpResponse::default();
    (*answer.status_mut(), *answer.headers_mut()) = (response.status(), response.headers().clone());
    *answer.body_mut() = response.bytes().await?.into();
    Ok(answer)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("set {name}"));
    rustls::crypto::aws_lc_rs::default_provider().install_default().map_err(|_| "rustls has a provider already")?;
    // A redirect could carry the client secret to another host.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let (url, issuer) = (Url::parse(&setting("PORTAL_URL")?)?, IssuerUrl::new(setting("ISSUER")?)?);
    let metadata = ProviderMetadataWithLogout::discover_async(issuer.clone(), &|r| send(http.clone(), r)).await?;
    let end_session = metadata.additional_metadata().end_session_endpoint.clone().ok_or("no end_session_endpoint")?;
    let (id, secret) = (ClientId::new(setting("CLIENT_ID")?), ClientSecret::new(setting("CLIENT_SECRET")?));
    let client = Client::from_provider_metadata(metadata, id, Some(secret))
        .set_redirect_uri(RedirectUrl::from_url(url.join("callback")?));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", url.port().ok_or("no port")?)).await?;
    // Keep the sessions of a real portal in a database: this store loses them at a restart and never shrinks.
    let sessions = SessionManagerLayer::new(MemoryStore::default())
        .with_secure(url.scheme() == "https")
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(Duration::minutes(30)));
    let router = Router::new()
        .route("/", get(home))
        .route("/login/{level}", get(login))
        .route("/callback", get(callback))
        .route("/logout", post(logout))
        .layer(sessions)
        .with_state(Arc::new(Portal { home: PostLogoutRedirectUrl::from_url(url), issuer, client, end_session, http }));
    Ok(axum::serve(listener, router).await?)
}
