//! The show itself: one message, then a new password.

use super::{
    client::{Reply, Session},
    show::{Show, Stopped},
    stage::{HOST, RECIPIENT, Stage, actor},
};
use crate::commands::user::reveal;
use outgate_core::{
    DeliveryStatus, domains,
    store::{DeliveryFilter, DeliveryRow},
    users,
};
use outgate_inbound::Captured;
use outgate_mail::dkim;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How long the message may take to arrive and to be settled.
const ARRIVAL: Duration = Duration::from_secs(20);
/// How often the store is asked whether it was.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Plays it.
pub(super) async fn run(stage: &mut Stage, show: &mut Show) -> Result<(), Stopped> {
    one_message(stage, show).await?;
    new_password(stage, show).await
}

async fn one_message(stage: &Stage, show: &mut Show) -> Result<(), Stopped> {
    show.heading("One message, as an application sends it:")?;
    let mut session = show.need("signed_in", Session::open(stage.submit_at).await)?;
    let reply =
        show.need("signed_in", session.sign_in(stage.user.username.as_str(), &stage.password).await)?;
    let reply = expect(show, "signed_in", 235, reply)?;
    show.done("signed_in", format!("{reply} ({}, PLAIN)", session.tls()))?;

    let from = format!("shop@{}", stage.domain);
    let message = format!(
        "From: The shop <{from}>\r\nTo: <{RECIPIENT}>\r\nSubject: Your order 4711\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nThank you. It is on its way.\r\n"
    );
    let began = Instant::now();
    let reply = show.need("accepted", session.send(&from, RECIPIENT, &message).await)?;
    let reply = expect(show, "accepted", 250, reply)?;
    show.done("accepted", reply.to_string())?;
    session.quit().await;

    let arrived = stage.capture.wait_for(1, ARRIVAL).await.ok().and_then(|messages| messages.last().cloned());
    let Some(arrived) = arrived else {
        return Err(show.failed("delivered", "the message did not arrive at the sink"));
    };
    signatures(stage, show, &arrived).await?;
    let Ok(row) = timeout(ARRIVAL, settled(stage)).await else {
        return Err(show.failed("delivered", "the delivery was not settled"));
    };
    let row = show.need("delivered", row)?;
    let reply = row.reply.unwrap_or_default();
    if row.status != DeliveryStatus::Delivered {
        return Err(show.failed("delivered", format!("{}: {reply}", row.status)));
    }
    show.done("delivered", format!("{reply} (after {} ms)", began.elapsed().as_millis()))
}

/// Looks at the signatures of what arrived, as a receiver would that finds the domain's records in DNS.
async fn signatures(stage: &Stage, show: &mut Show, arrived: &Captured) -> Result<(), Stopped> {
    let store = stage.relay.store();
    let (domain, keys) = show.need("signed", domains::keys(&*store, &stage.domain).await)?;
    let published = domains::records(&domain, &keys, HOST);
    let published: Vec<(&str, &str)> =
        published.iter().map(|record| (record.name.as_str(), record.value.as_str())).collect();
    let verdicts = dkim::verify(&arrived.content, &published);
    if verdicts.is_empty() {
        return Err(show.failed("signed", "the message arrived without a DKIM signature"));
    }
    let algorithms: Vec<&str> = verdicts.iter().map(|verdict| verdict.algorithm).collect();
    show.done("signed", format!("as {}: {}", stage.domain, algorithms.join(" and ")))?;
    for verdict in &verdicts {
        let right = match &verdict.outcome {
            Ok(()) if verdict.domain == stage.domain.as_str() => Ok(()),
            Ok(()) => Err(format!("signed as {} instead of {}", verdict.domain, stage.domain)),
            Err(why) => Err(format!("{} ({}): {why}", verdict.algorithm, verdict.selector)),
        };
        show.need("verified", right)?;
    }
    show.done("verified", "every signature is right, by the DNS records to publish")
}

/// Waits until the only delivery there is has ended.
async fn settled(stage: &Stage) -> Result<DeliveryRow, outgate_core::store::StoreError> {
    let filter = DeliveryFilter { user: Some(stage.user.username.clone()), ..DeliveryFilter::default() };
    loop {
        let page = stage.relay.store().deliveries(&filter, None, 1).await?;
        match page.rows.into_iter().next() {
            Some(row) if row.status.is_final() => return Ok(row),
            _ => sleep(LOOK_EVERY).await,
        }
    }
}

async fn new_password(stage: &mut Stage, show: &mut Show) -> Result<(), Stopped> {
    show.heading("A new password; the old one is dead at once:")?;
    let username = stage.user.username.clone();
    let issued = users::reset_password(stage.relay.ports(), &actor(), &username).await;
    let issued = show.need("reset", issued)?;
    let new = show.need("reset", reveal(issued.password))?.clone();
    let old = std::mem::replace(&mut stage.password, new);
    stage.user = issued.user;
    show.done("reset", format!("{username} has a new password"))?;

    for (step, password, code) in [("old_password", &old, 535), ("new_password", &stage.password, 235)] {
        let mut session = show.need(step, Session::open(stage.submit_at).await)?;
        let reply = show.need(step, session.sign_in(username.as_str(), password).await)?;
        let reply = expect(show, step, code, reply)?;
        show.done(step, reply.to_string())?;
        session.quit().await;
    }
    Ok(())
}

fn expect(show: &mut Show, step: &'static str, code: u16, reply: Reply) -> Result<Reply, Stopped> {
    if reply.code == code {
        Ok(reply)
    } else {
        Err(show.failed(step, format!("{code} was due, and it was: {reply}")))
    }
}
