//! The dispatcher: every step of a login returns here, and stored state alone decides what is next.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use nixa_audit::{AuditEvent, LoginRefusal};
use nixa_protocol::authorize::{AuthorizationRequest, AuthorizationResponse, Prompt};
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::subject::subject_for;
use nixa_protocol::{ErrorCode, OAuthError};
use nixa_web::{BrowserSession, Text};
use tower_sessions::Session;

use crate::authorize::page::{Chosen, see_other};
use crate::authorize::transaction::{StoredTransaction, Transaction};
use crate::error::ProviderError;
use crate::interaction::{Authenticated, Interaction, Next};
use crate::provider::Provider;

/// `GET /continue/{login}`
pub(crate) async fn continue_login<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    session: Session,
    Path(id): Path<String>,
    chosen: Chosen,
    headers: HeaderMap,
) -> Response {
    let step = match provider.open_step(&session, &id, chosen).await {
        Ok(step) => step,
        Err(response) => return response,
    };
    if !provider.interaction.observe(&headers, &mut step.current.data.clone()) {
        return dispatch(&provider, &step.browser, step.current).await;
    }
    let noted = |transaction: &mut Transaction<I::TransactionData>| {
        provider.interaction.observe(&headers, &mut transaction.data);
    };
    match provider.transactions.change(&step.current.id, provider.now(), noted).await {
        Ok(Some(current)) => dispatch(&provider, &step.browser, current).await,
        Ok(None) => dispatch(&provider, &step.browser, step.current).await,
        Err(error) => provider.failed(&error, step.text),
    }
}

/// Decides what an open login needs and goes there.
pub async fn dispatch<I: Interaction>(
    provider: &Provider<I>,
    browser: &BrowserSession,
    current: StoredTransaction<I::TransactionData>,
) -> Response {
    let text = provider.text(browser, &current.request.ui_locales);
    let decided = decide(provider, browser, &current).await.map(|(next, _)| next);
    let result = match decided {
        Ok(Next::Prompt { silent, .. }) if current.request.prompts(Prompt::None) => {
            finish(provider, text, current, Err(silence(silent))).await
        }
        Ok(Next::Prompt { path, .. }) => return see_other(&path),
        Ok(Next::Issue(login)) => finish(provider, text, current, Ok(login)).await,
        Ok(Next::Deny(error)) => finish(provider, text, current, Err(error)).await,
        Err(error) => Err(error),
    };
    result.unwrap_or_else(|error| provider.failed(&error, text))
}

/// Handles a request that has just come: one that needs no page is answered without being stored.
pub(crate) async fn begin<I: Interaction>(
    provider: &Provider<I>,
    browser: &BrowserSession,
    transaction: Transaction<I::TransactionData>,
) -> Response {
    let request = &transaction.request;
    let text = provider.text(browser, &request.ui_locales);
    let answered = async {
        let (next, person) = decide(provider, browser, &transaction).await?;
        let outcome = match next {
            Next::Prompt { silent, .. } if request.prompts(Prompt::None) => Err(silence(silent)),
            Next::Prompt { path, .. } => {
                return provider.transactions.create(&transaction).await.map(|()| see_other(&path));
            }
            Next::Issue(login) => Ok(login),
            Next::Deny(error) => Err(error),
        };
        // Of nobody it is not recorded: a stranger could have it written all day.
        let refusal = person.map(|person| RecordedRefusal { person: Some(person) });
        answer(provider, text, request, outcome, refusal).await
    };
    answered.await.unwrap_or_else(|error| provider.failed(&error, text))
}

/// A refusal that is recorded, of this person as far as it is known.
struct RecordedRefusal {
    person: Option<Id<Subject>>,
}

impl RecordedRefusal {
    fn event(self, request: &AuthorizationRequest, error: ErrorCode) -> AuditEvent {
        let refusal = LoginRefusal::Request { client: request.client_id.clone(), error };
        AuditEvent::LoginRefused { person: self.person, refusal }
    }
}

async fn decide<I: Interaction>(
    provider: &Provider<I>,
    browser: &BrowserSession,
    transaction: &Transaction<I::TransactionData>,
) -> Result<(Next, Option<Id<Subject>>), ProviderError> {
    let now = provider.now();
    let sso = provider.sessions.load(browser.sid(), now).await?;
    let next = provider.interaction.next(transaction, sso.as_ref(), now).await?;
    Ok((next, sso.map(|sso| sso.subject)))
}

fn silence(code: ErrorCode) -> OAuthError {
    OAuthError::new(code, "the request forbids pages but one is needed")
}

/// Ends the login before its answer is made: of two requests at once, one answers.
async fn finish<I: Interaction>(
    provider: &Provider<I>,
    text: Text,
    current: StoredTransaction<I::TransactionData>,
    outcome: Result<Authenticated, OAuthError>,
) -> Result<Response, ProviderError> {
    let now = provider.now();
    if !provider.transactions.finish(&current, now).await? {
        // Another request changed or finished it: judge it anew from what is stored.
        return Ok(see_other(&format!("/continue/{}", current.id.as_str())));
    }
    answer(provider, text, &current.request, outcome, Some(RecordedRefusal { person: None })).await
}

/// Answers the client; a refusal is recorded with `refusal`.
async fn answer<I: Interaction>(
    provider: &Provider<I>,
    text: Text,
    request: &AuthorizationRequest,
    outcome: Result<Authenticated, OAuthError>,
    refusal: Option<RecordedRefusal>,
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
                provider.record(refusal.event(request, error.code), provider.now()).await?;
            }
            AuthorizationResponse::error(&request.redirect_uri, request.response_mode, &error, state, issuer)
        }
    };
    Ok(provider.send(text, &client, answer))
}
