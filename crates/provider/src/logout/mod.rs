//! Logout: requested by a client or a person, and told to every client of the session.

pub(crate) mod back_channel;
pub(crate) mod deliveries;
pub(crate) mod end_session;
pub(crate) mod front_channel;
pub(crate) mod outcome;
pub(crate) mod request;
pub(crate) mod session_end;
