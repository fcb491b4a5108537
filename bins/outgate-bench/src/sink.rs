//! An SMTP server that takes everything and accounts for each message.

mod account;
mod conversation;

use crate::{ledger::Ledger, message};
use account::Account;
use clap::Args;
use conversation::{Behaviour, converse};
use serde_json::Value;
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// How often the end of the run is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Args)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// Stop when so many different (message, recipient) pairs have come; without it, on SIGTERM or SIGINT.
    #[arg(long)]
    expect: Option<u64>,
    /// Stop, done or not, when nothing has come for so many seconds.
    #[arg(long)]
    give_up: Option<u64>,
    /// Once all expected have come, wait so many milliseconds for duplicates.
    #[arg(long, default_value_t = 0)]
    linger_ms: u64,
    /// File that gets `number place` for each arrival.
    #[arg(long)]
    received: Option<PathBuf>,
    /// Answer the final dot so many milliseconds late, as a far server would.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Answer each so-many-th final dot with 451.
    #[arg(long)]
    tempfail_every: Option<u64>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<Value> {
    let listener = TcpListener::bind(options.listen).await?;
    let mut stop = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let received = options.received.as_deref().map(Ledger::create).transpose()?;
    let account = Arc::new(Account::new(received));
    let behaviour = Arc::new(Behaviour {
        delay: Duration::from_millis(options.delay_ms),
        tempfail_every: options.tempfail_every,
        filler: message::filler(message::LARGEST.min(1024 * 1024)),
    });
    let mut complete_since = None;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (socket, _) = accepted?;
                tokio::spawn(converse(socket, Arc::clone(&account), Arc::clone(&behaviour)));
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.recv() => break,
            _ = interrupt.recv() => break,
        }
        if options.expect.is_some_and(|expected| account.distinct() >= expected) {
            let since = *complete_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= Duration::from_millis(options.linger_ms) {
                break;
            }
        }
        if options.give_up.is_some_and(|seconds| account.quiet_for() >= Duration::from_secs(seconds)) {
            break;
        }
    }
    Ok(account.report(options.expect))
}
