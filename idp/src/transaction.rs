//! What the identity provider remembers: of a transaction, and of a single sign-on session.

use nixa_protocol::Timestamp;
use nixa_protocol::id::{self, Id};
use nixa_provider::{SsoSession, Transaction};
use serde::{Deserialize, Serialize};

pub(crate) type IdpTransaction = Transaction<TransactionData>;
pub(crate) type IdpSession = SsoSession<SessionData>;

/// How many factors a session remembers; the oldest go first.
const MOST_FACTORS: usize = 32;

/// A factor that was shown, and in which transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFactor {
    /// The method's name in the policy.
    pub method: String,
    /// When its proof was accepted.
    pub at: Timestamp,
    /// The transaction whose page took it.
    pub shown_in: Id<id::Transaction>,
}

/// What is remembered of a single sign-on session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionData {
    /// The login name, to show who is logged in.
    pub username: String,
    /// How well the person was proofed.
    pub identity_level: u8,
    /// The methods that the account has.
    pub enrolled: Vec<String>,
    /// The factors shown so far.
    pub factors: Vec<ShownFactor>,
}

/// What a page has to say when it is shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdpNotice {
    /// The password or code was wrong.
    Wrong,
    /// Too many wrong answers; none is looked at until then.
    Locked(Timestamp),
}

/// What is remembered of one transaction.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TransactionData {
    /// The person gave up: the client is answered with `access_denied`.
    pub cancelled: bool,
    /// The person who is logged in is not the one who wants to log in.
    pub switching: bool,
    /// What the next page has to say.
    pub notice: Option<IdpNotice>,
}

impl SessionData {
    /// Adds a factor. They are kept per transaction, so that a password given in one tab does not take another
    /// tab's away.
    pub(crate) fn add_factor(&mut self, factor: ShownFactor) {
        self.factors.retain(|f| f.method != factor.method || f.shown_in != factor.shown_in);
        self.factors.push(factor);
        let too_many = self.factors.len().saturating_sub(MOST_FACTORS);
        self.factors.drain(..too_many);
    }
}
