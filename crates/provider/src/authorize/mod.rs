//! The authorization endpoint (RFC 6749 §3.1): from a request to its answer.

pub(crate) mod code;
pub(crate) mod dispatch;
pub(crate) mod endpoint;
pub(crate) mod open_transaction;
pub(crate) mod par;
pub(crate) mod response;
pub(crate) mod resume;
pub(crate) mod transaction;
