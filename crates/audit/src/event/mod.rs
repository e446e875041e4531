//! What happened, before it has a place in a chain: a variant for each kind of record, with its facts.
//!
//! The fields of a variant are the record's facts, by their names and in their order; an absent one is left out. What
//! is marked `serde(skip)` stands elsewhere in the record: the person in a column, personal data encrypted. Records are
//! kept for years and verified over their text, so a fact is added, never renamed; a test pins the text of each variant.

mod words;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;

use nixa_protocol::id::{Decision, Grant, Id, Subject};
use nixa_protocol::{Digest, ErrorCode, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

pub use words::{
    AccountChange, AdministrationChange, AuthenticationMethod, ClientChange, DecisionOutcome, DeliveryOutcome,
    GrantType, KeyChange, Kind, LoginRefusalReason, RetentionChange, RevocationReason,
};

use crate::checkpoint::Head;

/// Something that happened. None of its facts is a token, a session's identifier, a claim's value or other personal
/// data: a person is known by a random internal identifier, which says nothing by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AuditEvent {
    /// [`Kind::Login`]
    Login {
        /// The person who authenticated.
        #[serde(skip)]
        person: Id<Subject>,
        /// By what, and for which client.
        #[serde(flatten)]
        means: LoginMeans,
    },
    /// [`Kind::LoginRefused`]
    LoginRefused {
        /// Who, as far as it was known.
        #[serde(skip)]
        person: Option<Id<Subject>>,
        /// At which step, and why.
        #[serde(flatten)]
        refusal: LoginRefusal,
    },
    /// [`Kind::Decision`]: an entry of the table of decisions, which holds the reasons.
    Decision {
        /// Of whom, when somebody was logged in.
        #[serde(skip)]
        person: Option<Id<Subject>>,
        /// The entry's identifier in that table.
        decision: Id<Decision>,
        /// The client that asked for a level.
        client: String,
        /// The version of the policy that judged.
        policy: String,
        /// Whether the evidence reached the level.
        outcome: DecisionOutcome,
        /// The level that was reached, or that is to be.
        #[serde(skip_serializing_if = "Option::is_none")]
        acr: Option<String>,
        /// The digest of the entry's text, which binds it though it stands elsewhere.
        record: Digest,
    },
    /// [`Kind::Consent`]
    Consent {
        /// The person who agreed to the release.
        #[serde(skip)]
        person: Id<Subject>,
        /// The client that may have them.
        client: String,
        /// The names of scopes and claims.
        claims: Vec<String>,
    },
    /// [`Kind::ClaimsReleased`], at the userinfo endpoint.
    ClaimsReleased {
        /// The person whom the claims are about.
        #[serde(skip)]
        person: Id<Subject>,
        /// The client that has them.
        client: String,
        /// The names of the claims; their values are never recorded.
        claims: Vec<String>,
    },
    /// [`Kind::TokensIssued`]
    TokensIssued {
        /// The client that has them.
        client: String,
        /// What they were given for.
        by: GrantType,
        /// The scopes of the access token (RFC 6749 §3.3).
        scopes: BTreeSet<String>,
        /// The grant that they belong to; none for a token of the client itself.
        #[serde(flatten)]
        grant: Option<IssuedGrant>,
    },
    /// [`Kind::GrantRevoked`]
    GrantRevoked {
        /// Whose; not known of an access token alone.
        #[serde(skip)]
        person: Option<Id<Subject>>,
        /// The client that had it.
        client: String,
        /// The grant; none where an access token alone was revoked.
        #[serde(skip_serializing_if = "Option::is_none")]
        grant: Option<Id<Grant>>,
        /// The cause: a replay, the end of the session, or the client's own request.
        reason: RevocationReason,
    },
    /// [`Kind::Link`]
    Link {
        /// The person that the account belongs to from now on.
        #[serde(skip)]
        person: Id<Subject>,
        /// The identifier of the identity provider.
        idp: String,
    },
    /// [`Kind::Logout`]
    Logout {
        /// The person whose session it was.
        #[serde(skip)]
        person: Id<Subject>,
        /// The beginning of the digest of the session's identifier: it joins records, and opens nothing.
        session: String,
        /// How many clients the session had, or left it.
        clients: usize,
        /// The client that was left alone, while the session goes on.
        #[serde(skip_serializing_if = "Option::is_none")]
        only: Option<String>,
    },
    /// [`Kind::LogoutDelivery`]
    LogoutDelivery {
        /// The person whose session ended.
        #[serde(skip)]
        person: Id<Subject>,
        /// The client that was to be told.
        client: String,
        /// The session, as in [`AuditEvent::Logout`].
        session: String,
        /// Which try it was, from 1.
        attempt: i64,
        /// Whether the client took it, and what follows if not.
        outcome: DeliveryOutcome,
    },
    /// [`Kind::Account`]
    Account {
        /// The account, by its internal identifier.
        #[serde(skip)]
        person: Id<Subject>,
        /// The change, after which the account is as the other facts say.
        change: AccountChange,
        /// The methods that the account has now.
        methods: Vec<AuthenticationMethod>,
        /// How well the person was proofed, 0 to 2.
        identity_level: u8,
    },
    /// [`Kind::Key`]
    Key(KeyEvent),
    /// [`Kind::Configuration`]
    Configuration(ConfigurationEvent),
    /// [`Kind::Administration`]
    Administration {
        /// What the administrator did, with the facts of it.
        #[serde(flatten)]
        act: AdministrationEvent,
        /// The account of the machine under which it was done.
        by: String,
    },
    /// [`Kind::Retention`]
    Retention {
        /// What was done to the records: so far only their removal.
        change: RetentionChange,
        /// The last record that was removed, after which the chain now begins.
        #[serde(flatten)]
        last: Head,
    },
}

/// What a person authenticated with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LoginMeans {
    /// A factor, at the identity provider.
    Factor {
        /// The method with which the person authenticated.
        method: AuthenticationMethod,
        /// The client that the login is for.
        client: String,
    },
    /// An account at an identity provider, at the broker.
    Idp {
        /// The provider's identifier in the configuration.
        idp: String,
        /// The client that the login is for.
        client: String,
        /// The level that the provider states.
        #[serde(skip_serializing_if = "Option::is_none")]
        acr_stated: Option<String>,
        /// The account's identifier at the provider: personal data.
        #[serde(skip)]
        account_at_idp: String,
    },
}

/// The step at which somebody did not get in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LoginRefusal {
    /// The authorization request was answered with an error.
    Request {
        /// The client that sent the request.
        client: String,
        /// The error that it got.
        error: ErrorCode,
    },
    /// A factor was wrong or could not be tried, at the identity provider.
    Factor {
        /// The method of the factor that was tried.
        method: AuthenticationMethod,
        /// Why it was not tried; none for one that was wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<LoginRefusalReason>,
        /// The client that the login is for.
        client: String,
    },
    /// What an identity provider answered brought no login, at the broker.
    Idp {
        /// The provider's identifier in the configuration.
        idp: String,
        /// Why the answer brought none.
        reason: LoginRefusalReason,
        /// The client that the login is for.
        client: String,
        /// The level that the provider states, where its answer was otherwise good.
        #[serde(skip_serializing_if = "Option::is_none")]
        acr_stated: Option<String>,
    },
}

/// The grant that tokens belong to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IssuedGrant {
    /// The person who authorized it.
    #[serde(skip)]
    pub person: Id<Subject>,
    /// The grant's identifier, as in [`AuditEvent::GrantRevoked`].
    pub grant: Id<Grant>,
    /// The level of the login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The names of the claims that the ID token brings.
    pub claims_in_id_token: BTreeSet<String>,
}

/// What was done to a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum KeyEvent {
    /// [`KeyChange::Made`]
    Made {
        /// Its name in the store.
        name: String,
    },
    /// [`KeyChange::First`]
    First(SigningKeyFacts),
    /// [`KeyChange::Rotated`]
    Rotated {
        /// The key that was made.
        #[serde(flatten)]
        key: SigningKeyFacts,
        /// The account of the machine under which it was done, or `schedule`.
        by: String,
    },
}

/// What is recorded of a signing key: nothing that is secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SigningKeyFacts {
    /// Its `kid` in the published key set (RFC 7517 §4.5).
    pub kid: String,
    /// The registered name of its algorithm.
    pub algorithm: String,
    /// When it begins to sign.
    pub signs_from: Timestamp,
}

/// What was done to the configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ConfigurationEvent {
    /// A server started with a configuration.
    Started(ServerStart),
    /// A client's registration was made, changed or removed.
    Client {
        /// The client's identifier (`client_id`).
        client: String,
        /// What became of its registration.
        change: ClientChange,
        /// The account of the machine under which it was done, if an administrator did it.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
}

/// With what a server started.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename = "started")]
pub struct ServerStart {
    /// The digest of its configuration: of the file and of those that it names.
    pub digest: String,
    /// Its issuer identifier, which tells servers apart in a common log.
    pub issuer: String,
    /// The program's version.
    pub version: String,
}

/// What an administrator did at the command line, with its facts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum AdministrationEvent {
    /// [`AdministrationChange::SignalRaised`]
    #[serde(rename = "raised")]
    SignalRaised {
        /// The signal's name in the policy.
        signal: String,
    },
    /// [`AdministrationChange::SignalCleared`]
    #[serde(rename = "cleared")]
    SignalCleared {
        /// The signal's name in the policy.
        signal: String,
    },
    /// [`AdministrationChange::PersonalDataExported`]
    PersonalDataExported,
    /// [`AdministrationChange::PersonalDataErased`]
    PersonalDataErased {
        /// The person whose data was erased.
        #[serde(skip)]
        person: Id<Subject>,
    },
    /// [`AdministrationChange::RegistrationTokenMade`]
    #[serde(rename = "registration-token")]
    RegistrationTokenMade {
        /// How many clients may register with it.
        uses: i64,
        /// For how many days it can be used.
        days: i64,
    },
}

impl AuditEvent {
    /// The kind of record that the event becomes.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Login { .. } => Kind::Login,
            Self::LoginRefused { .. } => Kind::LoginRefused,
            Self::Decision { .. } => Kind::Decision,
            Self::Consent { .. } => Kind::Consent,
            Self::ClaimsReleased { .. } => Kind::ClaimsReleased,
            Self::TokensIssued { .. } => Kind::TokensIssued,
            Self::GrantRevoked { .. } => Kind::GrantRevoked,
            Self::Link { .. } => Kind::Link,
            Self::Logout { .. } => Kind::Logout,
            Self::LogoutDelivery { .. } => Kind::LogoutDelivery,
            Self::Account { .. } => Kind::Account,
            Self::Key(_) => Kind::Key,
            Self::Configuration(_) => Kind::Configuration,
            Self::Administration { .. } => Kind::Administration,
            Self::Retention { .. } => Kind::Retention,
        }
    }

    /// The person or account that it is about, where it is about one: a column of the record.
    #[must_use]
    pub fn person(&self) -> Option<&Id<Subject>> {
        match self {
            Self::Login { person, .. }
            | Self::Consent { person, .. }
            | Self::ClaimsReleased { person, .. }
            | Self::Link { person, .. }
            | Self::Logout { person, .. }
            | Self::LogoutDelivery { person, .. }
            | Self::Account { person, .. }
            | Self::Administration { act: AdministrationEvent::PersonalDataErased { person }, .. } => Some(person),
            Self::LoginRefused { person, .. } | Self::Decision { person, .. } | Self::GrantRevoked { person, .. } => {
                person.as_ref()
            }
            Self::TokensIssued { grant, .. } => grant.as_ref().map(|grant| &grant.person),
            Self::Key(_) | Self::Configuration(_) | Self::Administration { .. } | Self::Retention { .. } => None,
        }
    }

    /// The facts as JSON text, exactly as it is stored and hashed.
    ///
    /// # Errors
    /// None in practice: texts, numbers and lists of them have a JSON form.
    pub fn body(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Personal data, to be encrypted under the person's own key so that it can be erased. Mostly there is none.
    #[must_use]
    pub fn personal_data(&self) -> Map<String, Value> {
        match self {
            Self::Login { means: LoginMeans::Idp { account_at_idp, .. }, .. } => {
                Map::from_iter([("account_at_idp".to_owned(), Value::from(account_at_idp.as_str()))])
            }
            // One by one, so that whoever adds an event decides on its personal data.
            Self::Login { means: LoginMeans::Factor { .. }, .. }
            | Self::LoginRefused { .. }
            | Self::Decision { .. }
            | Self::Consent { .. }
            | Self::ClaimsReleased { .. }
            | Self::TokensIssued { .. }
            | Self::GrantRevoked { .. }
            | Self::Link { .. }
            | Self::Logout { .. }
            | Self::LogoutDelivery { .. }
            | Self::Account { .. }
            | Self::Key(_)
            | Self::Configuration(_)
            | Self::Administration { .. }
            | Self::Retention { .. } => Map::new(),
        }
    }
}
