//! The JSON shapes that scripts rely on. They change only on purpose; a new field may be added, none taken away.

use outgate_core::{
    AttemptId, Attempt, DeliveryId, DeliveryStatus, Destination, Domain, DomainId, DomainName, DomainState,
    EmailAddress, Event, FailureClass, LastConnection, MessageId, Mechanism, Timestamp, User, UserId, UserName,
    UserState, Username,
    domains::{DnsRecord, RecordCheck, RecordVerdict},
    store::{DeliveryRow, MessageHistory, PauseScope, QueueSummary},
};
use serde::Serialize;
use std::net::SocketAddr;

/// Where an application submits.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Smtp {
    pub(crate) host: String,
    pub(crate) starttls_port: Option<u16>,
    pub(crate) implicit_tls_port: Option<u16>,
    pub(crate) mechanisms: [Mechanism; 2],
}

/// What is told of an SMTP user in every shape.
#[derive(Debug, Serialize)]
pub(crate) struct UserFacts<'a> {
    pub(crate) id: UserId,
    pub(crate) domain: &'a DomainName,
    pub(crate) name: &'a UserName,
    pub(crate) username: &'a Username,
    pub(crate) created_at: Timestamp,
    pub(crate) smtp: &'a Smtp,
    pub(crate) example_sender: String,
}

impl<'a> UserFacts<'a> {
    pub(crate) fn of(user: &'a User, smtp: &'a Smtp) -> Self {
        Self {
            id: user.id,
            domain: &user.domain_name,
            name: &user.name,
            username: &user.username,
            created_at: user.created_at,
            smtp,
            example_sender: format!("anything@{}", user.domain_name),
        }
    }
}

/// `user add`, `user reset`.
#[derive(Debug, Serialize)]
pub(crate) struct Credentials<'a> {
    #[serde(flatten)]
    pub(crate) facts: UserFacts<'a>,
    /// Left out when it was written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<&'a str>,
}

/// `user show`, and each item of `user list`.
#[derive(Debug, Serialize)]
pub(crate) struct ShownUser<'a> {
    #[serde(flatten)]
    pub(crate) facts: UserFacts<'a>,
    pub(crate) state: UserState,
    pub(crate) last_connection: Option<&'a LastConnection>,
}

impl<'a> ShownUser<'a> {
    pub(crate) fn of(user: &'a User, smtp: &'a Smtp) -> Self {
        Self {
            facts: UserFacts::of(user, smtp),
            state: user.state,
            last_connection: user.last_connection.as_ref(),
        }
    }
}

/// `domain show`, and each item of `domain list`.
#[derive(Debug, Serialize)]
pub(crate) struct ShownDomain<'a> {
    id: DomainId,
    name: &'a DomainName,
    state: DomainState,
    trusted: bool,
    created_at: Timestamp,
    users: u64,
}

impl<'a> ShownDomain<'a> {
    pub(crate) fn of(domain: &'a Domain) -> Self {
        Self {
            id: domain.id,
            name: &domain.name,
            state: domain.state,
            trusted: domain.trusted,
            created_at: domain.created_at,
            users: domain.users,
        }
    }
}

/// `domain add`: the domain, and the user that was made with it.
#[derive(Debug, Serialize)]
pub(crate) struct AddedDomain<'a> {
    #[serde(flatten)]
    pub(crate) domain: ShownDomain<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<Credentials<'a>>,
}

/// Each item of `domain records`.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    purpose: &'static str,
    r#type: &'static str,
    name: &'a str,
    value: &'a str,
    required: bool,
}

impl<'a> Record<'a> {
    pub(crate) fn of(record: &'a DnsRecord) -> Self {
        Self {
            purpose: record.purpose.as_str(),
            r#type: record.record_type.as_str(),
            name: &record.name,
            value: &record.value,
            required: record.required,
        }
    }
}

/// `domain check`.
#[derive(Debug, Serialize)]
pub(crate) struct CheckedDomain<'a> {
    pub(crate) name: &'a DomainName,
    /// Before the check.
    pub(crate) before: DomainState,
    pub(crate) state: DomainState,
    pub(crate) records: Vec<CheckedRecord<'a>>,
}

/// One record in `domain check`.
#[derive(Debug, Serialize)]
pub(crate) struct CheckedRecord<'a> {
    #[serde(flatten)]
    record: Record<'a>,
    /// `right`, `missing`, `wrong`, or `unknown` when DNS did not answer.
    verdict: &'static str,
    found: &'a [String],
    remedy: Option<String>,
}

impl<'a> CheckedRecord<'a> {
    pub(crate) fn of(check: &'a RecordCheck, verdict: &'static str, remedy: Option<String>) -> Self {
        let found = match &check.verdict {
            RecordVerdict::Wrong { found } => found.as_slice(),
            RecordVerdict::Right | RecordVerdict::Missing | RecordVerdict::Unknown { .. } => &[],
        };
        Self { record: Record::of(&check.record), verdict, found, remedy }
    }
}

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
pub(crate) struct Delivery<'a> {
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

impl<'a> Delivery<'a> {
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
    delivery: Delivery<'a>,
    destination: &'a Destination,
}

impl<'a> Queued<'a> {
    pub(crate) fn of(row: &'a DeliveryRow) -> Self {
        Self { delivery: Delivery::of(row), destination: &row.destination }
    }
}

/// `queue show`.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    message_id: MessageId,
    size: u64,
    /// Its bytes go when its last delivery ends.
    content_kept: bool,
    deliveries: Vec<Queued<'a>>,
    /// Oldest first.
    attempts: Vec<Tried<'a>>,
}

impl<'a> Message<'a> {
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
    /// Null when nobody asked.
    certificate_valid: Option<bool>,
    /// The remote server's words, whole.
    reply: Option<String>,
    /// Null for success.
    failure: Option<FailureClass>,
    reason: &'a str,
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
            certificate_valid: tls.and_then(|tls| tls.verified),
            reply: attempt.reply.as_ref().map(ToString::to_string),
            failure: attempt.class,
            reason: &attempt.reason,
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

/// A line of `events`.
#[derive(Debug, Serialize)]
pub(crate) struct Logged<'a> {
    pub(crate) cursor: &'a str,
    #[serde(flatten)]
    pub(crate) event: &'a Event,
}

/// `config check`.
#[derive(Debug, Serialize)]
pub(crate) struct CheckedConfig {
    /// Null for the defaults.
    pub(crate) file: Option<String>,
    pub(crate) hostname: String,
    pub(crate) data_dir: String,
}

/// `backup`.
#[derive(Debug, Serialize)]
pub(crate) struct BackedUp {
    pub(crate) file: String,
    pub(crate) bytes: u64,
}

/// A line of `serve`: something listens.
#[derive(Debug, Serialize)]
pub(crate) struct Listening {
    /// `starttls`, `implicit_tls` or `http`.
    pub(crate) listener: &'static str,
    pub(crate) address: SocketAddr,
}

/// `try`.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    /// Whether every step went well.
    pub(crate) ok: bool,
    pub(crate) steps: &'a [Step],
    /// With the password that works until the end; null when no user was made.
    pub(crate) credentials: Option<Credentials<'a>>,
}

/// One step of `try`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) step: &'static str,
    pub(crate) ok: bool,
    pub(crate) detail: String,
}
