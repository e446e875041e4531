//! The dispatcher: every page of a transaction returns here, and stored state alone decides what is next.

use axum::http::StatusCode;
use axum::response::Response;
use nixa_audit::{AuditEvent, LoginRefusal};
use nixa_protocol::authorize::{AuthorizationRequest, AuthorizationResponse, Prompt};
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::{Client, ErrorCode, OAuthError, random_token};
use nixa_web::{BrowserSession, Problem, Text};

use crate::authorize::code::{CodeRecord, Codes};
use crate::authorize::transaction::{StoredTransaction, Transaction};
use crate::error::ProviderError;
use crate::http::language::{ChosenLanguage, language_for};
use crate::http::page_error::{PageError, see_other};
use crate::interaction::{Authenticated, Interaction, Next};
use crate::provider::Provider;

/// What a transaction comes to: a code with what is to be recorded of it, or an error.
struct Outcome<R> {
    result: Result<Authenticated, OAuthError>,
    record: Option<R>,
}

impl<R> Outcome<R> {
    fn denied(error: OAuthError) -> Self {
        Self { result: Err(error), record: None }
    }
}

/// Decides what a stored transaction needs and goes there.
pub(crate) async fn dispatch<I: Interaction>(
    provider: &Provider<I>,
    browser: &BrowserSession,
    transaction: StoredTransaction<I::TransactionData>,
) -> Result<Response, PageError> {
    let (next, _) = decide(provider, browser, &transaction).await?;
    let outcome = match prompted(next, &transaction) {
        Prompted::Page(path) => return Ok(see_other(&path)),
        Prompted::Answer(outcome) => outcome,
    };
    // Before the answer is made: of two requests at once, one answers.
    if !provider.transactions.finish(&transaction, provider.now()).await? {
        // Another request changed or finished it: judge it anew from what is stored.
        return Ok(see_other(&transaction.continue_path()));
    }
    let text = language_for(Some(browser), ChosenLanguage::default(), &transaction.request.ui_locales);
    let denial = denied(&transaction.request, None);
    answer(provider, text, &transaction.request, outcome, Some(denial)).await
}

/// Handles a request that has just come: one that needs no page is answered without being stored.
pub(crate) async fn begin<I: Interaction>(
    provider: &Provider<I>,
    browser: &BrowserSession,
    transaction: Transaction<I::TransactionData>,
) -> Result<Response, PageError> {
    let (next, person) = decide(provider, browser, &transaction).await?;
    match prompted(next, &transaction) {
        Prompted::Page(path) => {
            provider.transactions.create(&transaction).await?;
            Ok(see_other(&path))
        }
        Prompted::Answer(outcome) => {
            let text = language_for(Some(browser), ChosenLanguage::default(), &transaction.request.ui_locales);
            // Of nobody it is not recorded: a stranger could have it written all day.
            let denial = person.map(|person| denied(&transaction.request, Some(person)));
            answer(provider, text, &transaction.request, outcome, denial).await
        }
    }
}

/// The audit record of a request that is answered with an error, by that error.
fn denied(request: &AuthorizationRequest, person: Option<Id<Subject>>) -> impl FnOnce(ErrorCode) -> AuditEvent {
    let client = request.client_id.clone();
    |error| AuditEvent::LoginRefused { person, refusal: LoginRefusal::Request { client, error } }
}

async fn decide<I: Interaction>(
    provider: &Provider<I>,
    browser: &BrowserSession,
    transaction: &Transaction<I::TransactionData>,
) -> Result<(Next<I::Record>, Option<Id<Subject>>), ProviderError> {
    let now = provider.now();
    let session = provider.sessions.load(browser.sid(), now).await?;
    let next = provider.interaction.next(transaction, session.as_ref(), now).await?;
    Ok((next, session.map(|session| session.subject)))
}

enum Prompted<R> {
    Page(String),
    Answer(Outcome<R>),
}

/// A page, unless the request forbids pages (OpenID Connect Core §3.1.2.1, `prompt=none`).
fn prompted<R, D>(next: Next<R>, transaction: &Transaction<D>) -> Prompted<R> {
    match next {
        Next::Prompt { silent, .. } if transaction.request.prompts(Prompt::None) => {
            Prompted::Answer(Outcome::denied(OAuthError::new(silent, "the request forbids pages but one is needed")))
        }
        Next::Prompt { path, .. } => Prompted::Page(path),
        Next::Issue { authenticated, record } => {
            Prompted::Answer(Outcome { result: Ok(authenticated), record: Some(record) })
        }
        Next::Deny { error, record } => Prompted::Answer(Outcome { result: Err(error), record }),
    }
}

/// Answers the client; `denial` makes the audit record of an error.
async fn answer<I: Interaction>(
    provider: &Provider<I>,
    text: Text,
    request: &AuthorizationRequest,
    outcome: Outcome<I::Record>,
    denial: Option<impl FnOnce(ErrorCode) -> AuditEvent>,
) -> Result<Response, PageError> {
    let now = provider.now();
    let issuer = &provider.settings.issuer;
    let Some(client) = provider.clients.find(&request.client_id, now).await.map_err(ProviderError::from)? else {
        return Err(PageError::refused(StatusCode::BAD_REQUEST, Problem::UnknownService));
    };
    let Outcome { result, mut record } = outcome;
    let result = match result {
        Ok(authenticated) => match admit(provider, &client, request, &authenticated).await? {
            None => Ok(authenticated),
            Some(error) => {
                // What was to be recorded says that a code was issued.
                record = None;
                Err(error)
            }
        },
        Err(error) => Err(error),
    };
    // Once, for the request that answers, and before a code exists.
    if let Some(record) = record {
        provider.interaction.record(record, now).await?;
    }
    let (uri, mode, state) = (&request.redirect_uri, request.response_mode, request.state.as_deref());
    let answer = match result {
        Ok(authenticated) => {
            let acr = authenticated.acr.clone();
            let code = random_token(&*provider.runtime.entropy);
            let expires = now + provider.settings.lifetimes.code;
            let record =
                CodeRecord::new(Id::random(&*provider.runtime.entropy), request, &client, authenticated, expires);
            Codes::new(provider.stores.short.clone()).insert(&code, &record, now).await?;
            tracing::info!(client = client.client_id, acr, "code issued");
            AuthorizationResponse::success(uri, mode, &code, state, issuer)
        }
        Err(error) => {
            tracing::info!(client = client.client_id, code = error.code.as_str(), "login refused");
            if let Some(denial) = denial {
                provider.record(denial(error.code), now).await?;
            }
            AuthorizationResponse::error(uri, mode, &error, state, issuer)
        }
    };
    Ok(provider.send(text, &client, answer))
}

/// Adds the client to the session of a satisfied request; the error when it must not be answered with a code after
/// all.
async fn admit<I: Interaction>(
    provider: &Provider<I>,
    client: &Client,
    request: &AuthorizationRequest,
    authenticated: &Authenticated,
) -> Result<Option<OAuthError>, ProviderError> {
    let sub = provider.settings.subject_for(client, &authenticated.subject);
    if request.hinted_sub.as_ref().is_some_and(|hinted| *hinted != sub) {
        let other = "another person is logged in than id_token_hint names";
        return Ok(Some(OAuthError::new(ErrorCode::LoginRequired, other)));
    }
    let joined = provider.sessions.change(&authenticated.sid, provider.now(), |session| {
        session.clients.insert(request.client_id.clone());
    });
    // The session may have ended in another tab between the judgement and now.
    let ended = || OAuthError::new(ErrorCode::LoginRequired, "the session has ended");
    Ok(joined.await?.is_none().then(ended))
}
