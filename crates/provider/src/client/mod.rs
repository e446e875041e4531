//! Clients: who they are, how they prove it, how they register, and what they publish.

pub(crate) mod authentication;
pub(crate) mod documents;
pub(crate) mod logo;
pub(crate) mod registrar;
pub(crate) mod registration;
pub(crate) mod registry;
