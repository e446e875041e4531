//! `GET /callback`: the exchange sends the browser back (OpenID Connect Core 1.0, section
//! 3.1.2.5; RFC 9207).

use crate::ambient::{now, token};
use crate::cookies;
use crate::exchange::{self, Identity};
use crate::language::Language;
use crate::pages;
use crate::pending::PendingLogin;
use crate::portal::{Portal, lock};
use crate::problem::{Kind, Problem};
use crate::sessions::Session;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::{HeaderMap, SET_COOKIE};
use std::sync::{Arc, Mutex};
use url::form_urlencoded;

/// The parameters of an authorization response, each at most once.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Answer {
    /// `None` when a parameter is repeated (RFC 6749, section 3.1): two readers could then
    /// disagree on which one counts.
    fn read(query: &str) -> Option<Self> {
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match &*name {
                "state" => &mut answer.state,
                "code" => &mut answer.code,
                "iss" => &mut answer.issuer,
                "error" => &mut answer.error,
                "error_description" => &mut answer.error_description,
                _ => continue,
            };
            if field.replace(value.into_owned()).is_some() {
                return None;
            }
        }
        Some(answer)
    }
}

/// RFC 9207, section 2.4: without this check, an attacker's issuer could have a code of the honest
/// one redeemed in its place (mix-up).
fn names_issuer(answered: Option<&str>, expected: &str, required: bool) -> bool {
    match answered {
        Some(issuer) => issuer == expected,
        None => !required,
    }
}

pub(crate) async fn callback(
    State(portal): State<Arc<Portal>>,
    language: Language,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    match finish(&portal, &query, &headers).await {
        Ok(response) => response,
        Err(problem) => {
            let logged_in =
                session_cookie(&portal, &headers).is_some_and(|id| lock(&portal.sessions).find(id, now()).is_some());
            pages::problem(&portal, language, &problem, logged_in)
        }
    }
}

fn session_cookie<'a>(portal: &Portal, headers: &'a HeaderMap) -> Option<&'a str> {
    cookies::read_token(headers, &portal.settings.cookies.session)
}

async fn finish(portal: &Portal, query: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let answer = Answer::read(query).ok_or(Kind::BadAnswer)?;
    let state = answer.state.ok_or(Kind::StrayAnswer)?;
    let browser = cookies::read_token(headers, &portal.settings.cookies.browser);
    let pending = lock(&portal.pending).take(&state, browser, now()).ok_or(Kind::StrayAnswer)?;
    let provider = portal.provider.get().await?;
    let required = provider.response_names_issuer;
    if !names_issuer(answer.issuer.as_deref(), &portal.settings.issuer, required) {
        tracing::warn!("an answer of another issuer was refused");
        return Err(Kind::BadAnswer.into());
    }
    if let Some(error) = answer.error {
        let description = answer.error_description.as_deref();
        return Err(Problem::of_answer(&error, description));
    }
    let code = answer.code.ok_or(Kind::BadAnswer)?;
    let identity = exchange::identify(portal, provider, code, &pending).await?;
    log_in(portal, identity, pending, session_cookie(portal, headers))
}

fn log_in(
    portal: &Portal,
    identity: Identity,
    pending: PendingLogin,
    previous: Option<&str>,
) -> Result<Response, Problem> {
    let waiting = pending.waiting.filter(|filing| filing.belongs_to(&identity.subject));
    let (id, csrf) = (token()?, token()?);
    let names = &portal.settings.cookies;
    let mut response = pages::see_other(if waiting.is_some() { "/returns" } else { "/" })?;
    if let Some(cookie) = names.set(&names.session, &id, None) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    let session = Session {
        subject: identity.subject,
        exchange_session: identity.exchange_session,
        claims: identity.claims,
        id_token: identity.id_token,
        access_token: identity.access_token,
        demand: pending.demand,
        waiting: Mutex::new(waiting),
        csrf,
    };
    lock(&portal.sessions).start(id, session, previous, now());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuer_of_the_answer() {
        const OURS: &str = "http://localhost:8400";
        for (answered, required, accepted) in [
            (Some(OURS), true, true),
            (Some(OURS), false, true),
            (Some("http://localhost:8400/"), false, false),
            (Some("http://evil.example"), false, false),
            (Some(""), false, false),
            (None, false, true),
            (None, true, false),
        ] {
            assert_eq!(names_issuer(answered, OURS, required), accepted, "{answered:?}");
        }
    }

    #[test]
    fn repeated_parameters_are_refused() {
        let answer = Answer::read("code=a%20b&state=s&lang=en&lang=vi").unwrap();
        assert_eq!(answer.code.as_deref(), Some("a b"));
        assert_eq!(answer.state.as_deref(), Some("s"));
        for query in ["state=a&state=a", "code=a&code=b", "iss=a&iss=b", "error=a&error="] {
            assert_eq!(Answer::read(query), None, "{query}");
        }
    }
}
