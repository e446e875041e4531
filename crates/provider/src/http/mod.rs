//! What every endpoint shares on its way in and out.

pub(crate) mod bearer;
pub(crate) mod browser_limit;
pub(crate) mod cors;
pub(crate) mod error_layer;
pub(crate) mod health;
pub(crate) mod json;
pub(crate) mod language;
pub(crate) mod metadata;
pub(crate) mod page_error;
pub(crate) mod rate_limit;
pub(crate) mod visitor;
