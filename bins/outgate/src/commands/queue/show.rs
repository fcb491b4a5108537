//! `outgate queue show`

use super::Invocation;
use crate::{
    args::QueueId,
    exit::CommandError,
    output::{counted, facts, moment, printable, prose, sender, view::ShownMessage},
};
use outgate_core::{
    Attempt, DeliveryId,
    store::{DeliveryRow, MessageHistory},
};
use outgate_relay::Admin;

pub(super) async fn run(invocation: &Invocation, admin: &Admin, id: QueueId) -> Result<(), CommandError> {
    let history = find(admin, id).await?;
    invocation.output.tell(&ShownMessage::of(&history), || text(&history))?;
    Ok(())
}

/// The message with this id; by a delivery's id, its message with that delivery alone.
async fn find(admin: &Admin, id: QueueId) -> Result<MessageHistory, CommandError> {
    let missing = || CommandError::NotInQueue(id.to_string());
    if let Some(history) = admin.store().message(id.message).await? {
        return Ok(history);
    }
    let message = admin.store().message_of(id.delivery).await?.ok_or_else(missing)?;
    let mut history = admin.store().message(message).await?.ok_or_else(missing)?;
    history.deliveries.retain(|row| row.delivery == id.delivery);
    history.attempts.retain(|(delivery, _)| *delivery == id.delivery);
    Ok(history)
}

fn text(history: &MessageHistory) -> String {
    let mut rows = vec![("Message", history.message.to_string())];
    if let Some(first) = history.deliveries.first() {
        rows.push(("Subject", first.subject.as_deref().map(printable).unwrap_or_default().into_owned()));
        rows.push(("From", printable(&sender(&first.sender)).into_owned()));
        rows.push(("SMTP user", first.username.to_string()));
        rows.push(("Accepted", moment(first.at)));
    }
    let kept = if history.content_kept { "" } else { ", no longer kept: nothing of it is on its way" };
    rows.push(("Size", format!("{}{kept}", counted(history.size, "byte"))));
    let mut text = facts(&rows);
    for row in &history.deliveries {
        text.push_str("\n\n");
        text.push_str(&delivery(row));
        for (_, attempt) in history.attempts.iter().filter(|(id, _)| *id == row.delivery) {
            text.push_str(&tried(attempt));
        }
    }
    text.push_str(&hint(&history.deliveries));
    text
}

fn delivery(row: &DeliveryRow) -> String {
    let next = row.next_attempt_at.map_or_else(String::new, |at| format!(", next try {}", moment(at)));
    format!(
        "{} → {}  ({})\n    {}{next}",
        row.status,
        printable(&row.recipient.to_string()),
        printable(row.destination.as_str()),
        row.delivery,
    )
}

fn tried(attempt: &Attempt) -> String {
    let mut way = Vec::new();
    if let Some(host) = &attempt.path.host {
        way.push(printable(host).into_owned());
    }
    if let Some(address) = attempt.path.address {
        way.push(address.to_string());
    }
    way.push(match &attempt.path.tls {
        Some(tls) => {
            let verified = match tls.verified {
                Some(true) => ", valid certificate",
                Some(false) => ", certificate not valid",
                None => "",
            };
            format!("{}{verified}", printable(&tls.version))
        }
        None => "no TLS".to_owned(),
    });
    let said = attempt.reply.as_ref().map_or_else(|| attempt.reason.clone(), ToString::to_string);
    format!("\n    {}  {}\n        {}", moment(attempt.started_at), way.join(", "), printable(&said))
}

/// What can be done, if anything is still open.
fn hint(deliveries: &[DeliveryRow]) -> String {
    let open: Vec<DeliveryId> =
        deliveries.iter().filter(|row| !row.status.is_final()).map(|row| row.delivery).collect();
    let (id, what) = match open.as_slice() {
        [] => return String::new(),
        [one] => (one.to_string(), "it"),
        [..] => (deliveries[0].message.to_string(), "all of it"),
    };
    let hint =
        format!("`outgate queue retry {id}` tries {what} now; hold, release and cancel work the same way.");
    format!("\n\n{}", prose(&hint))
}
