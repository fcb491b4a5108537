//! The tenant. A fresh install has one account, `default`; it gets commands of its own later.

use crate::AccountId;
use serde::{Deserialize, Serialize};

/// A tenant: owns domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its identity.
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// Whether its users may send.
    pub state: AccountState,
}

/// Whether an account's users may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// In force.
    Active,
    /// Its users sign in, but nothing is accepted from them.
    Suspended,
}
