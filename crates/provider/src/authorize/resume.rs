//! Where the browser comes back to after each page of a transaction.

use axum::http::HeaderMap;
use axum::response::Response;

use crate::authorize::dispatch::dispatch;
use crate::authorize::open_transaction::OpenTransaction;
use crate::http::page_error::PageError;
use crate::interaction::Interaction;

/// `GET /continue/{login}`
pub(crate) async fn resume<I: Interaction>(
    headers: HeaderMap,
    open: OpenTransaction<I>,
) -> Result<Response, PageError> {
    let OpenTransaction { provider, browser, transaction, .. } = open;
    if provider.interaction.observe(&headers, &transaction.data).is_none() {
        return dispatch(&provider, &browser, transaction).await;
    }
    let changed = provider.transactions.change(&transaction.id, provider.now(), |t| {
        if let Some(data) = provider.interaction.observe(&headers, &t.data) {
            t.data = data;
        }
    });
    let transaction = changed.await?.unwrap_or(transaction);
    dispatch(&provider, &browser, transaction).await
}
