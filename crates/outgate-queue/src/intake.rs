//! Intake: a claimed submission becomes an accepted message, its type narrowing at each step.
//!
//! [`Claimed`] (what the client says) → `Authorised` (`From:` too) → `Prepared` (trace fields, `Bcc:` gone) → accepted.
//! Signing is left to the moment of sending: the key is then always one that is published, and a burst costs
//! acceptance nothing (`docs/decisions/`).

use crate::{Permit, Runner};
use bytes::Bytes;
use outgate_core::{
    Clock, DeliveryId, Destination, Envelope, MessageId, Randomness, Reservation, SendRight, Timestamp,
    store::{AcceptError, LeasedDelivery, LeasedMessage, NewDelivery, NewMessage, Store},
};
use outgate_mail::{FromRefusal, TraceFacts, check_from, hops, prepare};
use std::{collections::BTreeMap, sync::Arc};

/// `Received:` fields of a message; more is a loop (RFC 5321 §6.3 asks for at least 100).
const MOST_HOPS: usize = 100;

/// Who brought a submission and how, for its trace field.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's address.
    pub address: std::net::IpAddr,
    /// The name it gave in EHLO.
    pub client: String,
    /// Whether it said EHLO.
    pub esmtp: bool,
    /// The TLS version and cipher suite.
    pub tls: Option<(String, String)>,
}

/// A submission as the client brought it.
#[derive(Debug)]
pub struct Claimed {
    /// The proof of its sign-in.
    pub right: SendRight,
    /// Who sends, who receives.
    pub envelope: Envelope,
    /// Its bytes, every line ended by CR LF.
    pub content: Bytes,
    /// Who brought it.
    pub origin: Origin,
    /// Its share of the memory budget.
    pub memory: Reservation,
}

/// Why a submission was not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// `From:` or `Sender:` break the rule of the exact domain (law 4), or cannot be read.
    #[error(transparent)]
    From(#[from] FromRefusal),
    /// It went in circles.
    #[error("the message has more than {MOST_HOPS} Received fields: it is in a loop")]
    TooManyHops,
    /// The store did not take it.
    #[error(transparent)]
    Accept(#[from] AcceptError),
}

/// Takes submissions in.
pub struct Intake {
    store: Arc<dyn Store>,
    runner: Arc<Runner>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    hostname: String,
}

/// A submission whose every sender address is of the domain that its right covers.
struct Authorised(Claimed);

/// An authorised submission with its trace fields, as it will be kept, signed and sent.
struct Prepared {
    claimed: Claimed,
    id: MessageId,
    at: Timestamp,
    subject: Option<String>,
    content: Bytes,
}

impl Claimed {
    fn authorise(self) -> Result<Authorised, IntakeError> {
        check_from(&self.content, self.right.domain_name())?;
        if hops(&self.content) > MOST_HOPS {
            return Err(IntakeError::TooManyHops);
        }
        Ok(Authorised(self))
    }
}

impl Intake {
    /// An intake that hands what it accepts straight to `runner`. `hostname` is the relay's, for trace fields.
    pub fn new(
        store: Arc<dyn Store>,
        runner: Arc<Runner>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        hostname: String,
    ) -> Self {
        Self { store, runner, clock, randomness, hostname }
    }

    /// Keeps a submission. When this returns a message id, the message is durable (law 7).
    pub async fn keep(&self, claimed: Claimed) -> Result<MessageId, IntakeError> {
        let prepared = self.prepare(claimed.authorise()?);
        self.accept(prepared).await
    }

    fn prepare(&self, Authorised(claimed): Authorised) -> Prepared {
        let at = self.clock.now();
        let id = MessageId::draw(at, &*self.randomness);
        let only = match claimed.envelope.recipients.as_slice() {
            [only] => Some(&only.address),
            _ => None, // a `for` would tell each recipient of the others (RFC 5321 §7.2)
        };
        let facts = TraceFacts {
            client: &claimed.origin.client,
            address: claimed.origin.address,
            esmtp: claimed.origin.esmtp,
            tls: claimed.origin.tls.as_ref().map(|(version, cipher)| (version.as_str(), cipher.as_str())),
            authenticated: true,
            smtputf8: claimed.envelope.smtputf8,
            host: &self.hostname,
            id,
            recipient: only,
            at,
            sender_domain: claimed.right.domain_name(),
        };
        let prepared = prepare(&claimed.content, &facts);
        Prepared { claimed, id, at, subject: prepared.subject, content: prepared.content }
    }

    async fn accept(&self, prepared: Prepared) -> Result<MessageId, IntakeError> {
        let Prepared { claimed, id, at, subject, content } = prepared;
        let Claimed { right, envelope, content: as_it_came, memory, .. } = claimed;
        drop(as_it_came); // its bytes are in the prepared copy; both would take twice what was reserved
        // One permit for each destination; where there is none the message waits in the store, not in memory.
        let mut permits: BTreeMap<Destination, Option<Permit>> = BTreeMap::new();
        let deliveries: Vec<NewDelivery> = envelope
            .recipients
            .into_iter()
            .map(|recipient| {
                let destination = self.runner.carrier().destination(&recipient.address);
                let permit = permits.entry(destination.clone()).or_insert_with_key(|destination| {
                    self.runner
                        .permits()
                        .try_take(destination, self.runner.carrier().concurrency(destination))
                });
                NewDelivery {
                    id: DeliveryId::draw(at, &*self.randomness),
                    recipient,
                    destination,
                    leased: permit.is_some(),
                }
            })
            .collect();
        let lease = self.runner.lease_from(at);
        let new = NewMessage {
            id,
            reverse_path: envelope.reverse_path,
            body: envelope.body,
            smtputf8: envelope.smtputf8,
            return_content: envelope.return_content,
            envelope_id: envelope.envelope_id,
            subject,
            content,
            deliveries,
            lease: Some(lease.clone()),
        };
        let accepted = self.store.accept(&right, new.clone(), at).await?;
        drop(memory);
        let mut jobs = Vec::new();
        let mut waiting = false;
        for (destination, permit) in permits {
            let Some(permit) = permit else {
                self.runner.permits().note_backlog(&destination);
                // The permits may have come back while the message was written; then nobody is left to drain it.
                waiting |= self
                    .runner
                    .permits()
                    .has_room(&destination, self.runner.carrier().concurrency(&destination));
                continue;
            };
            let deliveries: Vec<LeasedDelivery> = new
                .deliveries
                .iter()
                .filter(|delivery| {
                    delivery.destination == destination && accepted.leased.contains(&delivery.id)
                })
                .map(|delivery| LeasedDelivery {
                    id: delivery.id,
                    recipient: delivery.recipient.clone(),
                    attempts: 0,
                    delay_told: false,
                })
                .collect();
            if deliveries.is_empty() {
                continue; // paused
            }
            let leased = LeasedMessage {
                message: id,
                domain: right.domain(),
                domain_name: right.domain_name().clone(),
                accepted_at: at,
                reverse_path: new.reverse_path.clone(),
                body: new.body,
                smtputf8: new.smtputf8,
                return_content: new.return_content,
                envelope_id: new.envelope_id.clone(),
                size: new.content.len() as u64,
                destination,
                deliveries,
            };
            jobs.extend(self.runner.job(leased, &new.content, permit, &lease));
        }
        self.runner.hand_over(jobs);
        if waiting {
            self.runner.look_now();
        }
        Ok(id)
    }
}
