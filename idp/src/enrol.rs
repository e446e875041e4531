//! Making an account.

use nixa_audit::{AccountChange, AuditEvent, AuthenticationMethod};
use nixa_credentials::{Account, Accounts, Authenticator};
use nixa_protocol::id::Id;
use nixa_protocol::{Entropy, Timestamp};
use nixa_storage::StorageError;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::authenticators::password::{self, HashError};

/// Why an account could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// The store failed, or the login name is taken.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount {
    /// The login name; stored in lower case.
    pub username: String,
    /// The password, of which only a hash is stored.
    pub password: String,
    /// The TOTP key in base32.
    pub totp_secret: String,
    /// How well the person was proofed, 0-2.
    pub identity_level: u8,
    /// The claims that the account holds.
    pub attributes: Map<String, Value>,
}

/// Makes an account with a password and an authenticator app.
pub async fn enrol(
    accounts: &dyn Accounts,
    entropy: &dyn Entropy,
    new: NewAccount,
    now: Timestamp,
) -> Result<(), EnrolError> {
    let account = Account {
        id: Id::random(entropy),
        username: new.username.to_lowercase(),
        identity_level: new.identity_level,
        attributes: new.attributes,
    };
    let authenticators = [
        Authenticator {
            method: AuthenticationMethod::Password.as_str().to_owned(),
            secret: password::hash(&new.password, entropy)?,
        },
        Authenticator { method: AuthenticationMethod::Totp.as_str().to_owned(), secret: new.totp_secret },
    ];
    let event = AuditEvent::Account {
        person: account.id.clone(),
        change: AccountChange::Created,
        methods: vec![AuthenticationMethod::Password, AuthenticationMethod::Totp],
        identity_level: account.identity_level,
    };
    Ok(accounts.create(&account, &authenticators, &[event], now).await?)
}
