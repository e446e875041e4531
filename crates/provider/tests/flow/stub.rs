//! The smallest interaction that an engine can be mounted with: one page logs anybody in, and a header says what
//! else a transaction comes to.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use axum::routing::{get, post};
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::{ErrorCode, OAuthError, Timestamp};
use nixa_provider::{
    Authenticated, FormPurpose, Interaction, Next, OpenTransaction, PageError, Provider, ProviderError, SsoSession,
    Transaction, TransactionForm,
};
use nixa_storage::StorageError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Barrier;

use crate::store::WatchedStore;

/// The header that gives a transaction its plan.
pub(crate) const PLAN: &str = "x-plan";

/// What a transaction comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Plan {
    /// A code for whoever is logged in; a page until somebody is.
    #[default]
    LogIn,
    /// The page, whoever is logged in.
    Prompt,
    /// An error for the client, on record.
    Deny,
}

/// What was recorded, and how many codes had been made by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) outcome: &'static str,
    pub(crate) client_id: String,
    pub(crate) codes: usize,
}

pub(crate) struct Stub {
    pub(crate) store: Arc<WatchedStore>,
    pub(crate) records: Mutex<Vec<Recorded>>,
    /// Whether nothing can be recorded.
    pub(crate) record_fails: AtomicBool,
    /// Where requests wait twice between their decision and their answer: they have decided when they meet, and
    /// answer when they meet again.
    pub(crate) decided: Mutex<Option<Arc<Barrier>>>,
}

impl Stub {
    pub(crate) fn new(store: Arc<WatchedStore>) -> Self {
        Self { store, records: Mutex::default(), record_fails: AtomicBool::new(false), decided: Mutex::default() }
    }

    /// The outcomes that were recorded.
    pub(crate) fn outcomes(&self) -> Vec<&'static str> {
        self.records.lock().unwrap().iter().map(|record| record.outcome).collect()
    }
}

#[async_trait]
impl Interaction for Stub {
    type TransactionData = Plan;
    type SessionData = ();
    type Record = Recorded;

    async fn next(
        &self,
        transaction: &Transaction<Plan>,
        session: Option<&SsoSession<()>>,
        now: Timestamp,
    ) -> Result<Next<Recorded>, ProviderError> {
        let record = |outcome| Recorded { outcome, client_id: transaction.request.client_id.clone(), codes: 0 };
        let next = match (transaction.data, session) {
            (Plan::Deny, _) => Next::Deny {
                error: OAuthError::new(ErrorCode::AccessDenied, "the person cancelled the login"),
                record: Some(record("denied")),
            },
            (Plan::LogIn, Some(session)) => Next::Issue {
                authenticated: Authenticated {
                    subject: session.subject.clone(),
                    sid: session.sid.clone(),
                    acr: Some("stub".to_owned()),
                    amr: vec!["pwd".to_owned()],
                    auth_time: now,
                },
                record: record("issued"),
            },
            (Plan::Prompt, _) | (Plan::LogIn, None) => {
                Next::Prompt { path: transaction.page_path(LogIn::PAGE), silent: ErrorCode::LoginRequired }
            }
        };
        let decided = self.decided.lock().unwrap().clone();
        if let Some(decided) = decided {
            decided.wait().await;
            decided.wait().await;
        }
        Ok(next)
    }

    async fn record(&self, record: Recorded, _now: Timestamp) -> Result<(), ProviderError> {
        if self.record_fails.load(Ordering::SeqCst) {
            return Err(StorageError::TooSlow.into());
        }
        self.records.lock().unwrap().push(Recorded { codes: self.store.codes(), ..record });
        Ok(())
    }

    fn observe(&self, headers: &HeaderMap, _data: &Plan) -> Option<Plan> {
        match headers.get(PLAN)?.to_str().unwrap() {
            "prompt" => Some(Plan::Prompt),
            "deny" => Some(Plan::Deny),
            other => panic!("no plan: {other}"),
        }
    }

    async fn claims(
        &self,
        subject: &Id<Subject>,
        names: &BTreeSet<String>,
    ) -> Result<Map<String, Value>, ProviderError> {
        let name = names.get("name").map(|name| (name.clone(), format!("Name of {}", subject.as_str()).into()));
        Ok(name.into_iter().collect())
    }
}

/// The form that logs in whom it names.
struct LogIn;

impl FormPurpose for LogIn {
    const PAGE: &'static str = "enter";
}

/// The form that gives up.
struct Cancel;

impl FormPurpose for Cancel {
    const PAGE: &'static str = "cancel";
}

pub(crate) fn pages() -> Router<Arc<Provider<Stub>>> {
    Router::new().route("/login/{login}/enter", get(show).post(log_in)).route("/login/{login}/cancel", post(cancel))
}

async fn show(open: OpenTransaction<Stub>) -> Html<String> {
    let forms = [open.form::<LogIn>(), open.form::<Cancel>()];
    let form = |target: &nixa_provider::FormTarget| {
        format!("<form action=\"{}\"><input name=\"csrf\" value=\"{}\"></form>", target.action, target.csrf)
    };
    Html(format!("<html lang=\"{}\">{}", open.text.lang().tag(), forms.iter().map(form).collect::<String>()))
}

async fn log_in(filled: TransactionForm<LogIn, Stub>) -> Result<Response, PageError> {
    let TransactionForm { mut open, form, .. } = filled;
    let (provider, subject) = (open.provider.clone(), Id::from_text(form.get("subject").unwrap()));
    let sid = Id::random(&*provider.runtime.entropy);
    let session = provider.sessions.start(sid, subject, (), provider.now()).await?;
    open.browser.log_in(session.sid).await.map_err(ProviderError::from)?;
    open.change_and_go_on(|plan| *plan = Plan::LogIn).await
}

async fn cancel(filled: TransactionForm<Cancel, Stub>) -> Result<Response, PageError> {
    filled.open.change_and_dispatch(|plan| *plan = Plan::Deny).await
}
