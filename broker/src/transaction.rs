//! What the broker remembers: of a transaction, and of a single sign-on session.

use std::collections::{BTreeMap, BTreeSet};

use assurance_policy::{Proofing, Quality};
use nixa_protocol::authorize::AuthorizationRequest;
use nixa_protocol::id::{self, Id, Sso};
use nixa_protocol::{Digest, Timestamp};
use nixa_provider::{SsoSession, Transaction};
use serde::{Deserialize, Serialize};

pub(crate) type BrokerTransaction = Transaction<TransactionData>;
pub(crate) type BrokerSession = SsoSession<SessionData>;

/// A factor that an identity provider vouched for, and in which transaction it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFactor {
    /// The method's name in the policy.
    pub method: String,
    /// The identity provider, by its name in the configuration.
    pub source: String,
    /// When it was shown, as the identity provider states it.
    pub at: Timestamp,
    /// Qualities that were established at this use.
    #[serde(default)]
    pub qualities: BTreeSet<Quality>,
    /// In which transaction it was shown anew; none when the provider only remembered it.
    pub shown_in: Option<Id<id::Transaction>>,
}

/// What is remembered of a single sign-on session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SessionData {
    /// The name to greet with.
    pub name: String,
    /// The factors that identity providers vouched for.
    pub factors: Vec<KnownFactor>,
    /// How well they know who it is.
    pub proofing: Vec<Proofing>,
    /// The methods that the person has at an identity provider, where it says so.
    #[serde(default)]
    pub enrolled: BTreeMap<String, BTreeSet<String>>,
    /// The mark of the browser.
    #[serde(default)]
    pub device: Option<Digest>,
    /// Whether the person had not logged in before in this browser when the session began; it stays so
    /// while the session lasts.
    #[serde(default)]
    pub new_device: bool,
}

/// What a page has to say when it is shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BrokerNotice {
    /// The person cancelled at the identity provider.
    Cancelled,
    /// The identity provider failed or gave an answer that is not valid.
    IdpFailed,
    /// The identity provider vouches for another person than the one who is logged in.
    OtherPerson,
    /// The account is linked to a person with another personal number.
    Conflict,
}

/// What is remembered of one transaction.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TransactionData {
    /// The person gave up on a page of ours: the client is answered with `access_denied`.
    pub cancelled: bool,
    /// The person has read that the level cannot be reached.
    pub unmet_read: bool,
    /// The person who is logged in is not the one who wants to log in.
    pub switching: bool,
    /// The session in which the person agreed to go on: another one's agreement counts for nothing.
    pub confirmed: Option<Id<Sso>>,
    /// Identity providers that were asked and did not reach the level.
    pub fell_short: BTreeSet<String>,
    /// What the next page has to say.
    pub notice: Option<BrokerNotice>,
    /// The risk signals that came with requests of this transaction.
    #[serde(default)]
    pub signals: BTreeSet<String>,
}

impl TransactionData {
    /// Begins anew with another account.
    pub(crate) fn switch_account(&mut self) {
        self.switching = true;
        self.confirmed = None;
        self.notice = None;
        self.fell_short.clear();
    }
}

/// The claims that a request asks for one by one (OpenID Connect Core §5.5).
pub(crate) fn claims_by_name(request: &AuthorizationRequest) -> impl Iterator<Item = &String> {
    request.claims.userinfo.keys().chain(request.claims.id_token.keys())
}
