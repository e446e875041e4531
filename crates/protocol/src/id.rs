//! Typed identifiers: random, opaque, and not to be mixed up.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::entropy::{Entropy, random_token};

/// A person (at the broker) or an account (at an identity provider), as the server knows them inside.
#[derive(Debug)]
pub enum Subject {}
/// What one authorization gave to one client.
#[derive(Debug)]
pub enum Grant {}
/// A single sign-on session; its value is the `sid` claim.
#[derive(Debug)]
pub enum Sso {}
/// An authorization request on its way, one per browser tab.
#[derive(Debug)]
pub enum Transaction {}
/// A browser, across the session ids that it had.
#[derive(Debug)]
pub enum Browser {}
/// A record of a decision.
#[derive(Debug)]
pub enum Decision {}
/// A logout token's way to one client.
#[derive(Debug)]
pub enum Delivery {}

/// An identifier of a `T`.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Id<T>(String, #[serde(skip)] PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// A new random identifier of 256 bits: knowing one gives no other.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self::from_text(random_token(entropy))
    }

    /// An identifier that came from outside or from a store.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into(), PhantomData)
    }

    /// The identifier as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> fmt::Debug for Id<T> {
    /// Identifiers link people to log lines, so only the first characters show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..", self.0.get(..6).unwrap_or_default())
    }
}
