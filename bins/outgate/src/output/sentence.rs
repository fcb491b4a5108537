//! An event in words.

use super::{counted, lines::sender, moment, printable};
use outgate_core::{Actor, Event, EventKind, SettledRecipient, store::PauseScope};

/// One event as one line for people.
pub(crate) fn sentence(event: &Event) -> String {
    let by = match &event.actor {
        Actor::Operator { name } => format!(" (by {})", printable(name)),
        Actor::User { .. } | Actor::System => String::new(),
    };
    format!("{}  {}{by}", moment(event.at), what(&event.kind))
}

fn what(kind: &EventKind) -> String {
    match kind {
        EventKind::DomainAdded { name, trusted: true, .. } => format!("domain {name} added, trusted"),
        EventKind::DomainAdded { name, trusted: false, .. } => format!("domain {name} added"),
        EventKind::DomainDeleted { name, users, .. } => {
            format!("domain {name} deleted with {}", counted(*users, "SMTP user"))
        }
        EventKind::DomainVerification { name, from, to, .. } => {
            format!("domain {name} was {}, is {} by its DNS records", from.as_str(), to.as_str())
        }
        EventKind::UserAdded { username, name, .. } => {
            format!("SMTP user {username} “{}” added", printable(name.as_str()))
        }
        EventKind::UserRenamed { username, name, .. } => {
            format!("SMTP user {username} renamed to “{}”", printable(name.as_str()))
        }
        EventKind::UserDisabled { username, .. } => format!("SMTP user {username} disabled"),
        EventKind::UserEnabled { username, .. } => format!("SMTP user {username} enabled"),
        EventKind::PasswordReset { username, .. } => format!("SMTP user {username} has a new password"),
        EventKind::UserDeleted { username, .. } => format!("SMTP user {username} deleted"),
        EventKind::LoginNoted { username, connection, .. } => format!(
            "SMTP user {username} signed in from {} ({}, {}, {})",
            connection.address,
            printable(&connection.client),
            printable(&connection.tls),
            connection.mechanism.as_str(),
        ),
        EventKind::MessageAccepted { message, username, sender: path, size, recipients, .. } => format!(
            "message {message} accepted from {username}: {} to {}, {}",
            printable(&sender(path)),
            counted(recipients.len() as u64, "recipient"),
            counted(*size, "byte"),
        ),
        EventKind::MessageSettled { message, results, .. } => {
            let results: Vec<String> = results.iter().map(settled).collect();
            format!("message {message}: {}", results.join("; "))
        }
        EventKind::MessageDamaged { message } => {
            format!("message {message} is damaged in the store, and was held")
        }
        EventKind::DeliveriesHeld { count } => format!("{} held", counted(*count, "delivery")),
        EventKind::DeliveriesReleased { count } => format!("{} released", counted(*count, "delivery")),
        EventKind::DeliveriesRetried { count } => format!("{} made due", counted(*count, "delivery")),
        EventKind::DeliveriesCancelled { count } => format!("{} cancelled", counted(*count, "delivery")),
        EventKind::DeliveryPaused { scope } => format!("{} paused", scope_words(scope)),
        EventKind::DeliveryResumed { scope } => format!("{} resumed", scope_words(scope)),
    }
}

fn settled(result: &SettledRecipient) -> String {
    let reply =
        if result.reply.is_empty() { String::new() } else { format!(" ({})", printable(&result.reply)) };
    let next = result.next_attempt_at.map_or_else(String::new, |next| format!(", next try {}", moment(next)));
    format!("{} {}{reply}{next}", printable(&result.recipient.to_string()), result.status)
}

/// What a pause covers, in words.
pub(crate) fn scope_words(scope: &PauseScope) -> String {
    match scope {
        PauseScope::Everything => "all deliveries".to_owned(),
        PauseScope::Domain(name) => format!("deliveries of {name}"),
        PauseScope::Destination(name) => format!("deliveries to {}", printable(name.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_read_as_sentences() {
        let at = "2026-11-21T19:21:00Z".parse().unwrap();
        let operator = Actor::Operator { name: "root".to_owned() };
        for (actor, kind, text) in [
            (operator.clone(), EventKind::DeliveriesHeld { count: 1 }, "1 delivery held (by root)"),
            (
                operator,
                EventKind::DeliveryPaused { scope: PauseScope::Domain("example.test".parse().unwrap()) },
                "deliveries of example.test paused (by root)",
            ),
            (
                Actor::System,
                EventKind::PasswordReset {
                    user: outgate_core::UserId::from_bytes([7; 16]),
                    username: "k7m2abcdefghjk".parse().unwrap(),
                },
                "SMTP user k7m2abcdefghjk has a new password",
            ),
        ] {
            let event = Event { at, actor, kind };
            assert_eq!(sentence(&event), format!("2026-11-21 19:21:00Z  {text}"));
        }
    }
}
