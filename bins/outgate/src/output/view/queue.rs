//! Messages, deliveries and what is done to them.

use outgate_core::{
    Attempt, AttemptId, DeliveryId, DeliveryStatus, Destination, DomainName, EmailAddress, FailureClass,
    MessageId, Timestamp, Timings, Transcript, Username,
    store::{DeliveryRow, MessageHistory, PauseScope, QueueSummary},
};
use serde::Serialize;
use std::net::SocketAddr;

/// `queue summary`.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pending: u64,
    deferred: u64,
    held: u64,
    oldest_at: Option<Timestamp>,
    paused: bool,
}

impl Summary {
    pub(crate) fn of(summary: &QueueSummary) -> Self {
        let QueueSummary { pending, deferred, held, oldest_at, paused } = *summary;
        Self { pending, deferred, held, oldest_at, paused }
    }
}

/// A line of `activity`.
#[derive(Debug, Serialize)]
pub(crate) struct ShownDelivery<'a> {
    message_id: MessageId,
    delivery_id: DeliveryId,
    at: Timestamp,
    domain: &'a DomainName,
    username: &'a Username,
    /// Empty for `<>`.
    sender: String,
    recipient: &'a EmailAddress,
    subject: Option<&'a str>,
    status: DeliveryStatus,
    reply: Option<&'a str>,
    attempts: u32,
    next_attempt_at: Option<Timestamp>,
}

impl<'a> ShownDelivery<'a> {
    pub(crate) fn of(row: &'a DeliveryRow) -> Self {
        Self {
            message_id: row.message,
            delivery_id: row.delivery,
            at: row.at,
            domain: &row.domain,
            username: &row.username,
            sender: row.sender.to_string(),
            recipient: &row.recipient,
            subject: row.subject.as_deref(),
            status: row.status,
            reply: row.reply.as_deref(),
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
        }
    }
}

/// A line of `queue list`.
#[derive(Debug, Serialize)]
pub(crate) struct Queued<'a> {
    #[serde(flatten)]
    delivery: ShownDelivery<'a>,
    destination: &'a Destination,
}

impl<'a> Queued<'a> {
    pub(crate) fn of(row: &'a DeliveryRow) -> Self {
        Self { delivery: ShownDelivery::of(row), destination: &row.destination }
    }
}

/// `queue show`.
#[derive(Debug, Serialize)]
pub(crate) struct ShownMessage<'a> {
    message_id: MessageId,
    size: u64,
    /// Its bytes go when its last delivery ends.
    content_kept: bool,
    deliveries: Vec<Queued<'a>>,
    /// Oldest first.
    attempts: Vec<Tried<'a>>,
}

impl<'a> ShownMessage<'a> {
    pub(crate) fn of(history: &'a MessageHistory) -> Self {
        Self {
            message_id: history.message,
            size: history.size,
            content_kept: history.content_kept,
            deliveries: history.deliveries.iter().map(Queued::of).collect(),
            attempts: history.attempts.iter().map(|(id, attempt)| Tried::of(*id, attempt)).collect(),
        }
    }
}

/// One attempt in `queue show`.
#[derive(Debug, Serialize)]
pub(crate) struct Tried<'a> {
    attempt_id: AttemptId,
    delivery_id: DeliveryId,
    started_at: Timestamp,
    ended_at: Timestamp,
    host: Option<&'a str>,
    address: Option<SocketAddr>,
    /// As `TLSv1.3`; null without TLS.
    tls: Option<&'a str>,
    cipher: Option<&'a str>,
    /// Null when nobody asked.
    certificate_valid: Option<bool>,
    /// What was wrong with it.
    certificate_fault: Option<&'a str>,
    /// The remote server's words, whole.
    reply: Option<String>,
    /// Null for success.
    failure: Option<FailureClass>,
    reason: &'a str,
    /// How long each step took that was taken.
    timings_ms: Timings,
    /// Line by line, raw.
    transcript: Vec<&'a str>,
    /// The delivery whose attempt, begun at the same time, has the transcript: they were made together.
    transcript_with: Option<DeliveryId>,
}

impl<'a> Tried<'a> {
    fn of(delivery_id: DeliveryId, attempt: &'a Attempt) -> Self {
        let tls = attempt.path.tls.as_ref();
        Self {
            attempt_id: attempt.id,
            delivery_id,
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
            host: attempt.path.host.as_deref(),
            address: attempt.path.address,
            tls: tls.map(|tls| tls.version.as_str()),
            cipher: tls.map(|tls| tls.cipher.as_str()),
            certificate_valid: tls.and_then(|tls| tls.verified),
            certificate_fault: tls.and_then(|tls| tls.fault.as_deref()),
            reply: attempt.reply.as_ref().map(ToString::to_string),
            failure: attempt.class,
            reason: &attempt.reason,
            timings_ms: attempt.path.timings,
            transcript: attempt.path.transcript.lines().collect(),
            transcript_with: match attempt.path.transcript {
                Transcript::With(delivery) => Some(delivery),
                Transcript::Unknown | Transcript::Said(_) => None,
            },
        }
    }
}

/// `queue hold`, `release`, `retry`, `cancel`.
#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    /// What was done, as the command is called.
    pub(crate) action: &'static str,
    /// To how many deliveries.
    pub(crate) count: u64,
}

/// `queue pause`, `queue resume`: what is paused now.
#[derive(Debug, Serialize)]
pub(crate) struct Paused<'a> {
    pub(crate) paused: &'a [PauseScope],
}
