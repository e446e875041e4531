//! The transaction that `authorization_details` names (RFC 9396 §2, §5).

use serde_json::{Map, Value};

use crate::client::Client;
use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;

/// The one type of authorization details: a transaction by its code in the client's catalogue.
pub const TRANSACTION: &str = "urn:nixa:transaction";

/// The service code of a transaction (RFC 9396 §2). What the transaction needs stands in the catalogue at
/// the server: a client names the service and cannot choose its level. A type, a member or a code that is
/// not known is refused as RFC 9396 §5 says; acting without it would serve a weaker request than was meant.
pub(super) fn check_authorization_details(params: &Params, client: &Client) -> Result<Option<String>, OAuthError> {
    let Some(text) = params.get("authorization_details") else { return Ok(None) };
    let refuse = |why| Err(OAuthError::new(ErrorCode::InvalidAuthorizationDetails, why));
    let Ok(details) = serde_json::from_str::<Vec<Map<String, Value>>>(text) else {
        return refuse("authorization_details is not an array of objects");
    };
    let [detail] = details.as_slice() else { return refuse("authorization_details must hold one transaction") };
    if detail.get("type").and_then(Value::as_str) != Some(TRANSACTION) {
        return refuse("the type of authorization_details is not supported");
    }
    if detail.keys().any(|member| member != "type" && member != "service") {
        return refuse("authorization_details has an unknown member");
    }
    match detail.get("service").and_then(Value::as_str) {
        Some(service) if client.services.contains(service) => Ok(Some(service.to_owned())),
        _ => refuse("the service is not in the catalogue of the client"),
    }
}
