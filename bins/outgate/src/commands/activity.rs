//! `outgate activity`

mod follow;

use super::{Invocation, pages};
use crate::{
    args::ActivityArgs,
    exit::{CommandError, Status},
    output::{delivery_block, prose, view::ShownDelivery},
};
use outgate_relay::Opening;

/// How many deliveries people are shown unless they ask for more.
pub(super) const SHOWN: usize = 50;

pub(crate) async fn run(invocation: &Invocation, args: ActivityArgs) -> Result<Status, CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    let filter = args.filter.at(admin.clock().now());
    if args.follow {
        return follow::run(invocation, admin.store(), &filter).await;
    }
    let output = invocation.output;
    let limit = args.limit.or((!output.is_json()).then_some(SHOWN));
    let read = pages::deliveries(admin.store(), &filter, limit, |row| {
        Ok(output.tell(&ShownDelivery::of(row), || delivery_block(row))?)
    })
    .await?;
    if read.count == 0 {
        output.line(&prose(
            "No deliveries to tell of. `outgate activity --follow` waits for the next; without flags it shows all \
             there are.",
        ))?;
    } else if read.more {
        output.line(&more(read.count))?;
    }
    Ok(Status::Done)
}

/// What follows a list that was cut.
pub(super) fn more(shown: usize) -> String {
    let hint = format!(
        "These are the newest {shown}; there are more. Narrow them down, or ask for more with --limit."
    );
    format!("\n{}", prose(&hint))
}
