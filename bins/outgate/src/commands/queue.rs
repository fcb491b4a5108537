//! `outgate queue …`

mod change;
mod pause;
mod show;

use super::{Invocation, activity, pages};
use crate::{
    args::{Filter, QueueCommand},
    exit::{CommandError, Status},
    output::{
        counted, delivery_block, facts, moment, printable, scope_words,
        view::{Queued, Summary},
    },
};
use change::Action;
use outgate_core::{
    DeliveryStatus,
    store::{DeliveryFilter, PauseScope},
};
use outgate_relay::{Admin, Opening};

/// What is still on its way.
const OPEN: [DeliveryStatus; 3] = [DeliveryStatus::Pending, DeliveryStatus::Deferred, DeliveryStatus::Held];

pub(crate) async fn run(invocation: &Invocation, command: QueueCommand) -> Result<Status, CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    match command {
        QueueCommand::Summary => summary(invocation, &admin).await?,
        QueueCommand::List { filter, limit } => list(invocation, &admin, &filter, limit).await?,
        QueueCommand::Show { id } => show::run(invocation, &admin, id).await?,
        QueueCommand::Retry(change) => change::run(invocation, &admin, Action::Retry, &change).await?,
        QueueCommand::Hold(change) => change::run(invocation, &admin, Action::Hold, &change).await?,
        QueueCommand::Release(change) => change::run(invocation, &admin, Action::Release, &change).await?,
        QueueCommand::Cancel(change) => change::run(invocation, &admin, Action::Cancel, &change).await?,
        QueueCommand::Pause(args) => pause::pause(invocation, &admin, args).await?,
        QueueCommand::Resume(args) => pause::resume(invocation, &admin, args).await?,
    }
    Ok(Status::Done)
}

async fn summary(invocation: &Invocation, admin: &Admin) -> Result<(), CommandError> {
    let summary = admin.store().summary().await?;
    let paused = admin.store().paused().await?;
    invocation.output.tell(&Summary::of(&summary), || {
        let total = summary.pending + summary.deferred + summary.held;
        let text = if total == 0 {
            "The queue is empty. `outgate activity` tells what became of the mail.".to_owned()
        } else {
            let rows = [
                ("Pending", summary.pending.to_string()),
                ("Deferred", summary.deferred.to_string()),
                ("Held", summary.held.to_string()),
                ("Oldest", summary.oldest_at.map_or_else(String::new, moment)),
            ];
            format!("On the way: {}\n\n{}", counted(total, "delivery"), facts(&rows))
        };
        if paused.is_empty() { text } else { format!("{text}\n\n{}", paused_words(&paused)) }
    })?;
    Ok(())
}

/// What is paused, with what ends it.
fn paused_words(paused: &[PauseScope]) -> String {
    let lines: Vec<String> = paused
        .iter()
        .map(|scope| {
            let flag = match scope {
                PauseScope::Everything => String::new(),
                PauseScope::Domain(name) => format!(" --domain {name}"),
                PauseScope::Destination(name) => format!(" --destination {}", printable(name.as_str())),
            };
            format!("Paused: {}; `outgate queue resume{flag}` lets them go on.", scope_words(scope))
        })
        .collect();
    lines.join("\n")
}

async fn list(
    invocation: &Invocation,
    admin: &Admin,
    filter: &Filter,
    limit: Option<usize>,
) -> Result<(), CommandError> {
    let filter = filter.at(admin.clock().now());
    let statuses = if filter.statuses.is_empty() { OPEN.to_vec() } else { filter.statuses };
    let filter = DeliveryFilter { statuses, ..filter };
    let output = invocation.output;
    let limit = limit.or((!output.is_json()).then_some(activity::SHOWN));
    let read = pages::deliveries(admin.store(), &filter, limit, |row| {
        Ok(output.tell(&Queued::of(row), || {
            format!("{}  to {}", delivery_block(row), printable(row.destination.as_str()))
        })?)
    })
    .await?;
    if read.count == 0 {
        output.line("Nothing of that is queued. `outgate activity` tells what became of the mail.")?;
    } else if read.more {
        output.line(&activity::more(read.count))?;
    }
    Ok(())
}
