//! From what became of a recipient to where its delivery stands. Pure.

use crate::{Outcome, RetryLaw};
use outgate_core::{DeliveryStatus, FailureClass, Reply, Timestamp};

/// Where a delivery stands after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The status.
    pub status: DeliveryStatus,
    /// When to try again; only with [`DeliveryStatus::Deferred`].
    pub next_attempt_at: Option<Timestamp>,
    /// What the server said.
    pub reply: Option<Reply>,
    /// The kind of trouble.
    pub class: Option<FailureClass>,
    /// One sentence for people.
    pub reason: String,
    /// Whether it ends only because the retry time is over.
    pub expired: bool,
}

/// When an attempt happened, as far as the decision needs it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Attempts made, this one included.
    pub attempts: u32,
    /// When the message was accepted.
    pub accepted_at: Timestamp,
    /// When the attempt ended.
    pub now: Timestamp,
    /// A random number for the jitter.
    pub chance: u32,
}

/// Decides; `None` when there was no attempt to decide about. A temporary trouble stays temporary until the retry time ends; only a permanent answer or that end ends a
/// delivery (law 9). Hard is what speaks of the address or its domain; everything else that ends is soft.
pub fn decide(outcome: Outcome, moment: Moment, law: &RetryLaw) -> Option<Decision> {
    Some(match outcome {
        Outcome::Untried => return None,
        Outcome::Delivered { reply } => Decision {
            status: DeliveryStatus::Delivered,
            next_attempt_at: None,
            reply: Some(reply),
            class: None,
            reason: "delivered".to_owned(),
            expired: false,
        },
        Outcome::Failed { class, reply, reason } => Decision {
            status: match class {
                FailureClass::Address | FailureClass::Domain => DeliveryStatus::HardBounced,
                FailureClass::MailboxFull
                | FailureClass::Content
                | FailureClass::Policy
                | FailureClass::Greylisted
                | FailureClass::Rate
                | FailureClass::Dns
                | FailureClass::Connection
                | FailureClass::Tls
                | FailureClass::Local
                | FailureClass::Other => DeliveryStatus::SoftBounced,
            },
            next_attempt_at: None,
            reply,
            class: Some(class),
            reason,
            expired: false,
        },
        Outcome::Deferred { class, reply, reason } => {
            match law.next(moment.attempts, moment.accepted_at, moment.now, moment.chance) {
                next @ Some(_) => {
                    let (status, class) = (DeliveryStatus::Deferred, Some(class));
                    Decision { status, next_attempt_at: next, reply, class, reason, expired: false }
                }
                None => Decision {
                    status: DeliveryStatus::SoftBounced,
                    next_attempt_at: None,
                    reply,
                    class: Some(class),
                    reason: format!("gave up: the retry time is over; the last trouble was: {reason}"),
                    expired: true,
                },
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(now: i64) -> Moment {
        let at = |s| Timestamp::from_second(s).unwrap();
        Moment { attempts: 3, accepted_at: at(0), now: at(now), chance: 7 }
    }

    #[test]
    fn a_temporary_failure_stays_temporary_until_the_end() {
        let deferred =
            || Outcome::Deferred { class: FailureClass::Dns, reply: None, reason: "no answer".into() };
        let law = RetryLaw::default();
        let early = decide(deferred(), moment(100), &law).unwrap();
        assert_eq!(early.status, DeliveryStatus::Deferred);
        assert!(early.next_attempt_at.is_some());
        let late = decide(deferred(), moment(72 * 3600), &law).unwrap();
        assert_eq!((late.status, late.next_attempt_at), (DeliveryStatus::SoftBounced, None));
        assert!(late.reason.contains("no answer") && late.expired && !early.expired);
    }

    #[test]
    fn what_was_not_tried_is_not_decided() {
        assert_eq!(decide(Outcome::Untried, moment(72 * 3600), &RetryLaw::default()), None);
    }

    #[test]
    fn only_what_speaks_of_the_recipient_is_hard() {
        for (class, status) in [
            (FailureClass::Address, DeliveryStatus::HardBounced),
            (FailureClass::Domain, DeliveryStatus::HardBounced),
            (FailureClass::Policy, DeliveryStatus::SoftBounced),
            (FailureClass::MailboxFull, DeliveryStatus::SoftBounced),
        ] {
            let failed = Outcome::Failed { class, reply: None, reason: "no".into() };
            let decision = decide(failed, moment(1), &RetryLaw::default()).unwrap();
            assert_eq!(decision.status, status, "{class:?}");
        }
    }
}
