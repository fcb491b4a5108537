//! The numbers that states are kept as. A number once given is never given another meaning.

use outgate_core::{
    AccountState, Body, DeliveryStatus, DkimAlgorithm, DomainState, KeyStage, Notify, ReturnContent,
    UserState,
};

/// A state that is kept as a number.
pub(crate) trait Coded: Copy + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// Its number.
    fn code(self) -> i64;

    /// The value of a number.
    fn of(code: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.code() == code)
    }
}

macro_rules! coded {
    ($($type:ident { $($value:ident = $code:literal),+ })+) => {$(
        impl Coded for $type {
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn code(self) -> i64 {
                match self {
                    $(Self::$value => $code),+
                }
            }
        }
    )+};
}

coded! {
    AccountState { Active = 0, Suspended = 1 }
    DomainState { Pending = 0, Verified = 1, Failing = 2 }
    UserState { Active = 0, Disabled = 1 }
    DkimAlgorithm { RsaSha256 = 0, Ed25519Sha256 = 1 }
    KeyStage { Pending = 0, Active = 1, Retiring = 2, Retired = 3 }
    DeliveryStatus {
        Pending = 0, Deferred = 1, Held = 2,
        Delivered = 3, SoftBounced = 4, HardBounced = 5, Suppressed = 6, Cancelled = 7
    }
    Body { SevenBit = 0, EightBitMime = 1 }
    ReturnContent { Full = 0, Headers = 1 }
}

/// A notification wish as bits: success 1, failure 2, delay 4.
pub(crate) fn notify_code(notify: Notify) -> i64 {
    i64::from(notify.success) | i64::from(notify.failure) << 1 | i64::from(notify.delay) << 2
}

/// The notification wish of those bits.
pub(crate) fn notify_of(code: i64) -> Option<Notify> {
    (0..8).contains(&code).then_some(Notify {
        success: code & 1 != 0,
        failure: code & 2 != 0,
        delay: code & 4 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_back<T: Coded + PartialEq + std::fmt::Debug>() {
        for value in T::ALL {
            assert_eq!(T::of(value.code()), Some(*value));
        }
        assert_eq!(T::of(99), None);
    }

    #[test]
    fn every_code_means_one_value() {
        comes_back::<AccountState>();
        comes_back::<DomainState>();
        comes_back::<UserState>();
        comes_back::<DkimAlgorithm>();
        comes_back::<KeyStage>();
        comes_back::<DeliveryStatus>();
        comes_back::<Body>();
        comes_back::<ReturnContent>();
        for code in 0..8 {
            assert_eq!(notify_of(code).map(notify_code), Some(code));
        }
        assert_eq!(notify_of(8), None);
    }

    #[test]
    fn what_is_open_is_what_the_indexes_say() {
        for status in DeliveryStatus::ALL {
            assert_eq!(status.code() <= 2, !status.is_final(), "{status}");
        }
    }
}
