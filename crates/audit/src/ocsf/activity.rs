//! The class and activity of a record: the table of [`super`]. Neither kinds nor the changes of this version fall
//! through: one that is added does not compile until it has its place here.

use std::borrow::Cow;

use crate::event::{AccountChange, AdministrationChange, DecisionOutcome, DeliveryOutcome, KeyChange, Kind};

/// Identity & Access Management.
const IAM: i64 = 3;
/// `Other` in every list of activities.
const OTHER: i64 = 99;

/// A class of events, as far as a record fills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Base,
    AccountChange,
    Authentication,
    EntityManagement,
}

impl Class {
    pub(super) fn uid(self) -> i64 {
        match self {
            Self::Base => 0,
            Self::AccountChange => 3001,
            Self::Authentication => 3002,
            Self::EntityManagement => 3004,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Base => "Base Event",
            Self::AccountChange => "Account Change",
            Self::Authentication => "Authentication",
            Self::EntityManagement => "Entity Management",
        }
    }

    pub(super) fn category(self) -> (i64, &'static str) {
        if self == Self::Base { (0, "Uncategorized") } else { (IAM, "Identity & Access Management") }
    }
}

/// An activity of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Activity {
    pub(super) id: i64,
    pub(super) name: Cow<'static, str>,
}

impl Activity {
    const fn new(id: i64, name: &'static str) -> Self {
        Self { id, name: Cow::Borrowed(name) }
    }

    /// One that the schema has no word for.
    fn other(name: &str) -> Self {
        Self { id: OTHER, name: Cow::Owned(name.to_owned()) }
    }
}

/// Those of [`Class::EntityManagement`].
const CREATE: Activity = Activity::new(1, "Create");
const READ: Activity = Activity::new(2, "Read");
const UPDATE: Activity = Activity::new(3, "Update");
const DELETE: Activity = Activity::new(4, "Delete");

fn account_activity(change: AccountChange) -> Activity {
    match change {
        AccountChange::Created => Activity::new(1, "Create"),
        AccountChange::Enabled => Activity::new(2, "Enable"),
        AccountChange::PasswordChanged => Activity::new(3, "Password Change"),
        AccountChange::PasswordReset => Activity::new(4, "Password Reset"),
        AccountChange::Disabled => Activity::new(5, "Disable"),
        AccountChange::Deleted => Activity::new(6, "Delete"),
        AccountChange::Locked => Activity::new(9, "Lock"),
        AccountChange::FactorAdded => Activity::new(10, "MFA Factor Enable"),
        AccountChange::FactorRemoved => Activity::new(11, "MFA Factor Disable"),
        AccountChange::Unlocked => Activity::new(12, "Unlock"),
    }
}

fn key_activity(change: KeyChange) -> Activity {
    match change {
        // A key that replaces one is made, as the first is.
        KeyChange::Made | KeyChange::First | KeyChange::Rotated => CREATE,
    }
}

fn administration_activity(change: AdministrationChange) -> Activity {
    match change {
        AdministrationChange::RegistrationTokenMade => CREATE,
        AdministrationChange::PersonalDataExported => READ,
        AdministrationChange::SignalRaised | AdministrationChange::SignalCleared => UPDATE,
        AdministrationChange::PersonalDataErased => DELETE,
    }
}

/// The activity of a stored change; that of a newer server goes by its own word.
fn by_change<C>(
    change: Option<&str>,
    read: fn(&str) -> Option<C>,
    activity: fn(C) -> Activity,
    absent: &str,
) -> Activity {
    change.and_then(read).map_or_else(|| Activity::other(change.unwrap_or(absent)), activity)
}

/// The class and activity of a record: of a kind that this version does not know, a base event by the `stored` word.
pub(super) fn classify(kind: Option<Kind>, stored: &str, change: Option<&str>) -> (Class, Activity) {
    use Class::{AccountChange as Account, Authentication, Base, EntityManagement};
    let Some(kind) = kind else { return (Base, Activity::other(stored)) };
    match kind {
        Kind::Login | Kind::LoginRefused => (Authentication, Activity::new(1, "Logon")),
        Kind::Logout => (Authentication, Activity::new(2, "Logoff")),
        Kind::Decision => (Authentication, Activity::other("Decision")),
        Kind::Consent => (Authentication, Activity::other("Consent")),
        Kind::ClaimsReleased => (Authentication, Activity::other("Claims Released")),
        Kind::TokensIssued => (Authentication, Activity::other("Tokens Issued")),
        Kind::GrantRevoked => (Authentication, Activity::other("Grant Revoked")),
        Kind::LogoutDelivery => (Authentication, Activity::other("Logout Delivery")),
        Kind::Account => (Account, by_change(change, AccountChange::from_word, account_activity, "Account")),
        Kind::Link => (Account, Activity::other("Link")),
        Kind::Key => (EntityManagement, by_change(change, KeyChange::from_word, key_activity, "Key")),
        Kind::Administration => {
            let read = AdministrationChange::from_word;
            (EntityManagement, by_change(change, read, administration_activity, "Administration"))
        }
        // What is declared or removed is a part of the configuration, which is the entity.
        Kind::Configuration => (EntityManagement, UPDATE),
        Kind::Retention => (EntityManagement, DELETE),
    }
}

/// Whether it did not come to what was wanted.
pub(super) fn is_failure(kind: Option<Kind>, outcome: Option<&str>) -> bool {
    match kind {
        Some(Kind::LoginRefused) => true,
        Some(Kind::Decision) => match outcome.and_then(DecisionOutcome::from_word) {
            Some(DecisionOutcome::Unmet) => true,
            Some(DecisionOutcome::Satisfied | DecisionOutcome::StepUp) | None => false,
        },
        Some(Kind::LogoutDelivery) => match outcome.and_then(DeliveryOutcome::from_word) {
            Some(DeliveryOutcome::PutOff | DeliveryOutcome::GivenUp | DeliveryOutcome::ClientGone) => true,
            Some(DeliveryOutcome::Delivered | DeliveryOutcome::LoggedInAgain) | None => false,
        },
        Some(
            Kind::Login
            | Kind::Consent
            | Kind::ClaimsReleased
            | Kind::TokensIssued
            | Kind::GrantRevoked
            | Kind::Link
            | Kind::Logout
            | Kind::Account
            | Kind::Key
            | Kind::Configuration
            | Kind::Administration
            | Kind::Retention,
        )
        | None => false,
    }
}
