//! Every refusal that a client can hear: one row each, with a stable code of ours (`docs/refusals.md`).

/// Why a client is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    // Signing in.
    /// `535 5.7.8`: username or password wrong.
    BadCredentials,
    /// `454 4.7.0`: too many failed sign-ins.
    SignInThrottled,
    /// `454 4.7.0`: too many sign-ins at once.
    SignInBusy,
    /// `454 4.7.0`: storage trouble during AUTH.
    SignInUnavailable,
    // Sending.
    /// `421 4.7.0`, and the session ends: the user was reset, disabled or deleted since the sign-in.
    StaleRight,
    /// `550 5.7.1`: the envelope's sender is not of the user's domain.
    SenderNotYours {
        /// What it may send as.
        allowed: String,
    },
    /// `550 5.7.1`: nothing may be sent as the domain yet.
    DomainPending {
        /// Which.
        domain: String,
    },
    /// `550 5.7.1`: the account is suspended.
    AccountSuspended,
    // The message.
    /// `550 5.7.1`: an address in `From:` or `Sender:` is not of the user's domain.
    FromNotYours {
        /// What it may send as.
        allowed: String,
    },
    /// `550 5.6.0`: no `From:`, more than one, or one that cannot be read.
    BadFrom,
    /// `554 5.4.6`: too many `Received:` fields, so a loop.
    TooManyHops,
    // Us.
    /// `452 4.3.1`: the disk is nearly full.
    StoreFull,
    /// `451 4.3.0`: storage trouble.
    StoreUnavailable,
    /// `452 4.3.1`: too many messages in memory.
    MemoryBudget,
    /// `421 4.3.2`: the relay is stopping.
    ShuttingDown,
    /// `421 4.4.2`: nothing came for too long.
    Timeout,
    /// `421 4.7.0`: too many connections from one address.
    TooManyConnections,
    /// `550 5.7.1`: this address takes no mail here.
    RecipientNotHere,
}
