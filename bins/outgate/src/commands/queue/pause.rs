//! `outgate queue pause | resume`

use super::{Invocation, paused_words};
use crate::{
    args::PauseArgs,
    exit::CommandError,
    output::{scope_words, view::Paused},
};
use outgate_core::store::PauseScope;
use outgate_relay::Admin;

pub(super) async fn pause(
    invocation: &Invocation,
    admin: &Admin,
    args: PauseArgs,
) -> Result<(), CommandError> {
    let scope = scope(args);
    admin.store().pause(&scope, admin.actor(), admin.clock().now()).await?;
    let paused = admin.store().paused().await?;
    invocation.output.tell(&Paused { paused: &paused }, || {
        format!("Paused. Mail is still taken in, and waits.\n{}", paused_words(&paused))
    })?;
    Ok(())
}

pub(super) async fn resume(
    invocation: &Invocation,
    admin: &Admin,
    args: PauseArgs,
) -> Result<(), CommandError> {
    let scope = scope(args);
    admin.store().resume(&scope, admin.actor(), admin.clock().now()).await?;
    let paused = admin.store().paused().await?;
    invocation.output.tell(&Paused { paused: &paused }, || {
        let still = if paused.is_empty() { String::new() } else { format!("\n{}", paused_words(&paused)) };
        format!("Resumed: {}.{still}", scope_words(&scope))
    })?;
    Ok(())
}

fn scope(args: PauseArgs) -> PauseScope {
    match (args.destination, args.domain) {
        (Some(destination), _) => PauseScope::Destination(destination),
        (None, Some(domain)) => PauseScope::Domain(domain),
        (None, None) => PauseScope::Everything,
    }
}
