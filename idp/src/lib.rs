//! The identity provider: accounts, authenticators, and the pages on which people show their factors.
//!
//! It owns credentials and must not know the broker: to it, the broker is a client like any other. Its
//! levels come from a policy file of its own, judged by `assurance-policy`.

mod attempts;
mod authenticators;
mod enrol;
mod interaction;
mod pages;
mod transaction;

pub use attempts::Attempts;
pub use authenticators::password::Passwords;
pub use authenticators::totp;
pub use enrol::{EnrolError, NewAccount, enrol};
pub use interaction::Idp;
pub use pages::routes;
pub use transaction::{IdpNotice, SessionData, ShownFactor, TransactionData};
