//! The closed sets of words in records. Each stands in stored and hashed text: a word is added, never changed.

use serde::{Serialize, Serializer};

/// An enumeration whose variants are stored as the words beside them, whatever the variants are called.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as it is stored.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Reads a stored word; none for one that this version does not have.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a record is about.
    Kind {
        /// A person authenticated: at an identity provider with a factor, at a broker through one.
        Login = "login",
        /// Somebody did not get in.
        LoginRefused = "login-refused",
        /// A login was held against the level that its client needs.
        Decision = "decision",
        /// A person agreed to the release of claims.
        Consent = "consent",
        /// Claims went to a client.
        ClaimsReleased = "claims-released",
        /// Tokens went to a client.
        TokensIssued = "tokens-issued",
        /// What a client was given was taken back.
        GrantRevoked = "grant-revoked",
        /// An account at an identity provider was linked to a person.
        Link = "link",
        /// A session ended, or one client's part in it.
        Logout = "logout",
        /// A client was told of the end of a session, or could not be told.
        LogoutDelivery = "logout-delivery",
        /// An account was made or changed.
        Account = "account",
        /// A key or secret of the server was made or replaced.
        Key = "key",
        /// A server started, or a client was added, changed or removed.
        Configuration = "configuration",
        /// An administrator's command changed something or exported personal data.
        Administration = "administration",
        /// Records past their retention were removed.
        Retention = "trail",
    }
}

words! {
    /// What a person authenticates with at the identity provider.
    AuthenticationMethod {
        /// A name and a password.
        Password = "password",
        /// A code of an authenticator app (RFC 6238).
        Totp = "totp",
    }
}

words! {
    /// Why somebody did not get in, where no error code says it.
    LoginRefusalReason {
        /// The identity provider answered with an error.
        IdpError = "error-of-idp",
        /// The identity provider's answer does not hold: its state, signature or claims.
        InvalidIdpAnswer = "invalid-answer-of-idp",
        /// The account at the identity provider is linked to one person and names another.
        LinkedToAnotherPerson = "linked-to-another-person",
        /// A step-up was answered for somebody else than the person of the session.
        AnotherPersonThanLoggedIn = "another-person-than-logged-in",
        /// No try was looked at, after too many wrong ones.
        LockedOut = "locked-out",
    }
}

words! {
    /// What a judgement of a level came to.
    DecisionOutcome {
        /// The evidence reaches the level.
        Satisfied = "satisfied",
        /// The evidence does not reach it, and a further factor would.
        StepUp = "step-up",
        /// Nothing that the person has would.
        Unmet = "unmet",
    }
}

words! {
    /// What a client got its tokens for (RFC 6749 §1.3).
    GrantType {
        /// An authorization code (RFC 6749 §4.1.3).
        AuthorizationCode = "code",
        /// A refresh token, which was replaced.
        RefreshToken = "refresh_token",
        /// A refresh token that was used a moment ago: the client got the first answer again.
        RefreshTokenAgain = "refresh_token-again",
        /// The client's own credentials (RFC 6749 §4.4).
        ClientCredentials = "client_credentials",
    }
}

words! {
    /// Why a grant or a token was revoked.
    RevocationReason {
        /// Its authorization code came a second time (RFC 6749 §4.1.2).
        CodeReplayed = "code-replayed",
        /// A refresh token that had been replaced was used (RFC 9700 §4.14.2).
        RefreshTokenReused = "refresh-token-reused",
        /// The session ended while the code was redeemed.
        SessionEnded = "session-ended",
        /// The client revoked a refresh token, and with it the grant (RFC 7009).
        RevokedByClient = "revoked-by-client",
        /// The client revoked an access token alone (RFC 7009).
        AccessTokenRevokedByClient = "access-token-revoked-by-client",
    }
}

words! {
    /// What a try to tell a client of a logout came to. Deliveries that have ended are stored under the same words.
    DeliveryOutcome {
        /// The client answered with 200 or 204 (OpenID Connect Back-Channel Logout 1.0 §2.8).
        Delivered = "delivered",
        /// The client did not take it: it is tried again.
        PutOff = "put-off",
        /// The client did not take it for a day.
        GivenUp = "given-up",
        /// The client is no longer registered, or no longer wants to be told.
        ClientGone = "client-is-gone",
        /// The person has logged in there again in the same session: told now, it would end that login.
        LoggedInAgain = "logged-in-again",
    }
}

words! {
    /// What was done to an account. Only [`AccountChange::Created`] has a way to happen so far; the others are what the
    /// export has an activity for.
    AccountChange {
        /// It was made, with its first authenticators.
        Created = "created",
        /// It can be used again.
        Enabled = "enabled",
        /// Its owner chose another password.
        PasswordChanged = "password-changed",
        /// Its password was replaced by somebody else.
        PasswordReset = "password-reset",
        /// It cannot be used until it is enabled.
        Disabled = "disabled",
        /// It was removed for good.
        Deleted = "deleted",
        /// It is closed for a time after wrong tries.
        Locked = "locked",
        /// It has a further authenticator.
        FactorAdded = "factor-added",
        /// It has one authenticator less.
        FactorRemoved = "factor-removed",
        /// It is open again before that time.
        Unlocked = "unlocked",
    }
}

words! {
    /// What was done to a key.
    KeyChange {
        /// A secret or key that signs no token was made.
        Made = "made",
        /// The first signing key of an algorithm was made.
        First = "first",
        /// A further signing key of an algorithm was made, which replaces those before it.
        Rotated = "rotated",
    }
}

words! {
    /// What was done to a client's registration.
    ClientChange {
        /// The configuration names it for the first time.
        Declared = "client-declared",
        /// The configuration says something else about it.
        Changed = "client-changed",
        /// The configuration no longer names it.
        Withdrawn = "client-withdrawn",
        /// It registered itself (RFC 7591).
        Registered = "client-registered",
        /// It changed its registration (RFC 7592 §2.2).
        Updated = "client-updated",
        /// Its registration was removed, by itself (RFC 7592 §2.3) or by an administrator.
        Removed = "client-removed",
    }
}

words! {
    /// What an administrator did at the command line.
    AdministrationChange {
        /// A risk signal was raised.
        SignalRaised = "raised",
        /// A risk signal was cleared.
        SignalCleared = "cleared",
        /// Personal data of the records was exported.
        PersonalDataExported = "personal-data-exported",
        /// Personal data of a person's records was erased.
        PersonalDataErased = "personal-data-erased",
        /// An initial access token was made, with which clients register (RFC 7591 §3).
        RegistrationTokenMade = "registration-token",
    }
}

words! {
    /// What was done to the records themselves.
    RetentionChange {
        /// Those past their retention were removed.
        RecordsRemoved = "records-removed",
    }
}
