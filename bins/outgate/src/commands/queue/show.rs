//! `outgate queue show`

use super::Invocation;
use crate::{
    args::QueueId,
    exit::CommandError,
    output::{COLUMNS, counted, facts, moment, printable, prose, sender, view::ShownMessage, wrapped},
};
use outgate_core::{
    Attempt, DeliveryId, Transcript,
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
    history.attempts = attempts_of(id.delivery, history.attempts);
    Ok(history)
}

/// One delivery's attempts, with the transcripts that are kept with another's.
fn attempts_of(id: DeliveryId, all: Vec<(DeliveryId, Attempt)>) -> Vec<(DeliveryId, Attempt)> {
    let (mut own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(delivery, _)| *delivery == id);
    for (_, attempt) in &mut own {
        let Transcript::With(other) = attempt.path.transcript else { continue };
        let together = others.iter().find(|(id, one)| *id == other && one.started_at == attempt.started_at);
        if let Some((_, one)) = together {
            attempt.path.transcript = one.path.transcript.clone();
        }
    }
    own
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
            format!("{} {}{verified}", printable(&tls.version), printable(&tls.cipher))
        }
        None => "no TLS".to_owned(),
    });
    let said = attempt.reply.as_ref().map_or_else(|| attempt.reason.clone(), ToString::to_string);
    let mut text = format!("\n    {}  {}", moment(attempt.started_at), way.join(", "));
    text.push_str("\n        ");
    text.push_str(&printable(&said));
    let steps: Vec<String> =
        attempt.path.timings.taken().map(|(step, time)| format!("{step} {time} ms")).collect();
    if !steps.is_empty() {
        text.push_str("\n        ");
        text.push_str(&steps.join(", "));
    }
    text.push_str(&transcript(&attempt.path.transcript));
    text
}

/// A transcript, line by line, each broken under its own beginning.
fn transcript(transcript: &Transcript) -> String {
    if let Transcript::With(delivery) = transcript {
        return format!("\n{TRANSCRIPT}* tried together with {delivery}, which has the transcript");
    }
    let mut text = String::new();
    for line in transcript.lines().map(printable) {
        // What is wider than a terminal has a second line and more, under the words of the first.
        for (n, part) in wrapped(&line, COLUMNS - TRANSCRIPT.len() - 2).into_iter().enumerate() {
            let more = if n == 0 { "" } else { "  " };
            text.extend(["\n", TRANSCRIPT, more, part.as_str()]);
        }
    }
    text
}

/// Ahead of each line of a transcript.
const TRANSCRIPT: &str = "          ";

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

#[cfg(test)]
mod tests {
    use super::*;
    use outgate_core::{AttemptId, NetworkPath, Recording, Reply, Timestamp, Timings, TlsUsed};

    fn id<T>(from: impl Fn([u8; 16]) -> T, number: u8) -> T {
        from([number; 16])
    }

    fn attempt(number: u8, started_at: i64, transcript: Transcript) -> Attempt {
        let started_at = Timestamp::from_second(started_at).unwrap();
        Attempt {
            id: id(AttemptId::from_bytes, number),
            started_at,
            ended_at: started_at,
            path: NetworkPath { transcript, ..NetworkPath::default() },
            reply: None,
            class: None,
            reason: "no \u{1b}[31mreason".into(),
        }
    }

    fn said(what: &str) -> Transcript {
        let mut recording = Recording::default();
        recording.note(what);
        recording.finish()
    }

    #[test]
    fn an_attempt_is_told_whole_and_harmless() {
        let mut recording = Recording::default();
        recording.sent("MAIL FROM:<a@example.com>");
        let long = "word ".repeat(30);
        recording.heard(&Reply { code: 450, enhanced: None, lines: vec![format!("\u{202e}{long}")] });
        let mut attempt = attempt(1, 1_800_000_000, recording.finish());
        attempt.path.host = Some("mx.example.org".into());
        attempt.path.address = Some("192.0.2.1:25".parse().unwrap());
        attempt.path.tls = Some(TlsUsed {
            version: "TLSv1.3".into(),
            cipher: "TLS13_AES_256_GCM_SHA384".into(),
            verified: Some(false),
            fault: Some("expired".into()),
        });
        attempt.path.timings = Timings { dns: Some(3), content: Some(40), ..Timings::default() };
        let told = tried(&attempt);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines[..5],
            [
                "",
                "    2027-01-15 08:00:00Z  mx.example.org, 192.0.2.1:25, TLSv1.3 TLS13_AES_256_GCM_SHA384, certificate not valid",
                "        no \u{fffd}[31mreason",
                "        dns 3 ms, content 40 ms",
                "          > MAIL FROM:<a@example.com>",
            ]
        );
        assert!(lines[5].starts_with("          < 450 \u{fffd}word word"), "{told}");
        assert!(lines[6].starts_with("            word"), "{told}");
        assert!(lines[5..].iter().all(|line| line.chars().count() <= COLUMNS), "{told}");
    }

    #[test]
    fn a_delivery_alone_has_the_transcript_that_is_kept_with_another() {
        let (a, b) = (id(DeliveryId::from_bytes, 1), id(DeliveryId::from_bytes, 2));
        let all = vec![
            (a, attempt(1, 10, said("first"))),
            (b, attempt(2, 10, Transcript::With(a))),
            (a, attempt(3, 20, said("second"))),
            (b, attempt(4, 30, said("its own"))),
            (b, attempt(5, 40, Transcript::With(a))),
        ];
        let together = tried(&all[1].1);
        assert!(together.contains(&format!("together with {a}")), "{together}");
        let own: Vec<Transcript> =
            attempts_of(b, all).into_iter().map(|(_, attempt)| attempt.path.transcript).collect();
        assert_eq!(own, [said("first"), said("its own"), Transcript::With(a)]);
    }
}
