//! The sink: a mail server on a free port that takes everything and delivers nothing.

use outgate_inbound::Capture;
use outgate_listen::{Counters, Listeners, OpenError, Opening, Rules};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long sessions at the sink may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// A running sink.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Sink {
    /// Opens a listener for `capture` on a free loopback port.
    pub(super) fn open(capture: &Arc<Capture>) -> Result<Self, OpenError> {
        let mut listeners = Listeners::new(Rules::default(), Arc::new(Counters::default()));
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = listeners.open(any, Opening::Clear, Arc::clone(capture) as _, None)?;
        let stop = CancellationToken::new();
        let until = stop.clone();
        let running = tokio::spawn(async move {
            // What is left over has nobody waiting for it: the sink goes with the show.
            let _ = listeners.run(until, GRACE).await;
        });
        Ok(Self { address, stop, running })
    }

    /// Ends it.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        // It ended or it panicked: either way it is over.
        let _ = self.running.await;
    }
}
