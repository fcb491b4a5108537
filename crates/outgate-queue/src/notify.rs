//! What a sender is told of a settlement, and when (RFC 3461, RFC 5321 §6.1). Pure, but for the id that is drawn.
//!
//! One notification for one settlement, about those recipients that there is something to tell of. A message from the
//! null reverse path is never told of, so a notification never causes another.

use bytes::Bytes;
use outgate_core::{
    DeliveryId, DeliveryStatus, EmailAddress, MessageId, Notify, Randomness, Recipient, ReversePath,
    Timestamp,
    store::{LeasedMessage, NewDelivery, NewMessage, SettledDelivery},
};
use outgate_mail::bounce::{Action, Report, Told, report};
use std::time::Duration;

/// What notifications say of this relay, and when one of a delay goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notices {
    /// The relay's name, as the reporting server.
    pub hostname: String,
    /// How long after its acceptance a message that is still tried is called late.
    pub delay_after: Duration,
}

/// What became of a delivery, as far as the notification needs it.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Whether it ended only because the retry time is over.
    pub expired: bool,
    /// Whether the sender was told before that it is late.
    pub delay_told: bool,
    /// Whether the server that took it promised to tell the sender itself (RFC 3461 §5.2.1).
    pub next_hop_tells: bool,
    /// How long ago the message was accepted.
    pub waited: Duration,
    /// When it will be given up.
    pub until: Timestamp,
}

/// What the sender is told of a recipient, if anything.
pub fn action(wish: Option<Notify>, fate: Fate, notices: &Notices) -> Option<Action> {
    // RFC 3461 §4.1: without NOTIFY failures are told, and delays may be.
    let wish = wish.unwrap_or(Notify { success: false, failure: true, delay: true });
    match fate.status {
        DeliveryStatus::SoftBounced | DeliveryStatus::HardBounced | DeliveryStatus::Suppressed => {
            wish.failure.then_some(Action::Failed { expired: fate.expired })
        }
        DeliveryStatus::Deferred => {
            let late = fate.waited >= notices.delay_after && !fate.delay_told;
            (wish.delay && late).then_some(Action::Delayed { until: fate.until })
        }
        // RFC 3461 §5.2.2: who passes it to a server without DSN says so itself.
        DeliveryStatus::Delivered => (wish.success && !fate.next_hop_tells).then_some(Action::Relayed),
        // An operator did that, and tells whoever should know.
        DeliveryStatus::Pending | DeliveryStatus::Held | DeliveryStatus::Cancelled => None,
    }
}

/// A settlement's results and what there was to decide them by.
#[derive(Debug)]
pub(crate) struct Results<'a> {
    pub(crate) message: &'a LeasedMessage,
    /// The message's bytes.
    pub(crate) content: &'a Bytes,
    /// When they are settled.
    pub(crate) now: Timestamp,
    /// When the message will be given up.
    pub(crate) until: Timestamp,
    /// Whether the servers that took it tell the sender themselves.
    pub(crate) next_hop_tells: bool,
}

/// One result, whose delivery ended only by time or not.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) settled: SettledDelivery,
    pub(crate) expired: bool,
}

/// Whom a message's notifications go to; nobody for the null reverse path.
pub(crate) fn sender(message: &LeasedMessage) -> Option<&EmailAddress> {
    match &message.reverse_path {
        ReversePath::Null => None,
        ReversePath::Address(sender) => Some(sender),
    }
}

impl Results<'_> {
    /// Marks the results that the sender is told of, and writes the notification about them; `None` when there is
    /// nothing to tell. Its only delivery goes to the sender, with `destination`.
    pub(crate) fn notification(
        &self,
        ended: &mut [Ended],
        notices: &Notices,
        randomness: &dyn Randomness,
        destination: impl Fn(&EmailAddress) -> outgate_core::Destination,
    ) -> Option<NewMessage> {
        let sender = sender(self.message)?;
        let mut told = Vec::new();
        for one in ended.iter_mut() {
            let Some((recipient, fate)) = self.fate(one) else { continue };
            let action = action(recipient.notify, fate, notices);
            one.settled.notified = action.is_some();
            told.extend(action.map(|action| Told { recipient, action, attempt: &one.settled.attempt }));
        }
        if told.is_empty() {
            return None;
        }
        let id = MessageId::draw(self.now, randomness);
        let written = report(&Report {
            id,
            at: self.now,
            host: &notices.hostname,
            domain: &self.message.domain_name,
            sender,
            envelope_id: self.message.envelope_id.as_ref(),
            accepted_at: self.message.accepted_at,
            return_content: self.message.return_content,
            original: self.content,
            told: &told,
        });
        Some(NewMessage {
            id,
            reverse_path: ReversePath::Null, // RFC 5321 §6.1, RFC 3464 §2
            body: written.body,
            smtputf8: written.smtputf8,
            return_content: None,
            envelope_id: None,
            subject: Some(written.subject.to_owned()),
            content: written.content,
            deliveries: vec![NewDelivery {
                id: DeliveryId::draw(self.now, randomness),
                // RFC 3461 §5.2.6 (b): nobody is told of a notification.
                recipient: Recipient {
                    address: sender.clone(),
                    notify: Some(Notify::default()),
                    original: None,
                },
                destination: destination(sender),
                leased: false,
            }],
            lease: None,
        })
    }

    fn fate(&self, one: &Ended) -> Option<(&Recipient, Fate)> {
        let delivery = self.message.deliveries.iter().find(|delivery| delivery.id == one.settled.delivery)?;
        let waited = self.now.duration_since(self.message.accepted_at);
        let fate = Fate {
            status: one.settled.status,
            expired: one.expired,
            delay_told: delivery.delay_told,
            next_hop_tells: self.next_hop_tells,
            waited: Duration::try_from(waited).unwrap_or_default(),
            until: self.until,
        };
        Some((&delivery.recipient, fate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn who_is_told_what() {
        use DeliveryStatus as S;
        let until = Timestamp::from_second(9).unwrap();
        let notices = Notices { hostname: "relay.test".into(), delay_after: 4 * HOUR };
        let fate = |status| Fate {
            status,
            expired: false,
            delay_told: false,
            next_hop_tells: false,
            waited: 5 * HOUR,
            until,
        };
        let never = Some(Notify::default());
        let all = Some(Notify { success: true, failure: true, delay: true });
        let success = Some(Notify { success: true, failure: false, delay: false });
        let (failed, expired) =
            (Some(Action::Failed { expired: false }), Some(Action::Failed { expired: true }));
        let delayed = Some(Action::Delayed { until });
        let relayed = Some(Action::Relayed);
        for (wish, fate, wanted) in [
            (None, fate(S::HardBounced), failed),
            (None, fate(S::SoftBounced), failed),
            (None, fate(S::Suppressed), failed),
            (None, Fate { expired: true, ..fate(S::SoftBounced) }, expired),
            (all, fate(S::HardBounced), failed),
            (success, fate(S::HardBounced), None),
            (never, fate(S::HardBounced), None),
            (None, fate(S::Deferred), delayed),
            (all, fate(S::Deferred), delayed),
            (success, fate(S::Deferred), None),
            (never, fate(S::Deferred), None),
            (None, Fate { waited: 4 * HOUR, ..fate(S::Deferred) }, delayed),
            (None, Fate { waited: 3 * HOUR, ..fate(S::Deferred) }, None),
            (None, Fate { delay_told: true, ..fate(S::Deferred) }, None),
            (None, Fate { delay_told: true, ..fate(S::HardBounced) }, failed),
            (None, fate(S::Delivered), None),
            (all, fate(S::Delivered), relayed),
            (success, fate(S::Delivered), relayed),
            (success, Fate { next_hop_tells: true, ..fate(S::Delivered) }, None),
            (never, fate(S::Delivered), None),
            (all, fate(S::Held), None),
            (all, fate(S::Cancelled), None),
            (all, fate(S::Pending), None),
        ] {
            assert_eq!(action(wish, fate, &notices), wanted, "{wish:?} {fate:?}");
        }
    }
}
