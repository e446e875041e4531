//! The dispatcher: every step of a login returns here, and stored state alone decides what is next.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use nixa_audit::{Event, Kind};
use nixa_protocol::authorize::{AuthorizationRequest, AuthorizationResponse, Prompt};
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::subject::subject_for;
use nixa_protocol::{ErrorCode, OAuthError};
use nixa_web::{Browser, Text};
use tower_sessions::Session;

use crate::error::ProviderError;
use crate::host::{Authenticated, Host, Next};
use crate::login::{Current, Pending};
use crate::state::Provider;
use crate::step::{Chosen, see_other};

/// `GET /continue/{login}`
pub(crate) async fn continue_login<H: Host>(
    State(provider): State<Arc<Provider<H>>>,
    session: Session,
    Path(id): Path<String>,
    chosen: Chosen,
    headers: HeaderMap,
) -> Response {
    let step = match provider.open_step(&session, &id, chosen).await {
        Ok(step) => step,
        Err(response) => return response,
    };
    if !provider.host.observe(&headers, &mut step.current.step.clone()) {
        return dispatch(&provider, &step.browser, step.current).await;
    }
    let noted = |pending: &mut Pending<H::Step>| {
        provider.host.observe(&headers, &mut pending.step);
    };
    match provider.logins.change(&step.current.id, provider.now(), noted).await {
        Ok(Some(current)) => dispatch(&provider, &step.browser, current).await,
        Ok(None) => dispatch(&provider, &step.browser, step.current).await,
        Err(error) => provider.failed(&error, step.text),
    }
}

/// Decides what an open login needs and goes there.
pub async fn dispatch<H: Host>(provider: &Provider<H>, browser: &Browser, current: Current<H::Step>) -> Response {
    let text = provider.text(browser, &current.request.ui_locales);
    let decided = decide(provider, browser, &current).await.map(|(next, _)| next);
    let result = match decided {
        Ok(Next::Visit { silent, .. }) if current.request.prompts(Prompt::None) => {
            finish(provider, text, current, Err(silence(silent))).await
        }
        Ok(Next::Visit { path, .. }) => return see_other(&path),
        Ok(Next::Issue(login)) => finish(provider, text, current, Ok(login)).await,
        Ok(Next::Refuse(error)) => finish(provider, text, current, Err(error)).await,
        Err(error) => Err(error),
    };
    result.unwrap_or_else(|error| provider.failed(&error, text))
}

/// Handles a request that has just come: one that needs no page is answered without being stored.
pub(crate) async fn begin<H: Host>(provider: &Provider<H>, browser: &Browser, pending: Pending<H::Step>) -> Response {
    let request = &pending.request;
    let text = provider.text(browser, &request.ui_locales);
    let answered = async {
        let (next, person) = decide(provider, browser, &pending).await?;
        let outcome = match next {
            Next::Visit { silent, .. } if request.prompts(Prompt::None) => Err(silence(silent)),
            Next::Visit { path, .. } => return provider.logins.create(&pending).await.map(|()| see_other(&path)),
            Next::Issue(login) => Ok(login),
            Next::Refuse(error) => Err(error),
        };
        // Of nobody it is not recorded: a stranger could have it written all day.
        let refusal = person.map(|person| refused(request).about(person.as_str()));
        answer(provider, text, request, outcome, refusal).await
    };
    answered.await.unwrap_or_else(|error| provider.failed(&error, text))
}

fn refused(request: &AuthorizationRequest) -> Event {
    Event::new(Kind::LoginRefused).fact("client", request.client_id.as_str())
}

async fn decide<H: Host>(
    provider: &Provider<H>,
    browser: &Browser,
    pending: &Pending<H::Step>,
) -> Result<(Next, Option<Id<Subject>>), ProviderError> {
    let now = provider.now();
    let sso = provider.sessions.load(browser.sid(), now).await?;
    let next = provider.host.next(pending, sso.as_ref(), now).await?;
    Ok((next, sso.map(|sso| sso.subject)))
}

fn silence(code: ErrorCode) -> OAuthError {
    OAuthError::new(code, "the request forbids pages but one is needed")
}

/// Ends the login before its answer is made: of two requests at once, one answers.
async fn finish<H: Host>(
    provider: &Provider<H>,
    text: Text,
    current: Current<H::Step>,
    outcome: Result<Authenticated, OAuthError>,
) -> Result<Response, ProviderError> {
    let now = provider.now();
    if !provider.logins.finish(&current, now).await? {
        // Another request changed or finished it: judge it anew from what is stored.
        return Ok(see_other(&format!("/continue/{}", current.id.as_str())));
    }
    answer(provider, text, &current.request, outcome, Some(refused(&current.request))).await
}

/// Answers the client; `refusal` is what the trail says when it is refused.
async fn answer<H: Host>(
    provider: &Provider<H>,
    text: Text,
    request: &AuthorizationRequest,
    outcome: Result<Authenticated, OAuthError>,
    refusal: Option<Event>,
) -> Result<Response, ProviderError> {
    let issuer = &provider.identity.issuer;
    let state = request.state.as_deref();
    let Some(client) = provider.clients.find(&request.client_id, provider.now()).await? else {
        return Ok(provider.problem(text, StatusCode::BAD_REQUEST, "unknown-service").into_response());
    };
    let hinted = |login: &Authenticated| {
        let sub = subject_for(&client, login.subject.as_str(), &provider.identity.pairwise_key);
        request.hinted_sub.as_ref().is_none_or(|hinted| *hinted == sub)
    };
    let outcome = match outcome {
        Ok(login) if !hinted(&login) => {
            Err(OAuthError::new(ErrorCode::LoginRequired, "another person is logged in than id_token_hint names"))
        }
        Ok(login) => {
            let joined = provider.sessions.change(&login.sid, provider.now(), |s| {
                s.clients.insert(request.client_id.clone());
            });
            // The session may have ended in another tab between the judgement and now.
            let gone = || OAuthError::new(ErrorCode::LoginRequired, "the session has ended");
            joined.await?.map(|_| login).ok_or_else(gone)
        }
        Err(error) => Err(error),
    };
    let answer = match outcome {
        Ok(login) => {
            let acr = login.acr.clone();
            let code = provider.issue_code(request, &client, login).await?;
            tracing::info!(client = client.client_id, acr, "code issued");
            AuthorizationResponse::success(&request.redirect_uri, request.response_mode, &code, state, issuer)
        }
        Err(error) => {
            tracing::info!(client = client.client_id, code = error.code.as_str(), "login refused");
            if let Some(refusal) = refusal {
                provider.record(refusal.fact("error", error.code.as_str()), provider.now()).await?;
            }
            AuthorizationResponse::error(&request.redirect_uri, request.response_mode, &error, state, issuer)
        }
    };
    Ok(provider.send(text, &client, answer))
}
