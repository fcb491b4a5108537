//! `outgate serve`

use super::Invocation;
use crate::{
    exit::{CommandError, Status},
    logging,
    output::{Output, view::Listening},
};
use outgate_relay::{Addresses, LogFormat, Relay, Source};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(crate) async fn run(invocation: &Invocation) -> Result<Status, CommandError> {
    let loaded = invocation.load()?;
    let level = logging::start(&loaded.config.log);
    let json = invocation.output.is_json() || loaded.config.log.format == LogFormat::Json;
    match &loaded.source {
        Source::File(file) => tracing::info!(file = %file.display(), "configuration read"),
        Source::Defaults => tracing::info!(
            data = %loaded.config.data_dir.display(),
            "no configuration file: serving on the loopback interface with the defaults"
        ),
    }
    raise_file_limit();
    // Listened for before the start, so that a signal during it is not lost.
    let mut signals = Signals::new()?;
    let relay = tokio::select! {
        started = Relay::builder(loaded.config).start() => started?,
        () = signals.end() => return Ok(Status::Done),
    };
    if relay.is_self_signed() {
        tracing::warn!(
            "the certificate is self-signed: applications must be told to accept it; set [tls] in the configuration to \
             use another"
        );
    }
    announce(Output::new(json), relay.addresses());
    while signals.next().await == Wish::Reload {
        reload(invocation, &relay, &level);
    }
    tracing::info!(
        "stopping: taking nothing more in, finishing what is under way; a second signal ends it at once"
    );
    tokio::select! {
        () = relay.stop() => {
            tracing::info!("stopped");
            Ok(Status::Done)
        }
        () = signals.end() => Err(CommandError::Failed(
            "ended at once by a second signal; what was accepted is kept, and goes on after the next start".to_owned(),
        )),
    }
}

/// Tells every listener, one line each. Whoever reads may have gone: the relay stays.
fn announce(output: Output, addresses: &Addresses) {
    let starttls =
        addresses.starttls.iter().map(|address| ("starttls", "submission with STARTTLS", *address));
    let implicit = addresses
        .implicit_tls
        .iter()
        .map(|address| ("implicit_tls", "submission with TLS from the start", *address));
    let http = [("http", "health and metrics over HTTP", addresses.http)];
    for (listener, words, address) in starttls.chain(implicit).chain(http) {
        let told = output.tell(&Listening { listener, address }, || format!("ready: {words} on {address}"));
        if let Err(error) = told {
            tracing::debug!(%error, "nobody reads standard output");
        }
    }
}

/// Reads the configuration again and takes over what can change while the relay runs.
fn reload(invocation: &Invocation, relay: &Relay, level: &logging::Level) {
    let reloaded =
        invocation.load().and_then(|loaded| Ok((relay.reload(&loaded.config)?, loaded.config.log)));
    match reloaded {
        Ok((mut waiting, log)) => {
            level.set(&log);
            // Of the log only the format waits.
            waiting.retain(|section| *section != "log" || log.format != relay.config().log.format);
            if waiting.is_empty() {
                tracing::info!("reloaded");
            } else {
                tracing::warn!(
                    sections = waiting.join(", "),
                    "reloaded; these sections wait for the next start"
                );
            }
        }
        Err(error) => tracing::error!(%error, "not reloaded: everything stays as it was"),
    }
}

/// Connections are open files: takes as many as the system allows.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, limit = ?limit.current, "the limit of open files stays as it was");
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    End,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal.
    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::End,
            _ = self.interrupt.recv() => Wish::End,
            _ = self.reload.recv() => Wish::Reload,
        }
    }

    /// Waits until somebody wants the relay to end.
    async fn end(&mut self) {
        while self.next().await != Wish::End {}
    }
}
